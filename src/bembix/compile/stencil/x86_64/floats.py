"""Writers of instructions on floats: arithmetic, comparisons, conversions.  Source: core 3.0, 4.3.3 and 4.3.4."""

from __future__ import annotations

import struct
from typing import Final

from bembix.compile.stencil.opcodes import LOCAL_SET, LOCAL_TEE
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.encode import MOVAPS, RBP, RCX, XMM0, by_frame, by_registers, rm, rr
from bembix.compile.stencil.x86_64.integers import push_condition
from bembix.compile.stencil.x86_64.sink import CELLS, FLAGS, MAKERS, XTEMP, StencilSink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import BY_NAME, Instr

_PREFIX: Final = {"f32": b"\xf3", "f64": b"\xf2"}


def _target(sink: StencilSink, *used: int) -> int:
    """Return the register of the local that takes the result next, or -1."""
    walker = sink.walker
    code, at = walker.code, walker.at + 1
    if LOCAL_SET <= code[at] <= LOCAL_TEE:
        to = sink.xpins.get(code[at + 1], -1)
        if to >= 0 and to not in used and to not in sink.vs:
            return to
    return -1


def _arithmetic(kind: str, name: str, op: int, commutes: bool) -> None:
    prefix, opcode = _PREFIX[kind], bytes((0x0F, op))
    registers, cell = by_registers(opcode, 0, prefix), by_frame(opcode, 0, prefix)
    size = 4 if kind == "f32" else 8

    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, scratch, emit, xfree = sink.vs, sink.scratch, sink.out.extend, sink.xfree

        def write() -> None:
            right, left = vs.pop(), vs.pop()
            to = _target(sink)
            if to >= 0 and to == right and to != left:
                if commutes:
                    left, right = right, left
                else:
                    to = -1
            if to < 0:
                if XMM0 <= left < FLAGS and scratch[left]:
                    to = left
                elif commutes and XMM0 <= right < FLAGS and scratch[right]:
                    to, left, right = right, right, left
                else:
                    to = sink.xalloc()
            if to != left:
                sink.xmove(to, left)
                sink.release(left)
            if right < 0:
                sink.literal(opcode, to, (~right).to_bytes(size, "little"), prefix)
            elif right < FLAGS:
                emit(registers[to << 5 | right])
                if scratch[right] and right != to:
                    xfree.append(right)
            else:
                emit(cell[right << 5 | to])
            vs.append(to)

        return write

    MAKERS[BY_NAME[f"{kind}.{name}"].code] = make


for _kind in ("f32", "f64"):
    for _name, _op, _commutes in (("add", 0x58, True), ("sub", 0x5C, False), ("mul", 0x59, True), ("div", 0x5E, False)):
        _arithmetic(_kind, _name, _op, _commutes)


# -- one operand -------------------------------------------------------------------------------------------------------


def _unary(name: str, op: bytes, prefix: bytes, tail: bytes = b"") -> None:
    """An instruction xmm, xmm with perhaps an immediate behind."""

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write() -> None:
            entry = sink.vs.pop()
            source = sink.xregister(entry)
            to = _target(sink)
            if to < 0:
                to = source if sink.scratch[source] else sink.xalloc()
            sink.out.extend(rr(op, 0, to, source, prefix) + tail)
            if to != source:
                sink.release(source)
            sink.vs.append(to)

        return write

    MAKERS[BY_NAME[name].code] = make


for _kind, _round in (("f32", b"\x0f\x3a\x0a"), ("f64", b"\x0f\x3a\x0b")):
    for _name, _mode in (("nearest", 8), ("floor", 9), ("ceil", 10), ("trunc", 11)):
        _unary(f"{_kind}.{_name}", _round, b"\x66", bytes((_mode,)))
    _unary(f"{_kind}.sqrt", b"\x0f\x51", _PREFIX[_kind])
_unary("f64.promote_f32", b"\x0f\x5a", b"\xf3")
_unary("f32.demote_f64", b"\x0f\x5a", b"\xf2")


def _bits(name: str, op: bytes, mask: int) -> None:
    """A bitwise instruction with a constant."""
    content = (mask.to_bytes(4, "little") * 4) if mask < 1 << 32 else mask.to_bytes(8, "little") * 2

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write() -> None:
            entry = sink.vs.pop()
            to = _target(sink)
            if to < 0:
                to = sink.xown(entry)
            elif to != entry:
                sink.xmove(to, entry)
                sink.release(entry)
            sink.literal(op, to, content)
            sink.vs.append(to)

        return write

    MAKERS[BY_NAME[name].code] = make


_bits("f32.abs", b"\x0f\x54", 0x7FFFFFFF)
_bits("f32.neg", b"\x0f\x57", 0x80000000)
_bits("f64.abs", b"\x0f\x54", (1 << 63) - 1)
_bits("f64.neg", b"\x0f\x57", 1 << 63)


# -- comparisons -------------------------------------------------------------------------------------------------------

#: Condition after ucomis, and whether the operands are exchanged.
_ORDERED: Final = {"gt": (x86.A, False), "ge": (x86.AE, False), "lt": (x86.A, True), "le": (x86.AE, True)}


def _compare(kind: str, name: str) -> None:
    prefix = b"" if kind == "f32" else b"\x66"
    condition, exchanged = _ORDERED[name]
    opcode = b"\x0f\x2e"
    registers, cell = by_registers(opcode, 0, prefix), by_frame(opcode, 0, prefix)
    size = 4 if kind == "f32" else 8

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write() -> None:
            right, left = sink.vs.pop(), sink.vs.pop()
            if exchanged:
                left, right = right, left
            first = left
            if not XMM0 <= left < FLAGS:
                sink.xmove(XTEMP, left)
                first = XTEMP
            if right < 0:
                sink.literal(opcode, first, (~right).to_bytes(size, "little"), prefix)
            elif right < FLAGS:
                sink.out.extend(registers[first << 5 | right])
                sink.release(right)
            else:
                sink.out.extend(cell[right << 5 | first])
            sink.release(left)
            push_condition(sink, condition)

        return write

    MAKERS[BY_NAME[f"{kind}.{name}"].code] = make


def _equal(kind: str, name: str) -> None:
    """NaN is equal to nothing: cmpeq gives all ones or all zeros, of which one bit is taken."""
    prefix = _PREFIX[kind]
    predicate = b"\x00" if name == "eq" else b"\x04"

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write() -> None:
            right, left = sink.vs.pop(), sink.vs.pop()
            sink.xmove(XTEMP, left)
            sink.release(left)
            if right < 0:
                right = sink.xregister(right)
            if right < FLAGS:
                sink.out.extend(rr(b"\x0f\xc2", 0, XTEMP, right, prefix) + predicate)
                sink.release(right)
            else:
                sink.out.extend(rm(b"\x0f\xc2", 0, XTEMP, RBP, -right, prefix) + predicate)
            sink.out.extend(rr(b"\x0f\x7e", 0, XTEMP, RCX, b"\x66") + b"\x83\xe1\x01")  # movd ecx; and ecx, 1
            push_condition(sink, x86.NE)

        return write

    MAKERS[BY_NAME[f"{kind}.{name}"].code] = make


for _kind in ("f32", "f64"):
    for _name in _ORDERED:
        _compare(_kind, _name)
    _equal(_kind, "eq")
    _equal(_kind, "ne")


# -- between integers and floats ---------------------------------------------------------------------------------------


def _from_integer(name: str, prefix: bytes, wide: int) -> None:
    registers, cell = by_registers(b"\x0f\x2a", wide, prefix), by_frame(b"\x0f\x2a", wide, prefix)

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write() -> None:
            entry = sink.vs.pop()
            if entry < 0:
                sink.move(RCX, entry)
            to = _target(sink)
            if to < 0:
                to = sink.xalloc()
            sink.out.extend(x86.XORPS[to << 5 | to])
            if entry < 0:
                sink.out.extend(registers[to << 5 | RCX])
            elif entry < XMM0:
                sink.out.extend(registers[to << 5 | entry])
                sink.release(entry)
            else:
                sink.out.extend(cell[entry << 5 | to])
            sink.vs.append(to)

        return write

    MAKERS[BY_NAME[name].code] = make


_from_integer("f32.convert_i32_s", b"\xf3", 0)
_from_integer("f32.convert_i32_u", b"\xf3", 1)
_from_integer("f32.convert_i64_s", b"\xf3", 1)
_from_integer("f64.convert_i32_s", b"\xf2", 0)
_from_integer("f64.convert_i32_u", b"\xf2", 1)
_from_integer("f64.convert_i64_s", b"\xf2", 1)


@writer("f32.convert_i64_u")
def convert_i64_u(sink: StencilSink, row: Instr) -> Writer:
    """From 2**63 on, half of it (with what is lost kept in the last bit) is converted, and doubled."""
    convert = by_registers(b"\x0f\x2a", 1, b"\xf3")

    def write() -> None:
        source = sink.own(sink.vs.pop())
        to, out = sink.xalloc(), sink.out
        out += x86.XORPS[to << 5 | to] + x86.TEST64[source << 5 | source] + b"\x78\0"  # js
        first = len(out)
        out += convert[to << 5 | source] + b"\xeb\0"
        second = len(out)
        out[first - 1] = second - first
        out += x86.MOV64[RCX << 5 | source] + b"\x83\xe1\x01" + rr(b"\xd1", 1, 5, source) + rr(b"\x0b", 1, source, RCX)
        out += convert[to << 5 | source] + rr(b"\x0f\x58", 0, to, to, b"\xf3")
        out[second - 1] = len(out) - second
        sink.free.append(source)
        sink.vs.append(to)

    return write


@writer("i32.reinterpret_f32", "i64.reinterpret_f64")
def to_bits(sink: StencilSink, row: Instr) -> Writer:
    """The same bits in an integer register; in a cell or a constant they are already."""
    wide = int(row.name.startswith("i64"))

    def write() -> None:
        entry = sink.vs.pop()
        if XMM0 <= entry < FLAGS:
            to = sink.alloc()
            sink.out.extend(rr(b"\x0f\x7e", wide, entry, to, b"\x66"))
            sink.release(entry)
            sink.vs.append(to)
        elif entry >= CELLS:
            to = sink.alloc()
            sink.out.extend((x86.LOAD64 if wide else x86.LOAD32)[entry << 5 | to])
            sink.vs.append(to)
        else:
            sink.vs.append(entry)

    return write


@writer("f32.reinterpret_i32", "f64.reinterpret_i64")
def from_bits(sink: StencilSink, row: Instr) -> Writer:
    """The same bits in a vector register."""

    def write() -> None:
        entry = sink.vs.pop()
        if 0 <= entry < XMM0:
            to = sink.xalloc()
            sink.out.extend(x86.MOVQ_TO_XMM[to << 5 | entry])
            sink.release(entry)
            sink.vs.append(to)
        elif entry >= CELLS:
            to = sink.xalloc()
            sink.out.extend(x86.LOADSD[entry << 5 | to])
            sink.vs.append(to)
        else:
            sink.vs.append(entry)

    return write


def _limits(source: str, bits: int, signed: bool) -> tuple[int, float, float]:
    """Return the condition and the bound below, and the bound above (exclusive), of what does not overflow."""
    above = 2.0 ** (bits - signed)
    if not signed:
        return x86.A, -1.0, above
    exact = bits == 32 and source == "f64"  # only there the number below the least integer exists
    return (x86.A, -above - 1, above) if exact else (x86.AE, -above, above)


def _truncate(name: str) -> None:
    """Traps for NaN and for what does not fit; then the processor's conversion, to 64 bits where that is simpler."""
    row = BY_NAME[name]
    source, bits, signed = str(row.params[0]), int(name[1:3]), name.endswith("_s")
    below, low, high = _limits(source, bits, signed)
    pack = "<f" if source == "f32" else "<d"
    lows, highs = struct.pack(pack, low), struct.pack(pack, high)
    compare = b"" if source == "f32" else b"\x66"
    prefix = _PREFIX[source]
    wide = int(bits == 64 or not signed)
    convert = by_registers(b"\x0f\x2c", wide, prefix)

    def make(sink: StencilSink, row: Instr) -> Writer:
        def write() -> None:
            entry = sink.vs.pop()
            value = sink.xregister(entry)
            sink.out.extend(rr(b"\x0f\x2e", 0, value, value, compare))
            sink.trap_if(x86.P, Reason.INVALID_CONVERSION)
            sink.literal(b"\x0f\x2e", value, lows, compare)
            sink.trap_if(below ^ 1, Reason.OVERFLOW)
            sink.literal(b"\x0f\x2e", value, highs, compare)
            sink.trap_if(x86.AE, Reason.OVERFLOW)
            to = sink.alloc()
            if bits == 64 and not signed:
                _unsigned64(sink, to, value)
            else:
                sink.out.extend(convert[to << 5 | value])
                if wide and bits == 32:
                    sink.out.extend(x86.MOV32[to << 5 | to])
            sink.release(value)
            sink.vs.append(to)

        return write

    def _unsigned64(sink: StencilSink, to: int, value: int) -> None:
        """From 2**63 on, convert the value less that and add it again."""
        out = sink.out
        half = struct.pack(pack, 2.0**63)
        sink.literal(b"\x0f\x2e", value, half, compare)
        out.extend(b"\x73\0")  # jae
        first = len(out)
        out.extend(convert[to << 5 | value] + b"\xeb\0")
        second = len(out)
        out[first - 1] = second - first
        out.extend(MOVAPS[XTEMP << 5 | value])
        sink.literal(b"\x0f\x5c", XTEMP, half, prefix)
        out.extend(convert[to << 5 | XTEMP])
        out.extend(x86.CONSTANT[1 << 63 << 4 | RCX] + rr(b"\x33", 1, to, RCX))
        out[second - 1] = len(out) - second

    MAKERS[row.code] = make


for _bits_ in ("i32", "i64"):
    for _kind in ("f32", "f64"):
        for _sign in "su":
            _truncate(f"{_bits_}.trunc_{_kind}_{_sign}")
