"""From code addresses back to the module: the line table of a load, whose "lines" are byte offsets in the module.

Source: DWARF 5, 6.2 (version 4 differs in the header only).
"""

from __future__ import annotations

import bisect
import struct
from typing import Final

from bembix.errors import InternalError
from bembix.native.code import LoadedCode
from bembix.records import dataclass


def offset_at(loaded: LoadedCode, address: int) -> int | None:
    """Return the module offset that the code at `address` was made from, or None where the table does not say.

    address: of an instruction; for a return address pass one less.
    """
    if loaded.rows is None:
        loaded.rows = decode(loaded.line_table)
    addresses, lines = loaded.rows
    row = bisect.bisect_right(addresses, address) - 1
    return lines[row] or None if row >= 0 else None


def decode(table: bytes) -> tuple[list[int], list[int]]:
    """Return the addresses at which a row begins, sorted, and the line of each; 0 where no line is known."""
    rows: list[tuple[int, int]] = []
    at = 0
    while at < len(table):
        at = _unit(table, at, rows)
    rows.sort(key=lambda row: row[0])  # stable: of two rows at one address the later one counts
    return [address for address, _ in rows], [line for _, line in rows]


@dataclass(frozen=True, slots=True)
class _Header:
    """What the opcodes of a unit mean.  lengths: number of operands of each standard opcode."""

    minimum_length: int
    line_base: int
    line_range: int
    opcode_base: int
    lengths: bytes


def _unit(table: bytes, at: int, rows: list[tuple[int, int]]) -> int:
    """Decode one unit; return where the next begins."""
    length: int = struct.unpack_from("<I", table, at)[0]
    end = at + 4 + length
    (version,) = struct.unpack_from("<H", table, at + 4)
    if version not in (4, 5) or end > len(table):
        raise InternalError(f"line table of DWARF version {version}")
    at += 6 + (2 if version == 5 else 0)
    (header_length,) = struct.unpack_from("<I", table, at)
    program = at + 4 + header_length
    minimum, _, _, base, range_, opcode_base = struct.unpack_from("<BBBbBB", table, at + 4)
    header = _Header(minimum, base, range_, opcode_base, table[at + 10 : at + 9 + opcode_base])
    _Program(table, header, rows).run(program, end)
    return end


class _Program:
    """The line number program's registers that matter here, and its operations."""

    def __init__(self, table: bytes, header: _Header, rows: list[tuple[int, int]]) -> None:
        self.table = table
        self.header = header
        self.rows = rows
        self.at = 0
        self.address = 0
        self.line = 1

    def run(self, at: int, end: int) -> None:
        """Run the operations in table[at:end]."""
        self.at = at
        while self.at < end:
            opcode = self.table[self.at]
            self.at += 1
            if opcode >= self.header.opcode_base:
                self._special(opcode)
            elif opcode == 0:
                self._extended()
            else:
                self._standard(opcode)

    def _row(self) -> None:
        self.rows.append((self.address, self.line))

    def _special(self, opcode: int) -> None:
        advance, line = divmod(opcode - self.header.opcode_base, self.header.line_range)
        self.address += advance * self.header.minimum_length
        self.line += self.header.line_base + line
        self._row()

    def _standard(self, opcode: int) -> None:
        if opcode == _COPY:
            self._row()
        elif opcode == _ADVANCE_PC:
            self.address += self._unsigned() * self.header.minimum_length
        elif opcode == _ADVANCE_LINE:
            self.line += self._signed()
        elif opcode == _CONST_ADD_PC:
            self.address += (255 - self.header.opcode_base) // self.header.line_range * self.header.minimum_length
        elif opcode == _FIXED_ADVANCE_PC:
            self.address += int.from_bytes(self.table[self.at : self.at + 2], "little")
            self.at += 2
        else:
            for _ in range(self.header.lengths[opcode - 1]):
                self._unsigned()

    def _extended(self) -> None:
        length = self._unsigned()
        opcode = self.table[self.at]
        if opcode == _END_SEQUENCE:
            self.rows.append((self.address, 0))
            self.address, self.line = 0, 1
        elif opcode == _SET_ADDRESS:
            self.address = int.from_bytes(self.table[self.at + 1 : self.at + 9], "little")
        self.at += length

    def _unsigned(self) -> int:
        """Read a ULEB128."""
        value = shift = 0
        while True:
            byte = self.table[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def _signed(self) -> int:
        """Read an SLEB128."""
        start = self.at
        value = self._unsigned()
        bits = 7 * (self.at - start)
        return value - (1 << bits) if value >> (bits - 1) else value


_COPY: Final = 1
_ADVANCE_PC: Final = 2
_ADVANCE_LINE: Final = 3
_CONST_ADD_PC: Final = 8
_FIXED_ADVANCE_PC: Final = 9
_END_SEQUENCE: Final = 1
_SET_ADDRESS: Final = 2
