"""Writers: calls, tail calls and tables.  Source: core 3.0, 4.6.10.

Every call goes through the callee's record, whose code may still be the lazy stub that compiles it, or become better
code later.  Between its last check and the call, the record is in x9.
"""

from __future__ import annotations

from bembix.compile import layout
from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.casts import is_below
from bembix.compile.stencil.aarch64.encode import LDR_W, LDR_X, STR_X, T0
from bembix.compile.stencil.aarch64.exceptions import check_pending
from bembix.compile.stencil.aarch64.sink import Aarch64Sink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import Instr
from bembix.spec.types import I32, FuncType

#: Registers of a call that no argument is in: the record, and the code.
_RECORD, _CODE = 15, 16


def _find_direct(sink: Aarch64Sink, index: int) -> None:
    """Load the record of a function."""
    offset, imported = sink.layout.function(index)
    sink.get_context(_RECORD)
    if imported:
        sink.get(LDR_X, _RECORD, _RECORD, offset)
    else:
        sink.out += a64.constant(T0, offset)
        sink.emit(a64.three(a64.ADD, _RECORD, _RECORD, T0))


def _through(sink: Aarch64Sink, functype: FuncType) -> None:
    """Call the function whose record is in its register."""
    sink.pass_arguments(functype, sink.take(len(functype.params)))
    sink.get(LDR_X, 0, _RECORD, layout.FuncRecord.CONTEXT)
    sink.get(LDR_X, _CODE, _RECORD, sink.code_field)
    sink.emit(a64.blr(_CODE))
    if sink.checked:
        check_pending(sink)
    sink.push_results(functype.results)


def _tail(sink: Aarch64Sink, functype: FuncType) -> None:
    """The same in place of this frame."""
    sink.pass_arguments(functype, sink.take(len(functype.params)))
    sink.get(LDR_X, 0, _RECORD, layout.FuncRecord.CONTEXT)
    sink.get(LDR_X, _CODE, _RECORD, sink.code_field)
    sink.emit(*a64.LEAVE, a64.br(_CODE))


@writer("call")
def call(sink: Aarch64Sink, row: Instr) -> Writer:
    """A direct call."""

    def write(index: int, functype: FuncType) -> None:
        _find_direct(sink, index)
        _through(sink, functype)

    return write


@writer("return_call")
def return_call(sink: Aarch64Sink, row: Instr) -> Writer:
    """A direct call in place of this frame."""

    def write(index: int, functype: FuncType) -> None:
        _find_direct(sink, index)
        _tail(sink, functype)

    return write


def element(sink: Aarch64Sink, table: int, reason: Reason) -> None:
    """Make the address of a table's element in x9 from the index in it, after the bounds check; x10, x11 are lost."""
    slot = sink.layout.table(table)
    sink.get_context(10)
    sink.get(LDR_X, 11, 10, slot + layout.Slot.BLOCK)
    sink.get(LDR_X, 11, 11, layout.Block.LENGTH)
    sink.emit(a64.cmp(9, 11))
    sink.trap_if(a64.HS, reason)
    sink.get(LDR_X, 11, 10, slot + layout.Slot.BASE)
    sink.emit(a64.three(a64.ADD, 9, 11, 9) | 3 << 10)  # lsl 3


def _find_indirect(sink: Aarch64Sink, table: int, type_index: int) -> None:
    """Take the index; load the record of the function, and check its type."""
    sink.pop(9)
    element(sink, table, Reason.UNDEFINED_ELEMENT)
    sink.get(LDR_X, _RECORD, 9, 0)
    sink.trap_if_zero(_RECORD, Reason.UNINITIALIZED_ELEMENT)
    sink.get(LDR_X, 9, _RECORD, layout.FuncRecord.TYPE)
    is_below(sink, type_index)
    sink.trap_if(a64.NE, Reason.INDIRECT_TYPE)


@writer("call_indirect")
def call_indirect(sink: Aarch64Sink, row: Instr) -> Writer:
    """A call through a table."""

    def write(table: int, type_index: int, functype: FuncType) -> None:
        _find_indirect(sink, table, type_index)
        _through(sink, functype)

    return write


@writer("return_call_indirect")
def return_call_indirect(sink: Aarch64Sink, row: Instr) -> Writer:
    """A call through a table in place of this frame."""

    def write(table: int, type_index: int, functype: FuncType) -> None:
        _find_indirect(sink, table, type_index)
        _tail(sink, functype)

    return write


def _find_reference(sink: Aarch64Sink) -> None:
    sink.pop(_RECORD)
    sink.trap_if_zero(_RECORD, Reason.NULL_FUNCTION)


@writer("call_ref")
def call_ref(sink: Aarch64Sink, row: Instr) -> Writer:
    """A call through a reference."""

    def write(functype: FuncType) -> None:
        _find_reference(sink)
        _through(sink, functype)

    return write


@writer("return_call_ref")
def return_call_ref(sink: Aarch64Sink, row: Instr) -> Writer:
    """A call through a reference in place of this frame."""

    def write(functype: FuncType) -> None:
        _find_reference(sink)
        _tail(sink, functype)

    return write


# -- tables ------------------------------------------------------------------------------------------------------------


@writer("table.get")
def table_get(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check, then read."""

    def write(table: int) -> None:
        sink.pop(9)
        element(sink, table, Reason.TABLE_BOUNDS)
        sink.get(LDR_X, 9, 9, 0)
        sink.push(9)

    return write


@writer("table.set")
def table_set(sink: Aarch64Sink, row: Instr) -> Writer:
    """Check, then write."""

    def write(table: int) -> None:
        sink.pop(12)
        sink.pop(9)
        element(sink, table, Reason.TABLE_BOUNDS)
        sink.get(STR_X, 12, 9, 0)

    return write


@writer("table.size")
def table_size(sink: Aarch64Sink, row: Instr) -> Writer:
    """Read it from the table's block."""

    def write(table: int) -> None:
        sink.from_context(LDR_X, 9, sink.layout.table(table) + layout.Slot.BLOCK)
        sink.get(LDR_W if sink.context.tables[table].address is I32 else LDR_X, 9, 9, layout.Block.LENGTH)
        sink.push(9)

    return write
