"""Custom sections in text: `(@custom ...)`, and branch hints, which make one.

Source: core 3.0, A.4 (custom sections), branch-hinting proposal.
"""

from __future__ import annotations

from typing import Final

from bembix.binary.leb import u32, vector
from bembix.binary.sections import ORDER, Section
from bembix.spec.module import Custom, ModuleDef
from bembix.text.cursor import Cursor
from bembix.text.patterns import WHOLE_STRING
from bembix.text.scope import Context

#: The keywords of the places that a custom section can be put before or after.
PLACES: Final = {
    "type": Section.TYPE,
    "import": Section.IMPORT,
    "func": Section.FUNCTION,
    "table": Section.TABLE,
    "memory": Section.MEMORY,
    "tag": Section.TAG,
    "global": Section.GLOBAL,
    "export": Section.EXPORT,
    "start": Section.START,
    "elem": Section.ELEMENT,
    "datacount": Section.DATA_COUNT,
    "code": Section.CODE,
    "data": Section.DATA,
}
_HINTS: Final = "metadata.code.branch_hint"


def custom(c: Context) -> None:
    """Read the annotation that comes next as a custom section."""
    inner = c.annotation()
    if WHOLE_STRING.fullmatch(inner.words[inner.at]) is None:
        raise inner.error("missing section name")
    name = inner.name()
    after = _place(inner) if inner.takes("(") else ORDER[-1]
    content = inner.strings()
    inner.close()
    c.module.customs.append(Custom(name, content, after))
    c.at += 1


def _place(c: Cursor) -> Section:
    """Read `before x)` or `after x)` and return the section that the custom one follows."""
    side = c.words[c.at]
    if side not in ("before", "after"):
        raise c.error("malformed placement")
    c.at += 1
    word = c.words[c.at]
    c.at += 1
    if (side, word) == ("before", "first"):
        after = Section.CUSTOM
    elif (side, word) == ("after", "last"):
        after = ORDER[-1]
    elif word not in PLACES:
        raise c.error("malformed section kind", c.at - 1)
    else:
        position = ORDER.index(PLACES[word]) + (side == "after")
        after = ORDER[position - 1] if position else Section.CUSTOM
    c.close()
    return after


def write_hints(c: Context) -> None:
    """Make the custom section of the branch hints that were read."""
    if not c.all_hints:
        return
    functions = []
    for index, hints in sorted(c.all_hints.items()):
        written = [u32(offset) + u32(len(hint)) + hint for offset, hint in hints]
        functions.append(u32(index) + vector(written))
    c.module.customs.append(Custom(_HINTS, vector(functions), ORDER[ORDER.index(Section.CODE) - 1]))


def settle(module: ModuleDef) -> None:
    """Let custom sections follow sections that are there, so that no empty one need be written to hold a place."""
    present = {
        Section.TYPE: module.types,
        Section.IMPORT: module.imports,
        Section.FUNCTION: module.functions,
        Section.TABLE: module.tables,
        Section.MEMORY: module.memories,
        Section.TAG: module.tags,
        Section.GLOBAL: module.globals,
        Section.EXPORT: module.exports,
        Section.START: module.start is not None,
        Section.ELEMENT: module.elems,
        Section.DATA_COUNT: module.data_count is not None,
        Section.CODE: module.code,
        Section.DATA: module.datas,
    }
    module.customs.sort(key=lambda custom: ORDER.index(Section(custom.after)) if custom.after else -1)
    for i, custom_ in enumerate(module.customs):
        before = ORDER[: ORDER.index(Section(custom_.after)) + 1] if custom_.after else ()
        after = next((section for section in reversed(before) if present[section]), Section.CUSTOM)
        module.customs[i] = Custom(custom_.name, custom_.content, after)
