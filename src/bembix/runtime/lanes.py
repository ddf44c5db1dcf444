"""Vectors as Python has them: 16 bytes, and the numbers that are their lanes.  Source: core 3.0, 2.3.3, 4.3.6."""

from __future__ import annotations

import operator
import struct
from collections.abc import Callable
from typing import Final, SupportsFloat, SupportsIndex, TypeAlias, cast

from bembix.runtime.cells import round_f32

Number: TypeAlias = "SupportsIndex | SupportsFloat"

_LAYOUTS: Final = {
    "i8x16": struct.Struct("<16b"),
    "i16x8": struct.Struct("<8h"),
    "i32x4": struct.Struct("<4i"),
    "i64x2": struct.Struct("<2q"),
    "f32x4": struct.Struct("<4f"),
    "f64x2": struct.Struct("<2d"),
}


def _layout(shape: str) -> struct.Struct:
    if shape not in _LAYOUTS:
        raise ValueError(f"unknown shape {shape!r}; known are {', '.join(_LAYOUTS)}")
    return _LAYOUTS[shape]


def lanes(value: bytes | bytearray | memoryview, shape: str) -> tuple[int | float, ...]:
    """Return the lanes of a vector, lane 0 first; integers are signed.

    value: 16 bytes, as a v128 comes out of Wasm.  shape: "i8x16", "i16x8", "i32x4", "i64x2", "f32x4" or "f64x2".
    Errors: ValueError for another shape or another number of bytes.

    >>> lanes(bytes(range(16)), "i16x8")
    (256, 770, 1284, 1798, 2312, 2826, 3340, 3854)
    """
    content = bytes(value)
    if len(content) != 16:
        raise ValueError(f"a v128 has 16 bytes, not {len(content)}")
    return _layout(shape).unpack(content)


def v128(shape: str, *values: Number) -> bytes:
    """Return the vector of these lanes, lane 0 first, or of one value in all lanes.

    shape: as for `lanes`.  values: int or float as the shape has them; integers signed or unsigned.
    Errors: ValueError for another shape or number of lanes, OverflowError for an int that does not fit, TypeError.

    >>> lanes(v128("i32x4", 1, 2, 3, 0xFFFFFFFF), "i32x4")
    (1, 2, 3, -1)
    """
    layout = _layout(shape)
    count = int(shape.partition("x")[2])
    if len(values) not in (1, count):
        raise ValueError(f"{shape} has {count} lanes; {len(values)} values were given")
    given = values * (count if len(values) == 1 else 1)
    convert: Callable[[Number, str], int | float] = _integer if shape[0] == "i" else _float
    return layout.pack(*[convert(value, shape) for value in given])


def _integer(value: Number, shape: str) -> int:
    number, bits = operator.index(cast(SupportsIndex, value)), int(shape[1:].partition("x")[0])
    if not -(1 << bits - 1) <= number < 1 << bits:
        raise OverflowError(f"{number} does not fit a lane of {shape}")
    return number - (1 << bits) if number >> bits - 1 == 1 else number


def _float(value: Number, shape: str) -> float:
    if isinstance(value, (str, bytes, bytearray)):  # float() would parse them
        raise TypeError(f"a lane of {shape} must be a float, not {type(value).__name__}")
    number = float(cast(SupportsFloat, value))
    return number if shape == "f64x2" else cast(float, struct.unpack("<f", round_f32(number))[0])
