"""The fields of a module, in the second pass: every identifier is known by now.  Source: core 3.0, 6.6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bembix.spec.module import Export, ExternKind, Global, Import, ImportType, Table
from bembix.spec.types import Limits, MemoryType, TableType, TagType
from bembix.text.body import expression, function_body
from bembix.text.scope import Context, Space
from bembix.text.segments import data, elem, inline_data, inline_elem
from bembix.text.types import address, globaltype, memorytype, pagesize, reftype, sees_reftype, tabletype
from bembix.text.typeuse import typeuse

_KINDS: Final = {str(kind): kind for kind in ExternKind}


def _function_type(c: Context, index: int) -> int:
    """Read the type of a function; the identifiers of parameters are its first locals."""
    c.locals = scope = Space("local", {})
    found = typeuse(c, scope)
    if scope.known:
        c.module.names.locals[index] = scope.known
    return found


#: Reads the type of an import of each kind; the index is the import's.
_IMPORT_TYPES: Final[dict[ExternKind, Callable[[Context, int], ImportType]]] = {
    ExternKind.FUNC: _function_type,
    ExternKind.TABLE: lambda c, _index: tabletype(c),
    ExternKind.MEMORY: lambda c, _index: memorytype(c),
    ExternKind.GLOBAL: lambda c, _index: globaltype(c),
    ExternKind.TAG: lambda c, _index: TagType(typeuse(c, Space("local", {}))),
}


def _import(c: Context, index: int) -> None:
    module, name = c.name(), c.name()
    c.expect("(")
    kind = _KINDS[c.words[c.at]]
    c.at += 1
    c.identifier()
    c.name_annotation()
    c.module.imports.append(Import(module, name, kind, _IMPORT_TYPES[kind](c, index)))
    c.close()


def _externals(c: Context, kind: ExternKind, index: int) -> bool:
    """Read inline exports and an inline import with its type; tell whether there was an import."""
    while c.opens("export"):
        c.module.exports.append(Export(c.name(), kind, index))
        c.close()
    if not c.opens("import"):
        return False
    module, name = c.name(), c.name()
    c.close()
    c.module.imports.append(Import(module, name, kind, _IMPORT_TYPES[kind](c, index)))
    return True


def _function(c: Context, index: int) -> None:
    if _externals(c, ExternKind.FUNC, index):
        return
    c.module.functions.append(_function_type(c, index))
    scope = c.locals
    c.module.code.append(function_body(c, c.stop, index))
    if scope.known:
        c.module.names.locals[index] = scope.known


def _table(c: Context, index: int) -> None:
    if _externals(c, ExternKind.TABLE, index):
        return
    start = c.at
    bits = address(c)
    if not sees_reftype(c):
        c.at = start
        type_ = tabletype(c)
        init = expression(c, c.stop) if c.words[c.at] != ")" else None
        c.module.tables.append(Table(type_, init))
        return
    element = reftype(c)
    segment = inline_elem(c, index, element, bits)
    size = len(segment.items)
    c.module.elems.append(segment)
    c.module.tables.append(Table(TableType(Limits(size, size), element, bits)))


def _memory(c: Context, index: int) -> None:
    if _externals(c, ExternKind.MEMORY, index):
        return
    start = c.at
    bits = address(c)
    page = pagesize(c)
    if not c.sees("data"):
        c.at = start
        c.module.memories.append(memorytype(c))
        return
    segment = inline_data(c, index, bits)
    pages = -(-len(segment.content) >> page)
    c.module.datas.append(segment)
    c.module.memories.append(MemoryType(Limits(pages, pages), bits, page_size_log2=page))


def _global(c: Context, index: int) -> None:
    if not _externals(c, ExternKind.GLOBAL, index):
        type_ = globaltype(c)
        c.module.globals.append(Global(type_, expression(c, c.stop)))


def _tag(c: Context, index: int) -> None:
    if not _externals(c, ExternKind.TAG, index):
        c.module.tags.append(TagType(typeuse(c, Space("local", {}))))


def _export(c: Context, _index: int) -> None:
    name = c.name()
    c.expect("(")
    spaces = {"func": c.functions, "table": c.tables, "memory": c.memories, "global": c.globals, "tag": c.tags}
    kind = c.words[c.at]
    if kind not in spaces:
        raise c.unexpected("func, table, memory, global or tag")
    c.at += 1
    c.module.exports.append(Export(name, _KINDS[kind], c.index(spaces[kind])))
    c.close()


def _start(c: Context, _index: int) -> None:
    if c.module.start is not None:
        raise c.error("multiple start sections", c.at - 1)
    c.module.start = c.index(c.functions)


#: Reads a field by its keyword, from after its identifier to its closing parenthesis.
FIELDS: Final[dict[str, Callable[[Context, int], None]]] = {
    "import": _import,
    "func": _function,
    "table": _table,
    "memory": _memory,
    "global": _global,
    "tag": _tag,
    "export": _export,
    "start": _start,
    "elem": elem,
    "data": data,
}
