"""Values on their way between Python and Wasm, checked one by one with messages that say what was wanted and given.

    i32, i64   int (or what has __index__): signed or unsigned going in, signed coming out
    f32, f64   float (or what has __float__)
    v128       16 bytes
    funcref    a `Func`, or None for null           externref   any object; None is null
    exnref     an `ExnRef`, or None for null        i31ref      an `I31`, or an int from -2**30 to 2**30 - 1
    structref, arrayref and what is below: a `StructRef` or `ArrayRef`, or None for null
    anyref, eqref: those and `I31`; anyref also any object.  They may be given for an externref, too.

Source: WebAssembly JavaScript API, ToWebAssemblyValue and ToJSValue.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Final, SupportsFloat, SupportsIndex, cast

from bembix.errors import LinkError
from bembix.runtime.cells import Plain
from bembix.runtime.exnref import ExnRef, exnref_at
from bembix.runtime.func import func_at, info_of, is_func, record_of, store_of
from bembix.runtime.gcvalues import I31, GcRef, i31_bits, object_at
from bembix.runtime.storeinst import StoreInst, join
from bembix.spec.canonical import match_heap, top
from bembix.spec.types import VALTYPE_KEYWORDS, AbsHeap, HeapType, NumType, RefType, ValType

_WORDS: Final[dict[NumType, str]] = {
    NumType.I32: "an int",
    NumType.I64: "an int",
    NumType.F32: "a float",
    NumType.F64: "a float",
    NumType.V128: "16 bytes",
}
_BITS: Final = {NumType.I32: 32, NumType.I64: 64}
_V128_SIZE: Final = 16


def _wrong(value: object, valtype: ValType, words: str, where: str) -> TypeError:
    return TypeError(f"{where} must be {valtype} ({words}), not {type(value).__name__}")


def _integer(value: object, valtype: NumType, where: str) -> int:
    try:
        number = operator.index(cast(SupportsIndex, value))
    except TypeError:
        raise _wrong(value, valtype, _WORDS[valtype], where) from None
    bits = _BITS[valtype]
    if not -(1 << bits - 1) <= number < 1 << bits:
        raise OverflowError(f"{where}: {number} does not fit {valtype} ({-(1 << bits - 1)} to {(1 << bits) - 1})")
    return number - (1 << bits) if number >> bits - 1 == 1 else number


def _float(value: object, valtype: NumType, where: str) -> float:
    if isinstance(value, (str, bytes, bytearray)):  # float() would parse them
        raise _wrong(value, valtype, _WORDS[valtype], where)
    try:
        return float(cast(SupportsFloat, value))
    except TypeError:
        raise _wrong(value, valtype, _WORDS[valtype], where) from None
    except OverflowError as error:
        raise OverflowError(f"{where}: {error}") from None


def _vector(value: object, valtype: NumType, where: str) -> bytes:
    try:
        content = bytes(memoryview(cast(bytes, value)))
    except TypeError:
        raise _wrong(value, valtype, _WORDS[valtype], where) from None
    if len(content) != _V128_SIZE:
        raise ValueError(f"{where} must be v128 (16 bytes), not {len(content)} bytes")
    return content


def _function(value: object, valtype: RefType, where: str, store: StoreInst) -> int:
    if not is_func(value):
        raise _wrong(value, valtype, "a Func of a store; a callable becomes one as an import", where)
    info = info_of(value)
    if not match_heap(info.type_id, valtype.heap):
        raise TypeError(f"{where} must be {valtype}, not the function {info.name} {info.type}")
    try:
        join((store, store_of(value)), where)
    except LinkError:
        raise ValueError(f"{where} belongs to another store: {value!r}") from None
    return record_of(value)


def _extern(value: object, valtype: RefType, where: str, store: StoreInst) -> int:
    if valtype.heap is AbsHeap.NOEXTERN:
        raise _wrong(value, valtype, "None", where)
    return _gc_reference(value, where, store) or store.heap.box(value)


def _exception(value: object, valtype: RefType, where: str, store: StoreInst) -> int:
    if not isinstance(value, ExnRef) or valtype.heap is AbsHeap.NOEXN:
        raise _wrong(value, valtype, "an ExnRef", where)
    if value.store is not store:
        raise ValueError(f"{where} belongs to another store: {value!r}")
    return value.address


def _gc_reference(value: object, where: str, store: StoreInst) -> int:
    """Return the reference that a struct, an array or an i31 is, or 0 for what is none of these."""
    if isinstance(value, I31):
        return i31_bits(value)
    if not isinstance(value, GcRef):
        return 0
    if value.store_inst is not store:
        raise ValueError(f"{where} belongs to another store: {value!r}")
    return value.address


def _gc(value: object, valtype: RefType, where: str, store: StoreInst) -> int:
    heap = valtype.heap
    if type(value) is int and heap in (AbsHeap.ANY, AbsHeap.EQ, AbsHeap.I31) and -(1 << 30) <= value < 1 << 30:
        value = I31(value)
    address = _gc_reference(value, where, store)
    if not address and heap is AbsHeap.ANY:
        return store.heap.box(value)
    known: HeapType = value.type_id if isinstance(value, GcRef) else AbsHeap.I31 if address else AbsHeap.ANY
    if not match_heap(known, heap):
        raise _wrong(value, valtype, "a StructRef, ArrayRef or I31 of that type", where)
    return address


_NUMBERS: Final[dict[NumType, Callable[[object, NumType, str], Plain]]] = {
    NumType.I32: _integer,
    NumType.I64: _integer,
    NumType.F32: _float,
    NumType.F64: _float,
    NumType.V128: _vector,
}
_REFERENCES: Final[dict[AbsHeap, Callable[[object, RefType, str, StoreInst], int]]] = {
    AbsHeap.FUNC: _function,
    AbsHeap.EXTERN: _extern,
    AbsHeap.EXN: _exception,
    AbsHeap.ANY: _gc,
}


def to_wasm(value: object, valtype: ValType, where: str, store: StoreInst) -> Plain:
    """Return the plain value (see `cells`) of a Python object.

    where: what the value is for, such as "add() argument 1"; begins the message.
    Errors: TypeError for another type, OverflowError for an int that does not fit, ValueError for the wrong store.
    """
    if isinstance(valtype, NumType):
        return _NUMBERS[valtype](value, valtype, where)
    if value is not None:
        return _REFERENCES[top(valtype.heap)](value, valtype, where, store)
    if not valtype.nullable:
        raise TypeError(f"{where} must be {valtype}, which can't be None")
    return 0


def to_python(value: Plain, valtype: ValType, store: StoreInst) -> object:
    """Return the Python object of a plain value."""
    if isinstance(valtype, NumType):
        return value
    address = cast(int, value)
    return _OBJECTS[top(valtype.heap)](address, store) if address else None


_OBJECTS: Final[dict[AbsHeap, Callable[[int, StoreInst], object]]] = {
    AbsHeap.FUNC: lambda address, store: func_at(address),
    AbsHeap.EXTERN: object_at,
    AbsHeap.EXN: lambda address, store: exnref_at(address),
    AbsHeap.ANY: object_at,
}


def default(valtype: ValType) -> object:
    """Return the default value of a type as Python has it.  Errors: TypeError where it has none."""
    match valtype:
        case NumType.I32 | NumType.I64:
            return 0
        case NumType.F32 | NumType.F64:
            return 0.0
        case NumType.V128:
            return bytes(_V128_SIZE)
        case RefType(True, _):
            return None
    raise TypeError(f"{valtype} has no default value")


def valtype_of(word: ValType | str) -> ValType:
    """Return a value type by its keyword, such as "i32" or "externref".  Errors: ValueError."""
    if not isinstance(word, str):
        return word
    if word not in VALTYPE_KEYWORDS:
        raise ValueError(f"unknown type {word!r}; known are {', '.join(VALTYPE_KEYWORDS)}")
    return VALTYPE_KEYWORDS[word]
