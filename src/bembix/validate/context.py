"""What the rules know of the module around the code that they check.

All types in here are canonicalised (see `spec/canonical.py`), so that they compare across modules.  Source: core 3.0,
3.1.3.
"""

from __future__ import annotations

from bembix.errors import ValidationError
from bembix.records import dataclass, field
from bembix.spec.canonical import canonical_type, canonical_valtype
from bembix.spec.features import Feature
from bembix.spec.module import ModuleDef
from bembix.spec.types import FuncType, GlobalType, MemoryType, RefType, TableType, ValType


@dataclass(slots=True)
class ModuleContext:
    """The index spaces of a module, imports first.

    ids: the canonical id of each type index.  functions, tags: type indices.  declared: functions that `ref.func` may
    name.
    imported_functions: how many of `functions` are imports.
    """

    definition: ModuleDef
    ids: list[int]
    features: frozenset[Feature] = frozenset()
    functions: list[int] = field(default_factory=list)
    tables: list[TableType] = field(default_factory=list)
    memories: list[MemoryType] = field(default_factory=list)
    globals: list[GlobalType] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    elems: list[RefType] = field(default_factory=list)
    data_count: int | None = None
    declared: set[int] = field(default_factory=set)
    imported_functions: int = 0
    #: How many globals a constant expression may read: all, except while globals and tables themselves are checked.
    visible_globals: int = 0
    _functypes: dict[int, FuncType] = field(default_factory=dict)

    def functype(self, type_index: int, offset: int = 0) -> FuncType:
        """Return the canonicalised function type behind a type index."""
        found = self._functypes.get(type_index)
        if found is None:
            if not 0 <= type_index < len(self.ids):
                raise ValidationError(f"unknown type {type_index}", offset=offset)
            composite = canonical_type(self.ids[type_index]).composite
            if not isinstance(composite, FuncType):
                raise ValidationError(f"type mismatch: type {type_index} is not a function type", offset=offset)
            found = self._functypes[type_index] = composite
        return found

    def function_type(self, index: int) -> FuncType:
        """Return the type of a function, by function index."""
        return self.functype(self.functions[index])

    def tag_type(self, index: int) -> FuncType:
        """Return the type of a tag, by tag index."""
        return self.functype(self.tags[index])

    def valtype(self, valtype: ValType, offset: int = 0) -> ValType:
        """Canonicalise a value type of the binary."""
        if isinstance(valtype, RefType) and isinstance(valtype.heap, int) and valtype.heap >= len(self.ids):
            raise ValidationError(f"unknown type {valtype.heap}", offset=offset)
        return canonical_valtype(valtype, self.ids)

    @property
    def handles_exceptions(self) -> bool:
        """Whether this module's code looks for pending exceptions: it has a tag, so it may throw or catch.

        A module without one can still contain `try_table` with `catch_all`; it is told by `Module` before anything
        compiles.
        """
        return bool(self.tags) or self.catches

    catches: bool = False
