"""Constant expressions, evaluated to bits (see `cells`).  Source: core 3.0, 3.4.2 (which ones), 4.5.4 (when)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from bembix.binary.immediates import Immediate
from bembix.binary.instructions import instructions
from bembix.compile.heap import Object, storage_size, struct_layout
from bembix.native.memory import write_bytes
from bembix.runtime.cells import read_bits
from bembix.runtime.moduleinst import Externs
from bembix.spec.canonical import canonical_type
from bembix.spec.module import Expr
from bembix.spec.types import ArrayType, FieldType, StructType

_MASK_32: Final = 0xFFFF_FFFF
_MASK_64: Final = 0xFFFF_FFFF_FFFF_FFFF

#: Takes the values so far (bits), the immediates, and what indices refer to.
_Operation = Callable[[list[int], tuple[Immediate, ...], Externs], None]


def _constant(mask: int) -> _Operation:
    return lambda stack, immediates, externs: stack.append(cast(int, immediates[0]) & mask)


def _binary(operation: Callable[[int, int], int], mask: int) -> _Operation:
    def apply(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
        right = stack.pop()
        stack.append(operation(stack.pop(), right) & mask)

    return apply


def _vector(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    stack.append(int.from_bytes(cast(bytes, immediates[0]), "little"))


def _global_get(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    stack.append(read_bits(externs.globals[cast(int, immediates[0])].address))


def _ref_func(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    stack.append(externs.functions[cast(int, immediates[0])])


def _pop(stack: list[int], count: int) -> list[int]:
    taken = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return taken


def _make_struct(index: int, values: list[int] | None, externs: Externs) -> int:
    number = externs.types[index]
    struct = cast(StructType, canonical_type(number).composite)
    offsets, size = struct_layout(struct)
    address = externs.store.heap.allocate(size, number)
    for field, at, value in zip(struct.fields, offsets, values or [0] * len(offsets), strict=True):
        _write(address + at, field, value)
    return address


def _write(address: int, field: FieldType, value: int) -> None:
    size = storage_size(field)
    write_bytes(address, (value & (1 << 8 * size) - 1).to_bytes(size, "little"))


def _make_array(index: int, values: list[int], externs: Externs, times: int = 1) -> int:
    """Make an array of values, all of them so many times."""
    number = externs.types[index]
    size = storage_size(cast(ArrayType, canonical_type(number).composite).element)
    count = times * len(values)
    address = externs.store.heap.allocate(Object.CONTENT + size * count, number | count << 32)
    if any(values):
        content = b"".join([(value & (1 << 8 * size) - 1).to_bytes(size, "little") for value in values])
        write_bytes(address + Object.CONTENT, content * times)
    return address


def _struct_new(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    index = cast(int, immediates[0])
    struct = cast(StructType, canonical_type(externs.types[index]).composite)
    stack.append(_make_struct(index, _pop(stack, len(struct.fields)), externs))


def _struct_new_default(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    stack.append(_make_struct(cast(int, immediates[0]), None, externs))


def _array_new(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    value, count = _pop(stack, 2)
    stack.append(_make_array(cast(int, immediates[0]), [value], externs, count))


def _array_new_default(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    stack.append(_make_array(cast(int, immediates[0]), [0], externs, stack.pop()))


def _array_new_fixed(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    index, count = cast("tuple[int, int]", immediates)
    stack.append(_make_array(index, _pop(stack, count), externs))


def _ref_i31(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    stack.append((stack.pop() << 1 | 1) & _MASK_32)


def _nothing(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    pass


_OPERATIONS: Final[dict[str, _Operation]] = {
    "i32.const": _constant(_MASK_32),
    "i64.const": _constant(_MASK_64),
    "f32.const": _constant(_MASK_32),
    "f64.const": _constant(_MASK_64),
    "v128.const": _vector,
    "global.get": _global_get,
    "ref.func": _ref_func,
    "ref.null": lambda stack, immediates, externs: stack.append(0),
    "end": _nothing,
    "struct.new": _struct_new,
    "struct.new_default": _struct_new_default,
    "array.new": _array_new,
    "array.new_default": _array_new_default,
    "array.new_fixed": _array_new_fixed,
    "ref.i31": _ref_i31,
    "any.convert_extern": _nothing,
    "extern.convert_any": _nothing,
    **{
        f"i{bits}.{name}": _binary(operation, (1 << bits) - 1)
        for bits in (32, 64)
        for name, operation in (("add", int.__add__), ("sub", int.__sub__), ("mul", int.__mul__))
    },
}


def evaluate(expr: Expr, externs: Externs) -> int:
    """Return the bits of a constant expression that has been validated.

    externs: the index spaces, as far as they are there.  Nothing may be collected until the value is where it belongs.
    Errors: ResourceError where an object of it does not fit into the heap.
    """
    stack: list[int] = []
    for _, row, immediates in instructions(expr.code, 0, len(expr.code)):
        _OPERATIONS[row.name](stack, immediates, externs)
    return stack[-1]
