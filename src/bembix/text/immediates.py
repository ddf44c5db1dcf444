"""The immediates of instructions in text: a reader for each kind, and the few orders that differ from the binary's.

Source: core 3.0, 6.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from bembix.binary.immediates import WRITERS, Catch, Immediate, MemArg
from bembix.binary.instructions import opcode, write_instruction
from bembix.binary.types import BlockType
from bembix.spec.instructions import TABLE, Imm, Instr
from bembix.spec.types import RefType, ValType
from bembix.text import literals
from bembix.text.numbers import NumberError, natural
from bembix.text.scope import Context, Space
from bembix.text.types import functype, heaptype, reftype, valtypes
from bembix.text.typeuse import typeuse

Reader: TypeAlias = Callable[[Context, Instr], Immediate]
Immediates: TypeAlias = tuple[Immediate, ...]
#: Reads the immediates of an instruction and writes all of it.
Encoder: TypeAlias = Callable[[Context], bytes]

_SIGNATURE: Final = ("type", "param", "result")


def label(c: Context, _row: Instr | None = None) -> int:
    """Read a label: how many blocks out, or its identifier."""
    if c.words[c.at][:1] != "$":
        return c.natural(32, "a label")
    at = c.at
    found = c.labels.find(c.identifier() or "")
    if found is None:
        raise c.error(f"unknown label {c.words[at]}", at)
    return found


def _labels(c: Context, _row: Instr) -> tuple[int, ...]:
    found = [label(c)]
    while c.sees_index():
        found.append(label(c))
    return tuple(found)


def blocktype(c: Context, _row: Instr) -> BlockType:
    """Read what a block takes and gives."""
    if c.words[c.at] != "(" or c.words[c.at + 1] not in _SIGNATURE:
        return None
    if not c.sees("type"):
        start = c.at
        given = functype(c, None)
        if not given.params and len(given.results) < 2:
            return given.results[0] if given.results else None
        c.at = start
    return typeuse(c, None)


_CATCHES: Final = ("catch", "catch_ref", "catch_all", "catch_all_ref")


def _catches(c: Context, _row: Instr) -> tuple[Catch, ...]:
    found = []
    while c.words[c.at] == "(" and c.words[c.at + 1] in _CATCHES:
        kind = c.words[c.at + 1]
        c.at += 2
        tag = None if "all" in kind else c.index(c.tags)
        found.append(Catch(kind, tag, label(c)))
        c.close()
    return tuple(found)


def _cast(c: Context, _row: Instr) -> tuple[int, RefType, RefType]:
    return label(c), reftype(c), reftype(c)


def _memarg(c: Context, row: Instr) -> MemArg:
    memory = c.index(c.memories) if c.sees_index() else 0
    offset = _setting(c, "offset=")
    at = c.at
    align = _setting(c, "align=")
    if align is not None and (align & (align - 1) or not align):
        raise c.error(f"alignment must be a power of two: {align}", at)
    size = row.width if align is None else align
    return MemArg(size.bit_length() - 1, memory, offset or 0)


def _setting(c: Context, prefix: str) -> int | None:
    """Read a number that is written with what it sets, as in `offset=8`."""
    word = c.words[c.at]
    if not word.startswith(prefix):
        return None
    try:
        found = natural(word[len(prefix) :], 64)
    except NumberError as error:
        raise c.error(str(error)) from None
    if found is None:
        raise c.unexpected()
    c.at += 1
    return found


def _space(choose: Callable[[Context], Space]) -> Reader:
    return lambda c, _row: c.index(choose(c))


def _default(choose: Callable[[Context], Space]) -> Reader:
    """Return a reader of an index that may be left out where it is 0."""
    return lambda c, _row: c.index(choose(c)) if c.sees_index() else 0


def _types(c: Context, _row: Instr) -> tuple[ValType, ...]:
    found: list[ValType] = []
    while c.opens("result"):
        found += valtypes(c)
    return tuple(found)


def _data(c: Context, _row: Instr) -> int:
    c.uses_data = True
    return c.index(c.datas)


#: Reads an immediate of each kind.
READERS: Final[dict[Imm, Reader]] = {
    Imm.BLOCKTYPE: blocktype,
    Imm.LABEL: label,
    Imm.LABELS: _labels,
    Imm.CATCHES: _catches,
    Imm.FUNC: _space(lambda c: c.functions),
    Imm.TYPE: _space(lambda c: c.types),
    Imm.TABLE: _default(lambda c: c.tables),
    Imm.MEMORY: _default(lambda c: c.memories),
    Imm.LOCAL: _space(lambda c: c.locals),
    Imm.GLOBAL: _space(lambda c: c.globals),
    Imm.TAG: _space(lambda c: c.tags),
    Imm.ELEM: _space(lambda c: c.elems),
    Imm.DATA: _data,
    Imm.COUNT: lambda c, _row: c.natural(32),
    Imm.HEAPTYPE: lambda c, _row: heaptype(c),
    Imm.CAST: _cast,
    Imm.VALTYPES: _types,
    Imm.MEMARG: _memarg,
    Imm.LANE: lambda c, _row: literals.lane(c),
    Imm.LANES: lambda c, _row: literals.shuffle_lanes(c),
    Imm.I32: lambda c, _row: literals.i32(c),
    Imm.I64: lambda c, _row: literals.i64(c),
    Imm.F32: lambda c, _row: literals.f32(c),
    Imm.F64: lambda c, _row: literals.f64(c),
    Imm.V128: lambda c, _row: literals.v128(c),
    Imm.ZERO: lambda _c, _row: 0,
}


def _indirect(c: Context, row: Instr) -> Immediates:
    """`call_indirect`: the table, which may be left out, then the type."""
    table = READERS[Imm.TABLE](c, row)
    return typeuse(c, None), table


def _segment(first: Imm, second: Imm) -> Callable[[Context, Instr], Immediates]:
    """Instructions that use a segment: where it goes, which may be left out, then the segment."""

    def read(c: Context, row: Instr) -> Immediates:
        start = c.at
        c.at += 1
        two = c.sees_index()
        c.at = start
        target = READERS[second](c, row) if two else 0
        return READERS[first](c, row), target

    return read


def _copy(kind: Imm) -> Callable[[Context, Instr], Immediates]:
    """Instructions that copy from one to another: both indices or none."""

    def read(c: Context, row: Instr) -> Immediates:
        if not c.sees_index():
            return 0, 0
        target = READERS[kind](c, row)
        if not c.sees_index():
            raise c.unexpected(kind.value)
        return target, READERS[kind](c, row)

    return read


def _field(c: Context, _row: Instr) -> Immediates:
    """The identifier of a field belongs to the type before it."""
    index = c.index(c.types)
    return index, c.index(c.fields.get(index) or Space("field", {}))


def _memory_lane(c: Context, row: Instr) -> Immediates:
    """A lone number is the lane, not a memory."""
    start = c.at
    c.at += 1
    lone = not c.sees_index() and "=" not in c.words[c.at]
    c.at = start
    memarg = MemArg(row.width.bit_length() - 1, 0, 0) if lone else _memarg(c, row)
    return memarg, literals.lane(c)


#: Immediates that text has in another order than the binary, or leaves out.
ORDERS: Final[dict[tuple[Imm, ...], Callable[[Context, Instr], Immediates]]] = {
    (Imm.TYPE, Imm.TABLE): _indirect,
    (Imm.DATA, Imm.MEMORY): _segment(Imm.DATA, Imm.MEMORY),
    (Imm.ELEM, Imm.TABLE): _segment(Imm.ELEM, Imm.TABLE),
    (Imm.MEMORY, Imm.MEMORY): _copy(Imm.MEMORY),
    (Imm.TABLE, Imm.TABLE): _copy(Imm.TABLE),
    (Imm.TYPE, Imm.FIELD): _field,
    (Imm.MEMARG, Imm.LANE): _memory_lane,
}


def _encoder(row: Instr) -> bytes | Encoder:
    """Return the bytes of an instruction without immediates, or what reads and writes one that has some."""
    code = opcode(row)
    if not row.immediates:
        return code
    order = ORDERS.get(row.immediates)
    if order is not None:
        return lambda c: write_instruction(row, order(c, row))
    pairs = [(READERS[kind], WRITERS[kind]) for kind in row.immediates]
    if len(pairs) > 1:
        return lambda c: code + b"".join([write(read(c, row)) for read, write in pairs])
    read, write = pairs[0]
    return lambda c: code + write(read(c, row))


def _typed_variant(plain: Instr, typed: Instr) -> Encoder:
    """`select` with types is another instruction than without."""
    return lambda c: write_instruction(typed, (_types(c, typed),)) if c.sees("result") else opcode(plain)


def _nullable_variant(plain: Instr, null: Instr) -> Encoder:
    """Tests and casts name a reference type; whether it is nullable decides between two instructions."""

    def encode(c: Context) -> bytes:
        wanted = reftype(c)
        return write_instruction(null if wanted.nullable else plain, (wanted.heap,))

    return encode


_VARIANTS: Final = {Imm.VALTYPES: _typed_variant, Imm.HEAPTYPE: _nullable_variant}


def _encoders() -> dict[str, bytes | Encoder]:
    found: dict[str, bytes | Encoder] = {}
    rows: dict[str, Instr] = {}
    for row in TABLE:
        first = rows.setdefault(row.keyword, row)
        found[row.keyword] = _encoder(row) if first is row else _VARIANTS[row.immediates[-1]](first, row)
    return found


#: How each instruction is written, by keyword; those that make blocks are not here but in `blocks.py`.
ENCODERS: Final[dict[str, bytes | Encoder]] = _encoders()
