"""What the walker hands validated instructions to.

A sink has, for each instruction code, a function of that instruction's arguments; those are named at each rule.
Regular instructions (those whose row has a stack type) hand over their immediates; so does every other one unless its
rule says otherwise.  Only reachable code is handed over, so a sink's own operand stack is always as high as the
walker's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from bembix.records import dataclass, field
from bembix.spec.types import FuncType, ValType

#: Functions of a sink by instruction code.  They take what the rule says; nothing comes back.
Operations = Mapping[int, Callable[..., None]]


@dataclass(slots=True, eq=False)
class Label:
    """A block that is open.

    opcode: of the instruction that opened it (block, loop, if, try_table, ...; 0 for the function itself).
    params, results: its type.  height: of the operand stack below it.  targeted: whether reachable code branches to it.
    live: whether it was opened in reachable code; polymorphic: whether the rest of it cannot be reached.
    number: counts the blocks of the function, from 0; at: byte offset.  data: what the sink keeps with it.
    """

    opcode: int
    params: tuple[ValType, ...]
    results: tuple[ValType, ...]
    targets: tuple[ValType, ...]
    height: int
    initialised: int
    live: bool
    number: int
    at: int
    targeted: bool = False
    polymorphic: bool = False
    has_else: bool = False
    data: Any = None


@dataclass(frozen=True, slots=True)
class Body:
    """The function that is about to be walked.

    index: function index.  local_types: all locals, parameters first.  at: byte offset of its first instruction.
    """

    index: int
    type: FuncType
    local_types: list[ValType]
    at: int


class Sink(Protocol):
    """What the walker wants of a sink."""

    @property
    def operations(self) -> Operations:
        """What to call for each instruction that can be reached."""

    def begin(self, body: Body, label: Label) -> None:
        """Start a function; `label` is its outermost block."""

    def finish(self, live: bool) -> None:
        """End it; `live` tells whether its end is reached from above, with the results on the stack."""


class _Nothing(dict[int, Callable[..., None]]):
    """Operations that do nothing."""

    def __missing__(self, code: int) -> Callable[..., None]:
        return ignore


def ignore(*_: object) -> None:
    """Do nothing with an instruction."""


NOTHING: Final[Operations] = _Nothing()


@dataclass(slots=True)
class EmptySink:
    """The sink of plain validation."""

    operations: Operations = field(default_factory=lambda: NOTHING)

    def begin(self, body: Body, label: Label) -> None:
        """Do nothing."""

    def finish(self, live: bool) -> None:
        """Do nothing."""
