"""What the writers of instructions on objects share: allocating, null and bounds checks, loads and stores of fields.

Compiled code takes the next cell of a size class's run by itself (`allocate`); beyond, and for arrays whose size is not
known, it calls the heap's functions, which may collect.  Source: `compile/heap.py`.
"""

from __future__ import annotations

from typing import Final

from bembix.compile import layout
from bembix.compile.heap import SIZES, Heap, Object, Size, SizeClass, size_class, storage_size
from bembix.compile.llvm.sink import INVARIANT, LlvmSink
from bembix.compile.llvm.types import CC, llvm_type
from bembix.compile.traps import Reason
from bembix.spec.types import FieldType, Packed, RefType

_PACKED: Final = {Packed.I8: "i8", Packed.I16: "i16"}

#: Where there is no run left, `new` finds one.  It may collect, but what it returns is the caller's.
_ALLOCATE: Final = f"""
define internal ptr @allocate(ptr %ctx, ptr %heap, i64 %offset, i64 %size, i64 %header) alwaysinline #0 {{
start:
  %class = getelementptr i8, ptr %heap, i64 %offset
  %cursor = load ptr, ptr %class, !tbaa !4
  %limit.p = getelementptr i8, ptr %class, i64 {SizeClass.LIMIT}
  %limit = load ptr, ptr %limit.p, !tbaa !4
  %next = getelementptr i8, ptr %cursor, i64 %size
  %room = icmp ule ptr %next, %limit
  br i1 %room, label %bump, label %call, !prof !5
bump:
  store ptr %next, ptr %class, !tbaa !4
  br label %done
call:
  %new.p = getelementptr i8, ptr %heap, i64 {Heap.NEW}
  %new = load ptr, ptr %new.p, !tbaa !4
  %made = call {CC} ptr %new(ptr %ctx, ptr %heap, ptr %class)
  br label %done
done:
  %object = phi ptr [ %cursor, %bump ], [ %made, %call ]
  store i64 %header, ptr %object, !tbaa !16
  ret ptr %object
}}
"""


def heap(sink: LlvmSink) -> str:
    """Return the address of the store's heap, which is there before such code runs."""
    return sink.field("%store", layout.Store.HEAP, note=INVARIANT)


def content_note(sink: LlvmSink) -> str:
    """Return the note that tells the contents of objects from all else."""
    return ", !tbaa !14" if sink.group.optimize else ""


def header_note(sink: LlvmSink) -> str:
    """Return the note that tells the headers of objects from all else."""
    return ", !tbaa !16" if sink.group.optimize else ""


def allocate(sink: LlvmSink, size: int, header: str) -> str:
    """Make an object of so many bytes, few enough, all 0 but for its header (an i64); return its address."""
    sink.has_call = True
    sink.flush_fuel(sink.out)  # it may trap
    home, name, place = heap(sink), sink.name(), sink.place()
    offset = size_class(size)
    if sink.group.optimize:
        sink.group.helpers["allocate"] = _ALLOCATE
        cell = size_of_class(offset)
        sink.out.append(
            f"{name} = call ptr @allocate(ptr %ctx, ptr {home}, i64 {offset}, i64 {cell}, i64 {header}){place}"
        )
        return name
    class_ = sink.address(home, offset)
    new = sink.field(home, Heap.NEW, note=sink.own)
    sink.out.append(
        f"{name} = notail call {CC} ptr {new}(ptr %ctx, ptr {home}, ptr {class_}){place}\n"
        f"store i64 {header}, ptr {name}"
    )
    return name


def size_of_class(offset: int) -> int:
    """Return the size of the cells of a size class."""
    return int(SIZES[(offset - Heap.CLASSES) // SizeClass.SIZE])


def type_id(sink: LlvmSink, index: int) -> str:
    """Return a type's canonical id, as an i64."""
    return sink.context_field(sink.layout.type(index), "i64")


def allocate_array(sink: LlvmSink, index: int, element: FieldType, length: str) -> str:
    """Make an array of `length` (an i64) elements that are 0."""
    sink.has_call = True
    sink.flush_fuel(sink.out)  # it may trap
    home, kind = heap(sink), type_id(sink, index)
    new = sink.field(home, Heap.NEW_ARRAY, note=sink.own)
    name = sink.name()
    sink.out.append(
        f"{name} = notail call {CC} ptr {new}(ptr %ctx, ptr {home}, i64 {kind}, i64 {length}, i64 {shift(element)})"
        f"{sink.place()}"
    )
    return name


def small_array(sink: LlvmSink, index: int, element: FieldType, count: int) -> str:
    """Make an array whose length is known."""
    size = Object.CONTENT + count * storage_size(element)
    if size > Size.MAX_SMALL:
        return allocate_array(sink, index, element, str(count))
    header = sink.name()
    sink.out.append(f"{header} = or i64 {type_id(sink, index)}, {count << 32}")
    return allocate(sink, size, header)


def shift(element: FieldType) -> int:
    """Return the binary logarithm of an element's size."""
    return storage_size(element).bit_length() - 1


def storage_type(field: FieldType) -> str:
    """Return the LLVM type of what a field holds."""
    return _PACKED[field.storage] if isinstance(field.storage, Packed) else llvm_type(field.storage)


def check_null(sink: LlvmSink, value: str, given: RefType, reason: Reason) -> None:
    """Trap on null, unless it is known not to be."""
    if given.nullable:
        name = sink.name()
        sink.out.append(f"{name} = icmp eq ptr {value}, null")
        sink.trap_if(name, reason)


def load(sink: LlvmSink, place: str, field: FieldType, extend: str = "zext") -> str:
    """Return the value at an address, as an operand."""
    name, kind = sink.name(), storage_type(field)
    align = min(storage_size(field), 8)
    target = f"{name}.n" if isinstance(field.storage, Packed) else name
    sink.out.append(f"{target} = load {kind}, ptr {place}, align {align}{content_note(sink)}")
    if target != name:
        sink.out.append(f"{name} = {extend} {kind} {target} to i32")
    return name


def narrow(sink: LlvmSink, value: str, field: FieldType) -> str:
    """Return an operand as a field holds it."""
    if not isinstance(field.storage, Packed):
        return value
    name = sink.name()
    sink.out.append(f"{name} = trunc i32 {value} to {storage_type(field)}")
    return name


def store(sink: LlvmSink, place: str, field: FieldType, value: str) -> None:
    """Write an operand to an address."""
    align = min(storage_size(field), 8)
    held = narrow(sink, value, field)
    sink.out.append(f"store {storage_type(field)} {held}, ptr {place}, align {align}{content_note(sink)}")


def length(sink: LlvmSink, array: str) -> str:
    """Return the length of an array, as an i32."""
    return sink.field(array, Object.LENGTH, "i32", header_note(sink))


def elements(sink: LlvmSink, array: str, element: FieldType, index: str) -> str:
    """Return the address of an element; the index is an i64."""
    first, name = sink.address(array, Object.CONTENT), sink.name()
    sink.out.append(f"{name} = getelementptr {storage_type(element)}, ptr {first}, i64 {index}")
    return name


def check_span(sink: LlvmSink, start: str, count: str, limit: str, reason: Reason) -> None:
    """Trap unless `count` from `start` on are within `limit`; all are i64s, none above 2**36 but for the limit."""
    name = sink.name()
    sink.out.append(f"{name}.e = add i64 {start}, {count}\n{name} = icmp ugt i64 {name}.e, {limit}")
    sink.trap_if(name, reason)


def fill(sink: LlvmSink, start: str, element: FieldType, value: str, count: str) -> None:
    """Write a value to `count` (an i64) elements from an address on."""
    held, kind, name = narrow(sink, value, element), storage_type(element), sink.label_name()
    if kind == "i8":
        sink.out.append(f"call void @llvm.memset.p0.i64(ptr {start}, i8 {held}, i64 {count}, i1 false)")
        return
    align = min(storage_size(element), 8)
    sink.out.append(f"""br label %{name}s
{name}s:
br label %{name}l
{name}l:
%{name}.k = phi i64 [ 0, %{name}s ], [ %{name}.m, %{name}b ]
%{name}.c = icmp ult i64 %{name}.k, {count}
br i1 %{name}.c, label %{name}b, label %{name}
{name}b:
%{name}.p = getelementptr {kind}, ptr {start}, i64 %{name}.k
store {kind} {held}, ptr %{name}.p, align {align}{content_note(sink)}
%{name}.m = add i64 %{name}.k, 1
br label %{name}l
{name}:""")
