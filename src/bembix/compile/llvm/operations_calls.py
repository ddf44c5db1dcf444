"""Writers: calls and tail calls.  Source: core 3.0, 4.6.10.

Inside a group a call goes straight to the callee; otherwise through the callee's record, whose code may still be the
lazy stub that compiles it.  A tail call is marked `tail`; as no function has arguments on the stack, LLVM always makes
it a jump. Every other call is marked `notail`, or LLVM would make loops of recursion that has to exhaust the stack, and
backtraces would lack frames.
"""

from __future__ import annotations

from bembix.compile import layout
from bembix.compile.llvm.operations_casts import check_function
from bembix.compile.llvm.sink import INVARIANT, LlvmSink, operation
from bembix.compile.llvm.types import CC, in_registers, llvm_type, results_type
from bembix.compile.traps import Reason
from bembix.spec.canonical import canonical_type
from bembix.spec.types import FuncType


def _arguments(sink: LlvmSink, functype: FuncType) -> str:
    """Take the arguments: return those for registers as text, leave the others in the store block."""
    values = sink.pop_many(len(functype.params))
    if not values:
        return ""
    text = []
    for index, (valtype, fits) in enumerate(zip(functype.params, in_registers(functype), strict=True)):
        if fits:
            text.append(f", {llvm_type(valtype)} {values[index]}")
        else:
            at = sink.address("%store", layout.Store.VALUES + 16 * index)
            sink.out.append(f"store {llvm_type(valtype)} {values[index]}, ptr {at}{sink.own}")
    return "".join(text)


def _finish(sink: LlvmSink, functype: FuncType, target: str, context: str, arguments: str, tail: bool) -> None:
    sink.has_call = True
    call = f"call {CC} {results_type(functype)} {target}(ptr {context}{arguments}){sink.place()}"
    if not tail:
        sink.results(functype, f"notail {call}")
        return
    sink.settle()
    sink.flush_fuel(sink.out)
    whole = results_type(functype)
    if whole == "void":
        sink.out.append(f"tail {call}\nret void")
    else:
        name = sink.name()
        sink.out.append(f"{name} = tail {call}\nret {whole} {name}")


def _call(sink: LlvmSink, index: int, functype: FuncType, tail: bool) -> None:
    known = sink.group.symbol(index)
    if known is not None:  # what the callee does not use may go when it is inlined
        sink.keep(sink.values[len(sink.values) - len(functype.params) :])
    arguments = _arguments(sink, functype)
    if known is not None:
        _finish(sink, functype, f"@{known}", "%ctx", arguments, tail)
        return
    offset, imported = sink.layout.function(index)
    if imported:
        _through(sink, functype, sink.context_field(offset), arguments, tail)
        return
    code = sink.context_field(offset + sink.code_field, note=sink.own)
    _finish(sink, functype, code, "%ctx", arguments, tail)


def _through(sink: LlvmSink, functype: FuncType, record: str, arguments: str, tail: bool) -> None:
    """Call the function of a record."""
    context = sink.field(record, layout.FuncRecord.CONTEXT, note=INVARIANT)
    code = sink.field(record, sink.code_field, note=sink.own)
    _finish(sink, functype, code, context, arguments, tail)


def table_element(sink: LlvmSink, index: int, position: str, reason: Reason) -> str:
    """Return the address of a table's element, after the bounds check."""
    slot = sink.layout.table(index)
    base = sink.context_field(slot + layout.Slot.BASE)
    block = sink.context_field(slot + layout.Slot.BLOCK)
    length = sink.field(block, layout.Block.LENGTH, "i64", sink.own)
    wide, name = sink.wide(position, llvm_type(sink.context.tables[index].address)), sink.name()
    sink.out.append(f"{name}.o = icmp uge i64 {wide}, {length}")
    sink.trap_if(f"{name}.o", reason)
    sink.out.append(f"{name} = getelementptr ptr, ptr {base}, i64 {wide}")
    return name


def _check_type(sink: LlvmSink, record: str, type_index: int) -> None:
    if not canonical_type(sink.context.ids[type_index]).final:
        check_function(sink, record, type_index)
        return
    given = sink.field(record, layout.FuncRecord.TYPE, "i64", INVARIANT)
    wanted = sink.context_field(sink.layout.type(type_index), "i64")
    name = sink.name()
    sink.out.append(f"{name} = icmp ne i64 {given}, {wanted}")
    sink.trap_if(name, Reason.INDIRECT_TYPE)


def _call_indirect(sink: LlvmSink, table: int, type_index: int, functype: FuncType, tail: bool) -> None:
    position = sink.pop()
    arguments = _arguments(sink, functype)
    element = table_element(sink, table, position, Reason.UNDEFINED_ELEMENT)
    record = sink.name()
    sink.out.append(f"{record} = load ptr, ptr {element}{sink.own}\n{record}.z = icmp eq ptr {record}, null")
    sink.trap_if(f"{record}.z", Reason.UNINITIALIZED_ELEMENT)
    _check_type(sink, record, type_index)
    _through(sink, functype, record, arguments, tail)


def _call_ref(sink: LlvmSink, functype: FuncType, tail: bool) -> None:
    record = sink.pop()
    arguments = _arguments(sink, functype)
    name = sink.name()
    sink.out.append(f"{name} = icmp eq ptr {record}, null")
    sink.trap_if(name, Reason.NULL_FUNCTION)
    _through(sink, functype, record, arguments, tail)


@operation("call")
def call(sink: LlvmSink, index: int, functype: FuncType) -> None:
    """A direct call."""
    _call(sink, index, functype, tail=False)


@operation("return_call")
def return_call(sink: LlvmSink, index: int, functype: FuncType) -> None:
    """A direct call in place of this frame."""
    _call(sink, index, functype, tail=True)


@operation("call_indirect")
def call_indirect(sink: LlvmSink, table: int, type_index: int, functype: FuncType) -> None:
    """A call through a table."""
    _call_indirect(sink, table, type_index, functype, tail=False)


@operation("return_call_indirect")
def return_call_indirect(sink: LlvmSink, table: int, type_index: int, functype: FuncType) -> None:
    """A call through a table in place of this frame."""
    _call_indirect(sink, table, type_index, functype, tail=True)


@operation("call_ref")
def call_ref(sink: LlvmSink, functype: FuncType) -> None:
    """A call through a reference."""
    _call_ref(sink, functype, tail=False)


@operation("return_call_ref")
def return_call_ref(sink: LlvmSink, functype: FuncType) -> None:
    """A call through a reference in place of this frame."""
    _call_ref(sink, functype, tail=True)
