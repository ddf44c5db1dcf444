"""Which identifiers a printed module has: its names, where they are unique, else numbers.  Source: core 3.0, 6.3.5."""

from __future__ import annotations

from collections.abc import Mapping

from bembix.spec.module import ExternKind, ModuleDef
from bembix.text.strings import identifier, quoted


class Identifiers:
    """How the things of one index space are bound and used.

    names: by index.  A name that is empty or was given before can't be an identifier: it is kept in an annotation.
    """

    __slots__ = ("_identifiers", "_names")

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        first: dict[str, int] = {}
        for index, name in sorted(names.items()):
            if name:
                first.setdefault(name, index)
        self._identifiers = {index: identifier(name) for name, index in first.items()}

    def use(self, index: int) -> str:
        """Return how something is referred to."""
        return self._identifiers.get(index) or str(index)

    def bind(self, index: int) -> str:
        """Return what stands after the keyword of a definition: an identifier or an annotation, or nothing."""
        found = self._identifiers.get(index)
        if found is None and index in self._names:
            return f"(@name {quoted(self._names[index])})"
        return found or ""

    def numbered(self, index: int) -> str:
        """Return what stands after the keyword of a definition, and the index as a comment."""
        return f"{self.bind(index)} (;{index};)".lstrip()


class ModuleIdentifiers:
    """The identifiers of all index spaces of a module."""

    def __init__(self, module: ModuleDef) -> None:
        names = module.names
        self.types: Identifiers = Identifiers(names.types)
        self.functions: Identifiers = Identifiers(names.functions)
        self.tables: Identifiers = Identifiers(names.tables)
        self.memories: Identifiers = Identifiers(names.memories)
        self.globals: Identifiers = Identifiers(names.globals)
        self.tags: Identifiers = Identifiers(names.tags)
        self.elems: Identifiers = Identifiers(names.elems)
        self.datas: Identifiers = Identifiers(names.datas)
        self.fields: dict[int, Identifiers] = {index: Identifiers(fields) for index, fields in names.fields.items()}
        self.externals: dict[ExternKind, Identifiers] = {
            ExternKind.FUNC: self.functions,
            ExternKind.TABLE: self.tables,
            ExternKind.MEMORY: self.memories,
            ExternKind.GLOBAL: self.globals,
            ExternKind.TAG: self.tags,
        }

    def fields_of(self, type_index: int) -> Identifiers:
        """Return the identifiers of the fields of a struct."""
        return self.fields.get(type_index) or Identifiers({})
