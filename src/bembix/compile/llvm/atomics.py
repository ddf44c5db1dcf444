"""Writers of atomic instructions: LLVM's own, all of them sequentially consistent, on addresses that must be aligned.

`memory.atomic.wait` and `notify` check their address here and leave the rest to the runtime.
Source: threads proposal, core/exec/instructions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from bembix.compile.llvm.addresses import check_span
from bembix.compile.llvm.regular import pointer_to
from bembix.compile.llvm.sink import OPERATIONS, LlvmSink, Operation, operation
from bembix.compile.llvm.types import llvm_type
from bembix.compile.traps import Reason
from bembix.spec.instructions import BY_NAME, TABLE, Instr

_PATTERN: Final = re.compile(r"atomic\.(load|store|rmw)\d*(?:\.(\w+))?")


def _check_alignment(sink: LlvmSink, address: str, kind: str, offset: int, width: int) -> None:
    """Trap unless address + offset is a multiple of the width."""
    if width == 1:
        return
    name, beyond = sink.name(), offset % width
    if beyond:
        sink.out.append(f"{name}.s = add {kind} {address}, {beyond}")
        address = f"{name}.s"
    sink.out.append(f"{name}.l = and {kind} {address}, {width - 1}\n{name} = icmp ne {kind} {name}.l, 0")
    sink.settle()
    sink.trap_if(name, Reason.UNALIGNED_ATOMIC)


def _place(sink: LlvmSink, row: Instr, index: int, offset: int) -> tuple[str, str]:
    """Take the address; return a fresh name, and the pointer with its alignment as text."""
    address, name = sink.pop(), sink.name()
    _check_alignment(sink, address, llvm_type(sink.context.memories[index].address), offset, row.width)
    return name, pointer_to(sink, index, offset, name, address)


class _Access:
    """The types of an atomic instruction: `whole` on the stack, `narrow` in memory."""

    def __init__(self, row: Instr) -> None:
        self.row = row
        self.whole = llvm_type((*row.params[1:], *row.results)[0] or row.results[0])
        self.narrow = f"i{8 * row.width}"

    def fit(self, sink: LlvmSink, value: str) -> str:
        """Return a value as it is in memory."""
        if self.narrow == self.whole:
            return value
        name = sink.name()
        sink.out.append(f"{name} = trunc {self.whole} {value} to {self.narrow}")
        return name

    def push(self, sink: LlvmSink, value: str) -> None:
        """Push what was in memory."""
        if self.narrow != self.whole:
            name = sink.name()
            sink.out.append(f"{name} = zext {self.narrow} {value} to {self.whole}")
            value = name
        sink.push(value)


def _load(row: Instr) -> Operation:
    access = _Access(row)

    def write(sink: LlvmSink, index: int, offset: int) -> None:
        name, pointer = _place(sink, row, index, offset)
        sink.out.append(f"{name} = load atomic {access.narrow}, ptr {pointer} seq_cst, align {row.width}{sink.place()}")
        access.push(sink, name)

    return write


def _store(row: Instr) -> Operation:
    access = _Access(row)

    def write(sink: LlvmSink, index: int, offset: int) -> None:
        value = access.fit(sink, sink.pop())
        _, pointer = _place(sink, row, index, offset)
        sink.out.append(f"store atomic {access.narrow} {value}, ptr {pointer} seq_cst, align {row.width}{sink.place()}")

    return write


def _modify(row: Instr, instruction: str) -> Operation:
    access = _Access(row)

    def write(sink: LlvmSink, index: int, offset: int) -> None:
        value = access.fit(sink, sink.pop())
        name, pointer = _place(sink, row, index, offset)
        sink.out.append(
            f"{name} = atomicrmw {instruction} ptr {pointer}, {access.narrow} {value} seq_cst, align {row.width}"
            f"{sink.place()}"
        )
        access.push(sink, name)

    return write


def _exchange(row: Instr) -> Operation:
    """Compare and exchange; a narrow one compares what the expected value is in memory, as other engines do."""
    access = _Access(row)

    def write(sink: LlvmSink, index: int, offset: int) -> None:
        value, expected = access.fit(sink, sink.pop()), access.fit(sink, sink.pop())
        name, pointer = _place(sink, row, index, offset)
        kind = access.narrow
        sink.out.append(
            f"{name}.x = cmpxchg ptr {pointer}, {kind} {expected}, {kind} {value} seq_cst seq_cst, align {row.width}"
            f"{sink.place()}\n{name} = extractvalue {{ {kind}, i1 }} {name}.x, 0"
        )
        access.push(sink, name)

    return write


def _rmw(row: Instr, what: str) -> Operation:
    return _exchange(row) if what == "cmpxchg" else _modify(row, what)


_MAKERS: Final[dict[str, Callable[[Instr, str], Operation]]] = {
    "load": lambda row, _: _load(row),
    "store": lambda row, _: _store(row),
    "rmw": _rmw,
}


def _enter_all() -> None:
    for row in TABLE:
        found = _PATTERN.fullmatch(row.operation or "")
        if found:
            OPERATIONS[row.code] = _MAKERS[found[1]](row, found[2])


_enter_all()


@operation("atomic.fence")
def fence(sink: LlvmSink) -> None:
    """Order everything before it with everything behind it."""
    sink.out.append("fence seq_cst")


# -- waiting -----------------------------------------------------------------------------------------------------------


def _waiting_place(sink: LlvmSink, index: int, offset: int, width: int) -> str:
    """Take and check the address; return it with the offset, as an i64."""
    address, memory = sink.pop(), sink.context.memories[index]
    kind = llvm_type(memory.address)
    _check_alignment(sink, address, kind, offset, width)
    wide = sink.wide(address, kind)
    check_span(sink, index, wide, offset, width)
    if not offset:
        return wide
    name = sink.name()
    sink.out.append(f"{name} = add i64 {wide}, {offset}")
    return name


@operation("memory.atomic.notify")
def notify(sink: LlvmSink, index: int, offset: int) -> None:
    """Ask the runtime to wake threads."""
    count = sink.wide(sink.pop(), "i32")
    at = _waiting_place(sink, index, offset, 4)
    sink.push(_narrow(sink, sink.runtime("atomic_notify", "i64", f", i64 {index}, i64 {at}, i64 {count}")))


def _wait(name: str) -> None:
    row = BY_NAME[name]
    kind = llvm_type(row.params[1] or row.results[0])

    @operation(name)
    def write(sink: LlvmSink, index: int, offset: int) -> None:
        timeout, expected = sink.pop(), sink.wide(sink.pop(), kind)
        at = _waiting_place(sink, index, offset, row.width)
        if not sink.context.memories[index].shared:
            sink.settle()
            sink.trap_if("true", Reason.EXPECTED_SHARED)
        arguments = f", i64 {index}, i64 {at}, i64 {expected}, i64 {timeout}, i64 {row.width}"
        sink.push(_narrow(sink, sink.runtime("atomic_wait", "i64", arguments)))


_wait("memory.atomic.wait32")
_wait("memory.atomic.wait64")


def _narrow(sink: LlvmSink, value: str) -> str:
    name = sink.name()
    sink.out.append(f"{name} = trunc i64 {value} to i32")
    return name
