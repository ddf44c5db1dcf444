"""What a generated module consists of, but for its function bodies."""

from __future__ import annotations

from dataclasses import dataclass, field

from choices import Chooser

from bembix.binary.instructions import write_instruction
from bembix.spec.instructions import BY_NAME
from bembix.spec.module import Import, ModuleDef
from bembix.spec.types import (
    EXNREF,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    V128,
    AbsHeap,
    FuncType,
    GlobalType,
    MemoryType,
    NumType,
    RecType,
    RefType,
    SubType,
    TableType,
    ValType,
    ref,
)

#: Types that the host can pass; vectors stay inside.
NUMBERS: tuple[NumType, ...] = (I32, I64, F32, F64)
BITS = {I32: 32, I64: 64, F32: 32, F64: 64}


def _integers(bits: int) -> list[int]:
    top = (1 << bits - 1) - 1
    powers = [1 << k for k in (0, 1, 3, 5, 6, 7, 8, 15, 16)]
    small = [0, *powers, *(p - 1 for p in powers), *(-p for p in powers), 33, -129]
    return [*small, top, -top - 1, top - 1, -top, top >> 1, 0x55555555, 0x0F0F0F0F]


_INTEGERS = {bits: _integers(bits) for bits in (32, 64)}
#: Bits of floats: zeros, small numbers, infinities, NaNs, the ends of the ranges of floats and of integers.
_F32_BITS = """
00000000 80000000 3F800000 BF800000 40000000 3F000000 3FC00000 40200000 C0200000 7F800000 FF800000 7FC00000 FFC00000
7F800001 7FA00000 FFBFFFFF 7FFFFFFF 00000001 807FFFFF 00800000 7F7FFFFF FF7FFFFF 4F000000 CF000000 4EFFFFFF CF000001
4F800000 5F000000 DF000000 5F800000 5EFFFFFF 5F7FFFFF 4B000000 4B000001 4AFFFFFF BF7FFFFF
"""
_F64_BITS = """
0000000000000000 8000000000000000 3FF0000000000000 BFF0000000000000 4000000000000000 3FE0000000000000
3FF8000000000000 4004000000000000 C004000000000000 7FF0000000000000 FFF0000000000000 7FF8000000000000
FFF8000000000000 7FF0000000000001 7FF4000000000000 FFF7FFFFFFFFFFFF 7FFFFFFFFFFFFFFF 0000000000000001
800FFFFFFFFFFFFF 0010000000000000 7FEFFFFFFFFFFFFF FFEFFFFFFFFFFFFF 41E0000000000000 C1E0000000000000
C1E0000000200000 41DFFFFFFFC00000 41EFFFFFFFE00000 41F0000000000000 43E0000000000000 C3E0000000000000
43F0000000000000 43DFFFFFFFFFFFFF 43EFFFFFFFFFFFFF BFEFFFFFFFFFFFFF 4330000000000001 36A0000000000000
3690000000000000 47EFFFFFF0000000 47EFFFFFE0000000 380FFFFFFFFFFFFF
"""
_FLOATS = {32: [int(word, 16) for word in _F32_BITS.split()], 64: [int(word, 16) for word in _F64_BITS.split()]}
#: Bits of signalling NaNs.
SIGNALLING = {
    F32: [0x7F800001, 0x7FA00000, 0xFFBFFFFF],
    F64: [0x7FF0000000000001, 0x7FF4000000000000, 0xFFF7FFFFFFFFFFFF],
}


def vector_bits(choose: Chooser) -> bytes:
    """Return the immediate of a vector constant: lanes of one kind, often all the same."""
    kind = choose.pick(NUMBERS)
    width = BITS[kind] // 8
    if choose.chance(20):
        return choose.content(16)
    lane = constant_bits(choose, kind)
    lanes = [lane if choose.chance(60) else constant_bits(choose, kind) for _ in range(16 // width)]
    return b"".join((bits % (1 << 8 * width)).to_bytes(width, "little") for bits in lanes)


def constant_bits(choose: Chooser, kind: NumType) -> int:
    """Return the immediate of a constant of a scalar type: a signed integer, or the bits of a float."""
    bits = BITS[kind]
    if kind in (I32, I64):
        if choose.chance(60):
            return choose.pick(_INTEGERS[bits])
        return choose.number(-(1 << bits - 1), (1 << bits - 1) - 1) if choose.chance(50) else choose.number(-64, 64)
    if choose.chance(60):
        return choose.pick(_FLOATS[bits])
    if choose.chance(50):  # a number near zero, of which operations make further numbers
        fraction, bias = {32: (23, 127), 64: (52, 1023)}[bits]
        return choose.number(bias - 8, bias + 40) << fraction | choose.number(0, 255) << fraction - 8
    return choose.number(0, (1 << bits) - 1)


def instruction(name: str, *immediates: object) -> bytes:
    """Write an instruction by its name."""
    return write_instruction(BY_NAME[name], immediates)  # type: ignore[arg-type]


def matches(given: ValType, wanted: ValType) -> bool:
    """Tell whether a value of a type does where another is wanted; type indices are only ever equal to themselves."""
    if isinstance(given, NumType) or isinstance(wanted, NumType):
        return given is wanted
    if given.nullable and not wanted.nullable:
        return False
    return given.heap == wanted.heap or (isinstance(given.heap, int) and wanted.heap is AbsHeap.FUNC)


@dataclass
class Shape:
    """The index spaces of a module under way, imports first.

    functions: type indices.  tags: type indices.  elems: element types.  datas: lengths.
    fuel: index of a global that counts down to a trap, so that everything ends.
    """

    definition: ModuleDef = field(default_factory=ModuleDef)
    types: list[FuncType] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    memories: list[MemoryType] = field(default_factory=list)
    tables: list[TableType] = field(default_factory=list)
    globals: list[GlobalType] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    #: What is in which table at first: functions by position.
    slots: dict[int, dict[int, int]] = field(default_factory=dict)
    elems: list[RefType] = field(default_factory=list)
    datas: list[int] = field(default_factory=list)
    imported_functions: int = 0
    fuel: int = 0
    exceptions: bool = False
    vectors: bool = False
    #: In percent: how often an operand is whatever comes, where most values would trap.
    wild: int = 0

    def type_index(self, functype: FuncType) -> int:
        """Return a type index of this function type, entering it if need be."""
        if functype in self.types:
            return self.types.index(functype)
        return self.add_type(functype)

    def add_type(self, functype: FuncType) -> int:
        """Enter a function type, even if it is there already."""
        self.types.append(functype)
        self.definition.types.append(RecType((SubType(functype),)))
        return len(self.types) - 1

    def function_type(self, index: int) -> FuncType:
        """Return the type of a function."""
        return self.types[self.functions[index]]

    def tag_type(self, index: int) -> FuncType:
        """Return the type of a tag."""
        return self.types[self.tags[index]]

    def functions_of(self, type_index: int) -> list[int]:
        """Return the functions of a type."""
        return [index for index, known in enumerate(self.functions) if known == type_index]

    def value_types(self) -> list[ValType]:
        """Return types that any value can be had of."""
        found: list[ValType] = [*NUMBERS, *NUMBERS, FUNCREF, EXTERNREF]
        if self.vectors:
            found += [V128] * 3
        if self.exceptions:
            found.append(EXNREF)
        if self.types:
            found.append(ref(True, 0))
        return found

    def add_import(self, entry: Import) -> None:
        """Enter an import."""
        self.definition.imports.append(entry)
