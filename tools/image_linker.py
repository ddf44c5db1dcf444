"""Links object files to an image of machine code (`bembix/native/image.py` says what that is), for `prebuild.py`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from bembix.native import aarch64, elf
from bembix.native.elf import Kind
from bembix.native.image import ALIGN, BANNER

#: Parts begin on pages, of the largest size that a host of the machine has.
PAGE = {"x86_64": 1 << 12, "aarch64": 1 << 16}
_JUMP_SIZE = 8


def _jump_x86_64(place: int, entry: int) -> bytes:
    """Return code at `place` that jumps to the address at `entry`."""
    return bytes.fromhex("ff25") + struct.pack("<i", entry - (place + 6))  # jmp *distance(%rip)


def _jump_aarch64(place: int, entry: int) -> bytes:
    """Likewise; entries are less than 1 MiB away."""
    distance = entry - place
    if distance & 3 or not -(1 << 20) <= distance < 1 << 20:
        raise SystemExit("the table is out of reach of a jump")
    load = 0x58000010 | (distance >> 2 & 0x7FFFF) << 5  # ldr x16, distance
    return struct.pack("<II", load, 0xD61F0200)  # br x16


_JUMPS = {"x86_64": _jump_x86_64, "aarch64": _jump_aarch64}
#: References to the table, to code and to constants, by how they are written.
_THROUGH_TABLE = (Kind.GOT32, Kind.ARM_GOT_PAGE21, Kind.ARM_GOT_LOW12)
_CALLS = (Kind.PLT32, Kind.ARM_CALL26)
_INSIDE = (Kind.PC32, *_CALLS, *_THROUGH_TABLE, *aarch64.KINDS)


@dataclass(slots=True)
class _Part:
    """A part under way.  at: offset in the image.  starts: of its sections, from there.  jumps: likewise, by symbol."""

    name: str
    object: elf.Object
    fill: bytes
    at: int = 0
    content: bytearray = field(default_factory=bytearray)
    starts: dict[int, int] = field(default_factory=dict)
    jumps: dict[str, int] = field(default_factory=dict)

    def lay_out(self) -> None:
        """Put the sections one after the other."""
        for index, section in self.object.sections.items():
            self.content += self.fill * (-len(self.content) % max(section.align, 16))
            self.starts[index] = len(self.content)
            self.content += section.data

    def place(self, symbol: elf.Symbol) -> int:
        """Return the offset in the image of a symbol that is defined here."""
        return self.at + self.starts[symbol.section] + symbol.value

    def defined(self) -> dict[str, int]:
        """Return the visible symbols with their offsets in the image."""
        return {s.name: self.place(s) for s in self.object.symbols if s.visible and s.section in self.starts}


class Linker:
    """Parts and the table of addresses in front of them."""

    def __init__(self, machine: str, objects: dict[str, bytes], fill: bytes) -> None:
        self._page = PAGE[machine]
        self._jump = _JUMPS[machine]
        self._parts = [_Part(name, elf.parse(data), fill) for name, data in objects.items()]
        self._table: dict[str, int] = {}
        self._symbols: dict[str, int] = {}

    def link(self, notes: dict[str, str]) -> bytes:
        """Return the file."""
        self._lay_out()
        for part in self._parts:
            for relocation in part.object.relocations:
                self._apply(part, relocation)
        return self._file(notes)

    def _lay_out(self) -> None:
        """Give every part its place; how long the table will be shows in what they refer to."""
        at = self._up(8 * sum(self._most_entries(part.object) for part in self._parts))
        for part in self._parts:
            part.at = at
            part.lay_out()
            self._add_jumps(part)
            at = self._up(at + len(part.content))
            self._symbols |= part.defined()
        self._size = at

    @staticmethod
    def _most_entries(obj: elf.Object) -> int:
        return len({r.symbol for r in obj.relocations})

    def _up(self, size: int) -> int:
        return -(-size // self._page) * self._page

    def _add_jumps(self, part: _Part) -> None:
        """Add a jump to each function of the C library that is called without the table."""
        known = {s.name for other in self._parts for s in other.object.symbols if s.section and s.visible}
        for relocation in part.object.relocations:
            symbol = part.object.symbols[relocation.symbol]
            if relocation.kind in _CALLS and not symbol.section and symbol.name not in known | part.jumps.keys():
                part.content += part.fill * (-len(part.content) % _JUMP_SIZE)
                here = part.jumps[symbol.name] = len(part.content)
                part.content += self._jump(part.at + here, self._entry(symbol.name)).ljust(_JUMP_SIZE, part.fill)

    def _entry(self, name: str) -> int:
        """Return the offset of an entry of the table."""
        return 8 * self._table.setdefault(name, len(self._table))

    def _apply(self, part: _Part, relocation: elf.Relocation) -> None:
        """Patch one place."""
        symbol = part.object.symbols[relocation.symbol]
        place = part.starts[relocation.section] + relocation.offset
        target = self._target(part, symbol, relocation.kind) + relocation.addend
        if relocation.kind in aarch64.KINDS:
            (word,) = struct.unpack_from("<I", part.content, place)
            struct.pack_into("<I", part.content, place, aarch64.patch(relocation.kind, word, target, part.at + place))
        else:
            struct.pack_into("<i", part.content, place, target - (part.at + place))

    def _target(self, part: _Part, symbol: elf.Symbol, kind: Kind) -> int:
        """Return the offset in the image that a relocation refers to."""
        if kind not in _INSIDE:
            raise SystemExit(f"{part.name}: relocation {kind.name} to {symbol.name!r} depends on the address")
        inside = part.place(symbol) if symbol.section else self._symbols.get(symbol.name)
        if kind in _THROUGH_TABLE:
            return self._entry(symbol.name if inside is None else f"={inside}")
        if inside is not None:
            return inside
        if symbol.name not in part.jumps:
            raise SystemExit(f"{part.name}: {symbol.name!r} is outside, and not referred to through the table")
        return part.at + part.jumps[symbol.name]

    def _file(self, notes: dict[str, str]) -> bytes:
        """Put text and parts together.  The text has the parts' offsets in it, which depend on its length."""
        size = 0
        while True:
            head = self._text(notes, size).encode("ascii")
            head = head.ljust(-(-len(head) // ALIGN) * ALIGN, b"\0")
            if len(head) <= size:
                head = head.ljust(size, b"\0")
                break
            size = len(head)
        return head + b"".join(bytes(p.content.ljust(-(-len(p.content) // ALIGN) * ALIGN, b"\0")) for p in self._parts)

    def _text(self, notes: dict[str, str], offset: int) -> str:
        lines = [BANNER, *(f"{keyword} {text}" for keyword, text in notes.items())]
        lines += [f"size {self._size}", f"table {' '.join(self._table)}"]
        for part in self._parts:
            symbols = " ".join(f"{name}:{at}" for name, at in part.defined().items())
            lines.append(f"part {part.name} {part.at} {offset} {len(part.content)} {symbols}")
            offset += -(-len(part.content) // ALIGN) * ALIGN
        return "\n".join(lines) + "\n\n"
