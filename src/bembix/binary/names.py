"""The name section, both ways.  Source: core 3.0, A.4.1; extended-name-section for labels, types and the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bembix.binary.leb import read_byte, read_length, read_name, read_u32, u32, unexpected_end, vector, write_name
from bembix.errors import ParseError
from bembix.spec.module import IndirectNameMap, NameMap, Names

_MODULE: Final = 0
#: The subsections that map indices to names: the attribute of `Names` by id.
_MAPS: Final = {
    1: "functions",
    4: "types",
    5: "tables",
    6: "memories",
    7: "globals",
    8: "elems",
    9: "datas",
    11: "tags",
}
#: Those that map pairs of indices to names.
_INDIRECT_MAPS: Final = {2: "locals", 3: "labels", 10: "fields"}
_MORE: Final = 0x80


def _read_namemap(data: bytes, pos: int) -> tuple[NameMap, int]:
    count, pos = read_length(data, pos)
    names: NameMap = {}
    for _ in range(count):
        index, pos = read_u32(data, pos)
        if pos < len(data) and data[pos] < _MORE:  # FAST: 133,000 names in a module
            start = pos + 1
            pos = start + data[pos]
        else:
            length, start = read_length(data, pos)
            pos = start + length
        if pos > len(data):
            raise unexpected_end(data)
        names[index] = data[start:pos].decode()
    return names, pos


def _read_indirect(data: bytes, pos: int) -> tuple[IndirectNameMap, int]:
    count, pos = read_length(data, pos)
    maps: IndirectNameMap = {}
    for _ in range(count):
        index, pos = read_u32(data, pos)
        maps[index], pos = _read_namemap(data, pos)
    return maps, pos


def _attribute(kind: int) -> tuple[str, Callable[[bytes, int], tuple[object, int]]] | None:
    """Return the attribute of `Names` that a subsection sets, and what reads it."""
    if kind == _MODULE:
        return "module", read_name
    if kind in _MAPS:
        return _MAPS[kind], _read_namemap
    return (_INDIRECT_MAPS[kind], _read_indirect) if kind in _INDIRECT_MAPS else None


def _read_subsections(data: bytes) -> Names:
    names = Names()
    pos = 0
    while pos < len(data):
        kind, pos = read_byte(data, pos)
        size, start = read_length(data, pos)
        pos = start + size
        known = _attribute(kind)
        if known is None:  # a later standard's
            continue
        attribute, read = known
        value, end = read(data, start)
        if end != pos:
            raise ParseError("section size mismatch", offset=start)
        setattr(names, attribute, value)
    return names


def read_names(content: bytes) -> Names | None:
    """Read the content of the name section, without its own name; None where it is malformed, which is no error."""
    try:
        return _read_subsections(content)
    except (ParseError, UnicodeDecodeError):
        return None


def _write_namemap(names: NameMap) -> bytes:
    return vector([u32(index) + write_name(name) for index, name in sorted(names.items())])


def _write_indirect(maps: IndirectNameMap) -> bytes:
    return vector([u32(index) + _write_namemap(names) for index, names in sorted(maps.items())])


def write_names(names: Names) -> bytes:
    """Write the content of the name section; nothing where there are no names."""
    written = {_MODULE: b"" if names.module is None else write_name(names.module)}
    for kind, attribute in _MAPS.items():
        mapping = getattr(names, attribute)
        written[kind] = _write_namemap(mapping) if mapping else b""
    for kind, attribute in _INDIRECT_MAPS.items():
        mapping = getattr(names, attribute)
        written[kind] = _write_indirect(mapping) if mapping else b""
    return b"".join(bytes((kind,)) + u32(len(part)) + part for kind, part in sorted(written.items()) if part)
