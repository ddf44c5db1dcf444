"""Writers: tests, casts and branches on casts; calls whose type may be below the wanted one.

A type is below another of depth d if entry d of its display is that other one: `compile/llvm/operations_casts.py`.
Source: core 3.0, 4.6.5.
"""

from __future__ import annotations

from typing import Final

from bembix.compile import layout
from bembix.compile.heap import Heap, Kind, Object, Size, TypeInfo
from bembix.compile.layout import FuncRecord
from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.control import go_if
from bembix.compile.stencil.aarch64.encode import LDR_W, LDR_X, T0
from bembix.compile.stencil.aarch64.sink import Aarch64Sink, Maker, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.canonical import canonical_type, display, match_heap, top
from bembix.spec.instructions import Instr
from bembix.spec.types import AbsHeap, HeapType, RefType
from bembix.validate.sink import Label

_BOTTOMS: Final = (AbsHeap.NONE, AbsHeap.NOFUNC, AbsHeap.NOEXTERN, AbsHeap.NOEXN)
#: Types that an i31 is also of.
_ABOVE_I31: Final = (AbsHeap.ANY, AbsHeap.EQ, AbsHeap.I31)
_KINDS: Final = {AbsHeap.STRUCT: Kind.STRUCT, AbsHeap.ARRAY: Kind.ARRAY}


def get_heap(sink: Aarch64Sink, to: int) -> None:
    """Load the address of the store's heap."""
    sink.get_store(to)
    sink.get(LDR_X, to, to, layout.Store.HEAP)


def _type_info(sink: Aarch64Sink) -> None:
    """Turn the id in x9 into the address of what is known of the type; x10 is lost."""
    get_heap(sink, 10)
    sink.get(LDR_X, 10, 10, Heap.TYPES)
    sink.emit(a64.three(a64.ADD, 9, 10, 9) | (TypeInfo.SIZE.bit_length() - 1) << 10)


def is_below(sink: Aarch64Sink, index: int) -> None:
    """Compare: EQ then says that the type whose id is in x9 is the one with an index, or below it; x10 is lost."""
    number = sink.context.ids[index]
    if not canonical_type(number).final:
        depth = len(display(number)) - 1
        _type_info(sink)
        if depth < TypeInfo.NEAR:
            sink.get(LDR_W, 9, 9, TypeInfo.DISPLAY + 4 * depth)
        else:
            sink.get(LDR_X, 9, 9, TypeInfo.FAR)
            sink.get(LDR_W, 9, 9, 4 * depth)
    sink.from_context(LDR_X, 10, sink.layout.type(index))
    sink.emit(a64.cmp(9, 10))


def _compare_object(sink: Aarch64Sink, target: HeapType, index: HeapType) -> int:
    """Compare what is in x11, no null and no i31; return the condition under which it is of a type."""
    if isinstance(index, int) and top(target) is AbsHeap.FUNC:
        sink.get(LDR_X, 9, 11, FuncRecord.TYPE)
        is_below(sink, index)
        return a64.EQ
    if isinstance(index, int):
        sink.get(LDR_W, 9, 11, Object.TYPE)
        is_below(sink, index)
        return a64.EQ
    if target is AbsHeap.EQ:
        sink.get(LDR_W, 9, 11, Object.TYPE)
        sink.out += a64.constant(T0, Size.BOX_TYPE)
        sink.emit(a64.cmp_w(9, T0))
        return a64.NE
    if not isinstance(target, AbsHeap) or target not in _KINDS:
        sink.emit(a64.subs_imm(a64.ZR, 11, 0))  # not 0, as was seen before
        return a64.EQ
    sink.get(LDR_W, 9, 11, Object.TYPE)
    _type_info(sink)
    sink.get(LDR_W, 9, 9, TypeInfo.KIND)
    sink.emit(a64.subs_imm(a64.ZR, 9, _KINDS[target]))
    return a64.EQ


def _match(sink: Aarch64Sink, target: RefType, index: HeapType, given: RefType) -> None:
    """Have 1 in x12 where the reference in x11 is of a type, else 0."""
    if target.heap in _BOTTOMS:
        sink.emit(a64.subs_imm(a64.ZR, 11, 0))
        if target.nullable:
            sink.emit(a64.cset(12, a64.EQ))
        else:
            sink.out += a64.constant(12, 0)
        return
    if match_heap(given.heap, target.heap):
        sink.emit(a64.subs_imm(a64.ZR, 11, 0), a64.cset(12, a64.NE))
        if target.nullable or not given.nullable:
            sink.out += a64.constant(12, 1)
        return
    ends = []
    sink.out += a64.constant(12, int(target.nullable))
    sink.emit(a64.skip_unless_zero(11, wide=True))
    ends.append(sink.forward())
    if given.heap in _ABOVE_I31:
        sink.out += a64.constant(12, int(target.heap in _ABOVE_I31))
        sink.emit(a64.tst_low(11, 1), a64.skip_if(a64.EQ))
        ends.append(sink.forward())
    condition = _compare_object(sink, target.heap, index)
    sink.emit(a64.cset(12, condition))
    sink.patch(ends)


@writer("ref.test", "ref.test null")
def ref_test(sink: Aarch64Sink, row: Instr) -> Writer:
    """Say whether it is."""

    def write(target: RefType, index: HeapType, given: RefType) -> None:
        sink.pop(11)
        _match(sink, target, index, given)
        sink.push(12)

    return write


@writer("ref.cast", "ref.cast null")
def ref_cast(sink: Aarch64Sink, row: Instr) -> Writer:
    """Trap unless it is."""

    def write(target: RefType, index: HeapType, given: RefType) -> None:
        sink.load(11, sink.vs[-1])
        _match(sink, target, index, given)
        sink.trap_if_zero(12, Reason.CAST_FAILURE)

    return write


def _branching(fail: bool) -> Maker:
    skip = a64.skip_if_zero if fail else a64.skip_unless_zero

    def make(sink: Aarch64Sink, row: Instr) -> Writer:
        def write(label: Label, target: RefType, index: HeapType, given: RefType) -> None:
            sink.load(11, sink.vs[-1])
            _match(sink, target, index, given)
            go_if(sink, skip(12, wide=False), label)

        return write

    return make


writer("br_on_cast")(_branching(False))
writer("br_on_cast_fail")(_branching(True))
