"""Writers of loads and stores, and of what the runtime does for whole memories, tables and segments.

A memory with 32 bit addresses needs no check: what lies behind it faults.  Others are checked as in
`compile/llvm/addresses.py`.  Source: core 3.0, 4.6.6 - 4.6.9.
"""

from __future__ import annotations

from typing import Final

from bembix.compile import layout
from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.encode import LDR_Q, LDR_W, LDR_X, STR_Q, STR_W, STR_X, T0
from bembix.compile.stencil.aarch64.pasted import apply
from bembix.compile.stencil.aarch64.sink import MAKERS, Aarch64Sink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import BY_NAME, TABLE, Imm, Instr
from bembix.spec.types import I32, I64, V128, NumType

_WIDEST: Final = 16  #: bytes of the widest access
#: Registers of a place in memory.
BASE, INDEX = 10, 9


def place(sink: Aarch64Sink, entry: int, index: int, offset: int, width: int) -> None:
    """Have base and index of an access in their registers, from its address, which was popped; x11, x12 are lost."""
    sink.load(INDEX, entry)
    memory = sink.context.memories[index]
    if sink.guarded[index]:
        pass
    elif memory.page_size_log2 != 16 or (memory.address is not I32 and offset + _WIDEST > layout.GUARD_64):
        check_span(sink, index, offset + width)
    elif memory.address is not I32:
        _load_length(sink, index)
        sink.emit(a64.cmp(INDEX, 11))
        sink.trap_if(a64.HI, Reason.MEMORY_BOUNDS)
    if 0 < offset < 4096:
        sink.emit(a64.add_imm(INDEX, INDEX, offset))
    elif offset:
        sink.out += a64.constant(T0, offset & (1 << 64) - 1)
        sink.emit(a64.three(a64.ADD, INDEX, INDEX, T0))
    sink.from_context(LDR_X, BASE, sink.layout.memory(index) + layout.Slot.BASE)


def _load_length(sink: Aarch64Sink, index: int) -> None:
    """Load a memory's size in bytes to x11."""
    sink.from_context(LDR_X, 11, sink.layout.memory(index) + layout.Slot.BLOCK)
    sink.get(LDR_X, 11, 11, layout.Block.LENGTH)


def check_span(sink: Aarch64Sink, index: int, needed: int) -> None:
    """Trap unless the address in x9 and `needed` bytes behind it are in a memory; x11 is lost."""
    if needed >= 1 << 64:
        sink.trap(Reason.MEMORY_BOUNDS)
        return
    _load_length(sink, index)
    sink.out += a64.constant(T0, needed)
    sink.emit(a64.three(a64.SUBS, 11, 11, T0))
    sink.trap_if(a64.LO, Reason.MEMORY_BOUNDS)
    sink.emit(a64.cmp(INDEX, 11))
    sink.trap_if(a64.HI, Reason.MEMORY_BOUNDS)


#: Floats go through integer registers: their bits are what matters.
_LOADS: Final = {
    "i32.load": LDR_W,
    "i64.load": LDR_X,
    "f32.load": LDR_W,
    "f64.load": LDR_X,
    "i32.load8_s": a64.LDRSB_W,
    "i32.load8_u": a64.LDRB,
    "i32.load16_s": a64.LDRSH_W,
    "i32.load16_u": a64.LDRH,
    "i64.load8_s": a64.LDRSB_X,
    "i64.load8_u": a64.LDRB,
    "i64.load16_s": a64.LDRSH_X,
    "i64.load16_u": a64.LDRH,
    "i64.load32_s": a64.LDRSW,
    "i64.load32_u": LDR_W,
}
_STORES: Final = {
    "i32.store": STR_W,
    "i64.store": STR_X,
    "f32.store": STR_W,
    "f64.store": STR_X,
    "i32.store8": a64.STRB,
    "i32.store16": a64.STRH,
    "i64.store8": a64.STRB,
    "i64.store16": a64.STRH,
    "i64.store32": STR_W,
}


@writer(*_LOADS)
def load(sink: Aarch64Sink, row: Instr) -> Writer:
    """Read."""
    op = _LOADS[row.name]

    def write(index: int, offset: int) -> None:
        place(sink, sink.vs.pop(), index, offset, row.width)
        sink.emit(a64.indexed(op, 12, BASE, INDEX))
        sink.push(12)

    return write


@writer(*_STORES)
def store(sink: Aarch64Sink, row: Instr) -> Writer:
    """Write."""
    op = _STORES[row.name]

    def write(index: int, offset: int) -> None:
        value, entry = sink.vs.pop(), sink.vs.pop()
        place(sink, entry, index, offset, row.width)
        sink.load(12, value)
        sink.emit(a64.indexed(op, 12, BASE, INDEX))

    return write


# -- vectors -----------------------------------------------------------------------------------------------------------


@writer("v128.load")
def load_vector(sink: Aarch64Sink, row: Instr) -> Writer:
    """Read."""

    def write(index: int, offset: int) -> None:
        place(sink, sink.vs.pop(), index, offset, row.width)
        sink.emit(a64.indexed(LDR_Q, 0, BASE, INDEX))
        sink.push_float(0, V128)

    return write


@writer("v128.store")
def store_vector(sink: Aarch64Sink, row: Instr) -> Writer:
    """Write."""

    def write(index: int, offset: int) -> None:
        value, entry = sink.vs.pop(), sink.vs.pop()
        place(sink, entry, index, offset, row.width)
        sink.load_float(0, value, V128)
        sink.emit(a64.indexed(STR_Q, 0, BASE, INDEX))

    return write


#: By bytes: how one is read, written, and the vector of those; loads to a vector register leave 0 above.
_SCALARS: Final = {
    1: (a64.LDRB, a64.STRB, "i8x16"),
    2: (a64.LDRH, a64.STRH, "i16x8"),
    4: (LDR_W, STR_W, "i32x4"),
    8: (LDR_X, STR_X, "i64x2"),
}
_ZERO: Final = {4: a64.LDR_S, 8: a64.LDR_D}


def _load_zero(sink: Aarch64Sink, row: Instr) -> Writer:
    def write(index: int, offset: int) -> None:
        place(sink, sink.vs.pop(), index, offset, row.width)
        sink.emit(a64.indexed(_ZERO[row.width], 0, BASE, INDEX))
        sink.push_float(0, V128)

    return write


def _load_extended(sink: Aarch64Sink, row: Instr) -> Writer:
    bits, _, rest = (row.operation or "").removeprefix("load").partition("x")
    count, _, sign = rest.partition("_")
    extend = BY_NAME[f"i{2 * int(bits)}x{count}.extend_low_i{bits}x{2 * int(count)}_{sign}"]

    def write(index: int, offset: int) -> None:
        place(sink, sink.vs.pop(), index, offset, row.width)
        sink.emit(a64.indexed(a64.LDR_D, 0, BASE, INDEX))
        sink.push_float(0, V128)
        apply(sink, extend)

    return write


def _load_splat(sink: Aarch64Sink, row: Instr) -> Writer:
    op, _, shape = _SCALARS[row.width]
    splat = BY_NAME[f"{shape}.splat"]

    def write(index: int, offset: int) -> None:
        place(sink, sink.vs.pop(), index, offset, row.width)
        sink.emit(a64.indexed(op, 12, BASE, INDEX))
        sink.push(12)
        apply(sink, splat)

    return write


def _load_lane(sink: Aarch64Sink, row: Instr) -> Writer:
    op, _, shape = _SCALARS[row.width]
    replace = BY_NAME[f"{shape}.replace_lane"]

    def write(index: int, offset: int, lane: int) -> None:
        vector, entry = sink.vs.pop(), sink.vs.pop()
        place(sink, entry, index, offset, row.width)
        sink.emit(a64.indexed(op, 12, BASE, INDEX))
        # The vector may be where the scalar would go, or the other way round.
        sink.load_float(0, vector, V128)
        sink.push_float(0, V128)
        sink.push(12)
        apply(sink, replace, lane)

    return write


def _store_lane(sink: Aarch64Sink, row: Instr) -> Writer:
    _, op, shape = _SCALARS[row.width]
    extract = BY_NAME[f"{shape}.extract_lane" + ("_u" if row.width < 4 else "")]

    def write(index: int, offset: int, lane: int) -> None:
        apply(sink, extract, lane)
        value, entry = sink.vs.pop(), sink.vs.pop()
        place(sink, entry, index, offset, row.width)
        sink.load(12, value)
        sink.emit(a64.indexed(op, 12, BASE, INDEX))

    return write


def _enter_vectors() -> None:
    kinds = {"splat": _load_splat, "zero": _load_zero, "s": _load_extended, "u": _load_extended}
    for row in TABLE:
        if Imm.MEMARG in row.immediates and V128 in row.params + row.results and row.code not in MAKERS:
            kind = (row.operation or "").rpartition("_")[2]
            lane = _load_lane if row.results else _store_lane
            MAKERS[row.code] = lane if kind == "lane" else kinds[kind]


_enter_vectors()


# -- whole memories and tables -----------------------------------------------------------------------------------------


@writer("memory.size")
def memory_size(sink: Aarch64Sink, row: Instr) -> Writer:
    """Read it from the memory's block."""

    def write(index: int) -> None:
        sink.from_context(LDR_X, 9, sink.layout.memory(index) + layout.Slot.BLOCK)
        sink.get(LDR_W if sink.context.memories[index].address is I32 else LDR_X, 9, 9, layout.Block.PAGES)
        sink.push(9)

    return write


def _push_size(sink: Aarch64Sink, address: NumType) -> None:
    sink.push_typed(0, I32 if address is I32 else I64)


@writer("memory.grow")
def memory_grow(sink: Aarch64Sink, row: Instr) -> Writer:
    """Ask the runtime."""

    def write(index: int) -> None:
        sink.runtime("memory_grow", [~index, *sink.take(1)])
        _push_size(sink, sink.context.memories[index].address)

    return write


@writer("table.grow")
def table_grow(sink: Aarch64Sink, row: Instr) -> Writer:
    """Ask the runtime."""

    def write(index: int) -> None:
        sink.runtime("table_grow", [~index, *sink.take(2)])
        _push_size(sink, sink.context.tables[index].address)

    return write


@writer("memory.fill")
def memory_fill(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check, then memset."""
    return lambda index: sink.runtime("memory_fill", [~sink.layout.memory(index), *sink.take(3)])


@writer("table.fill")
def table_fill(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check, then write."""
    return lambda index: sink.runtime("table_fill", [~sink.layout.table(index), *sink.take(3)])


@writer("memory.copy")
def memory_copy(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check, then memmove."""

    def write(to: int, source: int) -> None:
        slots = [~sink.layout.memory(to), ~sink.layout.memory(source)]
        sink.runtime("memory_copy", slots + sink.take(3))

    return write


@writer("table.copy")
def table_copy(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check, then memmove."""

    def write(to: int, source: int) -> None:
        slots = [~sink.layout.table(to), ~sink.layout.table(source)]
        sink.runtime("table_copy", slots + sink.take(3))

    return write


@writer("memory.init")
def memory_init(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check, then memcpy from the segment."""

    def write(segment: int, index: int) -> None:
        slots = [~sink.layout.memory(index), ~sink.layout.data(segment)]
        sink.runtime("memory_init", slots + sink.take(3))

    return write


@writer("table.init")
def table_init(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check, then memcpy from the segment."""

    def write(segment: int, index: int) -> None:
        slots = [~sink.layout.table(index), ~sink.layout.elem(segment)]
        sink.runtime("table_init", slots + sink.take(3))

    return write


def _empty(sink: Aarch64Sink, segment: int) -> None:
    """Its length becomes 0."""
    sink.get_context(9)
    sink.get(STR_X, a64.ZR, 9, segment + layout.Segment.LENGTH)


@writer("data.drop")
def data_drop(sink: Aarch64Sink, row: Instr) -> Writer:
    """Its length becomes 0."""
    return lambda segment: _empty(sink, sink.layout.data(segment))


@writer("elem.drop")
def elem_drop(sink: Aarch64Sink, row: Instr) -> Writer:
    """Its length becomes 0."""
    return lambda segment: _empty(sink, sink.layout.elem(segment))
