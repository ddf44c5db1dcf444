"""Writers of instructions whose code was made ahead of time: `stencils.txt`, written by `tools/stencils_x86_64.py`.

Such code is what LLVM makes of the template of the LLVM tier, as a function without its return: operands are in the
registers of the C convention (rdi, rsi, ...; xmm0, xmm1, ...), and so are results.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from bembix import shipped
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.encode import RAX, RCX, RDI, RDX, RSI, XMM0
from bembix.compile.stencil.x86_64.memory import encode, place, release_place
from bembix.compile.stencil.x86_64.sink import FLAGS, MAKERS, XTEMP, StencilSink, Writer
from bembix.records import dataclass
from bembix.spec.instructions import BY_CODE, BY_NAME, Imm, Instr
from bembix.spec.types import F32, F64, I32, V128, ValType

_FLOATS: Final = (F32, F64, V128)
_WORDS: Final = (RDI, RSI, RDX, RCX)
_WIDE: Final = {"i64.add128": 4, "i64.sub128": 4, "i64.mul_wide_s": 2, "i64.mul_wide_u": 2}


@dataclass(frozen=True, slots=True)
class Stencil:
    """Code to paste.  constants: place of four bytes, end of their instruction, content.  registers: it writes them."""

    code: bytes
    constants: tuple[tuple[int, int, bytes], ...]
    registers: tuple[int, ...]


@lru_cache(maxsize=1)
def _lines() -> dict[tuple[str, int], str]:
    text = shipped.read(__name__, "stencils.txt").decode()
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            head, _, rest = line.partition(" | ")
            name, _, lane = head.partition(" ")
            found[name, int(lane)] = rest
    return found


@lru_cache(maxsize=1000)
def stencil(name: str, lane: int = 0) -> Stencil:
    """Return the stencil of an instruction (and a lane).  Errors: KeyError where there is none."""
    code, constants, registers = _lines()[name, lane].split("|")
    parsed = []
    for word in constants.split():
        at, behind, content = word.split(":")
        parsed.append((int(at), int(at) + 4 + int(behind), bytes.fromhex(content)))
    return Stencil(bytes.fromhex(code), tuple(parsed), tuple(map(int, registers.split())))


def paste(sink: StencilSink, found: Stencil) -> None:
    """Write its code."""
    out = sink.out
    start = len(out)
    out += found.code
    for at, behind, content in found.constants:
        sink.literals.setdefault(content, []).append((start + at, start + behind))


def apply(sink: StencilSink, found: Stencil, types: tuple[ValType, ...], results: tuple[ValType, ...]) -> None:
    """Take operands of these types, paste a stencil, push its results."""
    vs, count = sink.vs, len(types)
    values = vs[-count:]
    del vs[-count:]
    words = [v for v, t in zip(values, types, strict=True) if t not in _FLOATS]
    floats = [v for v, t in zip(values, types, strict=True) if t in _FLOATS]
    kinds = [t for t in types if t in _FLOATS]
    ends = (RDX, RAX) if len(results) == 2 else (XMM0,) if results[0] in _FLOATS else (RAX,)
    taken = {*found.registers, *_WORDS[: len(words)], *range(XMM0, XMM0 + len(floats)), *ends}
    sink.evict(*(r for r in taken if r != RCX))
    sink.float_arguments(floats, kinds)
    sink.arguments(words, _WORDS[: len(words)])
    for entry in values:
        sink.release(entry)
    paste(sink, found)
    for register in reversed(ends):
        sink.claim(register)
        vs.append(register)


def _regular(sink: StencilSink, row: Instr) -> Writer:
    types = tuple(t for t in row.params if t is not None)

    def write(lane: int = 0) -> None:
        apply(sink, stencil(row.name, lane), types, row.results)

    return write


def _wide(sink: StencilSink, row: Instr) -> Writer:
    types = (BY_NAME["i64.add"].results[0],) * _WIDE[row.name]
    return lambda: apply(sink, stencil(row.name), types, types[:2])


def _shuffle(sink: StencilSink, row: Instr) -> Writer:
    """Two byte shuffles; each leaves 0 where the other one's lane goes."""

    def write(lanes: bytes) -> None:
        right, left = sink.vs.pop(), sink.vs.pop()
        sink.vmove(XTEMP, right)
        sink.release(right)
        to = left
        if not (XMM0 <= left < FLAGS and sink.scratch[left]):
            to = sink.xalloc()
            sink.vmove(to, left)
        sink.literal(b"\x0f\x38\x00", to, bytes(k if k < 16 else 0x80 for k in lanes), b"\x66")
        sink.literal(b"\x0f\x38\x00", XTEMP, bytes(k - 16 if k >= 16 else 0x80 for k in lanes), b"\x66")
        sink.out.extend(x86.rr(b"\x0f\xeb", 0, to, XTEMP, b"\x66"))
        sink.vs.append(to)

    return write


# -- memory ------------------------------------------------------------------------------------------------------------

#: Loads of one scalar: opcode (with the zeros above, into a vector register), prefix.
_ZERO: Final = {"v128.load32_zero": (b"\x0f\x6e", b"\x66"), "v128.load64_zero": (b"\x0f\x7e", b"\xf3")}
#: Loads that are extended, by the instruction that does it.
_EXTENDED: Final = {
    f"v128.load{bits}x{count}_{sign}": f"i{2 * bits}x{count}.extend_low_i{bits}x{2 * count}_{sign}"
    for bits, count in ((8, 8), (16, 4), (32, 2))
    for sign in "su"
}
#: Opcodes that load and store an integer of so many bits, whether 64 bits, prefix of the store.
_SCALARS: Final = {
    8: (b"\x0f\xb6", b"\x88", 0, b""),
    16: (b"\x0f\xb7", b"\x89", 0, b"\x66"),
    32: (b"\x8b", b"\x89", 0, b""),
    64: (b"\x8b", b"\x89", 1, b""),
}
_SHAPES: Final = {8: "i8x16", 16: "i16x8", 32: "i32x4", 64: "i64x2"}


def _load_vector(sink: StencilSink, row: Instr, op: bytes, prefix: bytes, index: int, offset: int) -> None:
    where = place(sink, sink.vs.pop(), index, offset, row.width)
    release_place(sink, where)
    to = sink.xalloc()
    sink.out += encode(op, 0, to, where, prefix)
    sink.vs.append(to)


def _load_zero(sink: StencilSink, row: Instr) -> Writer:
    op, prefix = _ZERO[row.name]
    return lambda index, offset: _load_vector(sink, row, op, prefix, index, offset)


def _load_extended(sink: StencilSink, row: Instr) -> Writer:
    extend = _EXTENDED[row.name]

    def write(index: int, offset: int) -> None:
        _load_vector(sink, row, b"\x0f\x7e", b"\xf3", index, offset)
        apply(sink, stencil(extend), (V128,), (V128,))

    return write


def _bits(row: Instr) -> int:
    return row.width * 8


def _load_scalar(sink: StencilSink, row: Instr, index: int, offset: int) -> None:
    load, _, wide, _ = _SCALARS[_bits(row)]
    where = place(sink, sink.vs.pop(), index, offset, row.width)
    release_place(sink, where)
    to = sink.alloc()
    sink.out += encode(load, wide, to, where)
    sink.vs.append(to)


def _load_splat(sink: StencilSink, row: Instr) -> Writer:
    splat = BY_NAME[f"{_SHAPES[_bits(row)]}.splat"]

    def write(index: int, offset: int) -> None:
        _load_scalar(sink, row, index, offset)
        apply(sink, stencil(splat.name), tuple(t for t in splat.params if t), (V128,))

    return write


def _load_lane(sink: StencilSink, row: Instr) -> Writer:
    replace = BY_NAME[f"{_SHAPES[_bits(row)]}.replace_lane"]

    def write(index: int, offset: int, lane: int) -> None:
        vector = sink.vs.pop()
        _load_scalar(sink, row, index, offset)
        sink.vs.insert(-1, vector)
        apply(sink, stencil(replace.name, lane), tuple(t for t in replace.params if t), (V128,))

    return write


def _store_lane(sink: StencilSink, row: Instr) -> Writer:
    bits = _bits(row)
    extract = f"{_SHAPES[bits]}.extract_lane" + ("_u" if bits < 32 else "")
    _, op, wide, prefix = _SCALARS[bits]

    def write(index: int, offset: int, lane: int) -> None:
        apply(sink, stencil(extract, lane), (V128,), (I32,))
        value, entry = sink.vs.pop(), sink.vs.pop()
        where = place(sink, entry, index, offset, row.width)
        sink.out.extend(encode(op, wide, value, where, prefix, bits == 8))
        release_place(sink, where)
        sink.release(value)

    return write


_MEMORY: Final = {"splat": _load_splat, "zero": _load_zero, "s": _load_extended, "u": _load_extended}


def _enter_all() -> None:
    for code, row in BY_CODE.items():
        if code in MAKERS or (not row.regular and row.name not in _WIDE):
            continue
        if Imm.MEMARG in row.immediates:
            if V128 in row.params + row.results:
                kind = (row.operation or "").rpartition("_")[2]
                lane = _load_lane if row.results else _store_lane
                MAKERS[code] = lane if kind == "lane" else _MEMORY[kind]
        elif row.name in _WIDE:
            MAKERS[code] = _wide
        elif row.operation == "shuffle":
            MAKERS[code] = _shuffle
        elif row.results and row.operation is not None and not row.operation.startswith("atomic"):
            MAKERS[code] = _regular


_enter_all()
