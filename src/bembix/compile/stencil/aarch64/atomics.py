"""Writers of atomic instructions, all of them sequentially consistent, on addresses that must be aligned.

Read-modify-write is a loop around an exclusive load and store, which every CPU has.
`memory.atomic.wait` and `notify` check their address here and leave the rest to the runtime.
Source: threads proposal, core/exec/instructions; Arm Architecture Reference Manual, B2.3.
"""

from __future__ import annotations

import re
from typing import Final

from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.encode import T0
from bembix.compile.stencil.aarch64.memory import BASE, INDEX, check_span, place
from bembix.compile.stencil.aarch64.sink import MAKERS, Aarch64Sink, Maker, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import TABLE, Instr
from bembix.spec.types import I32

_PATTERN: Final = re.compile(r"atomic\.(load|store|rmw)\d*(?:\.(\w+))?")
#: For bytes; the highest two bits are the binary logarithm of the width.
_LDAR, _STLR, _LDAXR, _STLXR = 0x08DFFC00, 0x089FFC00, 0x085FFC00, 0x0800FC00
_OPERATIONS: Final = {"add": a64.ADD, "sub": a64.SUB, "and": a64.AND, "or": a64.ORR, "xor": a64.EOR}


def _check_alignment(sink: Aarch64Sink, entry: int, offset: int, width: int) -> None:
    """Trap unless address + offset is a multiple of the width."""
    if width > 1:
        sink.load(INDEX, entry)
        sink.emit(a64.add_imm(T0, INDEX, offset % width), a64.tst_low(T0, width.bit_length() - 1))
        sink.trap_if(a64.NE, Reason.UNALIGNED_ATOMIC)


def _place(sink: Aarch64Sink, row: Instr, entry: int, index: int, offset: int) -> int:
    """Have the address of an access in x9, after all checks; return what the width adds to instructions."""
    _check_alignment(sink, entry, offset, row.width)
    place(sink, entry, index, offset, row.width)
    sink.emit(a64.three(a64.ADD, 9, BASE, INDEX))
    return (row.width.bit_length() - 1) << 30


def _load(sink: Aarch64Sink, row: Instr) -> Writer:
    def write(index: int, offset: int) -> None:
        width = _place(sink, row, sink.vs.pop(), index, offset)
        # A bad address faults here, too.
        sink.emit(_LDAR | width | 9 << 5 | 12)
        sink.push(12)

    return write


def _store(sink: Aarch64Sink, row: Instr) -> Writer:
    def write(index: int, offset: int) -> None:
        value, entry = sink.vs.pop(), sink.vs.pop()
        width = _place(sink, row, entry, index, offset)
        sink.load(12, value)
        sink.emit(_STLR | width | 9 << 5 | 12)

    return write


def _exchange(sink: Aarch64Sink, row: Instr, what: str) -> Writer:
    """Change what is there; the old value is the result."""

    def write(index: int, offset: int) -> None:
        value, entry = sink.vs.pop(), sink.vs.pop()
        width = _place(sink, row, entry, index, offset)
        sink.load(11, value)
        change = a64.mov(13, 11) if what == "xchg" else a64.three(_OPERATIONS[what], 13, 12, 11)
        # ldaxr x12, [x9]; change; stlxr w14, x13, [x9]; cbnz w14, ldaxr
        sink.emit(_LDAXR | width | 9 << 5 | 12, change, _STLXR | width | 14 << 16 | 9 << 5 | 13)
        sink.emit(0x35000000 | (-3 & 0x7FFFF) << 5 | 14)
        sink.push(12)

    return write


def _compare_exchange(sink: Aarch64Sink, row: Instr) -> Writer:
    """Store a new value where the old one is as expected; a narrow one compares what the expected value is in memory,
    as other engines do."""
    mask = (1 << 8 * row.width) - 1

    def write(index: int, offset: int) -> None:
        value, expected, entry = sink.vs.pop(), sink.vs.pop(), sink.vs.pop()
        width = _place(sink, row, entry, index, offset)
        sink.load(13, value)
        sink.load(11, expected)
        if row.width < 8:
            sink.out += a64.constant(T0, mask)
            sink.emit(a64.three(a64.AND, 11, 11, T0))
        # ldaxr x12, [x9]; cmp x12, x11; b.ne end; stlxr w14, x13, [x9]; cbnz w14, ldaxr
        sink.emit(_LDAXR | width | 9 << 5 | 12, a64.cmp(12, 11), a64.skip_if(a64.NE, 2))
        sink.emit(_STLXR | width | 14 << 16 | 9 << 5 | 13, 0x35000000 | (-4 & 0x7FFFF) << 5 | 14)
        sink.push(12)

    return write


def _maker(kind: str, what: str) -> Maker:
    if kind == "rmw":
        return _compare_exchange if what == "cmpxchg" else lambda sink, row: _exchange(sink, row, what)
    return _load if kind == "load" else _store


def _enter_all() -> None:
    for row in TABLE:
        found = _PATTERN.fullmatch(row.operation or "")
        if found:
            MAKERS[row.code] = _maker(found[1], found[2])


_enter_all()


@writer("atomic.fence")
def fence(sink: Aarch64Sink, row: Instr) -> Writer:
    """Order everything before it with everything behind it."""
    return lambda: sink.emit(a64.DMB_ISH)


# -- waiting -----------------------------------------------------------------------------------------------------------


def _waiting_place(sink: Aarch64Sink, entry: int, index: int, offset: int, width: int) -> int:
    """Check an address; return the entry of a cell that has it with the offset."""
    _check_alignment(sink, entry, offset, width)
    sink.load(INDEX, entry)
    check_span(sink, index, offset + width)
    sink.out += a64.constant(T0, offset & (1 << 64) - 1)
    sink.emit(a64.three(a64.ADD, INDEX, INDEX, T0))
    sink.push(INDEX)
    return sink.vs.pop()


@writer("memory.atomic.notify")
def notify(sink: Aarch64Sink, row: Instr) -> Writer:
    """Ask the runtime to wake threads."""

    def write(index: int, offset: int) -> None:
        entry, count = sink.take(2)
        at = _waiting_place(sink, entry, index, offset, 4)
        sink.runtime("atomic_notify", [~index, at, count])
        sink.push_typed(0, I32)

    return write


@writer("memory.atomic.wait32", "memory.atomic.wait64")
def wait(sink: Aarch64Sink, row: Instr) -> Writer:
    """Ask the runtime to have this thread wait."""

    def write(index: int, offset: int) -> None:
        entry, expected, timeout = sink.take(3)
        at = _waiting_place(sink, entry, index, offset, row.width)
        if not sink.context.memories[index].shared:
            sink.trap(Reason.EXPECTED_SHARED)
        sink.runtime("atomic_wait", [~index, at, expected, timeout, ~row.width])
        sink.push_typed(0, I32)

    return write
