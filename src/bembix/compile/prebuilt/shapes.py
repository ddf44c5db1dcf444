"""The shape of a function type: what matters for conversion between Python and Wasm values, a letter a value.

    i l f d   i32 i64 f32 f64
    e E       externref; not null
    c C       funcref; any other reference to functions (what null and what type may be in it is for the helper to say)
    a         a reference to what the garbage collector manages
    x         exnref
    v         v128

A shape is written as `parameters_results`.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterable
from functools import cache
from typing import Final

from bembix.compile import layout
from bembix.compile.layout import Registers, Shape
from bembix.errors import InternalError
from bembix.spec.canonical import abstract_of
from bembix.spec.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, AbsHeap, FuncType, ValType

_LETTERS: Final[dict[ValType, str]] = {
    I32: "i",
    I64: "l",
    F32: "f",
    F64: "d",
    V128: "v",
    EXTERNREF: "e",
    FUNCREF: "c",
}
_HEAP_LETTERS: Final = {
    AbsHeap.EXTERN: "E",
    AbsHeap.NOEXTERN: "E",
    AbsHeap.FUNC: "C",
    AbsHeap.NOFUNC: "C",
    AbsHeap.EXN: "x",
    AbsHeap.NOEXN: "x",
}

#: Bytes of the cell that holds one value.
CELL: Final = 16


def letter(valtype: ValType) -> str:
    """Return the letter of a type."""
    found = _LETTERS.get(valtype)
    if found is not None:
        return found
    heap = getattr(valtype, "heap", None)
    if isinstance(heap, int):
        heap = abstract_of(heap)
    return _HEAP_LETTERS.get(heap, "a")  # type: ignore[arg-type]


@cache
def shape(functype: FuncType) -> str:
    """Return the shape of a function type."""
    return f"{''.join(map(letter, functype.params))}_{''.join(map(letter, functype.results))}"


def fits(floats: Iterable[bool]) -> tuple[bool, ...]:
    """Return which parameters are passed in registers, given which of them are floats or vectors."""
    room = {True: layout.MAX_REGISTER_FLOATS, False: layout.MAX_REGISTER_WORDS}
    where = []
    for is_float in floats:
        room[is_float] -= 1
        where.append(room[is_float] >= 0)
    return tuple(where)


def in_registers(params: str) -> tuple[bool, ...]:
    """Return, for each parameter of a shape, whether it is passed in a register."""
    return fits(one in _FLOATS for one in params)


def descriptor(shape: str) -> bytes:
    """Return what generic stubs are told of a shape: a `layout.Shape`."""
    params, results = shape.split("_")
    places = struct.pack(f"<{len(params) + len(results)}H", *_param_places(params), *_result_places(results))
    letters = (params + results).encode()
    spilled = 0 if all(in_registers(params)) else CELL * len(params)
    at = Shape.LETTERS + len(letters)
    at += at % 2
    return (
        struct.pack("<QQQQ", len(params), len(results), spilled, at) + letters.ljust(at - Shape.LETTERS, b"\0") + places
    )


def _param_places(params: str) -> list[int]:
    """Return where among `layout.Registers` each parameter is."""
    words = itertools.count(Registers.WORDS, 8)
    vectors = itertools.count(Registers.VECTORS, CELL)
    return [
        next(vectors if one in _FLOATS else words) if there else Registers.SPILLED + CELL * k
        for k, (one, there) in enumerate(zip(params, in_registers(params), strict=True))
    ]


def _result_places(results: str) -> list[int]:
    """Return where each result is, as far as they are in registers."""
    words = itertools.count(0, CELL)
    vectors = itertools.count(Registers.RESULT_VECTORS, CELL)
    return [next(vectors if one in _FLOATS else words) for one in results[: layout.MAX_REGISTER_RESULTS]] + [0] * len(
        results[layout.MAX_REGISTER_RESULTS :]
    )


_FLOATS: Final = frozenset("fdv")


def pack(letters: str, values: Iterable[object]) -> bytes:
    """Return the cells that hold converted values: ints, floats, sixteen bytes, references by their addresses.

    Errors: InternalError where a helper gave something else.
    """
    given = tuple(values)
    if len(given) != len(letters):
        raise InternalError(f"a conversion gave {len(given)} values for {len(letters)}")
    try:
        return b"".join([_PACK.get(one, _pack_word)(value) for one, value in zip(letters, given, strict=True)])
    except (struct.error, TypeError) as error:
        raise InternalError(f"a conversion gave {given!r} for {letters!r}: {error}") from error


def _pack_i32(value: object) -> bytes:
    return _I32.pack(value & 0xFFFFFFFF)  # type: ignore[operator]


def _pack_word(value: object) -> bytes:
    return _WORD.pack(value & 0xFFFFFFFFFFFFFFFF)  # type: ignore[operator]


def _pack_f32(value: object) -> bytes:
    try:
        return _F32.pack(value)
    except OverflowError:  # rounds to infinity, which struct refuses to do
        return _F32.pack(math.copysign(math.inf, value))  # type: ignore[arg-type]


def _pack_f64(value: object) -> bytes:
    return _F64.pack(value)


def _pack_v128(value: object) -> bytes:
    if not isinstance(value, bytes) or len(value) != CELL:
        raise TypeError("a vector is 16 bytes")
    return value


_I32: Final = struct.Struct("<I12x")
_WORD: Final = struct.Struct("<Q8x")
_F32: Final = struct.Struct("<f12x")
_F64: Final = struct.Struct("<d8x")
_PACK: Final = {"i": _pack_i32, "f": _pack_f32, "d": _pack_f64, "v": _pack_v128}
