"""Writers: structs, arrays and i31; objects are those of `compile/heap.py`.  Source: core 3.0, 4.6.6 (aggregates).

An object that was made is pushed only when all of it is there; nothing is allocated meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bembix.compile import layout
from bembix.compile.heap import Heap, Object, Size, storage_size, struct_layout
from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.casts import get_heap
from bembix.compile.stencil.aarch64.encode import LDR_Q, LDR_W, LDR_X, STR_Q, STR_W, STR_X, T0
from bembix.compile.stencil.aarch64.exceptions import allocate
from bembix.compile.stencil.aarch64.sink import Aarch64Sink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import Instr
from bembix.spec.types import F32, I32, V128, FieldType, Packed, RefType, StorageType, StructType

_SEGMENT: Final = layout.Segment
#: How what a field holds is stored; floats as their bits, references like i64.
_STORES: Final[dict[StorageType, int]] = {
    Packed.I8: a64.STRB,
    Packed.I16: a64.STRH,
    I32: STR_W,
    F32: STR_W,
    V128: STR_Q,
}
_LOADS: Final[dict[StorageType, int]] = {Packed.I8: a64.LDRB, Packed.I16: a64.LDRH, I32: LDR_W, F32: LDR_W, V128: LDR_Q}
_SIGNED: Final[dict[StorageType, int]] = {Packed.I8: a64.LDRSB_W, Packed.I16: a64.LDRSH_W}
#: Registers of a value on its way to or from an object.
_WORD, _VECTOR = 12, 0


def shift(element: FieldType) -> int:
    """Return the binary logarithm of an element's size."""
    return storage_size(element).bit_length() - 1


def _load_op(field: FieldType, signed: bool) -> int:
    found = _SIGNED.get(field.storage) if signed else None
    return found or _LOADS.get(field.storage, LDR_X)


def _store_op(field: FieldType) -> int:
    return _STORES.get(field.storage, STR_X)


def _have(sink: Aarch64Sink, field: FieldType, entry: int) -> int:
    """Have an operand in the register for values; return that."""
    if field.storage is V128:
        sink.load_float(_VECTOR, entry, V128)
        return _VECTOR
    sink.load(_WORD, entry)
    return _WORD


def _register(field: FieldType) -> int:
    return _VECTOR if field.storage is V128 else _WORD


def _push(sink: Aarch64Sink, field: FieldType) -> None:
    if field.storage is V128:
        sink.push_float(_VECTOR, V128)
    else:
        sink.push(_WORD)


def _check_null(sink: Aarch64Sink, register: int, given: RefType | None, reason: Reason) -> None:
    if given is None or given.nullable:
        sink.trap_if_zero(register, reason)


# -- making objects ----------------------------------------------------------------------------------------------------


def _allocate_array(sink: Aarch64Sink, index: int, bits: int, length: int) -> None:
    """Make an array, of a length that is an operand; its address is in x0."""
    sink.load(3, length)
    get_heap(sink, 1)
    sink.get_context(0)
    sink.get(LDR_X, 2, 0, sink.layout.type(index))
    sink.get(LDR_X, 9, 1, Heap.NEW_ARRAY)
    sink.out += a64.constant(4, bits)
    sink.emit(a64.blr(9))


def _write_header(sink: Aarch64Sink, index: int, length: int = 0) -> None:
    sink.from_context(LDR_X, 9, sink.layout.type(index))
    sink.get(STR_X, 9, 0, Object.TYPE)  # the length behind is 0 then
    if length:
        sink.out += a64.constant(9, length)
        sink.get(STR_W, 9, 0, Object.LENGTH)


def _make_struct(sink: Aarch64Sink, index: int, struct: StructType) -> None:
    size = struct_layout(struct)[1]
    if size > Size.MAX_SMALL:  # made like an array of bytes: nobody reads the length of a struct
        _allocate_array(sink, index, 0, ~(size - Object.CONTENT))
    else:
        allocate(sink, size)
        _write_header(sink, index)


@writer("struct.new")
def struct_new(sink: Aarch64Sink, row: Instr) -> Writer:
    """Make one and fill it."""

    def write(index: int, struct: StructType) -> None:
        _make_struct(sink, index, struct)
        values = sink.take(len(struct.fields))
        for field, offset, entry in zip(struct.fields, struct_layout(struct)[0], values, strict=True):
            sink.get(_store_op(field), _have(sink, field, entry), 0, offset)
        sink.push(0)

    return write


@writer("struct.new_default")
def struct_new_default(sink: Aarch64Sink, row: Instr) -> Writer:
    """Make one; it is all 0."""

    def write(index: int, struct: StructType) -> None:
        _make_struct(sink, index, struct)
        sink.push(0)

    return write


@writer("struct.get", "struct.get_u", "struct.get_s")
def struct_get(sink: Aarch64Sink, row: Instr) -> Writer:
    """Read a field."""
    signed = row.name.endswith("_s")

    def write(struct: StructType, number: int, given: RefType) -> None:
        field = struct.fields[number]
        sink.pop(9)
        _check_null(sink, 9, given, Reason.NULL_STRUCTURE)
        sink.get(_load_op(field, signed), _register(field), 9, struct_layout(struct)[0][number])
        _push(sink, field)

    return write


@writer("struct.set")
def struct_set(sink: Aarch64Sink, row: Instr) -> Writer:
    """Write a field."""

    def write(struct: StructType, number: int, given: RefType) -> None:
        field = struct.fields[number]
        value = sink.vs.pop()
        sink.pop(9)
        _check_null(sink, 9, given, Reason.NULL_STRUCTURE)
        sink.get(_store_op(field), _have(sink, field, value), 9, struct_layout(struct)[0][number])

    return write


# -- arrays: making them -----------------------------------------------------------------------------------------------


def _fill(sink: Aarch64Sink, element: FieldType) -> None:
    """Write the value in its register to x10 elements from x9 on; x9, x10 are lost."""
    size = storage_size(element)
    sink.emit(a64.skip_if_zero(10, wide=True, instructions=4))
    sink.get(_store_op(element), _register(element), 9, 0)
    sink.emit(a64.add_imm(9, 9, size), a64.subs_imm(10, 10, 1), a64.back_if(a64.NE, 3))


@writer("array.new")
def array_new(sink: Aarch64Sink, row: Instr) -> Writer:
    """Make one and fill it with a value."""

    def write(index: int, element: FieldType) -> None:
        _allocate_array(sink, index, shift(element), sink.vs[-1])
        value, count = sink.take(2)
        _have(sink, element, value)
        sink.load(10, count)
        sink.emit(a64.add_imm(9, 0, Object.CONTENT))
        _fill(sink, element)
        sink.push(0)

    return write


@writer("array.new_default")
def array_new_default(sink: Aarch64Sink, row: Instr) -> Writer:
    """Make one; it is all 0."""

    def write(index: int, element: FieldType) -> None:
        _allocate_array(sink, index, shift(element), sink.vs.pop())
        sink.push(0)

    return write


@writer("array.new_fixed")
def array_new_fixed(sink: Aarch64Sink, row: Instr) -> Writer:
    """Make one of the operands."""

    def write(index: int, element: FieldType, count: int) -> None:
        size = storage_size(element)
        if Object.CONTENT + count * size > Size.MAX_SMALL:
            _allocate_array(sink, index, shift(element), ~count)
        else:
            allocate(sink, Object.CONTENT + count * size)
            _write_header(sink, index, count)
        for number, entry in enumerate(sink.take(count)):
            sink.get(_store_op(element), _have(sink, element, entry), 0, Object.CONTENT + number * size)
        sink.push(0)

    return write


def _check_segment(sink: Aarch64Sink, segment: int, start: int, count: int, bits: int, reason: Reason) -> None:
    """Trap unless so much of a segment is there; x9, x10 are lost."""
    sink.load(9, start)
    sink.load(10, count)
    sink.emit(a64.three(a64.ADD, 9, 9, 10) | bits << 10)
    sink.from_context(LDR_X, 10, segment + _SEGMENT.LENGTH)
    sink.emit(a64.cmp(9, 10))
    sink.trap_if(a64.HI, reason)


def _copy_segment(sink: Aarch64Sink, segment: int, start: int, count: int, scale: int, bits: int) -> None:
    """Copy count << bits bytes from start << scale in a segment to x13; x9 to x13 are lost."""
    sink.load(11, start)
    sink.from_context(LDR_X, 9, segment + _SEGMENT.BASE)
    sink.emit(a64.three(a64.ADD, 11, 9, 11) | scale << 10)
    sink.load(10, count)
    # cbz x10, end; loop: ldrb w12, [x11], #1; strb w12, [x13], #1; subs x10, x10, #1; b.ne loop
    sink.emit(a64.lsl(10, 10, bits) if bits else a64.mov(10, 10), a64.skip_if_zero(10, wide=True, instructions=4))
    sink.emit(0x3840156C, 0x380015AC, a64.subs_imm(10, 10, 1), a64.back_if(a64.NE, 3))


def _new_from(sink: Aarch64Sink, where: Callable[[int], int], scale: int | None, reason: Reason) -> Writer:
    """Make an array of a segment.  scale: binary logarithm of its units, None for those of the array."""

    def write(index: int, element: FieldType, segment: int) -> None:
        at, bits = where(segment), shift(element)
        start, count = sink.vs[-2:]
        _check_segment(sink, at, start, count, 0 if scale else bits, reason)
        _allocate_array(sink, index, bits, count)
        sink.take(2)
        sink.emit(a64.add_imm(13, 0, Object.CONTENT))
        _copy_segment(sink, at, start, count, scale or 0, bits)
        sink.push(0)

    return write


@writer("array.new_data")
def array_new_data(sink: Aarch64Sink, row: Instr) -> Writer:
    """Make one of bytes of a data segment."""
    return _new_from(sink, sink.layout.data, None, Reason.MEMORY_BOUNDS)


@writer("array.new_elem")
def array_new_elem(sink: Aarch64Sink, row: Instr) -> Writer:
    """Make one of references of an element segment."""
    return _new_from(sink, sink.layout.elem, 3, Reason.TABLE_BOUNDS)


# -- arrays: using them ------------------------------------------------------------------------------------------------


def _element(sink: Aarch64Sink, element: FieldType, given: RefType) -> None:
    """Take array and index; have the address of the element less Object.CONTENT in x9, after the checks."""
    sink.pop(10)
    sink.pop(9)
    _check_null(sink, 9, given, Reason.NULL_ARRAY)
    sink.get(LDR_W, 11, 9, Object.LENGTH)
    sink.emit(a64.cmp_w(10, 11))
    sink.trap_if(a64.HS, Reason.ARRAY_BOUNDS)
    sink.emit(a64.three(a64.ADD, 9, 9, 10) | shift(element) << 10)


@writer("array.get", "array.get_u", "array.get_s")
def array_get(sink: Aarch64Sink, row: Instr) -> Writer:
    """Read an element."""
    signed = row.name.endswith("_s")

    def write(element: FieldType, given: RefType) -> None:
        _element(sink, element, given)
        sink.get(_load_op(element, signed), _register(element), 9, Object.CONTENT)
        _push(sink, element)

    return write


@writer("array.set")
def array_set(sink: Aarch64Sink, row: Instr) -> Writer:
    """Write an element."""

    def write(element: FieldType, given: RefType) -> None:
        value = sink.vs.pop()
        _element(sink, element, given)
        sink.get(_store_op(element), _have(sink, element, value), 9, Object.CONTENT)

    return write


@writer("array.len")
def array_len(sink: Aarch64Sink, row: Instr) -> Writer:
    """Read it from the header."""

    def write(given: RefType) -> None:
        sink.pop(9)
        _check_null(sink, 9, given, Reason.NULL_ARRAY)
        sink.get(LDR_W, 9, 9, Object.LENGTH)
        sink.push(9)

    return write


def _part(sink: Aarch64Sink, to: int, array: int, element: FieldType, start: int, count: int) -> None:
    """Make the address of an element in a register, after the check that so many are there; x9, x10 are lost."""
    sink.load(to, array)
    _check_null(sink, to, None, Reason.NULL_ARRAY)
    sink.load(9, start)
    sink.load(10, count)
    sink.emit(a64.three(a64.ADD, 10, 9, 10))
    sink.get(LDR_W, T0, to, Object.LENGTH)
    sink.emit(a64.cmp(10, T0))
    sink.trap_if(a64.HI, Reason.ARRAY_BOUNDS)
    sink.emit(a64.three(a64.ADD, to, to, 9) | shift(element) << 10, a64.add_imm(to, to, Object.CONTENT))


@writer("array.fill")
def array_fill(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check, then write."""

    def write(element: FieldType) -> None:
        array, start, value, count = sink.take(4)
        _part(sink, 13, array, element, start, count)
        _have(sink, element, value)
        sink.load(10, count)
        sink.emit(a64.mov(9, 13))
        _fill(sink, element)

    return write


@writer("array.copy")
def array_copy(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check both, then move: from the end, where the target begins behind the source."""

    def write(element: FieldType) -> None:
        to, to_start, source, start, count = sink.take(5)
        _part(sink, 13, to, element, to_start, count)
        _part(sink, 11, source, element, start, count)
        sink.load(10, count)
        _move_elements(sink, element)

    return write


def _move_elements(sink: Aarch64Sink, element: FieldType) -> None:
    """Move x10 elements from x11 to x13; these, x9, x12 and v0 are lost.

    x9 is the step, which is below 0 where the first ones would overwrite others that are still to be moved.
    """
    size, bits, register = storage_size(element), shift(element), _register(element)
    load, store = _load_op(element, False), _store_op(element)
    sink.emit(a64.skip_unless_zero(10, wide=True))
    done = sink.forward()
    sink.out += a64.constant(9, size)
    sink.emit(a64.cmp(13, 11), a64.skip_if(a64.LS, 4))
    sink.emit(a64.sub_imm(T0, 10, 1))
    sink.emit(a64.three(a64.ADD, 11, 11, T0) | bits << 10, a64.three(a64.ADD, 13, 13, T0) | bits << 10)
    sink.emit(a64.three(a64.SUB, 9, a64.ZR, 9))
    sink.emit(load | 11 << 5 | register, store | 13 << 5 | register)
    sink.emit(a64.three(a64.ADD, 11, 11, 9), a64.three(a64.ADD, 13, 13, 9))
    sink.emit(a64.subs_imm(10, 10, 1), a64.back_if(a64.NE, 5))
    sink.patch([done])


def _init_from(sink: Aarch64Sink, where: Callable[[int], int], scale: int | None, reason: Reason) -> Writer:
    """Check array and segment, then copy; see `_new_from`."""

    def write(element: FieldType, segment: int) -> None:
        array, to, start, count = sink.take(4)
        at, bits = where(segment), shift(element)
        _part(sink, 13, array, element, to, count)
        _check_segment(sink, at, start, count, 0 if scale else bits, reason)
        _copy_segment(sink, at, start, count, scale or 0, bits)

    return write


@writer("array.init_data")
def array_init_data(sink: Aarch64Sink, row: Instr) -> Writer:
    """Of bytes of a data segment."""
    return _init_from(sink, sink.layout.data, None, Reason.MEMORY_BOUNDS)


@writer("array.init_elem")
def array_init_elem(sink: Aarch64Sink, row: Instr) -> Writer:
    """Of references of an element segment."""
    return _init_from(sink, sink.layout.elem, 3, Reason.TABLE_BOUNDS)


# -- i31 ---------------------------------------------------------------------------------------------------------------


@writer("ref.i31")
def ref_i31(sink: Aarch64Sink, row: Instr) -> Writer:
    """Twice the value, and 1 to tell it from an address."""

    def write() -> None:
        sink.pop(9)
        sink.emit(a64.three(a64.ADD_W, 9, 9, 9), a64.add_imm(9, 9, 1))
        sink.push(9)

    return write


@writer("i31.get_s", "i31.get_u")
def i31_get(sink: Aarch64Sink, row: Instr) -> Writer:
    """Half of it."""
    half = a64.asr_w if row.name.endswith("_s") else a64.lsr_w

    def write(given: RefType) -> None:
        sink.pop(9)
        _check_null(sink, 9, given, Reason.NULL_I31)
        sink.emit(half(9, 9, 1))
        sink.push(9)

    return write
