"""Validity of type definitions.  Source: core 3.0, 3.2."""

from __future__ import annotations

from bembix.errors import ValidationError
from bembix.spec.canonical import canonical_ids, canonical_type, match_composite
from bembix.spec.limits import MAX_PARAMS, MAX_RESULTS, MAX_STRUCT_FIELDS, MAX_SUBTYPING_DEPTH
from bembix.spec.module import ModuleDef
from bembix.spec.types import (
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    Packed,
    RefType,
    StructType,
    SubType,
    ValType,
)


def _valtypes(composite: CompType) -> list[ValType]:
    fields: tuple[FieldType, ...]
    match composite:
        case FuncType(params, results):
            return [*params, *results]
        case StructType(fields):
            pass
        case ArrayType(element):
            fields = (element,)
    return [f.storage for f in fields if not isinstance(f.storage, Packed)]


def _check_sizes(composite: CompType, index: int, offset: int) -> None:
    match composite:
        case FuncType(params, results):
            if len(params) > MAX_PARAMS or len(results) > MAX_RESULTS:
                raise ValidationError(
                    f"type {index} has {len(params)} parameters and {len(results)} results, "
                    f"the limits are {MAX_PARAMS} and {MAX_RESULTS}",
                    offset=offset,
                )
        case StructType(fields):
            if len(fields) > MAX_STRUCT_FIELDS:
                raise ValidationError(
                    f"type {index} has {len(fields)} fields, the limit is {MAX_STRUCT_FIELDS}", offset=offset
                )


def _check_scope(subtype: SubType, index: int, end: int, offset: int) -> None:
    """A type may refer to those of its own group and of earlier ones; what it is below comes before it."""
    for valtype in _valtypes(subtype.composite):
        if isinstance(valtype, RefType) and isinstance(valtype.heap, int) and valtype.heap >= end:
            raise ValidationError(f"unknown type {valtype.heap} (in type {index})", offset=offset)
    if len(subtype.supers) > 1:
        raise ValidationError(
            f"sub type {index} has {len(subtype.supers)} super types, at most one is allowed", offset=offset
        )
    for above in subtype.supers:
        if above >= index:
            raise ValidationError(f"unknown type {above}: type {index} is declared below it", offset=offset)


def check_types(module: ModuleDef) -> list[int]:
    """Check all type definitions and return their canonical ids."""
    offset = module.section_offsets.get(1, 0)
    index = 0
    for group in module.types:
        end = index + len(group.types)
        for number, subtype in enumerate(group.types, index):
            _check_sizes(subtype.composite, number, offset)
            _check_scope(subtype, number, end, offset)
        index = end
    ids = canonical_ids(module.types)
    _check_supers(module, ids, offset)
    return ids


def _check_supers(module: ModuleDef, ids: list[int], offset: int) -> None:
    depths = [0] * len(ids)
    for number, subtype in enumerate(module.subtypes()):
        for above in subtype.supers:
            depths[number] = depths[above] + 1
            if depths[number] > MAX_SUBTYPING_DEPTH:
                raise ValidationError(
                    f"sub type {number} is more than {MAX_SUBTYPING_DEPTH} levels deep", offset=offset
                )
            wanted = canonical_type(ids[above])
            if wanted.final:
                raise ValidationError(
                    f"sub type {number} does not match super type {above}, which is final", offset=offset
                )
            if not match_composite(canonical_type(ids[number]).composite, wanted.composite):
                raise ValidationError(f"sub type {number} does not match super type {above}", offset=offset)
