"""Values of scripts: what to pass for an argument, and whether a result is what a script wants.

A number that came out is kept as its type and its bits without sign, so that NaNs and zeros compare exactly.
Source: the specification's interpreter, README, "Scripts"; core 3.0, 4.3.3 for the NaNs.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from bembix.spec.types import F32, F64, I32, I64, V128, NumType, ValType
from bembix.text.commands import Const, Either, Lanes, NaN, RefNull, RefValue, Result, Value

BITS: Final = {I32: 32, I64: 64, F32: 32, F64: 64, V128: 128}
_MANTISSA: Final = {F32: 23, F64: 52}
_LANE_TYPES: Final = {"f32x4": F32, "f64x2": F64}


@dataclass(frozen=True, slots=True)
class HostRef:
    """What `ref.extern` and `ref.host` with a number stand for; equal numbers are the same."""

    number: int


#: A value that came out: bits of a number, or any object for a reference.
Got: TypeAlias = tuple[ValType, object]


def is_nan(value: Value | Result) -> bool:
    """Whether a value is, or may be, a NaN with 32 bits."""
    match value:
        case Const(NumType.F32, bits):
            return bits & 0x7FFF_FFFF > 0x7F80_0000
        case Either(options):
            return any(map(is_nan, options))
    return isinstance(value, NaN) and value.type is F32


_TO_PYTHON: Final[dict[NumType, Callable[[int], object]]] = {
    I32: int,
    I64: int,
    F32: lambda bits: struct.unpack("<f", bits.to_bytes(4, "little"))[0],
    F64: lambda bits: struct.unpack("<d", bits.to_bytes(8, "little"))[0],
    V128: lambda bits: bits.to_bytes(16, "little"),
}


def argument(value: Value) -> object:
    """Return what to pass to a function."""
    match value:
        case Const(type_, bits):
            return _TO_PYTHON[type_](bits)
        case RefValue("extern" | "host", number) if number is not None:
            return HostRef(number)
        case RefNull():
            return None
    raise ValueError(f"{describe(value)} can't be an argument")


_TO_BITS: Final[dict[NumType, Callable[[object], int]]] = {
    I32: lambda value: cast(int, value) & 0xFFFF_FFFF,
    I64: lambda value: cast(int, value) & 0xFFFF_FFFF_FFFF_FFFF,
    F32: lambda value: int.from_bytes(struct.pack("<f", value), "little"),
    F64: lambda value: int.from_bytes(struct.pack("<d", value), "little"),
    V128: lambda value: int.from_bytes(cast(bytes, value), "little"),
}


def came_out(value: object, type_: ValType) -> Got:
    """Return a value that Python got as one that can be compared."""
    return type_, _TO_BITS[type_](value) if isinstance(type_, NumType) else value


def matches(wanted: Result, got: Got) -> bool:
    """Whether a value is what the script wants."""
    type_, value = got
    match wanted:
        case Const():
            return got == (wanted.type, wanted.bits)
        case NaN():
            return type_ is wanted.type and _is_wanted_nan(wanted, cast(int, value))
        case Lanes():
            return type_ is V128 and _lanes_match(wanted, cast(int, value))
        case Either(options):
            return any(matches(option, got) for option in options)
        case RefNull():
            return not isinstance(type_, NumType) and value is None
    return not isinstance(type_, NumType) and _is_reference(wanted, value)


def _is_wanted_nan(wanted: NaN, bits: int) -> bool:
    mantissa = _MANTISSA[wanted.type]
    exponent = (1 << BITS[wanted.type] - 1) - (1 << mantissa)
    canonical = exponent | 1 << mantissa - 1
    if wanted.kind == "canonical":
        return bits & ~(1 << BITS[wanted.type] - 1) == canonical
    return bits & canonical == canonical


def _lanes_match(wanted: Lanes, bits: int) -> bool:
    type_ = _LANE_TYPES[wanted.shape]
    width = BITS[type_]
    return all(
        matches(lane, (type_, bits >> width * number & (1 << width) - 1)) for number, lane in enumerate(wanted.lanes)
    )


def _is_reference(wanted: RefValue, value: object) -> bool:
    if wanted.value is not None:
        return value == HostRef(wanted.value)
    return value is not None and isinstance(value, _kinds(wanted.kind))


def _kinds(kind: str) -> tuple[type, ...]:
    """Return the Python types of the references of a kind."""
    from bembix.runtime.exnref import ExnRef
    from bembix.runtime.func import func_class
    from bembix.runtime.gcvalues import I31, ArrayRef, StructRef

    known: dict[str, tuple[type, ...]] = {
        "func": (func_class(),),
        "exn": (ExnRef,),
        "i31": (I31,),
        "struct": (StructRef,),
        "array": (ArrayRef,),
        "eq": (I31, StructRef, ArrayRef),
    }
    return known.get(kind, (object,))


def describe(value: Value | Result) -> str:
    """Return a value of a script in words."""
    match value:
        case Const(type_, bits):
            return describe_got((type_, bits))
        case NaN(type_, kind):
            return f"{type_} nan:{kind}"
        case Lanes(shape, lanes):
            return f"v128 {shape} {' '.join(describe(lane) for lane in lanes)}"
        case Either(options):
            return " or ".join(map(describe, options))
        case RefNull():
            return "null"
    return f"ref.{value.kind}{'' if value.value is None else f' {value.value}'}"


def describe_got(got: Got) -> str:
    """Return a value that came out in words."""
    type_, value = got
    if not isinstance(type_, NumType):
        return "null" if value is None else repr(value)
    bits = cast(int, value)
    if type_ in (F32, F64):
        from bembix.text.numbers import float_word

        return f"{type_} {float_word(bits, BITS[type_])}"
    if type_ is V128:
        return f"v128 {bits:#034x}"
    return f"{type_} {bits - (1 << BITS[type_]) if bits >> BITS[type_] - 1 else bits}"


def describe_all(values: Sequence[Got]) -> str:
    """Return results in words."""
    return ", ".join(map(describe_got, values)) or "nothing"
