"""Writers of instructions on integers: arithmetic, comparisons, shifts, division, conversion between widths.

Where the next instruction puts the result into a local that lives in a register, it is calculated there; where it is
a branch or a choice, a comparison leaves its result in the flags.  Source: core 3.0, 4.3.2.
"""

from __future__ import annotations

from typing import Final

from bembix.compile.stencil.opcodes import DIVIDES, I32_EQZ, LOCAL_SET, LOCAL_TEE, TAKES_FLAGS
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.encode import (
    CONSTANT,
    MOV32,
    MOV64,
    RAX,
    RBP,
    RCX,
    RDX,
    SETCC,
    XMM0,
    Table,
    by_frame,
    by_registers,
    rm,
    rr,
)
from bembix.compile.stencil.x86_64.sink import CELLS, FLAGS, MAKERS, StencilSink, Writer, writer
from bembix.compile.traps import Reason
from bembix.spec.instructions import BY_NAME, Instr

_MASK64: Final = 0xFFFFFFFFFFFFFFFF


def _signed32(value: int, wide: int) -> bytes | None:
    """Return a constant as the four bytes of an immediate, or None where it does not fit."""
    if not wide or value < 1 << 31:
        return value.to_bytes(4, "little")
    return (value & 0xFFFFFFFF).to_bytes(4, "little") if value >= (1 << 64) - (1 << 31) else None


def _immediate(number: int, wide: int) -> Table:
    """Return the encodings of an arithmetic instruction with a constant, by value << 4 | reg; empty where the constant
    is too large."""

    def make(key: int) -> bytes:
        value, reg = key >> 4, key & 15
        short = value if value < 128 else value - (1 << (64 if wide else 32))
        if -128 <= short < 128:
            return rr(b"\x83", wide, number, reg) + bytes((short & 0xFF,))
        full = _signed32(value, wide)
        return b"" if full is None else rr(b"\x81", wide, number, reg) + full

    return Table(make)


class _Forms:
    """An arithmetic instruction.  number: in the opcodes with a constant; the opcode of reg, r/m is 8 * number + 3."""

    def __init__(self, number: int, wide: int) -> None:
        op = bytes((8 * number + 3,))
        self.registers = by_registers(op, wide)
        self.cell = by_frame(op, wide)
        self.constant = _immediate(number, wide)


_FORMS: Final = {
    (name, wide): _Forms(number, wide)
    for name, number in (("add", 0), ("or", 1), ("and", 4), ("sub", 5), ("xor", 6), ("cmp", 7))
    for wide in (0, 1)
}
_LEA: Final = [
    Table(lambda key: rm(b"\x8d", 0, key & 15, key >> 4 & 15, _near(key >> 8, 32))),
    Table(lambda key: rm(b"\x8d", 1, key & 15, key >> 4 & 15, _near(key >> 8, 64))),
]
_LEA_SUM: Final = [
    Table(lambda key: x86.rx(b"\x8d", 0, key & 15, key >> 4 & 15, key >> 8, 0)),
    Table(lambda key: x86.rx(b"\x8d", 1, key & 15, key >> 4 & 15, key >> 8, 0)),
]


def _near(value: int, bits: int) -> int:
    """Return an unsigned constant as a signed one."""
    return value - (1 << bits) if value >> (bits - 1) else value


def _arithmetic(name: str, wide: int, commutes: bool) -> None:
    forms = _FORMS[name, wide]
    registers, cell, constant = forms.registers, forms.cell, forms.constant
    lea, lea_sum, adds = _LEA[wide], _LEA_SUM[wide], name == "add"
    fits = (1 << 31) - 1

    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, scratch, free, pins, out = sink.vs, sink.scratch, sink.free, sink.pins, sink.out
        pop, push, emit = vs.pop, vs.append, out.extend
        alloc, walker, move = sink.alloc, sink.walker, sink.move

        def write() -> None:
            right, left = pop(), pop()
            code, at = walker.code, walker.at + 1
            to = -1
            if LOCAL_SET <= code[at] <= LOCAL_TEE:
                to = pins.get(code[at + 1], -1)
                if to >= 0:
                    if to in vs:
                        to = -1
                    elif to == right and to != left:
                        if commutes:
                            left, right = right, left
                        else:
                            to = -1
            if to < 0:
                if 0 <= left < XMM0 and scratch[left]:
                    to = left
                elif commutes and 0 <= right < XMM0 and scratch[right]:
                    to, left, right = right, right, left
            if to < 0 or to != left:  # a constant 0 is -1 too
                if to < 0:
                    to = free.pop() if free else alloc()
                if adds and 0 <= left < XMM0:
                    if 0 <= right < XMM0:
                        emit(lea_sum[right << 8 | left << 4 | to])
                    elif right < 0 and (not wide or ~right <= fits):
                        emit(lea[~right << 8 | left << 4 | to])
                    else:
                        emit(MOV64[to << 5 | left])
                        _apply(to, right)
                    if scratch[left]:
                        free.append(left)
                    if 0 <= right < XMM0 and scratch[right]:
                        free.append(right)
                    push(to)
                    return
                move(to, left)
                if 0 <= left < XMM0 and scratch[left]:
                    free.append(left)
            if right < 0:
                text = constant[~right << 4 | to]
                if text:
                    emit(text)
                else:
                    emit(CONSTANT[~right << 4 | RCX])
                    emit(registers[to << 5 | RCX])
            elif right < XMM0:
                emit(registers[to << 5 | right])
                if scratch[right] and right != to:
                    free.append(right)
            else:
                emit(cell[right << 5 | to])
            push(to)

        def _apply(to: int, right: int) -> None:
            if right < 0:
                text = constant[~right << 4 | to]
                emit(text or CONSTANT[~right << 4 | RCX] + registers[to << 5 | RCX])
            else:
                emit(cell[right << 5 | to])

        return write

    MAKERS[BY_NAME[f"i{64 if wide else 32}.{name}"].code] = make


for _wide in (0, 1):
    for _name in ("add", "or", "and", "xor", "sub"):
        _arithmetic(_name, _wide, _name != "sub")


# -- comparisons -------------------------------------------------------------------------------------------------------

_CONDITIONS: Final = {
    "eq": x86.E, "ne": x86.NE, "lt_s": x86.L, "lt_u": x86.B, "gt_s": x86.G, "gt_u": x86.A, "le_s": x86.LE,
    "le_u": x86.BE, "ge_s": x86.GE, "ge_u": x86.AE,
}  # fmt: skip
#: Of the same comparison with its operands exchanged.
_EXCHANGED: Final = {
    x86.E: x86.E, x86.NE: x86.NE, x86.L: x86.G, x86.B: x86.A, x86.G: x86.L, x86.A: x86.B, x86.LE: x86.GE,
    x86.BE: x86.AE, x86.GE: x86.LE, x86.AE: x86.BE,
}  # fmt: skip
_TESTS: Final = (x86.TEST32, x86.TEST64)
#: cmp of a cell with a register, by offset << 5 | reg.
_CELL_REGISTER: Final = (by_frame(b"\x39", 0), by_frame(b"\x39", 1))


def push_condition(sink: StencilSink, condition: int) -> None:
    """Push the result of a comparison: as flags where the next instruction takes those."""
    walker = sink.walker
    code, at = walker.code, walker.at + 1
    after = code[at]
    if after in TAKES_FLAGS or (after == I32_EQZ and code[at + 1] in DIVIDES):
        sink.vs.append(FLAGS + condition)
        return
    to = -1
    if LOCAL_SET <= after <= LOCAL_TEE:
        to = sink.pins.get(code[at + 1], -1)
        if to in sink.vs:
            to = -1
    if to < 0:
        to = sink.alloc()
    sink.out += SETCC[condition << 4 | to]
    sink.vs.append(to)


def _compare(name: str, wide: int) -> None:
    forms = _FORMS["cmp", wide]
    registers, cell, constant = forms.registers, forms.cell, forms.constant
    test, cell_register = _TESTS[wide], _CELL_REGISTER[wide]
    given = _CONDITIONS[name]
    load = x86.LOAD64 if wide else x86.LOAD32

    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, scratch, free, emit = sink.vs, sink.scratch, sink.free, sink.out.extend
        pop = vs.pop

        def write() -> None:
            right, left, condition = pop(), pop(), given
            if left < 0 <= right:
                left, right, condition = right, left, _EXCHANGED[condition]
            if left < 0:
                left = sink.own(left)
            if left < XMM0:
                if right < 0:
                    if right == -1:
                        emit(test[left << 5 | left])
                    else:
                        text = constant[~right << 4 | left]
                        if not text:
                            text = CONSTANT[~right << 4 | RCX] + registers[left << 5 | RCX]
                        emit(text)
                elif right < XMM0:
                    emit(registers[left << 5 | right])
                    if scratch[right]:
                        free.append(right)
                else:
                    emit(cell[right << 5 | left])
                if scratch[left]:
                    free.append(left)
            elif right < 0:
                full = _signed32(~right, wide)
                if full is None:
                    emit(CONSTANT[~right << 4 | RCX] + cell_register[left << 5 | RCX])
                elif ~right < 128:
                    emit(rm(b"\x83", wide, 7, RBP, -left) + bytes((~right,)))
                else:
                    emit(rm(b"\x81", wide, 7, RBP, -left) + full)
            elif right < XMM0:
                emit(cell_register[left << 5 | right])
                if scratch[right]:
                    free.append(right)
            else:
                emit(load[left << 5 | RCX])
                emit(cell[right << 5 | RCX])
            push_condition(sink, condition)

        return write

    MAKERS[BY_NAME[f"i{64 if wide else 32}.{name}"].code] = make


for _wide in (0, 1):
    for _name in _CONDITIONS:
        _compare(_name, _wide)


def _eqz(wide: int) -> None:
    test = _TESTS[wide]

    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, scratch, free, emit = sink.vs, sink.scratch, sink.free, sink.out.extend

        def write() -> None:
            entry = vs.pop()
            condition = x86.E
            if FLAGS <= entry < CELLS:
                condition = entry - FLAGS ^ 1
            elif entry < 0:
                emit(CONSTANT[~entry << 4 | RCX] + test[RCX << 5 | RCX])
            elif entry < XMM0:
                emit(test[entry << 5 | entry])
                if scratch[entry]:
                    free.append(entry)
            else:
                emit(rm(b"\x83", wide, 7, RBP, -entry) + b"\0")
            push_condition(sink, condition)

        return write

    MAKERS[BY_NAME[f"i{64 if wide else 32}.eqz"].code] = make


_eqz(0)
_eqz(1)


# -- multiplication, shifts --------------------------------------------------------------------------------------------


def _target(sink: StencilSink, *used: int) -> int:
    """Return the register of the local that takes the result next, or -1."""
    walker = sink.walker
    code, at = walker.code, walker.at + 1
    if LOCAL_SET <= code[at] <= LOCAL_TEE:
        to = sink.pins.get(code[at + 1], -1)
        if to >= 0 and to not in used and to not in sink.vs:
            return to
    return -1


_IMUL: Final = [(by_registers(b"\x0f\xaf", w), by_frame(b"\x0f\xaf", w)) for w in (0, 1)]


def _mul(wide: int) -> None:
    registers, cell = _IMUL[wide]

    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, scratch, emit = sink.vs, sink.scratch, sink.out.extend

        def write() -> None:
            right, left = vs.pop(), vs.pop()
            if left < 0 <= right:
                left, right = right, left
            if right < 0:
                full = _signed32(~right, wide)
                if full is not None and left >= 0:
                    to = _target(sink)
                    if to < 0:
                        to = left if left < XMM0 and scratch[left] else sink.alloc()
                    op = rr(b"\x69", wide, to, left) if left < XMM0 else rm(b"\x69", wide, to, RBP, -left)
                    emit(op + full)
                    if to != left:
                        sink.release(left)
                    vs.append(to)
                    return
            to = sink.own(left)
            if right < 0:
                emit(CONSTANT[~right << 4 | RCX])
                right = RCX
            if right < XMM0:
                emit(registers[to << 5 | right])
                if scratch[right] and right != RCX:
                    sink.free.append(right)
            else:
                emit(cell[right << 5 | to])
            vs.append(to)

        return write

    MAKERS[BY_NAME[f"i{64 if wide else 32}.mul"].code] = make


_mul(0)
_mul(1)

_SHIFTS: Final = {"shl": 4, "shr_u": 5, "shr_s": 7, "rotl": 0, "rotr": 1}


def _shift(name: str, wide: int) -> None:
    number, mask = _SHIFTS[name], 63 if wide else 31

    def by_constant(key: int) -> bytes:
        return rr(b"\xc1", wide, number, key & 15) + bytes((key >> 4,))

    constant = Table(by_constant)
    variable = Table(lambda key: rr(b"\xd3", wide, number, key))

    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, scratch, emit = sink.vs, sink.scratch, sink.out.extend

        def write() -> None:
            right, left = vs.pop(), vs.pop()
            to = _target(sink, right)
            if to >= 0:
                sink.move(to, left)
                if to != left:
                    sink.release(left)
            else:
                to = sink.own(left)
            if right < 0:
                count = ~right & mask
                if count:
                    emit(constant[count << 4 | to])
            else:
                sink.move(RCX, right)
                emit(variable[to])
                if right < XMM0 and scratch[right]:
                    sink.free.append(right)
            vs.append(to)

        return write

    MAKERS[BY_NAME[f"i{64 if wide else 32}.{name}"].code] = make


for _wide in (0, 1):
    for _name in _SHIFTS:
        _shift(_name, _wide)


# -- division ----------------------------------------------------------------------------------------------------------


def _divide(name: str, wide: int) -> None:
    signed, rest = name.endswith("_s"), name.startswith("rem")
    tail = ((b"\x48\x99" if wide else b"\x99") if signed else x86.XOR32[RDX << 5 | RDX]) + rr(
        b"\xf7", wide, 7 if signed else 6, RCX
    )
    test = _TESTS[wide][RCX << 5 | RCX]
    minus_one = rr(b"\x83", wide, 7, RCX) + b"\xff"
    #: The remainder by -1 is 0; the processor would fault where the quotient overflows.
    no_rest = b"\x75\x04" + x86.XOR32[RDX << 5 | RDX] + bytes((0xEB, len(tail)))
    least = 1 << (63 if wide else 31)

    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, out = sink.vs, sink.out

        def write() -> None:
            right, left = vs.pop(), vs.pop()
            _dividend_and_divisor(sink, left, right)
            if right >= 0:
                out.extend(test)
                sink.trap_if(x86.E, Reason.DIVIDE_BY_ZERO)
            elif right == -1:
                sink.trap(Reason.DIVIDE_BY_ZERO)
            if signed and (right >= 0 or ~right == (_MASK64 if wide else 0xFFFFFFFF)):
                out.extend(minus_one)
                if rest:
                    out.extend(no_rest)
                else:
                    check_overflow()
            out.extend(tail)
            result, other = (RDX, RAX) if rest else (RAX, RDX)
            sink.free.append(other)
            vs.append(result)

        def check_overflow() -> None:
            out.extend(b"\x75\0")
            over = len(out)
            if wide:
                out.extend(CONSTANT[least << 4 | RDX] + _FORMS["cmp", 1].registers[RAX << 5 | RDX])
            else:
                out.extend(_FORMS["cmp", 0].constant[least << 4 | RAX])
            sink.trap_if(x86.E, Reason.OVERFLOW)
            out[over - 1] = len(out) - over

        return write

    MAKERS[BY_NAME[f"i{64 if wide else 32}.{name}"].code] = make


def _dividend_and_divisor(sink: StencilSink, left: int, right: int) -> None:
    """Bring the dividend to rax, the divisor to rcx; rdx is taken too.  Whoever else is there leaves."""
    sink.move(RCX, right)
    sink.release(right)
    if left == RAX and sink.scratch[RAX]:
        sink.evict(RDX)
        sink.claim(RDX)
    elif left == RDX and sink.scratch[RDX]:
        sink.evict(RAX)
        sink.claim(RAX)
        sink.move(RAX, RDX)
    else:
        sink.evict(RAX, RDX)
        sink.claim(RAX)
        sink.claim(RDX)
        sink.move(RAX, left)
        sink.release(left)


for _wide in (0, 1):
    for _name in ("div_s", "div_u", "rem_s", "rem_u"):
        _divide(_name, _wide)


# -- widths ------------------------------------------------------------------------------------------------------------


def _convert(name: str, registers: Table, cell: Table) -> None:
    def make(sink: StencilSink, row: Instr) -> Writer:
        vs, scratch, emit = sink.vs, sink.scratch, sink.out.extend

        def write() -> None:
            entry = vs.pop()
            to = _target(sink)
            if entry < 0:
                entry = sink.register(entry)
            if to < 0:
                to = entry if entry < XMM0 and scratch[entry] else sink.alloc()
            if entry < XMM0:
                emit(registers[to << 5 | entry])
                if to != entry and scratch[entry]:
                    sink.free.append(entry)
            else:
                emit(cell[entry << 5 | to])
            vs.append(to)

        return write

    MAKERS[BY_NAME[name].code] = make


def _pair(op: bytes, wide: int, force: bool = False) -> tuple[Table, Table]:
    return by_registers(op, wide, force=force), by_frame(op, wide)


_convert("i32.wrap_i64", MOV32, x86.LOAD32)
_convert("i64.extend_i32_s", *_pair(b"\x63", 1))
_convert("i64.extend32_s", *_pair(b"\x63", 1))
_convert("i32.extend8_s", *_pair(b"\x0f\xbe", 0, True))
_convert("i32.extend16_s", *_pair(b"\x0f\xbf", 0))
_convert("i64.extend8_s", *_pair(b"\x0f\xbe", 1, True))
_convert("i64.extend16_s", *_pair(b"\x0f\xbf", 1))


@writer("i64.extend_i32_u")
def extend_i32_u(sink: StencilSink, row: Instr) -> Writer:
    """Nothing: the upper half is 0 already."""
    return lambda: None


@writer("i32.const")
def i32_const(sink: StencilSink, row: Instr) -> Writer:
    """An entry."""
    push = sink.vs.append
    return lambda value: push(~(value & 0xFFFFFFFF))


@writer("i64.const")
def i64_const(sink: StencilSink, row: Instr) -> Writer:
    """An entry."""
    push = sink.vs.append
    return lambda value: push(~(value & _MASK64))


@writer("f32.const", "f64.const", "v128.const")
def bits_const(sink: StencilSink, row: Instr) -> Writer:
    """An entry."""
    push = sink.vs.append
    return lambda bits: push(~bits)
