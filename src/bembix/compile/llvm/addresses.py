"""Addresses in memories whose accesses need a check: those with 64 bit addresses, and those with pages of one byte.

Behind a memory with 64 bit addresses and pages of 64 KiB lie `layout.GUARD_64` bytes that are never accessible: what
begins at most at the memory's length, plus an offset within the guard, is inside or faults.  So one comparison does for
all accesses through one address.  Pages of one byte end anywhere in a page of the host, so there every access is
compared to the byte: with the length less what the access needs, which LLVM takes out of loops.

A memory never shrinks, so a check holds from then on.  Source: core 3.0, 4.6.6 (loads and stores).
"""

from __future__ import annotations

from typing import Final

from bembix.compile import layout
from bembix.compile.llvm.sink import LlvmSink
from bembix.compile.llvm.types import llvm_type
from bembix.compile.traps import Reason

_WIDEST: Final = 16  #: bytes of the widest access
_BEYOND: Final = 1 << 64


def length(sink: LlvmSink, index: int) -> str:
    """Load a memory's size in bytes."""
    sink.blocks.add(index)
    name = sink.name()
    # Unordered: threads may grow a shared memory meanwhile; the old size is as good as the new one.
    atomic, aligned = ("atomic ", " unordered, align 8") if sink.context.memories[index].shared else ("", "")
    sink.out.append(
        f"{name}.p = getelementptr i8, ptr %mb{index}, i64 {layout.Block.LENGTH}\n"
        f"{name} = load {atomic}i64, ptr {name}.p{aligned}{sink.own}"
    )
    return name


def check_span(sink: LlvmSink, index: int, address: str, offset: int, width: int) -> None:
    """Trap unless `width` bytes at address (an i64) + offset are in a memory."""
    memory = sink.context.memories[index]
    needed = offset + width
    size, name = length(sink, index), sink.name()
    sink.settle()
    if needed >= _BEYOND:
        sink.trap_if("true", Reason.MEMORY_BOUNDS)
        return
    sink.out.append(f"{name}.m = sub i64 {size}, {needed}\n{name} = icmp ugt i64 {address}, {name}.m")
    if needed > memory.limits.minimum << memory.page_size_log2:  # the difference may be below 0
        sink.out.append(f"{name}.s = icmp ult i64 {size}, {needed}\n{name}.o = or i1 {name}, {name}.s")
        name = f"{name}.o"
    sink.trap_if(name, Reason.MEMORY_BOUNDS)


def checked_pointer(sink: LlvmSink, index: int, offset: int, name: str, address: str) -> str:
    """Write the check and the address of a memory access; `name` begins the names on the way."""
    memory = sink.context.memories[index]
    if memory.page_size_log2 != 16 or sink.keeps_fuel:
        wide = sink.wide(address, llvm_type(memory.address))
        check_span(sink, index, wide, offset, sink.walker.row.width)
        return _at(sink, index, wide, offset, name)
    if offset + _WIDEST > layout.GUARD_64:
        return _far(sink, index, offset, name, address)
    pointer = sink.pointers.get((index, address))
    if pointer is None:
        _trap_beyond(sink, address, length(sink, index), name)
        pointer = sink.pointers[index, address] = _at(sink, index, address, 0, f"{name}.b")
    if offset:
        sink.out.append(f"{name}.q = getelementptr i8, ptr {pointer}, i64 {offset}")
        return f"{name}.q"
    return pointer


def _trap_beyond(sink: LlvmSink, address: str, size: str, name: str) -> None:
    sink.settle()
    sink.out.append(f"{name}.o = icmp ugt i64 {address}, {size}")
    sink.trap_if(f"{name}.o", Reason.MEMORY_BOUNDS)


def _at(sink: LlvmSink, index: int, address: str, offset: int, name: str) -> str:
    sink.memories.add(index)
    sink.out.append(f"{name}.p = getelementptr i8, ptr %m{index}, i64 {address}")
    if offset:
        sink.out.append(f"{name}.q = getelementptr i8, ptr {name}.p, i64 {offset}")
        return f"{name}.q"
    return f"{name}.p"


def _far(sink: LlvmSink, index: int, offset: int, name: str, address: str) -> str:
    """An offset beyond the guard is added first; the sum must not overflow."""
    size = length(sink, index)
    sink.out.append(f"{name}.e = add i64 {address}, {offset}\n{name}.w = icmp ult i64 {name}.e, {offset}")
    sink.settle()
    sink.trap_if(f"{name}.w", Reason.MEMORY_BOUNDS)
    _trap_beyond(sink, f"{name}.e", size, name)
    return _at(sink, index, f"{name}.e", 0, name)
