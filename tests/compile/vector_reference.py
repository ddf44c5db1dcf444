"""Vector instructions in plain Python, lane by lane: what the tests hold compiled code against.

Source: core 3.0, 4.3.6 (operations), 4.6.12 (instructions).
"""

from __future__ import annotations

import math
import operator
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

from bembix.spec.instructions import Instr
from bembix.spec.types import V128

Lane = Callable[..., Any]
CODES = {"i8x16": "b", "i16x8": "h", "i32x4": "i", "i64x2": "q", "f32x4": "f", "f64x2": "d"}
COUNTS = {"i8x16": 16, "i16x8": 8, "i32x4": 4, "i64x2": 2, "f32x4": 4, "f64x2": 2}


def width(shape: str) -> int:
    return 128 // COUNTS[shape]


def read(content: bytes, shape: str, signed: bool = True) -> list[Any]:
    code = CODES[shape] if signed else CODES[shape].upper()
    return list(struct.unpack(f"<{COUNTS[shape]}{code}", content))


def write(values: Sequence[Any], shape: str) -> bytes:
    if shape[0] == "f":
        return struct.pack(f"<{len(values)}{CODES[shape]}", *values)
    mask = (1 << width(shape)) - 1
    return struct.pack(f"<{len(values)}{CODES[shape].upper()}", *[value & mask for value in values])


def saturate(value: int, bits: int, signed: bool) -> int:
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return min(max(value, least), most)


def rounded(value: float, shape: str) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0]) if shape == "f32x4" else value
    except OverflowError:
        return math.copysign(math.inf, value)


def extreme(left: float, right: float, least: bool) -> float:
    if left != left or right != right:
        return math.nan
    if left == right == 0.0:
        negative = math.copysign(1, left) < 0, math.copysign(1, right) < 0
        return -0.0 if (any if least else all)(negative) else 0.0
    return min(left, right) if least else max(left, right)


def divide(left: float, right: float) -> float:
    if right or left != left:
        return left / right if right else math.nan
    return math.nan if not left else math.copysign(math.inf, left) * math.copysign(1, right)


def to_integral(function: Callable[[float], float]) -> Lane:
    return lambda x: math.copysign(float(function(x)), x) if math.isfinite(x) else x


def truncated(value: float, signed: bool) -> int:
    if value != value:
        return 0
    return saturate(math.trunc(value) if math.isfinite(value) else int(math.copysign(1 << 40, value)), 32, signed)


COMPARISONS = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "gt", "le", "ge")}

#: One lane at a time.  "_u" at the end of an operation has the lanes read without sign.
INTEGER: dict[str, Lane] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "abs": abs,
    "min": min,
    "max": max,
    "avgr": lambda a, b: a + b + 1 >> 1,
    "popcnt": lambda a: (a & 0xFF).bit_count(),
    **{name: lambda a, b, f=function: -f(a, b) for name, function in COMPARISONS.items()},
}
FLOAT: dict[str, Lane] = {
    "fadd": operator.add,
    "fsub": operator.sub,
    "fmul": operator.mul,
    "fdiv": divide,
    "fneg": operator.neg,
    "fabs": abs,
    "fsqrt": lambda a: a if a != a or a == 0 else math.nan if a < 0 else math.sqrt(a),
    "fceil": to_integral(math.ceil),
    "ffloor": to_integral(math.floor),
    "ftrunc": to_integral(math.trunc),
    "fnearest": to_integral(round),
    "fmin": lambda a, b: extreme(a, b, least=True),
    "fmax": lambda a, b: extreme(a, b, least=False),
    "fpmin": lambda a, b: b if b < a else a,
    "fpmax": lambda a, b: b if a < b else a,
}


def source_shape(row: Instr) -> str:
    found = re.search(r"[if]\d+x\d+", row.name.partition(".")[2])
    return found[0] if found else row.shape


def bitwise(name: str, a: int, b: int, c: int) -> int:
    choices = {"and": a & b, "or": a | b, "xor": a ^ b, "andnot": a & ~b, "not": ~a, "bitselect": a & c | b & ~c}
    return choices[name] & (1 << 128) - 1


def _products(a: bytes, b: bytes, shape: str) -> list[int]:
    products = [x * y for x, y in zip(read(a, shape), read(b, shape), strict=True)]
    return [x + y for x, y in zip(products[::2], products[1::2], strict=True)]


def _q15(x: int, y: int) -> int:
    return saturate(x * y + 0x4000 >> 15, 16, True)


def _swizzle(a: bytes, b: bytes) -> bytes:
    return bytes(a[index] if index < 16 else 0 for index in b)


SAME = {
    "relaxed_swizzle": "swizzle",
    "relaxed_laneselect": "bitselect",
    "relaxed_min": "fmin",
    "relaxed_max": "fmax",
    "relaxed_q15mulr_s": "q15mulr_sat_s",
}


def expected(row: Instr, operands: Sequence[Any]) -> Any:
    """Return what an instruction gives: bytes for a vector, else a number."""
    name = (row.operation or "").replace("relaxed_trunc", "trunc_sat")
    name = SAME.get(name, name)
    vectors = [x for x, t in zip(operands, row.params, strict=True) if t is V128]
    if name in WHOLE:
        return WHOLE[name](name, row, vectors, operands)
    return _by_lane(name, row, vectors, operands)


def _by_lane(name: str, row: Instr, vectors: list[bytes], operands: Sequence[Any]) -> Any:
    shape, source = row.shape, source_shape(row)
    if name in ("and", "or", "xor", "andnot", "not", "bitselect"):
        bits = [int.from_bytes(x, "little") for x in vectors] + [0, 0]
        return bitwise(name, *bits[:3]).to_bytes(16, "little")
    signed = not name.endswith("_u")
    base = name.removesuffix("_s").removesuffix("_u")
    lanes = [read(x, source, signed or source[0] == "f") for x in vectors]
    if name in FLOAT:
        return write([rounded(FLOAT[name](*xs), shape) for xs in zip(*lanes, strict=True)], shape)
    if name[0] == "f" and name[1:] in COMPARISONS:
        return write([-COMPARISONS[name[1:]](*xs) for xs in zip(*lanes, strict=True)], shape.replace("f", "i"))
    if base in ("add_sat", "sub_sat"):
        function = INTEGER[base[:3]]
        return write([saturate(function(*xs), width(shape), signed) for xs in zip(*lanes, strict=True)], shape)
    if base in ("shl", "shr"):
        count = operands[1] % width(shape)
        return write([x << count if base == "shl" else x >> count for x in lanes[0]], shape)
    return write([INTEGER[base](*xs) for xs in zip(*lanes, strict=True)], shape)


#: Operations that look at more than the same lane of each operand: of name, row and vectors.
WHOLE: dict[str, Callable[[str, Instr, Any, Any], Any]] = {
    "any_true": lambda name, row, v, o: int(any(v[0])),
    "all_true": lambda name, row, v, o: int(all(read(v[0], row.shape))),
    "bitmask": lambda name, row, v, o: sum((x < 0) << n for n, x in enumerate(read(v[0], row.shape))),
    "splat": lambda name, row, v, o: write([o[0]] * COUNTS[row.shape], row.shape),
    "swizzle": lambda name, row, v, o: _swizzle(*v),
    "q15mulr_sat_s": lambda name, row, v, o: write(list(map(_q15, *(read(x, "i16x8") for x in v))), "i16x8"),
    "dot_s": lambda name, row, v, o: write(_products(v[0], v[1], "i16x8"), "i32x4"),
    "relaxed_dot_s": lambda name, row, v, o: write(
        [saturate(x, 16, True) for x in _products(v[0], v[1], "i8x16")], "i16x8"
    ),
    "relaxed_dot_add_s": lambda name, row, v, o: write(_dot_add(*v), "i32x4"),
    "relaxed_madd": lambda name, row, v, o: _multiply_add(row, 1.0, *v),
    "relaxed_nmadd": lambda name, row, v, o: _multiply_add(row, -1.0, *v),
    "demote_zero": lambda name, row, v, o: write([rounded(x, "f32x4") for x in read(v[0], "f64x2")] + [0, 0], "f32x4"),
    "promote_low": lambda name, row, v, o: write(read(v[0], "f32x4")[:2], "f64x2"),
}


def _dot_add(a: bytes, b: bytes, c: bytes) -> list[int]:
    sums = [saturate(x, 16, True) for x in _products(a, b, "i8x16")]
    return [x + y + z for x, y, z in zip(sums[::2], sums[1::2], read(c, "i32x4"), strict=True)]


def _multiply_add(row: Instr, sign: float, a: bytes, b: bytes, c: bytes) -> bytes:
    shape = row.shape
    lanes = zip(read(a, shape), read(b, shape), read(c, shape), strict=True)
    return write([rounded(rounded(sign * x * y, shape) + z, shape) for x, y, z in lanes], shape)


def _signed(name: str, function: Callable[[Instr, Any, bool], Any]) -> None:
    WHOLE[f"{name}_s"] = lambda _, row, v, o: function(row, v, True)
    WHOLE[f"{name}_u"] = lambda _, row, v, o: function(row, v, False)


def _half(values: list[Any], high: bool) -> list[Any]:
    return values[len(values) // 2 :] if high else values[: len(values) // 2]


def _extend(high: bool) -> Callable[[Instr, Any, bool], bytes]:
    return lambda row, v, signed: write(_half(read(v[0], source_shape(row), signed), high), row.shape)


def _extmul(high: bool) -> Callable[[Instr, Any, bool], bytes]:
    return lambda row, v, signed: write(
        [x * y for x, y in zip(*(_half(read(x, source_shape(row), signed), high) for x in v), strict=True)], row.shape
    )


def _pairwise(row: Instr, v: Any, signed: bool) -> bytes:
    values = read(v[0], source_shape(row), signed)
    return write([x + y for x, y in zip(values[::2], values[1::2], strict=True)], row.shape)


def _narrow(row: Instr, v: Any, signed: bool) -> bytes:
    values = [x for one in v for x in read(one, source_shape(row))]
    return write([saturate(x, width(row.shape), signed) for x in values], row.shape)


def _trunc(row: Instr, v: Any, signed: bool) -> bytes:
    values = [truncated(x, signed) for x in read(v[0], source_shape(row))]
    return write([*values, 0, 0][:4], "i32x4")


def _convert(row: Instr, v: Any, signed: bool) -> bytes:
    values = read(v[0], "i32x4", signed)[: COUNTS[row.shape]]
    return write([rounded(float(x), row.shape) for x in values], row.shape)


_signed("extend_low", _extend(high=False))
_signed("extend_high", _extend(high=True))
_signed("extmul_low", _extmul(high=False))
_signed("extmul_high", _extmul(high=True))
_signed("extadd_pairwise", _pairwise)
_signed("narrow", _narrow)
_signed("trunc_sat", _trunc)
_signed("convert", _convert)
_signed("convert_low", _convert)
WHOLE["trunc_sat_s_zero"], WHOLE["trunc_sat_u_zero"] = WHOLE["trunc_sat_s"], WHOLE["trunc_sat_u"]
