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
from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.casts import get_heap
from bembix.compile.stencil.aarch64.control import begin_arm, join_end
from bembix.compile.stencil.aarch64.encode import FP, LDR_Q, LDR_X, SP, STR_Q, STR_X, T0
from bembix.compile.stencil.aarch64.sink import Aarch64Sink, Writer, writer
from bembix.compile.stencil.catching import Catching, landing, need_checks
from bembix.compile.traps import Reason
from bembix.spec.instructions import BY_NAME, Instr
from bembix.spec.types import FuncType, ValType
from bembix.validate.sink import Label

_PENDING: Final = layout.Store.PENDING
_EXN: Final = layout.Exception_
_TRY_TABLE: Final = BY_NAME["try_table"].code


def check_pending(sink: Aarch64Sink) -> None:
    """Behind a call, go where an exception goes if one is pending; x9 is lost."""
    sink.get_store(9)
    sink.get(LDR_X, 9, 9, _PENDING)
    sink.emit(a64.skip_if_zero(9, wide=True))
    landing(sink).append(sink.forward())


def _set_pending(sink: Aarch64Sink, exception: int) -> None:
    """Let an exception in a register go; x9 is lost."""
    sink.get_store(9)
    sink.get(STR_X, exception, 9, _PENDING)
    landing(sink).append(sink.forward())


def allocate(sink: Aarch64Sink, size: int) -> None:
    """Make an object of so many bytes, few enough, all 0 but for its header; its address is in x0.

    Operands in the frame stay; whoever needs others has to have brought them there.
    """
    get_heap(sink, 1)
    sink.get_context(0)
    sink.get(LDR_X, 9, 1, Heap.NEW)
    sink.out += a64.constant(T0, size_class(size))
    sink.emit(a64.three(a64.ADD, 2, 1, T0), a64.blr(9))


@writer("throw")
def throw(sink: Aarch64Sink, row: Instr) -> Writer:
    """Make an exception and let it go."""

    def write(tag: int, functype: FuncType) -> None:
        need_checks(sink)
        count = len(functype.params)
        allocate(sink, _EXN.PAYLOAD + 16 * count)
        sink.out.extend(a64.constant(9, Size.EXCEPTION_TYPE))
        sink.get(STR_X, 9, 0, _EXN.HEADER)
        sink.from_context(LDR_X, 9, sink.layout.tag(tag))
        sink.get(STR_X, 9, 0, _EXN.TAG)
        sink.out.extend(a64.constant(9, count))
        sink.get(STR_X, 9, 0, _EXN.COUNT)
        values = sink.vs[len(sink.vs) - count :]
        for number, (valtype, entry) in enumerate(zip(functype.params, values, strict=True)):
            sink.to_block(0, _EXN.PAYLOAD + 16 * number, valtype, entry)
        _set_pending(sink, 0)

    return write


@writer("throw_ref")
def throw_ref(sink: Aarch64Sink, row: Instr) -> Writer:
    """Let an exception go again."""

    def write() -> None:
        need_checks(sink)
        sink.pop(10)
        sink.trap_if_zero(10, Reason.NULL_EXCEPTION)
        _set_pending(sink, 10)

    return write


@writer("try_table")
def try_table(sink: Aarch64Sink, row: Instr) -> Writer:
    """A block; its landing is written at its end."""

    def write(label: Label, catches: Sequence[Catch], targets: Sequence[Label]) -> None:
        need_checks(sink)
        sink.flush()
        label.data = Catching(catches, targets)

    return write


def end_catching(sink: Aarch64Sink, label: Label) -> None:
    """At the end of a block that catches, write what looks at its clauses; the code at hand goes around it."""
    frame = label.data
    if not isinstance(frame, Catching) or not frame.landings:
        return
    around = sink.forward()
    sink.patch(frame.landings)
    if label.opcode == _TRY_TABLE:
        _write_landing(sink, frame)
    else:
        _write_legacy_landing(sink, frame)
    sink.patch([around])


def _load_exception(sink: Aarch64Sink) -> None:
    """Load the store block to x12, the exception to x11."""
    sink.get_store(12)
    sink.get(LDR_X, 11, 12, _PENDING)


def _compare_tag(sink: Aarch64Sink, tag: int) -> None:
    """Compare the tag of the exception in x11 with one of the module's."""
    sink.from_context(LDR_X, 9, sink.layout.tag(tag))
    sink.get(LDR_X, 10, 11, _EXN.TAG)
    sink.emit(a64.cmp(9, 10))


def _write_landing(sink: Aarch64Sink, frame: Catching) -> None:
    _load_exception(sink)
    for catch, target in zip(frame.catches, frame.targets, strict=True):
        skip: list[int] = []
        types: tuple[ValType, ...] = ()
        if catch.tag is not None:
            types = sink.context.tag_type(catch.tag).params
            _compare_tag(sink, catch.tag)
            sink.emit(a64.skip_if(a64.EQ))
            skip.append(sink.forward())
        sink.get(STR_X, a64.ZR, 12, _PENDING)
        _go_with_payload(sink, target, types, catch.kind.endswith("_ref"))
        sink.patch(skip)
        if catch.tag is None:
            return
    landing(sink).append(sink.forward())


def _go_with_payload(sink: Aarch64Sink, target: Label, types: Sequence[ValType], with_exception: bool) -> None:
    """Go to a label with what the exception in x11 carries."""
    if target.opcode:
        for number, valtype in enumerate(types):
            _copy_payload(sink, sink.cell(target.height + number), number, valtype)
        if with_exception:
            sink.get(STR_X, 11, SP, sink.cell(target.height + len(types)))
    elif len(target.targets) > layout.MAX_REGISTER_RESULTS:
        for number in range(len(types)):
            sink.get(LDR_Q, 0, 11, _EXN.PAYLOAD + 16 * number)
            sink.get(STR_Q, 0, 12, layout.Store.VALUES + 16 * number)
        if with_exception:
            sink.get(STR_X, 11, 12, layout.Store.VALUES + 16 * len(types))
    else:
        values: list[int] = []
        for number, valtype in enumerate(types):
            values.append(sink.cell(len(sink.vs) + number))
            _copy_payload(sink, values[-1], number, valtype)
        if with_exception:
            values.append(sink.cell(len(sink.vs) + len(types)))
            sink.get(STR_X, 11, SP, values[-1])
        sink.results_to_registers(values)
    sink.jump(target)


def _copy_payload(sink: Aarch64Sink, to: int, number: int, valtype: ValType) -> None:
    sink.from_block(11, _EXN.PAYLOAD + 16 * number, valtype, to)


# -- legacy ------------------------------------------------------------------------------------------------------------


@writer("try")
def try_(sink: Aarch64Sink, row: Instr) -> Writer:
    """A block; its landing is written at its end."""

    def write(label: Label) -> None:
        need_checks(sink)
        sink.flush()
        label.data = Catching()

    return write


def _caught(sink: Aarch64Sink, op: int, cell: int) -> None:
    """Load or store x11 at a cell at the high end of the frame; they are counted from 1."""
    sink.out += a64.constant(T0, 8 * cell)
    sink.emit(a64.three(a64.SUB, T0, FP, T0))
    sink.get(op, 11, T0, 0)


def _begin_clause(sink: Aarch64Sink, label: Label, tag: int | None, reached: bool) -> None:
    """End the clause before, begin the next one; the exception, which is no longer pending, is in x11."""
    frame: Catching = label.data
    begin_arm(sink, label, reached)
    if not frame.caught:
        sink.caught_cells += 1
        frame.caught = sink.caught_cells
    frame.clauses.append((len(sink.out), tag))
    _load_exception(sink)
    sink.get(STR_X, a64.ZR, 12, _PENDING)
    _caught(sink, STR_X, frame.caught)


@writer("catch")
def catch(sink: Aarch64Sink, row: Instr) -> Writer:
    """A clause, which begins with the payload."""

    def write(label: Label, tag: int, functype: FuncType, reached: bool) -> None:
        _begin_clause(sink, label, tag, reached)
        for number, valtype in enumerate(functype.params):
            to = sink.cell(len(sink.vs))
            _copy_payload(sink, to, number, valtype)
            sink.vs.append(to)

    return write


@writer("catch_all")
def catch_all(sink: Aarch64Sink, row: Instr) -> Writer:
    """The last clause."""
    return lambda label, reached: _begin_clause(sink, label, None, reached)


@writer("rethrow")
def rethrow(sink: Aarch64Sink, row: Instr) -> Writer:
    """Let go again what a clause caught."""

    def write(label: Label) -> None:
        _caught(sink, LDR_X, label.data.caught)
        _set_pending(sink, 11)

    return write


@writer("delegate")
def delegate(sink: Aarch64Sink, row: Instr) -> Writer:
    """The end of a block whose exceptions go where those of a label around it go."""

    def write(label: Label, depth: int, reached: bool) -> None:
        landing(sink, depth).extend(label.data.landings)
        join_end(sink, label, reached)

    return write


def _write_legacy_landing(sink: Aarch64Sink, frame: Catching) -> None:
    """Look for the clause, which has its code already."""
    _load_exception(sink)
    for start, tag in frame.clauses:
        if tag is not None:
            _compare_tag(sink, tag)
            sink.emit(a64.skip_if(a64.NE))
        sink.emit(a64.branch(start - len(sink.out)))
        if tag is None:
            return
    landing(sink).append(sink.forward())
