"""This thread's deadline as host functions see it: how long they may wait, and what they raise when it has passed.

`with bembix.deadline(...)` sets it (`runtime/deadline.py`); everything else that may block asks here.
"""

from __future__ import annotations

import threading
import time
from typing import Final

from bembix.errors import Timeout


class Expired(Timeout):
    """The deadline passed in a host function.  Where Wasm called it, `Timeout` with a backtrace is raised in its
    place."""


class _Deadline(threading.local):
    end: int | None = None  #: ns of the monotonic clock
    seconds: float = 0.0


current: Final = _Deadline()


def remaining() -> float | None:
    """Return the seconds left, at least 0, or None where there is no deadline."""
    return None if current.end is None else max(0.0, (current.end - time.monotonic_ns()) / 1e9)


def at_most(seconds: float | None) -> float | None:
    """Return how long to wait where a wait of `seconds` (None: for ever) was asked for."""
    left = remaining()
    if left is None or seconds is None:
        return left if seconds is None else seconds
    return min(left, seconds)


def check() -> None:
    """Raise where the deadline has passed; to be called after a wait, and before one begins.  Errors: Expired."""
    if current.end is not None and time.monotonic_ns() >= current.end:
        raise Expired(message())


def message() -> str:
    """Return what a `Timeout` says."""
    return f"not done after {current.seconds:g} s"
