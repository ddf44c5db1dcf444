"""Literals where an instruction or a script has them: numbers, vectors and lanes.  Source: core 3.0, 6.3.1, 6.5.9."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from bembix.text.cursor import Cursor
from bembix.text.keywords import UnknownOperator
from bembix.text.numbers import NumberError, float_bits, integer, natural
from bembix.text.patterns import is_number

#: Reads the word of a number of so many bits.
Literal: TypeAlias = Callable[[str, int], int | None]

#: How many lanes each shape has, of how many bits, and how a lane is written.
SHAPES: Final[dict[str, tuple[int, int, Literal]]] = {
    "i8x16": (16, 8, integer),
    "i16x8": (8, 16, integer),
    "i32x4": (4, 32, integer),
    "i64x2": (2, 64, integer),
    "f32x4": (4, 32, float_bits),
    "f64x2": (2, 64, float_bits),
}
_FIRST: Final = frozenset("0123456789+-")  #: what numbers begin with, but for inf and nan
_SHUFFLE_LANES: Final = 16


def number(c: Cursor, literal: Literal, bits: int, letter: str) -> int:
    """Read a number.  literal: reads its word.  letter: of its type, for messages."""
    word = c.words[c.at]
    try:
        found = literal(word, bits)
    except NumberError as error:
        raise c.error(str(error)) from None
    if found is None:
        if is_number(word):
            raise c.error(f"{letter}{bits} constant out of range: {word[:40]} is no integer")
        raise c.unexpected(f"a number of type {letter}{bits}")
    c.at += 1
    return found


def i32(c: Cursor) -> int:
    """Read an integer of 32 bits, as a signed one."""
    return number(c, integer, 32, "i")


def i64(c: Cursor) -> int:
    """Read an integer of 64 bits, as a signed one."""
    return number(c, integer, 64, "i")


def f32(c: Cursor) -> int:
    """Read the bits of a float of 32 bits."""
    return number(c, float_bits, 32, "f")


def f64(c: Cursor) -> int:
    """Read the bits of a float of 64 bits."""
    return number(c, float_bits, 64, "f")


def shape(c: Cursor) -> str:
    """Read the shape of a vector."""
    found = c.words[c.at]
    if found not in SHAPES:
        raise c.unexpected("the shape of a vector")
    c.at += 1
    return found


def check_lanes(c: Cursor, wanted: int, complaint: str) -> None:
    """Check that as many numbers come next as there are lanes."""
    at = c.at
    while c.words[at][:1] in _FIRST or c.words[at][:3] in ("nan", "inf"):
        at += 1
    if at - c.at != wanted:
        error = c.unexpected(at=at)
        raise error if isinstance(error, UnknownOperator) else c.error(f"{complaint}: expected {wanted}")


def v128(c: Cursor) -> bytes:
    """Read the sixteen bytes of a vector: its shape and its lanes."""
    found = shape(c)
    lanes, bits, literal = SHAPES[found]
    check_lanes(c, lanes, "wrong number of lane literals")
    mask = (1 << bits) - 1
    values = [number(c, literal, bits, found[0]) & mask for _ in range(lanes)]
    return b"".join(value.to_bytes(bits // 8, "little") for value in values)


def lane(c: Cursor) -> int:
    """Read a lane index."""
    return c.natural(8, "a lane index")


def shuffle_lanes(c: Cursor) -> bytes:
    """Read the lane indices of a shuffle."""
    check_lanes(c, _SHUFFLE_LANES, "invalid lane length")
    return bytes(number(c, natural, 8, "i") for _ in range(_SHUFFLE_LANES))
