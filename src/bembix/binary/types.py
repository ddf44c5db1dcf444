"""Value, reference and heap types, both ways.  Source: core 3.0, 5.3.1 - 5.3.5."""

from __future__ import annotations

from typing import Final, TypeAlias

from bembix.binary.leb import read_byte, read_s33, s33
from bembix.errors import ParseError
from bembix.spec.types import AbsHeap, HeapType, NumType, RefType, ValType, ref

#: None takes and gives nothing; a value type is the one result; an index means that function type.
BlockType: TypeAlias = "ValType | int | None"

_REF_NULL: Final = 0x63  #: before a heap type: a reference to it, or null
_REF: Final = 0x64
_EMPTY: Final = 0x40  #: the block type of a block that takes and gives nothing
_NEGATIVE: Final = range(0x40, 0x80)  #: single bytes that are negative as signed integers, so no type indices

_ABSTRACT: Final[dict[int, AbsHeap]] = {heap.value: heap for heap in AbsHeap}
_REFERENCES: Final[dict[int, RefType]] = {heap.value: ref(True, heap) for heap in AbsHeap}
#: The value types whose code is one byte.
VALTYPES: Final[dict[int, ValType]] = {**{number.value: number for number in NumType}, **_REFERENCES}


def read_heaptype(data: bytes, pos: int) -> tuple[HeapType, int]:
    """Read a heap type: the code of an abstract one, or a type index."""
    byte, after = read_byte(data, pos)
    if byte in _ABSTRACT:
        return _ABSTRACT[byte], after
    if byte in _NEGATIVE:
        raise ParseError(f"malformed heap type: {byte:#04x}", offset=pos)
    return _read_type_index(data, pos, "heap type")


def _read_type_index(data: bytes, pos: int, what: str) -> tuple[int, int]:
    index, after = read_s33(data, pos)
    if index < 0:
        raise ParseError(f"malformed {what}: {index} is no type index", offset=pos)
    return index, after


def read_reftype(data: bytes, pos: int) -> tuple[RefType, int]:
    """Read a reference type."""
    byte, after = read_byte(data, pos)
    if byte in _REFERENCES:
        return _REFERENCES[byte], after
    if byte in (_REF_NULL, _REF):
        heap, after = read_heaptype(data, after)
        return ref(byte == _REF_NULL, heap), after
    raise ParseError(f"malformed reference type: {byte:#04x}", offset=pos)


def read_valtype(data: bytes, pos: int) -> tuple[ValType, int]:
    """Read a value type."""
    byte, after = read_byte(data, pos)
    if byte in VALTYPES:
        return VALTYPES[byte], after
    if byte in (_REF_NULL, _REF):
        return read_reftype(data, pos)
    raise ParseError(f"malformed value type: {byte:#04x}", offset=pos)


def read_blocktype(data: bytes, pos: int) -> tuple[BlockType, int]:
    """Read a block type: none, the type of the one result, or a type index."""
    byte, after = read_byte(data, pos)
    if byte == _EMPTY:
        return None, after
    if byte in _NEGATIVE:
        return read_valtype(data, pos)
    return _read_type_index(data, pos, "block type")


def write_heaptype(heap: HeapType) -> bytes:
    """Write a heap type."""
    return bytes((heap.value,)) if isinstance(heap, AbsHeap) else s33(heap)


def write_valtype(valtype: ValType) -> bytes:
    """Write a value type, which may be a reference type; in the short form where there is one."""
    if isinstance(valtype, NumType):
        return bytes((valtype.value,))
    if valtype.nullable and isinstance(valtype.heap, AbsHeap):
        return bytes((valtype.heap.value,))
    return bytes((_REF_NULL if valtype.nullable else _REF,)) + write_heaptype(valtype.heap)


def write_blocktype(blocktype: BlockType) -> bytes:
    """Write a block type."""
    if blocktype is None:
        return bytes((_EMPTY,))
    return s33(blocktype) if isinstance(blocktype, int) else write_valtype(blocktype)
