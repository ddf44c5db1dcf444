"""Read the relocatable ELF object that LLVM writes.

Source: System V ABI, "Object Files"; the processor supplements for x86-64 and AArch64 (ELF for the Arm 64-bit
Architecture).
"""

from __future__ import annotations

import enum
import struct
from typing import Final, NamedTuple

from bembix.errors import InternalError
from bembix.records import dataclass


class Kind(enum.Enum):
    """What a relocation writes: S the symbol's address, A the addend, P the place, G the symbol's GOT entry."""

    ABS64 = "S + A, 8 bytes"
    ABS32 = "S + A, 4 bytes, zero-extended"
    ABS32S = "S + A, 4 bytes, sign-extended"
    PC64 = "S + A - P, 8 bytes"
    PC32 = "S + A - P, 4 bytes"
    PLT32 = "S + A - P, 4 bytes, or to a jump to S"
    GOT32 = "G + A - P, 4 bytes"
    ARM_CALL26 = "S + A - P, in a branch"
    ARM_PAGE21 = "page of S + A minus page of P, in adrp"
    ARM_LOW12 = "low 12 bits of S + A, in add"
    ARM_LOAD12_8 = "low 12 bits of S + A, in a load of 1 byte"
    ARM_LOAD12_16 = "low 12 bits of S + A, in a load of 2 bytes"
    ARM_LOAD12_32 = "low 12 bits of S + A, in a load of 4 bytes"
    ARM_LOAD12_64 = "low 12 bits of S + A, in a load of 8 bytes"
    ARM_LOAD12_128 = "low 12 bits of S + A, in a load of 16 bytes"
    ARM_GOT_PAGE21 = "page of G + A minus page of P, in adrp"
    ARM_GOT_LOW12 = "low 12 bits of G + A, in a load of 8 bytes"


_X86_64: Final = 62
_AARCH64: Final = 183

#: Relocations by machine and number.
KINDS: Final[dict[int, dict[int, Kind]]] = {
    _X86_64: {
        1: Kind.ABS64,
        2: Kind.PC32,
        4: Kind.PLT32,
        9: Kind.GOT32,
        10: Kind.ABS32,
        11: Kind.ABS32S,
        24: Kind.PC64,
        41: Kind.GOT32,
        42: Kind.GOT32,
    },
    _AARCH64: {
        257: Kind.ABS64,
        260: Kind.PC64,
        261: Kind.PC32,
        275: Kind.ARM_PAGE21,
        277: Kind.ARM_LOW12,
        278: Kind.ARM_LOAD12_8,
        282: Kind.ARM_CALL26,
        283: Kind.ARM_CALL26,
        284: Kind.ARM_LOAD12_16,
        285: Kind.ARM_LOAD12_32,
        286: Kind.ARM_LOAD12_64,
        299: Kind.ARM_LOAD12_128,
        311: Kind.ARM_GOT_PAGE21,
        312: Kind.ARM_GOT_LOW12,
    },
}


@dataclass(frozen=True, slots=True)
class Section:
    """A section that is loaded.  index: in the file.  data: its bytes.  align: bytes."""

    index: int
    name: str
    data: memoryview
    align: int


# FAST: loading one function; a named tuple is made in a fifth of the time of a frozen dataclass.
class Symbol(NamedTuple):
    """A symbol.  section: index, 0 where it is external.  value: offset in the section.  visible: not local."""

    name: str
    section: int
    value: int
    visible: bool


class Relocation(NamedTuple):
    """A place in a section to patch.  section: index.  symbol: index in `Object.symbols`."""

    section: int
    offset: int
    kind: Kind
    symbol: int
    addend: int


@dataclass(frozen=True, slots=True)
class Object:
    """What an object file says.

    sections: those to load, by index.  line_table: the section .debug_line; line_relocations: its places to patch.
    """

    sections: dict[int, Section]
    symbols: list[Symbol]
    relocations: list[Relocation]
    line_table: bytes
    line_relocations: list[Relocation]


_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_RELA: Final = struct.Struct("<QIIq")
_SYMTAB, _RELA_TYPE, _NOBITS = 2, 4, 8
_WRITE, _ALLOC = 1, 2
_LOCAL, _SECTION_SYMBOL, _ABSOLUTE = 0, 3, 0xFFF1
#: Constant once relocated; `.eh_frame` is not needed, nothing unwinds by tables.
_CONSTANT: Final = (".data.rel.ro",)
_IGNORED: Final = (".eh_frame",)


def parse(data: bytes) -> Object:
    """Read an object.  Errors: InternalError where it has something that the loader does not support."""
    return _Reader(data).object()


class _Reader:
    """The tables of one file."""

    def __init__(self, data: bytes) -> None:
        if data[:6] != b"\x7fELF\x02\x01" or len(data) < _HEADER.size:
            raise InternalError("not a little-endian 64-bit ELF object")
        head = _HEADER.unpack_from(data)
        machine, offset, count, names = head[2], head[6], head[12], head[13]
        if machine not in KINDS:
            raise InternalError(f"object for machine {machine}")
        self.data = memoryview(data)
        self.kinds = KINDS[machine]
        self.headers = list(_SECTION.iter_unpack(self.data[offset : offset + count * _SECTION.size]))
        self.strings = bytes(self._content(self.headers[names]))

    def object(self) -> Object:
        """Put the tables together."""
        sections: dict[int, Section] = {}
        symbols: list[Symbol] = []
        line_index = 0
        for index, header in enumerate(self.headers):
            if header[1] == _SYMTAB:
                symbols = self._symbols(header)
            elif header[2] & _ALLOC and header[5] and not self._name(header).startswith(_IGNORED):
                sections[index] = self._section(index, header)
            elif self._name(header) == ".debug_line":
                line_index = index
        relocations = [r for index in sections for r in self._relocations(index)]
        lines = bytes(self._content(self.headers[line_index])) if line_index else b""
        return Object(sections, symbols, relocations, lines, self._relocations(line_index) if line_index else [])

    def _content(self, header: tuple[int, ...]) -> memoryview:
        return self.data[header[4] : header[4] + header[5]]

    def _name(self, header: tuple[int, ...]) -> str:
        return _string(self.strings, header[0])

    def _section(self, index: int, header: tuple[int, ...]) -> Section:
        name = self._name(header)
        if (header[2] & _WRITE and not name.startswith(_CONSTANT)) or header[1] == _NOBITS:
            raise InternalError(f"the object has a writable section {name}")
        return Section(index, name, self._content(header), max(header[8], 1))

    def _symbols(self, header: tuple[int, ...]) -> list[Symbol]:
        strings = bytes(self._content(self.headers[header[6]]))
        return [
            Symbol("" if info & 15 == _SECTION_SYMBOL else _string(strings, name), section, value, info >> 4 != _LOCAL)
            for name, info, _, section, value, _ in _SYMBOL.iter_unpack(self._content(header))
        ]

    def _relocations(self, section: int) -> list[Relocation]:
        found: list[Relocation] = []
        for header in self.headers:
            if header[1] == _RELA_TYPE and header[7] == section:
                for offset, kind, symbol, addend in _RELA.iter_unpack(self._content(header)):
                    if kind not in self.kinds:
                        raise InternalError(f"relocation {kind} is not supported")
                    found.append(Relocation(section, offset, self.kinds[kind], symbol, addend))
        return found


def _string(table: bytes, offset: int) -> str:
    """Return the zero-terminated string at an offset."""
    return table[offset : table.index(0, offset)].decode()
