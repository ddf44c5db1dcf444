"""Calls of functions in a store that limits each call: its stack, its time, its CPU time.

Such functions have a call slot of their own (`vm_slow.py`), which comes here; the call itself goes through a function
without limits, made for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from bembix.native import threads
from bembix.native.functype import record_of
from bembix.runtime.deadline import deadline
from bembix.runtime.func import info_of, store_of


def call(func: object, frame: int, values: Sequence[object], names: Sequence[str] | None) -> object:
    """Call a function within the limits of its store.

    frame: address on the stack at which its share begins.  values: arguments; names: of the last ones.
    """
    from bembix.compile.prebuilt import boundary

    info, store = info_of(func), store_of(func)
    inner = boundary.make_func(boundary.entry_stub(info.type), record_of(func), store.address, store, info)
    positional = len(values) - len(names or ())
    keywords = dict(zip(names or (), values[positional:], strict=True))
    limits = store.limits
    with deadline(limits.timeout, cpu_time=limits.cpu_time), threads.limited_stack(frame, limits.stack):
        return inner(*values[:positional], **keywords)
