"""Writers: blocks, branches, locals, globals, select.  Source: core 3.0, 4.6.1."""

from __future__ import annotations

from bembix.compile import layout
from bembix.compile.llvm.nans import LANES
from bembix.compile.llvm.sink import INVARIANT, Frame, LlvmSink, operation
from bembix.compile.llvm.types import BYTES, llvm_type
from bembix.compile.traps import Reason
from bembix.spec.types import ValType
from bembix.validate.sink import Label

_LOOP = 0x03
_IF = 0x04
_TRY_TABLE = 0x1F


@operation("unreachable")
def unreachable(sink: LlvmSink) -> None:
    """Trap."""
    sink.settle()
    sink.out.append(sink.trap_call(Reason.UNREACHABLE, sink.walker.offset))


@operation("block")
def block(sink: LlvmSink, label: Label) -> None:
    """Nothing until somebody branches to it."""
    label.data = Frame(f"L{label.number}")


@operation("loop")
def loop(sink: LlvmSink, label: Label) -> None:
    """A basic block; its parameters come from slots, because branches back bring new ones."""
    frame = label.data = Frame(f"L{label.number}")
    sink.has_loop = True
    count = len(label.params)
    sink.leave_values(label, sink.pop_many(count), sink.out)
    sink.out.append(f"br label %{frame.name}\n{frame.name}:")
    sink.join()
    if not sink.group.optimize:
        sink.count()
    sink.show_fuel()
    sink.take_values(label, label.params)


@operation("if")
def if_(sink: LlvmSink, label: Label) -> None:
    """Two arms; the second is only a join where there is no else."""
    frame = label.data = Frame(f"L{label.number}")
    condition = sink.condition(sink.pop())
    sink.settle()
    frame.params = sink.values[label.height :]
    sink.out.append(
        f"br i1 {condition}, label %{frame.name}.then, label %{frame.name}.else{sink.likely()}\n{frame.name}.then:"
    )


def _reset(sink: LlvmSink, label: Label) -> None:
    del sink.values[label.height :]


@operation("else")
def else_(sink: LlvmSink, label: Label, reached: bool) -> None:
    """End the first arm and start the second with the parameters."""
    frame: Frame = label.data
    if reached:
        sink.jump(label, sink.values[label.height :], sink.out)
    _reset(sink, label)
    sink.values += frame.params
    sink.out.append(f"{frame.name}.else:")
    sink.join()


@operation("end")
def end(sink: LlvmSink, label: Label, reached: bool) -> None:
    """Join what falls through and what branched here."""
    frame: Frame = label.data
    if frame.landing_used:
        _write_landing(sink, label)
    join_end(sink, label, reached)


def _write_landing(sink: LlvmSink, label: Label) -> None:
    if label.opcode == _TRY_TABLE:
        from bembix.compile.llvm.operations_exceptions import write_landing

        write_landing(sink, label)
    else:
        from bembix.compile.llvm.operations_legacy import write_legacy_landing

        write_legacy_landing(sink, label)


def join_end(sink: LlvmSink, label: Label, reached: bool) -> None:
    """Join what falls through and what branched to the end of a block."""
    frame: Frame = label.data
    if label.opcode == _LOOP:
        if not reached:
            _reset(sink, label)
        return
    lone_if = label.opcode == _IF and not label.has_else
    if not label.targeted and not lone_if:
        if not reached:
            _reset(sink, label)
        return
    if reached:
        sink.jump(label, sink.values[label.height :], sink.out)
    if lone_if:
        sink.out.append(f"{frame.name}.else:")
        sink.jump(label, frame.params, sink.out)
    _reset(sink, label)
    sink.out.append(f"{frame.name}:")
    sink.join()
    sink.take_values(label, label.results)


@operation("br", "return")
def br(sink: LlvmSink, label: Label) -> None:
    """Go, with the values on top."""
    sink.settle()
    count = len(label.targets)
    sink.jump(label, sink.values[len(sink.values) - count :], sink.out)


@operation("br_if")
def br_if(sink: LlvmSink, label: Label) -> None:
    """Go where the condition holds; the values stay for the other case."""
    condition = sink.condition(sink.pop())
    sink.settle()
    name = sink.destination(label, sink.values[len(sink.values) - len(label.targets) :])
    sink.number += 1
    sink.out.append(f"br i1 {condition}, label %{name}, label %n{sink.number}{sink.likely()}\nn{sink.number}:")


@operation("br_table")
def br_table(sink: LlvmSink, labels: list[Label], default: Label) -> None:
    """A switch."""
    value = sink.pop()
    sink.settle()
    values = sink.values[len(sink.values) - len(default.targets) :]
    names = {label: sink.destination(label, values) for label in dict.fromkeys([*labels, default])}
    cases = " ".join(f"i32 {i}, label %{names[label]}" for i, label in enumerate(labels))
    sink.out.append(f"switch i32 {value}, label %{names[default]} [ {cases} ]")


@operation("drop")
def drop(sink: LlvmSink) -> None:
    """A load whose result is dropped still has to trap."""
    sink.keep((sink.values.pop(),))


@operation("select", "select t")
def select(sink: LlvmSink, valtype: ValType) -> None:
    """Choose the first value where the condition holds."""
    chosen = sink.pop()
    condition = sink.condition(chosen)
    second, first, name, kind = sink.values.pop(), sink.values.pop(), sink.name(), llvm_type(valtype)
    if chosen.startswith("%"):
        sink.flow(name, first, second)
    else:  # only one of them will be used
        sink.keep((first, second))
    sink.out.append(f"{name} = select i1 {condition}, {kind} {first}, {kind} {second}")
    for lanes in LANES if kind == BYTES else ("",):
        sink.nans.passes(name, (first, second), lanes)
    if any(map(sink.is_constant, (chosen, first, second))):
        sink.computed.add(name)
    sink.push(name)


@operation("local.get")
def local_get(sink: LlvmSink, index: int) -> None:
    """Read its slot, unless the value is at hand."""
    name = sink.known.get(index)
    if name is None:
        sink.number += 1
        name = sink.known[index] = f"%v{sink.number}"
        sink.out.append(f"{name} = load {sink.locals[index]}, ptr %l{index}")
        if sink.group.optimize:
            sink.nans.local_get(index, name, is_vector=sink.locals[index] == BYTES)
    sink.read_locals.add(index)
    sink.values.append(name)


def _set(sink: LlvmSink, index: int, value: str) -> None:
    if value in sink.pending:
        sink.set_loads.append((index, sink.pending[value]))
    sink.known[index] = value
    if sink.group.optimize:
        sink.nans.local_set(index, value, is_vector=sink.locals[index] == BYTES)
    sink.out.append(f"store {sink.locals[index]} {value}, ptr %l{index}")


@operation("local.set")
def local_set(sink: LlvmSink, index: int) -> None:
    """Write its slot."""
    _set(sink, index, sink.values.pop())


@operation("local.tee")
def local_tee(sink: LlvmSink, index: int) -> None:
    """Write its slot and keep the value."""
    _set(sink, index, sink.values[-1])


def _cell(sink: LlvmSink, index: int) -> str:
    """Return the address of a global."""
    offset, imported = sink.layout.global_(index)
    return sink.context_field(offset) if imported else sink.address("%ctx", offset)


@operation("global.get")
def global_get(sink: LlvmSink, index: int) -> None:
    """Read its cell."""
    found = sink.context.globals[index]
    cell, name = _cell(sink, index), sink.name()
    note = sink.own if found.mutable else INVARIANT
    sink.out.append(f"{name} = load {llvm_type(found.value)}, ptr {cell}{note}")
    sink.push(name)


@operation("global.set")
def global_set(sink: LlvmSink, index: int) -> None:
    """Write its cell."""
    value, cell = sink.pop(), _cell(sink, index)
    sink.out.append(f"store {llvm_type(sink.context.globals[index].value)} {value}, ptr {cell}{sink.own}")


@operation("ref.null")
def ref_null(sink: LlvmSink) -> None:
    """A null of any type is the null pointer."""
    sink.push("null")


def _is_null(sink: LlvmSink, value: str) -> str:
    name = sink.name()
    sink.out.append(f"{name}.b = icmp eq ptr {value}, null\n{name} = zext i1 {name}.b to i32")
    sink.bools.add(name)
    return name


@operation("ref.is_null")
def ref_is_null(sink: LlvmSink) -> None:
    """Compare with the null pointer."""
    sink.push(_is_null(sink, sink.pop()))


@operation("ref.func")
def ref_func(sink: LlvmSink, index: int) -> None:
    """The address of its record."""
    offset, imported = sink.layout.function(index)
    sink.push(sink.context_field(offset) if imported else sink.address("%ctx", offset))


@operation("ref.as_non_null")
def ref_as_non_null(sink: LlvmSink) -> None:
    """Trap on null."""
    sink.trap_if(_is_null(sink, sink.values[-1]) + ".b", Reason.NULL_REFERENCE)


@operation("br_on_null")
def br_on_null(sink: LlvmSink, label: Label) -> None:
    """Go where the reference is null, without it."""
    value = sink.pop()
    condition = _is_null(sink, value) + ".b"
    sink.settle()
    name = sink.destination(label, sink.values[len(sink.values) - len(label.targets) :])
    sink.number += 1
    sink.out.append(f"br i1 {condition}, label %{name}, label %n{sink.number}\nn{sink.number}:")
    sink.push(value)


@operation("br_on_non_null")
def br_on_non_null(sink: LlvmSink, label: Label) -> None:
    """Go where the reference is not null, with it."""
    condition = _is_null(sink, sink.values[-1]) + ".b"
    sink.settle()
    name = sink.destination(label, sink.values[len(sink.values) - len(label.targets) :])
    sink.pop()
    sink.number += 1
    sink.out.append(f"br i1 {condition}, label %n{sink.number}, label %{name}\nn{sink.number}:")


@operation("memory.size")
def memory_size(sink: LlvmSink, index: int) -> None:
    """Read it from the memory's block."""
    block_ = sink.context_field(sink.layout.memory(index) + layout.Slot.BLOCK)
    place, name = sink.address(block_, layout.Block.PAGES), sink.name()
    memory = sink.context.memories[index]
    atomic, order = ("atomic ", " seq_cst, align 8") if memory.shared else ("", "")  # a thread may make it grow
    sink.out.append(f"{name} = load {atomic}i64, ptr {place}{order}{sink.own}")
    sink.push(sink.narrow(name, memory.address))
