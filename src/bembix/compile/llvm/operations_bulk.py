"""Writers: what the runtime does for whole memories, tables and segments.  Source: core 3.0, 4.6.7 - 4.6.9."""

from __future__ import annotations

from bembix.compile import layout
from bembix.compile.llvm.operations_calls import table_element
from bembix.compile.llvm.sink import LlvmSink, operation
from bembix.compile.llvm.types import llvm_type
from bembix.compile.traps import Reason
from bembix.spec.types import I32, I64, NumType


def _memory(sink: LlvmSink, index: int) -> tuple[int, NumType]:
    """Return a memory's slot and address type."""
    return sink.layout.memory(index), sink.context.memories[index].address


def _table(sink: LlvmSink, index: int) -> tuple[int, NumType]:
    """Return a table's slot and address type."""
    return sink.layout.table(index), sink.context.tables[index].address


def _wide(sink: LlvmSink, *types: NumType) -> list[str]:
    """Take operands of these types as i64s."""
    return [sink.wide(v, llvm_type(t)) for v, t in zip(sink.pop_many(len(types)), types, strict=True)]


def _count(to: NumType, source: NumType) -> NumType:
    """Return the type of the number that is copied between two address types."""
    return I64 if to is source is I64 else I32


@operation("memory.grow")
def memory_grow(sink: LlvmSink, index: int) -> None:
    """Ask the runtime."""
    _, address = _memory(sink, index)
    (delta,) = _wide(sink, address)
    sink.push(sink.narrow(sink.runtime("memory_grow", "i64", f", i64 {index}, i64 {delta}"), address))


@operation("memory.fill")
def memory_fill(sink: LlvmSink, index: int) -> None:
    """Check, then memset."""
    slot, address = _memory(sink, index)
    (count,) = _wide(sink, address)
    value = sink.pop()
    (to,) = _wide(sink, address)
    sink.runtime("memory_fill", "void", f", i64 {slot}, i64 {to}, i32 {value}, i64 {count}")


@operation("memory.copy")
def memory_copy(sink: LlvmSink, to: int, source: int) -> None:
    """Check, then memmove."""
    (to_slot, wide), (from_slot, other) = _memory(sink, to), _memory(sink, source)
    a, b, count = _wide(sink, wide, other, _count(wide, other))
    sink.runtime("memory_copy", "void", f", i64 {to_slot}, i64 {from_slot}, i64 {a}, i64 {b}, i64 {count}")


@operation("memory.init")
def memory_init(sink: LlvmSink, segment: int, index: int) -> None:
    """Check, then memcpy from the segment."""
    slot, address = _memory(sink, index)
    a, b, count = _wide(sink, address, I32, I32)
    at = sink.layout.data(segment)
    sink.runtime("memory_init", "void", f", i64 {slot}, i64 {at}, i64 {a}, i64 {b}, i64 {count}")


def _empty(sink: LlvmSink, segment: int) -> None:
    length = sink.address("%ctx", segment + layout.Segment.LENGTH)
    sink.out.append(f"store i64 0, ptr {length}{sink.own}")


@operation("data.drop")
def data_drop(sink: LlvmSink, segment: int) -> None:
    """Its length becomes 0."""
    _empty(sink, sink.layout.data(segment))


@operation("elem.drop")
def elem_drop(sink: LlvmSink, segment: int) -> None:
    """Its length becomes 0."""
    _empty(sink, sink.layout.elem(segment))


@operation("table.get")
def table_get(sink: LlvmSink, index: int) -> None:
    """Check, then read."""
    element = table_element(sink, index, sink.pop(), Reason.TABLE_BOUNDS)
    name = sink.name()
    sink.out.append(f"{name} = load ptr, ptr {element}{sink.own}")
    sink.push(name)


@operation("table.set")
def table_set(sink: LlvmSink, index: int) -> None:
    """Check, then write."""
    value = sink.pop()
    element = table_element(sink, index, sink.pop(), Reason.TABLE_BOUNDS)
    sink.out.append(f"store ptr {value}, ptr {element}{sink.own}")


@operation("table.size")
def table_size(sink: LlvmSink, index: int) -> None:
    """Read it from the table's block."""
    slot, address = _table(sink, index)
    block = sink.context_field(slot + layout.Slot.BLOCK)
    sink.push(sink.narrow(sink.field(block, layout.Block.LENGTH, "i64", sink.own), address))


@operation("table.grow")
def table_grow(sink: LlvmSink, index: int) -> None:
    """Ask the runtime."""
    _, address = _table(sink, index)
    (delta,) = _wide(sink, address)
    value = sink.pop()
    grown = sink.runtime("table_grow", "i64", f", i64 {index}, ptr {value}, i64 {delta}")
    sink.push(sink.narrow(grown, address))


@operation("table.fill")
def table_fill(sink: LlvmSink, index: int) -> None:
    """Check, then write."""
    slot, address = _table(sink, index)
    (count,) = _wide(sink, address)
    value = sink.pop()
    (to,) = _wide(sink, address)
    sink.runtime("table_fill", "void", f", i64 {slot}, i64 {to}, ptr {value}, i64 {count}")


@operation("table.copy")
def table_copy(sink: LlvmSink, to: int, source: int) -> None:
    """Check, then memmove."""
    (to_slot, wide), (from_slot, other) = _table(sink, to), _table(sink, source)
    a, b, count = _wide(sink, wide, other, _count(wide, other))
    sink.runtime("table_copy", "void", f", i64 {to_slot}, i64 {from_slot}, i64 {a}, i64 {b}, i64 {count}")


@operation("table.init")
def table_init(sink: LlvmSink, segment: int, index: int) -> None:
    """Check, then memcpy from the segment."""
    slot, address = _table(sink, index)
    a, b, count = _wide(sink, address, I32, I32)
    at = sink.layout.elem(segment)
    sink.runtime("table_init", "void", f", i64 {slot}, i64 {at}, i64 {a}, i64 {b}, i64 {count}")
