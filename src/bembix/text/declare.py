"""The first pass over a module: which definitions there are, so that identifiers mean something wherever they stand.

Source: core 3.0, 6.6.1 (indices), 6.6.13 (modules).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bembix.records import dataclass, field
from bembix.text.customs import custom
from bembix.text.scope import Context, Space


@dataclass(slots=True)
class Declared:
    """What the first pass found: the places after the keywords of types, and of all other fields but custom sections.

    fields: place after the keyword and the identifier, place of the closing parenthesis, keyword, index.
    """

    types: list[int] = field(default_factory=list)
    fields: list[tuple[int, int, str, int]] = field(default_factory=list)
    #: The kind of the first definition, after which nothing may be imported.
    defined: str | None = None


#: The space that each kind of definition is in.
_SPACES: Final[dict[str, Callable[[Context], Space]]] = {
    "func": lambda c: c.functions,
    "table": lambda c: c.tables,
    "memory": lambda c: c.memories,
    "global": lambda c: c.globals,
    "tag": lambda c: c.tags,
    "elem": lambda c: c.elems,
    "data": lambda c: c.datas,
}
_IMPORTED: Final = ("func", "table", "memory", "global", "tag")
_UNINDEXED: Final = ("export", "start")
#: Everything that a field may be.
FIELDS: Final = frozenset(("type", "rec", "import", *_SPACES, *_UNINDEXED))
#: Definitions that may have a segment inside, which takes an index too.
_SEGMENTS: Final = {"table": "elem", "memory": "data"}


def declare(c: Context) -> Declared:
    """Read all fields as far as needed to give every definition its index; stop at what is no field."""
    found = Declared()
    while c.words[c.at] == "(" or c.words[c.at].startswith("(@custom"):
        if c.words[c.at] != "(":
            custom(c)
            continue
        end = c.source.closing(c.at)
        keyword = c.words[c.at + 1]
        if keyword not in FIELDS:
            c.at += 1
            raise c.unexpected("a field of a module")
        c.at += 2
        _declare(c, found, keyword, end)
        c.at = end + 1
    return found


def _declare(c: Context, found: Declared, keyword: str, end: int) -> None:
    """Declare what one field defines.  end: index of its closing parenthesis."""
    if keyword in ("type", "rec"):
        found.types.append(c.at)
        _declare_types(c, keyword)
    elif keyword == "import":
        _declare_import(c, found, end)
    elif keyword in _UNINDEXED:
        found.fields.append((c.at, end, keyword, 0))
    else:
        space = _SPACES[keyword](c)
        index = c.bind(space)
        found.fields.append((c.at, end, keyword, index))
        if keyword in _IMPORTED:
            _check_order(c, found, space.kind)
        segment = _SEGMENTS.get(keyword)
        if segment is not None and segment in c.words[c.at : end]:
            _SPACES[segment](c).count += 1


def _declare_types(c: Context, keyword: str) -> None:
    if keyword == "type":
        c.bind(c.types)
        return
    while c.sees("type"):
        start = c.at
        c.at += 2
        c.bind(c.types)
        c.at = start
        c.skip()


def _declare_import(c: Context, found: Declared, end: int) -> None:
    _refuse_late(c, found)
    start = c.at
    c.name()
    c.name()
    c.expect("(")
    keyword = c.words[c.at]
    if keyword not in _IMPORTED:
        raise c.unexpected("func, table, memory, global or tag")
    c.at += 1
    index = c.bind(_SPACES[keyword](c))
    found.fields.append((start, end, "import", index))


def _check_order(c: Context, found: Declared, kind: str) -> None:
    """Note a definition; if it is an import, check that it comes before all others."""
    while c.sees("export"):
        c.skip()
    if c.sees("import"):
        _refuse_late(c, found)
    elif found.defined is None:
        found.defined = kind


def _refuse_late(c: Context, found: Declared) -> None:
    if found.defined is not None:
        raise c.error(f"import after {found.defined}")
