"""Rules: structs, arrays, i31 and casts.  Source: core 3.0, 3.4.2 - 3.4.5 and 3.4.1 (branches on casts)."""

from __future__ import annotations

from bembix.binary.immediates import read_cast, read_heaptype
from bembix.binary.leb import read_u32
from bembix.spec.canonical import canonical_type, match_val, top
from bembix.spec.types import (
    I32,
    AbsHeap,
    ArrayType,
    FieldType,
    HeapType,
    Packed,
    RefType,
    StructType,
    ValType,
    ref,
)
from bembix.validate.rules_memory import data_index
from bembix.validate.walker import OPEN_REF, Handler, Walker, rule

_EQREF = ref(True, AbsHeap.EQ)
_ARRAYREF = ref(True, AbsHeap.ARRAY)
_I31REF = ref(True, AbsHeap.I31)


def unpacked(field: FieldType) -> ValType:
    """Return the type of the values that a field takes."""
    return I32 if isinstance(field.storage, Packed) else field.storage


def _has_default(field: FieldType) -> bool:
    return not isinstance(field.storage, RefType) or field.storage.nullable


def _top_type(walker: Walker) -> ValType | None:
    return walker.stack[-1] if len(walker.stack) > walker.floor else None


def _operand(walker: Walker, wanted: RefType) -> RefType:
    """Take a reference; return what is known of it."""
    given = _top_type(walker)
    walker.pop(wanted)
    return wanted if given is OPEN_REF or not isinstance(given, RefType) else given


def _struct(walker: Walker, pos: int) -> tuple[int, StructType, int]:
    index, pos = walker.index(pos, walker.context.ids, "type")
    composite = canonical_type(walker.context.ids[index]).composite
    if not isinstance(composite, StructType):
        raise walker.error(f"type mismatch: type {index} is not a structure type")
    return index, composite, pos


def _array(walker: Walker, pos: int) -> tuple[int, FieldType, int]:
    index, pos = walker.index(pos, walker.context.ids, "type")
    composite = canonical_type(walker.context.ids[index]).composite
    if not isinstance(composite, ArrayType):
        raise walker.error(f"type mismatch: type {index} is not an array type")
    return index, composite.element, pos


def _made(walker: Walker, index: int) -> RefType:
    return ref(False, walker.context.ids[index])


def _any(walker: Walker, index: int) -> RefType:
    return ref(True, walker.context.ids[index])


def _need_default(walker: Walker, field: FieldType) -> None:
    if not _has_default(field):
        raise walker.error(f"type mismatch: {field.storage} has no default value")


def _need_mutable(walker: Walker, field: FieldType, what: str) -> None:
    if not field.mutable:
        raise walker.error(f"immutable {what}")


def _check_packing(walker: Walker, field: FieldType, signed: bool) -> None:
    if isinstance(field.storage, Packed) is not signed:
        raise walker.error(f"type mismatch: {field.storage} is read {'without' if signed else 'with'} _s or _u")


# -- structs -----------------------------------------------------------------------------------------------------------


@rule("struct.new")
def struct_new(walker: Walker, pos: int) -> int:
    """Hand over the type index and the type; the fields are on the stack."""
    index, struct, pos = _struct(walker, pos)
    walker.pop_all(tuple(map(unpacked, struct.fields)))
    walker.push(_made(walker, index))
    walker.emit[0xFB_0000](index, struct)
    return pos


@rule("struct.new_default")
def struct_new_default(walker: Walker, pos: int) -> int:
    """Hand over the type index and the type."""
    index, struct, pos = _struct(walker, pos)
    for field in struct.fields:
        _need_default(walker, field)
    walker.push(_made(walker, index))
    walker.emit[0xFB_0001](index, struct)
    return pos


def _field(walker: Walker, struct: StructType, pos: int) -> tuple[int, FieldType, int]:
    number, pos = walker.index(pos, struct.fields, "field")
    return number, struct.fields[number], pos


def _struct_get(opcode: int, packed: bool) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        """Hand over the type, the number of the field and what is known of the reference."""
        index, struct, pos = _struct(walker, pos)
        number, field, pos = _field(walker, struct, pos)
        _check_packing(walker, field, packed)
        given = _operand(walker, _any(walker, index))
        walker.push(unpacked(field))
        walker.emit[opcode](struct, number, given)
        return pos

    return handle


rule("struct.get")(_struct_get(0xFB_0002, packed=False))
rule("struct.get_s")(_struct_get(0xFB_0003, packed=True))
rule("struct.get_u")(_struct_get(0xFB_0004, packed=True))


@rule("struct.set")
def struct_set(walker: Walker, pos: int) -> int:
    """Hand over the type, the number of the field and what is known of the reference."""
    index, struct, pos = _struct(walker, pos)
    number, field, pos = _field(walker, struct, pos)
    _need_mutable(walker, field, "field")
    walker.pop(unpacked(field))
    given = _operand(walker, _any(walker, index))
    walker.emit[0xFB_0005](struct, number, given)
    return pos


# -- arrays ------------------------------------------------------------------------------------------------------------


@rule("array.new")
def array_new(walker: Walker, pos: int) -> int:
    """Hand over the type index and the element."""
    index, element, pos = _array(walker, pos)
    walker.pop_all((unpacked(element), I32))
    walker.push(_made(walker, index))
    walker.emit[0xFB_0006](index, element)
    return pos


@rule("array.new_default")
def array_new_default(walker: Walker, pos: int) -> int:
    """Hand over the type index and the element."""
    index, element, pos = _array(walker, pos)
    _need_default(walker, element)
    walker.pop(I32)
    walker.push(_made(walker, index))
    walker.emit[0xFB_0007](index, element)
    return pos


@rule("array.new_fixed")
def array_new_fixed(walker: Walker, pos: int) -> int:
    """Hand over the type index, the element and how many are on the stack."""
    index, element, pos = _array(walker, pos)
    count, pos = read_u32(walker.code, pos)
    valtype = unpacked(element)
    if count > len(walker.stack) - walker.floor and not walker.label.polymorphic:
        raise walker.mismatch((valtype,))
    for _ in range(min(count, len(walker.stack) - walker.floor)):  # more than that only unreachable code may take
        walker.pop(valtype)
    walker.push(_made(walker, index))
    walker.emit[0xFB_0008](index, element, count)
    return pos


@rule("array.new_data")
def array_new_data(walker: Walker, pos: int) -> int:
    """Hand over the type index, the element and the segment."""
    index, element, pos = _array(walker, pos)
    segment, pos = data_index(walker, pos)
    _need_numbers(walker, element)
    walker.pop_all((I32, I32))
    walker.push(_made(walker, index))
    walker.emit[0xFB_0009](index, element, segment)
    return pos


def _need_numbers(walker: Walker, element: FieldType) -> None:
    if isinstance(element.storage, RefType):
        raise walker.error(f"array type is not numeric or vector: {element.storage}")


def _elem_segment(walker: Walker, pos: int, element: FieldType) -> tuple[int, int]:
    segment, pos = walker.index(pos, walker.context.elems, "elem segment")
    given = walker.context.elems[segment]
    if isinstance(element.storage, Packed) or not match_val(given, element.storage):
        raise walker.error(f"type mismatch: a segment of {given} for an array of {element.storage}")
    return segment, pos


@rule("array.new_elem")
def array_new_elem(walker: Walker, pos: int) -> int:
    """Hand over the type index, the element and the segment."""
    index, element, pos = _array(walker, pos)
    segment, pos = _elem_segment(walker, pos, element)
    walker.pop_all((I32, I32))
    walker.push(_made(walker, index))
    walker.emit[0xFB_000A](index, element, segment)
    return pos


def _array_get(opcode: int, packed: bool) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        """Hand over the element and what is known of the reference."""
        index, element, pos = _array(walker, pos)
        _check_packing(walker, element, packed)
        walker.pop(I32)
        given = _operand(walker, _any(walker, index))
        walker.push(unpacked(element))
        walker.emit[opcode](element, given)
        return pos

    return handle


rule("array.get")(_array_get(0xFB_000B, packed=False))
rule("array.get_s")(_array_get(0xFB_000C, packed=True))
rule("array.get_u")(_array_get(0xFB_000D, packed=True))


@rule("array.set")
def array_set(walker: Walker, pos: int) -> int:
    """Hand over the element and what is known of the reference."""
    index, element, pos = _array(walker, pos)
    _need_mutable(walker, element, "array")
    walker.pop_all((I32, unpacked(element)))
    given = _operand(walker, _any(walker, index))
    walker.emit[0xFB_000E](element, given)
    return pos


@rule("array.len")
def array_len(walker: Walker, pos: int) -> int:
    """Hand over what is known of the reference."""
    given = _operand(walker, _ARRAYREF)
    walker.push(I32)
    walker.emit[0xFB_000F](given)
    return pos


@rule("array.fill")
def array_fill(walker: Walker, pos: int) -> int:
    """Hand over the element."""
    index, element, pos = _array(walker, pos)
    _need_mutable(walker, element, "array")
    walker.pop_all((_any(walker, index), I32, unpacked(element), I32))
    walker.emit[0xFB_0010](element)
    return pos


@rule("array.copy")
def array_copy(walker: Walker, pos: int) -> int:
    """Hand over the element of the destination."""
    to, element, pos = _array(walker, pos)
    source, given, pos = _array(walker, pos)
    _need_mutable(walker, element, "array")
    if not _storage_matches(given, element):
        raise walker.error(f"array types do not match: {given.storage} and {element.storage}")
    walker.pop_all((_any(walker, to), I32, _any(walker, source), I32, I32))
    walker.emit[0xFB_0011](element)
    return pos


def _storage_matches(given: FieldType, wanted: FieldType) -> bool:
    if isinstance(given.storage, Packed) or isinstance(wanted.storage, Packed):
        return given.storage is wanted.storage
    return match_val(given.storage, wanted.storage)


@rule("array.init_data")
def array_init_data(walker: Walker, pos: int) -> int:
    """Hand over the element and the segment."""
    index, element, pos = _array(walker, pos)
    segment, pos = data_index(walker, pos)
    _need_mutable(walker, element, "array")
    _need_numbers(walker, element)
    walker.pop_all((_any(walker, index), I32, I32, I32))
    walker.emit[0xFB_0012](element, segment)
    return pos


@rule("array.init_elem")
def array_init_elem(walker: Walker, pos: int) -> int:
    """Hand over the element and the segment."""
    index, element, pos = _array(walker, pos)
    _need_mutable(walker, element, "array")
    segment, pos = _elem_segment(walker, pos, element)
    walker.pop_all((_any(walker, index), I32, I32, I32))
    walker.emit[0xFB_0013](element, segment)
    return pos


# -- i31, comparison, conversion ---------------------------------------------------------------------------------------


@rule("ref.i31")
def ref_i31(walker: Walker, pos: int) -> int:
    """Hand over nothing."""
    walker.pop(I32)
    walker.push(ref(False, AbsHeap.I31))
    walker.emit[0xFB_001C]()
    return pos


def _i31_get(opcode: int) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        """Hand over what is known of the reference."""
        given = _operand(walker, _I31REF)
        walker.push(I32)
        walker.emit[opcode](given)
        return pos

    return handle


rule("i31.get_s")(_i31_get(0xFB_001D))
rule("i31.get_u")(_i31_get(0xFB_001E))


@rule("ref.eq")
def ref_eq(walker: Walker, pos: int) -> int:
    """Hand over nothing."""
    walker.pop_all((_EQREF, _EQREF))
    walker.push(I32)
    walker.emit[0xD3]()
    return pos


def _convert(opcode: int, source: AbsHeap, target: AbsHeap) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        """Hand over nothing."""
        given = _top_type(walker)
        walker.pop(ref(True, source))
        walker.push(ref(isinstance(given, RefType) and given.nullable, target))  # what is open may as well be not null
        walker.emit[opcode]()
        return pos

    return handle


rule("any.convert_extern")(_convert(0xFB_001A, AbsHeap.EXTERN, AbsHeap.ANY))
rule("extern.convert_any")(_convert(0xFB_001B, AbsHeap.ANY, AbsHeap.EXTERN))


# -- casts -------------------------------------------------------------------------------------------------------------


def _heaptype(walker: Walker, heap: HeapType, *, nullable: bool) -> RefType:
    found = walker.context.valtype(ref(nullable, heap), walker.offset)
    assert isinstance(found, RefType)
    return found


def _cast_operand(walker: Walker, target: RefType) -> RefType:
    """Take a reference of the hierarchy of `target`; return what is known of it."""
    given = walker.pop_ref()
    if given is None:
        return ref(True, top(target.heap))
    if top(given.heap) is not top(target.heap):
        raise walker.error(f"type mismatch: a cast from {given} to {target}")
    return given


def _cast(opcode: int, *, nullable: bool, test: bool) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        """Hand over the target, the heap type as the module writes it, and what is known of the reference."""
        heap, pos = read_heaptype(walker.code, pos)
        target = _heaptype(walker, heap, nullable=nullable)
        given = _cast_operand(walker, target)
        walker.push(I32 if test else target)
        walker.emit[opcode](target, heap, given)
        return pos

    return handle


rule("ref.test")(_cast(0xFB_0014, nullable=False, test=True))
rule("ref.test null")(_cast(0xFB_0015, nullable=True, test=True))
rule("ref.cast")(_cast(0xFB_0016, nullable=False, test=False))
rule("ref.cast null")(_cast(0xFB_0017, nullable=True, test=False))


def _difference(source: RefType, target: RefType) -> RefType:
    """Return the type of what is `source` but not `target`."""
    return ref(False, source.heap) if target.nullable else source


def _br_on_cast(opcode: int, *, fail: bool) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        """Hand over the label, the target, its heap type as the module writes it, and what is known of the reference.

        The reference is on the stack, above the label's other values, and stays where there is no branch.
        """
        (depth, source, wanted), pos = read_cast(walker.code, pos)
        given = _heaptype(walker, source.heap, nullable=source.nullable)
        target = _heaptype(walker, wanted.heap, nullable=wanted.nullable)
        if not match_val(target, given):
            raise walker.error(f"type mismatch: a cast from {given} to {target}, which is not below it")
        label = walker.target(depth)
        other = _difference(given, target)
        taken, stays = (other, target) if fail else (target, other)
        if not label.targets or not match_val(taken, label.targets[-1]):
            wants = " ".join(map(str, label.targets))
            raise walker.error(f"type mismatch: label takes [{wants}] but the branch gives {taken}")
        known = _operand(walker, given)
        walker.pop_all(label.targets[:-1])
        walker.stack += label.targets[:-1]
        walker.push(stays)
        walker.emit[opcode](label, target, wanted.heap, known)
        return pos

    return handle


rule("br_on_cast")(_br_on_cast(0xFB_0018, fail=False))
rule("br_on_cast_fail")(_br_on_cast(0xFB_0019, fail=True))
