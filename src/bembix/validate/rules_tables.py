"""Rules: tables and element segments.  Source: core 3.0, 3.4.7."""

from __future__ import annotations

from bembix.binary.leb import read_u32
from bembix.spec.canonical import match_val
from bembix.spec.types import I32, I64, TableType
from bembix.validate.walker import Walker, rule


def table_index(walker: Walker, pos: int) -> tuple[int, TableType, int]:
    """Read the index of a table; return it, its type and the position behind."""
    index, pos = walker.index(pos, walker.context.tables, "table")
    return index, walker.context.tables[index], pos


@rule("table.get")
def table_get(walker: Walker, pos: int) -> int:
    """Hand over the table."""
    index, table, pos = table_index(walker, pos)
    walker.pop(table.address)
    walker.push(table.element)
    walker.emit[0x25](index)
    return pos


@rule("table.set")
def table_set(walker: Walker, pos: int) -> int:
    """Hand over the table."""
    index, table, pos = table_index(walker, pos)
    walker.pop_all((table.address, table.element))
    walker.emit[0x26](index)
    return pos


@rule("table.size")
def table_size(walker: Walker, pos: int) -> int:
    """Hand over the table."""
    index, table, pos = table_index(walker, pos)
    walker.push(table.address)
    walker.emit[0xFC_0010](index)
    return pos


@rule("table.grow")
def table_grow(walker: Walker, pos: int) -> int:
    """Hand over the table."""
    index, table, pos = table_index(walker, pos)
    walker.pop_all((table.element, table.address))
    walker.push(table.address)
    walker.emit[0xFC_000F](index)
    return pos


@rule("table.fill")
def table_fill(walker: Walker, pos: int) -> int:
    """Hand over the table."""
    index, table, pos = table_index(walker, pos)
    walker.pop_all((table.address, table.element, table.address))
    walker.emit[0xFC_0011](index)
    return pos


@rule("table.copy")
def table_copy(walker: Walker, pos: int) -> int:
    """Hand over the tables, destination first."""
    to, to_type, pos = table_index(walker, pos)
    source, from_type, pos = table_index(walker, pos)
    if not match_val(from_type.element, to_type.element):
        raise walker.error(f"type mismatch: copies {from_type.element} to a table of {to_type.element}")
    count = I64 if to_type.address is from_type.address is I64 else I32
    walker.pop_all((to_type.address, from_type.address, count))
    walker.emit[0xFC_000E](to, source)
    return pos


@rule("table.init")
def table_init(walker: Walker, pos: int) -> int:
    """Hand over the segment and the table."""
    after = read_u32(walker.code, pos)[1]
    index, table, end = table_index(walker, after)
    segment, _ = walker.index(pos, walker.context.elems, "elem segment")
    pos = end
    given = walker.context.elems[segment]
    if not match_val(given, table.element):
        raise walker.error(f"type mismatch: a segment of {given} for a table of {table.element}")
    walker.pop_all((table.address, I32, I32))
    walker.emit[0xFC_000C](segment, index)
    return pos


@rule("elem.drop")
def elem_drop(walker: Walker, pos: int) -> int:
    """Hand over the segment."""
    segment, pos = walker.index(pos, walker.context.elems, "elem segment")
    walker.emit[0xFC_000D](segment)
    return pos
