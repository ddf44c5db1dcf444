"""The garbage-collected heap as compiled code and the runtime share it: every offset in bytes; objects.

A reference is null (0), an i31 (its value << 1 | 1, in 32 bits), or the address of an object, which begins with a
header.  An externref is the same: a host object is a box in the heap, so that it can be told from all others.

    Object                             Region: one a process, address space for the blocks of all heaps
      0  type: canonical id (4 bytes)    blocks of 32 KiB; a Span describes each, a byte each says whether it is taken
      4  length of an array (4 bytes)    TypeInfos, by canonical id
      8  fields or elements            Heap: one a store; the blocks of a size class are cut into cells of one size

Source: core 3.0, 4.2.14 (aggregate instances); R. Jones et al., The Garbage Collection Handbook, chapters 2, 7 and 11.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from bembix.spec.types import F32, F64, I32, I64, V128, FieldType, Packed, StorageType, StructType


class Object:
    """The header of an object."""

    TYPE: Final = 0  #: canonical id; 0 in a cell that is not in use
    LENGTH: Final = 4
    CONTENT: Final = 8


class Box:
    """A host object in the heap."""

    OBJECT: Final = 8  #: PyObject *, which the store keeps, by the address of the box
    NEXT: Final = 16  #: of the dead boxes whose objects are to be let go
    SIZE: Final = 24


class Kind:
    """What a type's objects are."""

    FUNC: Final = 1
    STRUCT: Final = 2
    ARRAY: Final = 3
    BOX: Final = 4
    EXCEPTION: Final = 5


class Trace:
    """Where the references in an object are."""

    NOWHERE: Final = 0
    FIELDS: Final = 1  #: at the offsets that REFS points to
    ELEMENTS: Final = 2  #: every element is one
    ANYWHERE: Final = 3  #: any word of the cell may be one


class TypeInfo:
    """What is known of a type, by its canonical id."""

    DEPTH: Final = 0  #: how many types are above it
    KIND: Final = 4
    DISPLAY: Final = 8  #: ids (4 bytes each) of the types above it from the top, then its own, then 0
    NEAR: Final = 8  #: so many of them
    FAR: Final = 40  #: address of as many as there can be; all are 0 where they fit above
    FAR_COUNT: Final = 64
    REFS: Final = 48  #: offsets (4 bytes each) of a struct's references
    COUNT: Final = 56  #: how many (4 bytes)
    TRACE: Final = 60
    SIZE: Final = 64


#: Bytes of the cells of each size class.
SIZES: Final = (
    *range(16, 257, 8),
    *(320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1600, 2048, 2688, 3264, 4096, 5440, 8192, 10880, 16384),
)


class Size:
    """Numbers of the heap."""

    BLOCK_LOG2: Final = 15
    BLOCK: Final = 1 << 15  #: bytes
    MAX_SMALL: Final = SIZES[-1]  #: bytes; beyond, an object has blocks of its own
    MIN_THRESHOLD: Final = 256  #: blocks
    #: Types that no module can write; their TypeInfos are the last ones.
    MAX_TYPE: Final = (1 << 24) - 3
    EXCEPTION_TYPE: Final = (1 << 24) - 2
    BOX_TYPE: Final = (1 << 24) - 1


class Span:
    """What is known of a block."""

    OWNER: Final = 0  #: its heap, or 0
    NEXT: Final = 8  #: of the heap's blocks
    LINK: Final = 16  #: of the size class's blocks with room
    START: Final = 24  #: address of the first byte
    CELL: Final = 32  #: bytes of a cell
    RECIPROCAL: Final = 40  #: 2**32 / CELL rounded up, or 0 where there is one cell
    CELLS: Final = 48
    CLASS: Final = 56  #: address of the size class, or 0
    HEAD: Final = 64  #: the first block's span, where an object takes several
    BLOCKS: Final = 72  #: how many
    ALLOCATED: Final = 128  #: a bit a cell: what is in use or about to be
    MARKED: Final = 384  #: a bit a cell: what has been reached
    BITMAP: Final = 256  #: bytes of a bitmap
    SIZE: Final = 1024


class Region:
    """Where all blocks are."""

    BASE: Final = 0
    CAPACITY: Final = 8  #: blocks
    SPANS: Final = 16  #: address of the first Span
    TAKEN: Final = 24  #: address of the bytes, one a block
    TOP: Final = 32  #: blocks that were ever taken
    COMMITTED: Final = 40  #: blocks that can be accessed
    HINT: Final = 48  #: all blocks before are taken
    TYPES: Final = 56  #: address of TypeInfo 0
    LOCK: Final = 64
    SIZE: Final = 72


_NEAR_SIZES: Final = 256
_STEP: Final = 64


class SizeClass:
    """Where the next object of a size comes from."""

    CURSOR: Final = 0
    LIMIT: Final = 8
    PARTIAL: Final = 16  #: spans with room
    CURRENT: Final = 24  #: the span that the free run is in
    POSITION: Final = 32  #: the cell behind the run
    CELL: Final = 40
    SIZE: Final = 48


class Heap:
    """The heap of a store.  Sizes are in blocks."""

    STORE: Final = 0
    REGION: Final = 8
    TYPES: Final = 16  #: those of the region
    USED: Final = 24
    THRESHOLD: Final = 32  #: collect before there are more
    LIMIT: Final = 40
    BLOCKS: Final = 48  #: list of its spans
    ROOTS: Final = 56  #: addresses of pairs: address of words, how many
    ROOT_COUNT: Final = 64
    DEAD: Final = 72  #: list of dead boxes
    STACK: Final = 80  #: objects whose references are to be followed
    STACK_COUNT: Final = 88
    STACK_CAPACITY: Final = 96
    FAILED: Final = 104  #: 1 where that stack had no room
    BASE: Final = 112  #: while it collects: those of the region
    EXTENT: Final = 120
    SPANS: Final = 128
    COLLECTIONS: Final = 136  #: how many there were
    NEW: Final = 144  #: functions that compiled code calls
    NEW_ARRAY: Final = 152
    BOX: Final = 160  #: function that makes a box
    HOSTS: Final = 168  #: PyObject *: the dictionary of host objects by box
    BOXES_LEFT: Final = 176  #: how many boxes there may be before they are a reason to collect
    SIZE_TABLE: Final = 184  #: number of the size class by size / 64 rounded up, a byte each
    CLASSES: Final = SIZE_TABLE + 264
    CLASS_COUNT: Final = len(SIZES)  #: without that of boxes, which compiled code does not take cells of
    BOXES: Final = CLASSES + SizeClass.SIZE * len(SIZES)  #: a size class of their own, so that the dead ones are found
    SIZE: Final = BOXES + SizeClass.SIZE


def size_class(size: int) -> int:
    """Return the offset in the heap of the size class for objects of so many bytes, which are few enough."""
    return Heap.CLASSES + SizeClass.SIZE * _number(size)


def _number(size: int) -> int:
    if size <= _NEAR_SIZES:
        return max(-(-size // 8), 2) - 2
    return next(number for number, cell in enumerate(SIZES) if cell >= size)


def size_table() -> bytes:
    """Return what `Heap.SIZE_TABLE` holds."""
    return bytes(_number(_STEP * step) for step in range(Size.MAX_SMALL // _STEP + 1))


_STORAGE_SIZES: Final[dict[StorageType, int]] = {
    Packed.I8: 1,
    Packed.I16: 2,
    I32: 4,
    F32: 4,
    I64: 8,
    F64: 8,
    V128: 16,
}


def storage_size(field: FieldType) -> int:
    """Return how many bytes a field takes."""
    return _STORAGE_SIZES.get(field.storage, 8)


@lru_cache(maxsize=10_000)
def struct_layout(struct: StructType) -> tuple[tuple[int, ...], int]:
    """Return the offset of each field and the size; what is below a type begins like it."""
    at, offsets = Object.CONTENT, []
    for field in struct.fields:
        size = storage_size(field)
        align = min(size, 8)
        at = -(-at // align) * align
        offsets.append(at)
        at += size
    return tuple(offsets), at
