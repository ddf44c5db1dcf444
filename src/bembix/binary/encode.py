"""Encode a module: its sections in order, custom ones where they were.  Source: core 3.0, 5.5."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from bembix.binary.definitions import write_export, write_global, write_import, write_table
from bembix.binary.deftypes import write_memorytype, write_rectype, write_tagtype
from bembix.binary.leb import u32, vector, write_name
from bembix.binary.names import write_names
from bembix.binary.sections import MAGIC, ORDER, VERSION, Section
from bembix.binary.segments import write_code, write_data, write_elem
from bembix.spec.module import ModuleDef

#: Writes the content of each section; a list without items is one zero byte.
_CONTENT: Final[dict[Section, Callable[[ModuleDef], bytes]]] = {
    Section.TYPE: lambda module: vector([write_rectype(group) for group in module.types]),
    Section.IMPORT: lambda module: vector([write_import(import_) for import_ in module.imports]),
    Section.FUNCTION: lambda module: vector([u32(index) for index in module.functions]),
    Section.TABLE: lambda module: vector([write_table(table) for table in module.tables]),
    Section.MEMORY: lambda module: vector([write_memorytype(memory) for memory in module.memories]),
    Section.TAG: lambda module: vector([write_tagtype(tag) for tag in module.tags]),
    Section.GLOBAL: lambda module: vector([write_global(global_) for global_ in module.globals]),
    Section.EXPORT: lambda module: vector([write_export(export) for export in module.exports]),
    Section.START: lambda module: b"" if module.start is None else u32(module.start),
    Section.ELEMENT: lambda module: vector([write_elem(elem) for elem in module.elems]),
    Section.DATA_COUNT: lambda module: b"" if module.data_count is None else u32(module.data_count),
    Section.CODE: lambda module: vector([write_code(code) for code in module.code]),
    Section.DATA: lambda module: vector([write_data(segment) for segment in module.datas]),
}
_NO_ITEMS: Final = b"\0"
#: Sections that are one number: a zero byte is their content, not its absence.
_NUMBERS: Final = frozenset((Section.START, Section.DATA_COUNT))


def encode(module: ModuleDef) -> bytes:
    """Encode a module; equal modules give equal bytes.

    Errors: ValueError where a number does not fit where it belongs.
    """
    return MAGIC + VERSION + b"".join(_sections(module))


def _sections(module: ModuleDef) -> Iterator[bytes]:
    yield from _customs(module, Section.CUSTOM)
    followed = {custom.after for custom in module.customs}
    for section in ORDER:
        content = _CONTENT[section](module)
        # Nothing is said by leaving out what is empty, unless a custom section's place is after it.
        if content and (content != _NO_ITEMS or section in _NUMBERS or section in followed):
            yield _section(section, content)
        yield from _customs(module, section)
    names = write_names(module.names)
    if names:
        yield _section(Section.CUSTOM, write_name("name") + names)


def _section(section: Section, content: bytes) -> bytes:
    return bytes((section,)) + u32(len(content)) + content


def _customs(module: ModuleDef, after: Section) -> Iterator[bytes]:
    for custom in module.customs:
        if custom.after == after:
            yield _section(Section.CUSTOM, write_name(custom.name) + custom.content)
