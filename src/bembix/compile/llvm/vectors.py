"""Writers of vector instructions that stay away from memory (for those: `vector_memory.py`).

A vector waits on the operand stack as sixteen bytes; each instruction takes it in its own shape, and LLVM sees through
that.  What an operation becomes stands in `vector_templates.py`.  Source: core 3.0, 4.6.12.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from bembix.compile.llvm.emit import cpu, triple
from bembix.compile.llvm.nans import is_neutral, scalar_bits, vector_bits
from bembix.compile.llvm.quiet import quieted
from bembix.compile.llvm.sink import OPERATIONS, LlvmSink, Operation
from bembix.compile.llvm.types import BYTES, llvm_type
from bembix.compile.llvm.vector_templates import MACHINES, SAME, SCALARS, TESTS, VECTOR_TEMPLATES
from bembix.spec.instructions import TABLE, Imm, Instr
from bembix.spec.types import F32, F64, V128

SHAPES: Final = {
    "v128": ("i8", 16),
    "i8x16": ("i8", 16),
    "i16x8": ("i16", 8),
    "i32x4": ("i32", 4),
    "i64x2": ("i64", 2),
    "f32x4": ("float", 4),
    "f64x2": ("double", 2),
}
WIDTHS: Final = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "float": 32, "double": 64}
_MANGLED: Final = {"float": "f32", "double": "f64"}


# -- types and constants -----------------------------------------------------------------------------------------------


def vector(lane: str, count: int) -> str:
    """Return a vector type."""
    return f"<{count} x {lane}>"


def _mangled(lane: str, count: int) -> str:
    """Return a vector type as names of intrinsics have it."""
    return f"v{count}{_MANGLED.get(lane, lane)}"


def lanes(lane: str, values: Iterable[object]) -> str:
    """Return the text of a constant vector."""
    return f"<{', '.join([f'{lane} {value}' for value in values])}>"


def indices(values: Iterable[int]) -> str:
    """Return lane indices for a shuffle, with their type."""
    chosen = list(values)
    return f"<{len(chosen)} x i32> {lanes('i32', chosen)}"


def _floats(lane: str, value: float, count: int) -> str:
    """Return a constant vector of floats, which its text has as doubles; "" for lanes that are integers."""
    return lanes(lane, [f"0x{struct.pack('>d', value).hex().upper()}"] * count) if lane in _MANGLED else ""


@lru_cache(maxsize=10_000)
def constant(bits: int) -> str:
    """Return the text of a v128 constant."""
    return lanes("i8", bits.to_bytes(16, "little")) if bits else "zeroinitializer"


# -- templates ---------------------------------------------------------------------------------------------------------


def _shapes(row: Instr) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return lane and number of lanes, of the operands and of the result."""
    whole = SHAPES[row.shape]
    found = re.search(r"[if]\d+x\d+", row.name.partition(".")[2])
    return SHAPES[found[0]] if found else whole, whole


def marks(row: Instr) -> dict[str, str]:
    """Return what the marks of templates stand for, in the terms of `vector_templates.py`."""
    (lane, count), (out, out_count) = _shapes(row)
    width, out_width = WIDTHS[lane], WIDTHS[out]
    wide, half = f"i{2 * width}", count // 2
    words = {
        "t": vector(lane, count), "tn": _mangled(lane, count), "e": lane, "n": str(count), "w": str(width - 1),
        "u": vector(out, out_count), "un": _mangled(out, out_count), "i": vector(f"i{out_width}", out_count),
        "bits": vector("i1", count), "half": vector(lane, half),
        "wide": vector(wide, count), "widen": _mangled(wide, count),
        "both": vector(lane, 2 * count), "bothn": _mangled(lane, 2 * count),
        "low": indices(range(half)), "high": indices(range(half, count)), "concat": indices(range(2 * count)),
        "even": indices(range(0, count, 2)), "odd": indices(range(1, count, 2)), "four": indices(range(4)),
        "ones": lanes(lane, [-1] * count),
        "seventy": lanes(lane, [0x70] * count), "fifteens": lanes(lane, [15] * count),
        "least_s": lanes(lane, [-(1 << out_width - 1)] * 2 * count),
        "most_s": lanes(lane, [(1 << out_width - 1) - 1] * 2 * count),
        "most_u": lanes(lane, [(1 << out_width) - 1] * 2 * count),
        "one": lanes(lane, [1] * count), "least": lanes(lane, [-(1 << width - 1)] * count),
        "minimum": lanes("i32", [-(1 << 31)] * count), "maximum": lanes("i32", [(1 << 31) - 1] * count),
        "all": lanes("i32", [-1] * count),
        "below_s": _floats(lane, -(2.0**31), count), "below_u": _floats(lane, -1.0, count),
        "above_s": _floats(lane, 2.0**31, count), "above_u": _floats(lane, 2.0**32, count),
        "wide_one": lanes(wide, [1] * count), "round": lanes(wide, [0x4000] * count),
        "fifteen": lanes(wide, [15] * count), "q15_most": lanes(wide, [0x7FFF] * count),
    }  # fmt: skip
    words["fit"], words["x"] = _fit(row, lane)
    return words


def _fit(row: Instr, lane: str) -> tuple[str, str]:
    """Return what makes a lane of the scalar operand, and the name of that."""
    scalar = SCALARS.get(row.operation or "", "")
    given = row.params[-1]
    if not scalar or given is None or llvm_type(given) == lane:
        return "", scalar
    return f"{{r}}.e = {'trunc' if WIDTHS[lane] < 32 else 'zext'} {llvm_type(given)} {scalar} to {lane}\n", "{r}.e"


#: The machine whose templates are wanted, "" for this one.
_other = ""


@contextmanager
def templates_of(machine: str) -> Iterator[None]:
    """Use the templates of another machine than this."""
    global _other
    before, _other = _other, machine
    try:
        yield
    finally:
        _other = before


def _machine() -> dict[str, str]:
    """Return the templates that only one machine has."""
    if _other:
        return MACHINES[_other]
    machine = triple().partition("-")[0]
    return {} if machine == "x86_64" and "+ssse3" not in cpu()[1] else MACHINES.get(machine, {})


def template(row: Instr) -> str:
    """Return the template of an instruction.  Errors: KeyError where there is none."""
    own, name = _machine(), row.operation or ""
    name = SAME.get(name, name)
    return own.get(row.name) or own.get(name) or VECTOR_TEMPLATES[name]


def _operand_types(row: Instr) -> list[str]:
    operands, result = (vector(*shape) for shape in _shapes(row))
    return [operands, operands, result][: len(row.params)]


def _result_type(row: Instr) -> str:
    (_, _), (lane, count) = _shapes(row)
    is_mask = "sext {bits}" in template(row)
    return vector(f"i{WIDTHS[lane]}" if is_mask else lane, count)


def text_of(row: Instr) -> str:
    """Return the template of a row with everything in it but the names: {0} the result, {1} {2} {3} the operands."""
    words, before, after = marks(row), "", ""
    for number, (mark, given, type_) in enumerate(zip("abc", row.params, _operand_types(row), strict=False), 1):
        is_cast = given is V128 and type_ != BYTES
        words[mark] = f"{{0}}.{number}" if is_cast else f"{{{number}}}"
        before += f"{{0}}.{number} = bitcast {BYTES} {{{number}}} to {type_}\n" if is_cast else ""
    whole = "{0}"
    if row.results == (V128,) and _result_type(row) != BYTES:
        whole, after = "{0}.v", f"\n{{0}} = bitcast {_result_type(row)} {{0}}.v to {BYTES}"

    def word(found: re.Match[str]) -> str:
        if found[1] == "r":
            return "{0}." if found[2] else whole
        return words.get(found[1], f"{{{found[1]}}}") + found[2]

    pattern = re.compile(r"\{(\w+)\}(\.?)")
    return before + pattern.sub(word, pattern.sub(word, template(row))) + after


def _regular(row: Instr, text: str = "") -> Operation:
    text, count, is_test = text or text_of(row), len(row.params), row.operation in TESTS

    def write(sink: LlvmSink) -> None:
        values, name = sink.values, sink.name()
        operands = values[-count:]
        del values[-count:]
        sink.out.append(text.format(name, *operands))
        if sink.exact_traps:
            sink.flow(name, *operands)
        if is_test:
            sink.bools.add(name)
        if any(map(sink.is_constant, operands)):
            sink.computed.add(name)
        values.append(name)

    return write


# -- signalling NaNs ---------------------------------------------------------------------------------------------------


def _arithmetic(row: Instr) -> Operation:
    cheap, count, text = _regular(row), len(row.params), text_of(row)
    lane, number = SHAPES[row.shape]
    name = "{0}.q" if SAME.get(row.operation or "", row.operation) in ("fmin", "fmax") else "{0}.v"
    quiet, seen_as = quieted(text, name, vector(lane, number)), f" {lane}"

    def write_cheap(sink: LlvmSink) -> None:
        operands = sink.values[-count:]
        sink.values[-count:] = [
            _fence(sink, lane, number, value) if value in sink.computed or is_neutral(value, seen_as) else value
            for value in operands
        ]
        cheap(sink)
        if not all(map(sink.is_constant, operands)):
            sink.computed.discard(sink.values[-1])

    def write(sink: LlvmSink) -> None:
        if not sink.group.optimize:
            write_cheap(sink)
            return
        values, name = sink.values, sink.name()
        operands = values[-count:]
        del values[-count:]
        condition = sink.nans.condition(operands, seen_as)
        if condition:
            sink.nans.decide_later(len(sink.out), quiet.format(name, *operands), condition)
        sink.out.append((quiet if condition is None else text).format(name, *operands))
        sink.nans.quiet(name, seen_as)
        sink.flow(name, *operands)
        values.append(name)

    return write


def _promote(row: Instr) -> Operation:
    cheap, quiet = _regular(row), _regular(row, quieted(text_of(row), "{0}.v", "<2 x double>"))

    def write(sink: LlvmSink) -> None:
        (quiet if sink.group.optimize else cheap)(sink)
        sink.nans.quiet(sink.values[-1], " double")

    return write


def _calculation(row: Instr) -> Operation:
    inner, (_, (lane, _)) = _regular(row), _shapes(row)

    def write(sink: LlvmSink) -> None:
        inner(sink)
        sink.nans.quiet(sink.values[-1], f" {lane}")

    return write


def _sign(row: Instr) -> Operation:
    """Operations that return one of their operands, perhaps with another sign."""
    inner, count, seen_as = _regular(row), len(row.params), f" {SHAPES[row.shape][0]}"

    def write(sink: LlvmSink) -> None:
        operands = sink.values[-count:]
        inner(sink)
        sink.nans.passes(sink.values[-1], operands, seen_as)

    return write


def _fence(sink: LlvmSink, lane: str, count: int, value: str) -> str:
    """Return a vector that LLVM knows nothing of."""
    name, type_ = sink.name(), vector(lane, count)
    sink.out.append(
        f"{name}.c = bitcast {BYTES} {value} to {type_}\n"
        f"{name}.f = call {type_} @llvm.arithmetic.fence.{_mangled(lane, count)}({type_} {name}.c)\n"
        f"{name} = bitcast {type_} {name}.f to {BYTES}"
    )
    return name


# -- instructions with immediates, and constants -----------------------------------------------------------------------


def _const(row: Instr) -> Operation:
    return lambda sink, bits: sink.values.append(constant(bits))


def _splat(row: Instr) -> Operation:
    """Constants are spread here, so that arithmetic sees which they are."""
    inner = _regular(row)
    lane, count = SHAPES[row.shape]
    width = WIDTHS[lane]

    def write(sink: LlvmSink) -> None:
        bits = scalar_bits(sink.values[-1])
        if bits is None:
            value = sink.values[-1]
            inner(sink)
            sink.nans.passes(sink.values[-1], (value,), "", f" {lane}")
            return
        one = (bits & (1 << width) - 1).to_bytes(width // 8, "little")
        sink.values[-1] = constant(int.from_bytes(one * count, "little"))

    return write


def _with_lane(row: Instr) -> Operation:
    text, count = text_of(row), len(row.params)
    lane = SHAPES[row.shape][0]
    width, is_float = WIDTHS[lane], row.results[0] in (F32, F64)
    seen_as = f" {lane}"

    def write(sink: LlvmSink, number: int) -> None:
        values = sink.values
        operands = values[-count:]
        del values[-count:]
        bits = vector_bits(operands[0]) if is_float else None
        if bits is not None:
            values.append(f"bitcast (i{width} {bits >> width * number & (1 << width) - 1} to {lane})")
            return
        name = sink.name()
        sink.out.append(text.format(name, *operands, lane=number))
        if sink.exact_traps:
            sink.flow(name, *operands)
        if any(map(sink.is_constant, operands)):
            sink.computed.add(name)
        if is_float:
            sink.nans.passes(name, operands, seen_as, "")
        elif row.params[-1] in (F32, F64):
            sink.nans.lane(name, operands[0], operands[1], seen_as)
        values.append(name)

    return write


def _whole_lanes(chosen: bytes, size: int) -> bool:
    """Return whether a shuffle moves lanes of so many bytes as a whole."""
    return all(
        chosen[at] % size == 0 and chosen[at : at + size] == bytes(range(chosen[at], chosen[at] + size))
        for at in range(0, 16, size)
    )


def _shuffle(row: Instr) -> Operation:
    text = text_of(row)

    def write(sink: LlvmSink, chosen: bytes) -> None:
        right, left, name = sink.values.pop(), sink.values.pop(), sink.name()
        sink.out.append(text.format(name, left, right, lanes=indices(chosen)))
        if sink.exact_traps:
            sink.flow(name, left, right)
        if sink.is_constant(left) or sink.is_constant(right):
            sink.computed.add(name)
        for seen_as, size in ((" float", 4), (" double", 8)):
            if _whole_lanes(chosen, size):
                sink.nans.passes(name, (left, right), seen_as)
        sink.values.append(name)

    return write


_MAKERS: Final[dict[str, Callable[[Instr], Operation]]] = {
    "const": _const,
    "splat": _splat,
    "shuffle": _shuffle,
    **dict.fromkeys(("fadd", "fsub", "fmul", "fdiv", "fmin", "fmax", "relaxed_min", "relaxed_max"), _arithmetic),
    **dict.fromkeys(("relaxed_madd", "relaxed_nmadd"), _arithmetic),
    **dict.fromkeys(("fsqrt", "fceil", "ffloor", "ftrunc", "fnearest", "demote_zero"), _calculation),
    **dict.fromkeys(("convert_s", "convert_u", "convert_low_s", "convert_low_u"), _calculation),
    **dict.fromkeys(("fabs", "fneg", "fpmin", "fpmax"), _sign),
    "promote_low": _promote,
}


def at_first_use(maker: Callable[[Instr], Operation], row: Instr) -> Operation:
    """Return a writer that makes itself when it is first called: most programs use few vectors, or none."""
    made: list[Operation] = []

    def write(sink: LlvmSink, *immediates: object) -> None:
        if not made:
            made.append(maker(row))
        made[0](sink, *immediates)

    return write


def _enter_all() -> None:
    for row in TABLE:
        if V128 not in row.params + row.results or not row.regular or Imm.MEMARG in row.immediates:
            continue
        default = _with_lane if row.immediates == (Imm.LANE,) else _regular
        OPERATIONS[row.code] = at_first_use(_MAKERS.get(row.operation or "", default), row)


_enter_all()
