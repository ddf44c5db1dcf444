"""Writers: calls and tail calls.  Source: core 3.0, 4.6.10.

Every call goes through the callee's record, whose code may still be the lazy stub that compiles it, or become better
code later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bembix.compile import layout
from bembix.compile.stencil.convention import in_registers
from bembix.compile.stencil.opcodes import LOCAL_SET, LOCAL_TEE
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.casts import check_function
from bembix.compile.stencil.x86_64.control import test_null
from bembix.compile.stencil.x86_64.encode import CONSTANT, LOAD64, MOV32, MOV64, RAX, RCX, RDI, XMM0, XOR32, rm, rr
from bembix.compile.stencil.x86_64.exceptions import check_pending
from bembix.compile.stencil.x86_64.sink import CELLS, FLAGS, WORDS, XSCRATCH, StencilSink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.canonical import canonical_type
from bembix.spec.instructions import Instr
from bembix.spec.types import F32, F64, I32, V128, FuncType

_FLOATS: Final = (F32, F64, V128)
_CONTEXT: Final = 48


def pass_arguments(sink: StencilSink, functype: FuncType, values: Sequence[int]) -> None:
    """Put arguments, which were popped, where the callee wants them."""
    words: list[int] = []
    floats: list[int] = []
    kinds = []
    beyond: dict[int, int] = {}
    for number, (valtype, fits, entry) in enumerate(zip(functype.params, in_registers(functype), values, strict=True)):
        if not fits:
            beyond[number] = entry
        elif valtype in _FLOATS:
            floats.append(entry)
            kinds.append(valtype)
        else:
            words.append(entry)
    if beyond:
        sink.values_to_store(functype.params, beyond)
    if floats:
        sink.float_arguments(floats, kinds)
    if words:
        sink.arguments(words, WORDS[: len(words)])


def _take(sink: StencilSink, functype: FuncType) -> list[int]:
    vs, count = sink.vs, len(functype.params)
    if not count:
        return []
    values = vs[-count:]
    del vs[-count:]
    return values


def _finish(sink: StencilSink, functype: FuncType) -> None:
    """Behind the call: what it lost comes back, an exception goes its way, results are pushed."""
    sink.reload_lost(sink.out)
    if sink.checked:
        check_pending(sink)
    if functype.results:
        sink.push_results(functype.results)


def _release(sink: StencilSink, values: Sequence[int]) -> None:
    for entry in values:
        if 0 <= entry < FLAGS and sink.scratch[entry]:
            (sink.free if entry < XMM0 else sink.xfree).append(entry)


#: Registers that an argument may have to leave before another one comes.
_CONTESTED: Final = [register in WORDS for register in range(XMM0)]
_LOAD_CONTEXT: Final = LOAD64[_CONTEXT << 5 | RDI]


def _simple(sink: StencilSink, index: int, functype: FuncType) -> tuple[int, bytes, int] | None:
    """Return number of arguments, code of the call and kind of result (0: none, 1: i32, 2: another word) of a function
    whose arguments are words in registers; None for all others, and where calls need more than that."""
    words = not any(t in _FLOATS for t in (*functype.params, *functype.results))
    if not words or len(functype.params) > len(WORDS) or len(functype.results) > 1:
        return None
    offset, imported = sink.layout.function(index)
    kind = 0 if not functype.results else 1 if functype.results[0] is I32 else 2
    if not imported:
        return len(functype.params), _LOAD_CONTEXT + rm(b"\xff", 0, 2, RDI, offset + sink.code_field), kind
    code = _LOAD_CONTEXT + rm(b"\x8b", 1, RAX, RDI, offset) + rm(b"\x8b", 1, RDI, RAX, layout.FuncRecord.CONTEXT)
    return len(functype.params), code + rm(b"\xff", 0, 2, RAX, sink.code_field), kind


@writer("call")
def call(sink: StencilSink, row: Instr) -> Writer:
    """A direct call."""
    out, vs, free, pins, walker = sink.out, sink.vs, sink.free, sink.pins, sink.walker
    emit, scratch = out.extend, sink.scratch
    simple: dict[int, tuple[int, bytes, int] | None] = {}
    checked = False

    def write(index: int, functype: FuncType) -> None:
        nonlocal checked
        if checked is not sink.checked:  # it calls another code of functions now
            checked = sink.checked
            simple.clear()
        found = simple.get(index, 0)
        if found == 0:
            found = simple[index] = _simple(sink, index, functype)
        if found is None or sink.leaf or sink.xpins:
            general(index, functype)
            return
        count, text, kind = found  # type: ignore[misc]
        sink.has_call = True
        if count:
            values = vs[-count:]
            del vs[-count:]
        if vs:
            for position, entry in enumerate(vs):
                if 0 <= entry < FLAGS and scratch[entry]:
                    vs[position] = at = sink.cell(position)
                    sink.store_entry(at, entry)
        if count:
            moves = b""
            for to, entry in zip(WORDS, values, strict=False):
                if entry < 0:
                    moves += XOR32[to << 5 | to] if entry == -1 else CONSTANT[~entry << 4 | to]
                elif entry >= CELLS:
                    moves += LOAD64[entry << 5 | to]
                elif entry != to:
                    if _CONTESTED[entry]:
                        sink.arguments(values, WORDS[:count])
                        break
                    moves += MOV64[to << 5 | entry]
            else:
                emit(moves)
        emit(text)
        if sink.checked:
            check_pending(sink)
        free[:] = sink.pool
        sink.xfree[:] = XSCRATCH
        if kind:
            to = RAX
            code, at = walker.code, walker.at + 2
            while code[at - 1] > 0x7F:
                at += 1
            if LOCAL_SET <= code[at] <= LOCAL_TEE:
                to = pins.get(code[at + 1], RAX)
                if to in vs:
                    to = RAX
            if kind == 1:
                emit(MOV32[to << 5 | RAX])
            elif to != RAX:
                emit(MOV64[to << 5 | RAX])
            if to == RAX:
                free.pop()
            vs.append(to)

    def general(index: int, functype: FuncType) -> None:
        values = _take(sink, functype)
        sink.spill_for_call()
        pass_arguments(sink, functype, values)
        _release(sink, values)
        offset, imported = sink.layout.function(index)
        out.extend(LOAD64[_CONTEXT << 5 | RDI])
        if imported:
            out.extend(rm(b"\x8b", 1, RAX, RDI, offset))
            _call_record(sink, 2)
        else:
            out.extend(rm(b"\xff", 0, 2, RDI, offset + sink.code_field))
        _finish(sink, functype)

    return write


def _call_record(sink: StencilSink, how: int) -> None:
    """Call (2) or go to (4) the function whose record is in rax."""
    sink.out += rm(b"\x8b", 1, RDI, RAX, layout.FuncRecord.CONTEXT)
    sink.out += rm(b"\xff", 0, how, RAX, sink.code_field)


@writer("return_call")
def return_call(sink: StencilSink, row: Instr) -> Writer:
    """A direct call in place of this frame."""
    out = sink.out

    def write(index: int, functype: FuncType) -> None:
        values = _take(sink, functype)
        pass_arguments(sink, functype, values)
        offset, imported = sink.layout.function(index)
        out.extend(LOAD64[_CONTEXT << 5 | RDI])
        if imported:
            out.extend(rm(b"\x8b", 1, RAX, RDI, offset))
            sink.restore_caller()
            _call_record(sink, 4)
        else:
            sink.restore_caller()
            out.extend(rm(b"\xff", 0, 4, RDI, offset + sink.code_field))

    return write


def element(sink: StencilSink, table: int, index: int, reason: Reason) -> None:
    """Make the address of a table's element in a register from the index in it, after the bounds check; rcx is lost."""
    slot, out = sink.layout.table(table), sink.out
    context = sink.context_register()
    out += rm(b"\x8b", 1, RCX, context, slot + layout.Slot.BLOCK)
    out += rm(b"\x3b", 1, index, RCX, layout.Block.LENGTH)
    sink.trap_if(x86.AE, reason)
    context = sink.context_register()
    out += rm(b"\x8b", 1, RCX, context, slot + layout.Slot.BASE)
    out += x86.rx(b"\x8d", 1, index, RCX, index, 0, scale=3)


def _check_type(sink: StencilSink, record: int, type_index: int) -> None:
    if not canonical_type(sink.context.ids[type_index]).final:
        check_function(sink, record, type_index)
        return
    context = sink.context_register()
    sink.out += rm(b"\x8b", 1, RCX, context, sink.layout.type(type_index))
    sink.out += rm(b"\x3b", 1, RCX, record, layout.FuncRecord.TYPE)
    sink.trap_if(x86.NE, Reason.INDIRECT_TYPE)


def _find(sink: StencilSink, table: int, type_index: int) -> int:
    """Take the index; return a register with the record of the function, checked."""
    register = sink.own(sink.vs.pop())
    element(sink, table, register, Reason.UNDEFINED_ELEMENT)
    sink.out += rm(b"\x8b", 1, register, register, 0) + x86.TEST64[register << 5 | register]
    sink.trap_if(x86.E, Reason.UNINITIALIZED_ELEMENT)
    _check_type(sink, register, type_index)
    return register


def _through(sink: StencilSink, functype: FuncType, record: int) -> None:
    """Call the function whose record is in a scratch register."""
    values = _take(sink, functype)
    sink.spill_for_call()
    if record != RAX:  # rax is no argument's register; whoever is there is an argument
        if RAX in values and sink.scratch[RAX]:
            sink.out += rr(b"\x87", 1, RAX, record)
            values = [record if v == RAX else RAX if v == record else v for v in values]
        else:
            sink.move(RAX, record)
    pass_arguments(sink, functype, values)
    sink.free[:] = sink.pool
    sink.xfree[:] = XSCRATCH
    _call_record(sink, 2)
    _finish(sink, functype)


def _tail(sink: StencilSink, functype: FuncType, record: int) -> None:
    """The same in place of this frame."""
    values = _take(sink, functype)
    if record != RAX:
        if RAX in values and sink.scratch[RAX]:
            sink.out += rr(b"\x87", 1, RAX, record)
            values = [record if v == RAX else v for v in values]
        else:
            sink.move(RAX, record)
    pass_arguments(sink, functype, values)
    sink.restore_caller()
    _call_record(sink, 4)


@writer("call_indirect")
def call_indirect(sink: StencilSink, row: Instr) -> Writer:
    """A call through a table."""

    def write(table: int, type_index: int, functype: FuncType) -> None:
        _through(sink, functype, _find(sink, table, type_index))

    return write


@writer("return_call_indirect")
def return_call_indirect(sink: StencilSink, row: Instr) -> Writer:
    """A call through a table in place of this frame."""

    def write(table: int, type_index: int, functype: FuncType) -> None:
        _tail(sink, functype, _find(sink, table, type_index))

    return write


def _reference(sink: StencilSink) -> int:
    record = sink.own(sink.vs.pop())
    test_null(sink, record)
    sink.trap_if(x86.E, Reason.NULL_FUNCTION)
    return record


@writer("call_ref")
def call_ref(sink: StencilSink, row: Instr) -> Writer:
    """A call through a reference."""
    return lambda functype: _through(sink, functype, _reference(sink))


@writer("return_call_ref")
def return_call_ref(sink: StencilSink, row: Instr) -> Writer:
    """A call through a reference in place of this frame."""
    return lambda functype: _tail(sink, functype, _reference(sink))


# -- tables ------------------------------------------------------------------------------------------------------------


@writer("table.get")
def table_get(sink: StencilSink, row: Instr) -> Writer:
    """Check, then read."""

    def write(table: int) -> None:
        register = sink.own(sink.vs.pop())
        element(sink, table, register, Reason.TABLE_BOUNDS)
        sink.out.extend(rm(b"\x8b", 1, register, register, 0))
        sink.vs.append(register)

    return write


@writer("table.set")
def table_set(sink: StencilSink, row: Instr) -> Writer:
    """Check, then write."""

    def write(table: int) -> None:
        value, index = sink.vs.pop(), sink.vs.pop()
        register, source = sink.own(index), sink.register(value)
        element(sink, table, register, Reason.TABLE_BOUNDS)
        sink.out.extend(rm(b"\x89", 1, source, register, 0))
        sink.release(register)
        sink.release(source)

    return write


@writer("table.size")
def table_size(sink: StencilSink, row: Instr) -> Writer:
    """Read it from the table's block."""

    def write(table: int) -> None:
        to = sink.alloc()
        context = sink.context_register()
        sink.out.extend(rm(b"\x8b", 1, to, context, sink.layout.table(table) + layout.Slot.BLOCK))
        wide = sink.context.tables[table].address is not I32
        sink.out.extend(rm(b"\x8b", wide, to, to, layout.Block.LENGTH))
        sink.vs.append(to)

    return write
