"""Calls from asyncio: Wasm runs in a worker thread, asynchronous host functions on the caller's event loop.

Only public functions of asyncio are used, so any event loop will do.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Final, Generic, TypeVar, cast

from bembix import deadlines
from bembix.native import interrupts, threads
from bembix.runtime.workers import workers

T = TypeVar("T")

#: Seconds until a call that was cancelled is interrupted again: it may have been on its way into Wasm.
_AGAIN: Final = 0.01


class _Current(threading.local):
    call: Call[Any] | None = None


#: The call that this thread runs.
_current: Final = _Current()


class Call(Generic[T]):
    """A call under way: a task awaits it on an event loop, a worker runs it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._context = contextvars.copy_context()
        self._work: Callable[[], T] | None = work
        self._result: T | None = None
        self._error: BaseException | None = None
        self._cancelled = False
        self._awaited: asyncio.Future[Any] | None = None
        self._lock = threading.Lock()
        #: Block of the thread that runs it.
        self._thread = 0

    # -- on the event loop ---------------------------------------------------------------------------------------------

    async def result(self) -> T:
        """Run it, and return or raise what it comes to.  Cancelled, it stops the call and waits until it has stopped.

        Errors: whatever the call raises, the same object; CancelledError.
        """
        cancelled: asyncio.CancelledError | None = None
        workers().submit(self)
        try:
            while not self._ended.done():
                try:
                    await asyncio.wait((self._ended,), timeout=None if cancelled is None else _AGAIN)
                except asyncio.CancelledError as error:
                    cancelled = error
                if cancelled is not None:
                    self._stop()
            if cancelled is not None:
                raise cancelled
            if self._error is not None:
                raise self._error
            return cast(T, self._result)
        finally:
            if not self._ended.done():  # the loop goes away under us
                self._stop()
            cancelled = self._error = None  # they know this frame

    def _stop(self) -> None:
        """Have it end soon."""
        self._cancelled = True
        if workers().withdraw(self):
            self._end()
        self.cancel_awaited()
        with self._lock:  # the thread must not go on to another call meanwhile
            if self._thread:
                interrupts.give_up(self._thread)

    def cancel_awaited(self) -> None:
        """Cancel what the event loop awaits, once: it may take its time to clean up."""
        future, self._awaited = self._awaited, None
        if future is not None:
            future.cancel()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    # -- in the worker -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Do the work."""
        work, self._work = self._work, None
        state = deadlines.current
        _current.call, state.patient, state.given_up = self, False, lambda: self._cancelled
        try:
            self._thread = threads.attach()
            if work is not None and not self._cancelled:
                self._result = self._context.run(work)
        except BaseException as error:  # whatever it is, it is the awaiter's
            self._error = error
        finally:
            del work
            with self._lock:
                self._thread = 0
            _current.call, state.patient, state.given_up = None, True, None
            with suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(self._end)

    def wait_for(self, awaitable: Awaitable[T]) -> T:
        """Have the event loop await something, and wait for it.  It gets the context variables of this thread.

        Errors: whatever it raises, the same object; Stop.
        """
        waiting = _Waiting(self, self._loop, awaitable)
        workers().pause()
        try:
            return waiting.wait()
        finally:
            workers().resume()

    def awaits(self, future: asyncio.Future[Any] | None) -> None:
        """Note what the event loop awaits for this call."""
        self._awaited = future
        if self._cancelled:
            self.cancel_awaited()


class _Waiting(Generic[T]):
    """A thread that waits for an event loop to await something."""

    def __init__(self, call: Call[Any], loop: asyncio.AbstractEventLoop, awaitable: Awaitable[T]) -> None:
        self._call = call
        self._loop = loop
        self._awaitable: Awaitable[T] | None = awaitable
        self._future: asyncio.Future[T] | None = None
        self._done = False
        self._given_up = False
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self) -> T:
        """Wait; where the thread is to stop, what is awaited is cancelled first."""
        stop: deadlines.Stop | None = None
        self._loop.call_soon_threadsafe(self._start, context=contextvars.copy_context())
        with deadlines.waking(lambda: deadlines.release(self._lock)):
            while not self._done:
                seconds = None
                if stop is None:
                    try:
                        deadlines.check()
                        seconds = deadlines.remaining()
                    except deadlines.Stop as error:
                        stop = error
                        self._loop.call_soon_threadsafe(self._cancel)
                self._lock.acquire(timeout=-1 if seconds is None else min(seconds, threading.TIMEOUT_MAX))
        future, self._future = self._future, None
        if stop is not None:
            raise stop
        assert future is not None
        return future.result()

    # -- on the event loop ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        assert self._awaitable is not None
        try:
            self._future = asyncio.ensure_future(self._awaitable, loop=self._loop)
        except BaseException as error:  # of another loop, for example
            self._future = self._loop.create_future()
            self._future.set_exception(error)
        self._awaitable = None
        self._future.add_done_callback(self._finish)
        self._call.awaits(self._future)
        if self._given_up:
            self._call.cancel_awaited()

    def _cancel(self) -> None:
        self._given_up = True
        self._call.cancel_awaited()

    def _finish(self, future: asyncio.Future[T]) -> None:
        self._call.awaits(None)
        if not future.cancelled():
            future.exception()  # it is retrieved by this
        self._done = True
        deadlines.release(self._lock)


def wait_for(awaitable: Awaitable[T], what: str) -> T:
    """Wait for what an asynchronous host function returned.

    what: how an error calls the function.
    Errors: RuntimeError where the call of Wasm is not one that an event loop awaits; whatever the function raises.
    """
    call = _current.call
    if call is None:
        close = getattr(awaitable, "close", None)  # so that nobody is told that it was never awaited
        if close is not None:
            close()
        raise RuntimeError(f"{what} is asynchronous: await the call of Wasm, as in `await func.async_(...)`")
    found: T = call.wait_for(awaitable)
    return found


def synchronous(function: Callable[..., Awaitable[T]], what: str) -> Callable[..., T]:
    """Return a function that waits for what an asynchronous one returns."""

    @wraps(function)
    def call(*arguments: object) -> T:
        return wait_for(function(*arguments), what)

    return cast("Callable[..., T]", call)
