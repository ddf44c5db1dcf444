"""Branch hints: which way a conditional branch likely goes, from the custom section that toolchains put them in.

Hints are for speed only, so a section that is malformed is taken for none.  Source: the branch hinting proposal.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from bembix.binary.leb import read_byte, read_length, read_u32
from bembix.errors import ParseError
from bembix.spec.module import ModuleDef

SECTION: Final = "metadata.code.branch_hint"

#: By function index: by byte offset from the beginning of the function's entry, whether the branch is likely taken.
Hints: TypeAlias = dict[int, dict[int, bool]]


def branch_hints(module: ModuleDef) -> Hints:
    """Return the hints of a module."""
    for custom in module.customs:
        if custom.name == SECTION:
            try:
                return _read(custom.content)
            except ParseError:
                return {}
    return {}


def _read(content: bytes) -> Hints:
    found: Hints = {}
    functions, pos = read_length(content, 0)
    for _ in range(functions):
        function, pos = read_u32(content, pos)
        count, pos = read_length(content, pos)
        hints = found.setdefault(function, {})
        for _ in range(count):
            offset, pos = read_u32(content, pos)
            _, pos = read_length(content, pos)
            value, pos = read_byte(content, pos)
            hints[offset] = value == 1
    return found
