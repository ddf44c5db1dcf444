"""Imports, exports, functions, tables, memories, tags, globals: sections that are lists of definitions, both ways.

Source: core 3.0, 5.5.5 - 5.5.10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bembix.binary.deftypes import (
    read_globaltype,
    read_memorytype,
    read_tabletype,
    read_tagtype,
    write_globaltype,
    write_memorytype,
    write_tabletype,
    write_tagtype,
)
from bembix.binary.exprs import read_expr
from bembix.binary.leb import read_byte, read_count, read_list, read_name, read_u32, read_u32s, u32, write_name
from bembix.errors import ParseError
from bembix.spec.limits import (
    MAX_EXPORTS,
    MAX_FUNCTIONS,
    MAX_GLOBALS,
    MAX_IMPORTS,
    MAX_MEMORIES,
    MAX_TABLES,
    MAX_TAGS,
)
from bembix.spec.module import Export, ExternKind, Global, Import, ImportType, Table
from bembix.spec.types import GlobalType, MemoryType, TableType, TagType

_KINDS: Final = {kind.value: kind for kind in ExternKind}
_TABLE_WITH_INIT: Final = 0x40  #: and a zero byte, before the type of a table with an initial value

_READ_TYPE: Final[dict[ExternKind, Callable[[bytes, int], tuple[ImportType, int]]]] = {
    ExternKind.FUNC: read_u32,
    ExternKind.TABLE: read_tabletype,
    ExternKind.MEMORY: read_memorytype,
    ExternKind.GLOBAL: read_globaltype,
    ExternKind.TAG: read_tagtype,
}


def _read_kind(data: bytes, pos: int, where: str) -> tuple[ExternKind, int]:
    byte, after = read_byte(data, pos)
    if byte not in _KINDS:
        raise ParseError(f"malformed {where} kind: {byte:#04x}, expected 0 - {len(_KINDS) - 1}", offset=pos)
    return _KINDS[byte], after


def _read_import(data: bytes, start: int) -> tuple[Import, int]:
    module, pos = read_name(data, start)
    name, pos = read_name(data, pos)
    kind, pos = _read_kind(data, pos, "import")
    type_, pos = _READ_TYPE[kind](data, pos)
    return Import(module, name, kind, type_, start), pos


def read_imports(data: bytes, pos: int) -> tuple[list[Import], int]:
    """Read the content of the import section."""
    return read_list(data, pos, "imports", MAX_IMPORTS, _read_import)


def read_functions(data: bytes, pos: int) -> tuple[list[int], int]:
    """Read the content of the function section: type indices."""
    count, pos = read_count(data, pos, "functions", MAX_FUNCTIONS)
    return read_u32s(data, pos, count)


def _read_table(data: bytes, start: int) -> tuple[Table, int]:
    byte, pos = read_byte(data, start)
    if byte != _TABLE_WITH_INIT:
        type_, pos = read_tabletype(data, start)
        return Table(type_, None, start), pos
    reserved, after = read_byte(data, pos)
    if reserved:
        raise ParseError(f"zero byte expected: {reserved:#04x}", offset=pos)
    type_, pos = read_tabletype(data, after)
    init, pos = read_expr(data, pos)
    return Table(type_, init, start), pos


def read_tables(data: bytes, pos: int) -> tuple[list[Table], int]:
    """Read the content of the table section."""
    return read_list(data, pos, "tables", MAX_TABLES, _read_table)


def read_memories(data: bytes, pos: int) -> tuple[list[MemoryType], int]:
    """Read the content of the memory section."""
    return read_list(data, pos, "memories", MAX_MEMORIES, read_memorytype)


def read_tags(data: bytes, pos: int) -> tuple[list[TagType], int]:
    """Read the content of the tag section."""
    return read_list(data, pos, "tags", MAX_TAGS, read_tagtype)


def _read_global(data: bytes, start: int) -> tuple[Global, int]:
    type_, pos = read_globaltype(data, start)
    init, pos = read_expr(data, pos)
    return Global(type_, init, start), pos


def read_globals(data: bytes, pos: int) -> tuple[list[Global], int]:
    """Read the content of the global section."""
    return read_list(data, pos, "globals", MAX_GLOBALS, _read_global)


def _read_export(data: bytes, start: int) -> tuple[Export, int]:
    name, pos = read_name(data, start)
    kind, pos = _read_kind(data, pos, "export")
    index, pos = read_u32(data, pos)
    return Export(name, kind, index, start), pos


def read_exports(data: bytes, pos: int) -> tuple[list[Export], int]:
    """Read the content of the export section."""
    return read_list(data, pos, "exports", MAX_EXPORTS, _read_export)


def _write_importtype(type_: ImportType) -> bytes:
    if isinstance(type_, TableType):
        return write_tabletype(type_)
    if isinstance(type_, MemoryType):
        return write_memorytype(type_)
    if isinstance(type_, GlobalType):
        return write_globaltype(type_)
    return write_tagtype(type_) if isinstance(type_, TagType) else u32(type_)


def write_import(import_: Import) -> bytes:
    """Write an import."""
    kind = bytes((import_.kind.value,))
    return write_name(import_.module) + write_name(import_.name) + kind + _write_importtype(import_.type)


def write_table(table: Table) -> bytes:
    """Write a table definition."""
    if table.init is None:
        return write_tabletype(table.type)
    return bytes((_TABLE_WITH_INIT, 0)) + write_tabletype(table.type) + table.init.code


def write_global(global_: Global) -> bytes:
    """Write a global definition."""
    return write_globaltype(global_.type) + global_.init.code


def write_export(export: Export) -> bytes:
    """Write an export."""
    return write_name(export.name) + bytes((export.kind.value,)) + u32(export.index)
