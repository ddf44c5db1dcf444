"""Writers: structs, arrays and i31; objects are those of `compile/heap.py`.  Source: core 3.0, 4.6.6 (aggregates).

Instructions that call or copy first bring all operands to the frame; every scratch register is theirs then.
"""

from __future__ import annotations

from typing import Final

from bembix.compile import layout
from bembix.compile.heap import SIZES, Heap, Object, Size, SizeClass, size_class, storage_size, struct_layout
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.casts import load_heap
from bembix.compile.stencil.x86_64.encode import CONSTANT, LOAD64, R8, RAX, RCX, RDI, RDX, RSI, XMM0, rm, rr, rx
from bembix.compile.stencil.x86_64.sink import FLAGS, MAKERS, XTEMP, StencilSink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import BY_NAME, Instr
from bembix.spec.types import F32, F64, I32, V128, FieldType, Packed, RefType, StructType
from bembix.validate.sink import ignore

_FLOATS: Final = (F32, F64, V128)
_CONTEXT: Final = 48
_SEGMENT: Final = layout.Segment
#: Opcode, whether 64 bits, and prefix of stores and loads, by what a field holds; references are like i64.
_STORES: Final = {Packed.I8: (b"\x88", 0, b""), Packed.I16: (b"\x89", 0, b"\x66"), I32: (b"\x89", 0, b"")}
_FLOAT_PREFIX: Final = {F32: b"\xf3", F64: b"\xf2", V128: b""}


# -- fields ------------------------------------------------------------------------------------------------------------


def _load_op(field: FieldType, signed: bool) -> tuple[bytes, int]:
    if field.storage is Packed.I8:
        return (b"\x0f\xbe" if signed else b"\x0f\xb6"), 0
    if field.storage is Packed.I16:
        return (b"\x0f\xbf" if signed else b"\x0f\xb7"), 0
    return b"\x8b", int(field.storage is not I32)


def _load_field(sink: StencilSink, field: FieldType, base: int, index: int, scale: int, at: int, signed: bool) -> None:
    """Read [base + index << scale + at] (no index: -1), whose registers are released, and push it."""
    for register in (base, index):
        if register >= 0 and register != RCX:
            sink.release(register)
    if field.storage in _FLOATS:
        to = sink.xalloc()
        op, wide, prefix = b"\x0f\x10", 0, _FLOAT_PREFIX[field.storage]
    else:
        to = sink.alloc()
        (op, wide), prefix = _load_op(field, signed), b""
    if index < 0:
        sink.out += rm(op, wide, to, base, at, prefix)
    else:
        sink.out += rx(op, wide, to, base, index, at, prefix, scale=scale)
    sink.vs.append(to)


def _store_field(sink: StencilSink, field: FieldType, entry: int, base: int, index: int, scale: int, at: int) -> None:
    """Write an operand, which is in a register of its kind, to [base + index << scale + at]."""
    if field.storage in _FLOATS:
        op, wide, prefix = b"\x0f\x11", 0, _FLOAT_PREFIX[field.storage]
    else:
        op, wide, prefix = _STORES.get(field.storage, (b"\x89", 1, b""))  # type: ignore[arg-type]
    force = field.storage is Packed.I8
    if index < 0:
        sink.out += rm(op, wide, entry, base, at, prefix, force)
    else:
        sink.out += rx(op, wide, entry, base, index, at, prefix, force, scale)


def _in_register(sink: StencilSink, field: FieldType, entry: int) -> int:
    """Return a register with an operand that was popped."""
    if field.storage is V128 and not XMM0 <= entry < FLAGS:
        to = sink.xalloc()
        sink.vmove(to, entry)
        return to
    return sink.xregister(entry) if field.storage in _FLOATS else sink.register(entry)


def _put(sink: StencilSink, field: FieldType, entry: int, at: int) -> None:
    """Write an operand that is in no scratch register to the object in rax; rcx and xmm15 are lost."""
    if field.storage is V128:
        sink.vmove(XTEMP, entry)
        entry = XTEMP
    elif field.storage in _FLOATS:
        sink.xmove(XTEMP, entry)
        entry = XTEMP
    elif not 0 <= entry < XMM0:
        sink.move(RCX, entry)
        entry = RCX
    _store_field(sink, field, entry, RAX, -1, 0, at)


def _check_null(sink: StencilSink, register: int, given: RefType | None, reason: Reason) -> None:
    if given is None or given.nullable:
        sink.out += x86.TEST64[register << 5 | register]
        sink.trap_if(x86.E, reason)


# -- making objects ----------------------------------------------------------------------------------------------------


def _take(sink: StencilSink, count: int) -> list[int]:
    """Bring all operands to the frame, for a call or a copy; take some."""
    sink.spill()
    values = sink.vs[len(sink.vs) - count :]
    del sink.vs[len(sink.vs) - count :]
    return values


def allocate(sink: StencilSink, size: int) -> None:
    """Make an object of so many bytes, few enough, all 0 but for its header; its address is in rax.

    The next cell of the run that the size class has, or a call.
    """
    out, at = sink.out, size_class(size)
    cell = SIZES[(at - Heap.CLASSES) // SizeClass.SIZE]
    sink.save_lost()
    load_heap(sink, RSI)
    out += rm(b"\x8b", 1, RAX, RSI, at + SizeClass.CURSOR) + rm(b"\x8d", 1, RDX, RAX, cell)
    out += rm(b"\x3b", 1, RDX, RSI, at + SizeClass.LIMIT) + x86.JCC[x86.A]
    full = len(out)
    out += rm(b"\x89", 1, RDX, RSI, at + SizeClass.CURSOR)
    back = len(out)

    def cold() -> None:
        sink.patch([full])
        out.extend(LOAD64[_CONTEXT << 5 | RDI] + rm(b"\x8d", 1, RDX, RSI, at) + rm(b"\xff", 0, 2, RSI, Heap.NEW))
        sink.reload_lost(out)
        out.extend(x86.jump(back - len(out) - 5))

    sink.cold.append(cold)


def _write_header(sink: StencilSink, index: int, length: int = 0) -> None:
    out = sink.out
    out += rm(b"\x8b", 1, RCX, sink.context_register(), sink.layout.type(index))
    out += rm(b"\x89", 1, RCX, RAX, Object.TYPE)
    if length:
        out += rm(b"\xc7", 0, 0, RAX, Object.LENGTH) + length.to_bytes(4, "little")


def _allocate_array(sink: StencilSink, index: int, shift: int, length: int) -> None:
    """Make an array, of a length that is an operand in no scratch register; its address is in rax."""
    out = sink.out
    sink.save_lost()
    sink.move(RCX, length)
    out += LOAD64[_CONTEXT << 5 | RDI]
    out += rm(b"\x8b", 1, RSI, RDI, layout.Context.STORE) + rm(b"\x8b", 1, RSI, RSI, layout.Store.HEAP)
    out += rm(b"\x8b", 1, RDX, RDI, sink.layout.type(index)) + CONSTANT[shift << 4 | R8]
    out += rm(b"\xff", 0, 2, RSI, Heap.NEW_ARRAY)
    sink.reload_lost(out)


def _push_object(sink: StencilSink) -> None:
    sink.claim(RAX)
    sink.vs.append(RAX)


def _make_struct(sink: StencilSink, index: int, struct: StructType) -> None:
    size = struct_layout(struct)[1]
    if size > Size.MAX_SMALL:  # made like an array of bytes: nobody reads the length of a struct
        _allocate_array(sink, index, 0, ~(size - Object.CONTENT))
    else:
        allocate(sink, size)
        _write_header(sink, index)


@writer("struct.new")
def struct_new(sink: StencilSink, row: Instr) -> Writer:
    """Make one and fill it."""

    def write(index: int, struct: StructType) -> None:
        values = _take(sink, len(struct.fields))
        _make_struct(sink, index, struct)
        for field, offset, entry in zip(struct.fields, struct_layout(struct)[0], values, strict=True):
            _put(sink, field, entry, offset)
        _push_object(sink)

    return write


@writer("struct.new_default")
def struct_new_default(sink: StencilSink, row: Instr) -> Writer:
    """Make one; it is all 0."""

    def write(index: int, struct: StructType) -> None:
        _take(sink, 0)
        _make_struct(sink, index, struct)
        _push_object(sink)

    return write


@writer("struct.get", "struct.get_u", "struct.get_s")
def struct_get(sink: StencilSink, row: Instr) -> Writer:
    """Read a field."""
    signed = row.name.endswith("_s")

    def write(struct: StructType, number: int, given: RefType) -> None:
        value = sink.register(sink.vs.pop())
        _check_null(sink, value, given, Reason.NULL_STRUCTURE)
        _load_field(sink, struct.fields[number], value, -1, 0, struct_layout(struct)[0][number], signed)

    return write


@writer("struct.set")
def struct_set(sink: StencilSink, row: Instr) -> Writer:
    """Write a field."""

    def write(struct: StructType, number: int, given: RefType) -> None:
        field = struct.fields[number]
        entry, target = sink.vs.pop(), sink.vs.pop()
        value, base = _in_register(sink, field, entry), sink.register(target)
        _check_null(sink, base, given, Reason.NULL_STRUCTURE)
        _store_field(sink, field, value, base, -1, 0, struct_layout(struct)[0][number])
        sink.release(value)
        sink.release(base)

    return write


# -- arrays: making them -----------------------------------------------------------------------------------------------


def shift(element: FieldType) -> int:
    """Return the binary logarithm of an element's size."""
    return storage_size(element).bit_length() - 1


def _fill(sink: StencilSink, element: FieldType, entry: int) -> None:
    """Write an operand that is in no scratch register to rcx elements from rdx on; rsi, rdx, rcx, xmm15 are lost."""
    out = sink.out
    if element.storage is V128:
        sink.vmove(XTEMP, entry)
        value = XTEMP
    elif element.storage in _FLOATS:
        sink.xmove(XTEMP, entry)
        value = XTEMP
    else:
        sink.move(RSI, entry) if entry >= 0 else out.extend(CONSTANT[~entry << 4 | RSI])
        value = RSI
    out += x86.TEST64[RCX << 5 | RCX] + b"\x74\0"
    skip = len(out)
    loop = len(out)
    _store_field(sink, element, value, RDX, -1, 0, 0)
    out += rr(b"\x83", 1, 0, RDX) + bytes((storage_size(element),)) + rr(b"\xff", 1, 1, RCX) + b"\x75\0"
    out[-1] = (loop - len(out)) & 0xFF
    out[skip - 1] = len(out) - skip


@writer("array.new")
def array_new(sink: StencilSink, row: Instr) -> Writer:
    """Make one and fill it with a value."""

    def write(index: int, element: FieldType) -> None:
        value, count = _take(sink, 2)
        _allocate_array(sink, index, shift(element), count)
        sink.out.extend(rm(b"\x8d", 1, RDX, RAX, Object.CONTENT) + rm(b"\x8b", 0, RCX, RAX, Object.LENGTH))
        _fill(sink, element, value)
        _push_object(sink)

    return write


@writer("array.new_default")
def array_new_default(sink: StencilSink, row: Instr) -> Writer:
    """Make one; it is all 0."""

    def write(index: int, element: FieldType) -> None:
        (count,) = _take(sink, 1)
        _allocate_array(sink, index, shift(element), count)
        _push_object(sink)

    return write


@writer("array.new_fixed")
def array_new_fixed(sink: StencilSink, row: Instr) -> Writer:
    """Make one of the operands."""

    def write(index: int, element: FieldType, count: int) -> None:
        values = _take(sink, count)
        size = storage_size(element)
        if Object.CONTENT + count * size > Size.MAX_SMALL:
            _allocate_array(sink, index, shift(element), ~count)
        else:
            allocate(sink, Object.CONTENT + count * size)
            _write_header(sink, index, count)
        for number, entry in enumerate(values):
            _put(sink, element, entry, Object.CONTENT + number * size)
        _push_object(sink)

    return write


def _check_segment(sink: StencilSink, segment: int, start: int, count: int, bits: int, reason: Reason) -> None:
    """Trap unless so much of a segment is there; rcx and rdx are lost."""
    out = sink.out
    sink.move(RCX, count)
    sink.move(RDX, start)
    if bits:
        out += rr(b"\xc1", 1, 4, RCX) + bytes((bits,))
    out += rr(b"\x03", 1, RDX, RCX)
    context = sink.context_register()
    out += rm(b"\x3b", 1, RDX, context, segment + _SEGMENT.LENGTH)
    sink.trap_if(x86.A, reason)


def _copy_segment(sink: StencilSink, segment: int, start: int, count: int, scale: int, bits: int) -> None:
    """Copy count << bits bytes from start << scale in a segment to rdi; rsi, rcx are lost."""
    out = sink.out
    sink.move(RSI, start)
    if scale:
        out += rr(b"\xc1", 1, 4, RSI) + bytes((scale,))
    out += rm(b"\x03", 1, RSI, sink.context_register(), segment + _SEGMENT.BASE)
    sink.move(RCX, count)
    if bits:
        out += rr(b"\xc1", 1, 4, RCX) + bytes((bits,))
    out += b"\xf3\xa4"  # rep movsb


@writer("array.new_data")
def array_new_data(sink: StencilSink, row: Instr) -> Writer:
    """Make one of bytes of a data segment."""

    def write(index: int, element: FieldType, segment: int) -> None:
        start, count = _take(sink, 2)
        at, bits = sink.layout.data(segment), shift(element)
        _check_segment(sink, at, start, count, bits, Reason.MEMORY_BOUNDS)
        _allocate_array(sink, index, bits, count)
        sink.out.extend(rm(b"\x8d", 1, RDI, RAX, Object.CONTENT))
        _copy_segment(sink, at, start, count, 0, bits)
        _push_object(sink)

    return write


@writer("array.new_elem")
def array_new_elem(sink: StencilSink, row: Instr) -> Writer:
    """Make one of references of an element segment."""

    def write(index: int, element: FieldType, segment: int) -> None:
        start, count = _take(sink, 2)
        at = sink.layout.elem(segment)
        _check_segment(sink, at, start, count, 0, Reason.TABLE_BOUNDS)
        _allocate_array(sink, index, shift(element), count)
        sink.out.extend(rm(b"\x8d", 1, RDI, RAX, Object.CONTENT))
        _copy_segment(sink, at, start, count, 3, 3)
        _push_object(sink)

    return write


# -- arrays: using them ------------------------------------------------------------------------------------------------


def _element(sink: StencilSink, element: FieldType, given: RefType, array: int, index: int) -> tuple[int, int, int]:
    """Return base and index registers and scale of an element, after the checks; its place has Object.CONTENT more."""
    base, number = sink.register(array), sink.register(index)
    _check_null(sink, base, given, Reason.NULL_ARRAY)
    sink.out += rm(b"\x3b", 0, number, base, Object.LENGTH)
    sink.trap_if(x86.AE, Reason.ARRAY_BOUNDS)
    bits = shift(element)
    if bits > 3:
        sink.out += rr(b"\x8b", 0, RCX, number) + rr(b"\xc1", 1, 4, RCX) + bytes((bits,))
        sink.release(number)
        return base, RCX, 0
    return base, number, bits


@writer("array.get", "array.get_u", "array.get_s")
def array_get(sink: StencilSink, row: Instr) -> Writer:
    """Read an element."""
    signed = row.name.endswith("_s")

    def write(element: FieldType, given: RefType) -> None:
        index, array = sink.vs.pop(), sink.vs.pop()
        base, number, scale = _element(sink, element, given, array, index)
        _load_field(sink, element, base, number, scale, Object.CONTENT, signed)

    return write


@writer("array.set")
def array_set(sink: StencilSink, row: Instr) -> Writer:
    """Write an element."""

    def write(element: FieldType, given: RefType) -> None:
        entry, index, array = sink.vs.pop(), sink.vs.pop(), sink.vs.pop()
        value = _in_register(sink, element, entry)
        base, number, scale = _element(sink, element, given, array, index)
        _store_field(sink, element, value, base, number, scale, Object.CONTENT)
        for register in (value, base, number):
            if register != RCX:
                sink.release(register)

    return write


@writer("array.len")
def array_len(sink: StencilSink, row: Instr) -> Writer:
    """Read it from the header."""

    def write(given: RefType) -> None:
        array = sink.register(sink.vs.pop())
        _check_null(sink, array, given, Reason.NULL_ARRAY)
        sink.release(array)
        to = sink.alloc()
        sink.out.extend(rm(b"\x8b", 0, to, array, Object.LENGTH))
        sink.vs.append(to)

    return write


def _part(sink: StencilSink, to: int, array: int, element: FieldType, start: int, count: int) -> None:
    """Make the address of an element in a scratch register, after the check that so many are there; rcx is lost."""
    out = sink.out
    sink.move(to, array)
    _check_null(sink, to, None, Reason.NULL_ARRAY)
    sink.move(RCX, start)
    sink.move(RAX, count)
    out += rr(b"\x03", 1, RCX, RAX) + rm(b"\x8b", 0, RAX, to, Object.LENGTH) + rr(b"\x3b", 1, RCX, RAX)
    sink.trap_if(x86.A, Reason.ARRAY_BOUNDS)
    sink.move(RCX, start)
    bits = shift(element)
    if bits:
        out += rr(b"\xc1", 1, 4, RCX) + bytes((bits,))
    out += rx(b"\x8d", 1, to, to, RCX, Object.CONTENT)


@writer("array.fill")
def array_fill(sink: StencilSink, row: Instr) -> Writer:
    """Check, then write."""

    def write(element: FieldType) -> None:
        array, start, value, count = _take(sink, 4)
        _part(sink, RDX, array, element, start, count)
        sink.move(RCX, count)
        _fill(sink, element, value)

    return write


@writer("array.copy")
def array_copy(sink: StencilSink, row: Instr) -> Writer:
    """Check both, then move: from the end, where the target begins within the source."""

    def write(element: FieldType) -> None:
        to, to_start, source, start, count = _take(sink, 5)
        _part(sink, RDI, to, element, to_start, count)
        _part(sink, RSI, source, element, start, count)
        sink.move(RCX, count)
        _move_elements(sink, shift(element))

    return write


#: rep movs of 2 ** n bytes.
_MOVS: Final = (b"\xf3\xa4", b"\xf3\x66\xa5", b"\xf3\xa5", b"\xf3\x48\xa5")


def _move_elements(sink: StencilSink, bits: int) -> None:
    """Move rcx elements from rsi to rdi; rax, rcx, rdx are lost."""
    out = sink.out
    if bits > 3:
        out += rr(b"\xc1", 1, 4, RCX) + bytes((bits - 3,))
        bits = 3
    movs, size = _MOVS[bits], 1 << bits
    out += rr(b"\x8b", 1, RDX, RDI) + rr(b"\x2b", 1, RDX, RSI)  # the distance; below 0 it is large
    out += rr(b"\x8b", 1, RAX, RCX) + (rr(b"\xc1", 1, 4, RAX) + bytes((bits,)) if bits else b"")
    out += rr(b"\x3b", 1, RDX, RAX) + b"\x73\0"  # jae
    forward = len(out)
    out += rx(b"\x8d", 1, RDI, RDI, RAX, -size) + rx(b"\x8d", 1, RSI, RSI, RAX, -size) + b"\xfd" + movs + b"\xfc\xeb\0"
    end = len(out)
    out[forward - 1] = end - forward
    out += movs
    out[end - 1] = len(out) - end


@writer("array.init_data")
def array_init_data(sink: StencilSink, row: Instr) -> Writer:
    """Check array and segment, then copy bytes."""

    def write(element: FieldType, segment: int) -> None:
        array, to, start, count = _take(sink, 4)
        at, bits = sink.layout.data(segment), shift(element)
        _part(sink, RDI, array, element, to, count)
        _check_segment(sink, at, start, count, bits, Reason.MEMORY_BOUNDS)
        _copy_segment(sink, at, start, count, 0, bits)

    return write


@writer("array.init_elem")
def array_init_elem(sink: StencilSink, row: Instr) -> Writer:
    """Check array and segment, then copy references."""

    def write(element: FieldType, segment: int) -> None:
        array, to, start, count = _take(sink, 4)
        at = sink.layout.elem(segment)
        _part(sink, RDI, array, element, to, count)
        _check_segment(sink, at, start, count, 0, Reason.TABLE_BOUNDS)
        _copy_segment(sink, at, start, count, 3, 3)

    return write


# -- i31, comparison, conversion ---------------------------------------------------------------------------------------


@writer("ref.i31")
def ref_i31(sink: StencilSink, row: Instr) -> Writer:
    """Twice the value, and 1 to tell it from an address."""

    def write() -> None:
        value = sink.register(sink.vs.pop())
        sink.release(value)
        to = sink.alloc()
        sink.out.extend(rx(b"\x8d", 0, to, value, value, 1))
        sink.vs.append(to)

    return write


@writer("i31.get_s", "i31.get_u")
def i31_get(sink: StencilSink, row: Instr) -> Writer:
    """Half of it."""
    number = 7 if row.name.endswith("_s") else 5

    def write(given: RefType) -> None:
        value = sink.own(sink.vs.pop())
        _check_null(sink, value, given, Reason.NULL_I31)
        sink.out.extend(rr(b"\xd1", 0, number, value))
        sink.vs.append(value)

    return write


MAKERS[BY_NAME["ref.eq"].code] = MAKERS[BY_NAME["i64.eq"].code]


@writer("any.convert_extern", "extern.convert_any")
def convert(sink: StencilSink, row: Instr) -> Writer:
    """Nothing: host objects are boxes that no cast takes for anything else."""
    return ignore
