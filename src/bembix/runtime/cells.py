"""Values as bits, and the 16-byte cells that hold them: globals, payloads of exceptions, results beyond the registers.

A plain value is what a value is on its way between Python and Wasm: a signed int for i32 and i64, a float, 16 bytes for
v128, an address for a reference (null is 0).  Bits are the same as one unsigned int, which keeps the payload of a NaN.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final, TypeAlias, cast

from bembix.native.memory import read_bytes, read_f32, read_f64, read_i32, read_i64, read_u64, write_u64
from bembix.spec.types import NumType, ValType

Plain: TypeAlias = "int | float | bytes"

CELL_SIZE: Final = 16
_MASK_32: Final = 0xFFFF_FFFF
_MASK_64: Final = 0xFFFF_FFFF_FFFF_FFFF


def round_f32(value: float) -> bytes:
    """Return the bytes of the f32 nearest to `value`; too large a number becomes infinite."""
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", math.copysign(math.inf, value))


_READ: Final[dict[NumType, Callable[[int], Plain]]] = {
    NumType.I32: read_i32,
    NumType.I64: read_i64,
    NumType.F32: read_f32,
    NumType.F64: read_f64,
    NumType.V128: lambda address: read_bytes(address, 16),
}
_BITS: Final[dict[NumType, Callable[[Plain], int]]] = {
    NumType.I32: lambda value: cast(int, value) & _MASK_32,
    NumType.I64: lambda value: cast(int, value) & _MASK_64,
    NumType.F32: lambda value: int.from_bytes(round_f32(cast(float, value)), "little"),
    NumType.F64: lambda value: int.from_bytes(struct.pack("<d", value), "little"),
    NumType.V128: lambda value: int.from_bytes(cast(bytes, value), "little"),
}


def bits_of(value: Plain, valtype: ValType) -> int:
    """Return the bits of a plain value."""
    return _BITS[valtype](value) if isinstance(valtype, NumType) else cast(int, value)


def read(address: int, valtype: ValType) -> Plain:
    """Return the plain value in a cell."""
    return _READ[valtype](address) if isinstance(valtype, NumType) else read_u64(address)


def read_bits(address: int) -> int:
    """Return all bits of a cell."""
    return read_u64(address) | read_u64(address + 8) << 64


def write_bits(address: int, bits: int) -> None:
    """Fill a cell."""
    write_u64(address, bits & _MASK_64)
    write_u64(address + 8, bits >> 64)


def write(address: int, value: Plain, valtype: ValType) -> None:
    """Put a plain value into a cell."""
    write_bits(address, bits_of(value, valtype))
