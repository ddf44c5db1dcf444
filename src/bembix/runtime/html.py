"""How modules, instances and memories look in a notebook: HTML without scripts, everything from a module escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from bembix.binary.outline import sections
from bembix.runtime.wording import counted

if TYPE_CHECKING:
    from bembix.runtime.info import ExportInfo, ImportInfo
    from bembix.runtime.instance import Instance
    from bembix.runtime.memory import Memory
    from bembix.runtime.module import Module

_ROWS: Final = 100  #: of a table, at most
_LINES: Final = 32  #: of a hex dump, at most
_SEARCHED: Final = 1 << 24  #: bytes of a memory that are looked at, at most
_SHOWN: Final = 200  #: characters of a name, at most


def module_html(module: Module) -> str:
    """Return tables of what a module imports and exports, and of its sections with their sizes."""
    binary = module.to_bytes()
    return "".join(
        [
            _title("Module", module.name, f"{len(binary):,} bytes"),
            _table("Imports", ("module", "name", "kind", "type"), map(_import, module.imports), len(module.imports)),
            _exports(module),
            _sizes(binary),
        ]
    )


def instance_html(instance: Instance) -> str:
    """Return a table of what an instance exports."""
    count = counted(len(instance.exports), "export")
    return _title("Instance", instance.module.name, count) + _exports(instance.module)


def exports_html(module: Module) -> str:
    """Return a table of what instances of a module export."""
    return _exports(module) or _title("Exports", "", "none")


def memory_html(memory: Memory) -> str:
    """Return a hex dump of the first lines of a memory that are not all zero."""
    lines: list[str] = []
    end = 0
    for at in _used_lines(memory):
        if at != end:
            lines.append("…")
        lines.append(memory.dump(at, min(16, len(memory) - at)))
        end = at + 16
    if end < len(memory):
        lines.append("…" if len(lines) else "nothing but zeros")
    dump = escape("\n".join(lines))
    return f"{_title('Memory', '', repr(memory).partition(' of ')[2][:-1])}<pre>{dump}</pre>"


def _used_lines(memory: Memory) -> Iterable[int]:
    """Yield the addresses of lines of 16 bytes with anything but zeros."""
    at, part = 0, memory[: min(len(memory), _SEARCHED)]
    for _ in range(_LINES):
        found = re.compile(rb"[^\0]").search(part, at)
        if found is None:
            return
        line = found.start() // 16 * 16
        yield line
        at = line + 16


def _exports(module: Module) -> str:
    return _table("Exports", ("name", "kind", "type"), map(_export, module.exports), len(module.exports))


def _import(info: ImportInfo) -> Sequence[str]:
    return info.module, info.name, info.kind, _type(info)


def _export(info: ExportInfo) -> Sequence[str]:
    return info.name, info.kind, _type(info)


def _type(info: ImportInfo | ExportInfo) -> str:
    return str(info.type).removeprefix(info.kind).strip()


def _sizes(binary: bytes) -> str:
    found = [(name, f"{size:,}") for name, _, size in sections(binary)]
    return _table("Sections", ("section", "bytes"), found, len(found))


def _title(what: str, name: str, words: str) -> str:
    return f"<p><b>{what}</b> {_cut(f'{name} ({words})'.strip())}</p>"


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], count: int) -> str:
    """Return a table; a long one without its end, which `count` tells of.  Nothing where there are no rows."""
    if not count:
        return ""
    shown = [row for _, row in zip(range(_ROWS), rows, strict=False)]
    lines = [_row("th", heads), *(_row("td", row) for row in shown)]
    if count > len(shown):
        lines.append(_row("td", (f"… {count - len(shown)} more",)))
    return f"<table><caption>{title}</caption>{''.join(lines)}</table>"


def _row(tag: str, cells: Sequence[str]) -> str:
    inner = "".join(f'<{tag} style="text-align: left">{_cut(cell)}</{tag}>' for cell in cells)
    return f"<tr>{inner}</tr>"


def _cut(text: str) -> str:
    return escape(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
