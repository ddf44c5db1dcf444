"""Put object files into executable memory.

Rule: a page is written first and executable afterwards, never both.  A load has pages of its own.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from bembix.errors import InternalError
from bembix.native import aarch64, elf, memory, platform
from bembix.native.elf import Kind
from bembix.native.libc import library_address
from bembix.native.ranges import CODES
from bembix.records import dataclass, field

#: What LLVM calls of its own accord.
_LIBRARY: Final = ("memcpy", "memmove", "memset", "memcmp")

_FAR_JUMP_SIZE: Final = 16
#: Relocations through the table of addresses behind the code.
_THROUGH_TABLE: Final = frozenset((Kind.GOT32, Kind.ARM_GOT_PAGE21, Kind.ARM_GOT_LOW12))


@dataclass(slots=True)
class LoadedCode:
    """Code in place.

    symbols: addresses of the visible symbols.  start, end: the bytes loaded.  line_table: DWARF with these addresses.
    """

    symbols: dict[str, int]
    start: int
    end: int
    line_table: bytes
    #: Decoded by `lines.py` at its first use.
    rows: tuple[list[int], list[int]] | None = field(default=None, repr=False)


class CodeArena:
    """Address space for code, freed with the arena.

    size: bytes reserved at a time.  wasm: faults of this code are the program's.  immortal: never freed, for code that
    destructors and signal handlers run.
    """

    def __init__(self, size: int = 1 << 20, *, wasm: bool = True, immortal: bool = False) -> None:
        self._size = memory.round_up(size)
        self._wasm = wasm
        self._immortal = immortal
        # Reentrant: a collection may run code that loads.
        self._lock = threading.RLock()
        self._mappings: list[tuple[int, int]] = []
        self._next = self._end = 0

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Where the code may lie: start and end of each region."""
        return tuple((int(base), int(base) + size) for base, size in self._mappings)

    def contains(self, address: int) -> bool:
        """Return whether `address` is in this arena."""
        return any(start <= address < end for start, end in self.ranges)

    def load(self, obj: bytes, externals: Mapping[str, int] | None = None) -> LoadedCode:
        """Load an object.

        externals: addresses of the symbols that it does not define.
        Errors: InternalError for an unknown symbol; ResourceError where memory is used up.
        """
        parsed = elf.parse(obj)
        image = _Image(parsed, externals or {})
        size = memory.round_up(image.capacity)
        base = self._take(size)
        content, symbols = image.build(base)
        memory.protect(base, size, memory.READ_WRITE)
        memory.write_bytes(base, content)
        memory.make_executable(base, size)
        return LoadedCode(symbols, base, base + len(content), image.line_table(base))

    def place(self, content: bytes) -> int:
        """Put bytes that are the same wherever they are on pages of their own; return their address.

        Errors: ResourceError where memory is used up.
        """
        size = memory.round_up(len(content))
        base = self._take(size)
        memory.protect(base, size, memory.READ_WRITE)
        memory.write_bytes(base, content)
        memory.make_executable(base, size)
        return base

    def _take(self, size: int) -> int:
        """Return the address of pages that nobody has."""
        with self._lock:
            if self._end - self._next < size:
                self._extend(max(size, self._size))
            base = self._next
            self._next += size
            return base

    def _extend(self, size: int) -> None:
        """Begin a further region."""
        base = memory.immortal_pages(size) if self._immortal else memory.map_pages(size)
        if self._wasm:
            CODES.add(int(base), int(base) + size)
        self._mappings.append((base, size))
        self._next, self._end = int(base), int(base) + size


class _Image:
    """The bytes of a load: sections, then GOT entries, then jumps to what is out of reach."""

    def __init__(self, parsed: elf.Object, externals: Mapping[str, int]) -> None:
        self._object = parsed
        self._externals = externals
        self._offsets: dict[int, int] = {}
        at = 0
        for index, section in parsed.sections.items():
            at = -(-at // section.align) * section.align
            self._offsets[index] = at
            at += len(section.data)
        self._extras = -(-at // 16) * 16
        got = {r.symbol for r in parsed.relocations if r.kind in _THROUGH_TABLE}
        far = {r.symbol for r in parsed.relocations if not parsed.symbols[r.symbol].section}
        #: Bytes needed at most.
        self.capacity = self._extras + 8 * len(got) + 16 + _FAR_JUMP_SIZE * len(far)

    def build(self, base: int) -> tuple[bytearray, dict[str, int]]:
        """Return the bytes to put at `base`, and the visible symbols."""
        self._base = base
        self._got: dict[int, int] = {}
        self._far: dict[int, int] = {}
        self._image = bytearray(platform.require().fill) * self._extras
        for index, section in self._object.sections.items():
            start = self._offsets[index]
            self._image[start : start + len(section.data)] = section.data
        for relocation in self._object.relocations:
            self._relocate(relocation)
        symbols = self._object.symbols
        return self._image, {s.name: self._address(k) for k, s in enumerate(symbols) if s.visible and s.section}

    def line_table(self, base: int) -> bytes:
        """Return the line table with its addresses filled in."""
        table = bytearray(self._object.line_table)
        for _, offset, kind, symbol, addend in self._object.line_relocations:
            if kind is Kind.ABS64:
                struct.pack_into("<Q", table, offset, self._address(symbol) + addend)
        return bytes(table)

    def _relocate(self, relocation: elf.Relocation) -> None:
        """Patch one place."""
        place = self._offsets[relocation.section] + relocation.offset
        apply = _APPLY.get(relocation.kind)
        if apply is None:
            raise InternalError(f"relocation {relocation.kind.name} is not supported on this platform")
        try:
            format, value = apply(self, relocation, self._base + place)
            struct.pack_into(format, self._image, place, value)
        except struct.error as error:
            name = self._object.symbols[relocation.symbol].name
            raise InternalError(f"relocation {relocation.kind.name} to {name!r} does not fit: {error}") from error

    def _address(self, index: int) -> int:
        """Return the address of a symbol."""
        symbol = self._object.symbols[index]
        if symbol.section in self._offsets:
            return self._base + self._offsets[symbol.section] + symbol.value
        if symbol.section:
            raise InternalError(f"symbol {symbol.name!r} is in a section that is not loaded")
        known = self._externals.get(symbol.name)
        if known is None:
            known = _library().get(symbol.name)
        if known is None:
            raise InternalError(f"compiled code refers to the unknown symbol {symbol.name!r}")
        return known

    def absolute(self, relocation: elf.Relocation, place: int) -> tuple[str, int]:
        """S + A, 8 bytes."""
        return "<Q", (self._address(relocation.symbol) + relocation.addend) % 2**64

    def absolute32(self, relocation: elf.Relocation, place: int) -> tuple[str, int]:
        """S + A, 4 bytes, zero-extended."""
        return "<I", self._address(relocation.symbol) + relocation.addend

    def absolute32s(self, relocation: elf.Relocation, place: int) -> tuple[str, int]:
        """S + A, 4 bytes, sign-extended."""
        return "<i", self._address(relocation.symbol) + relocation.addend

    def relative64(self, relocation: elf.Relocation, place: int) -> tuple[str, int]:
        """S + A - P, 8 bytes."""
        return "<q", self._address(relocation.symbol) + relocation.addend - place

    def relative(self, relocation: elf.Relocation, place: int) -> tuple[str, int]:
        """S + A - P, 4 bytes."""
        return "<i", self._address(relocation.symbol) + relocation.addend - place

    def branch(self, relocation: elf.Relocation, place: int) -> tuple[str, int]:
        """S + A - P, or the way to a jump that reaches S."""
        format, value = self.relative(relocation, place)
        if -(2**31) <= value < 2**31:
            return format, value
        return format, self._far_jump(relocation.symbol) + relocation.addend - place

    def got(self, relocation: elf.Relocation, place: int) -> tuple[str, int]:
        """G + A - P."""
        return "<i", self._entry(relocation.symbol) + relocation.addend - place

    def in_instruction(self, relocation: elf.Relocation, place: int) -> tuple[str, int]:
        """An instruction of aarch64 that refers to S + A, or to G + A, or to a jump that reaches S."""
        kind, symbol = relocation.kind, relocation.symbol
        (word,) = struct.unpack_from("<I", self._image, place - self._base)
        target = self._entry(symbol) if kind in _THROUGH_TABLE else self._address(symbol)
        if kind is Kind.ARM_CALL26 and not self._object.symbols[symbol].section:
            target = self._far_jump(symbol)
        return "<I", aarch64.patch(kind, word, target + relocation.addend, place)

    def _entry(self, symbol: int) -> int:
        """Return the address of a symbol's entry in the table."""
        if symbol not in self._got:
            self._image += bytes(-len(self._image) % 8)
            self._got[symbol] = self._append(struct.pack("<Q", self._address(symbol)))
        return self._got[symbol]

    def _far_jump(self, symbol: int) -> int:
        """Return the address of a jump to a symbol."""
        if symbol not in self._far:
            code = platform.require().far_jump + struct.pack("<Q", self._address(symbol))
            self._far[symbol] = self._append(code)
        return self._far[symbol]

    def _append(self, data: bytes) -> int:
        """Add bytes to the end; return their address."""
        at = len(self._image)
        self._image += data
        return self._base + at


_APPLY: Final[dict[Kind, Callable[[_Image, elf.Relocation, int], tuple[str, int]]]] = {
    Kind.ABS64: _Image.absolute,
    Kind.ABS32: _Image.absolute32,
    Kind.ABS32S: _Image.absolute32s,
    Kind.PC64: _Image.relative64,
    Kind.PC32: _Image.relative,
    Kind.PLT32: _Image.branch,
    Kind.GOT32: _Image.got,
    **dict.fromkeys(aarch64.KINDS, _Image.in_instruction),
}


@lru_cache(maxsize=1)
def _library() -> dict[str, int]:
    return {name: library_address(name) for name in _LIBRARY}


class _LazyStubs:
    """The stubs that every function record of a defined function first points to: one sequence for all instances."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._address = 0
        self._count = 0

    def get(self, count: int) -> range:
        """Return the addresses of `count` stubs; earlier ones stay."""
        size = platform.require().stub_size
        with self._lock:
            if count > self._count:
                self._make(max(count, 2 * self._count))
            return range(self._address, self._address + size * count, size)

    def _make(self, count: int) -> None:
        stub = platform.require().stub
        size = memory.round_up(len(stub) * count)
        base = memory.immortal_pages(size)
        memory.protect(base, size, memory.READ_WRITE)
        memory.write_bytes(base, stub * (size // len(stub)))
        memory.make_executable(base, size)
        self._address, self._count = base, size // len(stub)


_stubs: Final = _LazyStubs()


def lazy_stubs(count: int) -> range:
    """Return the addresses of `count` stubs, one after the other; they are never freed."""
    return _stubs.get(count)
