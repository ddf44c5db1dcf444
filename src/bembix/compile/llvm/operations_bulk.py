"""Writers: what the runtime does for whole memories, tables and segments.  Source: core 3.0, 4.6.7 - 4.6.9."""

from __future__ import annotations

from bembix.compile import layout
from bembix.compile.llvm.operations_calls import table_element
from bembix.compile.llvm.sink import LlvmSink, operation
from bembix.compile.traps import Reason
from bembix.errors import CompileError
from bembix.spec.types import I64


def _need_32_bit(sink: LlvmSink, *addresses: object) -> None:
    if I64 in addresses:
        raise CompileError(
            f"64 bit memories and tables are not compiled by the llvm engine yet, function {sink.function}"
        )


def _memory(sink: LlvmSink, index: int) -> int:
    memory = sink.context.memories[index]
    _need_32_bit(sink, memory.address)
    return sink.layout.memory(index)


def _table(sink: LlvmSink, index: int) -> int:
    _need_32_bit(sink, sink.context.tables[index].address)
    return sink.layout.table(index)


def _wide(sink: LlvmSink, count: int) -> list[str]:
    """Take that many i32 operands as i64s."""
    return [sink.wide(value, "i32") for value in sink.pop_many(count)]


def _narrow(sink: LlvmSink, value: str) -> None:
    name = sink.name()
    sink.out.append(f"{name} = trunc i64 {value} to i32")
    sink.push(name)


@operation("memory.grow")
def memory_grow(sink: LlvmSink, index: int) -> None:
    """Ask the runtime."""
    _memory(sink, index)
    (delta,) = _wide(sink, 1)
    _narrow(sink, sink.runtime("memory_grow", "i64", f", i64 {index}, i64 {delta}"))


@operation("memory.fill")
def memory_fill(sink: LlvmSink, index: int) -> None:
    """Check, then memset."""
    slot = _memory(sink, index)
    to, value, count = sink.pop_many(3)
    to, count = sink.wide(to, "i32"), sink.wide(count, "i32")
    sink.runtime("memory_fill", "void", f", i64 {slot}, i64 {to}, i32 {value}, i64 {count}")


@operation("memory.copy")
def memory_copy(sink: LlvmSink, to: int, source: int) -> None:
    """Check, then memmove."""
    slots = _memory(sink, to), _memory(sink, source)
    a, b, count = _wide(sink, 3)
    sink.runtime("memory_copy", "void", f", i64 {slots[0]}, i64 {slots[1]}, i64 {a}, i64 {b}, i64 {count}")


@operation("memory.init")
def memory_init(sink: LlvmSink, segment: int, index: int) -> None:
    """Check, then memcpy from the segment."""
    slot = _memory(sink, index)
    a, b, count = _wide(sink, 3)
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
    slot = _table(sink, index)
    block = sink.context_field(slot + layout.Slot.BLOCK)
    _narrow(sink, sink.field(block, layout.Block.LENGTH, "i64", sink.own))


@operation("table.grow")
def table_grow(sink: LlvmSink, index: int) -> None:
    """Ask the runtime."""
    _table(sink, index)
    (delta,) = _wide(sink, 1)
    value = sink.pop()
    _narrow(sink, sink.runtime("table_grow", "i64", f", i64 {index}, ptr {value}, i64 {delta}"))


@operation("table.fill")
def table_fill(sink: LlvmSink, index: int) -> None:
    """Check, then write."""
    slot = _table(sink, index)
    to, value, count = sink.pop_many(3)
    to, count = sink.wide(to, "i32"), sink.wide(count, "i32")
    sink.runtime("table_fill", "void", f", i64 {slot}, i64 {to}, ptr {value}, i64 {count}")


@operation("table.copy")
def table_copy(sink: LlvmSink, to: int, source: int) -> None:
    """Check, then memmove."""
    slots = _table(sink, to), _table(sink, source)
    a, b, count = _wide(sink, 3)
    sink.runtime("table_copy", "void", f", i64 {slots[0]}, i64 {slots[1]}, i64 {a}, i64 {b}, i64 {count}")


@operation("table.init")
def table_init(sink: LlvmSink, segment: int, index: int) -> None:
    """Check, then memcpy from the segment."""
    slot = _table(sink, index)
    a, b, count = _wide(sink, 3)
    at = sink.layout.elem(segment)
    sink.runtime("table_init", "void", f", i64 {slot}, i64 {at}, i64 {a}, i64 {b}, i64 {count}")
