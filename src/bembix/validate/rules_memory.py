"""Rules: loads, stores and whole-memory instructions.  Source: core 3.0, 3.4.8."""

from __future__ import annotations

from bembix.binary.immediates import MemArg
from bembix.binary.leb import read_u32, read_u64
from bembix.errors import ParseError
from bembix.spec.instructions import Imm, Instr
from bembix.spec.types import I32, I64, NumType, ValType
from bembix.validate.walker import Handler, Walker, rule


def _memarg(walker: Walker, pos: int) -> tuple[MemArg, int]:
    align, pos = read_u32(walker.code, pos)
    index = 0
    if align >= 0x80:
        raise ParseError(f"malformed memop flags {align:#x}", offset=walker.at)
    if align >= 0x40:
        align -= 0x40
        index, pos = read_u32(walker.code, pos)
    if index >= len(walker.context.memories):
        raise walker.error(f"unknown memory {index}")
    offset, pos = read_u64(walker.code, pos)
    return MemArg(align, index, offset), pos


def memory_access(row: Instr) -> Handler:
    """Make the handler of an instruction with a memory argument; it hands that over, and the lane if there is one."""
    code, results, width = row.code, row.results, row.width
    operands: tuple[ValType, ...] = tuple(t for t in row.params[1:] if t is not None)
    natural = width.bit_length() - 1
    exact = row.operation is not None and row.operation.startswith("atomic.")
    has_lane = Imm.LANE in row.immediates
    is_load = not operands and len(results) == 1
    params = {I32: (I32, *operands), I64: (I64, *operands)}

    def handle(walker: Walker, pos: int) -> int:
        source, memories = walker.code, walker.context.memories
        align, offset = source[pos], source[pos + 1]
        if align < 0x40 and offset < 0x80 and memories:  # FAST: bench/compile.py, one byte each
            pos += 2
            index = 0
        else:
            memarg, pos = _memarg(walker, pos)
            align, index, offset = memarg.align_log2, memarg.memory, memarg.offset
        memory = memories[index]
        if align > natural or (exact and align != natural):
            raise walker.error(
                f"alignment must {'be equal to' if exact else 'not be larger than'} natural: "
                f"2**{align} for {width} bytes"
            )
        if offset > 0xFFFFFFFF and memory.address is I32:
            raise walker.error(f"offset out of range: {offset}")
        lane: tuple[int, ...] = ()
        if has_lane:
            if source[pos] >= 16 // width:
                raise walker.error(f"invalid lane index {source[pos]}")
            lane = (source[pos],)
            pos += 1
        stack = walker.stack
        if is_load and len(stack) > walker.floor and stack[-1] is memory.address:  # FAST: bench/compile.py
            stack[-1] = results[0]
        else:
            walker.pop_all(params[memory.address])
            stack += results
        walker.emit[code](index, offset, *lane)
        return pos

    return handle


def _memory(walker: Walker, pos: int) -> tuple[int, NumType, int]:
    index, pos = walker.index(pos, walker.context.memories, "memory")
    return index, walker.context.memories[index].address, pos


@rule("memory.size")
def memory_size(walker: Walker, pos: int) -> int:
    """Hand over the memory."""
    index, address, pos = _memory(walker, pos)
    walker.push(address)
    walker.emit[0x3F](index)
    return pos


@rule("memory.grow")
def memory_grow(walker: Walker, pos: int) -> int:
    """Hand over the memory."""
    index, address, pos = _memory(walker, pos)
    walker.pop(address)
    walker.push(address)
    walker.emit[0x40](index)
    return pos


@rule("memory.fill")
def memory_fill(walker: Walker, pos: int) -> int:
    """Hand over the memory."""
    index, address, pos = _memory(walker, pos)
    walker.pop_all((address, I32, address))
    walker.emit[0xFC_000B](index)
    return pos


@rule("memory.copy")
def memory_copy(walker: Walker, pos: int) -> int:
    """Hand over the memories, destination first."""
    to, to_address, pos = _memory(walker, pos)
    source, from_address, pos = _memory(walker, pos)
    count = I64 if to_address is from_address is I64 else I32
    walker.pop_all((to_address, from_address, count))
    walker.emit[0xFC_000A](to, source)
    return pos


def data_index(walker: Walker, pos: int) -> tuple[int, int]:
    """Read the index of a data segment."""
    count = walker.context.data_count
    if count is None:
        raise ParseError("data count section required", offset=walker.at)
    return walker.index(pos, range(count), "data segment")


@rule("memory.init")
def memory_init(walker: Walker, pos: int) -> int:
    """Hand over the segment and the memory."""
    after = read_u32(walker.code, pos)[1]
    index, address, end = _memory(walker, after)
    segment, _ = data_index(walker, pos)
    pos = end
    walker.pop_all((address, I32, I32))
    walker.emit[0xFC_0008](segment, index)
    return pos


@rule("data.drop")
def data_drop(walker: Walker, pos: int) -> int:
    """Hand over the segment."""
    segment, pos = data_index(walker, pos)
    walker.emit[0xFC_0009](segment)
    return pos
