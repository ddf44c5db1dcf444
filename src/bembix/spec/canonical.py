"""One registry of all types of all modules, so that equal types have equal numbers, and subtyping on those numbers.

Types compare by structure across modules, a recursion group as a whole.  A canonical id is a number from 1; in a type
that was canonicalised, a concrete heap type is such an id instead of an index.  Source: core 3.0, 3.1.2, 3.3, 2.3.9.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final

from bembix.records import replace
from bembix.spec.types import (
    AbsHeap,
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    HeapType,
    NumType,
    Packed,
    RecType,
    RefType,
    StorageType,
    StructType,
    SubType,
    ValType,
    ref,
)

_lock: Final = threading.Lock()
_groups: Final[dict[tuple[SubType, ...], int]] = {}
_types: Final[list[SubType]] = [SubType(FuncType())]  # id 0 is no type
_supers: Final[list[tuple[int, ...]]] = [()]  # of each id, all ids above it


def map_heap(valtype: ValType, rename: Callable[[int], int]) -> ValType:
    """Replace the concrete heap type in a value type."""
    if isinstance(valtype, RefType) and isinstance(valtype.heap, int):
        return ref(valtype.nullable, rename(valtype.heap))
    return valtype


def _map_storage(storage: StorageType, rename: Callable[[int], int]) -> StorageType:
    return storage if isinstance(storage, Packed) else map_heap(storage, rename)


def _map_field(field: FieldType, rename: Callable[[int], int]) -> FieldType:
    return FieldType(_map_storage(field.storage, rename), field.mutable)


def map_composite(composite: CompType, rename: Callable[[int], int]) -> CompType:
    """Replace all concrete heap types in a composite type."""
    match composite:
        case FuncType(params, results):
            return FuncType(
                tuple([map_heap(t, rename) for t in params]),
                tuple([map_heap(t, rename) for t in results]),
            )
        case StructType(fields):
            return StructType(tuple([_map_field(f, rename) for f in fields]))
        case ArrayType(element):
            return ArrayType(_map_field(element, rename))


def _map_subtype(subtype: SubType, rename: Callable[[int], int]) -> SubType:
    return SubType(map_composite(subtype.composite, rename), tuple(map(rename, subtype.supers)), subtype.final)


def _register(types: tuple[SubType, ...]) -> int:
    """Return the first id of a group whose inner references are negative: -1 for its first type."""
    with _lock:
        first = _groups.get(types)
        if first is None:
            first = len(_types)
            start = first
            for subtype in types:
                known = _map_subtype(subtype, lambda heap: heap if heap > 0 else start - heap - 1)
                _types.append(known)
                _supers.append(
                    tuple(known.supers) + tuple(s for up in known.supers if up < len(_supers) for s in _supers[up])
                )
            _groups[types] = first
        return first


def canonical_ids(groups: Sequence[RecType]) -> list[int]:
    """Return the canonical id of each type index.  A reference to a later group is an IndexError: validate it first."""
    ids: list[int] = []
    for group in groups:
        start = len(ids)

        def rename(index: int, start: int = start) -> int:
            return ids[index] if index < start else start - index - 1

        first = _register(tuple([_map_subtype(t, rename) for t in group.types]))
        ids.extend(range(first, first + len(group.types)))
    return ids


def canonical_type(number: int) -> SubType:
    """Return the type behind a canonical id."""
    return _types[number]


def functype_id(functype: FuncType) -> int:
    """Return the canonical id of a function type that stands alone; its concrete heap types are canonical ids."""
    return _register((SubType(functype),))


def canonical_valtype(valtype: ValType, ids: Sequence[int]) -> ValType:
    """Replace the type index in a value type by its canonical id."""
    return map_heap(valtype, ids.__getitem__)


def canonical_functype(functype: FuncType, ids: Sequence[int]) -> FuncType:
    """Replace the type indices in a function type by canonical ids."""
    found = map_composite(functype, ids.__getitem__)
    return replace(functype) if not isinstance(found, FuncType) else found


def display(number: int) -> tuple[int, ...]:
    """Return a type and all those above it, from the top."""
    chain = [number]
    while _types[chain[-1]].supers:
        chain.append(_types[chain[-1]].supers[0])
    return tuple(reversed(chain))


def is_subtype(sub: int, above: int) -> bool:
    """Tell whether one defined type is the other or declared to be below it."""
    return sub == above or above in _supers[sub]


#: What lies directly above each abstract heap type.
_ABOVE: Final = {
    AbsHeap.EQ: AbsHeap.ANY,
    AbsHeap.I31: AbsHeap.EQ,
    AbsHeap.STRUCT: AbsHeap.EQ,
    AbsHeap.ARRAY: AbsHeap.EQ,
}
#: The bottom of each hierarchy, by its top.
_BOTTOM: Final = {
    AbsHeap.ANY: AbsHeap.NONE,
    AbsHeap.FUNC: AbsHeap.NOFUNC,
    AbsHeap.EXTERN: AbsHeap.NOEXTERN,
    AbsHeap.EXN: AbsHeap.NOEXN,
}
_TOP_OF_BOTTOM: Final = {bottom: top for top, bottom in _BOTTOM.items()}


def abstract_of(number: int) -> AbsHeap:
    """Return the abstract heap type directly above a defined type."""
    match _types[number].composite:
        case FuncType():
            return AbsHeap.FUNC
        case StructType():
            return AbsHeap.STRUCT
        case ArrayType():
            return AbsHeap.ARRAY


def top(heap: HeapType) -> AbsHeap:
    """Return the top of the hierarchy that a heap type belongs to."""
    if isinstance(heap, int):
        heap = abstract_of(heap)
    if heap in _TOP_OF_BOTTOM:
        return _TOP_OF_BOTTOM[heap]
    while heap in _ABOVE:
        heap = _ABOVE[heap]
    return heap


def match_heap(sub: HeapType, above: HeapType) -> bool:
    """Tell whether a canonicalised heap type matches another."""
    if sub == above:
        return True
    if isinstance(above, int):
        if isinstance(sub, int):
            return is_subtype(sub, above)
        return sub is _BOTTOM[top(above)]
    if isinstance(sub, int):
        sub = abstract_of(sub)
    if sub in _TOP_OF_BOTTOM:
        return top(above) is _TOP_OF_BOTTOM[sub]
    while sub is not above:
        if sub not in _ABOVE:
            return False
        sub = _ABOVE[sub]
    return True


def match_val(sub: ValType, above: ValType) -> bool:
    """Tell whether a value of one canonicalised type may stand where the other is wanted."""
    if sub is above:
        return True
    if isinstance(sub, NumType) or isinstance(above, NumType):
        return False
    return (above.nullable or not sub.nullable) and match_heap(sub.heap, above.heap)


def _match_field(sub: FieldType, above: FieldType) -> bool:
    if sub.mutable != above.mutable:
        return False
    if sub.mutable:
        return sub.storage == above.storage
    if isinstance(sub.storage, Packed) or isinstance(above.storage, Packed):
        return sub.storage is above.storage
    return match_val(sub.storage, above.storage)


def match_composite(sub: CompType, above: CompType) -> bool:
    """Tell whether a canonicalised composite type may be declared below another."""
    match sub, above:
        case FuncType(), FuncType():
            return (
                len(sub.params) == len(above.params)
                and len(sub.results) == len(above.results)
                and all(map(match_val, above.params, sub.params))
                and all(map(match_val, sub.results, above.results))
            )
        case StructType(), StructType():
            return len(sub.fields) >= len(above.fields) and all(map(_match_field, sub.fields, above.fields))
        case ArrayType(), ArrayType():
            return _match_field(sub.element, above.element)
    return False
