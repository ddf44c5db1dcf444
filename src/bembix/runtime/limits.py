"""What a store may use: `Limits`.

Fuel counts instructions, the same on every engine; `validate/meter.py` says what costs how much.
"""

from __future__ import annotations

import math
import re
from typing import Final

from bembix.records import dataclass

_UNITS: Final = {
    "": 1, "b": 1,
    "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9, "t": 10**12, "tb": 10**12,
    "ki": 2**10, "kib": 2**10, "mi": 2**20, "mib": 2**20, "gi": 2**30, "gib": 2**30, "ti": 2**40, "tib": 2**40,
}  # fmt: skip
_SIZE: Final = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([a-zA-Z]*)\s*")

#: The least stack that a limit may leave: a few frames and the stub below them.
LEAST_STACK: Final = 16 << 10
#: Fuel is counted in a signed word.
MOST_FUEL: Final = 2**63 - 1


def parse_size(size: int | str, what: str = "size") -> int:
    """Return a size in bytes: an int, or a string such as "256 MiB", "1.5GB" or "64k" (K is 1000, Ki is 1024).

    what: how an error calls it.
    Errors: TypeError, ValueError.
    """
    if isinstance(size, str):
        found = _SIZE.fullmatch(size)
        unit = _UNITS.get(found[2].lower()) if found else None
        if found is None or unit is None:
            raise ValueError(f'{what}: {size!r} is no size; write bytes as an int, or a string like "256 MiB"')
        return math.floor(float(found[1]) * unit) if "." in found[1] else int(found[1]) * unit
    return _count(size, what)


def _count(value: object, what: str, least: int = 0, most: int | None = None) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} is an int, not {type(value).__name__}")
    if value < least or (most is not None and value > most):
        raise ValueError(f"{what} is at least {least}{'' if most is None else f' and at most {most}'}, not {value}")
    return value


def _seconds(value: float | None, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what} is a number of seconds, not {type(value).__name__}")
    if not value >= 0:
        raise ValueError(f"{what} is 0 or more seconds, not {value}")
    return None if math.isinf(value) else float(value)


@dataclass(frozen=True, slots=True, init=False)
class Limits:
    """What everything in a store may use together, and how long each call may take.

    Sizes are bytes as an int, or strings such as "256 MiB"; times are seconds.  None is no limit (of `stack`: that of
    the thread, of which Wasm uses at most 64 MiB).

    memory: bytes of all linear memories.  A `memory.grow` beyond it gives -1, as the specification wants; making a
        memory or an instance beyond it raises `MemoryExceeded`.
    heap: bytes of structs, arrays, exceptions and references to host objects.  What is not used any more is collected;
        beyond the limit, making one raises `HeapExhausted`.
    table: elements of all tables.  A `table.grow` beyond it gives -1, an instance raises `TableExceeded`.
    instances: how many there may be; one more raises `InstancesExceeded`.
    stack: bytes of the native stack that a call from Python may take, with all that it calls in turn; deeper raises
        `StackExhausted`.  At least 16 KiB.
    timeout: seconds that a call from Python may take, with all that it calls and waits for; then it raises `Timeout`.
    cpu_time: seconds of CPU time likewise; then it raises `CpuTimeout`.
    fuel: what the store has at first; each instruction takes some (`Store.fuel` is what is left), and where there is
        not enough it raises `OutOfFuel`.  Modules run slower with fuel: they are compiled anew, to count.

    All of the exceptions are `LimitExceeded`; the store can be used afterwards.  A start function is a call like any
    other.  A call of a store that limits `stack`, `timeout` or `cpu_time` costs some microseconds more.
    Errors: TypeError, ValueError.
    """

    memory: int | None
    heap: int | None
    table: int | None
    instances: int | None
    stack: int | None
    timeout: float | None
    cpu_time: float | None
    fuel: int | None

    def __init__(
        self,
        *,
        memory: int | str | None = 4 << 30,
        heap: int | str | None = 1 << 30,
        table: int | None = 10_000_000,
        instances: int | None = 10_000,
        stack: int | str | None = None,
        timeout: float | None = None,
        cpu_time: float | None = None,
        fuel: int | None = None,
    ) -> None:
        least_stack = None if stack is None else _count(parse_size(stack, "stack"), "stack", LEAST_STACK)
        values = {
            "memory": None if memory is None else parse_size(memory, "memory"),
            "heap": None if heap is None else parse_size(heap, "heap"),
            "table": None if table is None else _count(table, "table"),
            "instances": None if instances is None else _count(instances, "instances"),
            "stack": least_stack,
            "timeout": _seconds(timeout, "timeout"),
            "cpu_time": _seconds(cpu_time, "cpu_time"),
            "fuel": None if fuel is None else _count(fuel, "fuel", most=MOST_FUEL),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def each_call(self) -> bool:
        """Whether every call needs something done before and after it."""
        return not (self.stack is None and self.timeout is None and self.cpu_time is None)


#: What a store has whose maker says nothing.
DEFAULT: Final = Limits()
UNLIMITED: Final = Limits(memory=None, heap=None, table=None, instances=None)
