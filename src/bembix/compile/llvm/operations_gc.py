"""Writers: structs, arrays and i31.  Source: core 3.0, 4.6.6 (aggregates)."""

from __future__ import annotations

from bembix.compile import layout
from bembix.compile.heap import Object, Size, struct_layout
from bembix.compile.llvm import objects
from bembix.compile.llvm.sink import LlvmSink, operation
from bembix.compile.traps import Reason
from bembix.spec.types import AbsHeap, FieldType, Packed, RefType, StructType, ref

_SEGMENT = layout.Segment


# -- structs -----------------------------------------------------------------------------------------------------------


def _make_struct(sink: LlvmSink, index: int, struct: StructType) -> str:
    size = struct_layout(struct)[1]
    if size > Size.MAX_SMALL:  # made like an array of bytes: nobody reads the length of a struct
        return objects.allocate_array(sink, index, FieldType(Packed.I8, True), str(size - Object.CONTENT))
    return objects.allocate(sink, size, objects.type_id(sink, index))


@operation("struct.new")
def struct_new(sink: LlvmSink, index: int, struct: StructType) -> None:
    """Make one and fill it."""
    values = sink.pop_many(len(struct.fields))
    made = _make_struct(sink, index, struct)
    for field, offset, value in zip(struct.fields, struct_layout(struct)[0], values, strict=True):
        objects.store(sink, sink.address(made, offset), field, value)
    sink.push(made)


@operation("struct.new_default")
def struct_new_default(sink: LlvmSink, index: int, struct: StructType) -> None:
    """Make one; it is all 0."""
    sink.push(_make_struct(sink, index, struct))


def _field(sink: LlvmSink, struct: StructType, number: int, given: RefType) -> str:
    """Take the reference; return the address of a field."""
    value = sink.pop()
    objects.check_null(sink, value, given, Reason.NULL_STRUCTURE)
    return sink.address(value, struct_layout(struct)[0][number])


@operation("struct.get", "struct.get_u")
def struct_get(sink: LlvmSink, struct: StructType, number: int, given: RefType) -> None:
    """Read a field."""
    sink.push(objects.load(sink, _field(sink, struct, number, given), struct.fields[number]))


@operation("struct.get_s")
def struct_get_s(sink: LlvmSink, struct: StructType, number: int, given: RefType) -> None:
    """Read a field with its sign."""
    sink.push(objects.load(sink, _field(sink, struct, number, given), struct.fields[number], "sext"))


@operation("struct.set")
def struct_set(sink: LlvmSink, struct: StructType, number: int, given: RefType) -> None:
    """Write a field."""
    value = sink.pop()
    objects.store(sink, _field(sink, struct, number, given), struct.fields[number], value)


# -- arrays: making them -----------------------------------------------------------------------------------------------


@operation("array.new")
def array_new(sink: LlvmSink, index: int, element: FieldType) -> None:
    """Make one and fill it with a value."""
    value, count = sink.pop_many(2)
    wide = sink.wide(count, "i32")
    made = objects.allocate_array(sink, index, element, wide)
    objects.fill(sink, objects.elements(sink, made, element, "0"), element, value, wide)
    sink.push(made)


@operation("array.new_default")
def array_new_default(sink: LlvmSink, index: int, element: FieldType) -> None:
    """Make one; it is all 0."""
    sink.push(objects.allocate_array(sink, index, element, sink.wide(sink.pop(), "i32")))


@operation("array.new_fixed")
def array_new_fixed(sink: LlvmSink, index: int, element: FieldType, count: int) -> None:
    """Make one of the operands."""
    values = sink.pop_many(count)
    made = objects.small_array(sink, index, element, count)
    for number, value in enumerate(values):
        objects.store(sink, objects.elements(sink, made, element, str(number)), element, value)
    sink.push(made)


def _segment_part(sink: LlvmSink, segment: int, start: str, size: str, reason: Reason) -> str:
    """Return the base of a segment, after the check that so much of it is there."""
    limit = sink.field("%ctx", segment + _SEGMENT.LENGTH, "i64", sink.own)
    objects.check_span(sink, start, size, limit, reason)
    return sink.field("%ctx", segment + _SEGMENT.BASE, note=sink.own)


def _shifted(sink: LlvmSink, value: str, bits: int) -> str:
    if not bits:
        return value
    name = sink.name()
    sink.out.append(f"{name} = shl i64 {value}, {bits}")
    return name


def _copy(sink: LlvmSink, kind: str, to: str, source: str, size: str) -> None:
    sink.out.append(f"call void @llvm.{kind}.p0.p0.i64(ptr {to}, ptr {source}, i64 {size}, i1 false)")


def _offset(sink: LlvmSink, base: str, distance: str) -> str:
    name = sink.name()
    sink.out.append(f"{name} = getelementptr i8, ptr {base}, i64 {distance}")
    return name


@operation("array.new_data")
def array_new_data(sink: LlvmSink, index: int, element: FieldType, segment: int) -> None:
    """Make one of bytes of a data segment."""
    start, count = (sink.wide(value, "i32") for value in sink.pop_many(2))
    size = _shifted(sink, count, objects.shift(element))
    base = _segment_part(sink, sink.layout.data(segment), start, size, Reason.MEMORY_BOUNDS)
    made = objects.allocate_array(sink, index, element, count)
    _copy(sink, "memcpy", objects.elements(sink, made, element, "0"), _offset(sink, base, start), size)
    sink.push(made)


@operation("array.new_elem")
def array_new_elem(sink: LlvmSink, index: int, element: FieldType, segment: int) -> None:
    """Make one of references of an element segment."""
    start, count = (sink.wide(value, "i32") for value in sink.pop_many(2))
    base = _segment_part(sink, sink.layout.elem(segment), start, count, Reason.TABLE_BOUNDS)
    made = objects.allocate_array(sink, index, element, count)
    source = _offset(sink, base, _shifted(sink, start, 3))
    _copy(sink, "memcpy", objects.elements(sink, made, element, "0"), source, _shifted(sink, count, 3))
    sink.push(made)


# -- arrays: using them ------------------------------------------------------------------------------------------------


def _element(sink: LlvmSink, element: FieldType, given: RefType) -> str:
    """Take reference and index; return the address of the element."""
    array, index = sink.pop_many(2)
    objects.check_null(sink, array, given, Reason.NULL_ARRAY)
    name = sink.name()
    sink.out.append(f"{name} = icmp uge i32 {index}, {objects.length(sink, array)}")
    sink.trap_if(name, Reason.ARRAY_BOUNDS)
    return objects.elements(sink, array, element, sink.wide(index, "i32"))


@operation("array.get", "array.get_u")
def array_get(sink: LlvmSink, element: FieldType, given: RefType) -> None:
    """Read an element."""
    sink.push(objects.load(sink, _element(sink, element, given), element))


@operation("array.get_s")
def array_get_s(sink: LlvmSink, element: FieldType, given: RefType) -> None:
    """Read an element with its sign."""
    sink.push(objects.load(sink, _element(sink, element, given), element, "sext"))


@operation("array.set")
def array_set(sink: LlvmSink, element: FieldType, given: RefType) -> None:
    """Write an element."""
    value = sink.pop()
    objects.store(sink, _element(sink, element, given), element, value)


@operation("array.len")
def array_len(sink: LlvmSink, given: RefType) -> None:
    """Read it from the header."""
    array = sink.pop()
    objects.check_null(sink, array, given, Reason.NULL_ARRAY)
    sink.push(objects.length(sink, array))


def _part(sink: LlvmSink, array: str, element: FieldType, start: str, count: str) -> str:
    """Return the address of an element, after the check that so many are there."""
    objects.check_null(sink, array, ref(True, AbsHeap.ARRAY), Reason.NULL_ARRAY)
    limit = sink.wide(objects.length(sink, array), "i32")
    objects.check_span(sink, start, count, limit, Reason.ARRAY_BOUNDS)
    return objects.elements(sink, array, element, start)


@operation("array.fill")
def array_fill(sink: LlvmSink, element: FieldType) -> None:
    """Check, then write."""
    array, index, value, number = sink.pop_many(4)
    start, count = sink.wide(index, "i32"), sink.wide(number, "i32")
    objects.fill(sink, _part(sink, array, element, start, count), element, value, count)


@operation("array.copy")
def array_copy(sink: LlvmSink, element: FieldType) -> None:
    """Check both, then move."""
    to, to_index, source, source_index, number = sink.pop_many(5)
    starts = sink.wide(to_index, "i32"), sink.wide(source_index, "i32")
    count = sink.wide(number, "i32")
    target = _part(sink, to, element, starts[0], count)
    origin = _part(sink, source, element, starts[1], count)
    _copy(sink, "memmove", target, origin, _shifted(sink, count, objects.shift(element)))


@operation("array.init_data")
def array_init_data(sink: LlvmSink, element: FieldType, segment: int) -> None:
    """Check array and segment, then copy bytes."""
    array, *indices = sink.pop_many(4)
    to, start, count = (sink.wide(value, "i32") for value in indices)
    target = _part(sink, array, element, to, count)
    size = _shifted(sink, count, objects.shift(element))
    base = _segment_part(sink, sink.layout.data(segment), start, size, Reason.MEMORY_BOUNDS)
    _copy(sink, "memcpy", target, _offset(sink, base, start), size)


@operation("array.init_elem")
def array_init_elem(sink: LlvmSink, element: FieldType, segment: int) -> None:
    """Check array and segment, then copy references."""
    array, *indices = sink.pop_many(4)
    to, start, count = (sink.wide(value, "i32") for value in indices)
    target = _part(sink, array, element, to, count)
    base = _segment_part(sink, sink.layout.elem(segment), start, count, Reason.TABLE_BOUNDS)
    _copy(sink, "memcpy", target, _offset(sink, base, _shifted(sink, start, 3)), _shifted(sink, count, 3))


# -- i31, conversion ---------------------------------------------------------------------------------------------------


@operation("ref.i31")
def ref_i31(sink: LlvmSink) -> None:
    """Twice the value, and 1 to tell it from an address."""
    value, name = sink.pop(), sink.name()
    sink.out.append(
        f"{name}.d = shl i32 {value}, 1\n{name}.o = or i32 {name}.d, 1\n{name}.w = zext i32 {name}.o to i64\n"
        f"{name} = inttoptr i64 {name}.w to ptr"
    )
    sink.push(name)


def _i31_get(sink: LlvmSink, given: RefType, how: str) -> None:
    value, name = sink.pop(), sink.name()
    objects.check_null(sink, value, given, Reason.NULL_I31)
    sink.out.append(
        f"{name}.w = ptrtoint ptr {value} to i64\n{name}.d = trunc i64 {name}.w to i32\n{name} = {how} i32 {name}.d, 1"
    )
    sink.push(name)


@operation("i31.get_s")
def i31_get_s(sink: LlvmSink, given: RefType) -> None:
    """Half of it."""
    _i31_get(sink, given, "ashr")


@operation("i31.get_u")
def i31_get_u(sink: LlvmSink, given: RefType) -> None:
    """Half of it, without sign."""
    _i31_get(sink, given, "lshr")


@operation("ref.eq")
def ref_eq(sink: LlvmSink) -> None:
    """Compare the addresses, or the i31s that look like some."""
    first, second = sink.pop_many(2)
    name = sink.name()
    sink.out.append(f"{name}.b = icmp eq ptr {first}, {second}\n{name} = zext i1 {name}.b to i32")
    sink.bools.add(name)
    sink.push(name)


@operation("any.convert_extern", "extern.convert_any")
def convert(sink: LlvmSink) -> None:
    """Nothing: host objects are boxes that no cast takes for anything else."""
