"""The types of WebAssembly and when one matches another.

Source: core 3.0, 2.3 (types), 3.3 (matching).  All types are immutable and hashable; number and vector types are
enumeration members, so that the common comparison is an identity test.
"""

from __future__ import annotations

import enum
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

from bembix.records import dataclass


class NumType(enum.Enum):
    """A type of values that are numbers or vectors of numbers; its value is the binary code."""

    I32 = 0x7F
    I64 = 0x7E
    F32 = 0x7D
    F64 = 0x7C
    V128 = 0x7B

    def __str__(self) -> str:
        return self.name.lower()

    def __repr__(self) -> str:
        return f"NumType.{self.name}"

    if not TYPE_CHECKING:
        __hash__ = object.__hash__  # FAST: an enumeration's own hashes its name


class AbsHeap(enum.Enum):
    """An abstract heap type; its value is the binary code."""

    NOEXN = 0x74
    NOFUNC = 0x73
    NOEXTERN = 0x72
    NONE = 0x71
    FUNC = 0x70
    EXTERN = 0x6F
    ANY = 0x6E
    EQ = 0x6D
    I31 = 0x6C
    STRUCT = 0x6B
    ARRAY = 0x6A
    EXN = 0x69

    def __str__(self) -> str:
        return self.name.lower()

    def __repr__(self) -> str:
        return f"AbsHeap.{self.name}"

    if not TYPE_CHECKING:
        __hash__ = object.__hash__  # FAST: an enumeration's own hashes its name


#: A heap type is abstract, or the index of a type definition of the module at hand.
HeapType: TypeAlias = "AbsHeap | int"


@dataclass(frozen=True, slots=True)
class RefType:
    """A reference to something of `heap`; `nullable` allows null.  Make them with `ref`, which keeps one of each."""

    nullable: bool
    heap: HeapType

    def __str__(self) -> str:
        short = _SHORTHAND.get(self.heap) if self.nullable and isinstance(self.heap, AbsHeap) else None
        return short or f"(ref {'null ' if self.nullable else ''}{self.heap})"

    def __repr__(self) -> str:
        return f"<RefType {self}>"


@cache
def ref(nullable: bool, heap: HeapType) -> RefType:
    """Return the one reference type of this nullability and heap type."""
    return RefType(nullable, heap)


#: The text keyword of each nullable abstract reference type.
_SHORTHAND: Final = {
    AbsHeap.NOEXN: "nullexnref",
    AbsHeap.NOFUNC: "nullfuncref",
    AbsHeap.NOEXTERN: "nullexternref",
    AbsHeap.NONE: "nullref",
    AbsHeap.FUNC: "funcref",
    AbsHeap.EXTERN: "externref",
    AbsHeap.ANY: "anyref",
    AbsHeap.EQ: "eqref",
    AbsHeap.I31: "i31ref",
    AbsHeap.STRUCT: "structref",
    AbsHeap.ARRAY: "arrayref",
    AbsHeap.EXN: "exnref",
}

ValType: TypeAlias = "NumType | RefType"

I32: Final = NumType.I32
I64: Final = NumType.I64
F32: Final = NumType.F32
F64: Final = NumType.F64
V128: Final = NumType.V128
FUNCREF: Final = ref(True, AbsHeap.FUNC)
EXTERNREF: Final = ref(True, AbsHeap.EXTERN)
EXNREF: Final = ref(True, AbsHeap.EXN)

#: Every value type that has a keyword of its own, by that keyword.
VALTYPE_KEYWORDS: Final[dict[str, ValType]] = {
    **{str(t): t for t in NumType},
    **{word: ref(True, heap) for heap, word in _SHORTHAND.items()},
}


class Packed(enum.Enum):
    """A storage type narrower than a value; its value is the binary code."""

    I8 = 0x78
    I16 = 0x77

    def __str__(self) -> str:
        return self.name.lower()

    def __repr__(self) -> str:
        return f"Packed.{self.name}"

    if not TYPE_CHECKING:
        __hash__ = object.__hash__  # FAST: an enumeration's own hashes its name


StorageType: TypeAlias = "ValType | Packed"


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of a struct or the element of an array."""

    storage: StorageType
    mutable: bool


@dataclass(frozen=True, slots=True)
class FuncType:
    """What a function takes and gives."""

    params: tuple[ValType, ...] = ()
    results: tuple[ValType, ...] = ()

    def __str__(self) -> str:
        return f"({' '.join(map(str, self.params))}) -> ({' '.join(map(str, self.results))})"

    def __repr__(self) -> str:
        return f"<FuncType {self}>"


@dataclass(frozen=True, slots=True)
class StructType:
    """A record of fields."""

    fields: tuple[FieldType, ...] = ()


@dataclass(frozen=True, slots=True)
class ArrayType:
    """A sequence of elements of one type."""

    element: FieldType


CompType: TypeAlias = "FuncType | StructType | ArrayType"


@dataclass(frozen=True, slots=True)
class SubType:
    """A type definition: a composite type, what it declares to be below, and whether others may be below it."""

    composite: CompType
    supers: tuple[int, ...] = ()
    final: bool = True


@dataclass(frozen=True, slots=True)
class RecType:
    """Type definitions that may refer to each other."""

    types: tuple[SubType, ...]
    #: True where the module wrote a group out; a lone definition needs none.
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """A size range, in pages or elements; `maximum` None means up to what the address type can hold."""

    minimum: int
    maximum: int | None = None

    def __str__(self) -> str:
        return f"{self.minimum}" if self.maximum is None else f"{self.minimum} {self.maximum}"


@dataclass(frozen=True, slots=True)
class MemoryType:
    """A memory: its size in pages of `1 << page_size_log2` bytes, its address type, whether threads share it."""

    limits: Limits
    address: NumType = NumType.I32
    shared: bool = False
    page_size_log2: int = 16

    def __str__(self) -> str:
        wide = "i64 " if self.address is I64 else ""
        page = f" (pagesize {1 << self.page_size_log2})" if self.page_size_log2 != 16 else ""
        return f"memory {wide}{self.limits}{' shared' if self.shared else ''}{page}"

    def __repr__(self) -> str:
        return f"<MemoryType {str(self).partition(' ')[2]}>"


@dataclass(frozen=True, slots=True)
class TableType:
    """A table of references: its size in elements, its element type, its address type."""

    limits: Limits
    element: RefType
    address: NumType = NumType.I32

    def __str__(self) -> str:
        return f"table {'i64 ' if self.address is I64 else ''}{self.limits} {self.element}"

    def __repr__(self) -> str:
        return f"<TableType {str(self).partition(' ')[2]}>"


@dataclass(frozen=True, slots=True)
class GlobalType:
    """A global variable."""

    value: ValType
    mutable: bool = False

    def __str__(self) -> str:
        return f"global {f'(mut {self.value})' if self.mutable else self.value}"

    def __repr__(self) -> str:
        return f"<GlobalType {str(self).partition(' ')[2]}>"


@dataclass(frozen=True, slots=True)
class TagType:
    """A tag of exceptions, by the index of its function type."""

    type_index: int


PAGE_SIZE: Final = 65536  #: bytes in a page of a memory that does not say otherwise
