"""The sections of a module and the order that they come in.  Source: core 3.0, 5.5.2 and 5.5.17."""

from __future__ import annotations

import enum
from typing import Final

MAGIC: Final = b"\0asm"
VERSION: Final = b"\1\0\0\0"


class Section(enum.IntEnum):
    """A section, by its id."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    ELEMENT = 9
    CODE = 10
    DATA = 11
    DATA_COUNT = 12
    TAG = 13

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


#: How sections follow each other; each comes once at most.  Custom sections may stand anywhere.
ORDER: Final = (
    Section.TYPE,
    Section.IMPORT,
    Section.FUNCTION,
    Section.TABLE,
    Section.MEMORY,
    Section.TAG,
    Section.GLOBAL,
    Section.EXPORT,
    Section.START,
    Section.ELEMENT,
    Section.DATA_COUNT,
    Section.CODE,
    Section.DATA,
)
