"""Stop Wasm after some time: `with bembix.deadline(seconds)`.  Source: `compile/llvm/vm_interrupts.py` for how."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bembix import deadlines


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Stop what Wasm does in this thread, in the `with` block, when `seconds` have passed: it raises `Timeout`.

    Calls of Wasm that begin later in the block raise it at once.  Where a host function runs at that time, it is Wasm
    that stops, when the function returns; WASI functions that wait give up.  Within a deadline, one that is later
    changes nothing. Instances can be used afterwards; what the program was about to do, it has done in part.

    Errors: ValueError `seconds` is negative or not a number; ResourceError where the system has no timer.
    """
    if not seconds >= 0:
        raise ValueError(f"a deadline is in 0 or more seconds, not {seconds}")
    if math.isinf(seconds):
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
