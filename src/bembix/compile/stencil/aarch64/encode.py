"""The machine code of aarch64, as far as the sink writes it: one function an instruction, which returns its word.

Source: Arm Architecture Reference Manual, C6.2 and C7.2; ARMv8.0.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

#: Conditions; the lowest bit turns one into its opposite.
EQ, NE, HS, LO, VS, HI, LS, GE, LT, GT, LE = 0, 1, 2, 3, 6, 8, 9, 10, 11, 12, 13
MI: Final = 4
#: Registers with jobs: frame pointer, return address, stack pointer (or zero), two that no one keeps anything in.
FP, LR, SP, ZR = 29, 30, 31, 31
T0, T1 = 16, 17

#: Loads and stores with an offset in units of what is accessed.
LDR_X, LDR_W, LDRSW = 0xF9400000, 0xB9400000, 0xB9800000
LDRB, LDRSB_W, LDRSB_X = 0x39400000, 0x39C00000, 0x39800000
LDRH, LDRSH_W, LDRSH_X = 0x79400000, 0x79C00000, 0x79800000
STR_X, STR_W, STRH, STRB = 0xF9000000, 0xB9000000, 0x79000000, 0x39000000
LDR_D, LDR_S, LDR_Q = 0xFD400000, 0xBD400000, 0x3DC00000
STR_D, STR_S, STR_Q = 0xFD000000, 0xBD000000, 0x3D800000

#: Instructions on three registers.
ADD, ADDS, SUB, SUBS = 0x8B000000, 0xAB000000, 0xCB000000, 0xEB000000
ADD_W, SUBS_W = 0x0B000000, 0x6B000000
AND, ORR, EOR, BIC = 0x8A000000, 0xAA000000, 0xCA000000, 0x8A200000
ANDS, ANDS_W = 0xEA000000, 0x6A000000
SDIV, UDIV, SDIV_W, UDIV_W = 0x9AC00C00, 0x9AC00800, 0x1AC00C00, 0x1AC00800
FCMP_S, FCMP_D = 0x1E202000, 0x1E602000

RET: Final = 0xD65F03C0
DMB_ISH: Final = 0xD5033BBF
#: stp x29, x30, [sp, #-16]!; mov x29, sp
ENTER: Final = (0xA9BF7BFD, 0x910003FD)
#: mov sp, x29; ldp x29, x30, [sp], #16
LEAVE: Final = (0x910003BF, 0xA8C17BFD)


def words(*code: int) -> bytes:
    """Return instructions as bytes."""
    return struct.pack(f"<{len(code)}I", *code)


def three(op: int, to: int, left: int, right: int) -> int:
    """`op to, left, right`."""
    return op | right << 16 | left << 5 | to


def mov(to: int, source: int) -> int:
    """`mov x, x`."""
    return 0xAA0003E0 | source << 16 | to


def mov_w(to: int, source: int) -> int:
    """`mov w, w`: the upper half becomes 0."""
    return 0x2A0003E0 | source << 16 | to


def add_imm(to: int, source: int, number: int) -> int:
    """`add x, x, #number`, below 4096; registers 31 are sp."""
    return 0x91000000 | number << 10 | source << 5 | to


def sub_imm(to: int, source: int, number: int) -> int:
    """`sub x, x, #number`, likewise."""
    return 0xD1000000 | number << 10 | source << 5 | to


def subs_imm(to: int, source: int, number: int) -> int:
    """`subs x, x, #number`, below 4096; registers 31 are zero."""
    return 0xF1000000 | number << 10 | source << 5 | to


def cmp(left: int, right: int) -> int:
    """`cmp x, x`."""
    return three(SUBS, ZR, left, right)


def cmp_w(left: int, right: int) -> int:
    """`cmp w, w`."""
    return three(SUBS_W, ZR, left, right)


def lsl(to: int, source: int, bits: int) -> int:
    """`lsl x, x, #bits`."""
    return 0xD3400000 | (-bits & 63) << 16 | (63 - bits) << 10 | source << 5 | to


def lsr(to: int, source: int, bits: int) -> int:
    """`lsr x, x, #bits`."""
    return 0xD340FC00 | bits << 16 | source << 5 | to


def lsr_w(to: int, source: int, bits: int) -> int:
    """`lsr w, w, #bits`."""
    return 0x53007C00 | bits << 16 | source << 5 | to


def asr_w(to: int, source: int, bits: int) -> int:
    """`asr w, w, #bits`."""
    return 0x13007C00 | bits << 16 | source << 5 | to


def tst_low(register: int, bits: int) -> int:
    """`tst x, #(1 << bits) - 1`."""
    return 0xF2400000 | (bits - 1) << 10 | register << 5 | ZR


def cset(to: int, condition: int) -> int:
    """`cset w, condition`."""
    return 0x1A9F07E0 | (condition ^ 1) << 12 | to


def csel(to: int, yes: int, no: int, condition: int) -> int:
    """`csel x, yes, no, condition`."""
    return 0x9A800000 | no << 16 | condition << 12 | yes << 5 | to


def msub(to: int, one: int, other: int, given: int, wide: bool) -> int:
    """`msub to, one, other, given`: given - one * other."""
    return (0x9B008000 if wide else 0x1B008000) | other << 16 | given << 10 | one << 5 | to


def br(register: int) -> int:
    """`br x`."""
    return 0xD61F0000 | register << 5


def blr(register: int) -> int:
    """`blr x`."""
    return 0xD63F0000 | register << 5


def skip_if(condition: int, instructions: int = 1) -> int:
    """`b.condition` over so many instructions."""
    return 0x54000000 | (instructions + 1) << 5 | condition


def skip_if_zero(register: int, wide: bool, instructions: int = 1) -> int:
    """`cbz` over so many instructions."""
    return (0xB4000000 if wide else 0x34000000) | (instructions + 1) << 5 | register


def skip_unless_zero(register: int, wide: bool, instructions: int = 1) -> int:
    """`cbnz` over so many instructions."""
    return skip_if_zero(register, wide, instructions) | 0x01000000


def back_if(condition: int, instructions: int) -> int:
    """`b.condition` back by so many instructions."""
    return 0x54000000 | (-instructions & 0x7FFFF) << 5 | condition


def branch(distance: int) -> int:
    """`b`, by so many bytes."""
    return 0x14000000 | (distance >> 2 & 0x3FFFFFF)


def adr(to: int, distance: int) -> int:
    """`adr x`, by so many bytes, less than 1 MiB."""
    return 0x10000000 | (distance & 3) << 29 | (distance >> 2 & 0x7FFFF) << 5 | to


def fmov_d(to: int, source: int) -> int:
    """`fmov d, x`."""
    return 0x9E670000 | source << 5 | to


def fmov_s(to: int, source: int) -> int:
    """`fmov s, w`."""
    return 0x1E270000 | source << 5 | to


def set_high(to: int, source: int) -> int:
    """`mov v.d[1], x`."""
    return 0x4E181C00 | source << 5 | to


def scale(op: int) -> int:
    """Return the binary logarithm of what a load or store accesses."""
    return 4 if op & 0xFF800000 == 0x3D800000 else op >> 30


@lru_cache(maxsize=100_000)
def constant(to: int, number: int) -> bytes:
    """Return the code that puts 64 bits into a register."""
    parts = [number >> shift & 0xFFFF for shift in (0, 16, 32, 48)]
    ones = parts.count(0xFFFF) > parts.count(0)
    empty = 0xFFFF if ones else 0
    code: list[int] = []
    for place, part in enumerate(parts):
        if part == empty:
            continue
        if code:
            code.append(0xF2800000 | place << 21 | part << 5 | to)  # movk
        elif ones:
            code.append(0x92800000 | place << 21 | (part ^ 0xFFFF) << 5 | to)  # movn
        else:
            code.append(0xD2800000 | place << 21 | part << 5 | to)  # movz
    return words(*(code or [(0x92800000 if ones else 0xD2800000) | to]))


@lru_cache(maxsize=100_000)
def access(op: int, register: int, base: int, offset: int) -> bytes:
    """Return a load or store at [base + offset], offset not below 0; T1 is lost where that is large."""
    unit = scale(op)
    if offset & ((1 << unit) - 1) == 0 and offset >> unit < 4096:
        return words(op | (offset >> unit) << 10 | base << 5 | register)
    return constant(T1, offset) + words(indexed(op, register, base, T1))


def indexed(op: int, register: int, base: int, index: int) -> int:
    """A load or store at [base + index], 64 bits of it."""
    return op & ~0x01000000 | 0x00206800 | index << 16 | base << 5 | register
