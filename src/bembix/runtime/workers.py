"""Threads for calls of Wasm that an event loop must not wait for.

So many calls run at a time as Python's own executor would run; others wait for their turn.  One that waits for a host
function on its event loop does not count, so that calls which wait for each other never run out of threads.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final, Protocol

#: Seconds that a thread without work waits for some.
_IDLE: Final = 10.0


class Job(Protocol):
    """Something to do in a thread."""

    def run(self) -> None:
        """Do it; raises nothing."""


class Workers:
    """A pool of daemon threads.  most: jobs that run at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._queue: deque[Job] = deque()
        #: Jobs whose turn it is, one for each of as many waiting threads; `_idle` counts the other waiting ones.
        self._ready: deque[Job] = deque()
        self._idle = 0
        self._running = 0

    def submit(self, job: Job) -> None:
        """Have a job done."""
        with self._changed:
            self._queue.append(job)
            self._dispatch()

    def withdraw(self, job: Job) -> bool:
        """Take back a job that has not begun; return whether that was so."""
        with self._changed:
            if job not in self._queue:
                return False
            self._queue.remove(job)
            return True

    def pause(self) -> None:
        """The job of this thread waits: others may run."""
        with self._changed:
            self._running -= 1
            self._dispatch()

    def resume(self) -> None:
        """The job of this thread goes on; for once one more may run."""
        with self._changed:
            self._running += 1

    def _dispatch(self) -> None:
        while self._queue and self._running < self._most:
            job = self._queue.popleft()
            self._running += 1
            if self._idle:
                self._idle -= 1
                self._ready.append(job)
                self._changed.notify()
            else:
                threading.Thread(target=self._work, args=(job,), name="bembix worker", daemon=True).start()

    def _work(self, job: Job | None) -> None:
        while job is not None:
            job.run()
            job = None  # what it holds must not live on while this thread waits
            job = self._next()

    def _next(self) -> Job | None:
        """Return the next job, or None where there is none for a while."""
        with self._changed:
            self._running -= 1
            self._dispatch()
            if self._queue and self._running < self._most:  # never, but for a thread that could not be started
                self._running += 1
                return self._queue.popleft()
            self._idle += 1
            if self._changed.wait_for(lambda: bool(self._ready), timeout=_IDLE):
                return self._ready.popleft()
            self._idle -= 1
            return None


class _Pool:
    """The process's workers; a forked child has its own, as threads are not inherited."""

    workers = Workers(min(32, (os.cpu_count() or 1) + 4))

    @classmethod
    def renew(cls) -> None:
        cls.workers = Workers(cls.workers._most)


def workers() -> Workers:
    """Return the process's workers."""
    return _Pool.workers


os.register_at_fork(after_in_child=_Pool.renew)
