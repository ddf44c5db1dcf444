"""Which parameters of compiled functions go in registers; see `compile/layout.py` for the rest."""

from __future__ import annotations

from functools import lru_cache

from bembix.compile import layout
from bembix.spec.types import F32, F64, V128, FuncType


@lru_cache(maxsize=10_000)
def in_registers(functype: FuncType) -> tuple[bool, ...]:
    """Return, for each parameter, whether it is passed in a register."""
    room = {True: layout.MAX_REGISTER_FLOATS, False: layout.MAX_REGISTER_WORDS}
    where = []
    for valtype in functype.params:
        is_float = valtype in (F32, F64, V128)
        room[is_float] -= 1
        where.append(room[is_float] >= 0)
    return tuple(where)
