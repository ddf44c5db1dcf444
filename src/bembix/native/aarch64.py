"""Addresses in instructions of aarch64: what a relocation changes in one.

Source: ELF for the Arm 64-bit Architecture, "Static AArch64 relocations"; Arm Architecture Reference Manual, C6.2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from bembix.native.elf import Kind


def _branch(word: int, target: int, place: int) -> int:
    """`b`, `bl`: 26 bits of a distance in instructions."""
    return word & ~0x3FFFFFF | _field(target - place, 2, 26)


def _page(word: int, target: int, place: int) -> int:
    """`adrp`: 21 bits of a distance in pages, the lowest two of which stand apart."""
    pages = _field((target & ~4095) - (place & ~4095), 12, 21)
    return word & ~0x60FFFFE0 | (pages & 3) << 29 | pages >> 2 << 5


def _low(shift: int) -> Callable[[int, int, int], int]:
    """`add`, loads and stores: 12 bits, the lowest of an address, in units of what is accessed."""

    def patch(word: int, target: int, place: int) -> int:
        low = target & 4095
        if low & (1 << shift) - 1:
            raise struct.error("not aligned")
        return word & ~0x3FFC00 | low >> shift << 10

    return patch


def _field(distance: int, shift: int, bits: int) -> int:
    """Return a signed distance as a field of an instruction."""
    if distance & (1 << shift) - 1 or not -(1 << bits - 1) <= distance >> shift < 1 << bits - 1:
        raise struct.error("out of reach")
    return distance >> shift & (1 << bits) - 1


_PATCHES: Final[dict[Kind, Callable[[int, int, int], int]]] = {
    Kind.ARM_CALL26: _branch,
    Kind.ARM_PAGE21: _page,
    Kind.ARM_GOT_PAGE21: _page,
    Kind.ARM_LOW12: _low(0),
    Kind.ARM_LOAD12_8: _low(0),
    Kind.ARM_LOAD12_16: _low(1),
    Kind.ARM_LOAD12_32: _low(2),
    Kind.ARM_LOAD12_64: _low(3),
    Kind.ARM_LOAD12_128: _low(4),
    Kind.ARM_GOT_LOW12: _low(3),
}
#: Relocations of instructions; for those with GOT in their names, what is referred to is the entry of the table.
KINDS: Final = frozenset(_PATCHES)


def patch(kind: Kind, word: int, target: int, place: int) -> int:
    """Return the instruction `word` at `place` as it is when it refers to `target`.

    Errors: struct.error where that is out of its reach.
    """
    return _PATCHES[kind](word, target, place)
