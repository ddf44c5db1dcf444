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
from collections.abc import Callable
from typing import Final

from bembix.compile.layout import Thread
from bembix.errors import ResourceError
from bembix.native import memory, platform, threads
from bembix.native.libc import libc

MONOTONIC: Final = 1
CPU: Final = 3  #: of the thread that makes the timer
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


#: In the thread block, by clock: when to stop, and the timer for it.
_FIELDS: Final = {MONOTONIC: (Thread.DEADLINE, Thread.TIMER), CPU: (Thread.CPU_DEADLINE, Thread.CPU_TIMER)}
_NOW: Final[dict[int, Callable[[], int]]] = {MONOTONIC: time.monotonic_ns, CPU: time.thread_time_ns}


def create(thread: int, signal: int, clock: int = MONOTONIC) -> int:
    """Make a timer that sends a thread (by its number in the system) a signal; return its number.

    Errors: ResourceError where the system has no more.
    """
    number = ctypes.c_int()
    event = _SIGEVENT.pack(0, signal, _THREAD_ID, thread)
    if _syscall(platform.require().timer_create, clock, event, ctypes.byref(number)):
        raise ResourceError(f"the system gives no timer: {os.strerror(ctypes.get_errno())}")
    return number.value


def send(thread: int, signal: int) -> None:
    """Send a thread (by its number in the system) a signal; nothing happens where it has ended."""
    _syscall(platform.require().tgkill, os.getpid(), thread, signal)


def repeat(number: int) -> None:
    """Have a timer go off now, and on until it is stopped."""
    _set(number, 0, 1)


def stop(number: int) -> None:
    """Have a timer go off no more."""
    _syscall(platform.require().timer_settime, number, 0, _SPEC.pack(0, 0, 0, 0), None)


def delete(number: int) -> None:
    """Take a timer away."""
    _syscall(platform.require().timer_delete, number)


def _set(number: int, flags: int, when: int) -> None:
    spec = _SPEC.pack(0, _AGAIN, *divmod(when, _SECOND))
    _syscall(platform.require().timer_settime, number, flags, spec, None)


def make_keeper(signal: int) -> None:
    """Make this thread's timer for `Thread.STAY`.  Errors: ResourceError."""
    memory.write_u64(threads.attach() + Thread.KEEPER, create(threading.get_native_id(), signal) + 1)


class Timer:
    """A timer for this thread that goes off at `end` (ns of its clock), and on until it is closed."""

    __slots__ = ("_generation", "_signal", "clock", "end", "number")

    def __init__(self, end: int, signal: int, clock: int) -> None:
        self.clock: int = clock
        self.end: int = min(end, _LATEST)
        self.number: int = -1
        self._signal = signal
        self.start()

    def start(self) -> None:
        """Start it, also in a forked child."""
        self._generation = _Generation.now
        self.number = create(threading.get_native_id(), self._signal, self.clock)
        _set(self.number, _ABSOLUTE, self.end)

    def close(self) -> None:
        """Send no more."""
        if self.number >= 0 and self._generation == _Generation.now:
            delete(self.number)
        self.number = -1

    def __del__(self) -> None:
        self.close()


class _Deadlines(threading.local):
    def __init__(self) -> None:
        #: Of this thread, by clock, the earlier ones last.
        self.timers: dict[int, list[Timer]] = {clock: [] for clock in _FIELDS}


_own: Final = _Deadlines()


def push_deadline(end: int, signal: int, clock: int = MONOTONIC) -> Timer | None:
    """Have this thread interrupted from `end` on; return None where it will be earlier anyway."""
    timers = _own.timers[clock]
    if timers and timers[-1].end <= end:
        return None
    threads.attach()
    timer = Timer(end, signal, clock)
    timers.append(timer)
    _set_current(clock)
    return timer


def pop_deadline(timer: Timer) -> None:
    """Take a deadline away, and all of its clock that were set within it."""
    timers = _own.timers[timer.clock]
    if timer in timers:
        del timers[timers.index(timer) :]
        _set_current(timer.clock)
    timer.close()


def _set_current(clock: int) -> None:
    """Tell the signal handler.  The time comes last, and goes first: before, and after, it looks at nothing else."""
    thread = threads.current()
    deadline, number = _FIELDS[clock]
    memory.write_u64(thread + deadline, 0)
    if _own.timers[clock]:
        timer = _own.timers[clock][-1]
        memory.write_u64(thread + number, timer.number)
        memory.write_u64(thread + deadline, timer.end)
        if timer.end <= _NOW[clock]():  # the handler may have been there meanwhile, and found none
            memory.write_u64(thread + Thread.WANTED, 1)


def after_fork() -> None:
    """Start the deadlines of the forked thread anew; call it in the child."""
    _Generation.now += 1
    thread = threads.current()
    if thread:
        memory.write_u64(thread + Thread.KEEPER, 0)
        memory.write_u64(thread + Thread.STAY, 0)
    for clock, timers in _own.timers.items():
        if timers:
            for timer in timers:
                timer.start()
            _set_current(clock)
