"""The index spaces of a module and the identifiers in them.  Source: core 3.0, 6.1.3 (contexts)."""

from __future__ import annotations

from typing import Final

from bembix.errors import ParseError
from bembix.spec.module import ModuleDef, NameMap
from bembix.spec.types import FuncType, SubType
from bembix.text.cursor import Cursor
from bembix.text.keywords import UnknownOperator
from bembix.text.lexer import Words

_NAME: Final = "(@name"


class Space:
    """An index space.

    kind: what it holds, in the words of error messages.  names: indices by identifier.  count: how many there are.
    known: names by index, for the name section.
    """

    __slots__ = ("count", "kind", "known", "names")

    def __init__(self, kind: str, known: NameMap) -> None:
        self.kind: str = kind
        self.names: dict[str, int] = {}
        self.count: int = 0
        self.known: NameMap = known


class Labels:
    """The labels around an instruction, of one body.

    height: how many there are.  known: names by the order of blocks in the body, for the name section.
    """

    __slots__ = ("_count", "_heights", "height", "known")

    def __init__(self, known: NameMap) -> None:
        self.height: int = 0
        self.known: NameMap = known
        self._count = 0
        self._heights: dict[str, list[int]] = {}

    def enter(self, label: str | None, name: str | None) -> None:
        """Begin a block.  label: its identifier; name: for the name section."""
        if label is not None:
            self._heights.setdefault(label, []).append(self.height)
        if name is not None:
            self.known[self._count] = name
        self.height += 1
        self._count += 1

    def leave(self, label: str | None) -> None:
        """End the innermost block, which has this identifier."""
        self.height -= 1
        if label is not None:
            self._heights[label].pop()

    def find(self, label: str) -> int | None:
        """Return how many blocks out the innermost block with an identifier is."""
        heights = self._heights.get(label)
        return self.height - 1 - heights[-1] if heights else None


class _Inside(Words):
    """The words of an annotation; their errors are placed where the annotation is."""

    __slots__ = ("index", "outer")

    def __init__(self, outer: Words, index: int) -> None:
        super().__init__(outer.words[index][2:], outer.filename)
        self.outer = outer
        self.index = index

    def error(self, message: str, index: int, kind: type[ParseError] = ParseError) -> ParseError:
        what = self.words[0]
        if kind is UnknownOperator:
            message = "unexpected token"
        return self.outer.error(f"@{what} annotation: {message}", self.index, kind)


class Context(Cursor):
    """Reads a module and knows its identifiers.

    fields: indices of struct fields by name, by type index.  subtypes: the type index space so far.
    functypes: the first type index of each function type that can be used without being named.
    locals, labels: those of the body at hand.
    """

    at: int  # pyright takes `+=` for a definition of its own

    def __init__(self, source: Words, at: int = 0) -> None:
        super().__init__(source, at)
        self.module: ModuleDef = ModuleDef()
        names = self.module.names
        self.types: Space = Space("type", names.types)
        self.functions: Space = Space("function", names.functions)
        self.tables: Space = Space("table", names.tables)
        self.memories: Space = Space("memory", names.memories)
        self.globals: Space = Space("global", names.globals)
        self.tags: Space = Space("tag", names.tags)
        self.elems: Space = Space("elem segment", names.elems)
        self.datas: Space = Space("data segment", names.datas)
        self.locals: Space = Space("local", {})
        self.labels: Labels = Labels({})
        self.fields: dict[int, Space] = {}
        self.subtypes: list[SubType] = []
        self.functypes: dict[FuncType, int] = {}
        #: Index of the word that closes the field at hand.
        self.stop = 0
        #: Whether some body uses a data segment, so that there must be a data count section.
        self.uses_data = False
        #: Branch hints of the body at hand: offset of the instruction in it, and what is hinted.
        self.hints: list[tuple[int, bytes]] = []
        #: The same by function index.
        self.all_hints: dict[int, list[tuple[int, bytes]]] = {}

    def bind(self, space: Space) -> int:
        """Take the next index of a space; read the identifier and the name annotation for it where they come next."""
        at = self.at
        index = space.count
        space.count += 1
        identifier = self.identifier()
        if identifier is not None:
            if identifier in space.names:
                raise self.error(f"duplicate {space.kind} ${identifier}", at)
            space.names[identifier] = index
        name = self.name_annotation()
        if name is None:
            name = identifier
        if name is not None:
            space.known[index] = name
        return index

    def sees_binding(self) -> bool:
        """Tell whether an identifier or a name annotation comes next."""
        word = self.words[self.at]
        return word[:1] == "$" or word[:6] == _NAME

    def name_annotation(self) -> str | None:
        """Read a name annotation if one comes next: a name that need not be an identifier."""
        if self.words[self.at][:6] != _NAME:
            return None
        inner = self.annotation()
        name = inner.name()
        inner.close()
        self.at += 1
        return name

    def annotation(self) -> Cursor:
        """Return a cursor into the annotation that comes next, after its own name."""
        return Cursor(_Inside(self.source, self.at), 1)

    def index(self, space: Space) -> int:
        """Read an index, as a number or an identifier."""
        word = self.words[self.at]
        if word[:1] != "$":
            return self.natural(32, f"a {space.kind}")
        found = space.names.get(word[1:])
        if found is not None:
            self.at += 1
            return found
        at = self.at
        found = space.names.get(self.identifier() or "")
        if found is None:
            raise self.error(f"unknown {space.kind} {word}", at)
        return found

    def sees_index(self) -> bool:
        """Tell whether an index comes next."""
        first = self.words[self.at][:1]
        return first == "$" or first.isdigit()
