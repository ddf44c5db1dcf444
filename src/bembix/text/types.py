"""Types in text.  Source: core 3.0, 6.4."""

from __future__ import annotations

from typing import Final

from bembix.errors import ValidationError
from bembix.spec.types import (
    I32,
    I64,
    VALTYPE_KEYWORDS,
    AbsHeap,
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    HeapType,
    Limits,
    MemoryType,
    NumType,
    Packed,
    RefType,
    StorageType,
    StructType,
    SubType,
    TableType,
    ValType,
    ref,
)
from bembix.text.scope import Context, Space

_HEAPS: Final = {str(heap): heap for heap in AbsHeap}
_MAX_SIZE: Final = 0xFFFF_FFFF  #: of a memory or table with 32 bit addresses, in its units
_PACKED: Final = {str(packed): packed for packed in Packed}


def heaptype(c: Context) -> HeapType:
    """Read a heap type: a keyword or a type index."""
    found = _HEAPS.get(c.words[c.at])
    if found is None:
        return c.index(c.types)
    c.at += 1
    return found


def valtype(c: Context) -> ValType:
    """Read a value type."""
    found = VALTYPE_KEYWORDS.get(c.words[c.at])
    if found is not None:
        c.at += 1
        return found
    if not c.opens("ref"):
        raise c.unexpected("a type")
    nullable = c.takes("null")
    heap = heaptype(c)
    c.close()
    return ref(nullable, heap)


def reftype(c: Context) -> RefType:
    """Read a reference type."""
    at = c.at
    found = valtype(c)
    if isinstance(found, NumType):
        raise c.unexpected("a reference type", at)
    return found


def sees_reftype(c: Context) -> bool:
    """Tell whether a reference type comes next."""
    return c.sees("ref") or isinstance(VALTYPE_KEYWORDS.get(c.words[c.at]), RefType)


def valtypes(c: Context) -> list[ValType]:
    """Read value types up to a closing parenthesis, and go past it."""
    found = []
    while c.words[c.at] != ")":
        found.append(valtype(c))
    c.at += 1
    return found


def params(c: Context, scope: Space | None) -> tuple[ValType, ...]:
    """Read parameters.  scope: takes their identifiers; None where they may have none."""
    found: list[ValType] = []
    while c.opens("param"):
        found += variables(c, scope)
    return tuple(found)


def variables(c: Context, scope: Space | None) -> list[ValType]:
    """Read the inside of a `param` or `local`: one that has an identifier, or any number that have none."""
    if scope is not None and c.sees_binding():
        c.bind(scope)
        one = valtype(c)
        c.close()
        return [one]
    found = valtypes(c)
    if scope is not None:
        scope.count += len(found)
    return found


def results(c: Context) -> tuple[ValType, ...]:
    """Read results."""
    found: list[ValType] = []
    while c.opens("result"):
        found += valtypes(c)
    return tuple(found)


def functype(c: Context, scope: Space | None) -> FuncType:
    """Read parameters and results."""
    found = FuncType(params(c, scope), results(c))
    if c.sees("param") or c.sees("type"):
        c.at += 1
        raise c.unexpected()
    return found


def _defined_functype(c: Context) -> FuncType:
    """Read parameters and results in a type definition, where identifiers are only for the reader."""
    found: list[ValType] = []
    while c.opens("param"):
        found += variables(c, Space("local", {}))
    return FuncType(tuple(found), results(c))


def storagetype(c: Context) -> StorageType:
    """Read a value type or one that is narrower."""
    packed = _PACKED.get(c.words[c.at])
    if packed is None:
        return valtype(c)
    c.at += 1
    return packed


def fieldtype(c: Context) -> FieldType:
    """Read the type of a field, which may be mutable."""
    if not c.opens("mut"):
        return FieldType(storagetype(c), False)
    storage = storagetype(c)
    c.close()
    return FieldType(storage, True)


def structtype(c: Context, scope: Space) -> StructType:
    """Read fields.  scope: takes their identifiers."""
    fields = []
    while c.opens("field"):
        if c.sees_binding():
            c.bind(scope)
            fields.append(fieldtype(c))
            c.close()
            continue
        while not c.takes(")"):
            fields.append(fieldtype(c))
            scope.count += 1
    return StructType(tuple(fields))


def comptype(c: Context, index: int) -> CompType:
    """Read the composite type that defines a type index."""
    found: CompType
    if c.opens("func"):
        found = _defined_functype(c)
    elif c.opens("array"):
        found = ArrayType(fieldtype(c))
    elif c.opens("struct"):
        c.fields[index] = scope = Space("field", {})
        found = structtype(c, scope)
        if scope.known:
            c.module.names.fields[index] = scope.known
    else:
        raise c.unexpected("func, struct or array")
    c.close()
    return found


def subtype(c: Context, index: int) -> SubType:
    """Read a type definition, which may say what it is below."""
    if not c.opens("sub"):
        return SubType(comptype(c, index))
    final = c.takes("final")
    supers = []
    while c.sees_index():
        supers.append(c.index(c.types))
    composite = comptype(c, index)
    c.close()
    return SubType(composite, tuple(supers), final)


def address(c: Context) -> NumType:
    """Read the address type of a memory or table; 32 bits where none is written."""
    word = c.words[c.at]
    if word not in ("i32", "i64"):
        return I32
    c.at += 1
    return I64 if word == "i64" else I32


def limits(c: Context, bits: NumType, what: str) -> Limits:
    """Read a minimum and perhaps a maximum.  what: of which size, for messages.

    Errors: ValidationError for a size beyond the address type: a binary can say it too, but it is never valid.
    """
    minimum = _size(c, bits, what)
    return Limits(minimum, _size(c, bits, what) if c.words[c.at][:1].isdigit() else None)


def _size(c: Context, bits: NumType, what: str) -> int:
    at = c.at
    size = c.natural(64)
    if bits is I32 and size > _MAX_SIZE:
        message = f"i32 constant out of range: {what} size must be at most {_MAX_SIZE}"
        raise c.source.error(message, at, ValidationError)
    return size


def pagesize(c: Context) -> int:
    """Read a page size where one is written, and return its logarithm."""
    if not c.opens("pagesize"):
        return 16
    at = c.at
    size = c.natural(64)
    if size & (size - 1) or not size:
        raise c.error(f"invalid custom page size: {size} is not a power of two", at)
    c.close()
    return size.bit_length() - 1


def memorytype(c: Context) -> MemoryType:
    """Read the type of a memory."""
    bits = address(c)
    size = limits(c, bits, "memory")
    shared = c.takes("shared")
    return MemoryType(size, bits, shared, pagesize(c))


def tabletype(c: Context) -> TableType:
    """Read the type of a table."""
    bits = address(c)
    size = limits(c, bits, "table")
    return TableType(size, reftype(c), bits)


def globaltype(c: Context) -> GlobalType:
    """Read the type of a global."""
    if not c.opens("mut"):
        return GlobalType(valtype(c))
    found = valtype(c)
    c.close()
    return GlobalType(found, True)
