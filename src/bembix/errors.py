"""Every exception that Bembix raises, as one tree.

A phase has its class: reading (`ParseError`), checking (`ValidationError`), compiling (`CompileError`), linking
(`LinkError`), running (`Trap`, `WasmException`, `Interrupted`, `Exit`).  Each limit of a store (`bembix.Limits`) has
its own class below `LimitExceeded`.  `InternalError` says that the fault is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

from bembix.records import dataclass, field

#: How many frames in a row are shown that are the same.
_REPEATED: Final = 3


class BembixError(Exception):
    """Base of all errors of this package."""


class ParseError(BembixError):
    """The module is malformed.

    message: what was found and what was expected.
    offset: byte offset in the binary, or None for text.
    line, column: place in the text, counted from 1, or None for a binary.
    source_line: the line of text that it happened in.
    """

    def __init__(
        self,
        message: str,
        *,
        offset: int | None = None,
        line: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
        filename: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.line = line
        self.column = column
        self.source_line = source_line
        self.filename = filename

    def __str__(self) -> str:
        if self.line is not None:
            where = f"{self.filename or '<text>'}:{self.line}:{self.column}: "
        elif self.offset is not None:
            where = f"{self.filename + ': ' if self.filename else ''}at byte {self.offset:#x}: "
        else:
            where = ""
        text = where + self.message
        if self.source_line is not None and self.column is not None:
            shown = self.source_line[:200]
            margin = "".join("\t" if c == "\t" else " " for c in shown[: self.column - 1])
            text += f"\n    {shown}\n    {margin}^"
        return text


class ValidationError(ParseError):
    """The module is well formed but not valid."""


class CompileError(BembixError):
    """A valid function cannot be compiled: it needs a feature that this engine does not have, or exceeds a limit."""


class LinkError(BembixError):
    """An import is missing or does not match.

    module, name: of the import.  wanted, given: the types, in words.
    """

    def __init__(self, message: str, *, module: str = "", name: str = "", wanted: str = "", given: str = "") -> None:
        super().__init__(message)
        self.module = module
        self.name = name
        self.wanted = wanted
        self.given = given


@dataclass(frozen=True, slots=True)
class Frame:
    """A function on the Wasm stack.

    module: name of the module, or "".  function: name, or None where the module gives none.
    index: function index.  offset: byte offset in the module, or None where it is not known.
    start: byte offset of the function's body in the module, or None where it is not known.
    exported: whether `function` is the name of an export, as the module names the function nowhere else.
    """

    module: str
    function: str | None
    index: int
    offset: int | None
    start: int | None = field(default=None, compare=False, repr=False)
    exported: bool = field(default=False, compare=False, repr=False)

    def __str__(self) -> str:
        name = self.function or f"function[{self.index}]"
        where = f" at {self.offset:#x}" if self.offset is not None else ""
        return f"{self.module + '!' if self.module else ''}{name}{where}"


def _lines(backtrace: Sequence[Frame]) -> list[str]:
    """Return a line a frame; recursion is cut short, as Python does it."""
    lines: list[str] = []
    for place, group in groupby(enumerate(backtrace), lambda numbered: str(numbered[1])):
        numbers = [number for number, _ in group]
        lines += [f"  {number:>3}: {place}" for number in numbers[:_REPEATED]]
        if len(numbers) > _REPEATED:
            lines.append(f"       [the same {len(numbers) - _REPEATED} more times]")
    return lines


class _RuntimeError(BembixError):
    """Something that happened while Wasm ran; `backtrace` is worked out when it is first read."""

    _notes: list[str] | None = None

    def __init__(self, message: str, frames: Callable[[], Sequence[Frame]] | Sequence[Frame] = ()) -> None:
        super().__init__(message)
        self.message = message
        self._frames = frames

    @property
    def backtrace(self) -> Sequence[Frame]:
        """The Wasm frames, innermost first."""
        if callable(self._frames):
            self._frames = tuple(self._frames())
        return self._frames

    def describe(self) -> str:
        """Return the message and the backtrace, a frame a line."""
        return "\n".join([self.message, *_lines(self.backtrace)])

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]  # nobody but `add_note` writes it, and that appends
        """The backtrace, for whoever prints the exception with its traceback, and what `add_note` adds."""
        if self._notes is None:
            lines = _lines(self.backtrace)
            self._notes = ["\n".join(["WebAssembly, innermost call first:", *lines])] if lines else []
        return self._notes

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, tuple(self.backtrace))


class Trap(_RuntimeError):
    """The program did what the specification forbids at run time; `message` is the specification's."""


class LimitExceeded(BembixError):
    """A limit was reached; there is a class for each limit."""


class StackExhausted(Trap, LimitExceeded):
    """Calls nest deeper than the stack allows."""


class HeapExhausted(Trap, LimitExceeded):
    """The garbage-collected heap is full, and nothing in it is garbage."""


class OutOfFuel(Trap, LimitExceeded):
    """The fuel is used up; `bembix.runtime.limits` says what costs how much."""


class WasmException(_RuntimeError):
    """An exception thrown by Wasm that nothing caught.

    tag: the `Tag` that it was thrown with; None in a copy that was pickled, since it belongs to a store.
    payload: its values.
    """

    def __init__(
        self,
        tag: object,
        payload: tuple[object, ...],
        frames: Callable[[], Sequence[Frame]] | Sequence[Frame] = (),
    ) -> None:
        super().__init__(f"uncaught exception with tag {tag!r} and payload {payload!r}", frames)
        self.tag = tag
        self.payload = payload

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (type(self), self.message, self.payload, tuple(self.backtrace))


def _unpickle(
    kind: type[WasmException], message: str, payload: tuple[object, ...], frames: Sequence[Frame]
) -> WasmException:
    made = kind(None, payload, frames)
    made.message = message
    made.args = (message,)
    return made


class Timeout(_RuntimeError, LimitExceeded, TimeoutError):
    """Wasm was stopped because its time was up: see `bembix.deadline`."""


class CpuTimeout(Timeout):
    """Wasm was stopped because it had used the CPU for as long as it may."""


class Interrupted(_RuntimeError):
    """Wasm was stopped because `Instance.interrupt` or `Store.interrupt` asked for it."""


class Exit(BembixError):
    """A WASI program ended itself by `proc_exit`.  code: its exit code, 0 - 255."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class ResourceError(BembixError):
    """The host has no room: address space, memory or a limit of the store is used up."""


class MemoryExceeded(ResourceError, LimitExceeded):
    """The memories of a store would have more bytes than they may."""


class TableExceeded(ResourceError, LimitExceeded):
    """The tables of a store would have more elements than they may."""


class InstancesExceeded(ResourceError, LimitExceeded):
    """A store would have more instances than it may."""


class SnapshotError(BembixError):
    """The state of an instance can't be captured, or a snapshot can't be used."""


class InternalError(BembixError):
    """A fault of Bembix itself; please report it."""
