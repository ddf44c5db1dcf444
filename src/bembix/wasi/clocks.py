"""The clocks that a program may read, and waiting.

Source: WASI snapshot_preview1, `clock_*`.  Make a subclass to show a program another time.
"""

from __future__ import annotations

import time
from typing import Final, Literal

from bembix import deadlines

_LONGEST_SLEEP: Final = 3600.0  #: s; hosts refuse to sleep for some of the times that 64 bits can ask for

#: The host's clock behind each method.
_HOST_CLOCKS: Final[dict[str, Literal["time", "monotonic", "process_time", "thread_time"]]] = {
    "realtime": "time",
    "monotonic": "monotonic",
    "process": "process_time",
    "thread": "thread_time",
}


class Clocks:
    """The host's clocks; all times in ns.

    Those that have no epoch start with this object at 1 (some programs take 0 for a failure), so that they tell nothing
    of how long the host has been running.
    """

    def __init__(self) -> None:
        self._monotonic_start = time.monotonic_ns() - 1
        self._process_start = time.process_time_ns() - 1

    def realtime(self) -> int:
        """Return the time since 1970."""
        return time.time_ns()

    def monotonic(self) -> int:
        """Return a time that never goes back."""
        return time.monotonic_ns() - self._monotonic_start

    def process(self) -> int:
        """Return the CPU time of the process since this object was made."""
        return time.process_time_ns() - self._process_start

    def thread(self) -> int:
        """Return the CPU time of the thread."""
        return time.thread_time_ns()

    def resolution(self, name: str) -> int:
        """Return the least step of the clock with this method name, at least 1."""
        return max(1, round(time.get_clock_info(_HOST_CLOCKS[name]).resolution * 1e9))

    def sleep(self, duration: int) -> None:
        """Wait for `duration`, or less where it is very long; other Python threads run, signals are handled.

        Errors: Stop the thread's deadline passed, or somebody interrupted it.
        """
        deadlines.sleep(min(duration / 1e9, _LONGEST_SLEEP))
