"""Constant expressions, both ways: their bytes up to the matching `end`.  Source: core 3.0, 5.4.9."""

from __future__ import annotations

import re
from typing import Final

from bembix.binary.instructions import read_instruction
from bembix.errors import ParseError
from bembix.spec.instructions import BY_NAME
from bembix.spec.module import Expr

_END: Final = BY_NAME["end"]
#: Constant expressions have no blocks, but which instructions they may have is for validation to say.
_OPENING: Final = frozenset(BY_NAME[name] for name in ("block", "loop", "if", "try", "try_table"))
_CLOSING: Final = frozenset((_END, BY_NAME["delegate"]))
_DIVIDING: Final = frozenset(BY_NAME[name] for name in ("else", "catch", "catch_all", "delegate"))


#: `i32.const` of an integer of at most 28 bits, and `end`: nearly every offset of a segment.
_SHORT: Final = re.compile(rb"\x41[\x80-\xff]{0,3}[\x00-\x7f]\x0b")


def short_constant(expr: Expr) -> int | None:
    """Return the value of a short constant of type i32, as a signed integer; None for any other expression."""
    code = expr.code
    if _SHORT.fullmatch(code) is None:
        return None
    value = 0
    for byte in code[-2:0:-1]:  # FAST: CPython has 24,000 active data segments
        value = value << 7 | byte & 0x7F
    return value - (1 << 7 * (len(code) - 2)) if code[-2] & 0x40 else value


def read_expr(data: bytes, start: int) -> tuple[Expr, int]:
    """Read an expression."""
    short = _SHORT.match(data, start)
    if short is not None:  # FAST: CPython has 24,000 active data segments
        return Expr(short[0], start), short.end()
    pos = start
    depth = 0
    while True:
        at = pos
        row, _, pos = read_instruction(data, pos)
        if depth == 0 and row is _END:
            return Expr(data[start:pos], start), pos
        if depth == 0 and row in _DIVIDING:
            raise ParseError(f"END opcode expected: {row.name}", offset=at)
        depth += (row in _OPENING) - (row in _CLOSING)
