"""Element segments, data segments and function bodies, both ways.  Source: core 3.0, 5.5.12 - 5.5.15."""

from __future__ import annotations

from typing import Final

from bembix.binary.exprs import read_expr
from bembix.binary.instructions import write_instruction
from bembix.binary.leb import (
    read_byte,
    read_bytes,
    read_count,
    read_length,
    read_list,
    read_u32,
    read_u32s,
    u32,
    unexpected_end,
    vector,
)
from bembix.binary.types import read_reftype, write_valtype
from bembix.errors import ParseError
from bembix.spec.instructions import BY_NAME
from bembix.spec.limits import (
    MAX_DATA_SEGMENTS,
    MAX_ELEM_SEGMENTS,
    MAX_FUNCTION_SIZE,
    MAX_FUNCTIONS,
    MAX_TABLE_SIZE,
)
from bembix.spec.module import Code, Data, Elem, Expr, SegmentMode
from bembix.spec.types import FUNCREF, AbsHeap, RefType, ref

_NOT_ACTIVE: Final = 1  #: bits of the number that a segment begins with
_EXPLICIT: Final = 2  #: active: the table or memory is given; not active: the segment is declarative
_EXPRESSIONS: Final = 4  #: elements are expressions, not function indices
_ELEM_KINDS: Final = range(8)
_DATA_KINDS: Final = range(3)
_FUNCTIONS: Final = ref(False, AbsHeap.FUNC)  #: the type of a segment that lists function indices
_ELEMKIND_FUNC: Final = 0

_END: Final = BY_NAME["end"].code
_REF_FUNC: Final = BY_NAME["ref.func"]


def _read_elemkind(data: bytes, pos: int) -> tuple[RefType, int]:
    byte, after = read_byte(data, pos)
    if byte != _ELEMKIND_FUNC:
        raise ParseError(f"malformed element kind: {byte:#04x}, expected 0", offset=pos)
    return _FUNCTIONS, after


def _read_elem(data: bytes, start: int) -> tuple[Elem, int]:
    kind, pos = read_u32(data, start)
    if kind not in _ELEM_KINDS:
        raise ParseError(f"malformed elements segment kind: {kind}, expected 0 - 7", offset=start)
    mode, table, at = SegmentMode.ACTIVE, 0, None
    if kind & _NOT_ACTIVE:
        mode = SegmentMode.DECLARATIVE if kind & _EXPLICIT else SegmentMode.PASSIVE
    else:
        if kind & _EXPLICIT:
            table, pos = read_u32(data, pos)
        at, pos = read_expr(data, pos)
    type_ = FUNCREF if kind & _EXPRESSIONS else _FUNCTIONS
    if kind & (_NOT_ACTIVE | _EXPLICIT):
        type_, pos = (read_reftype if kind & _EXPRESSIONS else _read_elemkind)(data, pos)
    items, pos = (_read_expressions if kind & _EXPRESSIONS else _read_indices)(data, pos)
    return Elem(mode, type_, items, table, at, start), pos


def _read_indices(data: bytes, pos: int) -> tuple[tuple[int, ...] | tuple[Expr, ...], int]:
    count, pos = read_count(data, pos, "elements", MAX_TABLE_SIZE)
    indices, pos = read_u32s(data, pos, count)
    return tuple(indices), pos


def _read_expressions(data: bytes, pos: int) -> tuple[tuple[int, ...] | tuple[Expr, ...], int]:
    expressions, pos = read_list(data, pos, "elements", MAX_TABLE_SIZE, read_expr)
    return tuple(expressions), pos


def read_elems(data: bytes, pos: int) -> tuple[list[Elem], int]:
    """Read the content of the element section."""
    return read_list(data, pos, "element segments", MAX_ELEM_SEGMENTS, _read_elem)


def _read_data(data: bytes, start: int) -> tuple[Data, int]:
    kind, pos = read_u32(data, start)
    if kind not in _DATA_KINDS:
        raise ParseError(f"malformed data segment kind: {kind}, expected 0 - 2", offset=start)
    mode, memory, at = SegmentMode.ACTIVE, 0, None
    if kind & _NOT_ACTIVE:
        mode = SegmentMode.PASSIVE
    else:
        if kind & _EXPLICIT:
            memory, pos = read_u32(data, pos)
        at, pos = read_expr(data, pos)
    length, pos = read_length(data, pos)
    content, pos = read_bytes(data, pos, length)
    return Data(mode, content, memory, at, start), pos


def read_datas(data: bytes, pos: int) -> tuple[list[Data], int]:
    """Read the content of the data section."""
    return read_list(data, pos, "data segments", MAX_DATA_SEGMENTS, _read_data)


def read_code(data: bytes, pos: int) -> tuple[list[Code], int]:
    """Read the content of the code section: where each body is, not what it says."""
    count, pos = read_count(data, pos, "functions", MAX_FUNCTIONS)
    bodies = []
    for _ in range(count):
        size, start = read_length(data, pos)
        if size > MAX_FUNCTION_SIZE:
            raise ParseError(f"function body too large: {size} bytes, the limit is {MAX_FUNCTION_SIZE}", offset=pos)
        pos = start + size
        if pos > len(data):
            raise unexpected_end(data)
        bodies.append(Code(data, start, pos))
    return bodies, pos


def write_code(code: Code) -> bytes:
    """Write an entry of the code section."""
    return u32(code.end - code.start) + code.entry


def write_elem(elem: Elem) -> bytes:
    """Write an element segment, function indices as such where their type is that of a list of functions."""
    indices = [u32(item) for item in elem.items if isinstance(item, int)]
    expressions = elem.type != _FUNCTIONS or len(indices) < len(elem.items)
    kind = _EXPRESSIONS if expressions else 0
    if elem.mode is not SegmentMode.ACTIVE:
        kind |= _NOT_ACTIVE | (_EXPLICIT if elem.mode is SegmentMode.DECLARATIVE else 0)
    elif elem.table or (expressions and elem.type != FUNCREF):
        kind |= _EXPLICIT
    place = _write_place(kind, elem.table, elem.at)
    type_ = b""
    if kind & (_NOT_ACTIVE | _EXPLICIT):
        type_ = write_valtype(elem.type) if expressions else bytes((_ELEMKIND_FUNC,))
    items = vector([_write_element(item) for item in elem.items] if expressions else indices)
    return u32(kind) + place + type_ + items


def _write_element(item: int | Expr) -> bytes:
    return item.code if isinstance(item, Expr) else write_instruction(_REF_FUNC, (item,)) + bytes((_END,))


def _write_place(kind: int, index: int, at: Expr | None) -> bytes:
    """Write where a segment goes: nothing unless it is active."""
    if kind & _NOT_ACTIVE:
        return b""
    if at is None:
        raise ValueError("an active segment has no offset")
    return (u32(index) if kind & _EXPLICIT else b"") + at.code


def write_data(segment: Data) -> bytes:
    """Write a data segment."""
    kind = _EXPLICIT if segment.memory else 0
    if segment.mode is not SegmentMode.ACTIVE:
        kind = _NOT_ACTIVE
    return u32(kind) + _write_place(kind, segment.memory, segment.at) + u32(len(segment.content)) + segment.content
