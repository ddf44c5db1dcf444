"""The machine code of x86-64, as far as the sink writes it: encodings, and tables of them that fill as they are used.

Registers are numbers: 0 to 15 the integer registers, 16 to 31 the vector registers xmm0 to xmm15.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 (instruction format).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 = range(16)
XMM0: Final = 16

#: Condition codes, as they stand in the opcodes of jcc, setcc and cmovcc.  The opposite of one is that `^ 1`.
OVER, NOT_OVER, B, AE, E, NE, BE, A, S, NS, P, NP, L, GE, LE, G = range(16)


class Table(dict[int, bytes]):
    """Encodings by what varies in them, made at their first use."""

    __slots__ = ("make",)
    _LIMIT: Final = 50_000  #: entries; beyond, it starts again

    def __init__(self, make: Callable[[int], bytes]) -> None:
        super().__init__()
        self.make: Callable[[int], bytes] = make

    def __missing__(self, key: int) -> bytes:
        if len(self) > self._LIMIT:
            self.clear()
        found = self[key] = self.make(key)
        return found


def _rex(wide: int, reg: int, index: int, base: int, force: bool = False) -> bytes:
    bits = wide << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | base >> 3 & 1
    return bytes((0x40 | bits,)) if bits or force else b""


def rr(op: bytes, wide: int, reg: int, rm: int, prefix: bytes = b"", force: bool = False) -> bytes:
    """Encode an instruction on two registers.

    op: the opcode bytes.  wide: 1 for 64 bits.  prefix: what goes before REX.  force: with REX in any case, which byte
    registers want.
    """
    return prefix + _rex(wide, reg & 15, 0, rm & 15, force) + op + bytes((0xC0 | (reg & 7) << 3 | rm & 7,))


def _modrm(reg: int, base: int, disp: int) -> bytes:
    """Encode [base + disp]."""
    low, sib = base & 7, b"\x24" if base & 7 == 4 else b""
    if not disp and low != 5:
        return bytes(((reg & 7) << 3 | low,)) + sib
    if -128 <= disp < 128:
        return bytes((0x40 | (reg & 7) << 3 | low,)) + sib + disp.to_bytes(1, "little", signed=True)
    return bytes((0x80 | (reg & 7) << 3 | low,)) + sib + disp.to_bytes(4, "little", signed=True)


def rm(op: bytes, wide: int, reg: int, base: int, disp: int, prefix: bytes = b"", force: bool = False) -> bytes:
    """Encode an instruction on a register and memory at [base + disp]."""
    return prefix + _rex(wide, reg & 15, 0, base, force) + op + _modrm(reg, base, disp)


def rx(
    op: bytes,
    wide: int,
    reg: int,
    base: int,
    index: int,
    disp: int,
    prefix: bytes = b"",
    force: bool = False,
    scale: int = 0,
) -> bytes:
    """Encode an instruction on a register and memory at [base + index << scale + disp]; index is not rsp."""
    head = prefix + _rex(wide, reg & 15, index, base, force) + op
    sib = scale << 6 | (index & 7) << 3 | base & 7
    if not disp and base & 7 != 5:
        return head + bytes(((reg & 7) << 3 | 4, sib))
    if -128 <= disp < 128:
        return head + bytes((0x44 | (reg & 7) << 3, sib)) + disp.to_bytes(1, "little", signed=True)
    return head + bytes((0x84 | (reg & 7) << 3, sib)) + disp.to_bytes(4, "little", signed=True)


def rip(op: bytes, wide: int, reg: int, prefix: bytes = b"") -> bytes:
    """Encode an instruction on a register and memory at [rip + 0]; the last four bytes are to be patched."""
    return prefix + _rex(wide, reg & 15, 0, 0) + op + bytes(((reg & 7) << 3 | 5, 0, 0, 0, 0))


def by_registers(op: bytes, wide: int, prefix: bytes = b"", force: bool = False) -> Table:
    """Return the encodings of an instruction on two registers, by reg << 5 | rm."""
    return Table(lambda key: rr(op, wide, key >> 5, key & 31, prefix, force))


def by_frame(op: bytes, wide: int, prefix: bytes = b"", force: bool = False) -> Table:
    """Return the encodings of an instruction on a register and a cell of the frame, by offset << 5 | reg.

    The cell is at rbp - offset.
    """
    return Table(lambda key: rm(op, wide, key & 31, RBP, -(key >> 5), prefix, force))


# -- moves -------------------------------------------------------------------------------------------------------------

MOV32: Final = by_registers(b"\x8b", 0)
MOV64: Final = by_registers(b"\x8b", 1)
LOAD32: Final = by_frame(b"\x8b", 0)
LOAD64: Final = by_frame(b"\x8b", 1)
STORE64: Final = by_frame(b"\x89", 1)
#: Vector registers as a whole; eight bytes of them; from and to integer registers.
MOVAPS: Final = by_registers(b"\x0f\x28", 0)
LOADSD: Final = by_frame(b"\x0f\x10", 0, b"\xf2")
STORESD: Final = by_frame(b"\x0f\x11", 0, b"\xf2")
LOADUPS: Final = by_frame(b"\x0f\x10", 0)
STOREUPS: Final = by_frame(b"\x0f\x11", 0)
MOVQ_TO_XMM: Final = by_registers(b"\x0f\x6e", 1, b"\x66")  #: xmm << 5 | integer register
MOVQ_FROM_XMM: Final = by_registers(b"\x0f\x7e", 1, b"\x66")
XORPS: Final = by_registers(b"\x0f\x57", 0)
XOR32: Final = by_registers(b"\x33", 0)
TEST32: Final = by_registers(b"\x85", 0)
TEST64: Final = by_registers(b"\x85", 1)


def _constant(key: int) -> bytes:
    """mov reg, value, which keeps the flags; the key is value << 4 | reg."""
    value, reg = key >> 4, key & 15
    if value < 1 << 32:
        return _rex(0, 0, 0, reg) + bytes((0xB8 | reg & 7,)) + value.to_bytes(4, "little")
    if value >= (1 << 64) - (1 << 31):
        return _rex(1, 0, 0, reg) + bytes((0xC7, 0xC0 | reg & 7)) + (value & 0xFFFFFFFF).to_bytes(4, "little")
    return _rex(1, 0, 0, reg) + bytes((0xB8 | reg & 7,)) + value.to_bytes(8, "little")


#: mov of a constant (unsigned, 64 bits), by value << 4 | reg.
CONSTANT: Final = Table(_constant)


def jump(displacement: int = 0) -> bytes:
    """Jmp, 32 bits."""
    return b"\xe9" + displacement.to_bytes(4, "little", signed=True)


#: jcc and setcc (of a register, then extended), by condition and, for the latter, condition << 4 | reg.
JCC: Final = [bytes((0x0F, 0x80 | cc, 0, 0, 0, 0)) for cc in range(16)]
SETCC: Final = Table(
    lambda key: (
        rr(bytes((0x0F, 0x90 | key >> 4)), 0, 0, key & 15, force=True)
        + rr(b"\x0f\xb6", 0, key & 15, key & 15, force=True)
    )
)
