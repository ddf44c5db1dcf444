"""Which features a module uses: by its instructions' rows, its types and its definitions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from bembix.binary.immediates import read_locals
from bembix.binary.instructions import instructions
from bembix.spec.features import Feature
from bembix.spec.instructions import Instr
from bembix.spec.module import Code, Expr, ExternKind, ModuleDef, SegmentMode
from bembix.spec.types import (
    EXNREF,
    EXTERNREF,
    FUNCREF,
    I64,
    V128,
    FuncType,
    GlobalType,
    MemoryType,
    RecType,
    TableType,
    ValType,
)

Usage = dict[Feature, Counter[str]]
_PAGE: int = 16  #: the logarithm of the usual page size


def features_used(module: ModuleDef) -> tuple[Usage, int]:
    """Return what each feature is used for and how often, and the number of instructions in function bodies."""
    usage: Usage = defaultdict(Counter)
    total = 0
    for code in module.code:
        for row in _rows(code):
            usage[row.feature][row.name] += 1
            total += 1
    for feature, words in _definitions(module):
        usage[feature][words] += 1
    usage.pop(Feature.MVP, None)
    return usage, total


def _rows(code: Code) -> Iterator[Instr]:
    _, start = read_locals(code.data, code.start)
    return (row for _, row, _ in instructions(code.data, start, code.end))


def _definitions(module: ModuleDef) -> Iterator[tuple[Feature, str]]:
    """Yield the features that anything but a function body uses."""
    for group in module.types:
        yield from _group(group)
    for memory in memories(module):
        yield from _memory(memory)
    if len(memories(module)) > 1:
        yield Feature.MULTI_MEMORY, "a second memory"
    for table in tables(module):
        yield from _value(table.element)
        if table.address is I64:
            yield Feature.MEMORY64, "a table with 64 bit addresses"
    if len(tables(module)) > 1:
        yield Feature.REFERENCE_TYPES, "a second table"
    for imported in module.imports:
        if isinstance(imported.type, GlobalType):
            yield from _value(imported.type.value)
    for variable in module.globals:
        yield from _value(variable.type.value)
        yield from _constant(variable.init)
    if module.tags or module.imported(ExternKind.TAG):
        yield Feature.EXCEPTIONS, "a tag"
    if ({elem.mode for elem in module.elems} | {data.mode for data in module.datas}) - {SegmentMode.ACTIVE}:
        yield Feature.BULK_MEMORY, "a passive or declarative segment"


def memories(module: ModuleDef) -> list[MemoryType]:
    """Return the memory index space."""
    return [i.type for i in module.imports if isinstance(i.type, MemoryType)] + module.memories


def tables(module: ModuleDef) -> list[TableType]:
    """Return the table index space."""
    return [i.type for i in module.imports if isinstance(i.type, TableType)] + [t.type for t in module.tables]


def _group(group: RecType) -> Iterator[tuple[Feature, str]]:
    if group.explicit:
        yield Feature.GC, "a recursion group"
    for sub in group.types:
        if not isinstance(sub.composite, FuncType):
            yield Feature.GC, "a struct or array type"
            continue
        if sub.supers or not sub.final:
            yield Feature.GC, "subtyping"
        if len(sub.composite.results) > 1:
            yield Feature.MULTI_VALUE, "a function type with several results"
        for valtype in (*sub.composite.params, *sub.composite.results):
            yield from _value(valtype)


def _value(valtype: ValType) -> Iterator[tuple[Feature, str]]:
    if valtype is V128:
        yield Feature.SIMD, "the type v128"
    elif valtype == EXTERNREF:
        yield Feature.REFERENCE_TYPES, "the type externref"
    elif valtype == EXNREF:
        yield Feature.EXCEPTIONS, "the type exnref"
    elif valtype != FUNCREF and str(valtype).startswith("(ref"):
        yield Feature.FUNCTION_REFERENCES, "a typed reference"
    elif str(valtype).endswith("ref") and valtype != FUNCREF:
        yield Feature.GC, f"the type {valtype}"


def _memory(memory: MemoryType) -> Iterator[tuple[Feature, str]]:
    if memory.address is I64:
        yield Feature.MEMORY64, "a memory with 64 bit addresses"
    if memory.shared:
        yield Feature.THREADS, "a shared memory"
    if memory.page_size_log2 != _PAGE:
        yield Feature.CUSTOM_PAGE_SIZES, "a memory with pages of its own size"


def _constant(expr: Expr) -> Iterator[tuple[Feature, str]]:
    for _, row, _ in instructions(expr.code, 0, len(expr.code)):
        if row.operation in ("add", "sub", "mul"):
            yield Feature.EXTENDED_CONST, f"{row.name} in a constant expression"
        elif row.feature is not Feature.MVP:
            yield row.feature, row.name
