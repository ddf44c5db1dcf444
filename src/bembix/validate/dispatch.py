"""Which handler the walker uses for which byte.

Handlers of regular instructions are made here from their rows; the others are rules in `rules_*.py`, named after the
instruction.  Constant expressions have a table of their own, in which whatever is not constant is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from bembix.binary.leb import read_s32, read_s64, read_u32
from bembix.errors import CompileError, ParseError
from bembix.spec.features import Feature
from bembix.spec.instructions import BY_CODE, Imm, Instr
from bembix.validate import (  # noqa: F401  (they enter their rules)
    rules_calls,
    rules_control,
    rules_exceptions,
    rules_gc,
    rules_legacy,
    rules_references,
    rules_tables,
    rules_variables,
)
from bembix.validate.context import ModuleContext
from bembix.validate.rules_memory import memory_access
from bembix.validate.sink import EmptySink, Sink
from bembix.validate.walker import RULES, Handler, Walker


def make_walker(context: ModuleContext, sink: Sink | None = None) -> Walker:
    """Return a walker of function bodies; without a sink it only validates."""
    return Walker(context, sink or EmptySink(), handlers(context.features, constant=False))


def make_constant_walker(context: ModuleContext) -> Walker:
    """Return a walker of constant expressions."""
    return Walker(context, EmptySink(), handlers(context.features, constant=True))


def _unary(row: Instr) -> Handler:
    (operand,), (result,), code = row.params, row.results, row.code
    assert operand is not None

    def handle(walker: Walker, pos: int) -> int:
        stack = walker.stack
        if len(stack) > walker.floor and stack[-1] is operand:
            stack[-1] = result
        else:
            walker.pop(operand)
            stack.append(result)
        walker.emit[code]()
        return pos

    return handle


def _binary(row: Instr) -> Handler:
    (left, right), (result,), code = row.params, row.results, row.code
    assert left is not None and right is not None

    def handle(walker: Walker, pos: int) -> int:
        stack = walker.stack
        if len(stack) > walker.floor + 1 and stack[-1] is right and stack[-2] is left:
            del stack[-1]
            stack[-1] = result
        else:
            walker.pop_all((left, right))
            stack.append(result)
        walker.emit[code]()
        return pos

    return handle


def _general(row: Instr) -> Handler:
    params = tuple(t for t in row.params if t is not None)
    results, code = row.results, row.code

    def handle(walker: Walker, pos: int) -> int:
        walker.pop_all(params)
        walker.stack += results
        walker.emit[code]()
        return pos

    return handle


def _missing(row: Instr) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        raise CompileError(
            f"{row.name} ({row.feature.words}) is not supported yet, "
            f"at byte {walker.offset:#x}, function {walker.function}"
        )

    return handle


def _disabled(row: Instr) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        raise walker.error(f"illegal opcode: {row.keyword} needs the feature {row.feature.proposal}, which is off")

    return handle


def _not_constant(row: Instr) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        raise walker.error("constant expression required")

    return handle


#: Instructions that constant expressions may use.
CONSTANT: Final = frozenset(
    [
        "i32.const",
        "i64.const",
        "f32.const",
        "f64.const",
        "v128.const",
        "global.get",
        "ref.null",
        "ref.func",
        "end",
        "i32.add",
        "i32.sub",
        "i32.mul",
        "i64.add",
        "i64.sub",
        "i64.mul",
        "struct.new",
        "struct.new_default",
        "array.new",
        "array.new_default",
        "array.new_fixed",
        "ref.i31",
        "any.convert_extern",
        "extern.convert_any",
    ]
)


def _integer(row: Instr) -> Handler:
    code, results = row.code, row.results
    read = read_s32 if row.immediates == (Imm.I32,) else read_s64

    def handle(walker: Walker, pos: int) -> int:
        value = walker.code[pos]
        if value < 0x40:  # FAST: bench/compile.py, one byte
            pos += 1
        elif value < 0x80:
            value -= 0x80
            pos += 1
        else:
            value, pos = read(walker.code, pos)
        walker.stack += results
        walker.emit[code](value)
        return pos

    return handle


def _bits(row: Instr) -> Handler:
    code, results = row.code, row.results
    size = {Imm.F32: 4, Imm.F64: 8, Imm.V128: 16}[row.immediates[0]]

    def handle(walker: Walker, pos: int) -> int:
        if pos + size > walker.end:
            raise ParseError("unexpected end of section or function", offset=walker.end)
        value = int.from_bytes(walker.code[pos : pos + size], "little")
        walker.stack += results
        walker.emit[code](value)
        return pos + size

    return handle


#: Lanes of each vector shape.
_LANES: Final = {"i8x16": 16, "i16x8": 8, "i32x4": 4, "i64x2": 2, "f32x4": 4, "f64x2": 2}


def _lane(row: Instr) -> Handler:
    params = tuple(t for t in row.params if t is not None)
    lanes, results, code = _LANES[row.shape], row.results, row.code

    def handle(walker: Walker, pos: int) -> int:
        lane = walker.code[pos]
        if lane >= lanes:
            raise walker.error(f"invalid lane index {lane}: {row.shape} has {lanes} lanes")
        walker.pop_all(params)
        walker.stack += results
        walker.emit[code](lane)
        return pos + 1

    return handle


def _shuffle(row: Instr) -> Handler:
    params = tuple(t for t in row.params if t is not None)
    results, code = row.results, row.code

    def handle(walker: Walker, pos: int) -> int:
        lanes = walker.code[pos : pos + 16]
        if pos + 16 > walker.end:
            raise ParseError("unexpected end of section or function", offset=walker.end)
        if max(lanes) >= 32:
            raise walker.error(f"invalid lane index {max(lanes)}: two vectors have 32 lanes")
        walker.pop_all(params)
        walker.stack += results
        walker.emit[code](lanes)
        return pos + 16

    return handle


def _zero(row: Instr) -> Handler:
    code = row.code

    def handle(walker: Walker, pos: int) -> int:
        if walker.code[pos]:
            raise ParseError("zero byte expected", offset=pos)
        walker.emit[code]()
        return pos + 1

    return handle


#: Makers of handlers for regular instructions with immediates, by their immediates.
MAKERS: Final[dict[tuple[Imm, ...], Callable[[Instr], Handler]]] = {
    (Imm.I32,): _integer,
    (Imm.I64,): _integer,
    (Imm.F32,): _bits,
    (Imm.F64,): _bits,
    (Imm.V128,): _bits,
    (Imm.LANE,): _lane,
    (Imm.LANES,): _shuffle,
    (Imm.ZERO,): _zero,
    (Imm.MEMARG,): memory_access,
    (Imm.MEMARG, Imm.LANE): memory_access,
}


def make_handler(row: Instr, features: frozenset[Feature]) -> Handler:
    """Return the handler of an instruction."""
    if row.feature not in features:
        return _disabled(row)
    if row.name in RULES:
        return RULES[row.name]
    if not row.regular:
        return _missing(row)
    if row.immediates:
        return MAKERS[row.immediates](row)
    shape = (len(row.params), len(row.results))
    return {(1, 1): _unary, (2, 1): _binary}.get(shape, _general)(row)


def _illegal(byte: int) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        raise ParseError(f"illegal opcode {byte:02x}", offset=walker.at)

    return handle


def _prefixed(prefix: int, table: dict[int, Handler]) -> Handler:
    def handle(walker: Walker, pos: int) -> int:
        number, pos = read_u32(walker.code, pos)
        handler = table.get(number)
        if handler is None:
            raise ParseError(f"illegal opcode {prefix:02x} {number:02x}", offset=walker.at)
        return handler(walker, pos)

    return handle


@lru_cache(maxsize=16)
def handlers(features: frozenset[Feature], *, constant: bool) -> list[Handler]:
    """Return the handlers of all first bytes, in function bodies or in constant expressions."""
    table = [_illegal(byte) for byte in range(256)]
    prefixed: dict[int, dict[int, Handler]] = {}
    for row in BY_CODE.values():
        handler = make_handler(row, features)
        if constant and row.name not in CONSTANT:
            handler = _not_constant(row)
        if row.prefix is None:
            table[row.code] = handler
        else:
            prefixed.setdefault(row.prefix, {})[row.code & 0xFFFF] = handler
    for prefix, rows in prefixed.items():
        table[prefix] = _prefixed(prefix, rows)
    return table
