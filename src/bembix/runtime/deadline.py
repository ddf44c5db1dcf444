"""Stop Wasm after some time: `with bembix.deadline(seconds)`.  Source: `compile/llvm/vm_interrupts.py` for how."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bembix import deadlines


@contextmanager
def deadline(seconds: float | None = None, *, cpu_time: float | None = None) -> Iterator[None]:
    """Stop what Wasm does in this thread, in the `with` block, when `seconds` have passed: it raises `Timeout`.

    cpu_time: seconds of CPU time of this thread, after which it raises `CpuTimeout`.  None is no deadline.

    Calls of Wasm that begin later in the block raise it at once.  Where a host function runs at that time, it is Wasm
    that stops, when the function returns; WASI functions that wait give up.  Within a deadline, one that is later
    changes nothing. Instances can be used afterwards; what the program was about to do, it has done in part.

    Errors: TypeError; ValueError a time is negative or not a number; ResourceError where the system has no timer.
    """
    for value in (seconds, cpu_time):
        if value is not None and not isinstance(value, (int, float)):
            raise TypeError(f"a deadline is a number of seconds, not {type(value).__name__}")
        if value is not None and not value >= 0:
            raise ValueError(f"a deadline is in 0 or more seconds, not {value}")
    with _wall(seconds), _cpu(cpu_time):
        yield


@contextmanager
def _wall(seconds: float | None) -> Iterator[None]:
    if seconds is None or math.isinf(seconds):
        yield
        return
    from bembix.compile.prebuilt import vm
    from bembix.native import interrupts, timers

    end = time.monotonic_ns() + round(seconds * 1e9)
    vm.ensure_handlers()
    timer = timers.push_deadline(end, interrupts.own_signal())
    if timer is None:
        yield
        return
    current = deadlines.current
    outer = current.end, current.seconds
    try:
        current.end, current.seconds = timer.end, seconds
        yield
    finally:
        current.end, current.seconds = outer
        timers.pop_deadline(timer)


@contextmanager
def _cpu(seconds: float | None) -> Iterator[None]:
    if seconds is None or math.isinf(seconds):
        yield
        return
    from bembix.compile.prebuilt import vm
    from bembix.native import interrupts, timers

    end = time.thread_time_ns() + round(seconds * 1e9)
    vm.ensure_handlers()
    timer = timers.push_deadline(end, interrupts.own_signal(), timers.CPU)
    if timer is None:
        yield
        return
    current = deadlines.current
    outer = current.cpu_end, current.cpu_seconds
    try:
        current.cpu_end, current.cpu_seconds = timer.end, seconds
        yield
    finally:
        current.cpu_end, current.cpu_seconds = outer
        timers.pop_deadline(timer)
