"""Signals that reach Python's handlers while Wasm runs: which they are, and our handlers before CPython's.

CPython's handler notes a signal, and its interpreter loop calls the Python function when it looks next, which it does
not do while Wasm runs.  So where a signal has a Python handler, ours is put before CPython's
(`compile/llvm/vm_interrupts.py`). `signal.signal` replaces it; `repair` puts it back, and is called whenever a module
is instantiated, a function compiled or a deadline set (for real-time signals: the last two), and by the handler of our
own signal, which looks every 20 ms while the main thread runs Wasm.  Signals without a Python handler, and those of
faults, stay as they are.

Source: sigaction(2); CPython, Modules/signalmodule.c.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Final

from bembix import deadlines
from bembix.compile.layout import Activation, Store, Thread
from bembix.errors import ResourceError
from bembix.native import platform, signals, state, threads, timers
from bembix.native.libc import api, immortal, libc
from bembix.native.memory import read_u64, write_u64
from bembix.native.state import State
from bembix.records import dataclass

#: Faults are not interrupts: their handlers must not return before something was done about them.
_FAULTS: Final = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGSYS)
_SIGNALS: Final = 65
#: The last of those that are not real-time signals, which are looked at less often.
_LAST_STANDARD: Final = 31
_NO_TIMER: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Handlers:
    """What was compiled for us.

    on_fault: address of the handler of memory faults.  on_interrupt: of our own signal.  foreign: (last) -> the signals
    up to that one whose handler is not ours, as bits from signal 1 on.  chain: (signal) puts ours before its handler.
    """

    on_fault: int
    on_interrupt: int
    foreign: Callable[[int], int]
    chain: Callable[[int], object]

    @classmethod
    def at(cls, address: Callable[[str], int]) -> Handlers:
        """Make callables of what was compiled, whose addresses `address` gives by name.

        They keep the GIL, so that nobody sets a handler meanwhile.
        """
        foreign = ctypes.PYFUNCTYPE(ctypes.c_uint64, ctypes.c_int)(address("foreign_signals"))
        chain = ctypes.PYFUNCTYPE(None, ctypes.c_int)(address("chain_signal"))
        return cls(address("on_fault"), address("on_interrupt"), foreign, chain)


class _Interrupts:
    """What there is once a process."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        #: Timers that threads are interrupted by, by their blocks and numbers in the system.
        self.asked: dict[tuple[int, int], int] = {}
        self.signal = _free_signal()
        self._memory = _bit(signal.SIGSEGV) | _bit(signal.SIGBUS)
        self._ignored = sum(map(_bit, _FAULTS))
        state.set_word(State.ACTIONS, immortal(16 * _SIGNALS))
        state.set_word(State.INTERRUPT_SIGNAL, self.signal)
        state.set_object(State.AFTER_SIGNALS, after_signals)
        self.handle_own()
        self.make_timer(threading.main_thread().native_id or 0)
        os.register_at_fork(after_in_child=self._after_fork)

    def handle_own(self) -> None:
        """Handle our own signal, on the thread's own stack (Python may run there), and let it interrupt itself."""
        constants = platform.require()
        action = bytearray(constants.sigaction_size)
        action[:8] = self.handlers.on_interrupt.to_bytes(8, "little")
        flags = constants.sa_siginfo | constants.sa_nodefer | constants.sa_restart
        action[constants.sigaction_flags : constants.sigaction_flags + 4] = flags.to_bytes(4, "little")
        if libc.sigaction(self.signal, ctypes.create_string_buffer(bytes(action), len(action)), None):
            raise ResourceError(f"the system does not let us handle signal {self.signal}")

    def make_timer(self, number: int) -> None:
        """Make the timer that repeats our signal for the thread that runs handlers, by its number in the system."""
        state.set_word(State.MAIN_NUMBER, number)
        state.set_word(State.ARMED, 0)
        try:
            timer = timers.create(number, self.signal)
        except ResourceError:  # what comes while Wasm does not run waits for the next way back to it
            timer = _NO_TIMER
        state.set_word(State.INTERRUPT_TIMER, timer)

    def _after_fork(self) -> None:
        """The thread that forked is the main one now, and there are no timers."""
        threads.note_main()
        thread = threads.current()
        if thread:
            write_u64(thread + Thread.NUMBER, threading.get_native_id())
            write_u64(thread + Thread.INTERRUPT_TIMER, 0)
        self.asked.clear()
        timers.after_fork()
        # The thread object still has the number of the parent in some versions of Python.
        self.make_timer(threading.get_native_id())

    def repair(self, last: int) -> None:
        """Put our handlers before those that came since."""
        foreign = self.handlers.foreign(last)
        if foreign & self._memory:
            signals.install(self.handlers.on_fault)
        foreign &= ~self._ignored
        while foreign:
            number = foreign.bit_length()
            foreign &= ~_bit(number)
            if callable(signal.getsignal(number)):
                self.handlers.chain(number)

    def ask(self, thread: int) -> None:
        """Have a thread look, by the address of its block, whether one of its calls is to end."""
        number = read_u64(thread + Thread.NUMBER)
        write_u64(thread + Thread.INTERRUPT, 1)
        write_u64(thread + Thread.WANTED, 1)
        try:
            timers.repeat(self._timer(thread, number))
        except ResourceError:  # no timer is left, or the thread has just ended
            timers.send(number, self.signal)
        deadlines.wake(number)

    def _timer(self, thread: int, number: int) -> int:
        known = read_u64(thread + Thread.INTERRUPT_TIMER)
        if known:
            return known - 1
        timer = self.asked[thread, number] = timers.create(number, self.signal)
        write_u64(thread + Thread.INTERRUPT_TIMER, timer + 1)
        return timer

    def forget_ended(self, blocks: Iterable[int]) -> None:
        """Delete the timers of threads that have ended.  blocks: of those that have not."""
        alive = {(block, read_u64(block + Thread.NUMBER)) for block in blocks}
        for thread in self.asked.keys() - alive:
            timers.delete(self.asked.pop(thread))


def interrupt(store: int) -> None:
    """Have the calls end with `Reason.INTERRUPTED` that run in a store now, by the address of its block."""
    if _interrupts is None:
        return
    with threads.listed() as blocks:
        write_u64(store + Store.INTERRUPTS, read_u64(store + Store.INTERRUPTS) + 1)
        _interrupts.forget_ended(blocks)
        for block in blocks:
            if read_u64(block + Thread.TOP):
                _interrupts.ask(block)


def give_up(thread: int) -> None:
    """Have all calls end likewise that run in a thread now, and its wait for its turn; by the address of its block."""
    if _interrupts is None:
        return
    with threads.listed() as blocks:
        _interrupts.forget_ended(blocks)
        if read_u64(thread + Thread.TOP):
            write_u64(thread + Thread.GIVE_UP, 1)
            _interrupts.ask(thread)
        deadlines.wake(read_u64(thread + Thread.NUMBER))


def after_signals(ctrl_c: int) -> None:
    """Put our handlers before those that were set since; then see to Ctrl-C.

    ctrl_c: 1 where it came.  Raises KeyboardInterrupt where the handler of SIGINT has cancelled the task that runs
    Wasm. asyncio's does so the first time: the task sees it at its next `await`, which may be a long way off.
    """
    repair(everything=True)
    if not ctrl_c:
        return
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return
    if task is not None and task.cancelling():
        raise KeyboardInterrupt


def _interrupted() -> bool:
    """Tell whether somebody wants a call to end that this thread is in."""
    thread = threads.current()
    if not thread or not read_u64(thread + Thread.INTERRUPT):
        return False
    activation = read_u64(thread + Thread.TOP)
    if read_u64(thread + Thread.GIVE_UP) and activation:
        return True
    while activation:
        if read_u64(activation + Activation.KIND) == Activation.ENTRY:
            count = read_u64(read_u64(activation + Activation.STORE) + Store.INTERRUPTS)
            if count != read_u64(activation + Activation.ASKED):
                return True
        activation = read_u64(activation + Activation.PREVIOUS)
    return False


_check_signals = api.PyErr_CheckSignals
_check_signals.argtypes, _check_signals.restype = [], ctypes.c_int


class Shield:
    """A block in which no Python handler of a signal runs: what comes meanwhile comes when the block ends.

    For code of others that an exception in its middle would leave in a state that crashes.  Python runs handlers in the
    main thread only, so other threads need none.
    """

    def __enter__(self) -> None:
        self._here = threading.current_thread() is threading.main_thread()
        if not self._here:
            return
        repair(everything=True)
        state.set_word(State.SHIELD, state.word(State.SHIELD) + 1)
        try:
            _check_signals()  # what was noted before comes now
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        if not self._here:
            return
        depth = state.word(State.SHIELD) - 1
        state.set_word(State.SHIELD, depth)
        if depth == 0 and state.word(State.DEFERRED):
            deferred = state.word(State.DEFERRED)
            state.set_word(State.DEFERRED, 0)  # one of the same number that comes in between is one with the other
            for number in range(1, _SIGNALS):
                if deferred & _bit(number):
                    signal.raise_signal(number)


_lock: Final = threading.RLock()
_interrupts: _Interrupts | None = None


def install(handlers: Handlers) -> None:
    """Let signals reach Python's handlers while Wasm runs; the first call decides on the handlers.

    Errors: ResourceError where the system has no signal or no timer left.
    """
    global _interrupts
    with _lock:
        if _interrupts is None:
            _interrupts = _Interrupts(handlers)
            deadlines.hooks.interrupted = _interrupted


def installed() -> bool:
    """Return whether our handlers are there."""
    return _interrupts is not None


def repair(*, everything: bool = False) -> None:
    """Put our handlers, also that of memory faults, before those that were set since; cheap.

    everything: real-time signals too.
    """
    if _interrupts is not None:
        _interrupts.repair(_SIGNALS - 1 if everything else _LAST_STANDARD)


def own_signal() -> int:
    """Return the number of our own signal, ready to be sent to this thread.  Errors: ResourceError before `install`."""
    if _interrupts is None:
        raise ResourceError("interrupts were not installed")
    _interrupts.repair(_SIGNALS - 1)
    _interrupts.handle_own()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (_interrupts.signal,))
    return _interrupts.signal


def make_keeper() -> None:
    """Make the timer that ends this thread's keeping the GIL; where the system has none left, there will be none."""
    try:
        timers.make_keeper(own_signal())
    except ResourceError:
        write_u64(threads.attach() + Thread.KEEPER, _NO_TIMER + 1)


def _bit(number: int) -> int:
    return 1 << (number - 1)


def _free_signal() -> int:
    """Return a real-time signal that nobody handles, from the end: libraries take them from the beginning.

    Emulators of user programs (qemu-user) need some for themselves, so that the last three do not arrive there.
    """
    for number in range(signal.SIGRTMAX - 3, signal.SIGRTMIN - 1, -1):
        current = ctypes.create_string_buffer(platform.require().sigaction_size)
        if not libc.sigaction(number, None, current) and not int.from_bytes(current.raw[:8], "little"):
            return number
    raise ResourceError("all real-time signals are in use")
