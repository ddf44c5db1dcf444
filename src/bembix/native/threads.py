"""What each thread has for itself: its thread block, made at its first entry into Wasm and freed some
time after it ended.

Source: POSIX thread-specific data; pthread_getattr_np(3).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bembix.compile.layout import Thread
from bembix.native import memory, platform, state
from bembix.native.libc import libc, library_address
from bembix.native.state import State

#: Stack left below the limit, for the host functions and the compiler that run there; at most a quarter of the stack.
MARGIN: Final = 1 << 20
#: Stack used at most, also where the system sets no limit.
MAX_STACK: Final = 64 << 20
_ATTRIBUTES_SIZE: Final = 128  # of pthread_attr_t, at least

_getspecific = libc.pthread_getspecific
_getspecific.restype, _getspecific.argtypes = ctypes.c_void_p, [ctypes.c_uint]
_setspecific = libc.pthread_setspecific
_setspecific.argtypes = [ctypes.c_uint, ctypes.c_void_p]
_calloc = libc.calloc
_calloc.restype, _calloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t, ctypes.c_size_t]


def _make_key(destructor: str | None = None) -> int:
    """Make a key.  destructor: the function of the C library that is called with its value when a thread ends."""
    key = ctypes.c_uint()
    function = ctypes.c_void_p(library_address(destructor)) if destructor else None
    if libc.pthread_key_create(ctypes.byref(key), function):
        raise MemoryError("no thread-specific data key is left")
    return key.value


_key: Final = _make_key()
state.set_word(State.KEY, _key)
#: Holds the address of the word that says that the thread has ended: the one thing to do at that point, which no lock
#: protects, is to set it.
_ended_key: Final = _make_key("sem_post")
_free = libc.free
_free.restype, _free.argtypes = None, [ctypes.c_void_p]
_syscall = libc.syscall
_syscall.restype = ctypes.c_long
#: The blocks of all threads but for those that ended before another one began.
_blocks: Final[list[int]] = []
_lock: Final = threading.RLock()


def current() -> int:
    """Return the address of this thread's block, or 0 where it has none."""
    address: int | None = _getspecific(_key)
    return address or 0


def attach() -> int:
    """Return the address of this thread's block; make it if need be.  Errors: MemoryError."""
    return current() or _make_block()


def _make_block() -> int:
    """Make this thread's block.  It is this thread's when all of it is there: a signal's handler may raise before."""
    address = _calloc(1, Thread.SIZE) or 0
    if not address:
        raise MemoryError("no memory for a thread block")
    try:
        memory.write_u64(address + Thread.STACK_LIMIT, _stack_limit())
        memory.write_u64(address + Thread.NUMBER, threading.get_native_id())
        _list_thread(address)
        if threading.current_thread() is threading.main_thread():
            state.set_word(State.MAIN_THREAD, address)
        if _setspecific(_ended_key, address + Thread.ENDED) or _setspecific(_key, address):
            raise MemoryError("no memory for a thread block")
    except BaseException:
        if current() != address:
            _discard(address)
        raise
    return address


def _discard(address: int) -> None:
    """Get rid of a block that was not finished."""
    _setspecific(_ended_key, None)
    if state.word(State.MAIN_THREAD) == address:
        state.set_word(State.MAIN_THREAD, 0)
    with _lock:
        if address in _blocks:
            _blocks.remove(address)
    _free(address)


def _list_thread(address: int) -> None:
    """Enter a block into the list of all, and free those of threads that have ended."""
    with _lock:
        for block in [b for b in _blocks if memory.read_u64(b + Thread.ENDED)]:
            _blocks.remove(block)
            if keeper := memory.read_u64(block + Thread.KEEPER):
                _syscall(platform.require().timer_delete, keeper - 1)
            _free(block)
        _blocks.append(address)


def are_others() -> bool:
    """Tell whether another thread that ran Wasm has not ended."""
    with _lock:
        return any(block != current() and not memory.read_u64(block + Thread.ENDED) for block in _blocks)


def forget_others() -> None:
    """Forget the blocks of all other threads: call it in a forked child, which has none."""
    with _lock:
        _blocks[:] = [block for block in _blocks if block == current()]


@contextmanager
def listed() -> Iterator[list[int]]:
    """Give the blocks of all threads that have not ended; none is freed meanwhile."""
    with _lock:
        yield [block for block in _blocks if not memory.read_u64(block + Thread.ENDED)]


def note_main() -> None:
    """Take this thread for the one that runs Python's signal handlers."""
    state.set_word(State.MAIN_THREAD, current())


@contextmanager
def limited_stack(frame: int, size: int | None) -> Iterator[None]:
    """Let Wasm use `size` bytes of this thread's stack below an address, or less where something else limits it."""
    if size is None:
        yield
        return
    place = attach() + Thread.STACK_LIMIT
    outer = memory.read_u64(place)
    memory.write_u64(place, max(outer, frame - size))
    try:
        yield
    finally:
        memory.write_u64(place, outer)


def _stack_limit() -> int:
    """Return the lowest address that a Wasm frame of this thread may begin at."""
    import resource  # of POSIX only

    low, size = _stack()
    if threading.current_thread() is threading.main_thread():
        soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
        known = MAX_STACK if soft == resource.RLIM_INFINITY else min(soft, MAX_STACK)
        low, size = low + size - min(size, known), min(size, known)
    elif size > MAX_STACK:
        low, size = low + size - MAX_STACK, MAX_STACK
    return low + min(MARGIN, size // 4)


def _stack() -> tuple[int, int]:
    """Return the lowest address and the size of this thread's stack."""
    attributes = ctypes.create_string_buffer(_ATTRIBUTES_SIZE)
    low, size = ctypes.c_size_t(), ctypes.c_size_t()
    libc.pthread_self.restype = ctypes.c_void_p
    if libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), attributes):
        raise MemoryError("the system does not tell where the stack is")
    libc.pthread_attr_getstack(attributes, ctypes.byref(low), ctypes.byref(size))
    libc.pthread_attr_destroy(attributes)
    return low.value, size.value


def reason(thread: int) -> int:
    """Return the reason of the last way out."""
    return memory.read_i64(thread + Thread.REASON)


def offset(thread: int) -> int:
    """Return the byte offset of the last trap in its module, or -1 where the trace tells."""
    return memory.read_i64(thread + Thread.OFFSET)


def exception(thread: int) -> int:
    """Return the address of the exception of Wasm that the last way out was for."""
    return memory.read_u64(thread + Thread.OFFSET)


def trace(thread: int) -> tuple[int, ...]:
    """Return the return addresses of the last way out, innermost first.

    What was executed is at `address - 1`; that also holds for a fault, whose own address comes first, plus 1.
    """
    words = memory.view(thread, Thread.SIZE, readonly=True).cast("Q")
    first = Thread.TRACE // 8
    return tuple(words[first : first + words[Thread.TRACE_LENGTH // 8]])
