"""The immediates of instructions, both ways: a reader and a writer for each kind that the instruction table names.

Source: core 3.0, 5.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar, cast

from bembix.binary.leb import (
    read_byte,
    read_bytes,
    read_count,
    read_length,
    read_list,
    read_s32,
    read_s64,
    read_u32,
    read_u32s,
    read_u64,
    s32,
    s64,
    u32,
    u64,
    vector,
)
from bembix.binary.types import (
    BlockType,
    read_blocktype,
    read_heaptype,
    read_reftype,
    read_valtype,
    write_blocktype,
    write_heaptype,
    write_valtype,
)
from bembix.errors import ParseError
from bembix.records import dataclass
from bembix.spec.instructions import Imm
from bembix.spec.limits import MAX_BR_TABLE, MAX_LOCALS, MAX_NESTING, MAX_RESULTS
from bembix.spec.types import HeapType, RefType, ValType, ref

__all__ = [
    "READERS",
    "WRITERS",
    "Catch",
    "Immediate",
    "MemArg",
    "read_blocktype",
    "read_heaptype",
    "read_locals",
    "read_memarg",
    "read_reftype",
    "read_valtype",
    "write_blocktype",
    "write_heaptype",
    "write_locals",
    "write_valtype",
]


@dataclass(frozen=True, slots=True)
class Catch:
    """A clause of `try_table`.  kind: its keyword; tag: None where it catches all; label: where it goes."""

    kind: str
    tag: int | None
    label: int


@dataclass(frozen=True, slots=True)
class MemArg:
    """Where a memory instruction accesses: 2 to the power of `align_log2` bytes, a memory index, an offset in bytes."""

    align_log2: int
    memory: int
    offset: int


#: A label, what the operand is known to be, what it is cast to.
Cast: TypeAlias = tuple[int, RefType, RefType]

#: A decoded immediate; its kind (`Imm`) says which of these it is.
Immediate: TypeAlias = (
    "int | bytes | BlockType | HeapType | MemArg | Cast | tuple[int, ...] | tuple[Catch, ...] | tuple[ValType, ...]"
)

Reader: TypeAlias = Callable[[bytes, int], tuple[Immediate, int]]
Writer: TypeAlias = Callable[[Immediate], bytes]

_CATCH_KINDS: Final = ("catch", "catch_ref", "catch_all", "catch_all_ref")  #: by code
_WITH_TAG: Final = 2  #: codes below have a tag
_MEMORY_FOLLOWS: Final = 0x40  #: in the flags of a memarg: not memory 0, its index follows
_NO_FLAG: Final = 0x80
_CAST_FLAGS: Final = range(4)  #: bit 0: the operand may be null; bit 1: null passes


def read_memarg(data: bytes, pos: int) -> tuple[MemArg, int]:
    """Read a memory argument."""
    flags, after = read_u32(data, pos)
    if flags >= _NO_FLAG:
        raise ParseError(f"malformed memop flags: {flags:#x}, expected less than 0x80", offset=pos)
    memory = 0
    if flags & _MEMORY_FOLLOWS:
        memory, after = read_u32(data, after)
    offset, after = read_u64(data, after)
    return MemArg(flags & ~_MEMORY_FOLLOWS, memory, offset), after


def write_memarg(memarg: MemArg) -> bytes:
    """Write a memory argument."""
    if memarg.memory:
        return u32(memarg.align_log2 | _MEMORY_FOLLOWS) + u32(memarg.memory) + u64(memarg.offset)
    return u32(memarg.align_log2) + u64(memarg.offset)


def read_labels(data: bytes, pos: int) -> tuple[tuple[int, ...], int]:
    """Read the labels of a `br_table`, the default one last."""
    count, pos = read_count(data, pos, "labels", MAX_BR_TABLE)
    labels, pos = read_u32s(data, pos, count + 1)
    return tuple(labels), pos


def write_labels(labels: tuple[int, ...]) -> bytes:
    """Write the labels of a `br_table`."""
    return u32(len(labels) - 1) + b"".join(map(u32, labels))


def _read_catch(data: bytes, pos: int) -> tuple[Catch, int]:
    code, after = read_byte(data, pos)
    if code >= len(_CATCH_KINDS):
        raise ParseError(f"malformed catch clause: {code:#04x}, expected 0 - 3", offset=pos)
    tag = None
    if code < _WITH_TAG:
        tag, after = read_u32(data, after)
    label, after = read_u32(data, after)
    return Catch(_CATCH_KINDS[code], tag, label), after


def _write_catch(catch: Catch) -> bytes:
    tag = b"" if catch.tag is None else u32(catch.tag)
    return bytes((_CATCH_KINDS.index(catch.kind),)) + tag + u32(catch.label)


def read_catches(data: bytes, pos: int) -> tuple[tuple[Catch, ...], int]:
    """Read the clauses of a `try_table`."""
    catches, pos = read_list(data, pos, "catch clauses", MAX_NESTING, _read_catch)
    return tuple(catches), pos


def write_catches(catches: tuple[Catch, ...]) -> bytes:
    """Write the clauses of a `try_table`."""
    return vector([_write_catch(catch) for catch in catches])


def read_cast(data: bytes, pos: int) -> tuple[Cast, int]:
    """Read what a `br_on_cast` branches to, from and to which type it casts."""
    flags, after = read_byte(data, pos)
    if flags not in _CAST_FLAGS:
        raise ParseError(f"malformed br_on_cast flags: {flags:#04x}, expected 0 - 3", offset=pos)
    label, after = read_u32(data, after)
    source, after = read_heaptype(data, after)
    target, after = read_heaptype(data, after)
    return (label, ref(bool(flags & 1), source), ref(bool(flags & 2), target)), after


def write_cast(cast_: Cast) -> bytes:
    """Write the immediate of a `br_on_cast`."""
    label, source, target = cast_
    flags = bytes((source.nullable | target.nullable << 1,))
    return flags + u32(label) + write_heaptype(source.heap) + write_heaptype(target.heap)


def read_valtypes(data: bytes, pos: int) -> tuple[tuple[ValType, ...], int]:
    """Read the value types of a `select`."""
    types, pos = read_list(data, pos, "types", MAX_RESULTS, read_valtype)
    return tuple(types), pos


def write_valtypes(types: tuple[ValType, ...]) -> bytes:
    """Write a list of value types."""
    return vector([write_valtype(valtype) for valtype in types])


def _read_16_bytes(data: bytes, pos: int) -> tuple[bytes, int]:
    return read_bytes(data, pos, 16)


def _read_f32(data: bytes, pos: int) -> tuple[int, int]:
    content, pos = read_bytes(data, pos, 4)
    return int.from_bytes(content, "little"), pos


def _read_f64(data: bytes, pos: int) -> tuple[int, int]:
    content, pos = read_bytes(data, pos, 8)
    return int.from_bytes(content, "little"), pos


def _read_zero(data: bytes, pos: int) -> tuple[int, int]:
    byte, after = read_byte(data, pos)
    if byte:
        raise ParseError(f"zero byte expected: {byte:#04x}", offset=pos)
    return byte, after


def _write_byte(value: int) -> bytes:
    return bytes((value,))


def _write_f32(bits: int) -> bytes:
    return bits.to_bytes(4, "little")


def _write_f64(bits: int) -> bytes:
    return bits.to_bytes(8, "little")


#: Reads an immediate of each kind; an index is all that has no reader of its own.
READERS: Final[dict[Imm, Reader]] = {
    **dict.fromkeys(Imm, cast(Reader, read_u32)),
    Imm.BLOCKTYPE: read_blocktype,
    Imm.LABELS: read_labels,
    Imm.CATCHES: read_catches,
    Imm.HEAPTYPE: read_heaptype,
    Imm.CAST: read_cast,
    Imm.VALTYPES: read_valtypes,
    Imm.MEMARG: read_memarg,
    Imm.LANE: read_byte,
    Imm.LANES: _read_16_bytes,
    Imm.I32: read_s32,
    Imm.I64: read_s64,
    Imm.F32: _read_f32,
    Imm.F64: _read_f64,
    Imm.V128: _read_16_bytes,
    Imm.ZERO: _read_zero,
}

T = TypeVar("T")


def _writer(write: Callable[[T], bytes]) -> Writer:
    # The table pairs a kind with the one type that its writer takes, which the type system can't say.
    return cast(Writer, write)


#: Writes an immediate of each kind.
WRITERS: Final[dict[Imm, Writer]] = {
    **dict.fromkeys(Imm, _writer(u32)),
    Imm.BLOCKTYPE: _writer(write_blocktype),
    Imm.LABELS: _writer(write_labels),
    Imm.CATCHES: _writer(write_catches),
    Imm.HEAPTYPE: _writer(write_heaptype),
    Imm.CAST: _writer(write_cast),
    Imm.VALTYPES: _writer(write_valtypes),
    Imm.MEMARG: _writer(write_memarg),
    Imm.LANE: _writer(_write_byte),
    Imm.LANES: _writer(bytes),
    Imm.I32: _writer(s32),
    Imm.I64: _writer(s64),
    Imm.F32: _writer(_write_f32),
    Imm.F64: _writer(_write_f64),
    Imm.V128: _writer(bytes),
    Imm.ZERO: _writer(_write_byte),
}


def read_locals(data: bytes, pos: int) -> tuple[list[tuple[int, ValType]], int]:
    """Read the locals of a body, without its parameters: how many there are of which type, run by run."""
    runs, pos = read_length(data, pos)  # a run may be empty, so there can be more of them than locals
    found: list[tuple[int, ValType]] = []
    total = 0
    for _ in range(runs):
        count, after = read_u32(data, pos)
        total += count
        if total > MAX_LOCALS:
            raise ParseError(f"too many locals: {total}, the limit is {MAX_LOCALS}", offset=pos)
        valtype, pos = read_valtype(data, after)
        found.append((count, valtype))
    return found, pos


def write_locals(runs: list[tuple[int, ValType]]) -> bytes:
    """Write the locals of a body, run by run."""
    return vector([u32(count) + write_valtype(valtype) for count, valtype in runs])
