"""What may end a wait of a host function: this thread's deadlines, and others that interrupt it.

`with bembix.deadline(...)` sets deadlines (`runtime/deadline.py`); everything of ours that may block waits here, or
asks here.  Rule 1: who waits says first how to wake it (`waking`), then looks (`check`), then waits; who interrupts
leaves word first, and wakes then.  So nothing is slept through.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from bembix.errors import BembixError, CpuTimeout, Frame, Interrupted, Timeout


class Stop(BembixError):
    """Wasm is to stop, as a host function found.  Where Wasm called it, an exception with a backtrace is raised in its
    place."""


class Expired(Stop, Timeout):
    """A deadline passed in a host function."""


class CpuExpired(Stop, CpuTimeout):
    """A deadline of CPU time passed in a host function."""


class Stopped(Stop, Interrupted):
    """Somebody interrupted a host function."""


class _Deadlines(threading.local):
    """Times in ns: `end` of the monotonic clock, `cpu_end` of this thread's CPU time.

    patient: False where somebody may interrupt this thread, who should not wait until all of a write is done.
    given_up: whether nobody waits any more for what this thread does.
    """

    end: int | None = None
    cpu_end: int | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    patient: bool = True
    given_up: Callable[[], bool] | None = None
    bell: _Bell | None = None


current: Final = _Deadlines()


class _Hooks:
    """What native code puts in.  interrupted: whether somebody wants this thread's Wasm to stop."""

    interrupted: Callable[[], bool] = staticmethod(lambda: False)


hooks: Final = _Hooks()

#: How to wake each thread that waits, by its number in the system.
_sleepers: Final[dict[int, Callable[[], object]]] = {}


# -- deadlines ---------------------------------------------------------------------------------------------------------


def remaining() -> float | None:
    """Return the seconds left, at least 0, or None where there is no deadline.

    Who waits uses no CPU time: that of this thread is no reason to wake up.
    """
    return None if current.end is None else max(0.0, (current.end - time.monotonic_ns()) / 1e9)


def at_most(seconds: float | None) -> float | None:
    """Return how long to wait where a wait of `seconds` (None: for ever) was asked for."""
    left = remaining()
    if left is None or seconds is None:
        return left if seconds is None else seconds
    return min(left, seconds)


def check() -> None:
    """Raise where Wasm is to stop; to be called after a wait, and before one begins.

    Errors: Expired, CpuExpired, Stopped.
    """
    if current.end is not None and time.monotonic_ns() >= current.end:
        raise Expired(message())
    if current.cpu_end is not None and time.thread_time_ns() >= current.cpu_end:
        raise CpuExpired(cpu_message())
    if hooks.interrupted() or (current.given_up is not None and current.given_up()):
        raise Stopped("interrupted")


def impatient() -> bool:
    """Tell whether something may want to end a wait of this thread, so that no wait may be out of our hands."""
    return current.end is not None or not current.patient


def message() -> str:
    """Return what a `Timeout` says."""
    return f"not done after {current.seconds:g} s"


def cpu_message() -> str:
    """Return what a `CpuTimeout` says."""
    return f"not done after {current.cpu_seconds:g} s of CPU time"


def error(frames: Callable[[], Sequence[Frame]]) -> Timeout | Interrupted:
    """Return the exception for what stopped Wasm."""
    if current.end is not None and time.monotonic_ns() >= current.end:
        return Timeout(message(), frames)
    if current.cpu_end is not None and time.thread_time_ns() >= current.cpu_end:
        return CpuTimeout(cpu_message(), frames)
    return Interrupted("interrupted", frames)


# -- waiting -----------------------------------------------------------------------------------------------------------


@contextmanager
def waking(wake: Callable[[], object]) -> Iterator[None]:
    """Say how this thread is woken while it waits in the block.  wake: may be called from any thread, or not at all."""
    number = threading.get_native_id()
    outer = _sleepers.get(number)
    _sleepers[number] = wake
    try:
        yield
    finally:
        if outer is None:
            del _sleepers[number]
        else:
            _sleepers[number] = outer


def wake(number: int) -> None:
    """Wake a thread, by its number in the system, that may be waiting."""
    found = _sleepers.get(number)
    if found is not None:
        found()


def release(lock: threading.Lock) -> None:
    """Wake who waits for a lock."""
    with suppress(RuntimeError):  # somebody was faster
        lock.release()


def sleep(seconds: float) -> None:
    """Wait; other threads run, signals are handled.  Errors: as for `check`."""
    end = time.monotonic() + seconds
    lock = threading.Lock()
    lock.acquire()
    with waking(lambda: release(lock)):
        while True:
            check()
            left = end - time.monotonic()
            if left <= 0:
                return
            lock.acquire(timeout=at_most(min(left, threading.TIMEOUT_MAX)) or 0)


class _Bell:
    """A pipe that a thread listens to while it waits for descriptors."""

    number: int

    def __init__(self) -> None:
        self.process: int = os.getpid()
        self.number, self._other = os.pipe()
        os.set_blocking(self.number, False)
        os.set_blocking(self._other, False)

    def ring(self) -> None:
        """Wake who listens."""
        with suppress(BlockingIOError):  # it rings already
            os.write(self._other, b"!")

    def silence(self) -> None:
        """Hear no ring from before."""
        with suppress(BlockingIOError):
            os.read(self.number, 64)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self.number)
        close(self._other)


def _bell() -> _Bell:
    """Return this thread's bell; a forked child has its own."""
    found = current.bell
    if found is None or found.process != os.getpid():
        found = current.bell = _Bell()
    return found


def poll(poller: select.poll, milliseconds: float | None) -> dict[int, int]:
    """Wait for descriptors; return what happened to which.  None: for ever.  May return nothing, before the time is up.

    Errors: as for `check`.
    """
    bell = _bell()
    poller.register(bell.number, select.POLLIN)
    try:
        with waking(bell.ring):
            check()
            left = remaining()
            allowed = None if left is None else left * 1000 + 1
            answers = dict(poller.poll(_least(milliseconds, allowed)))
    finally:
        poller.unregister(bell.number)
    if answers.pop(bell.number, None):
        bell.silence()
    check()
    return answers


def _least(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
