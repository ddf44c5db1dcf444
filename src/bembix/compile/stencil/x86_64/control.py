"""Writers: blocks, branches, locals, globals, select, references.  Source: core 3.0, 4.6.1."""

from __future__ import annotations

import struct
from typing import Final

from bembix.compile import layout
from bembix.compile.stencil.opcodes import IF, LOOP
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.encode import (
    CONSTANT,
    JCC,
    LOAD64,
    MOV64,
    RCX,
    STORE64,
    STORESD,
    STOREUPS,
    XMM0,
    XOR32,
    by_frame,
    by_registers,
    rm,
)
from bembix.compile.stencil.x86_64.sink import CELLS, FLAGS, XSCRATCH, StencilSink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import Instr
from bembix.spec.types import F32, F64, I32, V128, ValType
from bembix.validate.sink import Label, ignore

_FLOATS: Final = (F32, F64, V128)
_PACK: Final = struct.Struct("<i").pack_into


@writer("nop")
def nop(sink: StencilSink, row: Instr) -> Writer:
    """Nothing."""
    return ignore


@writer("unreachable")
def unreachable(sink: StencilSink, row: Instr) -> Writer:
    """Trap."""
    return lambda: sink.trap(Reason.UNREACHABLE)


@writer("block")
def block(sink: StencilSink, row: Instr) -> Writer:
    """Operands go where they can stay; code comes when somebody branches to the end."""
    vs, flush = sink.vs, sink.flush

    def write(label: Label) -> None:
        if vs:
            flush()
        label.data = []

    return write


@writer("loop")
def loop(sink: StencilSink, row: Instr) -> Writer:
    """The place to come back to; its parameters are in cells, because branches back bring new ones."""

    def write(label: Label) -> None:
        if sink.vs:
            sink.flush(label.height)
        label.data = [len(sink.out)]
        sink.bound = len(sink.out)
        if sink.hot_count:
            _count(sink)

    return write


def _count(sink: StencilSink) -> None:
    """Count a round."""
    out, at = sink.out, sink.layout.counter(sink.function)
    context = sink.context_register()
    out += rm(b"\x83", 1, 0, context, at) + b"\x01"
    out += rm(b"\x81", 1, 7, context, at) + sink.hot_count.to_bytes(4, "little")
    out += JCC[x86.E]
    there = len(out)

    def cold() -> None:
        _PACK(out, there - 4, len(out) - there)
        sink.hot_call(out)
        out.extend(x86.jump(there - len(out) - 5))

    sink.cold.append(cold)


@writer("if")
def if_(sink: StencilSink, row: Instr) -> Writer:
    """Two arms; the second is only a join where there is no else."""
    vs, out = sink.vs, sink.out

    def write(label: Label) -> None:
        condition = sink.condition()
        if vs:
            sink.flush(label.height)
        out.extend(JCC[condition ^ 1])
        sink.elses[label.number] = len(out)
        label.data = []

    return write


def _reset(sink: StencilSink, label: Label) -> None:
    """What is above a label is gone; what is below is in cells."""
    del sink.vs[label.height :]
    sink.free[:] = sink.pool
    sink.xfree[:] = XSCRATCH


def push_cells(sink: StencilSink, count: int) -> None:
    """Push values that are in their own cells."""
    vs = sink.vs
    for _ in range(count):
        vs.append(sink.cell(len(vs)))


@writer("else")
def else_(sink: StencilSink, row: Instr) -> Writer:
    """End the first arm and start the second with the parameters."""
    out = sink.out

    def write(label: Label, reached: bool) -> None:
        if reached:
            if label.results:
                sink.leave(label, sink.vs[label.height :])
            out.extend(b"\xe9\0\0\0\0")
            label.data.append(len(out))
        _reset(sink, label)
        push_cells(sink, len(label.params))
        sink.patch([sink.elses.pop(label.number)])

    return write


@writer("end")
def end(sink: StencilSink, row: Instr) -> Writer:
    """Join what falls through and what branched here."""

    def write(label: Label, reached: bool) -> None:
        if label.opcode > IF:
            from bembix.compile.stencil.x86_64.exceptions import end_catching

            end_catching(sink, label)
        join_end(sink, label, reached)

    return write


def join_end(sink: StencilSink, label: Label, reached: bool) -> None:
    """Join what falls through and what branched to the end of a block."""
    lone = label.opcode == IF and not label.has_else
    if label.opcode == LOOP or (not label.targeted and not lone):
        if not reached:
            _reset(sink, label)
        return
    if reached and label.results:
        sink.leave(label, sink.vs[label.height :])
    if lone:  # its parameters are the results, in the same cells
        label.data.append(sink.elses.pop(label.number))
    _reset(sink, label)
    sink.patch(label.data)
    if label.results:
        push_cells(sink, len(label.results))


def go(sink: StencilSink, label: Label) -> None:
    """Go to a label with the values on top."""
    count = len(label.targets)
    if count:
        sink.leave(label, sink.vs[len(sink.vs) - count :])
    sink.jump(label)


@writer("br", "return")
def br(sink: StencilSink, row: Instr) -> Writer:
    """Go, with the values on top."""
    return lambda label: go(sink, label)


def branch_if(sink: StencilSink, condition: int, label: Label) -> None:
    """Go where a condition holds; the values stay for the other case."""
    count = len(label.targets)
    if not count or (label.opcode and _in_place(sink, label, count)):
        sink.jump_if(condition, label)
        return
    sink.out += JCC[condition ^ 1]
    over = len(sink.out)
    go(sink, label)
    sink.patch([over])


def _in_place(sink: StencilSink, label: Label, count: int) -> bool:
    """Tell whether the values on top are where a label wants them; where their cells are the same, put them there."""
    vs = sink.vs
    first = len(vs) - count
    if label.height != first:
        return False
    for position in range(first, len(vs)):
        at, entry = sink.cell(position), vs[position]
        if entry != at:
            sink.store_entry(at, entry)
            sink.release(entry)
            vs[position] = at
    return True


@writer("br_if")
def br_if(sink: StencilSink, row: Instr) -> Writer:
    """Go where the condition holds; the values stay for the other case."""
    return lambda label: branch_if(sink, sink.condition(), label)


@writer("br_table")
def br_table(sink: StencilSink, row: Instr) -> Writer:
    """A jump through a table behind it, of distances from the table."""
    out = sink.out

    def write(labels: list[Label], default: Label) -> None:
        index = sink.own(sink.vs.pop())
        count = len(default.targets)
        out.extend(x86.rr(b"\x81", 0, 7, index) + len(labels).to_bytes(4, "little"))
        branch_if(sink, x86.AE, default)
        out.extend(x86.rip(b"\x8d", 1, RCX))  # lea rcx, [rip + table]
        lea = len(out)
        out.extend(x86.rx(b"\x63", 1, index, RCX, index, 0, scale=2))  # movsxd index, [rcx + 4 * index]
        out.extend(x86.rr(b"\x03", 1, index, RCX) + x86.rr(b"\xff", 0, 4, index))
        _PACK(out, lea - 4, len(out) - lea)
        sink.free.append(index)
        _write_table(sink, labels, count)

    return write


def _write_table(sink: StencilSink, labels: list[Label], count: int) -> None:
    """Write the table; labels that want values have code behind it that brings them there."""
    out = sink.out
    table = len(out)
    out += bytes(4 * len(labels))
    ways: dict[Label, int] = {}
    for number, label in enumerate(labels):
        at = table + 4 * number
        if label.opcode == LOOP and not count:
            _PACK(out, at, label.data[0] - table)
        elif count or label.opcode != LOOP:
            way = ways.get(label)
            if way is None:
                way = ways[label] = len(out)
                go(sink, label)
            _PACK(out, at, way - table)


@writer("drop")
def drop(sink: StencilSink, row: Instr) -> Writer:
    """A register is free again."""
    return lambda: sink.release(sink.vs.pop())


# -- select ------------------------------------------------------------------------------------------------------------

_CMOV: Final = [by_registers(bytes((0x0F, 0x40 | cc)), 1) for cc in range(16)]
_CMOV_CELL: Final = [by_frame(bytes((0x0F, 0x40 | cc)), 1) for cc in range(16)]


@writer("select", "select t")
def select(sink: StencilSink, row: Instr) -> Writer:
    """Choose the first value where the condition holds: a conditional move, or a jump over a move."""
    vs, out = sink.vs, sink.out

    def write(valtype: ValType) -> None:
        condition = sink.condition()
        second, first = vs.pop(), vs.pop()
        if valtype in _FLOATS:
            choose_vector(valtype, condition, first, second)
            return
        if 0 <= second < XMM0 and sink.scratch[second] and not (0 <= first < XMM0 and sink.scratch[first]):
            first, second, condition = second, first, condition ^ 1
        to = sink.own(first)
        if second < 0:
            out.extend(CONSTANT[~second << 4 | RCX])
            second = RCX
        if second < XMM0:
            out.extend(_CMOV[condition ^ 1][to << 5 | second])
            if second != RCX:
                sink.release(second)
        else:
            out.extend(_CMOV_CELL[condition ^ 1][second << 5 | to])
        vs.append(to)

    def choose_vector(valtype: ValType, condition: int, first: int, second: int) -> None:
        to = first
        if not (XMM0 <= first < FLAGS and sink.scratch[first]):
            to = sink.xalloc()
            sink.typed_move(to, first, valtype)
        out.extend(bytes((0x70 | condition, 0)))
        over = len(out)
        if valtype is V128:
            sink.vmove(to, second)
        else:
            sink.xmove(to, second)
        out[over - 1] = len(out) - over
        sink.release(second)
        vs.append(to)

    return write


# -- locals ------------------------------------------------------------------------------------------------------------


@writer("local.get")
def local_get(sink: StencilSink, row: Instr) -> Writer:
    """Where the local lives is the operand."""
    push, ent = sink.vs.append, sink.ent
    return lambda index: push(ent[index])


def _preserve(sink: StencilSink, index: int, home: int) -> None:
    """A local is about to change: operands that are its value get a register of their own."""
    vs = sink.vs
    valtype = sink.body.local_types[index]
    for position, entry in enumerate(vs):
        if entry == home:
            to = sink.xalloc() if valtype in _FLOATS else sink.alloc()
            sink.typed_move(to, entry, valtype)
            vs[position] = to


def _write_local(sink: StencilSink, index: int, to: int, entry: int) -> None:
    """Put a value, which was popped, into a local."""
    out = sink.out
    if to < XMM0:
        if entry < 0:
            out += XOR32[to << 5 | to] if entry == -1 else CONSTANT[~entry << 4 | to]
        elif entry < XMM0:
            out += MOV64[to << 5 | entry]
        else:
            out += LOAD64[entry << 5 | to]
        return
    valtype = sink.body.local_types[index]
    if to < FLAGS:
        sink.typed_move(to, entry, valtype)
    elif valtype is V128:
        if not XMM0 <= entry < FLAGS:
            sink.vmove(31, entry)
            entry = 31
        out += STOREUPS[to << 5 | entry]
    elif entry < 0:
        if ~entry < 1 << 31:
            out += rm(b"\xc7", 1, 0, x86.RBP, -to) + (~entry).to_bytes(4, "little")
        else:
            out += CONSTANT[~entry << 4 | RCX] + STORE64[to << 5 | RCX]
    elif entry < XMM0:
        out += STORE64[to << 5 | entry]
    elif entry < FLAGS:
        out += STORESD[to << 5 | entry]
    else:
        out += LOAD64[entry << 5 | RCX] + STORE64[to << 5 | RCX]


@writer("local.set")
def local_set(sink: StencilSink, row: Instr) -> Writer:
    """Write its register or home, unless the value was made there."""
    vs, ent, scratch = sink.vs, sink.ent, sink.scratch

    def write(index: int) -> None:
        entry, to = vs.pop(), ent[index]
        if entry == to:
            return
        if to in vs:
            _preserve(sink, index, to)
        _write_local(sink, index, to, entry)
        if 0 <= entry < FLAGS and scratch[entry]:
            (sink.free if entry < XMM0 else sink.xfree).append(entry)

    return write


@writer("local.tee")
def local_tee(sink: StencilSink, row: Instr) -> Writer:
    """The same; the value stays, as the local where it is in no register."""
    vs, ent = sink.vs, sink.ent

    def write(index: int) -> None:
        entry, to = vs[-1], ent[index]
        if entry == to:
            return
        if to in vs:
            del vs[-1]
            _preserve(sink, index, to)
            vs.append(entry)
        _write_local(sink, index, to, entry)
        if entry >= CELLS and to < FLAGS:
            vs[-1] = to

    return write


# -- globals -----------------------------------------------------------------------------------------------------------


def _cell_of(sink: StencilSink, index: int) -> tuple[int, int]:
    """Return a register and the displacement of a global's cell; the register may be rcx."""
    offset, imported = sink.layout.global_(index)
    context = sink.context_register()
    if not imported:
        return context, offset
    sink.out += rm(b"\x8b", 1, RCX, context, offset)
    return RCX, 0


@writer("global.get")
def global_get(sink: StencilSink, row: Instr) -> Writer:
    """Read its cell."""
    vs, out = sink.vs, sink.out

    def write(index: int) -> None:
        valtype = sink.context.globals[index].value
        if valtype in _FLOATS:
            to = sink.xalloc()
            base, at = _cell_of(sink, index)
            prefix = b"" if valtype is V128 else b"\xf3" if valtype is F32 else b"\xf2"
            out.extend(rm(b"\x0f\x10", 0, to, base, at, prefix))
        else:
            to = sink.alloc()
            base, at = _cell_of(sink, index)
            out.extend(rm(b"\x8b", valtype is not I32, to, base, at))
        vs.append(to)

    return write


@writer("global.set")
def global_set(sink: StencilSink, row: Instr) -> Writer:
    """Write its cell."""
    vs, out = sink.vs, sink.out

    def write(index: int) -> None:
        valtype, entry = sink.context.globals[index].value, vs.pop()
        if valtype in _FLOATS:
            source = entry
            if not XMM0 <= entry < FLAGS:
                source = 31
                sink.typed_move(source, entry, valtype)
            base, at = _cell_of(sink, index)
            prefix = b"" if valtype is V128 else b"\xf3" if valtype is F32 else b"\xf2"
            out.extend(rm(b"\x0f\x11", 0, source, base, at, prefix))
        else:
            entry = sink.register(entry)
            base, at = _cell_of(sink, index)
            out.extend(rm(b"\x89", valtype is not I32, entry, base, at))
        sink.release(entry)

    return write


# -- references --------------------------------------------------------------------------------------------------------


@writer("ref.null")
def ref_null(sink: StencilSink, row: Instr) -> Writer:
    """A null of any type is 0."""
    push = sink.vs.append
    return lambda: push(-1)


def test_null(sink: StencilSink, entry: int) -> None:
    """Compare an operand with null: the condition is E then."""
    out = sink.out
    if entry < 0:
        out += CONSTANT[~entry << 4 | RCX] + x86.TEST64[RCX << 5 | RCX]
    elif entry < XMM0:
        out += x86.TEST64[entry << 5 | entry]
    else:
        out += rm(b"\x83", 1, 7, x86.RBP, -entry) + b"\0"


@writer("ref.is_null")
def ref_is_null(sink: StencilSink, row: Instr) -> Writer:
    """Compare with null."""
    from bembix.compile.stencil.x86_64.integers import push_condition

    def write() -> None:
        entry = sink.vs.pop()
        test_null(sink, entry)
        sink.release(entry)
        push_condition(sink, x86.E)

    return write


@writer("ref.func")
def ref_func(sink: StencilSink, row: Instr) -> Writer:
    """The address of its record."""

    def write(index: int) -> None:
        offset, imported = sink.layout.function(index)
        to = sink.alloc()
        sink.out.extend(rm(b"\x8b" if imported else b"\x8d", 1, to, sink.context_register(), offset))
        sink.vs.append(to)

    return write


@writer("ref.as_non_null")
def ref_as_non_null(sink: StencilSink, row: Instr) -> Writer:
    """Trap on null."""

    def write() -> None:
        test_null(sink, sink.vs[-1])
        sink.trap_if(x86.E, Reason.NULL_REFERENCE)

    return write


@writer("br_on_null")
def br_on_null(sink: StencilSink, row: Instr) -> Writer:
    """Go where the reference is null, without it."""

    def write(label: Label) -> None:
        entry = sink.vs.pop()
        test_null(sink, entry)
        branch_if(sink, x86.E, label)
        sink.vs.append(entry)

    return write


@writer("br_on_non_null")
def br_on_non_null(sink: StencilSink, row: Instr) -> Writer:
    """Go where the reference is not null, with it."""

    def write(label: Label) -> None:
        test_null(sink, sink.vs[-1])
        branch_if(sink, x86.NE, label)
        sink.release(sink.vs.pop())

    return write


@writer("memory.size")
def memory_size(sink: StencilSink, row: Instr) -> Writer:
    """Read it from the memory's block."""

    def write(index: int) -> None:
        to = sink.alloc()
        out = sink.out
        out += rm(b"\x8b", 1, to, sink.context_register(), sink.layout.memory(index) + layout.Slot.BLOCK)
        out += rm(b"\x8b", sink.context.memories[index].address is not I32, to, to, layout.Block.PAGES)
        sink.vs.append(to)

    return write
