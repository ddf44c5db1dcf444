"""Validity of everything in a module but its function bodies.  Source: core 3.0, 3.5."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Final

from bembix.binary.exprs import short_constant
from bembix.errors import ValidationError
from bembix.spec.canonical import match_val
from bembix.spec.features import Feature
from bembix.spec.instructions import BY_NAME
from bembix.spec.limits import (
    MAX_FUNCTIONS,
    MAX_GLOBALS,
    MAX_MEMORIES,
    MAX_MEMORY_PAGES,
    MAX_TABLES,
    MAX_TAGS,
)
from bembix.spec.module import (
    Elem,
    Export,
    Expr,
    ExternKind,
    ModuleDef,
    SegmentMode,
)
from bembix.spec.types import (
    I32,
    I64,
    AbsHeap,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    RefType,
    TableType,
    TagType,
    ref,
)
from bembix.validate.context import ModuleContext
from bembix.validate.dispatch import make_constant_walker
from bembix.validate.types import check_types
from bembix.validate.walker import Walker

#: The features that are on unless somebody says otherwise.
DEFAULT_FEATURES: Final = frozenset(feature for feature in Feature if feature.default)

_REF_FUNC: Final = BY_NAME["ref.func"].code


def check_module(definition: ModuleDef, features: Iterable[Feature] = DEFAULT_FEATURES) -> ModuleContext:
    """Check a module except for its function bodies, and return what they are checked against.

    Errors: ValidationError, with the byte offset.
    """
    context = ModuleContext(definition, check_types(definition), frozenset(features))
    _add_imports(context)
    _add_definitions(context)
    context.elems = [_reftype(context, e.type, e.offset) for e in definition.elems]
    context.data_count = definition.data_count
    context.declared = set(_declared(definition))
    walker = make_constant_walker(context)
    _check_tables(context, walker)  # before the globals: their initial values see imported ones only
    _check_globals(context, walker)
    _check_segments(context, walker)
    _check_exports(context)
    _check_start(context)
    return context


# -- index spaces ------------------------------------------------------------------------------------------------------


def _reftype(context: ModuleContext, reftype: RefType, offset: int) -> RefType:
    found = context.valtype(reftype, offset)
    return found if isinstance(found, RefType) else reftype


def _table(context: ModuleContext, table: TableType, offset: int) -> TableType:
    if table.address is I64:
        _need(context, Feature.MEMORY64, "64 bit tables", offset)
    _check_limits(table.limits, 2**64 if table.address is I64 else 2**32, "table size", offset)
    return TableType(table.limits, _reftype(context, table.element, offset), table.address)


def _check_limits(limits: Limits, bound: int, what: str, offset: int) -> None:
    if limits.minimum >= bound or (limits.maximum is not None and limits.maximum >= bound):
        raise ValidationError(f"{what} must be less than {bound}", offset=offset)
    if limits.maximum is not None and limits.minimum > limits.maximum:
        raise ValidationError(
            f"size minimum must not be greater than maximum: {limits.minimum} > {limits.maximum}", offset=offset
        )


def _need(context: ModuleContext, feature: Feature, what: str, offset: int) -> None:
    if feature not in context.features:
        raise ValidationError(f"{what} need the feature {feature.proposal}, which is off", offset=offset)


def _memory(context: ModuleContext, memory: MemoryType, offset: int) -> MemoryType:
    if memory.address is I64:
        _need(context, Feature.MEMORY64, "64 bit memories", offset)
    if memory.shared:
        _need(context, Feature.THREADS, "shared memories", offset)
    if memory.page_size_log2 != 16:
        _need(context, Feature.CUSTOM_PAGE_SIZES, "custom page sizes", offset)
    check_memory(memory, offset)
    return memory


def check_memory(memory: MemoryType, offset: int) -> None:
    """Check the limits of a memory type."""
    if memory.page_size_log2 not in (0, 16):
        raise ValidationError(
            f"invalid custom page size: 2**{memory.page_size_log2}, must be 1 or 65536", offset=offset
        )
    bits = 64 if memory.address is I64 else 32
    pages = (2**bits >> memory.page_size_log2) - (memory.page_size_log2 == 0)
    sizes = (memory.limits.minimum, memory.limits.maximum or 0)
    if max(sizes) > pages:
        words = f"{MAX_MEMORY_PAGES} pages (4GiB)" if pages == MAX_MEMORY_PAGES else f"{pages} pages"
        raise ValidationError(f"memory size must be at most {words}: {max(sizes)}", offset=offset)
    if memory.limits.maximum is not None and memory.limits.minimum > memory.limits.maximum:
        raise ValidationError("size minimum must not be greater than maximum", offset=offset)
    if memory.shared and memory.limits.maximum is None:
        raise ValidationError("shared memory must have maximum", offset=offset)


def _global(context: ModuleContext, globaltype: GlobalType, offset: int) -> GlobalType:
    return GlobalType(context.valtype(globaltype.value, offset), globaltype.mutable)


def _tag(context: ModuleContext, tag: TagType, offset: int) -> int:
    if context.functype(tag.type_index, offset).results:
        raise ValidationError("non-empty tag result type", offset=offset)
    return tag.type_index


def _add_imports(context: ModuleContext) -> None:
    for entry in context.definition.imports:
        match entry.type:
            case int(index):
                context.functype(index, entry.offset)
                context.functions.append(index)
            case TableType() as table:
                context.tables.append(_table(context, table, entry.offset))
            case MemoryType() as memory:
                context.memories.append(_memory(context, memory, entry.offset))
            case GlobalType() as globaltype:
                context.globals.append(_global(context, globaltype, entry.offset))
            case TagType() as tag:
                context.tags.append(_tag(context, tag, entry.offset))
    context.imported_functions = len(context.functions)
    context.visible_globals = len(context.globals)


def _add_definitions(context: ModuleContext) -> None:
    module = context.definition
    offsets = module.section_offsets
    for index in module.functions:
        context.functype(index, offsets.get(3, 0))
    context.functions += module.functions
    context.tables += [_table(context, t.type, t.offset) for t in module.tables]
    context.memories += [_memory(context, memory, offsets.get(5, 0)) for memory in module.memories]
    if len(context.memories) > 1:
        _need(context, Feature.MULTI_MEMORY, "multiple memories", offsets.get(5, 0))
    if len(context.tables) > 1:
        _need(context, Feature.REFERENCE_TYPES, "multiple tables", offsets.get(4, 0))
    context.tags += [_tag(context, t, offsets.get(13, 0)) for t in module.tags]
    context.globals += [_global(context, g.type, g.offset) for g in module.globals]
    _check_counts(context)


def _check_counts(context: ModuleContext) -> None:
    """Imports and definitions together keep to the limit of each kind."""
    spaces: tuple[tuple[Sized, int, str, int], ...] = (
        (context.functions, MAX_FUNCTIONS, "functions", 3),
        (context.tables, MAX_TABLES, "tables", 4),
        (context.memories, MAX_MEMORIES, "memories", 5),
        (context.globals, MAX_GLOBALS, "globals", 6),
        (context.tags, MAX_TAGS, "tags", 13),
    )
    for space, limit, what, section in spaces:
        if len(space) > limit:
            offset = context.definition.section_offsets.get(section, 0)
            raise ValidationError(f"too many {what}: {len(space)}, the limit is {limit}", offset=offset)


def _declared(module: ModuleDef) -> Iterable[int]:
    """Yield the functions that stand outside bodies: those `ref.func` may name."""
    from bembix.binary.instructions import instructions

    for export in module.exports:
        if export.kind is ExternKind.FUNC:
            yield export.index
    expressions = [g.init for g in module.globals] + [t.init for t in module.tables if t.init]
    for elem in module.elems:
        for item in elem.items:
            if isinstance(item, int):
                yield item
            else:
                expressions.append(item)
    for expr in expressions:
        for _, row, immediates in instructions(expr.code, 0, len(expr.code)):
            if row.code == _REF_FUNC and isinstance(immediates[0], int):
                yield immediates[0]


# -- what is in them ---------------------------------------------------------------------------------------------------


def _check_globals(context: ModuleContext, walker: Walker) -> None:
    for entry in context.definition.globals:
        walker.walk_constant(entry.init.code, entry.init.offset, context.globals[context.visible_globals].value)
        context.visible_globals += 1


def _check_tables(context: ModuleContext, walker: Walker) -> None:
    types = context.tables[len(context.tables) - len(context.definition.tables) :]
    for entry, table in zip(context.definition.tables, types, strict=True):
        if entry.init is not None:
            walker.walk_constant(entry.init.code, entry.init.offset, table.element)
        elif not table.element.nullable:
            raise ValidationError(
                f"type mismatch: a table of {table.element} needs an initial value", offset=entry.offset
            )


def _check_segments(context: ModuleContext, walker: Walker) -> None:
    for elem, reftype in zip(context.definition.elems, context.elems, strict=True):
        _check_items(context, walker, elem, reftype)
        if elem.mode is SegmentMode.ACTIVE:
            if elem.table >= len(context.tables):
                raise ValidationError(f"unknown table {elem.table}", offset=elem.offset)
            table = context.tables[elem.table]
            if not match_val(reftype, table.element):
                raise ValidationError(f"type mismatch: {reftype} elements for {table}", offset=elem.offset)
            _check_at(walker, elem.at, table.address is I64, elem.offset)
    for data in context.definition.datas:
        if data.mode is SegmentMode.ACTIVE:
            if data.memory >= len(context.memories):
                raise ValidationError(f"unknown memory {data.memory}", offset=data.offset)
            _check_at(walker, data.at, context.memories[data.memory].address is I64, data.offset)


def _check_at(walker: Walker, at: Expr | None, wide: bool, offset: int) -> None:
    if at is None:
        raise ValidationError("an active segment needs an offset", offset=offset)
    if not wide and short_constant(at) is not None:
        return
    walker.walk_constant(at.code, at.offset, I64 if wide else I32)


def _check_items(context: ModuleContext, walker: Walker, elem: Elem, reftype: RefType) -> None:
    for item in elem.items:
        if isinstance(item, Expr):
            walker.walk_constant(item.code, item.offset, reftype)
        elif item >= len(context.functions):
            raise ValidationError(f"unknown function {item}", offset=elem.offset)
        elif reftype.heap is not AbsHeap.FUNC:
            given = ref(False, context.ids[context.functions[item]])
            if not match_val(given, reftype):
                raise ValidationError(f"type mismatch: {given} in a segment of {reftype}", offset=elem.offset)


def _check_exports(context: ModuleContext) -> None:
    spaces: dict[ExternKind, tuple[Sized, str]] = {
        ExternKind.FUNC: (context.functions, "function"),
        ExternKind.TABLE: (context.tables, "table"),
        ExternKind.MEMORY: (context.memories, "memory"),
        ExternKind.GLOBAL: (context.globals, "global"),
        ExternKind.TAG: (context.tags, "tag"),
    }
    seen: dict[str, Export] = {}
    for export in context.definition.exports:
        space, word = spaces[export.kind]
        if export.index >= len(space):
            raise ValidationError(f"unknown {word} {export.index} (export {export.name!r})", offset=export.offset)
        if export.name in seen:
            raise ValidationError(f"duplicate export name {export.name!r}", offset=export.offset)
        seen[export.name] = export


def _check_start(context: ModuleContext) -> None:
    start = context.definition.start
    offset = context.definition.section_offsets.get(8, 0)
    if start is None:
        return
    if start >= len(context.functions):
        raise ValidationError(f"unknown function {start} (start)", offset=offset)
    if context.function_type(start) != FuncType():
        raise ValidationError(
            f"start function has type {context.function_type(start)} instead of () -> ()", offset=offset
        )
