"""THE instruction table: one row for every instruction of WebAssembly 3.0, threads, wide arithmetic and legacy
exceptions.

Rule 1: everything that reads, writes, checks, compiles or explains instructions gets its facts here.

A row is: code (a prefixed one as prefix_number), name, immediates in binary order, stack type, generic operation,
feature (1.0 where none is given).  A stack type of None says that it depends on context: `validate/` has a rule of that
name.  "addr" is the address type of the memory at hand.  An operation whose name begins with f works on floats; the
stack type gives the width, for vectors the shape before the dot does.  Two names hold a space: they share their keyword
with another row and differ in their immediates.  Source: core 3.0, 5.4 and the proposals named in `features.py`.
"""

from __future__ import annotations

import enum
from typing import Final

from bembix.records import dataclass
from bembix.spec.features import Feature
from bembix.spec.types import NumType


class Imm(enum.Enum):
    """A kind of immediate; its value says in words what it is."""

    BLOCKTYPE = "a block type: none, one value type or a type index"
    LABEL = "a label: how many blocks out"
    LABELS = "a list of labels and a default one"
    CATCHES = "a list of catch clauses"
    FUNC = "a function index"
    TYPE = "a type index"
    TABLE = "a table index"
    MEMORY = "a memory index"
    LOCAL = "a local index"
    GLOBAL = "a global index"
    TAG = "a tag index"
    ELEM = "an element segment index"
    DATA = "a data segment index"
    FIELD = "a field index"
    COUNT = "a number of operands"
    HEAPTYPE = "a heap type"
    CAST = "a label and two reference types"
    VALTYPES = "a list of value types"
    MEMARG = "a memory, an alignment and an offset"
    LANE = "a lane index"
    LANES = "sixteen lane indices"
    I32 = "a 32 bit integer"
    I64 = "a 64 bit integer"
    F32 = "the bits of a 32 bit float"
    F64 = "the bits of a 64 bit float"
    V128 = "sixteen bytes"
    ZERO = "a zero byte"


@dataclass(frozen=True, slots=True, eq=False)
class Instr:
    """A row.

    params, results: types taken and given; None in `params` stands for the address type.  `regular` is False where they
    depend on context.  width: bytes that a memory instruction touches, else 0.
    """

    code: int
    name: str
    immediates: tuple[Imm, ...]
    regular: bool
    params: tuple[NumType | None, ...]
    results: tuple[NumType, ...]
    operation: str | None
    feature: Feature
    width: int

    @property
    def keyword(self) -> str:
        """The name as text has it."""
        return self.name.partition(" ")[0]

    @property
    def shape(self) -> str:
        """What stands before the first dot: a type, a vector shape or a family."""
        return self.name.partition(".")[0]

    @property
    def stack_type(self) -> str:
        """The stack type in the words of the table, or "" where it depends on context."""
        if not self.regular:
            return ""
        words = [str(t) if t else "addr" for t in self.params] + ["->"] + [str(t) for t in self.results]
        return " ".join(words)

    @property
    def prefix(self) -> int | None:
        """The first byte of a two part code, or None."""
        return self.code >> 16 or None


_TYPES: Final = {str(t): t for t in NumType}


def _width(name: str, immediates: tuple[Imm, ...], operation: str | None) -> int:
    """Return how many bytes an instruction with a memory argument touches."""
    if Imm.MEMARG not in immediates or operation is None:
        return 0
    if operation == "atomic.notify":
        return 4
    digits = "".join(c if c.isdigit() or c == "x" else " " for c in operation).replace("x ", "  ").split()
    if digits:
        bits, _, lanes = digits[0].partition("x")
        return int(bits) * int(lanes or 1) // 8
    return 16 if name.startswith("v128") else 8 if name[1:3] == "64" else 4


def _(
    code: int,
    name: str,
    immediates: tuple[Imm, ...],
    stack: str | None,
    operation: str | None,
    feature: Feature = Feature.MVP,
) -> Instr:
    """Make a row."""
    left, _arrow, right = (stack or "").partition("->")
    params = tuple(None if word == "addr" else _TYPES[word] for word in left.split())
    results = tuple(_TYPES[word] for word in right.split())
    width = _width(name, immediates, operation)
    return Instr(code, name, immediates, stack is not None, params, results, operation, feature, width)


# fmt: off
TABLE: Final[tuple[Instr, ...]] = (
    #  code  name           immediates           stack type       operation
    # control (core 3.0, 5.4.1)
    _(0x00, "unreachable", (), None, None),
    _(0x01, "nop", (), None, None),
    _(0x02, "block", (Imm.BLOCKTYPE,), None, None),
    _(0x03, "loop", (Imm.BLOCKTYPE,), None, None),
    _(0x04, "if", (Imm.BLOCKTYPE,), None, None),
    _(0x05, "else", (), None, None),
    _(0x06, "try", (Imm.BLOCKTYPE,), None, None, Feature.LEGACY_EXCEPTIONS),
    _(0x07, "catch", (Imm.TAG,), None, None, Feature.LEGACY_EXCEPTIONS),
    _(0x08, "throw", (Imm.TAG,), None, None, Feature.EXCEPTIONS),
    _(0x09, "rethrow", (Imm.LABEL,), None, None, Feature.LEGACY_EXCEPTIONS),
    _(0x0A, "throw_ref", (), None, None, Feature.EXCEPTIONS),
    _(0x0B, "end", (), None, None),
    _(0x0C, "br", (Imm.LABEL,), None, None),
    _(0x0D, "br_if", (Imm.LABEL,), None, None),
    _(0x0E, "br_table", (Imm.LABELS,), None, None),
    _(0x0F, "return", (), None, None),
    _(0x10, "call", (Imm.FUNC,), None, None),
    _(0x11, "call_indirect", (Imm.TYPE, Imm.TABLE), None, None),
    _(0x12, "return_call", (Imm.FUNC,), None, None, Feature.TAIL_CALL),
    _(0x13, "return_call_indirect", (Imm.TYPE, Imm.TABLE), None, None, Feature.TAIL_CALL),
    _(0x14, "call_ref", (Imm.TYPE,), None, None, Feature.FUNCTION_REFERENCES),
    _(0x15, "return_call_ref", (Imm.TYPE,), None, None, Feature.FUNCTION_REFERENCES),
    _(0x18, "delegate", (Imm.LABEL,), None, None, Feature.LEGACY_EXCEPTIONS),
    _(0x19, "catch_all", (), None, None, Feature.LEGACY_EXCEPTIONS),
    _(0x1A, "drop", (), None, None),
    _(0x1B, "select", (), None, None),
    _(0x1C, "select t", (Imm.VALTYPES,), None, None, Feature.REFERENCE_TYPES),
    _(0x1F, "try_table", (Imm.BLOCKTYPE, Imm.CATCHES), None, None, Feature.EXCEPTIONS),
    # variables
    _(0x20, "local.get", (Imm.LOCAL,), None, None),
    _(0x21, "local.set", (Imm.LOCAL,), None, None),
    _(0x22, "local.tee", (Imm.LOCAL,), None, None),
    _(0x23, "global.get", (Imm.GLOBAL,), None, None),
    _(0x24, "global.set", (Imm.GLOBAL,), None, None),
    _(0x25, "table.get", (Imm.TABLE,), None, None, Feature.REFERENCE_TYPES),
    _(0x26, "table.set", (Imm.TABLE,), None, None, Feature.REFERENCE_TYPES),
    # memory: an address is of the type that the memory has
    _(0x28, "i32.load", (Imm.MEMARG,), "addr -> i32", "load"),
    _(0x29, "i64.load", (Imm.MEMARG,), "addr -> i64", "load"),
    _(0x2A, "f32.load", (Imm.MEMARG,), "addr -> f32", "load"),
    _(0x2B, "f64.load", (Imm.MEMARG,), "addr -> f64", "load"),
    _(0x2C, "i32.load8_s", (Imm.MEMARG,), "addr -> i32", "load8_s"),
    _(0x2D, "i32.load8_u", (Imm.MEMARG,), "addr -> i32", "load8_u"),
    _(0x2E, "i32.load16_s", (Imm.MEMARG,), "addr -> i32", "load16_s"),
    _(0x2F, "i32.load16_u", (Imm.MEMARG,), "addr -> i32", "load16_u"),
    _(0x30, "i64.load8_s", (Imm.MEMARG,), "addr -> i64", "load8_s"),
    _(0x31, "i64.load8_u", (Imm.MEMARG,), "addr -> i64", "load8_u"),
    _(0x32, "i64.load16_s", (Imm.MEMARG,), "addr -> i64", "load16_s"),
    _(0x33, "i64.load16_u", (Imm.MEMARG,), "addr -> i64", "load16_u"),
    _(0x34, "i64.load32_s", (Imm.MEMARG,), "addr -> i64", "load32_s"),
    _(0x35, "i64.load32_u", (Imm.MEMARG,), "addr -> i64", "load32_u"),
    _(0x36, "i32.store", (Imm.MEMARG,), "addr i32 ->", "store"),
    _(0x37, "i64.store", (Imm.MEMARG,), "addr i64 ->", "store"),
    _(0x38, "f32.store", (Imm.MEMARG,), "addr f32 ->", "store"),
    _(0x39, "f64.store", (Imm.MEMARG,), "addr f64 ->", "store"),
    _(0x3A, "i32.store8", (Imm.MEMARG,), "addr i32 ->", "store8"),
    _(0x3B, "i32.store16", (Imm.MEMARG,), "addr i32 ->", "store16"),
    _(0x3C, "i64.store8", (Imm.MEMARG,), "addr i64 ->", "store8"),
    _(0x3D, "i64.store16", (Imm.MEMARG,), "addr i64 ->", "store16"),
    _(0x3E, "i64.store32", (Imm.MEMARG,), "addr i64 ->", "store32"),
    _(0x3F, "memory.size", (Imm.MEMORY,), None, None),
    _(0x40, "memory.grow", (Imm.MEMORY,), None, None),
    # constants
    _(0x41, "i32.const", (Imm.I32,), "-> i32", "const"),
    _(0x42, "i64.const", (Imm.I64,), "-> i64", "const"),
    _(0x43, "f32.const", (Imm.F32,), "-> f32", "const"),
    _(0x44, "f64.const", (Imm.F64,), "-> f64", "const"),
    # integer comparison
    _(0x45, "i32.eqz", (), "i32 -> i32", "eqz"),
    _(0x46, "i32.eq", (), "i32 i32 -> i32", "eq"),
    _(0x47, "i32.ne", (), "i32 i32 -> i32", "ne"),
    _(0x48, "i32.lt_s", (), "i32 i32 -> i32", "lt_s"),
    _(0x49, "i32.lt_u", (), "i32 i32 -> i32", "lt_u"),
    _(0x4A, "i32.gt_s", (), "i32 i32 -> i32", "gt_s"),
    _(0x4B, "i32.gt_u", (), "i32 i32 -> i32", "gt_u"),
    _(0x4C, "i32.le_s", (), "i32 i32 -> i32", "le_s"),
    _(0x4D, "i32.le_u", (), "i32 i32 -> i32", "le_u"),
    _(0x4E, "i32.ge_s", (), "i32 i32 -> i32", "ge_s"),
    _(0x4F, "i32.ge_u", (), "i32 i32 -> i32", "ge_u"),
    _(0x50, "i64.eqz", (), "i64 -> i32", "eqz"),
    _(0x51, "i64.eq", (), "i64 i64 -> i32", "eq"),
    _(0x52, "i64.ne", (), "i64 i64 -> i32", "ne"),
    _(0x53, "i64.lt_s", (), "i64 i64 -> i32", "lt_s"),
    _(0x54, "i64.lt_u", (), "i64 i64 -> i32", "lt_u"),
    _(0x55, "i64.gt_s", (), "i64 i64 -> i32", "gt_s"),
    _(0x56, "i64.gt_u", (), "i64 i64 -> i32", "gt_u"),
    _(0x57, "i64.le_s", (), "i64 i64 -> i32", "le_s"),
    _(0x58, "i64.le_u", (), "i64 i64 -> i32", "le_u"),
    _(0x59, "i64.ge_s", (), "i64 i64 -> i32", "ge_s"),
    _(0x5A, "i64.ge_u", (), "i64 i64 -> i32", "ge_u"),
    # float comparison
    _(0x5B, "f32.eq", (), "f32 f32 -> i32", "feq"),
    _(0x5C, "f32.ne", (), "f32 f32 -> i32", "fne"),
    _(0x5D, "f32.lt", (), "f32 f32 -> i32", "flt"),
    _(0x5E, "f32.gt", (), "f32 f32 -> i32", "fgt"),
    _(0x5F, "f32.le", (), "f32 f32 -> i32", "fle"),
    _(0x60, "f32.ge", (), "f32 f32 -> i32", "fge"),
    _(0x61, "f64.eq", (), "f64 f64 -> i32", "feq"),
    _(0x62, "f64.ne", (), "f64 f64 -> i32", "fne"),
    _(0x63, "f64.lt", (), "f64 f64 -> i32", "flt"),
    _(0x64, "f64.gt", (), "f64 f64 -> i32", "fgt"),
    _(0x65, "f64.le", (), "f64 f64 -> i32", "fle"),
    _(0x66, "f64.ge", (), "f64 f64 -> i32", "fge"),
    # integer arithmetic
    _(0x67, "i32.clz", (), "i32 -> i32", "clz"),
    _(0x68, "i32.ctz", (), "i32 -> i32", "ctz"),
    _(0x69, "i32.popcnt", (), "i32 -> i32", "popcnt"),
    _(0x6A, "i32.add", (), "i32 i32 -> i32", "add"),
    _(0x6B, "i32.sub", (), "i32 i32 -> i32", "sub"),
    _(0x6C, "i32.mul", (), "i32 i32 -> i32", "mul"),
    _(0x6D, "i32.div_s", (), "i32 i32 -> i32", "div_s"),
    _(0x6E, "i32.div_u", (), "i32 i32 -> i32", "div_u"),
    _(0x6F, "i32.rem_s", (), "i32 i32 -> i32", "rem_s"),
    _(0x70, "i32.rem_u", (), "i32 i32 -> i32", "rem_u"),
    _(0x71, "i32.and", (), "i32 i32 -> i32", "and"),
    _(0x72, "i32.or", (), "i32 i32 -> i32", "or"),
    _(0x73, "i32.xor", (), "i32 i32 -> i32", "xor"),
    _(0x74, "i32.shl", (), "i32 i32 -> i32", "shl"),
    _(0x75, "i32.shr_s", (), "i32 i32 -> i32", "shr_s"),
    _(0x76, "i32.shr_u", (), "i32 i32 -> i32", "shr_u"),
    _(0x77, "i32.rotl", (), "i32 i32 -> i32", "rotl"),
    _(0x78, "i32.rotr", (), "i32 i32 -> i32", "rotr"),
    _(0x79, "i64.clz", (), "i64 -> i64", "clz"),
    _(0x7A, "i64.ctz", (), "i64 -> i64", "ctz"),
    _(0x7B, "i64.popcnt", (), "i64 -> i64", "popcnt"),
    _(0x7C, "i64.add", (), "i64 i64 -> i64", "add"),
    _(0x7D, "i64.sub", (), "i64 i64 -> i64", "sub"),
    _(0x7E, "i64.mul", (), "i64 i64 -> i64", "mul"),
    _(0x7F, "i64.div_s", (), "i64 i64 -> i64", "div_s"),
    _(0x80, "i64.div_u", (), "i64 i64 -> i64", "div_u"),
    _(0x81, "i64.rem_s", (), "i64 i64 -> i64", "rem_s"),
    _(0x82, "i64.rem_u", (), "i64 i64 -> i64", "rem_u"),
    _(0x83, "i64.and", (), "i64 i64 -> i64", "and"),
    _(0x84, "i64.or", (), "i64 i64 -> i64", "or"),
    _(0x85, "i64.xor", (), "i64 i64 -> i64", "xor"),
    _(0x86, "i64.shl", (), "i64 i64 -> i64", "shl"),
    _(0x87, "i64.shr_s", (), "i64 i64 -> i64", "shr_s"),
    _(0x88, "i64.shr_u", (), "i64 i64 -> i64", "shr_u"),
    _(0x89, "i64.rotl", (), "i64 i64 -> i64", "rotl"),
    _(0x8A, "i64.rotr", (), "i64 i64 -> i64", "rotr"),
    # float arithmetic
    _(0x8B, "f32.abs", (), "f32 -> f32", "fabs"),
    _(0x8C, "f32.neg", (), "f32 -> f32", "fneg"),
    _(0x8D, "f32.ceil", (), "f32 -> f32", "fceil"),
    _(0x8E, "f32.floor", (), "f32 -> f32", "ffloor"),
    _(0x8F, "f32.trunc", (), "f32 -> f32", "ftrunc"),
    _(0x90, "f32.nearest", (), "f32 -> f32", "fnearest"),
    _(0x91, "f32.sqrt", (), "f32 -> f32", "fsqrt"),
    _(0x92, "f32.add", (), "f32 f32 -> f32", "fadd"),
    _(0x93, "f32.sub", (), "f32 f32 -> f32", "fsub"),
    _(0x94, "f32.mul", (), "f32 f32 -> f32", "fmul"),
    _(0x95, "f32.div", (), "f32 f32 -> f32", "fdiv"),
    _(0x96, "f32.min", (), "f32 f32 -> f32", "fmin"),
    _(0x97, "f32.max", (), "f32 f32 -> f32", "fmax"),
    _(0x98, "f32.copysign", (), "f32 f32 -> f32", "fcopysign"),
    _(0x99, "f64.abs", (), "f64 -> f64", "fabs"),
    _(0x9A, "f64.neg", (), "f64 -> f64", "fneg"),
    _(0x9B, "f64.ceil", (), "f64 -> f64", "fceil"),
    _(0x9C, "f64.floor", (), "f64 -> f64", "ffloor"),
    _(0x9D, "f64.trunc", (), "f64 -> f64", "ftrunc"),
    _(0x9E, "f64.nearest", (), "f64 -> f64", "fnearest"),
    _(0x9F, "f64.sqrt", (), "f64 -> f64", "fsqrt"),
    _(0xA0, "f64.add", (), "f64 f64 -> f64", "fadd"),
    _(0xA1, "f64.sub", (), "f64 f64 -> f64", "fsub"),
    _(0xA2, "f64.mul", (), "f64 f64 -> f64", "fmul"),
    _(0xA3, "f64.div", (), "f64 f64 -> f64", "fdiv"),
    _(0xA4, "f64.min", (), "f64 f64 -> f64", "fmin"),
    _(0xA5, "f64.max", (), "f64 f64 -> f64", "fmax"),
    _(0xA6, "f64.copysign", (), "f64 f64 -> f64", "fcopysign"),
    # conversion
    _(0xA7, "i32.wrap_i64", (), "i64 -> i32", "wrap"),
    _(0xA8, "i32.trunc_f32_s", (), "f32 -> i32", "trunc_s"),
    _(0xA9, "i32.trunc_f32_u", (), "f32 -> i32", "trunc_u"),
    _(0xAA, "i32.trunc_f64_s", (), "f64 -> i32", "trunc_s"),
    _(0xAB, "i32.trunc_f64_u", (), "f64 -> i32", "trunc_u"),
    _(0xAC, "i64.extend_i32_s", (), "i32 -> i64", "extend_s"),
    _(0xAD, "i64.extend_i32_u", (), "i32 -> i64", "extend_u"),
    _(0xAE, "i64.trunc_f32_s", (), "f32 -> i64", "trunc_s"),
    _(0xAF, "i64.trunc_f32_u", (), "f32 -> i64", "trunc_u"),
    _(0xB0, "i64.trunc_f64_s", (), "f64 -> i64", "trunc_s"),
    _(0xB1, "i64.trunc_f64_u", (), "f64 -> i64", "trunc_u"),
    _(0xB2, "f32.convert_i32_s", (), "i32 -> f32", "convert_s"),
    _(0xB3, "f32.convert_i32_u", (), "i32 -> f32", "convert_u"),
    _(0xB4, "f32.convert_i64_s", (), "i64 -> f32", "convert_s"),
    _(0xB5, "f32.convert_i64_u", (), "i64 -> f32", "convert_u"),
    _(0xB6, "f32.demote_f64", (), "f64 -> f32", "demote"),
    _(0xB7, "f64.convert_i32_s", (), "i32 -> f64", "convert_s"),
    _(0xB8, "f64.convert_i32_u", (), "i32 -> f64", "convert_u"),
    _(0xB9, "f64.convert_i64_s", (), "i64 -> f64", "convert_s"),
    _(0xBA, "f64.convert_i64_u", (), "i64 -> f64", "convert_u"),
    _(0xBB, "f64.promote_f32", (), "f32 -> f64", "promote"),
    _(0xBC, "i32.reinterpret_f32", (), "f32 -> i32", "reinterpret"),
    _(0xBD, "i64.reinterpret_f64", (), "f64 -> i64", "reinterpret"),
    _(0xBE, "f32.reinterpret_i32", (), "i32 -> f32", "reinterpret"),
    _(0xBF, "f64.reinterpret_i64", (), "i64 -> f64", "reinterpret"),
    _(0xC0, "i32.extend8_s", (), "i32 -> i32", "extend8_s", Feature.SIGN_EXTENSION),
    _(0xC1, "i32.extend16_s", (), "i32 -> i32", "extend16_s", Feature.SIGN_EXTENSION),
    _(0xC2, "i64.extend8_s", (), "i64 -> i64", "extend8_s", Feature.SIGN_EXTENSION),
    _(0xC3, "i64.extend16_s", (), "i64 -> i64", "extend16_s", Feature.SIGN_EXTENSION),
    _(0xC4, "i64.extend32_s", (), "i64 -> i64", "extend32_s", Feature.SIGN_EXTENSION),
    # references
    _(0xD0, "ref.null", (Imm.HEAPTYPE,), None, None, Feature.REFERENCE_TYPES),
    _(0xD1, "ref.is_null", (), None, None, Feature.REFERENCE_TYPES),
    _(0xD2, "ref.func", (Imm.FUNC,), None, None, Feature.REFERENCE_TYPES),
    _(0xD3, "ref.eq", (), None, None, Feature.GC),
    _(0xD4, "ref.as_non_null", (), None, None, Feature.FUNCTION_REFERENCES),
    _(0xD5, "br_on_null", (Imm.LABEL,), None, None, Feature.FUNCTION_REFERENCES),
    _(0xD6, "br_on_non_null", (Imm.LABEL,), None, None, Feature.FUNCTION_REFERENCES),
    # structs, arrays, i31, casts
    _(0xFB_0000, "struct.new", (Imm.TYPE,), None, None, Feature.GC),
    _(0xFB_0001, "struct.new_default", (Imm.TYPE,), None, None, Feature.GC),
    _(0xFB_0002, "struct.get", (Imm.TYPE, Imm.FIELD), None, None, Feature.GC),
    _(0xFB_0003, "struct.get_s", (Imm.TYPE, Imm.FIELD), None, None, Feature.GC),
    _(0xFB_0004, "struct.get_u", (Imm.TYPE, Imm.FIELD), None, None, Feature.GC),
    _(0xFB_0005, "struct.set", (Imm.TYPE, Imm.FIELD), None, None, Feature.GC),
    _(0xFB_0006, "array.new", (Imm.TYPE,), None, None, Feature.GC),
    _(0xFB_0007, "array.new_default", (Imm.TYPE,), None, None, Feature.GC),
    _(0xFB_0008, "array.new_fixed", (Imm.TYPE, Imm.COUNT), None, None, Feature.GC),
    _(0xFB_0009, "array.new_data", (Imm.TYPE, Imm.DATA), None, None, Feature.GC),
    _(0xFB_000A, "array.new_elem", (Imm.TYPE, Imm.ELEM), None, None, Feature.GC),
    _(0xFB_000B, "array.get", (Imm.TYPE,), None, None, Feature.GC),
    _(0xFB_000C, "array.get_s", (Imm.TYPE,), None, None, Feature.GC),
    _(0xFB_000D, "array.get_u", (Imm.TYPE,), None, None, Feature.GC),
    _(0xFB_000E, "array.set", (Imm.TYPE,), None, None, Feature.GC),
    _(0xFB_000F, "array.len", (), None, None, Feature.GC),
    _(0xFB_0010, "array.fill", (Imm.TYPE,), None, None, Feature.GC),
    _(0xFB_0011, "array.copy", (Imm.TYPE, Imm.TYPE), None, None, Feature.GC),
    _(0xFB_0012, "array.init_data", (Imm.TYPE, Imm.DATA), None, None, Feature.GC),
    _(0xFB_0013, "array.init_elem", (Imm.TYPE, Imm.ELEM), None, None, Feature.GC),
    _(0xFB_0014, "ref.test", (Imm.HEAPTYPE,), None, None, Feature.GC),
    _(0xFB_0015, "ref.test null", (Imm.HEAPTYPE,), None, None, Feature.GC),
    _(0xFB_0016, "ref.cast", (Imm.HEAPTYPE,), None, None, Feature.GC),
    _(0xFB_0017, "ref.cast null", (Imm.HEAPTYPE,), None, None, Feature.GC),
    _(0xFB_0018, "br_on_cast", (Imm.CAST,), None, None, Feature.GC),
    _(0xFB_0019, "br_on_cast_fail", (Imm.CAST,), None, None, Feature.GC),
    _(0xFB_001A, "any.convert_extern", (), None, None, Feature.GC),
    _(0xFB_001B, "extern.convert_any", (), None, None, Feature.GC),
    _(0xFB_001C, "ref.i31", (), None, None, Feature.GC),
    _(0xFB_001D, "i31.get_s", (), None, None, Feature.GC),
    _(0xFB_001E, "i31.get_u", (), None, None, Feature.GC),
    # saturating conversion, bulk memory, tables
    _(0xFC_0000, "i32.trunc_sat_f32_s", (), "f32 -> i32", "trunc_sat_s", Feature.SATURATING),
    _(0xFC_0001, "i32.trunc_sat_f32_u", (), "f32 -> i32", "trunc_sat_u", Feature.SATURATING),
    _(0xFC_0002, "i32.trunc_sat_f64_s", (), "f64 -> i32", "trunc_sat_s", Feature.SATURATING),
    _(0xFC_0003, "i32.trunc_sat_f64_u", (), "f64 -> i32", "trunc_sat_u", Feature.SATURATING),
    _(0xFC_0004, "i64.trunc_sat_f32_s", (), "f32 -> i64", "trunc_sat_s", Feature.SATURATING),
    _(0xFC_0005, "i64.trunc_sat_f32_u", (), "f32 -> i64", "trunc_sat_u", Feature.SATURATING),
    _(0xFC_0006, "i64.trunc_sat_f64_s", (), "f64 -> i64", "trunc_sat_s", Feature.SATURATING),
    _(0xFC_0007, "i64.trunc_sat_f64_u", (), "f64 -> i64", "trunc_sat_u", Feature.SATURATING),
    _(0xFC_0008, "memory.init", (Imm.DATA, Imm.MEMORY), None, None, Feature.BULK_MEMORY),
    _(0xFC_0009, "data.drop", (Imm.DATA,), None, None, Feature.BULK_MEMORY),
    _(0xFC_000A, "memory.copy", (Imm.MEMORY, Imm.MEMORY), None, None, Feature.BULK_MEMORY),
    _(0xFC_000B, "memory.fill", (Imm.MEMORY,), None, None, Feature.BULK_MEMORY),
    _(0xFC_000C, "table.init", (Imm.ELEM, Imm.TABLE), None, None, Feature.BULK_MEMORY),
    _(0xFC_000D, "elem.drop", (Imm.ELEM,), None, None, Feature.BULK_MEMORY),
    _(0xFC_000E, "table.copy", (Imm.TABLE, Imm.TABLE), None, None, Feature.BULK_MEMORY),
    _(0xFC_000F, "table.grow", (Imm.TABLE,), None, None, Feature.REFERENCE_TYPES),
    _(0xFC_0010, "table.size", (Imm.TABLE,), None, None, Feature.REFERENCE_TYPES),
    _(0xFC_0011, "table.fill", (Imm.TABLE,), None, None, Feature.REFERENCE_TYPES),
    # wide arithmetic
    _(0xFC_0013, "i64.add128", (), "i64 i64 i64 i64 -> i64 i64", "add128", Feature.WIDE_ARITHMETIC),
    _(0xFC_0014, "i64.sub128", (), "i64 i64 i64 i64 -> i64 i64", "sub128", Feature.WIDE_ARITHMETIC),
    _(0xFC_0015, "i64.mul_wide_s", (), "i64 i64 -> i64 i64", "mul_wide_s", Feature.WIDE_ARITHMETIC),
    _(0xFC_0016, "i64.mul_wide_u", (), "i64 i64 -> i64 i64", "mul_wide_u", Feature.WIDE_ARITHMETIC),
    # vectors: the name before the dot is the shape that the operation works on
    _(0xFD_0000, "v128.load", (Imm.MEMARG,), "addr -> v128", "load", Feature.SIMD),
    _(0xFD_0001, "v128.load8x8_s", (Imm.MEMARG,), "addr -> v128", "load8x8_s", Feature.SIMD),
    _(0xFD_0002, "v128.load8x8_u", (Imm.MEMARG,), "addr -> v128", "load8x8_u", Feature.SIMD),
    _(0xFD_0003, "v128.load16x4_s", (Imm.MEMARG,), "addr -> v128", "load16x4_s", Feature.SIMD),
    _(0xFD_0004, "v128.load16x4_u", (Imm.MEMARG,), "addr -> v128", "load16x4_u", Feature.SIMD),
    _(0xFD_0005, "v128.load32x2_s", (Imm.MEMARG,), "addr -> v128", "load32x2_s", Feature.SIMD),
    _(0xFD_0006, "v128.load32x2_u", (Imm.MEMARG,), "addr -> v128", "load32x2_u", Feature.SIMD),
    _(0xFD_0007, "v128.load8_splat", (Imm.MEMARG,), "addr -> v128", "load8_splat", Feature.SIMD),
    _(0xFD_0008, "v128.load16_splat", (Imm.MEMARG,), "addr -> v128", "load16_splat", Feature.SIMD),
    _(0xFD_0009, "v128.load32_splat", (Imm.MEMARG,), "addr -> v128", "load32_splat", Feature.SIMD),
    _(0xFD_000A, "v128.load64_splat", (Imm.MEMARG,), "addr -> v128", "load64_splat", Feature.SIMD),
    _(0xFD_000B, "v128.store", (Imm.MEMARG,), "addr v128 ->", "store", Feature.SIMD),
    _(0xFD_000C, "v128.const", (Imm.V128,), "-> v128", "const", Feature.SIMD),
    _(0xFD_000D, "i8x16.shuffle", (Imm.LANES,), "v128 v128 -> v128", "shuffle", Feature.SIMD),
    _(0xFD_000E, "i8x16.swizzle", (), "v128 v128 -> v128", "swizzle", Feature.SIMD),
    _(0xFD_000F, "i8x16.splat", (), "i32 -> v128", "splat", Feature.SIMD),
    _(0xFD_0010, "i16x8.splat", (), "i32 -> v128", "splat", Feature.SIMD),
    _(0xFD_0011, "i32x4.splat", (), "i32 -> v128", "splat", Feature.SIMD),
    _(0xFD_0012, "i64x2.splat", (), "i64 -> v128", "splat", Feature.SIMD),
    _(0xFD_0013, "f32x4.splat", (), "f32 -> v128", "splat", Feature.SIMD),
    _(0xFD_0014, "f64x2.splat", (), "f64 -> v128", "splat", Feature.SIMD),
    _(0xFD_0015, "i8x16.extract_lane_s", (Imm.LANE,), "v128 -> i32", "extract_lane_s", Feature.SIMD),
    _(0xFD_0016, "i8x16.extract_lane_u", (Imm.LANE,), "v128 -> i32", "extract_lane_u", Feature.SIMD),
    _(0xFD_0017, "i8x16.replace_lane", (Imm.LANE,), "v128 i32 -> v128", "replace_lane", Feature.SIMD),
    _(0xFD_0018, "i16x8.extract_lane_s", (Imm.LANE,), "v128 -> i32", "extract_lane_s", Feature.SIMD),
    _(0xFD_0019, "i16x8.extract_lane_u", (Imm.LANE,), "v128 -> i32", "extract_lane_u", Feature.SIMD),
    _(0xFD_001A, "i16x8.replace_lane", (Imm.LANE,), "v128 i32 -> v128", "replace_lane", Feature.SIMD),
    _(0xFD_001B, "i32x4.extract_lane", (Imm.LANE,), "v128 -> i32", "extract_lane", Feature.SIMD),
    _(0xFD_001C, "i32x4.replace_lane", (Imm.LANE,), "v128 i32 -> v128", "replace_lane", Feature.SIMD),
    _(0xFD_001D, "i64x2.extract_lane", (Imm.LANE,), "v128 -> i64", "extract_lane", Feature.SIMD),
    _(0xFD_001E, "i64x2.replace_lane", (Imm.LANE,), "v128 i64 -> v128", "replace_lane", Feature.SIMD),
    _(0xFD_001F, "f32x4.extract_lane", (Imm.LANE,), "v128 -> f32", "extract_lane", Feature.SIMD),
    _(0xFD_0020, "f32x4.replace_lane", (Imm.LANE,), "v128 f32 -> v128", "replace_lane", Feature.SIMD),
    _(0xFD_0021, "f64x2.extract_lane", (Imm.LANE,), "v128 -> f64", "extract_lane", Feature.SIMD),
    _(0xFD_0022, "f64x2.replace_lane", (Imm.LANE,), "v128 f64 -> v128", "replace_lane", Feature.SIMD),
    _(0xFD_0023, "i8x16.eq", (), "v128 v128 -> v128", "eq", Feature.SIMD),
    _(0xFD_0024, "i8x16.ne", (), "v128 v128 -> v128", "ne", Feature.SIMD),
    _(0xFD_0025, "i8x16.lt_s", (), "v128 v128 -> v128", "lt_s", Feature.SIMD),
    _(0xFD_0026, "i8x16.lt_u", (), "v128 v128 -> v128", "lt_u", Feature.SIMD),
    _(0xFD_0027, "i8x16.gt_s", (), "v128 v128 -> v128", "gt_s", Feature.SIMD),
    _(0xFD_0028, "i8x16.gt_u", (), "v128 v128 -> v128", "gt_u", Feature.SIMD),
    _(0xFD_0029, "i8x16.le_s", (), "v128 v128 -> v128", "le_s", Feature.SIMD),
    _(0xFD_002A, "i8x16.le_u", (), "v128 v128 -> v128", "le_u", Feature.SIMD),
    _(0xFD_002B, "i8x16.ge_s", (), "v128 v128 -> v128", "ge_s", Feature.SIMD),
    _(0xFD_002C, "i8x16.ge_u", (), "v128 v128 -> v128", "ge_u", Feature.SIMD),
    _(0xFD_002D, "i16x8.eq", (), "v128 v128 -> v128", "eq", Feature.SIMD),
    _(0xFD_002E, "i16x8.ne", (), "v128 v128 -> v128", "ne", Feature.SIMD),
    _(0xFD_002F, "i16x8.lt_s", (), "v128 v128 -> v128", "lt_s", Feature.SIMD),
    _(0xFD_0030, "i16x8.lt_u", (), "v128 v128 -> v128", "lt_u", Feature.SIMD),
    _(0xFD_0031, "i16x8.gt_s", (), "v128 v128 -> v128", "gt_s", Feature.SIMD),
    _(0xFD_0032, "i16x8.gt_u", (), "v128 v128 -> v128", "gt_u", Feature.SIMD),
    _(0xFD_0033, "i16x8.le_s", (), "v128 v128 -> v128", "le_s", Feature.SIMD),
    _(0xFD_0034, "i16x8.le_u", (), "v128 v128 -> v128", "le_u", Feature.SIMD),
    _(0xFD_0035, "i16x8.ge_s", (), "v128 v128 -> v128", "ge_s", Feature.SIMD),
    _(0xFD_0036, "i16x8.ge_u", (), "v128 v128 -> v128", "ge_u", Feature.SIMD),
    _(0xFD_0037, "i32x4.eq", (), "v128 v128 -> v128", "eq", Feature.SIMD),
    _(0xFD_0038, "i32x4.ne", (), "v128 v128 -> v128", "ne", Feature.SIMD),
    _(0xFD_0039, "i32x4.lt_s", (), "v128 v128 -> v128", "lt_s", Feature.SIMD),
    _(0xFD_003A, "i32x4.lt_u", (), "v128 v128 -> v128", "lt_u", Feature.SIMD),
    _(0xFD_003B, "i32x4.gt_s", (), "v128 v128 -> v128", "gt_s", Feature.SIMD),
    _(0xFD_003C, "i32x4.gt_u", (), "v128 v128 -> v128", "gt_u", Feature.SIMD),
    _(0xFD_003D, "i32x4.le_s", (), "v128 v128 -> v128", "le_s", Feature.SIMD),
    _(0xFD_003E, "i32x4.le_u", (), "v128 v128 -> v128", "le_u", Feature.SIMD),
    _(0xFD_003F, "i32x4.ge_s", (), "v128 v128 -> v128", "ge_s", Feature.SIMD),
    _(0xFD_0040, "i32x4.ge_u", (), "v128 v128 -> v128", "ge_u", Feature.SIMD),
    _(0xFD_0041, "f32x4.eq", (), "v128 v128 -> v128", "feq", Feature.SIMD),
    _(0xFD_0042, "f32x4.ne", (), "v128 v128 -> v128", "fne", Feature.SIMD),
    _(0xFD_0043, "f32x4.lt", (), "v128 v128 -> v128", "flt", Feature.SIMD),
    _(0xFD_0044, "f32x4.gt", (), "v128 v128 -> v128", "fgt", Feature.SIMD),
    _(0xFD_0045, "f32x4.le", (), "v128 v128 -> v128", "fle", Feature.SIMD),
    _(0xFD_0046, "f32x4.ge", (), "v128 v128 -> v128", "fge", Feature.SIMD),
    _(0xFD_0047, "f64x2.eq", (), "v128 v128 -> v128", "feq", Feature.SIMD),
    _(0xFD_0048, "f64x2.ne", (), "v128 v128 -> v128", "fne", Feature.SIMD),
    _(0xFD_0049, "f64x2.lt", (), "v128 v128 -> v128", "flt", Feature.SIMD),
    _(0xFD_004A, "f64x2.gt", (), "v128 v128 -> v128", "fgt", Feature.SIMD),
    _(0xFD_004B, "f64x2.le", (), "v128 v128 -> v128", "fle", Feature.SIMD),
    _(0xFD_004C, "f64x2.ge", (), "v128 v128 -> v128", "fge", Feature.SIMD),
    _(0xFD_004D, "v128.not", (), "v128 -> v128", "not", Feature.SIMD),
    _(0xFD_004E, "v128.and", (), "v128 v128 -> v128", "and", Feature.SIMD),
    _(0xFD_004F, "v128.andnot", (), "v128 v128 -> v128", "andnot", Feature.SIMD),
    _(0xFD_0050, "v128.or", (), "v128 v128 -> v128", "or", Feature.SIMD),
    _(0xFD_0051, "v128.xor", (), "v128 v128 -> v128", "xor", Feature.SIMD),
    _(0xFD_0052, "v128.bitselect", (), "v128 v128 v128 -> v128", "bitselect", Feature.SIMD),
    _(0xFD_0053, "v128.any_true", (), "v128 -> i32", "any_true", Feature.SIMD),
    _(0xFD_0054, "v128.load8_lane", (Imm.MEMARG, Imm.LANE), "addr v128 -> v128", "load8_lane", Feature.SIMD),
    _(0xFD_0055, "v128.load16_lane", (Imm.MEMARG, Imm.LANE), "addr v128 -> v128", "load16_lane", Feature.SIMD),
    _(0xFD_0056, "v128.load32_lane", (Imm.MEMARG, Imm.LANE), "addr v128 -> v128", "load32_lane", Feature.SIMD),
    _(0xFD_0057, "v128.load64_lane", (Imm.MEMARG, Imm.LANE), "addr v128 -> v128", "load64_lane", Feature.SIMD),
    _(0xFD_0058, "v128.store8_lane", (Imm.MEMARG, Imm.LANE), "addr v128 ->", "store8_lane", Feature.SIMD),
    _(0xFD_0059, "v128.store16_lane", (Imm.MEMARG, Imm.LANE), "addr v128 ->", "store16_lane", Feature.SIMD),
    _(0xFD_005A, "v128.store32_lane", (Imm.MEMARG, Imm.LANE), "addr v128 ->", "store32_lane", Feature.SIMD),
    _(0xFD_005B, "v128.store64_lane", (Imm.MEMARG, Imm.LANE), "addr v128 ->", "store64_lane", Feature.SIMD),
    _(0xFD_005C, "v128.load32_zero", (Imm.MEMARG,), "addr -> v128", "load32_zero", Feature.SIMD),
    _(0xFD_005D, "v128.load64_zero", (Imm.MEMARG,), "addr -> v128", "load64_zero", Feature.SIMD),
    _(0xFD_005E, "f32x4.demote_f64x2_zero", (), "v128 -> v128", "demote_zero", Feature.SIMD),
    _(0xFD_005F, "f64x2.promote_low_f32x4", (), "v128 -> v128", "promote_low", Feature.SIMD),
    _(0xFD_0060, "i8x16.abs", (), "v128 -> v128", "abs", Feature.SIMD),
    _(0xFD_0061, "i8x16.neg", (), "v128 -> v128", "neg", Feature.SIMD),
    _(0xFD_0062, "i8x16.popcnt", (), "v128 -> v128", "popcnt", Feature.SIMD),
    _(0xFD_0063, "i8x16.all_true", (), "v128 -> i32", "all_true", Feature.SIMD),
    _(0xFD_0064, "i8x16.bitmask", (), "v128 -> i32", "bitmask", Feature.SIMD),
    _(0xFD_0065, "i8x16.narrow_i16x8_s", (), "v128 v128 -> v128", "narrow_s", Feature.SIMD),
    _(0xFD_0066, "i8x16.narrow_i16x8_u", (), "v128 v128 -> v128", "narrow_u", Feature.SIMD),
    _(0xFD_0067, "f32x4.ceil", (), "v128 -> v128", "fceil", Feature.SIMD),
    _(0xFD_0068, "f32x4.floor", (), "v128 -> v128", "ffloor", Feature.SIMD),
    _(0xFD_0069, "f32x4.trunc", (), "v128 -> v128", "ftrunc", Feature.SIMD),
    _(0xFD_006A, "f32x4.nearest", (), "v128 -> v128", "fnearest", Feature.SIMD),
    _(0xFD_006B, "i8x16.shl", (), "v128 i32 -> v128", "shl", Feature.SIMD),
    _(0xFD_006C, "i8x16.shr_s", (), "v128 i32 -> v128", "shr_s", Feature.SIMD),
    _(0xFD_006D, "i8x16.shr_u", (), "v128 i32 -> v128", "shr_u", Feature.SIMD),
    _(0xFD_006E, "i8x16.add", (), "v128 v128 -> v128", "add", Feature.SIMD),
    _(0xFD_006F, "i8x16.add_sat_s", (), "v128 v128 -> v128", "add_sat_s", Feature.SIMD),
    _(0xFD_0070, "i8x16.add_sat_u", (), "v128 v128 -> v128", "add_sat_u", Feature.SIMD),
    _(0xFD_0071, "i8x16.sub", (), "v128 v128 -> v128", "sub", Feature.SIMD),
    _(0xFD_0072, "i8x16.sub_sat_s", (), "v128 v128 -> v128", "sub_sat_s", Feature.SIMD),
    _(0xFD_0073, "i8x16.sub_sat_u", (), "v128 v128 -> v128", "sub_sat_u", Feature.SIMD),
    _(0xFD_0074, "f64x2.ceil", (), "v128 -> v128", "fceil", Feature.SIMD),
    _(0xFD_0075, "f64x2.floor", (), "v128 -> v128", "ffloor", Feature.SIMD),
    _(0xFD_0076, "i8x16.min_s", (), "v128 v128 -> v128", "min_s", Feature.SIMD),
    _(0xFD_0077, "i8x16.min_u", (), "v128 v128 -> v128", "min_u", Feature.SIMD),
    _(0xFD_0078, "i8x16.max_s", (), "v128 v128 -> v128", "max_s", Feature.SIMD),
    _(0xFD_0079, "i8x16.max_u", (), "v128 v128 -> v128", "max_u", Feature.SIMD),
    _(0xFD_007A, "f64x2.trunc", (), "v128 -> v128", "ftrunc", Feature.SIMD),
    _(0xFD_007B, "i8x16.avgr_u", (), "v128 v128 -> v128", "avgr_u", Feature.SIMD),
    _(0xFD_007C, "i16x8.extadd_pairwise_i8x16_s", (), "v128 -> v128", "extadd_pairwise_s", Feature.SIMD),
    _(0xFD_007D, "i16x8.extadd_pairwise_i8x16_u", (), "v128 -> v128", "extadd_pairwise_u", Feature.SIMD),
    _(0xFD_007E, "i32x4.extadd_pairwise_i16x8_s", (), "v128 -> v128", "extadd_pairwise_s", Feature.SIMD),
    _(0xFD_007F, "i32x4.extadd_pairwise_i16x8_u", (), "v128 -> v128", "extadd_pairwise_u", Feature.SIMD),
    _(0xFD_0080, "i16x8.abs", (), "v128 -> v128", "abs", Feature.SIMD),
    _(0xFD_0081, "i16x8.neg", (), "v128 -> v128", "neg", Feature.SIMD),
    _(0xFD_0082, "i16x8.q15mulr_sat_s", (), "v128 v128 -> v128", "q15mulr_sat_s", Feature.SIMD),
    _(0xFD_0083, "i16x8.all_true", (), "v128 -> i32", "all_true", Feature.SIMD),
    _(0xFD_0084, "i16x8.bitmask", (), "v128 -> i32", "bitmask", Feature.SIMD),
    _(0xFD_0085, "i16x8.narrow_i32x4_s", (), "v128 v128 -> v128", "narrow_s", Feature.SIMD),
    _(0xFD_0086, "i16x8.narrow_i32x4_u", (), "v128 v128 -> v128", "narrow_u", Feature.SIMD),
    _(0xFD_0087, "i16x8.extend_low_i8x16_s", (), "v128 -> v128", "extend_low_s", Feature.SIMD),
    _(0xFD_0088, "i16x8.extend_high_i8x16_s", (), "v128 -> v128", "extend_high_s", Feature.SIMD),
    _(0xFD_0089, "i16x8.extend_low_i8x16_u", (), "v128 -> v128", "extend_low_u", Feature.SIMD),
    _(0xFD_008A, "i16x8.extend_high_i8x16_u", (), "v128 -> v128", "extend_high_u", Feature.SIMD),
    _(0xFD_008B, "i16x8.shl", (), "v128 i32 -> v128", "shl", Feature.SIMD),
    _(0xFD_008C, "i16x8.shr_s", (), "v128 i32 -> v128", "shr_s", Feature.SIMD),
    _(0xFD_008D, "i16x8.shr_u", (), "v128 i32 -> v128", "shr_u", Feature.SIMD),
    _(0xFD_008E, "i16x8.add", (), "v128 v128 -> v128", "add", Feature.SIMD),
    _(0xFD_008F, "i16x8.add_sat_s", (), "v128 v128 -> v128", "add_sat_s", Feature.SIMD),
    _(0xFD_0090, "i16x8.add_sat_u", (), "v128 v128 -> v128", "add_sat_u", Feature.SIMD),
    _(0xFD_0091, "i16x8.sub", (), "v128 v128 -> v128", "sub", Feature.SIMD),
    _(0xFD_0092, "i16x8.sub_sat_s", (), "v128 v128 -> v128", "sub_sat_s", Feature.SIMD),
    _(0xFD_0093, "i16x8.sub_sat_u", (), "v128 v128 -> v128", "sub_sat_u", Feature.SIMD),
    _(0xFD_0094, "f64x2.nearest", (), "v128 -> v128", "fnearest", Feature.SIMD),
    _(0xFD_0095, "i16x8.mul", (), "v128 v128 -> v128", "mul", Feature.SIMD),
    _(0xFD_0096, "i16x8.min_s", (), "v128 v128 -> v128", "min_s", Feature.SIMD),
    _(0xFD_0097, "i16x8.min_u", (), "v128 v128 -> v128", "min_u", Feature.SIMD),
    _(0xFD_0098, "i16x8.max_s", (), "v128 v128 -> v128", "max_s", Feature.SIMD),
    _(0xFD_0099, "i16x8.max_u", (), "v128 v128 -> v128", "max_u", Feature.SIMD),
    _(0xFD_009B, "i16x8.avgr_u", (), "v128 v128 -> v128", "avgr_u", Feature.SIMD),
    _(0xFD_009C, "i16x8.extmul_low_i8x16_s", (), "v128 v128 -> v128", "extmul_low_s", Feature.SIMD),
    _(0xFD_009D, "i16x8.extmul_high_i8x16_s", (), "v128 v128 -> v128", "extmul_high_s", Feature.SIMD),
    _(0xFD_009E, "i16x8.extmul_low_i8x16_u", (), "v128 v128 -> v128", "extmul_low_u", Feature.SIMD),
    _(0xFD_009F, "i16x8.extmul_high_i8x16_u", (), "v128 v128 -> v128", "extmul_high_u", Feature.SIMD),
    _(0xFD_00A0, "i32x4.abs", (), "v128 -> v128", "abs", Feature.SIMD),
    _(0xFD_00A1, "i32x4.neg", (), "v128 -> v128", "neg", Feature.SIMD),
    _(0xFD_00A3, "i32x4.all_true", (), "v128 -> i32", "all_true", Feature.SIMD),
    _(0xFD_00A4, "i32x4.bitmask", (), "v128 -> i32", "bitmask", Feature.SIMD),
    _(0xFD_00A7, "i32x4.extend_low_i16x8_s", (), "v128 -> v128", "extend_low_s", Feature.SIMD),
    _(0xFD_00A8, "i32x4.extend_high_i16x8_s", (), "v128 -> v128", "extend_high_s", Feature.SIMD),
    _(0xFD_00A9, "i32x4.extend_low_i16x8_u", (), "v128 -> v128", "extend_low_u", Feature.SIMD),
    _(0xFD_00AA, "i32x4.extend_high_i16x8_u", (), "v128 -> v128", "extend_high_u", Feature.SIMD),
    _(0xFD_00AB, "i32x4.shl", (), "v128 i32 -> v128", "shl", Feature.SIMD),
    _(0xFD_00AC, "i32x4.shr_s", (), "v128 i32 -> v128", "shr_s", Feature.SIMD),
    _(0xFD_00AD, "i32x4.shr_u", (), "v128 i32 -> v128", "shr_u", Feature.SIMD),
    _(0xFD_00AE, "i32x4.add", (), "v128 v128 -> v128", "add", Feature.SIMD),
    _(0xFD_00B1, "i32x4.sub", (), "v128 v128 -> v128", "sub", Feature.SIMD),
    _(0xFD_00B5, "i32x4.mul", (), "v128 v128 -> v128", "mul", Feature.SIMD),
    _(0xFD_00B6, "i32x4.min_s", (), "v128 v128 -> v128", "min_s", Feature.SIMD),
    _(0xFD_00B7, "i32x4.min_u", (), "v128 v128 -> v128", "min_u", Feature.SIMD),
    _(0xFD_00B8, "i32x4.max_s", (), "v128 v128 -> v128", "max_s", Feature.SIMD),
    _(0xFD_00B9, "i32x4.max_u", (), "v128 v128 -> v128", "max_u", Feature.SIMD),
    _(0xFD_00BA, "i32x4.dot_i16x8_s", (), "v128 v128 -> v128", "dot_s", Feature.SIMD),
    _(0xFD_00BC, "i32x4.extmul_low_i16x8_s", (), "v128 v128 -> v128", "extmul_low_s", Feature.SIMD),
    _(0xFD_00BD, "i32x4.extmul_high_i16x8_s", (), "v128 v128 -> v128", "extmul_high_s", Feature.SIMD),
    _(0xFD_00BE, "i32x4.extmul_low_i16x8_u", (), "v128 v128 -> v128", "extmul_low_u", Feature.SIMD),
    _(0xFD_00BF, "i32x4.extmul_high_i16x8_u", (), "v128 v128 -> v128", "extmul_high_u", Feature.SIMD),
    _(0xFD_00C0, "i64x2.abs", (), "v128 -> v128", "abs", Feature.SIMD),
    _(0xFD_00C1, "i64x2.neg", (), "v128 -> v128", "neg", Feature.SIMD),
    _(0xFD_00C3, "i64x2.all_true", (), "v128 -> i32", "all_true", Feature.SIMD),
    _(0xFD_00C4, "i64x2.bitmask", (), "v128 -> i32", "bitmask", Feature.SIMD),
    _(0xFD_00C7, "i64x2.extend_low_i32x4_s", (), "v128 -> v128", "extend_low_s", Feature.SIMD),
    _(0xFD_00C8, "i64x2.extend_high_i32x4_s", (), "v128 -> v128", "extend_high_s", Feature.SIMD),
    _(0xFD_00C9, "i64x2.extend_low_i32x4_u", (), "v128 -> v128", "extend_low_u", Feature.SIMD),
    _(0xFD_00CA, "i64x2.extend_high_i32x4_u", (), "v128 -> v128", "extend_high_u", Feature.SIMD),
    _(0xFD_00CB, "i64x2.shl", (), "v128 i32 -> v128", "shl", Feature.SIMD),
    _(0xFD_00CC, "i64x2.shr_s", (), "v128 i32 -> v128", "shr_s", Feature.SIMD),
    _(0xFD_00CD, "i64x2.shr_u", (), "v128 i32 -> v128", "shr_u", Feature.SIMD),
    _(0xFD_00CE, "i64x2.add", (), "v128 v128 -> v128", "add", Feature.SIMD),
    _(0xFD_00D1, "i64x2.sub", (), "v128 v128 -> v128", "sub", Feature.SIMD),
    _(0xFD_00D5, "i64x2.mul", (), "v128 v128 -> v128", "mul", Feature.SIMD),
    _(0xFD_00D6, "i64x2.eq", (), "v128 v128 -> v128", "eq", Feature.SIMD),
    _(0xFD_00D7, "i64x2.ne", (), "v128 v128 -> v128", "ne", Feature.SIMD),
    _(0xFD_00D8, "i64x2.lt_s", (), "v128 v128 -> v128", "lt_s", Feature.SIMD),
    _(0xFD_00D9, "i64x2.gt_s", (), "v128 v128 -> v128", "gt_s", Feature.SIMD),
    _(0xFD_00DA, "i64x2.le_s", (), "v128 v128 -> v128", "le_s", Feature.SIMD),
    _(0xFD_00DB, "i64x2.ge_s", (), "v128 v128 -> v128", "ge_s", Feature.SIMD),
    _(0xFD_00DC, "i64x2.extmul_low_i32x4_s", (), "v128 v128 -> v128", "extmul_low_s", Feature.SIMD),
    _(0xFD_00DD, "i64x2.extmul_high_i32x4_s", (), "v128 v128 -> v128", "extmul_high_s", Feature.SIMD),
    _(0xFD_00DE, "i64x2.extmul_low_i32x4_u", (), "v128 v128 -> v128", "extmul_low_u", Feature.SIMD),
    _(0xFD_00DF, "i64x2.extmul_high_i32x4_u", (), "v128 v128 -> v128", "extmul_high_u", Feature.SIMD),
    _(0xFD_00E0, "f32x4.abs", (), "v128 -> v128", "fabs", Feature.SIMD),
    _(0xFD_00E1, "f32x4.neg", (), "v128 -> v128", "fneg", Feature.SIMD),
    _(0xFD_00E3, "f32x4.sqrt", (), "v128 -> v128", "fsqrt", Feature.SIMD),
    _(0xFD_00E4, "f32x4.add", (), "v128 v128 -> v128", "fadd", Feature.SIMD),
    _(0xFD_00E5, "f32x4.sub", (), "v128 v128 -> v128", "fsub", Feature.SIMD),
    _(0xFD_00E6, "f32x4.mul", (), "v128 v128 -> v128", "fmul", Feature.SIMD),
    _(0xFD_00E7, "f32x4.div", (), "v128 v128 -> v128", "fdiv", Feature.SIMD),
    _(0xFD_00E8, "f32x4.min", (), "v128 v128 -> v128", "fmin", Feature.SIMD),
    _(0xFD_00E9, "f32x4.max", (), "v128 v128 -> v128", "fmax", Feature.SIMD),
    _(0xFD_00EA, "f32x4.pmin", (), "v128 v128 -> v128", "fpmin", Feature.SIMD),
    _(0xFD_00EB, "f32x4.pmax", (), "v128 v128 -> v128", "fpmax", Feature.SIMD),
    _(0xFD_00EC, "f64x2.abs", (), "v128 -> v128", "fabs", Feature.SIMD),
    _(0xFD_00ED, "f64x2.neg", (), "v128 -> v128", "fneg", Feature.SIMD),
    _(0xFD_00EF, "f64x2.sqrt", (), "v128 -> v128", "fsqrt", Feature.SIMD),
    _(0xFD_00F0, "f64x2.add", (), "v128 v128 -> v128", "fadd", Feature.SIMD),
    _(0xFD_00F1, "f64x2.sub", (), "v128 v128 -> v128", "fsub", Feature.SIMD),
    _(0xFD_00F2, "f64x2.mul", (), "v128 v128 -> v128", "fmul", Feature.SIMD),
    _(0xFD_00F3, "f64x2.div", (), "v128 v128 -> v128", "fdiv", Feature.SIMD),
    _(0xFD_00F4, "f64x2.min", (), "v128 v128 -> v128", "fmin", Feature.SIMD),
    _(0xFD_00F5, "f64x2.max", (), "v128 v128 -> v128", "fmax", Feature.SIMD),
    _(0xFD_00F6, "f64x2.pmin", (), "v128 v128 -> v128", "fpmin", Feature.SIMD),
    _(0xFD_00F7, "f64x2.pmax", (), "v128 v128 -> v128", "fpmax", Feature.SIMD),
    _(0xFD_00F8, "i32x4.trunc_sat_f32x4_s", (), "v128 -> v128", "trunc_sat_s", Feature.SIMD),
    _(0xFD_00F9, "i32x4.trunc_sat_f32x4_u", (), "v128 -> v128", "trunc_sat_u", Feature.SIMD),
    _(0xFD_00FA, "f32x4.convert_i32x4_s", (), "v128 -> v128", "convert_s", Feature.SIMD),
    _(0xFD_00FB, "f32x4.convert_i32x4_u", (), "v128 -> v128", "convert_u", Feature.SIMD),
    _(0xFD_00FC, "i32x4.trunc_sat_f64x2_s_zero", (), "v128 -> v128", "trunc_sat_s_zero", Feature.SIMD),
    _(0xFD_00FD, "i32x4.trunc_sat_f64x2_u_zero", (), "v128 -> v128", "trunc_sat_u_zero", Feature.SIMD),
    _(0xFD_00FE, "f64x2.convert_low_i32x4_s", (), "v128 -> v128", "convert_low_s", Feature.SIMD),
    _(0xFD_00FF, "f64x2.convert_low_i32x4_u", (), "v128 -> v128", "convert_low_u", Feature.SIMD),
    # relaxed vectors
    _(0xFD_0100, "i8x16.relaxed_swizzle", (), "v128 v128 -> v128", "relaxed_swizzle", Feature.RELAXED_SIMD),
    _(0xFD_0101, "i32x4.relaxed_trunc_f32x4_s", (), "v128 -> v128", "relaxed_trunc_s", Feature.RELAXED_SIMD),
    _(0xFD_0102, "i32x4.relaxed_trunc_f32x4_u", (), "v128 -> v128", "relaxed_trunc_u", Feature.RELAXED_SIMD),
    _(0xFD_0103, "i32x4.relaxed_trunc_f64x2_s_zero", (), "v128 -> v128", "relaxed_trunc_s_zero", Feature.RELAXED_SIMD),
    _(0xFD_0104, "i32x4.relaxed_trunc_f64x2_u_zero", (), "v128 -> v128", "relaxed_trunc_u_zero", Feature.RELAXED_SIMD),
    _(0xFD_0105, "f32x4.relaxed_madd", (), "v128 v128 v128 -> v128", "relaxed_madd", Feature.RELAXED_SIMD),
    _(0xFD_0106, "f32x4.relaxed_nmadd", (), "v128 v128 v128 -> v128", "relaxed_nmadd", Feature.RELAXED_SIMD),
    _(0xFD_0107, "f64x2.relaxed_madd", (), "v128 v128 v128 -> v128", "relaxed_madd", Feature.RELAXED_SIMD),
    _(0xFD_0108, "f64x2.relaxed_nmadd", (), "v128 v128 v128 -> v128", "relaxed_nmadd", Feature.RELAXED_SIMD),
    _(0xFD_0109, "i8x16.relaxed_laneselect", (), "v128 v128 v128 -> v128", "relaxed_laneselect", Feature.RELAXED_SIMD),
    _(0xFD_010A, "i16x8.relaxed_laneselect", (), "v128 v128 v128 -> v128", "relaxed_laneselect", Feature.RELAXED_SIMD),
    _(0xFD_010B, "i32x4.relaxed_laneselect", (), "v128 v128 v128 -> v128", "relaxed_laneselect", Feature.RELAXED_SIMD),
    _(0xFD_010C, "i64x2.relaxed_laneselect", (), "v128 v128 v128 -> v128", "relaxed_laneselect", Feature.RELAXED_SIMD),
    _(0xFD_010D, "f32x4.relaxed_min", (), "v128 v128 -> v128", "relaxed_min", Feature.RELAXED_SIMD),
    _(0xFD_010E, "f32x4.relaxed_max", (), "v128 v128 -> v128", "relaxed_max", Feature.RELAXED_SIMD),
    _(0xFD_010F, "f64x2.relaxed_min", (), "v128 v128 -> v128", "relaxed_min", Feature.RELAXED_SIMD),
    _(0xFD_0110, "f64x2.relaxed_max", (), "v128 v128 -> v128", "relaxed_max", Feature.RELAXED_SIMD),
    _(0xFD_0111, "i16x8.relaxed_q15mulr_s", (), "v128 v128 -> v128", "relaxed_q15mulr_s", Feature.RELAXED_SIMD),
    _(0xFD_0112, "i16x8.relaxed_dot_i8x16_i7x16_s", (), "v128 v128 -> v128", "relaxed_dot_s", Feature.RELAXED_SIMD),
    _(0xFD_0113, "i32x4.relaxed_dot_i8x16_i7x16_add_s", (), "v128 v128 v128 -> v128", "relaxed_dot_add_s", Feature.RELAXED_SIMD),
    # atomics
    _(0xFE_0000, "memory.atomic.notify", (Imm.MEMARG,), "addr i32 -> i32", "atomic.notify", Feature.THREADS),
    _(0xFE_0001, "memory.atomic.wait32", (Imm.MEMARG,), "addr i32 i64 -> i32", "atomic.wait32", Feature.THREADS),
    _(0xFE_0002, "memory.atomic.wait64", (Imm.MEMARG,), "addr i64 i64 -> i32", "atomic.wait64", Feature.THREADS),
    _(0xFE_0003, "atomic.fence", (Imm.ZERO,), "->", "atomic.fence", Feature.THREADS),
    _(0xFE_0010, "i32.atomic.load", (Imm.MEMARG,), "addr -> i32", "atomic.load", Feature.THREADS),
    _(0xFE_0011, "i64.atomic.load", (Imm.MEMARG,), "addr -> i64", "atomic.load", Feature.THREADS),
    _(0xFE_0012, "i32.atomic.load8_u", (Imm.MEMARG,), "addr -> i32", "atomic.load8", Feature.THREADS),
    _(0xFE_0013, "i32.atomic.load16_u", (Imm.MEMARG,), "addr -> i32", "atomic.load16", Feature.THREADS),
    _(0xFE_0014, "i64.atomic.load8_u", (Imm.MEMARG,), "addr -> i64", "atomic.load8", Feature.THREADS),
    _(0xFE_0015, "i64.atomic.load16_u", (Imm.MEMARG,), "addr -> i64", "atomic.load16", Feature.THREADS),
    _(0xFE_0016, "i64.atomic.load32_u", (Imm.MEMARG,), "addr -> i64", "atomic.load32", Feature.THREADS),
    _(0xFE_0017, "i32.atomic.store", (Imm.MEMARG,), "addr i32 ->", "atomic.store", Feature.THREADS),
    _(0xFE_0018, "i64.atomic.store", (Imm.MEMARG,), "addr i64 ->", "atomic.store", Feature.THREADS),
    _(0xFE_0019, "i32.atomic.store8", (Imm.MEMARG,), "addr i32 ->", "atomic.store8", Feature.THREADS),
    _(0xFE_001A, "i32.atomic.store16", (Imm.MEMARG,), "addr i32 ->", "atomic.store16", Feature.THREADS),
    _(0xFE_001B, "i64.atomic.store8", (Imm.MEMARG,), "addr i64 ->", "atomic.store8", Feature.THREADS),
    _(0xFE_001C, "i64.atomic.store16", (Imm.MEMARG,), "addr i64 ->", "atomic.store16", Feature.THREADS),
    _(0xFE_001D, "i64.atomic.store32", (Imm.MEMARG,), "addr i64 ->", "atomic.store32", Feature.THREADS),
    _(0xFE_001E, "i32.atomic.rmw.add", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw.add", Feature.THREADS),
    _(0xFE_001F, "i64.atomic.rmw.add", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw.add", Feature.THREADS),
    _(0xFE_0020, "i32.atomic.rmw8.add_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw8.add", Feature.THREADS),
    _(0xFE_0021, "i32.atomic.rmw16.add_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw16.add", Feature.THREADS),
    _(0xFE_0022, "i64.atomic.rmw8.add_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw8.add", Feature.THREADS),
    _(0xFE_0023, "i64.atomic.rmw16.add_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw16.add", Feature.THREADS),
    _(0xFE_0024, "i64.atomic.rmw32.add_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw32.add", Feature.THREADS),
    _(0xFE_0025, "i32.atomic.rmw.sub", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw.sub", Feature.THREADS),
    _(0xFE_0026, "i64.atomic.rmw.sub", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw.sub", Feature.THREADS),
    _(0xFE_0027, "i32.atomic.rmw8.sub_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw8.sub", Feature.THREADS),
    _(0xFE_0028, "i32.atomic.rmw16.sub_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw16.sub", Feature.THREADS),
    _(0xFE_0029, "i64.atomic.rmw8.sub_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw8.sub", Feature.THREADS),
    _(0xFE_002A, "i64.atomic.rmw16.sub_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw16.sub", Feature.THREADS),
    _(0xFE_002B, "i64.atomic.rmw32.sub_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw32.sub", Feature.THREADS),
    _(0xFE_002C, "i32.atomic.rmw.and", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw.and", Feature.THREADS),
    _(0xFE_002D, "i64.atomic.rmw.and", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw.and", Feature.THREADS),
    _(0xFE_002E, "i32.atomic.rmw8.and_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw8.and", Feature.THREADS),
    _(0xFE_002F, "i32.atomic.rmw16.and_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw16.and", Feature.THREADS),
    _(0xFE_0030, "i64.atomic.rmw8.and_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw8.and", Feature.THREADS),
    _(0xFE_0031, "i64.atomic.rmw16.and_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw16.and", Feature.THREADS),
    _(0xFE_0032, "i64.atomic.rmw32.and_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw32.and", Feature.THREADS),
    _(0xFE_0033, "i32.atomic.rmw.or", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw.or", Feature.THREADS),
    _(0xFE_0034, "i64.atomic.rmw.or", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw.or", Feature.THREADS),
    _(0xFE_0035, "i32.atomic.rmw8.or_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw8.or", Feature.THREADS),
    _(0xFE_0036, "i32.atomic.rmw16.or_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw16.or", Feature.THREADS),
    _(0xFE_0037, "i64.atomic.rmw8.or_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw8.or", Feature.THREADS),
    _(0xFE_0038, "i64.atomic.rmw16.or_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw16.or", Feature.THREADS),
    _(0xFE_0039, "i64.atomic.rmw32.or_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw32.or", Feature.THREADS),
    _(0xFE_003A, "i32.atomic.rmw.xor", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw.xor", Feature.THREADS),
    _(0xFE_003B, "i64.atomic.rmw.xor", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw.xor", Feature.THREADS),
    _(0xFE_003C, "i32.atomic.rmw8.xor_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw8.xor", Feature.THREADS),
    _(0xFE_003D, "i32.atomic.rmw16.xor_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw16.xor", Feature.THREADS),
    _(0xFE_003E, "i64.atomic.rmw8.xor_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw8.xor", Feature.THREADS),
    _(0xFE_003F, "i64.atomic.rmw16.xor_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw16.xor", Feature.THREADS),
    _(0xFE_0040, "i64.atomic.rmw32.xor_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw32.xor", Feature.THREADS),
    _(0xFE_0041, "i32.atomic.rmw.xchg", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw.xchg", Feature.THREADS),
    _(0xFE_0042, "i64.atomic.rmw.xchg", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw.xchg", Feature.THREADS),
    _(0xFE_0043, "i32.atomic.rmw8.xchg_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw8.xchg", Feature.THREADS),
    _(0xFE_0044, "i32.atomic.rmw16.xchg_u", (Imm.MEMARG,), "addr i32 -> i32", "atomic.rmw16.xchg", Feature.THREADS),
    _(0xFE_0045, "i64.atomic.rmw8.xchg_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw8.xchg", Feature.THREADS),
    _(0xFE_0046, "i64.atomic.rmw16.xchg_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw16.xchg", Feature.THREADS),
    _(0xFE_0047, "i64.atomic.rmw32.xchg_u", (Imm.MEMARG,), "addr i64 -> i64", "atomic.rmw32.xchg", Feature.THREADS),
    _(0xFE_0048, "i32.atomic.rmw.cmpxchg", (Imm.MEMARG,), "addr i32 i32 -> i32", "atomic.rmw.cmpxchg", Feature.THREADS),
    _(0xFE_0049, "i64.atomic.rmw.cmpxchg", (Imm.MEMARG,), "addr i64 i64 -> i64", "atomic.rmw.cmpxchg", Feature.THREADS),
    _(0xFE_004A, "i32.atomic.rmw8.cmpxchg_u", (Imm.MEMARG,), "addr i32 i32 -> i32", "atomic.rmw8.cmpxchg", Feature.THREADS),
    _(0xFE_004B, "i32.atomic.rmw16.cmpxchg_u", (Imm.MEMARG,), "addr i32 i32 -> i32", "atomic.rmw16.cmpxchg", Feature.THREADS),
    _(0xFE_004C, "i64.atomic.rmw8.cmpxchg_u", (Imm.MEMARG,), "addr i64 i64 -> i64", "atomic.rmw8.cmpxchg", Feature.THREADS),
    _(0xFE_004D, "i64.atomic.rmw16.cmpxchg_u", (Imm.MEMARG,), "addr i64 i64 -> i64", "atomic.rmw16.cmpxchg", Feature.THREADS),
    _(0xFE_004E, "i64.atomic.rmw32.cmpxchg_u", (Imm.MEMARG,), "addr i64 i64 -> i64", "atomic.rmw32.cmpxchg", Feature.THREADS),
)
# fmt: on

#: Rows by code and by name.
BY_CODE: Final[dict[int, Instr]] = {row.code: row for row in TABLE}
BY_NAME: Final[dict[str, Instr]] = {row.name: row for row in TABLE}
