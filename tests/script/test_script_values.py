"""What a script wants of results."""

from __future__ import annotations

import math
import struct

import pytest

from bembix.script.values import HostRef, argument, came_out, describe, is_nan, matches
from bembix.spec.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128
from bembix.text.commands import Const, Either, Lanes, NaN, RefNull, RefValue

CANONICAL_32, ARITHMETIC_32, SIGNALLING_32 = 0x7FC0_0000, 0x7FC0_0001, 0x7FA0_0000
CANONICAL_64, ARITHMETIC_64, SIGNALLING_64 = 0x7FF8 << 48, 0x7FF8 << 48 | 1, 0x7FF4 << 48


@pytest.mark.parametrize(
    ("wanted", "got", "same"),
    [
        (Const(I32, 1), (I32, 1), True),
        (Const(I32, 1), (I64, 1), False),
        (Const(I32, 0xFFFF_FFFF), came_out(-1, I32), True),
        (Const(I64, 1 << 63), came_out(-(1 << 63), I64), True),
        (Const(F32, 1 << 31), came_out(-0.0, F32), True),
        (Const(F32, 0), came_out(-0.0, F32), False),
        (Const(F64, 0x3FF0 << 48), came_out(1.0, F64), True),
        (Const(V128, 1), came_out(b"\1" + bytes(15), V128), True),
        (NaN(F32, "canonical"), (F32, CANONICAL_32), True),
        (NaN(F32, "canonical"), (F32, CANONICAL_32 | 1 << 31), True),
        (NaN(F32, "canonical"), (F32, ARITHMETIC_32), False),
        (NaN(F32, "arithmetic"), (F32, ARITHMETIC_32), True),
        (NaN(F32, "arithmetic"), (F32, CANONICAL_32 | 1 << 31), True),
        (NaN(F32, "arithmetic"), (F32, SIGNALLING_32), False),
        (NaN(F32, "arithmetic"), (F32, 0x7F80_0000), False),
        (NaN(F32, "canonical"), (F64, CANONICAL_64), False),
        (NaN(F64, "canonical"), (F64, CANONICAL_64), True),
        (NaN(F64, "canonical"), (F64, ARITHMETIC_64), False),
        (NaN(F64, "arithmetic"), (F64, ARITHMETIC_64), True),
        (NaN(F64, "arithmetic"), (F64, SIGNALLING_64), False),
        (NaN(F64, "arithmetic"), came_out(1.0, F64), False),
        (Either((Const(I32, 1), Const(I32, 2))), (I32, 2), True),
        (Either((Const(I32, 1), Const(I32, 2))), (I32, 3), False),
        (Either((NaN(F32, "canonical"), Const(F32, 0))), (F32, CANONICAL_32), True),
        (RefNull(), (EXTERNREF, None), True),
        (RefNull(), (EXTERNREF, 0), False),
        (RefNull(), (I32, 0), False),
        (RefValue("extern", 3), (EXTERNREF, HostRef(3)), True),
        (RefValue("extern", 3), (EXTERNREF, HostRef(4)), False),
        (RefValue("extern"), (EXTERNREF, "any"), True),
        (RefValue("extern"), (EXTERNREF, None), False),
        (RefValue("func"), (FUNCREF, None), False),
        (RefValue("func"), (FUNCREF, print), False),
    ],
    ids=lambda value: describe(value) if not isinstance(value, (tuple, bool)) else str(value),
)
def test_matches(wanted, got, same: bool) -> None:
    assert matches(wanted, got) is same


def test_lanes_are_compared_one_by_one() -> None:
    one = 0x3F80_0000
    wanted = Lanes("f32x4", (Const(F32, one), NaN(F32, "canonical"), NaN(F32, "arithmetic"), Const(F32, 0)))

    def vector(*lanes: int) -> tuple:
        return V128, int.from_bytes(struct.pack("<4I", *lanes), "little")

    assert matches(wanted, vector(one, CANONICAL_32, ARITHMETIC_32, 0))
    assert not matches(wanted, vector(one, ARITHMETIC_32, ARITHMETIC_32, 0))
    assert not matches(wanted, vector(one, CANONICAL_32, ARITHMETIC_32, 1))


def test_arguments() -> None:
    assert argument(Const(I32, 7)) == 7
    assert argument(Const(F64, 0x3FF8 << 48)) == 1.5
    assert math.isnan(argument(Const(F32, CANONICAL_32)))
    assert argument(Const(V128, 1)) == b"\1" + bytes(15)
    assert argument(RefNull()) is None
    assert argument(RefValue("extern", 5)) == HostRef(5)
    with pytest.raises(ValueError, match=r"ref\.func can't be an argument"):
        argument(RefValue("func"))


def test_which_values_need_every_bit() -> None:
    assert is_nan(Const(F32, SIGNALLING_32))
    assert is_nan(NaN(F32, "canonical"))
    assert is_nan(Either((Const(F32, 0), NaN(F32, "canonical"))))
    assert not is_nan(Const(F32, 0x7F80_0000))
    assert not is_nan(Const(F64, CANONICAL_64))
    assert not is_nan(Const(I32, SIGNALLING_32))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Const(I32, 0xFFFF_FFFF), "i32 -1"),
        (Const(F32, CANONICAL_32), "f32 nan"),
        (Const(F64, 0x3FF8 << 48), "f64 1.5"),
        (NaN(F64, "arithmetic"), "f64 nan:arithmetic"),
        (Either((Const(I32, 1), RefNull())), "i32 1 or null"),
        (RefValue("extern", 3), "ref.extern 3"),
        (RefValue("func"), "ref.func"),
    ],
    ids=str,
)
def test_words(value, words: str) -> None:
    assert describe(value) == words
