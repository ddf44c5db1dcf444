"""Element and data segments, alone and inside tables and memories.  Source: core 3.0, 6.6.9, 6.6.10."""

from __future__ import annotations

from typing import Final

from bembix.binary.instructions import write_instruction
from bembix.spec.instructions import BY_NAME
from bembix.spec.module import Data, Elem, Expr, SegmentMode
from bembix.spec.types import FUNCREF, I64, AbsHeap, NumType, RefType, ref
from bembix.text.body import enclosed_expression
from bembix.text.scope import Context, Space
from bembix.text.types import reftype, sees_reftype

Items = tuple[int, ...] | tuple[Expr, ...]

_FUNCTIONS: Final = ref(False, AbsHeap.FUNC)  #: the type of a segment that lists function indices


def _zero(bits: NumType) -> Expr:
    """Return the offset of a segment that is written inside its table or memory."""
    row = BY_NAME["i64.const" if bits is I64 else "i32.const"]
    return Expr(write_instruction(row, (0,)) + write_instruction(BY_NAME["end"]))


def _indices(c: Context) -> tuple[int, ...]:
    found = []
    while c.words[c.at] != ")":
        found.append(c.index(c.functions))
    return tuple(found)


def _expressions(c: Context) -> tuple[Expr, ...]:
    found = []
    while c.words[c.at] != ")":
        found.append(enclosed_expression(c, "item"))
    return tuple(found)


def _elements(c: Context, bare: bool) -> tuple[RefType, Items]:
    """Read the elements of a segment.  bare: whether the word `func` before function indices may be left out."""
    if sees_reftype(c):
        return reftype(c), _expressions(c)
    if not c.takes("func") and not bare:
        raise c.unexpected("func or a reference type")
    return _FUNCTIONS, _indices(c)


def _target(c: Context, keyword: str, space: Space) -> int | None:
    """Read `(table x)` or `(memory x)` where it comes next; older text has the index alone, before the offset."""
    if c.opens(keyword):
        found = c.index(space)
        c.close()
        return found
    return c.index(space) if c.sees_index() and c.words[c.at + 1] == "(" else None


def elem(c: Context, _index: int) -> None:
    """Read an element segment."""
    if c.takes("declare"):
        c.module.elems.append(Elem(SegmentMode.DECLARATIVE, *_elements(c, bare=False)))
        return
    table = _target(c, "table", c.tables)
    if table is None and (c.words[c.at] != "(" or c.sees("ref")):
        c.module.elems.append(Elem(SegmentMode.PASSIVE, *_elements(c, bare=False)))
        return
    at = enclosed_expression(c, "offset")
    c.module.elems.append(Elem(SegmentMode.ACTIVE, *_elements(c, bare=True), table or 0, at))


def inline_elem(c: Context, table: int, type_: RefType, bits: NumType) -> Elem:
    """Read the elements that are written inside a table of references of this type."""
    if not c.opens("elem"):
        raise c.unexpected("(elem")
    items: Items
    if c.words[c.at] == "(":
        items = _expressions(c)
    else:
        items = _indices(c)
        if type_ == FUNCREF:
            type_ = _FUNCTIONS
    c.close()
    return Elem(SegmentMode.ACTIVE, type_, items, table, _zero(bits))


def data(c: Context, _index: int) -> None:
    """Read a data segment."""
    memory = _target(c, "memory", c.memories)
    if memory is None and c.words[c.at] != "(":
        c.module.datas.append(Data(SegmentMode.PASSIVE, c.strings()))
        return
    at = enclosed_expression(c, "offset")
    c.module.datas.append(Data(SegmentMode.ACTIVE, c.strings(), memory or 0, at))


def inline_data(c: Context, memory: int, bits: NumType) -> Data:
    """Read the data that is written inside a memory."""
    c.at += 2
    content = c.strings()
    c.close()
    return Data(SegmentMode.ACTIVE, content, memory, _zero(bits))
