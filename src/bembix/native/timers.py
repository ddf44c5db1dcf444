"""Timers of the system that send one thread a signal, and this thread's deadlines.

A timer is the process's, not inherited by fork: a child makes its own, under numbers that its parent may use for
others.

Source: timer_create(2), sigevent(7): SIGEV_THREAD_ID.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
import time
from typing import Final

from bembix.compile.layout import Thread
from bembix.errors import ResourceError
from bembix.native import memory, platform, threads
from bembix.native.libc import libc

_MONOTONIC: Final = 1
_ABSOLUTE: Final = 1
_THREAD_ID: Final = 4
_SIGEVENT: Final = struct.Struct("<Qiii44x")
_SPEC: Final = struct.Struct("<qqqq")
_SECOND: Final = 1_000_000_000
#: ns until the signal of a deadline comes again, where the thread was not in Wasm.
_AGAIN: Final = 5_000_000
_LATEST: Final = 2**62

_syscall = libc.syscall
_syscall.restype = ctypes.c_long


class _Generation:
    """Counts the forks behind this process."""

    now = 0


def create(thread: int, signal: int) -> int:
    """Make a timer that sends a thread (by its number in the system) a signal; return its number.

    Errors: ResourceError where the system has no more.
    """
    number = ctypes.c_int()
    event = _SIGEVENT.pack(0, signal, _THREAD_ID, thread)
    if _syscall(platform.require().timer_create, _MONOTONIC, event, ctypes.byref(number)):
        raise ResourceError(f"the system gives no timer: {os.strerror(ctypes.get_errno())}")
    return number.value


class Timer:
    """A timer for this thread that goes off at `end` (ns of the monotonic clock), and on until it is closed."""

    __slots__ = ("_generation", "_signal", "end", "number")

    def __init__(self, end: int, signal: int) -> None:
        self.end = min(end, _LATEST)
        self.number = -1
        self._signal = signal
        self.start()

    def start(self) -> None:
        """Start it, also in a forked child."""
        self._generation = _Generation.now
        self.number = create(threading.get_native_id(), self._signal)
        spec = _SPEC.pack(0, _AGAIN, *divmod(self.end, _SECOND))
        _syscall(platform.require().timer_settime, self.number, _ABSOLUTE, spec, None)

    def close(self) -> None:
        """Send no more."""
        if self.number >= 0 and self._generation == _Generation.now:
            _syscall(platform.require().timer_delete, self.number)
        self.number = -1

    def __del__(self) -> None:
        self.close()


class _Deadlines(threading.local):
    def __init__(self) -> None:
        #: Of this thread, the earlier ones last.
        self.timers: list[Timer] = []


_own: Final = _Deadlines()


def push_deadline(end: int, signal: int) -> Timer | None:
    """Have this thread interrupted from `end` on; return None where it will be earlier anyway."""
    if _own.timers and _own.timers[-1].end <= end:
        return None
    threads.attach()
    timer = Timer(end, signal)
    _own.timers.append(timer)
    _set_current()
    return timer


def pop_deadline(timer: Timer) -> None:
    """Take a deadline away, and all that were set within it."""
    if timer in _own.timers:
        del _own.timers[_own.timers.index(timer) :]
        _set_current()
    timer.close()


def _set_current() -> None:
    """Tell the signal handler.  The time comes last, and goes first: before, and after, it looks at nothing else."""
    thread = threads.current()
    memory.write_u64(thread + Thread.DEADLINE, 0)
    if _own.timers:
        timer = _own.timers[-1]
        memory.write_u64(thread + Thread.TIMER, timer.number)
        memory.write_u64(thread + Thread.DEADLINE, timer.end)
        if timer.end <= time.monotonic_ns():  # the handler may have been there meanwhile, and found none
            memory.write_u64(thread + Thread.WANTED, 1)


def after_fork() -> None:
    """Start the deadlines of the forked thread anew; call it in the child."""
    _Generation.now += 1
    if _own.timers:
        for timer in _own.timers:
            timer.start()
        _set_current()
