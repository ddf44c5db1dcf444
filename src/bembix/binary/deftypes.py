"""Type definitions (the type section) and the types of tables, memories, globals and tags, both ways.

Source: core 3.0, 5.3.6 - 5.3.14, 5.5.4; threads and custom-page-sizes for flags of limits.
"""

from __future__ import annotations

from typing import Final

from bembix.binary.leb import read_byte, read_count, read_list, read_u32, read_u64, u32, u64, vector
from bembix.binary.types import read_reftype, read_valtype, write_valtype
from bembix.errors import ParseError
from bembix.spec.limits import MAX_PARAMS, MAX_RESULTS, MAX_STRUCT_FIELDS, MAX_TYPES
from bembix.spec.types import (
    I32,
    I64,
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    Packed,
    RecType,
    StorageType,
    StructType,
    SubType,
    TableType,
    TagType,
)

_FUNC: Final = 0x60
_STRUCT: Final = 0x5F
_ARRAY: Final = 0x5E
_SUB: Final = 0x50
_SUB_FINAL: Final = 0x4F
_REC: Final = 0x4E
_MORE: Final = 0x80  #: the bit that says that an integer goes on; codes of types are integers of one byte
_PACKED: Final = {packed.value: packed for packed in Packed}

_HAS_MAXIMUM: Final = 1
_SHARED: Final = 2
_ADDRESS_64: Final = 4
_PAGE_SIZE: Final = 8
_TABLE_FLAGS: Final = _HAS_MAXIMUM | _ADDRESS_64
_MEMORY_FLAGS: Final = _HAS_MAXIMUM | _SHARED | _ADDRESS_64 | _PAGE_SIZE
_USUAL_PAGE_LOG2: Final = 16
_ADDRESS_BITS: Final = 64


def _read_storagetype(data: bytes, pos: int) -> tuple[StorageType, int]:
    byte, after = read_byte(data, pos)
    return (_PACKED[byte], after) if byte in _PACKED else read_valtype(data, pos)


def _read_mutability(data: bytes, pos: int) -> tuple[bool, int]:
    byte, after = read_byte(data, pos)
    if byte > 1:
        raise ParseError(f"malformed mutability: {byte:#04x}, expected 0 or 1", offset=pos)
    return byte == 1, after


def _read_fieldtype(data: bytes, pos: int) -> tuple[FieldType, int]:
    storage, pos = _read_storagetype(data, pos)
    mutable, pos = _read_mutability(data, pos)
    return FieldType(storage, mutable), pos


def _read_comptype(data: bytes, start: int) -> tuple[CompType, int]:
    code, pos = read_byte(data, start)
    if code == _FUNC:
        params, pos = read_list(data, pos, "parameters", MAX_PARAMS, read_valtype)
        results, pos = read_list(data, pos, "results", MAX_RESULTS, read_valtype)
        return FuncType(tuple(params), tuple(results)), pos
    if code == _STRUCT:
        fields, pos = read_list(data, pos, "fields", MAX_STRUCT_FIELDS, _read_fieldtype)
        return StructType(tuple(fields)), pos
    if code == _ARRAY:
        element, pos = _read_fieldtype(data, pos)
        return ArrayType(element), pos
    problem = "malformed definition type" if code < _MORE else "integer representation too long: more than 1 byte"
    raise ParseError(f"{problem}: {code:#04x}", offset=start)


def _read_subtype(data: bytes, pos: int) -> tuple[SubType, int]:
    code, after = read_byte(data, pos)
    supers: list[int] = []
    if code in (_SUB, _SUB_FINAL):
        supers, pos = read_list(data, after, "supertypes", MAX_TYPES, read_u32)
    composite, pos = _read_comptype(data, pos)
    return SubType(composite, tuple(supers), code != _SUB), pos


def _read_rectype(data: bytes, pos: int) -> tuple[RecType, int]:
    code, after = read_byte(data, pos)
    if code == _REC:
        group, pos = read_list(data, after, "types", MAX_TYPES, _read_subtype)
        return RecType(tuple(group), explicit=True), pos
    lone, pos = _read_subtype(data, pos)
    return RecType((lone,)), pos


def read_types(data: bytes, pos: int) -> tuple[list[RecType], int]:
    """Read the content of the type section."""
    count, pos = read_count(data, pos, "types", MAX_TYPES)
    groups = []
    total = 0
    for _ in range(count):
        start = pos
        group, pos = _read_rectype(data, pos)
        groups.append(group)
        total += len(group.types)
        if total > MAX_TYPES:
            raise ParseError(f"too many types: more than {MAX_TYPES}", offset=start)
    return groups, pos


def _read_limits(data: bytes, start: int, known: int) -> tuple[Limits, int, int]:
    """Read limits and return them, their flags and the position after them.  known: flags that may be set."""
    flags, pos = read_byte(data, start)
    if flags & ~known:
        raise ParseError(f"malformed limits flags: {flags:#04x}, expected none but {known:#04x}", offset=start)
    if flags & _PAGE_SIZE and pos == len(data):  # the tests of core 3.0, which has no such flag, wait for this message
        raise ParseError(f"malformed limits flags: {flags:#04x}, and unexpected end", offset=start)
    minimum, pos = read_u64(data, pos)
    maximum = None
    if flags & _HAS_MAXIMUM:
        maximum, pos = read_u64(data, pos)
    return Limits(minimum, maximum), flags, pos


def read_tabletype(data: bytes, pos: int) -> tuple[TableType, int]:
    """Read the type of a table."""
    element, pos = read_reftype(data, pos)
    limits, flags, pos = _read_limits(data, pos, _TABLE_FLAGS)
    return TableType(limits, element, I64 if flags & _ADDRESS_64 else I32), pos


def read_memorytype(data: bytes, pos: int) -> tuple[MemoryType, int]:
    """Read the type of a memory."""
    limits, flags, pos = _read_limits(data, pos, _MEMORY_FLAGS)
    page_size_log2 = _USUAL_PAGE_LOG2
    if flags & _PAGE_SIZE:
        start = pos
        page_size_log2, pos = read_u32(data, pos)
        if page_size_log2 >= _ADDRESS_BITS:
            raise ParseError(f"invalid custom page size: 2 to the power of {page_size_log2}", offset=start)
    address = I64 if flags & _ADDRESS_64 else I32
    return MemoryType(limits, address, bool(flags & _SHARED), page_size_log2), pos


def read_globaltype(data: bytes, pos: int) -> tuple[GlobalType, int]:
    """Read the type of a global."""
    valtype, pos = read_valtype(data, pos)
    mutable, pos = _read_mutability(data, pos)
    return GlobalType(valtype, mutable), pos


def read_tagtype(data: bytes, start: int) -> tuple[TagType, int]:
    """Read the type of a tag."""
    attribute, pos = read_byte(data, start)
    if attribute:
        raise ParseError(f"zero byte expected: {attribute:#04x} as attribute of a tag", offset=start)
    index, pos = read_u32(data, pos)
    return TagType(index), pos


def _write_fieldtype(field: FieldType) -> bytes:
    storage = field.storage
    code = bytes((storage.value,)) if isinstance(storage, Packed) else write_valtype(storage)
    return code + bytes((field.mutable,))


def _write_comptype(composite: CompType) -> bytes:
    if isinstance(composite, FuncType):
        params = vector([write_valtype(valtype) for valtype in composite.params])
        return bytes((_FUNC,)) + params + vector([write_valtype(valtype) for valtype in composite.results])
    if isinstance(composite, StructType):
        return bytes((_STRUCT,)) + vector([_write_fieldtype(field) for field in composite.fields])
    return bytes((_ARRAY,)) + _write_fieldtype(composite.element)


def _write_subtype(sub: SubType) -> bytes:
    composite = _write_comptype(sub.composite)
    if sub.final and not sub.supers:
        return composite
    return bytes((_SUB_FINAL if sub.final else _SUB,)) + vector([u32(index) for index in sub.supers]) + composite


def write_rectype(group: RecType) -> bytes:
    """Write a recursion group."""
    types = [_write_subtype(sub) for sub in group.types]
    return bytes((_REC,)) + vector(types) if group.explicit or len(types) != 1 else types[0]


def _write_limits(limits: Limits, flags: int) -> bytes:
    if limits.maximum is None:
        return bytes((flags,)) + u64(limits.minimum)
    return bytes((flags | _HAS_MAXIMUM,)) + u64(limits.minimum) + u64(limits.maximum)


def write_tabletype(table: TableType) -> bytes:
    """Write the type of a table."""
    return write_valtype(table.element) + _write_limits(table.limits, _ADDRESS_64 if table.address is I64 else 0)


def write_memorytype(memory: MemoryType) -> bytes:
    """Write the type of a memory."""
    flags = (_SHARED if memory.shared else 0) | (_ADDRESS_64 if memory.address is I64 else 0)
    if memory.page_size_log2 == _USUAL_PAGE_LOG2:
        return _write_limits(memory.limits, flags)
    return _write_limits(memory.limits, flags | _PAGE_SIZE) + u32(memory.page_size_log2)


def write_globaltype(type_: GlobalType) -> bytes:
    """Write the type of a global."""
    return write_valtype(type_.value) + bytes((type_.mutable,))


def write_tagtype(tag: TagType) -> bytes:
    """Write the type of a tag."""
    return b"\0" + u32(tag.type_index)
