"""Writers: what the runtime does for whole memories, tables and segments.  Source: core 3.0, 4.6.7 - 4.6.9."""

from __future__ import annotations

from bembix.compile import layout
from bembix.compile.stencil.x86_64.encode import rm
from bembix.compile.stencil.x86_64.sink import StencilSink, Writer, writer
from bembix.spec.instructions import Instr
from bembix.spec.types import I32, I64, NumType


def constant(value: int) -> int:
    """Return the entry of a constant."""
    return ~value


def _pop(sink: StencilSink, count: int) -> list[int]:
    values = sink.vs[-count:]
    del sink.vs[-count:]
    return values


def _result(address: NumType) -> NumType:
    return I32 if address is I32 else I64


@writer("memory.grow")
def memory_grow(sink: StencilSink, row: Instr) -> Writer:
    """Ask the runtime."""

    def write(index: int) -> None:
        sink.runtime("memory_grow", [constant(index), *_pop(sink, 1)])
        sink.push_rax(_result(sink.context.memories[index].address))

    return write


@writer("memory.fill")
def memory_fill(sink: StencilSink, row: Instr) -> Writer:
    """Check, then memset."""

    def write(index: int) -> None:
        sink.runtime("memory_fill", [constant(sink.layout.memory(index)), *_pop(sink, 3)])

    return write


@writer("memory.copy")
def memory_copy(sink: StencilSink, row: Instr) -> Writer:
    """Check, then memmove."""

    def write(to: int, source: int) -> None:
        slots = [constant(sink.layout.memory(to)), constant(sink.layout.memory(source))]
        sink.runtime("memory_copy", slots + _pop(sink, 3))

    return write


@writer("memory.init")
def memory_init(sink: StencilSink, row: Instr) -> Writer:
    """Check, then memcpy from the segment."""

    def write(segment: int, index: int) -> None:
        slots = [constant(sink.layout.memory(index)), constant(sink.layout.data(segment))]
        sink.runtime("memory_init", slots + _pop(sink, 3))

    return write


def _empty(sink: StencilSink, segment: int) -> None:
    """Its length becomes 0."""
    context = sink.context_register()
    sink.out += rm(b"\xc7", 1, 0, context, segment + layout.Segment.LENGTH) + b"\0\0\0\0"


@writer("data.drop")
def data_drop(sink: StencilSink, row: Instr) -> Writer:
    """Its length becomes 0."""
    return lambda segment: _empty(sink, sink.layout.data(segment))


@writer("elem.drop")
def elem_drop(sink: StencilSink, row: Instr) -> Writer:
    """Its length becomes 0."""
    return lambda segment: _empty(sink, sink.layout.elem(segment))


@writer("table.grow")
def table_grow(sink: StencilSink, row: Instr) -> Writer:
    """Ask the runtime."""

    def write(index: int) -> None:
        sink.runtime("table_grow", [constant(index), *_pop(sink, 2)])
        sink.push_rax(_result(sink.context.tables[index].address))

    return write


@writer("table.fill")
def table_fill(sink: StencilSink, row: Instr) -> Writer:
    """Check, then write."""

    def write(index: int) -> None:
        sink.runtime("table_fill", [constant(sink.layout.table(index)), *_pop(sink, 3)])

    return write


@writer("table.copy")
def table_copy(sink: StencilSink, row: Instr) -> Writer:
    """Check, then memmove."""

    def write(to: int, source: int) -> None:
        slots = [constant(sink.layout.table(to)), constant(sink.layout.table(source))]
        sink.runtime("table_copy", slots + _pop(sink, 3))

    return write


@writer("table.init")
def table_init(sink: StencilSink, row: Instr) -> Writer:
    """Check, then memcpy from the segment."""

    def write(segment: int, index: int) -> None:
        slots = [constant(sink.layout.table(index)), constant(sink.layout.elem(segment))]
        sink.runtime("table_init", slots + _pop(sink, 3))

    return write
