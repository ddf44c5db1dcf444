"""Clocks.

Source: WASI snapshot_preview1, "clock_*".
"""

from __future__ import annotations

from typing import Final

from bembix.wasi.preview1.context import Context, check, put_u64
from bembix.wasi.preview1.errno import SUCCESS, Errno, WasiError
from bembix.wasi.preview1.export import export
from bembix.wasi.preview1.types import U64, Clock, ClockId, Out64, Timestamp

#: Method of `Clocks` for each clock.
METHODS: Final = {
    Clock.REALTIME: "realtime",
    Clock.MONOTONIC: "monotonic",
    Clock.PROCESS_CPUTIME: "process",
    Clock.THREAD_CPUTIME: "thread",
}


def method_of(clock: int) -> str:
    """Return the method of `Clocks` that `clock` names.  Errors: INVAL none."""
    try:
        return METHODS[clock]
    except KeyError:
        raise WasiError(Errno.INVAL) from None


@export
def clock_res_get(ctx: Context, clock: ClockId, out: Out64) -> Errno:
    """Write the least step of `clock` to `out`.

    out: 8 bytes, little-endian, ns.
    Errors: INVAL unknown clock; FAULT `out` is out of bounds.
    """
    put_u64(ctx.memory(), out, ctx.clocks.resolution(method_of(clock)))
    return SUCCESS


@export
def clock_time_get(ctx: Context, clock: ClockId, precision: Timestamp, out: Out64) -> Errno:
    """Write the time of `clock` to `out`.

    precision: allowed lag in ns; ignored (every host clock is finer).
    out: 8 bytes, little-endian, ns since the clock's epoch.
    Errors: INVAL unknown clock; FAULT `out` is out of bounds.
    """
    memory = ctx.memory()
    check(memory, out, 8)
    now: int = getattr(ctx.clocks, method_of(clock))()
    memory.write(out, (now & U64).to_bytes(8, "little"))
    return SUCCESS
