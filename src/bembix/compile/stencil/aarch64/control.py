"""Writers: blocks, branches, locals, globals, select, references.  Source: core 3.0, 4.6.1."""

from __future__ import annotations

import struct

from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.encode import LDR_Q, LDR_W, LDR_X, SP, STR_Q, STR_W, STR_X, T0
from bembix.compile.stencil.aarch64.sink import FLOATS, Aarch64Sink, Writer, writer
from bembix.compile.stencil.opcodes import IF, LOOP
from bembix.compile.traps import Reason
from bembix.spec.instructions import Instr
from bembix.spec.types import F32, I32, V128, ValType
from bembix.validate.sink import Label, ignore


@writer("nop", "any.convert_extern", "extern.convert_any")
def nothing(sink: Aarch64Sink, row: Instr) -> Writer:
    """Nothing: also for conversions, since host objects are boxes that no cast takes for anything else."""
    return ignore


@writer("unreachable")
def unreachable(sink: Aarch64Sink, row: Instr) -> Writer:
    """Trap."""
    return lambda: sink.trap(Reason.UNREACHABLE)


@writer("block")
def block(sink: Aarch64Sink, row: Instr) -> Writer:
    """Operands go where they can stay; code comes when somebody branches to the end."""

    def write(label: Label) -> None:
        sink.flush()
        label.data = []

    return write


@writer("loop")
def loop(sink: Aarch64Sink, row: Instr) -> Writer:
    """The place to come back to; its parameters are in cells, because branches back bring new ones."""

    def write(label: Label) -> None:
        sink.flush(label.height)
        label.data = [len(sink.out)]
        if sink.hot_count:
            sink.count()

    return write


@writer("if")
def if_(sink: Aarch64Sink, row: Instr) -> Writer:
    """Two arms; the second is only a join where there is no else."""

    def write(label: Label) -> None:
        sink.pop(9)
        sink.flush(label.height)
        sink.emit(a64.skip_unless_zero(9, wide=False))
        sink.elses[label.number] = sink.forward()
        label.data = []

    return write


def _reset(sink: Aarch64Sink, label: Label) -> None:
    """What is above a label is gone; what is below is in cells."""
    del sink.vs[label.height :]


def push_cells(sink: Aarch64Sink, count: int) -> None:
    """Push values that are in their own cells."""
    for _ in range(count):
        sink.vs.append(sink.cell(len(sink.vs)))


def begin_arm(sink: Aarch64Sink, label: Label, reached: bool) -> None:
    """End what is before another arm of a block."""
    if reached:
        sink.leave(label, sink.vs[label.height :])
        sink.jump(label)
    _reset(sink, label)


@writer("else")
def else_(sink: Aarch64Sink, row: Instr) -> Writer:
    """End the first arm and start the second with the parameters."""

    def write(label: Label, reached: bool) -> None:
        begin_arm(sink, label, reached)
        push_cells(sink, len(label.params))
        sink.patch([sink.elses.pop(label.number)])

    return write


@writer("end")
def end(sink: Aarch64Sink, row: Instr) -> Writer:
    """Join what falls through and what branched here."""

    def write(label: Label, reached: bool) -> None:
        if label.opcode > IF:
            from bembix.compile.stencil.aarch64.exceptions import end_catching

            end_catching(sink, label)
        join_end(sink, label, reached)

    return write


def join_end(sink: Aarch64Sink, label: Label, reached: bool) -> None:
    """Join what falls through and what branched to the end of a block."""
    lone = label.opcode == IF and not label.has_else
    if label.opcode == LOOP or (not label.targeted and not lone):
        if not reached:
            _reset(sink, label)
        return
    if reached:
        sink.leave(label, sink.vs[label.height :])
    if lone:  # its parameters are the results, in the same cells
        label.data.append(sink.elses.pop(label.number))
    _reset(sink, label)
    sink.patch(label.data)
    push_cells(sink, len(label.results))


def go(sink: Aarch64Sink, label: Label) -> None:
    """Go to a label with the values on top."""
    sink.leave(label, sink.vs[len(sink.vs) - len(label.targets) :])
    sink.jump(label)


@writer("br", "return")
def br(sink: Aarch64Sink, row: Instr) -> Writer:
    """Go, with the values on top."""
    return lambda label: go(sink, label)


def go_if(sink: Aarch64Sink, take: int, label: Label) -> None:
    """Go to a label where an instruction skips the jump that stands behind it."""
    sink.emit(take)
    over = sink.forward()
    go(sink, label)
    sink.patch([over])


@writer("br_if")
def br_if(sink: Aarch64Sink, row: Instr) -> Writer:
    """Go where the condition holds; the values stay for the other case."""

    def write(label: Label) -> None:
        sink.pop(9)
        go_if(sink, a64.skip_unless_zero(9, wide=False), label)

    return write


@writer("br_table")
def br_table(sink: Aarch64Sink, row: Instr) -> Writer:
    """A jump through a table behind it, of distances from the table."""
    out = sink.out

    def write(labels: list[Label], default: Label) -> None:
        sink.pop(9)
        out.extend(a64.constant(T0, len(labels)))
        sink.emit(a64.cmp_w(9, T0))
        go_if(sink, a64.skip_if(a64.HS), default)
        # adr x10, table; ldrsw x9, [x10, x9, lsl 2]; add x9, x9, x10; br x9
        sink.emit(a64.adr(10, 16), 0xB8A97949, a64.three(a64.ADD, 9, 9, 10), a64.br(9))
        table = len(out)
        out.extend(bytes(4 * len(labels)))
        ways: dict[Label, int] = {}
        for number, label in enumerate(labels):
            if label not in ways:
                ways[label] = len(out)
                go(sink, label)
            struct.pack_into("<i", out, table + 4 * number, ways[label] - table)

    return write


@writer("drop")
def drop(sink: Aarch64Sink, row: Instr) -> Writer:
    """Nobody wants it."""

    def write() -> None:
        sink.vs.pop()

    return write


@writer("select", "select t")
def select(sink: Aarch64Sink, row: Instr) -> Writer:
    """Choose the first value where the condition holds."""

    def write(valtype: ValType) -> None:
        sink.pop(9)
        second, first = sink.vs.pop(), sink.vs.pop()
        if valtype in FLOATS:
            sink.load_float(0, first, valtype)
            sink.load_float(1, second, valtype)
            sink.emit(a64.skip_unless_zero(9, wide=False), 0x4EA11C20)  # mov v0, v1
            sink.push_float(0, valtype)
            return
        sink.load(10, first)
        sink.load(11, second)
        sink.emit(a64.three(a64.SUBS_W, a64.ZR, 9, a64.ZR), a64.csel(10, 10, 11, a64.NE))
        sink.push(10)

    return write


# -- locals ------------------------------------------------------------------------------------------------------------


@writer("local.get")
def local_get(sink: Aarch64Sink, row: Instr) -> Writer:
    """Where the local lives is the operand."""
    push, homes = sink.vs.append, sink.homes
    return lambda index: push(homes[index])


def _set(sink: Aarch64Sink, index: int, entry: int) -> None:
    to = sink.homes[index]
    if entry == to:
        return
    sink.preserve(to)
    if sink.body.local_types[index] is V128:
        sink.copy(to, entry)
    else:
        sink.load(T0, entry)
        sink.get(STR_X, T0, SP, to)


@writer("local.set")
def local_set(sink: Aarch64Sink, row: Instr) -> Writer:
    """Write its home."""
    return lambda index: _set(sink, index, sink.vs.pop())


@writer("local.tee")
def local_tee(sink: Aarch64Sink, row: Instr) -> Writer:
    """The same; the value stays."""

    def write(index: int) -> None:
        entry = sink.vs.pop()
        _set(sink, index, entry)
        sink.vs.append(entry)

    return write


# -- globals -----------------------------------------------------------------------------------------------------------


def _cell_of(sink: Aarch64Sink, index: int) -> tuple[int, int]:
    """Return a register and the offset of a global's cell."""
    offset, imported = sink.layout.global_(index)
    sink.get_context(9)
    if not imported:
        return 9, offset
    sink.get(LDR_X, 9, 9, offset)
    return 9, 0


@writer("global.get")
def global_get(sink: Aarch64Sink, row: Instr) -> Writer:
    """Read its cell."""

    def write(index: int) -> None:
        valtype = sink.context.globals[index].value
        base, at = _cell_of(sink, index)
        if valtype is V128:
            sink.get(LDR_Q, 0, base, at)
            sink.push_float(0, valtype)
        else:
            sink.get(LDR_W if valtype in (I32, F32) else LDR_X, 10, base, at)
            sink.push(10)

    return write


@writer("global.set")
def global_set(sink: Aarch64Sink, row: Instr) -> Writer:
    """Write its cell."""

    def write(index: int) -> None:
        valtype, entry = sink.context.globals[index].value, sink.vs.pop()
        base, at = _cell_of(sink, index)
        if valtype is V128:
            sink.load_float(0, entry, valtype)
            sink.get(STR_Q, 0, base, at)
        else:
            sink.load(10, entry)
            sink.get(STR_W if valtype in (I32, F32) else STR_X, 10, base, at)

    return write


# -- references --------------------------------------------------------------------------------------------------------


@writer("ref.null")
def ref_null(sink: Aarch64Sink, row: Instr) -> Writer:
    """A null of any type is 0."""
    return lambda: sink.vs.append(~0)


@writer("ref.is_null")
def ref_is_null(sink: Aarch64Sink, row: Instr) -> Writer:
    """Compare with null."""

    def write() -> None:
        sink.pop(9)
        sink.emit(a64.subs_imm(a64.ZR, 9, 0), a64.cset(9, a64.EQ))
        sink.push(9)

    return write


@writer("ref.eq")
def ref_eq(sink: Aarch64Sink, row: Instr) -> Writer:
    """Compare addresses."""

    def write() -> None:
        sink.pop(10)
        sink.pop(9)
        sink.emit(a64.cmp(9, 10), a64.cset(9, a64.EQ))
        sink.push(9)

    return write


@writer("ref.func")
def ref_func(sink: Aarch64Sink, row: Instr) -> Writer:
    """The address of its record."""

    def write(index: int) -> None:
        offset, imported = sink.layout.function(index)
        sink.get_context(9)
        if imported:
            sink.get(LDR_X, 9, 9, offset)
        else:
            sink.out.extend(a64.constant(T0, offset))
            sink.emit(a64.three(a64.ADD, 9, 9, T0))
        sink.push(9)

    return write


@writer("ref.as_non_null")
def ref_as_non_null(sink: Aarch64Sink, row: Instr) -> Writer:
    """Trap on null."""

    def write() -> None:
        sink.load(9, sink.vs[-1])
        sink.trap_if_zero(9, Reason.NULL_REFERENCE)

    return write


@writer("br_on_null")
def br_on_null(sink: Aarch64Sink, row: Instr) -> Writer:
    """Go where the reference is null, without it."""

    def write(label: Label) -> None:
        entry = sink.vs.pop()
        sink.load(9, entry)
        go_if(sink, a64.skip_if_zero(9, wide=True), label)
        sink.vs.append(entry)

    return write


@writer("br_on_non_null")
def br_on_non_null(sink: Aarch64Sink, row: Instr) -> Writer:
    """Go where the reference is not null, with it."""

    def write(label: Label) -> None:
        sink.load(9, sink.vs[-1])
        go_if(sink, a64.skip_unless_zero(9, wide=True), label)
        sink.vs.pop()

    return write
