"""Type definitions, and uses of function types that define them where there is none yet.

Source: core 3.0, 6.4.6 (type uses), 6.6.3 (types).
"""

from __future__ import annotations

from bembix.spec.module import functype as functype_at
from bembix.spec.types import FuncType, RecType, SubType
from bembix.text.scope import Context, Space
from bembix.text.types import functype, subtype


def define_types(c: Context, places: list[int]) -> None:
    """Read all type definitions.  places: of the words after `type` or `rec`; identifiers are bound already."""
    for place in places:
        c.at = place
        if c.words[place - 1] == "rec":
            group: list[SubType] = []
            while c.opens("type"):
                group.append(_definition(c, len(group)))
            found = RecType(tuple(group), explicit=True)
        else:
            found = RecType((_definition(c, 0),))
            c.at -= 1
        c.close()
        _add(c, found)


def _definition(c: Context, before: int) -> SubType:
    """Read a type definition after its keyword.  before: how many of its group come before it."""
    c.identifier()
    c.name_annotation()
    found = subtype(c, len(c.subtypes) + before)
    c.close()
    return found


def _add(c: Context, group: RecType) -> None:
    if len(group.types) == 1:
        only = group.types[0]
        if isinstance(only.composite, FuncType) and only.final and not only.supers:
            c.functypes.setdefault(only.composite, len(c.subtypes))
    c.module.types.append(group)
    c.subtypes += group.types


def implicit(c: Context, wanted: FuncType) -> int:
    """Return the first type index of a function type; define it after all others where there is none."""
    found = c.functypes.get(wanted)
    if found is None:
        found = len(c.subtypes)
        _add(c, RecType((SubType(wanted),)))
    return found


def explicit(c: Context) -> int | None:
    """Read `(type x)` where it comes next."""
    if not c.opens("type"):
        return None
    found = c.index(c.types)
    c.close()
    return found


def typeuse(c: Context, scope: Space | None) -> int:
    """Read a type index, a function type or both, and return the type index.

    scope: takes the identifiers of parameters, and counts them; None where they may have none.
    Errors: ParseError where both are given and differ.
    """
    at = c.at
    index = explicit(c)
    given = functype(c, scope)
    if index is None:
        return implicit(c, given)
    declared = functype_at(c.subtypes, index)
    if given == FuncType():
        if scope is not None and declared is not None:
            scope.count = len(declared.params)
        return index
    if declared is None:
        raise c.error(f"unknown type {index}: not a function type", at)
    if given != declared:
        raise c.error(f"inline function type {given} is not type {index}, {declared}", at)
    return index
