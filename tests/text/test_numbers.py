"""Literals have the one value that the specification gives them."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bembix.text.numbers import NumberError, float_bits, float_word, integer, natural

F32 = st.integers(0, 2**32 - 1)
F64 = st.integers(0, 2**64 - 1)


def f32(bits: int) -> Fraction:
    return Fraction(struct.unpack("<f", struct.pack("<I", bits))[0])


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *[("0", 0), ("007", 7), ("1_000", 1000), ("0xfF", 255), ("-1", -1), ("+5", 5), ("4294967295", -1)],
        *[("-0x8000_0000", -(2**31)), ("0x80000000", -(2**31)), ("0" * 9000 + "7", 7)],
    ],
    ids=lambda value: str(value)[:20],
)
def test_integers(word: str, value: int) -> None:
    assert integer(word, 32) == value


@pytest.mark.parametrize(
    "word", ["", "_1", "1_", "1__0", "0x", "0x_1", "0_x1", "1x", "0X1", "+", "1.0", "\uff11", " 1"]
)
def test_no_integers(word: str) -> None:
    assert integer(word, 32) is None
    assert natural(word, 32) is None


@pytest.mark.parametrize("word", ["4294967296", "-2147483649", "0x1_0000_0000", "9" * 9000])
def test_integers_out_of_range(word: str) -> None:
    with pytest.raises(NumberError, match="i32 constant out of range"):
        integer(word, 32)


@pytest.mark.parametrize(
    ("word", "bits"),
    [
        *[("0", 0), ("-0.0", 0x8000_0000), ("1", 0x3F80_0000), ("1.", 0x3F80_0000), ("0x1p0", 0x3F80_0000)],
        *[("0x0.8p1", 0x3F80_0000), ("1_0.2_5e0_1", 0x42CD_0000), ("1e-45", 1), ("0x1p-149", 1), ("0x1p-150", 0)],
        *[("inf", 0x7F80_0000), ("-inf", 0xFF80_0000), ("nan", 0x7FC0_0000), ("-nan:0x1", 0xFF80_0001)],
        *[("1e-999999999999", 0), ("0x1" + "0" * 5000 + "p-20000", 0x3F80_0000)],
    ],
    ids=lambda value: str(value)[:20],
)
def test_floats(word: str, bits: int) -> None:
    assert float_bits(word, 32) == bits


@pytest.mark.parametrize(
    "word", [".5", "1e", "0x1p", "0x.8", "1_.0", "1._0", "nan:1", "nan:0x", "infinity", "NaN", "1f"]
)
def test_no_floats(word: str) -> None:
    assert float_bits(word, 32) is None


@pytest.mark.parametrize("word", ["1e39", "0x1p128", "-0x1.ffffffp127", "nan:0x0", "nan:0x80_0000", "1" * 5000])
def test_floats_out_of_range(word: str) -> None:
    with pytest.raises(NumberError, match="f32 constant out of range"):
        float_bits(word, 32)


@given(F32)
def test_f32_reads_back(bits: int) -> None:
    assert float_bits(float_word(bits, 32), 32) == bits


@given(F64)
def test_f64_reads_back(bits: int) -> None:
    assert float_bits(float_word(bits, 64), 64) == bits


@given(st.integers(0, 0x7F7F_FFFE), st.integers(-1, 1), st.booleans())
def test_f32_is_rounded_once(bits: int, side: int, hexadecimal: bool) -> None:
    """A literal that is nearer to the middle of two floats than a 64 bit float can tell still goes to the right one."""
    middle = (f32(bits) + f32(bits + 1)) / 2
    exact = middle + side * middle / 10**40 if middle else Fraction(0)
    if hexadecimal:
        word = f"0x{int(exact * 2**400):x}p-400"
        exact = Fraction(int(exact * 2**400), 2**400)
    else:
        word = f"{int(exact * 10**400)}e-400"
        exact = Fraction(int(exact * 10**400), 10**400)
    below, above = exact - f32(bits), f32(bits + 1) - exact
    even = bits + (bits & 1)
    assert float_bits(word, 32) == (bits if below < above else bits + 1 if above < below else even)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_f64_agrees_with_python(value: float) -> None:
    assert (
        float_bits(repr(value), 64) == float_bits(value.hex(), 64) == struct.unpack("<Q", struct.pack("<d", value))[0]
    )
