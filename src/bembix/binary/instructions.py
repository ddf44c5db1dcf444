"""Instructions one by one, both ways, without checking that they make sense together.

Source: core 3.0, 5.4; opcodes and immediates come from the instruction table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from bembix.binary.immediates import READERS, WRITERS, Immediate, Reader
from bembix.binary.leb import read_u32, u32, unexpected_end
from bembix.errors import ParseError
from bembix.spec.instructions import BY_CODE, BY_NAME, Instr

Immediates: TypeAlias = tuple[Immediate, ...]
_Entry: TypeAlias = tuple[Instr, tuple[Reader, ...]]

_ENTRIES: Final[dict[int, _Entry]] = {
    code: (row, tuple(READERS[kind] for kind in row.immediates)) for code, row in BY_CODE.items()
}
#: Entries by first byte; None where the byte is a prefix or no opcode.
_FIRST: Final[list[_Entry | None]] = [_ENTRIES.get(byte) for byte in range(0x100)]
_PREFIXES: Final = frozenset(row.code >> 16 for row in BY_CODE.values() if row.prefix)
_MAX_SUBCODE: Final = 0xFFFF
_END: Final = BY_NAME["end"].code


def _entry(data: bytes, pos: int) -> tuple[_Entry, int]:
    """Return what the table has for the opcode at `pos`, and the position of its immediates."""
    if pos >= len(data):
        raise unexpected_end(data)
    byte = data[pos]
    found = _FIRST[byte]
    if found is not None:
        return found, pos + 1
    if byte not in _PREFIXES:
        raise ParseError(f"illegal opcode {byte:02x}", offset=pos)
    subcode, after = read_u32(data, pos + 1)
    found = _ENTRIES.get(byte << 16 | subcode) if subcode <= _MAX_SUBCODE else None
    if found is None:
        raise ParseError(f"illegal opcode {byte:02x} {subcode:02x}", offset=pos)
    return found, after


def read_instruction(data: bytes, pos: int) -> tuple[Instr, Immediates, int]:
    """Read one instruction and return its row, its immediates and the position after it."""
    (row, readers), pos = _entry(data, pos)
    immediates = []
    for read in readers:
        value, pos = read(data, pos)
        immediates.append(value)
    return row, tuple(immediates), pos


def instructions(data: bytes, start: int, end: int) -> Iterator[tuple[int, Instr, Immediates]]:
    """Yield the instructions that fill data[start:end] exactly: offset in `data`, row, immediates."""
    pos = start
    row: Instr
    immediates: Immediates
    while pos < end:
        offset = pos
        found = _FIRST[data[pos]] if pos < len(data) else None
        if found is None or len(found[1]) > 1:
            row, immediates, pos = read_instruction(data, pos)
        else:  # FAST: disassembling QuickJS, 193,000 instructions
            row, readers = found
            pos += 1
            immediates = ()
            if readers:
                value, pos = readers[0](data, pos)
                immediates = (value,)
        if pos > end:
            raise unexpected_end(data, end)
        yield offset, row, immediates


def missing_end(data: bytes, end: int) -> ParseError:
    """Return the error that the body before `end` has open blocks.

    It depends on the byte that comes next, because the tests expect what a decoder says that reads on.
    """
    if end >= len(data):
        return unexpected_end(data)
    if data[end] == _END:
        return ParseError("section size mismatch: the function goes on after its end", offset=end)
    return ParseError("END opcode expected: the function ends before all blocks do", offset=end)


def opcode(row: Instr) -> bytes:
    """Write the opcode of an instruction."""
    prefix = row.prefix
    return bytes((row.code,)) if prefix is None else bytes((prefix,)) + u32(row.code & _MAX_SUBCODE)


_OPCODES: Final[dict[int, bytes]] = {code: opcode(row) for code, row in BY_CODE.items()}


def write_instruction(row: Instr, immediates: Iterable[Immediate] = ()) -> bytes:
    """Write an instruction with its immediates, in the order of the row."""
    out = _OPCODES[row.code]
    for kind, value in zip(row.immediates, immediates, strict=True):
        out += WRITERS[kind](value)
    return out
