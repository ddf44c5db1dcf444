"""What sections a binary module has, and how large they are.  Source: core 3.0, 5.5.2."""

from __future__ import annotations

from collections.abc import Iterator

from bembix.binary.leb import read_name, read_u32
from bembix.binary.sections import MAGIC, VERSION, Section


def sections(binary: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield each section of a well-formed module: name, offset of its content, size of that in bytes."""
    at = len(MAGIC) + len(VERSION)
    while at < len(binary):
        section = Section(binary[at])
        size, start = read_u32(binary, at + 1)
        words = str(section)
        if section is Section.CUSTOM:
            name, _ = read_name(binary, start)
            words += f' "{name}"'
        yield words, start, size
        at = start + size
