"""Writers: tests, casts and branches on casts; calls whose type may be below the wanted one.  Source: core 3.0, 4.6.5.

A type is below another of depth d if entry d of its display, the list of what is above it, is that other one.
Source: N. Cohen, "Type-extension type tests can be performed in constant time" (1991).
"""

from __future__ import annotations

from bembix.compile.heap import Heap, Kind, Object, Size, TypeInfo
from bembix.compile.layout import FuncRecord
from bembix.compile.llvm import objects
from bembix.compile.llvm.sink import INVARIANT, LlvmSink, operation
from bembix.compile.traps import Reason
from bembix.spec.canonical import canonical_type, display, match_heap, top
from bembix.spec.types import AbsHeap, HeapType, RefType
from bembix.validate.sink import Label

_BOTTOMS = (AbsHeap.NONE, AbsHeap.NOFUNC, AbsHeap.NOEXTERN, AbsHeap.NOEXN)
#: Types that an i31 is also of.
_ABOVE_I31 = (AbsHeap.ANY, AbsHeap.EQ, AbsHeap.I31)


def type_info(sink: LlvmSink, number: str) -> str:
    """Return the address of what is known of a type, by its id (an i64)."""
    types = sink.field(objects.heap(sink), Heap.TYPES, note=INVARIANT)
    name = sink.name()
    sink.out.append(f"{name}.o = mul i64 {number}, {TypeInfo.SIZE}")
    sink.out.append(f"{name} = getelementptr i8, ptr {types}, i64 {name}.o")
    return name


def is_below(sink: LlvmSink, given: str, index: int) -> str:
    """Return, as an i1, whether the type with an id (an i64) is the type with a type index or below it."""
    number = sink.context.ids[index]
    wanted, name = objects.type_id(sink, index), sink.name()
    if canonical_type(number).final:
        sink.out.append(f"{name} = icmp eq i64 {given}, {wanted}")
        return name
    depth = len(display(number)) - 1
    base, offset = type_info(sink, given), TypeInfo.DISPLAY + 4 * depth
    if depth >= TypeInfo.NEAR:
        base, offset = sink.field(base, TypeInfo.FAR, note=INVARIANT), 4 * depth
    there = sink.field(base, offset, "i32", INVARIANT)
    sink.out.append(f"{name}.w = zext i32 {there} to i64\n{name} = icmp eq i64 {name}.w, {wanted}")
    return name


def check_function(sink: LlvmSink, record: str, index: int) -> None:
    """Trap unless a function is of a type or one below it."""
    given = sink.field(record, FuncRecord.TYPE, "i64", INVARIANT)
    below, name = is_below(sink, given, index), sink.name()
    sink.out.append(f"{name} = xor i1 {below}, true")
    sink.trap_if(name, Reason.INDIRECT_TYPE)


def _object_type(sink: LlvmSink, value: str) -> str:
    kind, name = sink.field(value, Object.TYPE, "i32", objects.header_note(sink)), sink.name()
    sink.out.append(f"{name} = zext i32 {kind} to i64")
    return name


def _has_kind(sink: LlvmSink, value: str, kind: int) -> str:
    found = sink.field(type_info(sink, _object_type(sink, value)), TypeInfo.KIND, "i32", INVARIANT)
    name = sink.name()
    sink.out.append(f"{name} = icmp eq i32 {found}, {kind}")
    return name


def _is_object_of(sink: LlvmSink, value: str, target: HeapType, index: HeapType) -> str:
    """Return whether what is no null and no i31 is of a type."""
    if isinstance(index, int):
        if top(target) is AbsHeap.FUNC:
            return is_below(sink, sink.field(value, FuncRecord.TYPE, "i64", INVARIANT), index)
        return is_below(sink, _object_type(sink, value), index)
    if target is AbsHeap.EQ:
        name = sink.name()
        sink.out.append(f"{name} = icmp ne i64 {_object_type(sink, value)}, {Size.BOX_TYPE}")
        return name
    kinds = {AbsHeap.STRUCT: Kind.STRUCT, AbsHeap.ARRAY: Kind.ARRAY}
    return _has_kind(sink, value, kinds[target]) if target in kinds else "false"


def _may_be_i31(given: RefType) -> bool:
    return given.heap in _ABOVE_I31


def matches(sink: LlvmSink, value: str, target: RefType, index: HeapType, given: RefType) -> str:
    """Return, as an i1, whether a reference is of a type.  index: its heap type as the module writes it."""
    null = sink.name()
    sink.out.append(f"{null} = icmp eq ptr {value}, null")
    if target.heap in _BOTTOMS:
        return null if target.nullable else "false"
    if match_heap(given.heap, target.heap):
        if target.nullable or not given.nullable:
            return "true"
        sink.out.append(f"{null}.n = xor i1 {null}, true")
        return f"{null}.n"
    return _look(sink, value, null, target, index, given)


def _look(sink: LlvmSink, value: str, null: str, target: RefType, index: HeapType, given: RefType) -> str:
    """The same where the object has to be looked at."""
    label, slot, found = sink.label_name(), sink.name(), sink.name()
    sink.allocas.append(f"{slot} = alloca i1")
    sink.out.append(f"store i1 {'true' if target.nullable else 'false'}, ptr {slot}")
    sink.out.append(f"br i1 {null}, label %{label}, label %{label}s\n{label}s:")
    if _may_be_i31(given):
        sink.out.append(
            f"{slot}.w = ptrtoint ptr {value} to i64\n{slot}.t = trunc i64 {slot}.w to i1\n"
            f"store i1 {'true' if target.heap in _ABOVE_I31 else 'false'}, ptr {slot}\n"
            f"br i1 {slot}.t, label %{label}, label %{label}o\n{label}o:"
        )
    result = _is_object_of(sink, value, target.heap, index)
    sink.out.append(f"store i1 {result}, ptr {slot}\nbr label %{label}\n{label}:\n{found} = load i1, ptr {slot}")
    return found


@operation("ref.test", "ref.test null")
def ref_test(sink: LlvmSink, target: RefType, index: HeapType, given: RefType) -> None:
    """Say whether it is."""
    found, name = matches(sink, sink.pop(), target, index, given), sink.name()
    sink.out.append(f"{name}.b = or i1 {found}, false\n{name} = zext i1 {name}.b to i32")
    sink.bools.add(name)
    sink.push(name)


@operation("ref.cast", "ref.cast null")
def ref_cast(sink: LlvmSink, target: RefType, index: HeapType, given: RefType) -> None:
    """Trap unless it is."""
    found, name = matches(sink, sink.values[-1], target, index, given), sink.name()
    sink.out.append(f"{name} = xor i1 {found}, true")
    sink.trap_if(name, Reason.CAST_FAILURE)


def _branch(sink: LlvmSink, label: Label, condition: str) -> None:
    """Go where the condition holds; the values stay for the other case."""
    sink.settle()
    name = sink.destination(label, sink.values[len(sink.values) - len(label.targets) :])
    sink.number += 1
    sink.out.append(f"br i1 {condition}, label %{name}, label %n{sink.number}\nn{sink.number}:")


@operation("br_on_cast")
def br_on_cast(sink: LlvmSink, label: Label, target: RefType, index: HeapType, given: RefType) -> None:
    """Go where it is."""
    _branch(sink, label, matches(sink, sink.values[-1], target, index, given))


@operation("br_on_cast_fail")
def br_on_cast_fail(sink: LlvmSink, label: Label, target: RefType, index: HeapType, given: RefType) -> None:
    """Go where it is not."""
    found, name = matches(sink, sink.values[-1], target, index, given), sink.name()
    sink.out.append(f"{name} = xor i1 {found}, true")
    _branch(sink, label, name)
