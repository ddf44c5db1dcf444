"""Writers: tests, casts and branches on casts; calls whose type may be below the wanted one.

A type is below another of depth d if entry d of its display is that other one: `compile/llvm/operations_casts.py`.
Source: core 3.0, 4.6.5.
"""

from __future__ import annotations

from typing import Final

from bembix.compile import layout
from bembix.compile.heap import Heap, Kind, Object, Size, TypeInfo
from bembix.compile.layout import FuncRecord
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.control import branch_if
from bembix.compile.stencil.x86_64.encode import CONSTANT, RCX, rm, rr
from bembix.compile.stencil.x86_64.integers import push_condition
from bembix.compile.stencil.x86_64.sink import Maker, StencilSink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.canonical import canonical_type, display, match_heap, top
from bembix.spec.instructions import Instr
from bembix.spec.types import AbsHeap, HeapType, RefType
from bembix.validate.sink import Label

_BOTTOMS: Final = (AbsHeap.NONE, AbsHeap.NOFUNC, AbsHeap.NOEXTERN, AbsHeap.NOEXN)
#: Types that an i31 is also of.
_ABOVE_I31: Final = (AbsHeap.ANY, AbsHeap.EQ, AbsHeap.I31)


def load_heap(sink: StencilSink, to: int) -> None:
    """Load the address of the store's heap."""
    sink.out += rm(b"\x8b", 1, to, sink.context_register(), layout.Context.STORE)
    sink.out += rm(b"\x8b", 1, to, to, layout.Store.HEAP)


def _type_info(sink: StencilSink, number: int) -> None:
    """Turn an id in a register into the address of what is known of the type; rcx is lost."""
    load_heap(sink, RCX)
    out = sink.out
    out += rm(b"\x8b", 1, RCX, RCX, Heap.TYPES)
    out += rr(b"\xc1", 1, 4, number) + bytes((TypeInfo.SIZE.bit_length() - 1,)) + rr(b"\x03", 1, number, RCX)


def _is_below(sink: StencilSink, given: int, index: int) -> None:
    """Compare: E then says that the type whose id is in a scratch register is the one with an index, or below it."""
    number, out = sink.context.ids[index], sink.out
    if not canonical_type(number).final:
        depth = len(display(number)) - 1
        _type_info(sink, given)
        if depth < TypeInfo.NEAR:
            out += rm(b"\x8b", 0, given, given, TypeInfo.DISPLAY + 4 * depth)
        else:
            out += rm(b"\x8b", 1, given, given, TypeInfo.FAR) + rm(b"\x8b", 0, given, given, 4 * depth)
    out += rm(b"\x3b", 1, given, sink.context_register(), sink.layout.type(index))


def check_function(sink: StencilSink, record: int, index: int) -> None:
    """Trap unless a function is of a type or one below it."""
    given = sink.alloc()
    sink.out += rm(b"\x8b", 1, given, record, FuncRecord.TYPE)
    _is_below(sink, given, index)
    sink.free.append(given)
    sink.trap_if(x86.NE, Reason.INDIRECT_TYPE)


def _compare_object(sink: StencilSink, value: int, target: HeapType, index: HeapType) -> int:
    """Compare what is no null and no i31; return the condition under which it is of a type."""
    out = sink.out
    given = sink.alloc()
    sink.free.append(given)
    if isinstance(index, int) and top(target) is AbsHeap.FUNC:
        out += rm(b"\x8b", 1, given, value, FuncRecord.TYPE)
        _is_below(sink, given, index)
        return x86.E
    out += rm(b"\x8b", 0, given, value, Object.TYPE)
    if isinstance(index, int):
        _is_below(sink, given, index)
        return x86.E
    if target is AbsHeap.EQ:
        out += rr(b"\x81", 0, 7, given) + Size.BOX_TYPE.to_bytes(4, "little")
        return x86.NE
    kinds = {AbsHeap.STRUCT: Kind.STRUCT, AbsHeap.ARRAY: Kind.ARRAY}
    if target not in kinds:
        out += x86.TEST64[value << 5 | value]  # not 0, as was seen before
        return x86.E
    _type_info(sink, given)
    out += rm(b"\x83", 0, 7, given, TypeInfo.KIND) + bytes((kinds[target],))
    return x86.E


def _match(sink: StencilSink, value: int, target: RefType, index: HeapType, given: RefType) -> int:
    """Compare; return the condition under which the reference in a register is of a type."""
    out = sink.out
    if target.heap in _BOTTOMS:
        if target.nullable:
            out += x86.TEST64[value << 5 | value]
            return x86.E
        return _always(sink, False)
    if match_heap(given.heap, target.heap):
        if target.nullable or not given.nullable:
            return _always(sink, True)
        out += x86.TEST64[value << 5 | value]
        return x86.NE
    return _look(sink, value, target, index, given)


def _always(sink: StencilSink, answer: bool) -> int:
    sink.out += x86.rr(b"\x3b", 0, RCX, RCX)  # equal to itself
    return x86.E if answer else x86.NE


def _look(sink: StencilSink, value: int, target: RefType, index: HeapType, given: RefType) -> int:
    """The same where the object has to be looked at."""
    out, ends = sink.out, []
    # Whatever has to leave its register for this leaves it on all paths.
    answer = sink.alloc()
    other = sink.alloc()
    sink.free.append(other)
    out += CONSTANT[int(target.nullable) << 4 | answer] + x86.TEST64[value << 5 | value] + x86.JCC[x86.E]
    ends.append(len(out))
    if given.heap in _ABOVE_I31:
        out += CONSTANT[int(target.heap in _ABOVE_I31) << 4 | answer]
        out += rr(b"\xf7", 0, 0, value) + b"\1\0\0\0" + x86.JCC[x86.NE]
        ends.append(len(out))
    condition = _compare_object(sink, value, target.heap, index)
    out += x86.SETCC[condition << 4 | answer]
    sink.patch(ends)
    out += x86.TEST32[answer << 5 | answer]
    sink.free.append(answer)
    return x86.NE


@writer("ref.test", "ref.test null")
def ref_test(sink: StencilSink, row: Instr) -> Writer:
    """Say whether it is."""

    def write(target: RefType, index: HeapType, given: RefType) -> None:
        value = sink.register(sink.vs.pop())
        condition = _match(sink, value, target, index, given)
        sink.release(value)
        push_condition(sink, condition) if row.name == "ref.test" else _push(sink, condition)

    return write


def _push(sink: StencilSink, condition: int) -> None:
    to = sink.alloc()
    sink.out += x86.SETCC[condition << 4 | to]
    sink.vs.append(to)


@writer("ref.cast", "ref.cast null")
def ref_cast(sink: StencilSink, row: Instr) -> Writer:
    """Trap unless it is."""

    def write(target: RefType, index: HeapType, given: RefType) -> None:
        value = sink.register(sink.vs.pop())
        condition = _match(sink, value, target, index, given)
        sink.trap_if(condition ^ 1, Reason.CAST_FAILURE)
        sink.vs.append(value)

    return write


def _branching(fail: bool) -> Maker:
    def make(sink: StencilSink, row: Instr) -> Writer:
        def write(label: Label, target: RefType, index: HeapType, given: RefType) -> None:
            value = sink.register(sink.vs.pop())
            condition = _match(sink, value, target, index, given)
            sink.vs.append(value)
            branch_if(sink, condition ^ int(fail), label)

        return write

    return make


writer("br_on_cast")(_branching(False))
writer("br_on_cast_fail")(_branching(True))
