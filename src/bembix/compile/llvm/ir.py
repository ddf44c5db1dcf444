"""LLVM IR text with names for the numbers in it, so that the layout is declared in one place only.

$Thread.TOP                               the number that `Thread.TOP` is
$CC                                       the calling convention of compiled functions
%top = get ptr %thread Thread.TOP         load a field
put i64 %reason, %thread Thread.REASON    store a field
@name = text "words"                      a zero-terminated string
spill                                     put what the caller may have in registers onto the stack
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bembix.compile import heap, layout
from bembix.compile.llvm.machines import MACHINES
from bembix.compile.traps import Reason
from bembix.native import platform
from bembix.native.functype import FuncObject
from bembix.native.memtype import MemoryObject, PyBuffer
from bembix.native.platform import Platform
from bembix.native.state import State

_NAMESPACES: Final = (
    layout.Activation,
    layout.Block,
    layout.Context,
    layout.Exception_,
    layout.FuncRecord,
    layout.HostContext,
    layout.Registers,
    layout.Segment,
    layout.Shape,
    layout.Slot,
    layout.Store,
    layout.Thread,
    heap.Box,
    heap.Heap,
    heap.Kind,
    heap.Object,
    heap.Region,
    heap.Size,
    heap.SizeClass,
    heap.Span,
    heap.Trace,
    heap.TypeInfo,
    FuncObject,
    MemoryObject,
    PyBuffer,
    Reason,
    State,
)
_CLASSES: Final = {cls.__name__: cls for cls in _NAMESPACES}
_GET: Final = re.compile(r"^( *)(%[\w.]+) = get (\S+) ([%@][\w.]+) ([\w.]+)$", re.MULTILINE)
_PUT: Final = re.compile(r"^( *)put (\S+) (\S+), ([%@][\w.]+) ([\w.]+)$", re.MULTILINE)
_TEXT: Final = re.compile(r'^(@\w+) = text "([^"\\]*)"$', re.MULTILINE)
_SPILL: Final = re.compile(r"^  spill$", re.MULTILINE)
_NUMBER: Final = re.compile(r"\$(\w+\.\w+)")


_platform: Platform | None = None
_head: int = object.__basicsize__


@contextmanager
def targeting(target: Platform, head: int) -> Iterator[None]:
    """Write IR for another machine, or another kind of Python, than this.  head: bytes of the head of its objects."""
    global _platform, _head
    before = _platform, _head
    _platform, _head = target, head
    try:
        yield
    finally:
        _platform, _head = before


def machine() -> str:
    """Return the name of the machine that the IR is for."""
    return (_platform or platform.require()).machine


def number(name: str) -> int:
    """Return the number that a name like `Thread.TOP` or `Platform.sigsegv` stands for.  Errors: KeyError."""
    scope, _, attribute = name.partition(".")
    if scope == "Platform":
        return int(getattr(_platform or platform.require(), attribute))
    value = int(getattr(_CLASSES[scope], attribute))
    return value - object.__basicsize__ + _head if _CLASSES[scope] in (FuncObject, MemoryObject) else value


def expand(text: str) -> str:
    """Return plain IR."""
    fresh = itertools.count()

    def put(found: re.Match[str]) -> str:
        indent, type_, value, base, field = found.groups()
        place = f"%at.{next(fresh)}"
        pointer = f"{indent}{place} = getelementptr i8, ptr {base}, i64 ${field}\n"
        return f"{pointer}{indent}store {type_} {value}, ptr {place}"

    text = _TEXT.sub(lambda f: f'{f[1]} = internal constant [{len(f[2]) + 1} x i8] c"{f[2]}\\00"', text)
    clobbers = ",".join(f"~{{{name}}}" for name in MACHINES[machine()].kept)
    text = _SPILL.sub(f'  call void asm sideeffect "", "{clobbers}"()', text)
    text = text.replace("= python(", "= call ptr (ptr, ptr, ...) @PyObject_CallFunction(")
    text = _GET.sub(r"\1\2.at = getelementptr i8, ptr \4, i64 $\5\n\1\2 = load \3, ptr \2.at", text)
    text = _PUT.sub(put, text)
    return _NUMBER.sub(lambda found: str(number(found[1])), text).replace("$CC", layout.CALLING_CONVENTION)
