"""Decode a module: its sections one after the other, and that they agree.  Source: core 3.0, 5.5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bembix.binary.definitions import (
    read_exports,
    read_functions,
    read_globals,
    read_imports,
    read_memories,
    read_tables,
    read_tags,
)
from bembix.binary.deftypes import read_types
from bembix.binary.exprs import read_expr
from bembix.binary.immediates import read_locals
from bembix.binary.leb import read_length, read_name, read_u32, unexpected_end
from bembix.binary.names import read_names
from bembix.binary.sections import MAGIC, ORDER, VERSION, Section
from bembix.binary.segments import read_code, read_datas, read_elems
from bembix.errors import ParseError
from bembix.spec.module import Code, Custom, ModuleDef, Names

_PREAMBLE: Final = len(MAGIC) + len(VERSION)
_COMPONENT_LAYER: Final = b"\1\0"
_RANK: Final = {section: rank for rank, section in enumerate(ORDER)}

#: What each section sets in `ModuleDef`, and what reads it.
_CONTENT: Final[dict[Section, tuple[str, Callable[[bytes, int], tuple[object, int]]]]] = {
    Section.TYPE: ("types", read_types),
    Section.IMPORT: ("imports", read_imports),
    Section.FUNCTION: ("functions", read_functions),
    Section.TABLE: ("tables", read_tables),
    Section.MEMORY: ("memories", read_memories),
    Section.TAG: ("tags", read_tags),
    Section.GLOBAL: ("globals", read_globals),
    Section.EXPORT: ("exports", read_exports),
    Section.START: ("start", read_u32),
    Section.ELEMENT: ("elems", read_elems),
    Section.DATA_COUNT: ("data_count", read_u32),
    Section.CODE: ("code", read_code),
    Section.DATA: ("datas", read_datas),
}


def decode(data: bytes, filename: str | None = None) -> ModuleDef:
    """Decode the module in `data`, all of it but function bodies, which are only located.

    filename: for messages.
    Errors: ParseError where it is malformed or beyond our limits, with the byte offset.
    """
    try:
        return _decode(bytes(data))
    except ParseError as error:
        error.filename = filename
        raise


def _decode(data: bytes) -> ModuleDef:
    _check_preamble(data)
    module = ModuleDef()
    last = Section.CUSTOM
    pos = _PREAMBLE
    while pos < len(data):
        section = _read_id(data, pos, last, module)
        size, start = read_length(data, pos + 1)
        pos = start + size
        if pos > len(data):
            raise unexpected_end(data)
        if section is Section.CUSTOM:
            _read_custom(data, start, pos, last, module)
        else:
            _read_section(data, start, pos, section, module)
            last = section
    _check_lengths(module, len(data))
    return module


def _check_preamble(data: bytes) -> None:
    if len(data) < len(MAGIC):
        raise ParseError(f"unexpected end: {len(data)} bytes are no module", offset=len(data))
    if not data.startswith(MAGIC):
        raise ParseError(f"magic header not detected: {data[: len(MAGIC)]!r}, expected {MAGIC!r}", offset=0)
    if len(data) < _PREAMBLE:
        raise ParseError("unexpected end of the version", offset=len(data))
    version = data[len(MAGIC) : _PREAMBLE]
    if version != VERSION:
        hint = "; this is a component, not a module" if version.endswith(_COMPONENT_LAYER) else ""
        raise ParseError(f"unknown binary version: {version!r}, expected {VERSION!r}{hint}", offset=len(MAGIC))


def _read_id(data: bytes, pos: int, last: Section, module: ModuleDef) -> Section:
    """Return which section begins at `pos`.  last: the known section before it."""
    try:
        section = Section(data[pos])
    except ValueError:
        if last is Section.CODE and module.code:
            _check_body(module.code[-1])  # it may say better what is wrong
        message = f"malformed section id: {data[pos]}, expected 0 - {max(Section).value}"
        raise ParseError(message, offset=pos) from None
    if section and last and _RANK[section] <= _RANK[last]:
        message = f"unexpected content after last section: the {section} section cannot follow the {last} section"
        raise ParseError(message, offset=pos)
    return section


def _check_body(code: Code) -> None:
    _, pos = read_locals(code.data, code.start)
    read_expr(code.data, pos)


def _read_section(data: bytes, start: int, end: int, section: Section, module: ModuleDef) -> None:
    attribute, read = _CONTENT[section]
    try:
        content, pos = read(data, start)
    except ParseError as error:
        if error.offset is not None and error.offset >= end:
            error.message += f" (beyond the end of the {section} section at {end:#x})"
        raise
    if pos != end:
        message = f"section size mismatch: the {section} section has {end - start} bytes, its content {pos - start}"
        raise ParseError(message, offset=min(pos, end))
    setattr(module, attribute, content)
    module.section_offsets[section] = start


def _read_custom(data: bytes, start: int, end: int, last: Section, module: ModuleDef) -> None:
    section = data[start:end]
    try:
        name, pos = read_name(section, 0)
    except ParseError as error:
        error.offset = start + (error.offset or 0)
        raise
    content = section[pos:]
    if name == "name" and module.names == Names():
        names = read_names(content)
        if names is not None:
            module.names = names
            return
    module.customs.append(Custom(name, content, last.value, start))


def _check_lengths(module: ModuleDef, end: int) -> None:
    """Check what two sections say about the same thing."""
    if len(module.functions) != len(module.code):
        found = f"{len(module.functions)} types, {len(module.code)} bodies"
        raise ParseError(f"function and code section have inconsistent lengths: {found}", offset=end)
    if module.data_count not in (None, len(module.datas)):
        found = f"{module.data_count} announced, {len(module.datas)} segments"
        raise ParseError(f"data count and data section have inconsistent lengths: {found}", offset=end)
