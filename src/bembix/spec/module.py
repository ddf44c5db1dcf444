"""A module as the specification sees it: its definitions, by index space.

Source: core 3.0, 2.5.  Function bodies and constant expressions stay in binary form, which both formats share: the text
parser writes them, the walker reads them.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

from bembix.records import dataclass, field
from bembix.spec.types import (
    CompType,
    FuncType,
    GlobalType,
    MemoryType,
    RecType,
    RefType,
    SubType,
    TableType,
    TagType,
    ValType,
)


class ExternKind(enum.Enum):
    """What can be imported and exported; its value is the binary code."""

    FUNC = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4

    def __str__(self) -> str:
        return self.name.lower()


#: The type of an import: a function's is its type index.
ImportType: TypeAlias = "int | TableType | MemoryType | GlobalType | TagType"


@dataclass(frozen=True, slots=True)
class Import:
    """Something the module wants.  offset: where the binary says so."""

    module: str
    name: str
    kind: ExternKind
    type: ImportType
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Export:
    """Something the module gives."""

    name: str
    kind: ExternKind
    index: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Expr:
    """A constant expression.  code: instructions up to and including `end`; offset: of its first byte."""

    code: bytes
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """A function body: all bytes of its entry in the code section (after the size): locals, then instructions.

    data[start:end] is the entry, `start` + `delta` its offset in the module.  Bodies that were read from a binary share
    one `data`.
    """

    data: bytes
    start: int
    end: int
    delta: int = 0

    @property
    def offset(self) -> int:
        """Byte offset of the entry in the module."""
        return self.start + self.delta

    @property
    def entry(self) -> bytes:
        """The bytes of the entry."""
        return self.data[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Table:
    """A table definition; `init` gives every element its first value (None: null)."""

    type: TableType
    init: Expr | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Global:
    """A global definition."""

    type: GlobalType
    init: Expr
    offset: int = 0


class SegmentMode(enum.Enum):
    """When a segment is used."""

    ACTIVE = "active"
    PASSIVE = "passive"
    DECLARATIVE = "declarative"


@dataclass(frozen=True, slots=True)
class Elem:
    """An element segment.  items: function indices, or one constant expression for each element.

    table, at: where an active segment goes.
    """

    mode: SegmentMode
    type: RefType
    items: tuple[int, ...] | tuple[Expr, ...]
    table: int = 0
    at: Expr | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Data:
    """A data segment.  memory, at: where an active segment goes."""

    mode: SegmentMode
    content: bytes
    memory: int = 0
    at: Expr | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Custom:
    """A custom section.  after: id of the last known section before it (0: none), so that it is written back in
    place."""

    name: str
    content: bytes
    after: int = 0
    offset: int = 0


NameMap: TypeAlias = dict[int, str]
IndirectNameMap: TypeAlias = dict[int, NameMap]


@dataclass(slots=True)
class Names:
    """What the name section says; names are for people and never change what a module does."""

    module: str | None = None
    functions: NameMap = field(default_factory=dict)
    locals: IndirectNameMap = field(default_factory=dict)
    labels: IndirectNameMap = field(default_factory=dict)
    types: NameMap = field(default_factory=dict)
    tables: NameMap = field(default_factory=dict)
    memories: NameMap = field(default_factory=dict)
    globals: NameMap = field(default_factory=dict)
    elems: NameMap = field(default_factory=dict)
    datas: NameMap = field(default_factory=dict)
    fields: IndirectNameMap = field(default_factory=dict)
    tags: NameMap = field(default_factory=dict)


@dataclass(slots=True)
class ModuleDef:
    """All of a module.

    functions: the type index of each function defined here; code: their bodies, in the same order.
    data_count: what the data count section says, or None where there is none.
    """

    types: list[RecType] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    memories: list[MemoryType] = field(default_factory=list)
    tags: list[TagType] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    start: int | None = None
    elems: list[Elem] = field(default_factory=list)
    data_count: int | None = None
    code: list[Code] = field(default_factory=list)
    datas: list[Data] = field(default_factory=list)
    customs: list[Custom] = field(default_factory=list)
    #: Read from the custom section "name" where it is well formed; the section itself is not kept in `customs` then.
    names: Names = field(default_factory=Names)
    #: Byte offset of each section by its id, for error messages.
    section_offsets: dict[int, int] = field(default_factory=dict)

    def subtypes(self) -> list[SubType]:
        """Return the type index space: the definitions of all groups, in order."""
        return [sub for group in self.types for sub in group.types]

    def imported(self, kind: ExternKind) -> list[Import]:
        """Return the imports of one kind, which come first in its index space."""
        return [i for i in self.imports if i.kind is kind]


def composite(subtypes: list[SubType], index: int) -> CompType:
    """Return the composite type behind a type index."""
    return subtypes[index].composite


def functype(subtypes: list[SubType], index: int) -> FuncType | None:
    """Return the function type behind a type index, or None where there is no such type or it is another kind."""
    if 0 <= index < len(subtypes):
        found = subtypes[index].composite
        if isinstance(found, FuncType):
            return found
    return None


def param_types(params: tuple[ValType, ...]) -> str:
    """Return types in words, for messages."""
    return " ".join(map(str, params))
