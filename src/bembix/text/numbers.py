"""Number literals: words to integers and to the bits of floats, rounded once from their exact value.

Every function returns None for a word that is no literal of its kind, and raises NumberError for one that is out of
range.  Source: core 3.0, 6.3.1, 6.3.2.
"""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from functools import lru_cache
from typing import Final

from bembix.text.patterns import DECIMAL_FLOAT, HEX_FLOAT, INTEGER, NATURAL, SPECIAL_FLOAT


class NumberError(ValueError):
    """A literal whose value does not fit; its message says so in the words of the specification's tests."""


_MAX_DECIMAL: Final = 4000  #: digits: CPython refuses to convert many more, and no integer of ours has as many


def _magnitude(digits: str) -> int | None:
    """Return the value of an unsigned integer literal, or None for one that is far out of range."""
    if digits.startswith("0x"):
        return int(digits, 16) if len(digits) < _MAX_DECIMAL else _magnitude_of_long(digits[2:], 16)
    return int(digits) if len(digits) < _MAX_DECIMAL else _magnitude_of_long(digits, 10)


def _magnitude_of_long(digits: str, base: int) -> int | None:
    significant = digits.replace("_", "").lstrip("0")
    return int(significant or "0", base) if len(significant) < _MAX_DECIMAL else None


@lru_cache(maxsize=4096)
def natural(word: str, bits: int) -> int | None:
    """Return the value of an unsigned integer literal without sign, such as an index."""
    if NATURAL.fullmatch(word) is None:
        return None
    value = _magnitude(word)
    if value is None or value >> bits:
        raise NumberError(f"i{bits} constant out of range: {word[:40]}")
    return value


@lru_cache(maxsize=4096)
def integer(word: str, bits: int) -> int | None:
    """Return the value of an integer literal, which may mean it as signed or as unsigned, as a signed integer."""
    if INTEGER.fullmatch(word) is None:
        return None
    value = _magnitude(word.lstrip("+-"))
    limit = 1 << bits
    if value is None or value >= limit or (word[0] == "-" and value > limit >> 1):
        raise NumberError(f"i{bits} constant out of range: {word[:40]}")
    if word[0] == "-":
        return -value
    return value - limit if value >= limit >> 1 else value


_PACK: Final = {32: struct.Struct("<f"), 64: struct.Struct("<d")}
_UNPACK: Final = {32: struct.Struct("<I"), 64: struct.Struct("<Q")}
_MANTISSA: Final = {32: 23, 64: 52}
_INFINITY: Final = {32: 0x7F80_0000, 64: 0x7FF0_0000_0000_0000}


@lru_cache(maxsize=4096)
def float_bits(word: str, bits: int) -> int | None:
    """Return the bits of a float literal: decimal, hexadecimal, inf, nan or nan with a payload."""
    if DECIMAL_FLOAT.fullmatch(word) is not None:
        value = float(word)
    elif HEX_FLOAT.fullmatch(word) is not None:
        value = _from_hex(word, bits)
    else:
        return _special(word, bits)
    try:
        return _round(word, value, bits)
    except OverflowError:
        raise NumberError(f"f{bits} constant out of range: {word[:40]}") from None


def _special(word: str, bits: int) -> int | None:
    """Return the bits of an infinity or a NaN."""
    found = SPECIAL_FLOAT.fullmatch(word)
    if found is None:
        return None
    sign = 1 << bits - 1 if word[0] == "-" else 0
    if "inf" in word:
        return sign | _INFINITY[bits]
    payload = 1 << _MANTISSA[bits] - 1
    if found[1] is not None:
        payload = _magnitude("0x" + found[1]) or 0  # far out of range is refused like 0
        if not 0 < payload < 1 << _MANTISSA[bits]:
            raise NumberError(f"f{bits} constant out of range: the payload of {word[:40]}")
    return sign | _INFINITY[bits] | payload


def _from_hex(word: str, bits: int) -> float:
    try:
        return float.fromhex(word.replace("_", ""))
    except OverflowError:
        raise NumberError(f"f{bits} constant out of range: {word[:40]}") from None


def _round(word: str, value: float, bits: int) -> int:
    """Return the bits of a literal whose value, rounded to 64 bits, is `value`.

    Errors: OverflowError where it is too large.
    """
    if math.isinf(value):
        raise OverflowError
    if bits == 32 and _is_tie(value):
        # Rounding twice would be wrong here: step off the middle between two floats towards the exact value.
        side = _compare(word, abs(value))
        away = math.copysign(math.inf if side > 0 else 0.0, value)
        value = math.nextafter(value, away) if side else value
    result: int = _UNPACK[bits].unpack(_PACK[bits].pack(value))[0]
    return result


_LEAST_NORMAL: Final = 2.0**-126
_TIE_BITS: Final = 0x1000_0000  #: the mantissa bits that 32 bit floats do not have, in the middle between two of them


def _is_tie(value: float) -> bool:
    """Tell whether a 64 bit float lies exactly in the middle between two 32 bit ones."""
    if abs(value) < _LEAST_NORMAL:
        halves: float = math.ldexp(value, 150)
        return halves % 2 == 1
    mantissa: int = _UNPACK[64].unpack(_PACK[64].pack(value))[0] & 2 * _TIE_BITS - 1
    return mantissa == _TIE_BITS


def _compare(word: str, value: float) -> int:
    """Return the sign of the exact magnitude of a literal minus `value`, which it nearly is."""
    digits = word.lstrip("+-").replace("_", "")
    if not digits.startswith("0x"):
        exact = Decimal(digits)
        return (exact > Decimal(value)) - (exact < Decimal(value))
    mantissa, _, exponent = digits[2:].lower().partition("p")
    whole, _, fraction = mantissa.partition(".")
    shift = int(exponent.lstrip("+-0") or "0") * (-1 if exponent.startswith("-") else 1) - 4 * len(fraction)
    numerator, denominator = value.as_integer_ratio()
    left = int(whole + fraction, 16) * denominator << max(shift, 0)
    right = numerator << max(-shift, 0)
    return (left > right) - (left < right)


def float_word(pattern: int, bits: int) -> str:
    """Return a literal that reads back as these bits; the shortest decimal one for a number."""
    sign = "-" if pattern >> bits - 1 else ""
    magnitude = pattern & (1 << bits - 1) - 1
    if magnitude == _INFINITY[bits]:
        return f"{sign}inf"
    if magnitude > _INFINITY[bits]:
        payload = magnitude - _INFINITY[bits]
        return f"{sign}nan" if payload == 1 << _MANTISSA[bits] - 1 else f"{sign}nan:{payload:#x}"
    value: float = _PACK[bits].unpack(_UNPACK[bits].pack(magnitude))[0]
    return sign + (repr(value).removesuffix(".0") if bits == 64 else _shortest(value))


def _shortest(value: float) -> str:
    """Return the shortest decimal that rounds to a 32 bit float, which is not negative."""
    pack = _PACK[32].pack
    for digits in range(1, 9):
        word = f"{value:.{digits}g}"
        if float(word) <= _MAX_F32 and pack(float(word)) == pack(value):
            return word
    return f"{value:.9g}"


_MAX_F32: Final = float.fromhex("0x1.fffffep127")
