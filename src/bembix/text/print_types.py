"""Print types.  Source: core 3.0, 6.4."""

from __future__ import annotations

from collections.abc import Iterable

from bembix.spec.types import (
    I64,
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    MemoryType,
    NumType,
    Packed,
    RefType,
    StructType,
    SubType,
    TableType,
    ValType,
)
from bembix.text.identifiers import Identifiers, ModuleIdentifiers


def words(*parts: str) -> str:
    """Return the parts that are not empty, with spaces between."""
    return " ".join(part for part in parts if part)


def heaptype(ids: ModuleIdentifiers, heap: HeapType) -> str:
    """Return a heap type as text."""
    return ids.types.use(heap) if isinstance(heap, int) else str(heap)


def valtype(ids: ModuleIdentifiers, type_: ValType) -> str:
    """Return a value type as text."""
    if isinstance(type_, NumType) or not isinstance(type_.heap, int):
        return str(type_)
    return reference(ids, type_.nullable, type_.heap)


def reference(ids: ModuleIdentifiers, nullable: bool, heap: HeapType) -> str:
    """Return a reference type as text, in the short form where there is one."""
    if not isinstance(heap, int):
        return str(RefType(nullable, heap))
    return f"(ref {'null ' if nullable else ''}{heaptype(ids, heap)})"


def variables(ids: ModuleIdentifiers, keyword: str, types: Iterable[ValType], scope: Identifiers, start: int) -> str:
    """Return parameters or locals: each that has a name on its own, the others together.

    scope: their identifiers.  start: index of the first.
    """
    groups: list[str] = []
    bare: list[str] = []
    for index, type_ in enumerate(types, start):
        bound = scope.bind(index)
        if not bound:
            bare.append(valtype(ids, type_))
            continue
        groups += [f"({keyword} {' '.join(bare)})"] if bare else []
        groups.append(f"({keyword} {bound} {valtype(ids, type_)})")
        bare = []
    groups += [f"({keyword} {' '.join(bare)})"] if bare else []
    return " ".join(groups)


def results(ids: ModuleIdentifiers, types: Iterable[ValType]) -> str:
    """Return results as text; nothing where there are none."""
    inner = " ".join(valtype(ids, type_) for type_ in types)
    return f"(result {inner})" if inner else ""


def signature(ids: ModuleIdentifiers, type_: FuncType, scope: Identifiers) -> str:
    """Return parameters and results as text."""
    return words(variables(ids, "param", type_.params, scope, 0), results(ids, type_.results))


def _field(ids: ModuleIdentifiers, field: FieldType) -> str:
    storage = str(field.storage) if isinstance(field.storage, Packed) else valtype(ids, field.storage)
    return f"(mut {storage})" if field.mutable else storage


def comptype(ids: ModuleIdentifiers, type_: CompType, index: int) -> str:
    """Return the composite type that defines a type index."""
    if isinstance(type_, FuncType):
        return f"({words('func', signature(ids, type_, Identifiers({})))})"
    if isinstance(type_, ArrayType):
        return f"(array {_field(ids, type_.element)})"
    return _structtype(ids, type_, index)


def _structtype(ids: ModuleIdentifiers, type_: StructType, index: int) -> str:
    scope = ids.fields_of(index)
    fields = [f"({words('field', scope.bind(i), _field(ids, field))})" for i, field in enumerate(type_.fields)]
    return f"({words('struct', *fields)})"


def definition(ids: ModuleIdentifiers, type_: SubType, index: int) -> str:
    """Return the definition of a type index."""
    inner = comptype(ids, type_.composite, index)
    if type_.supers or not type_.final:
        supers = [ids.types.use(above) for above in type_.supers]
        inner = f"({words('sub', 'final' if type_.final else '', *supers, inner)})"
    return f"(type {ids.types.numbered(index)} {inner})"


def memorytype(type_: MemoryType) -> str:
    """Return the type of a memory as text."""
    page = f"(pagesize {1 << type_.page_size_log2})" if type_.page_size_log2 != 16 else ""
    return words("i64" if type_.address is I64 else "", str(type_.limits), "shared" if type_.shared else "", page)


def tabletype(ids: ModuleIdentifiers, type_: TableType) -> str:
    """Return the type of a table as text."""
    return words("i64" if type_.address is I64 else "", str(type_.limits), valtype(ids, type_.element))


def globaltype(ids: ModuleIdentifiers, type_: GlobalType) -> str:
    """Return the type of a global as text."""
    value = valtype(ids, type_.value)
    return f"(mut {value})" if type_.mutable else value
