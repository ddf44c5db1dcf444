"""The values and result patterns of scripts.  Source: the specification's interpreter, README, "Scripts"."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal

from bembix.spec.types import F32, F64, I32, I64, V128, NumType
from bembix.text import literals
from bembix.text.commands import Const, Either, Lanes, NaN, RefNull, RefValue, Result, Value
from bembix.text.literals import SHAPES
from bembix.text.numbers import float_bits, integer
from bembix.text.scope import Context
from bembix.text.types import heaptype

_NUMBERS: Final[dict[str, tuple[NumType, literals.Literal, int]]] = {
    "i32.const": (I32, integer, 32),
    "i64.const": (I64, integer, 64),
    "f32.const": (F32, float_bits, 32),
    "f64.const": (F64, float_bits, 64),
}
_NANS: Final[dict[str, Literal["canonical", "arithmetic"]]] = {
    "nan:canonical": "canonical",
    "nan:arithmetic": "arithmetic",
}
_LANES: Final = {"f32x4": F32, "f64x2": F64}
#: References that a script can only ask for, not give; but for those of the host.
_KINDS: Final = {f"ref.{kind}": kind for kind in ("func", "i31", "struct", "array", "eq", "any", "exn")}
_HOST: Final = {"ref.extern": "extern", "ref.host": "host"}


@lru_cache(maxsize=4096)
def _const(type_: NumType, bits: int) -> Const:
    return Const(type_, bits)


def value(c: Context) -> Value:
    """Read an argument."""
    found = result(c)
    if isinstance(found, NaN | Lanes | Either):
        raise c.error("unexpected token: a pattern is no argument")
    return found


def result(c: Context) -> Result:
    """Read a result or a pattern for one."""
    c.expect("(")
    keyword = c.words[c.at]
    c.at += 1
    found: Result
    known = _NUMBERS.get(keyword)
    if known is not None:
        found = _number(c, *known)
    elif keyword == "v128.const":
        found = _vector(c)
    elif keyword in _OTHERS:
        found = _OTHERS[keyword](c, keyword)
    else:
        raise c.unexpected("a constant", c.at - 1)
    c.close()
    return found


def _number(c: Context, type_: NumType, literal: literals.Literal, bits: int) -> Const | NaN:
    pattern = _NANS.get(c.words[c.at])
    if pattern is not None and type_ in (F32, F64):
        c.at += 1
        return NaN(type_, pattern)
    return _const(type_, literals.number(c, literal, bits, str(type_)[0]) & (1 << bits) - 1)


def _vector(c: Context) -> Const | Lanes:
    start = c.at
    shape = literals.shape(c)
    lanes = SHAPES[shape][0]
    if shape in _LANES and any(word in _NANS for word in c.words[c.at : c.at + lanes]):
        _, bits, literal = SHAPES[shape]
        return Lanes(shape, tuple(_number(c, _LANES[shape], literal, bits) for _ in range(lanes)))
    c.at = start
    return Const(V128, int.from_bytes(literals.v128(c), "little"))


def _null(c: Context, _keyword: str) -> RefNull:
    return RefNull() if c.words[c.at] == ")" else RefNull(heaptype(c))


def _host(c: Context, keyword: str) -> RefValue:
    number = None if c.words[c.at] == ")" else c.natural(32)
    return RefValue(_HOST[keyword], number)


def _reference(_c: Context, keyword: str) -> RefValue:
    return RefValue(_KINDS[keyword])


def _either(c: Context, _keyword: str) -> Either:
    options = []
    while c.words[c.at] != ")":
        if c.sees("either"):
            raise c.unexpected("a result")
        options.append(result(c))
    return Either(tuple(options))


_OTHERS: Final[dict[str, Callable[[Context, str], Result]]] = {
    "ref.null": _null,
    **dict.fromkeys(_HOST, _host),
    **dict.fromkeys(_KINDS, _reference),
    "either": _either,
}
