"""Writers of loads and stores, and what they share with other accesses: addresses.

A memory with 32 bit addresses needs no check: what lies behind it faults.  Others are checked as in
`compile/llvm/addresses.py`.  Source: core 3.0, 4.6.6.
"""

from __future__ import annotations

from typing import Final

from bembix.compile import layout
from bembix.compile.stencil.opcodes import LOCAL_SET, LOCAL_TEE
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.encode import CONSTANT, LOAD32, R14, RCX, XMM0, Table, rm, rr, rx
from bembix.compile.stencil.x86_64.sink import FLAGS, MAKERS, StencilSink, Writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import BY_NAME, Instr
from bembix.spec.types import F32, F64, I32

_NEAR: Final = 1 << 31  #: displacements below are part of the instruction
_WIDEST: Final = 16  #: bytes of the widest access

#: A place in memory: base and index registers (no index: -1), and displacement.
Place = tuple[int, int, int]


def place(sink: StencilSink, entry: int, index: int, offset: int, width: int) -> Place:
    """Return where an access goes, from its address, which was popped; what is checked is checked then.

    The index register is rcx, or one that the caller releases.
    """
    if index or not sink.guarded[0]:
        return _checked(sink, entry, index, offset, width)
    sink.uses_base = True
    if entry < 0:
        offset += ~entry
        if offset < _NEAR:
            return sink.base, -1, offset
        sink.out += CONSTANT[offset << 4 | RCX]
        return sink.base, RCX, 0
    if entry >= FLAGS:
        sink.out += LOAD32[entry << 5 | RCX]
        entry = RCX
    if offset < _NEAR:
        return sink.base, entry, offset
    to = sink.alloc()
    sink.out += CONSTANT[offset << 4 | to] + rr(b"\x03", 1, to, entry)
    sink.release(entry) if entry != RCX else None
    return sink.base, to, 0


def _checked(sink: StencilSink, entry: int, index: int, offset: int, width: int) -> Place:
    memory = sink.context.memories[index]
    at = sink.own(entry)
    out = sink.out
    if memory.page_size_log2 != 16 or (memory.address is not I32 and offset + _WIDEST > layout.GUARD_64):
        check_span(sink, index, at, offset + width)
    elif memory.address is not I32:
        _load_length(sink, index)
        out += rr(b"\x3b", 1, at, RCX)
        sink.trap_if(x86.A, Reason.MEMORY_BOUNDS)
    if offset >= _NEAR:
        out += CONSTANT[(offset & 0xFFFFFFFFFFFFFFFF) << 4 | RCX] + rr(b"\x03", 1, at, RCX)
        offset = 0
    if not index:
        return sink.memory_base(), at, offset
    context = sink.context_register()
    out += rm(b"\x8b", 1, RCX, context, sink.layout.memory(index) + layout.Slot.BASE)
    return RCX, at, offset


def _load_length(sink: StencilSink, index: int) -> None:
    """Load a memory's size in bytes to rcx."""
    context = sink.context_register()
    sink.out += rm(b"\x8b", 1, RCX, context, sink.layout.memory(index) + layout.Slot.BLOCK)
    sink.out += rm(b"\x8b", 1, RCX, RCX, layout.Block.LENGTH)


def check_span(sink: StencilSink, index: int, at: int, needed: int) -> None:
    """Trap unless the address in a register and `needed` bytes behind it are in a memory; rcx is lost."""
    if needed >= 1 << 64:
        sink.trap(Reason.MEMORY_BOUNDS)
        return
    _load_length(sink, index)
    if needed < _NEAR:
        sink.out += rr(b"\x81", 1, 5, RCX) + needed.to_bytes(4, "little")
    else:
        other = sink.alloc()
        sink.out += CONSTANT[needed << 4 | other] + rr(b"\x2b", 1, RCX, other)
        sink.free.append(other)
    sink.trap_if(x86.B, Reason.MEMORY_BOUNDS)
    sink.out += rr(b"\x3b", 1, at, RCX)
    sink.trap_if(x86.A, Reason.MEMORY_BOUNDS)


def encode(op: bytes, wide: int, reg: int, where: Place, prefix: bytes = b"", force: bool = False) -> bytes:
    """Encode an instruction on a register and a place."""
    base, index, offset = where
    if index < 0:
        return rm(op, wide, reg, base, offset, prefix, force)
    return rx(op, wide, reg, base, index, offset, prefix, force)


def _by_place(op: bytes, wide: int, prefix: bytes = b"", force: bool = False) -> Table:
    """Return the encodings for the base register of memory 0, by offset << 10 | r14? << 9 | reg << 4 | index."""
    return Table(
        lambda key: rx(op, wide, key >> 4 & 31, R14 if key >> 9 & 1 else x86.R11, key & 15, key >> 10, prefix, force)
    )


#: Opcode, whether 64 bits, prefix.
_LOADS: Final = {
    "i32.load": (b"\x8b", 0),
    "i64.load": (b"\x8b", 1),
    "i32.load8_s": (b"\x0f\xbe", 0),
    "i32.load8_u": (b"\x0f\xb6", 0),
    "i32.load16_s": (b"\x0f\xbf", 0),
    "i32.load16_u": (b"\x0f\xb7", 0),
    "i64.load8_s": (b"\x0f\xbe", 1),
    "i64.load8_u": (b"\x0f\xb6", 0),
    "i64.load16_s": (b"\x0f\xbf", 1),
    "i64.load16_u": (b"\x0f\xb7", 0),
    "i64.load32_s": (b"\x63", 1),
    "i64.load32_u": (b"\x8b", 0),
}


def _load(name: str, op: bytes, wide: int) -> None:
    table = _by_place(op, wide)

    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, scratch, free, pins, out = sink.vs, sink.scratch, sink.free, sink.pins, sink.out
        walker, alloc, guarded, width = sink.walker, sink.alloc, sink.guarded, row.width
        emit = out.extend

        def write(index: int, offset: int) -> None:
            entry = vs.pop()
            code, at = walker.code, walker.at
            # The next instruction stands behind alignment and offset, if these have one byte each.
            to = -1
            if code[at + 2] < 0x80 and code[at + 1] < 0x40 and LOCAL_SET <= code[at + 3] <= LOCAL_TEE:
                to = pins.get(code[at + 4], -1)
                if to in vs:
                    to = -1
            if 0 <= entry < XMM0 and not index and guarded[0] and offset < _NEAR:
                sink.uses_base = True
                if to < 0:
                    to = entry if scratch[entry] else free.pop() if free else alloc()
                emit(table[offset << 10 | (sink.base == R14) << 9 | to << 4 | entry])
                if scratch[entry] and entry != to:
                    free.append(entry)
                vs.append(to)
                return
            where = place(sink, entry, index, offset, width)
            found = where[1]
            if found >= 0 and found != RCX and scratch[found]:
                free.append(found)
            if to < 0:
                to = free.pop() if free else alloc()
            emit(encode(op, wide, to, where))
            vs.append(to)

        return write

    MAKERS[BY_NAME[name].code] = make


for _name, (_op, _wide) in _LOADS.items():
    _load(_name, _op, _wide)


def _float_load(name: str, prefix: bytes) -> None:
    op = b"\x0f\x10"

    def make(sink: StencilSink, row: Instr) -> Writer:
        walker = sink.walker

        def write(index: int, offset: int) -> None:
            where = place(sink, sink.vs.pop(), index, offset, row.width)
            release_place(sink, where)
            code, at = walker.code, walker.at
            to = -1
            if len(prefix) and code[at + 2] < 0x80 and code[at + 1] < 0x40 and LOCAL_SET <= code[at + 3] <= LOCAL_TEE:
                to = sink.xpins.get(code[at + 4], -1)
                if to in sink.vs:
                    to = -1
            if to < 0:
                to = sink.xalloc()
            sink.out.extend(encode(op, 0, to, where, prefix))
            sink.vs.append(to)

        return write

    MAKERS[BY_NAME[name].code] = make


_float_load("f32.load", b"\xf3")
_float_load("f64.load", b"\xf2")
_float_load("v128.load", b"")


def release_place(sink: StencilSink, where: Place) -> None:
    """The index register of a place is not needed behind the next instruction."""
    if where[1] >= 0 and where[1] != RCX:
        sink.release(where[1])


#: Opcode with a register, with a constant (None: none), bytes, whether 64 bits, prefix.
_STORES: Final = {
    "i32.store": (b"\x89", b"\xc7", 4, 0, b""),
    "i64.store": (b"\x89", b"\xc7", 8, 1, b""),
    "i32.store8": (b"\x88", b"\xc6", 1, 0, b""),
    "i32.store16": (b"\x89", b"\xc7", 2, 0, b"\x66"),
    "i64.store8": (b"\x88", b"\xc6", 1, 0, b""),
    "i64.store16": (b"\x89", b"\xc7", 2, 0, b"\x66"),
    "i64.store32": (b"\x89", b"\xc7", 4, 0, b""),
    "f32.store": (b"\x89", b"\xc7", 4, 0, b""),
    "f64.store": (b"\x89", b"\xc7", 8, 1, b""),
}


def _store(name: str, op: bytes, constant: bytes, size: int, wide: int, prefix: bytes) -> None:
    table = _by_place(op, wide, prefix, size == 1)
    mask = (1 << 8 * size) - 1

    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, scratch, free, emit, guarded = sink.vs, sink.scratch, sink.free, sink.out.extend, sink.guarded
        vector = b"\xf3" if row.params[1] is F32 else b"\xf2" if row.params[1] is F64 else b""

        def write(index: int, offset: int) -> None:
            value, entry = vs.pop(), vs.pop()
            if 0 <= entry < XMM0 and 0 <= value < XMM0 and not index and guarded[0] and offset < _NEAR:
                sink.uses_base = True
                emit(table[offset << 10 | (sink.base == R14) << 9 | value << 4 | entry])
                if scratch[entry]:
                    free.append(entry)
                if scratch[value]:
                    free.append(value)
                return
            immediate = None
            if value < 0:
                number = ~value & mask
                if size < 8:
                    immediate = number.to_bytes(size, "little")
                elif number < _NEAR:
                    immediate = number.to_bytes(4, "little")
                elif number >= (1 << 64) - _NEAR:
                    immediate = (number & 0xFFFFFFFF).to_bytes(4, "little")
            if immediate is None and not 0 <= value < FLAGS:
                value = sink.register(value)
            where = place(sink, entry, index, offset, row.width)
            if immediate is not None:
                emit(encode(constant, wide, 0, where, prefix) + immediate)
            elif value >= XMM0:
                emit(encode(b"\x0f\x11", 0, value, where, vector))
            else:
                emit(encode(op, wide, value, where, prefix, size == 1))
            release_place(sink, where)
            if value >= 0:
                sink.release(value)

        return write

    MAKERS[BY_NAME[name].code] = make


for _name, _row in _STORES.items():
    _store(_name, *_row)


def _store_vector(sink: StencilSink, row: Instr) -> Writer:
    def write(index: int, offset: int) -> None:
        value, entry = sink.vs.pop(), sink.vs.pop()
        source = value
        if not XMM0 <= value < FLAGS:
            source = sink.xalloc()
            sink.vmove(source, value)
        where = place(sink, entry, index, offset, row.width)
        sink.out.extend(encode(b"\x0f\x11", 0, source, where))
        release_place(sink, where)
        sink.release(source)

    return write


MAKERS[BY_NAME["v128.store"].code] = _store_vector
