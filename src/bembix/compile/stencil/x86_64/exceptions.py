"""Writers: throwing and catching, now and as it was before `try_table`.  Source: core 3.0, 4.6.10; legacy exceptions.

A throw leaves the exception in the store block and goes to the landing of the innermost block that catches, or returns;
every call of a module that handles exceptions is followed by a look at the store block.  Where a block that catches
begins, all operands are in cells, so landings find them there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bembix.binary.immediates import Catch
from bembix.compile import layout
from bembix.compile.heap import Heap, Size, size_class
from bembix.compile.stencil.catching import Catching, landing, need_checks
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.casts import load_heap
from bembix.compile.stencil.x86_64.control import _reset, join_end
from bembix.compile.stencil.x86_64.encode import LOAD64, RAX, RCX, RDI, RDX, RSI, STORE64, XMM0, rm
from bembix.compile.stencil.x86_64.sink import FLAGS, XTEMP, StencilSink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import BY_NAME, Instr
from bembix.spec.types import F32, F64, I32, V128, FuncType, ValType
from bembix.validate.sink import Label

_PENDING: Final = layout.Store.PENDING
_EXN: Final = layout.Exception_
_TRY_TABLE: Final = BY_NAME["try_table"].code
_FLOATS: Final = (F32, F64, V128)
_CONTEXT: Final = 48


def check_pending(sink: StencilSink) -> None:
    """Behind a call, go where an exception goes if one is pending; rcx is lost."""
    out = sink.out
    out += LOAD64[_CONTEXT << 5 | RCX] + rm(b"\x8b", 1, RCX, RCX, layout.Context.STORE)
    out += rm(b"\x83", 1, 7, RCX, _PENDING) + b"\0" + x86.JCC[x86.NE]
    landing(sink).append(len(out))


def _set_pending(sink: StencilSink, exception: int) -> None:
    """Let an exception in a register go."""
    out = sink.out
    out += LOAD64[_CONTEXT << 5 | RCX] + rm(b"\x8b", 1, RCX, RCX, layout.Context.STORE)
    out += rm(b"\x89", 1, exception, RCX, _PENDING) + b"\xe9\0\0\0\0"
    landing(sink).append(len(out))


def allocate(sink: StencilSink, size: int) -> None:
    """Make an object of so many bytes, few enough, all 0 but for its header; its address is in rax.

    Operands that a call loses have been brought to the frame.
    """
    out = sink.out
    load_heap(sink, RSI)
    out += LOAD64[_CONTEXT << 5 | RDI]
    out += rm(b"\x8d", 1, RDX, RSI, size_class(size))
    out += rm(b"\xff", 0, 2, RSI, Heap.NEW)
    sink.reload_lost(out)


@writer("throw")
def throw(sink: StencilSink, row: Instr) -> Writer:
    """Make an exception and let it go."""

    def write(tag: int, functype: FuncType) -> None:
        need_checks(sink)
        count = len(functype.params)
        sink.flush()
        sink.save_lost()
        allocate(sink, _EXN.PAYLOAD + 16 * count)
        out = sink.out
        out += rm(b"\xc7", 1, 0, RAX, _EXN.HEADER) + Size.EXCEPTION_TYPE.to_bytes(4, "little")
        out += rm(b"\x8b", 1, RCX, sink.context_register(), sink.layout.tag(tag))
        out += rm(b"\x89", 1, RCX, RAX, _EXN.TAG)
        out += rm(b"\xc7", 1, 0, RAX, _EXN.COUNT) + count.to_bytes(4, "little")
        values = sink.vs[len(sink.vs) - count :]
        for number, (valtype, entry) in enumerate(zip(functype.params, values, strict=True)):
            store_value(sink, entry, RAX, _EXN.PAYLOAD + 16 * number, valtype)
        _set_pending(sink, RAX)

    return write


def store_value(sink: StencilSink, entry: int, base: int, at: int, valtype: ValType) -> None:
    """Write an operand to [base + at]; rcx and xmm15 are lost."""
    out = sink.out
    if valtype is V128:
        if not XMM0 <= entry < FLAGS:
            sink.vmove(XTEMP, entry)
            entry = XTEMP
        out += rm(b"\x0f\x11", 0, entry, base, at)
    elif XMM0 <= entry < FLAGS:
        out += rm(b"\x0f\x11", 0, entry, base, at, b"\xf3" if valtype is F32 else b"\xf2")
    else:
        if not 0 <= entry < XMM0:
            sink.move(RCX, entry)
            entry = RCX
        out += rm(b"\x89", valtype not in (I32, F32), entry, base, at)


@writer("throw_ref")
def throw_ref(sink: StencilSink, row: Instr) -> Writer:
    """Let an exception go again."""

    def write() -> None:
        need_checks(sink)
        exception = sink.register(sink.vs.pop())
        sink.out += x86.TEST64[exception << 5 | exception]
        sink.trap_if(x86.E, Reason.NULL_EXCEPTION)
        _set_pending(sink, exception)

    return write


@writer("try_table")
def try_table(sink: StencilSink, row: Instr) -> Writer:
    """A block; its landing is written at its end."""

    def write(label: Label, catches: Sequence[Catch], targets: Sequence[Label]) -> None:
        need_checks(sink)
        sink.flush()
        label.data = Catching(catches, targets)

    return write


def end_catching(sink: StencilSink, label: Label) -> None:
    """At the end of a block that catches, write what looks at its clauses, behind the function's other code."""
    frame = label.data
    if not isinstance(frame, Catching) or not frame.landings:
        return
    body = len(sink.out)
    sink.out += b"\xe9\0\0\0\0"  # the code at hand goes around it
    around = len(sink.out)
    sink.patch(frame.landings)
    if label.opcode == _TRY_TABLE:
        _write_landing(sink, frame)
    else:
        _write_legacy_landing(sink, frame)
    sink.patch([around])
    del body


def _load_exception(sink: StencilSink) -> None:
    """Load the store block to rdx, the exception to rax."""
    sink.out += LOAD64[_CONTEXT << 5 | RDX] + rm(b"\x8b", 1, RDX, RDX, layout.Context.STORE)
    sink.out += rm(b"\x8b", 1, RAX, RDX, _PENDING)


def _compare_tag(sink: StencilSink, tag: int) -> None:
    """Compare the tag of the exception in rax with one of the module's."""
    sink.out += LOAD64[_CONTEXT << 5 | RCX] + rm(b"\x8b", 1, RCX, RCX, sink.layout.tag(tag))
    sink.out += rm(b"\x3b", 1, RCX, RAX, _EXN.TAG)


def _write_landing(sink: StencilSink, frame: Catching) -> None:
    out = sink.out
    _load_exception(sink)
    for catch, target in zip(frame.catches, frame.targets, strict=True):
        skip: list[int] = []
        types: tuple[ValType, ...] = ()
        if catch.tag is not None:
            types = sink.context.tag_type(catch.tag).params
            _compare_tag(sink, catch.tag)
            out += x86.JCC[x86.NE]
            skip.append(len(out))
        out += rm(b"\xc7", 1, 0, RDX, _PENDING) + b"\0\0\0\0"
        _go_with_payload(sink, target, types, catch.kind.endswith("_ref"))
        sink.patch(skip)
        if catch.tag is None:
            return
    out += b"\xe9\0\0\0\0"
    landing(sink).append(len(out))


def _go_with_payload(sink: StencilSink, target: Label, types: Sequence[ValType], with_exception: bool) -> None:
    """Go to a label with what the exception in rax carries."""
    if target.opcode:
        for number, valtype in enumerate(types):
            _copy_payload(sink, sink.cell(target.height + number), number, valtype)
        if with_exception:
            sink.out += STORE64[sink.cell(target.height + len(types)) << 5 | RAX]
    elif len(target.targets) > layout.MAX_REGISTER_RESULTS:
        _payload_to_store(sink, types, with_exception)
    else:
        values: list[int] = []
        above = len(sink.vs)
        for number, valtype in enumerate(types):
            values.append(sink.cell(above + number))
            _copy_payload(sink, values[-1], number, valtype)
        sink.results_to_registers([*values, RAX] if with_exception else values)
    sink.jump(target)


def _copy_payload(sink: StencilSink, to: int, number: int, valtype: ValType) -> None:
    at, out = _EXN.PAYLOAD + 16 * number, sink.out
    if valtype is V128:
        out += rm(b"\x0f\x10", 0, XTEMP, RAX, at) + x86.STOREUPS[to << 5 | XTEMP]
    else:
        out += rm(b"\x8b", valtype not in (I32, F32), RCX, RAX, at) + STORE64[to << 5 | RCX]


def _payload_to_store(sink: StencilSink, types: Sequence[ValType], with_exception: bool) -> None:
    out = sink.out
    for number in range(len(types)):
        out += rm(b"\x0f\x10", 0, XTEMP, RAX, _EXN.PAYLOAD + 16 * number)
        out += rm(b"\x0f\x11", 0, XTEMP, RDX, layout.Store.VALUES + 16 * number)
    if with_exception:
        out += rm(b"\x89", 1, RAX, RDX, layout.Store.VALUES + 16 * len(types))


# -- legacy ------------------------------------------------------------------------------------------------------------


@writer("try")
def try_(sink: StencilSink, row: Instr) -> Writer:
    """A block; its landing is written at its end."""

    def write(label: Label) -> None:
        need_checks(sink)
        sink.flush()
        label.data = Catching()

    return write


def _begin_clause(sink: StencilSink, label: Label, tag: int | None, reached: bool) -> None:
    """End the clause before, begin the next one; the exception, which is no longer pending, is in rax."""
    frame: Catching = label.data
    if reached:
        if label.results:
            sink.leave(label, sink.vs[label.height :])
        sink.jump(label)
    _reset(sink, label)
    if not frame.caught:
        sink.caught_cells += 1
        frame.caught = sink.caught_cells
    frame.clauses.append((len(sink.out), tag))
    sink.bound = len(sink.out)
    _load_exception(sink)
    sink.out += rm(b"\xc7", 1, 0, RDX, _PENDING) + b"\0\0\0\0"
    sink.keep_caught(frame.caught)


@writer("catch")
def catch(sink: StencilSink, row: Instr) -> Writer:
    """A clause, which begins with the payload."""

    def write(label: Label, tag: int, functype: FuncType, reached: bool) -> None:
        _begin_clause(sink, label, tag, reached)
        for number, valtype in enumerate(functype.params):
            to = sink.cell(len(sink.vs))
            _copy_payload(sink, to, number, valtype)
            sink.vs.append(to)

    return write


@writer("catch_all")
def catch_all(sink: StencilSink, row: Instr) -> Writer:
    """The last clause."""
    return lambda label, reached: _begin_clause(sink, label, None, reached)


@writer("rethrow")
def rethrow(sink: StencilSink, row: Instr) -> Writer:
    """Let go again what a clause caught."""

    def write(label: Label) -> None:
        sink.load_caught(label.data.caught)
        _set_pending(sink, RAX)

    return write


@writer("delegate")
def delegate(sink: StencilSink, row: Instr) -> Writer:
    """The end of a block whose exceptions go where those of a label around it go."""

    def write(label: Label, depth: int, reached: bool) -> None:
        landing(sink, depth).extend(label.data.landings)
        join_end(sink, label, reached)

    return write


def _write_legacy_landing(sink: StencilSink, frame: Catching) -> None:
    """Look for the clause, which has its code already."""
    out = sink.out
    _load_exception(sink)
    for start, tag in frame.clauses:
        if tag is None:
            out += x86.jump(start - len(out) - 5)
            return
        _compare_tag(sink, tag)
        out += x86.JCC[x86.E][:2] + (start - len(out) - 6).to_bytes(4, "little", signed=True)
    out += b"\xe9\0\0\0\0"
    landing(sink).append(len(out))
