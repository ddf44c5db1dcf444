"""Writers of regular instructions: code that was made ahead of time (`stencils.txt`, written by
`tools/stencils_aarch64.py`), and by hand what traps.

Pasted code is what LLVM makes of the template of the LLVM tier, as a function without its return: operands are in the
registers of the C convention (x0, x1, ...; v0, v1, ...), and so are results.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from bembix import shipped
from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.sink import FLOATS, MAKERS, Aarch64Sink, Writer, writer
from bembix.compile.traps import Reason
from bembix.records import dataclass
from bembix.spec.instructions import BY_NAME, Instr
from bembix.spec.types import F64, I64, V128


@dataclass(frozen=True, slots=True)
class Stencil:
    """Code to paste.  constants: place of the `adr` that refers to each, and content."""

    code: bytes
    constants: tuple[tuple[int, bytes], ...]


@lru_cache(maxsize=1)
def _lines() -> dict[tuple[str, int], str]:
    found = {}
    for line in shipped.read(__name__, "stencils.txt").decode().splitlines():
        if not line.startswith("#"):
            head, _, rest = line.partition(" | ")
            name, _, lane = head.partition(" ")
            found[name, int(lane)] = rest
    return found


@lru_cache(maxsize=1000)
def stencil(name: str, lane: int = 0) -> Stencil:
    """Return the stencil of an instruction (and a lane).  Errors: KeyError where there is none."""
    code, _, constants = _lines()[name, lane].partition("|")
    pairs = [word.split(":") for word in constants.split()]
    return Stencil(bytes.fromhex(code), tuple((int(at), bytes.fromhex(content)) for at, content in pairs))


def apply(sink: Aarch64Sink, row: Instr, lane: int = 0) -> None:
    """Take the operands of an instruction, paste its stencil, push its results."""
    types = tuple(t for t in row.params if t is not None)
    numbers = {True: 0, False: 0}
    for entry, valtype in zip(sink.take(len(types)), types, strict=True):
        is_float = valtype in FLOATS
        sink.load_typed(numbers[is_float], entry, valtype)
        numbers[is_float] += 1
    sink.literals_in_reach()
    found, start = stencil(row.name, lane), len(sink.out)
    sink.out += found.code
    for at, content in found.constants:
        sink.literal(content, start + at)
    for register, valtype in enumerate(row.results):
        sink.push_typed(register, valtype)


def _regular(sink: Aarch64Sink, row: Instr) -> Writer:
    def write(lane: int = 0) -> None:
        apply(sink, row, lane)

    return write


def _enter_all() -> None:
    for name, _ in _lines():
        MAKERS[BY_NAME[name].code] = _regular


@writer("i32.const")
def i32_const(sink: Aarch64Sink, row: Instr) -> Writer:
    """An entry."""
    return lambda value: sink.vs.append(~(value & 0xFFFFFFFF))


@writer("i64.const")
def i64_const(sink: Aarch64Sink, row: Instr) -> Writer:
    """An entry."""
    return lambda value: sink.vs.append(~(value & 0xFFFFFFFFFFFFFFFF))


@writer("f32.const", "f64.const", "v128.const")
def bits_const(sink: Aarch64Sink, row: Instr) -> Writer:
    """An entry."""
    return lambda bits: sink.vs.append(~bits)


@writer("i8x16.shuffle")
def shuffle(sink: Aarch64Sink, row: Instr) -> Writer:
    """A look-up in a table of two vectors."""

    def write(lanes: bytes) -> None:
        right, left = sink.vs.pop(), sink.vs.pop()
        sink.load_float(0, left, V128)
        sink.load_float(1, right, V128)
        sink.load_float(2, ~int.from_bytes(bytes(lanes), "little"), V128)
        sink.emit(0x4E022000)  # tbl v0.16b, {v0.16b, v1.16b}, v2.16b
        sink.push_float(0, V128)

    return write


# -- division ----------------------------------------------------------------------------------------------------------


@writer(*(f"i{bits}.{what}_{sign}" for bits in (32, 64) for what in ("div", "rem") for sign in "su"))
def divide(sink: Aarch64Sink, row: Instr) -> Writer:
    """Traps for 0 and for the one overflow; the remainder is what the quotient leaves."""
    wide, signed = row.params[0] is I64, row.name.endswith("s")
    op = (a64.SDIV if wide else a64.SDIV_W) if signed else (a64.UDIV if wide else a64.UDIV_W)
    least = 1 << 63 if wide else 1 << 31
    narrow = 0 if wide else 0x80000000

    def write() -> None:
        sink.pop(10)
        sink.pop(9)
        sink.trap_if_zero(10, Reason.DIVIDE_BY_ZERO, wide)
        if row.operation == "div_s":
            sink.out.extend(a64.constant(11, least))
            # cmn x10, #1; ccmp x9, x11, #0, eq
            sink.emit(0xB100055F & ~narrow, (0xFA400000 & ~narrow) | 11 << 16 | a64.EQ << 12 | 9 << 5)
            sink.trap_if(a64.EQ, Reason.OVERFLOW)
        sink.emit(a64.three(op, 12, 9, 10))
        if "rem" in row.name:
            sink.emit(a64.msub(12, 12, 10, 9, wide))
        sink.push(12)

    return write


# -- conversions that trap ---------------------------------------------------------------------------------------------

_NAMES: Final = [f"i{bits}.trunc_f{source}_{sign}" for bits in (32, 64) for source in (32, 64) for sign in "su"]


def _limits(source: int, bits: int, signed: bool) -> tuple[int, float, float]:
    """Return the condition on the left of what converts, that bound, and the bound (exclusive) on the right."""
    above = 2.0 ** (bits - signed)
    if not signed:
        return a64.GT, -1.0, above
    exact = bits == 32 and source == 64  # only there the number below the least integer exists
    return (a64.GT, -above - 1, above) if exact else (a64.GE, -above, above)


@writer(*_NAMES)
def truncate(sink: Aarch64Sink, row: Instr) -> Writer:
    """Traps for NaN and for what does not fit."""
    source = row.params[0]
    assert source is not None
    double, wide, signed = source is F64, row.results[0] is I64, row.name.endswith("s")
    below, low, high = _limits(64 if double else 32, 64 if wide else 32, signed)
    pack = "<d" if double else "<f"
    low_bits, high_bits = (~int.from_bytes(struct.pack(pack, bound), "little") for bound in (low, high))
    compare = a64.FCMP_D if double else a64.FCMP_S
    # fcvtzs or fcvtzu, from s or d, to w or x
    convert = (0x1E380000 if signed else 0x1E390000) | double << 22 | wide << 31

    def write() -> None:
        sink.load_float(0, sink.vs.pop(), source)
        sink.emit(a64.three(compare, 0, 0, 0))
        sink.trap_if(a64.VS, Reason.INVALID_CONVERSION)
        sink.load_float(1, low_bits, source)
        sink.emit(a64.three(compare, 0, 0, 1))
        sink.trap_if(below ^ 1, Reason.OVERFLOW)
        sink.load_float(1, high_bits, source)
        sink.emit(a64.three(compare, 0, 0, 1))
        sink.trap_if(a64.GE, Reason.OVERFLOW)
        sink.emit(convert | 9)
        sink.push(9)

    return write


_enter_all()
