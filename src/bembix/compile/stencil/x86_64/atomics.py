"""Writers of atomic instructions, all of them sequentially consistent, on addresses that must be aligned.

`memory.atomic.wait` and `notify` check their address here and leave the rest to the runtime.
Source: threads proposal, core/exec/instructions; Intel SDM volume 3, 9.2 (memory ordering).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.encode import CONSTANT, RAX, RCX, rm, rr
from bembix.compile.stencil.x86_64.memory import Place, check_span, encode, place, release_place
from bembix.compile.stencil.x86_64.sink import MAKERS, StencilSink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import TABLE, Instr
from bembix.spec.types import I32

_PATTERN: Final = re.compile(r"atomic\.(load|store|rmw)\d*(?:\.(\w+))?")
_LOCK: Final = b"\xf0"
#: Opcodes and prefixes by width in bytes: plain loads, and read-modify-write ones.
_LOADS: Final = {1: b"\x0f\xb6", 2: b"\x0f\xb7", 4: b"\x8b", 8: b"\x8b"}
_EXTEND: Final = {1: b"\x0f\xb6", 2: b"\x0f\xb7", 4: b"\x8b"}


def _prefix(width: int) -> bytes:
    return b"\x66" if width == 2 else b""


def _op(op: bytes, width: int) -> bytes:
    """Return an opcode whose form for bytes is one less."""
    return op[:-1] + bytes((op[-1] - 1,)) if width == 1 else op


def _check_alignment(sink: StencilSink, entry: int, offset: int, width: int) -> int:
    """Trap unless address + offset is a multiple of the width; return the address in a register."""
    at = sink.register(entry)
    if width > 1:
        beyond = offset % width
        if beyond:
            sink.out += rm(b"\x8d", 0, RCX, at, beyond) + rr(b"\xf7", 0, 0, RCX)
        else:
            sink.out += rr(b"\xf7", 0, 0, at)
        sink.out += (width - 1).to_bytes(4, "little")
        sink.trap_if(x86.NE, Reason.UNALIGNED_ATOMIC)
    return at


def _place(sink: StencilSink, row: Instr, entry: int, index: int, offset: int) -> Place:
    return place(sink, _check_alignment(sink, entry, offset, row.width), index, offset, row.width)


def _load(row: Instr) -> Callable[[StencilSink, Instr], Writer]:
    op, wide = _LOADS[row.width], int(row.width == 8)

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write(index: int, offset: int) -> None:
            where = _place(sink, row, sink.vs.pop(), index, offset)
            release_place(sink, where)
            to = sink.alloc()
            sink.out.extend(encode(op, wide, to, where))
            sink.vs.append(to)

        return write

    return make


def _exchanging(row: Instr, what: str) -> Callable[[StencilSink, Instr], Writer]:
    """Xchg and xadd: the old value comes back in the register of the new one."""
    width = row.width
    op, lock = {"xchg": (b"\x87", b""), "store": (b"\x87", b"")}.get(what, (b"\x0f\xc1", _LOCK))

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write(index: int, offset: int) -> None:
            value = sink.own(sink.vs.pop())
            where = _place(sink, row, sink.vs.pop(), index, offset)
            if what == "sub":
                sink.out.extend(rr(b"\xf7", width == 8, 3, value))
            prefix = lock + _prefix(width)
            sink.out.extend(encode(_op(op, width), width == 8, value, where, prefix, width == 1))
            release_place(sink, where)
            if what == "store":
                sink.release(value)
                return
            _extend(sink, width, value)
            sink.vs.append(value)

        return write

    return make


def _extend(sink: StencilSink, width: int, register: int) -> None:
    if width < 8:
        sink.out += rr(_EXTEND[width], 0, register, register, force=width == 1)


def _free_rax(sink: StencilSink, held: list[int]) -> list[int]:
    """Have rax for the instruction at hand; operands that were popped and are there move to rdx or elsewhere."""
    sink.evict(RAX)
    if RAX in held and sink.scratch[RAX]:
        to = sink.alloc()
        sink.out += rr(b"\x8b", 1, to, RAX)
        return [to if entry == RAX else entry for entry in held]
    sink.claim(RAX)
    return held


_LOGIC: Final = {"and": b"\x23", "or": b"\x0b", "xor": b"\x33"}


def _looping(row: Instr, what: str) -> Callable[[StencilSink, Instr], Writer]:
    """And, or, xor: a loop around cmpxchg, which takes the old value in rax."""
    width = row.width
    op = _LOGIC[what]

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write(index: int, offset: int) -> None:
            value, entry = sink.vs.pop(), sink.vs.pop()
            value, entry = _free_rax(sink, [value, entry])
            value = sink.own(value)
            base, number, disp = _place(sink, row, entry, index, offset)
            where, fresh, out = _one_register(sink, (base, number, disp)), sink.alloc(), sink.out
            out += encode(_LOADS[width], width == 8, RAX, where)
            loop = len(out)
            out += rr(b"\x8b", 1, fresh, RAX) + rr(op, 1, fresh, value)
            out += encode(_op(b"\x0f\xb1", width), width == 8, fresh, where, _LOCK + _prefix(width), width == 1)
            out += b"\x75\0"
            out[-1] = (loop - len(out)) & 0xFF
            _extend(sink, width, RAX)
            sink.free.append(fresh)
            sink.release(value)
            release_place(sink, where)
            sink.vs.append(RAX)

        return write

    return make


def _one_register(sink: StencilSink, where: Place) -> Place:
    """Return a place as an address in rcx, so that it takes no other register."""
    base, index, offset = where
    sink.out += encode(b"\x8d", 1, RCX, where)
    if index >= 0 and index != RCX:
        sink.release(index)
    del base, offset
    return RCX, -1, 0


def _compare_exchange(row: Instr, _: str) -> Callable[[StencilSink, Instr], Writer]:
    """Compare and exchange; a narrow one compares what the expected value is in memory, as other engines do."""
    width = row.width

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write(index: int, offset: int) -> None:
            held = [sink.vs.pop(), sink.vs.pop(), sink.vs.pop()]
            value, expected, entry = _free_rax(sink, held)
            value = sink.own(value)
            where = _one_register(sink, _place(sink, row, entry, index, offset))
            sink.move(RAX, expected)
            sink.release(expected)
            sink.out.extend(
                encode(_op(b"\x0f\xb1", width), width == 8, value, where, _LOCK + _prefix(width), width == 1)
            )
            sink.release(value)
            _extend(sink, width, RAX)
            sink.vs.append(RAX)

        return write

    return make


def _rmw(row: Instr, what: str) -> Callable[[StencilSink, Instr], Writer]:
    if what == "cmpxchg":
        return _compare_exchange(row, what)
    return _looping(row, what) if what in _LOGIC else _exchanging(row, what)


def _enter_all() -> None:
    for row in TABLE:
        found = _PATTERN.fullmatch(row.operation or "")
        if found:
            kind, what = found[1], found[2]
            MAKERS[row.code] = (
                _load(row) if kind == "load" else _exchanging(row, "store") if kind == "store" else _rmw(row, what)
            )


_enter_all()


@writer("atomic.fence")
def fence(sink: StencilSink, row: Instr) -> Writer:
    """Order everything before it with everything behind it."""
    return lambda: sink.out.extend(b"\x0f\xae\xf0")  # mfence


# -- waiting -----------------------------------------------------------------------------------------------------------


def _waiting_place(sink: StencilSink, entry: int, index: int, offset: int, width: int) -> int:
    """Check an address; return it with the offset, in a scratch register."""
    at = sink.own(_check_alignment(sink, entry, offset, width))
    check_span(sink, index, at, offset + width)
    if offset:
        sink.out += CONSTANT[(offset & 0xFFFFFFFFFFFFFFFF) << 4 | RCX] + rr(b"\x03", 1, at, RCX)
    return at


@writer("memory.atomic.notify")
def notify(sink: StencilSink, row: Instr) -> Writer:
    """Ask the runtime to wake threads."""

    def write(index: int, offset: int) -> None:
        count, entry = sink.vs.pop(), sink.vs.pop()
        at = _waiting_place(sink, entry, index, offset, 4)
        sink.runtime("atomic_notify", [~index, at, count])
        sink.push_rax(I32)

    return write


@writer("memory.atomic.wait32", "memory.atomic.wait64")
def wait(sink: StencilSink, row: Instr) -> Writer:
    """Ask the runtime to have this thread wait."""

    def write(index: int, offset: int) -> None:
        timeout, expected, entry = sink.vs.pop(), sink.vs.pop(), sink.vs.pop()
        at = _waiting_place(sink, entry, index, offset, row.width)
        if not sink.context.memories[index].shared:
            sink.trap(Reason.EXPECTED_SHARED)
        sink.runtime("atomic_wait", [~index, at, expected, timeout, ~row.width])
        sink.push_rax(I32)

    return write
