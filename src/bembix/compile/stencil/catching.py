"""Blocks that catch, for the writers of every machine: what is kept with their labels, and which one stops a throw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from bembix.binary.immediates import Catch
from bembix.errors import CompileError
from bembix.spec.instructions import BY_NAME
from bembix.validate.sink import Label
from bembix.validate.walker import Walker

_CATCHING: Final = (BY_NAME["try_table"].code, BY_NAME["try"].code)


class Sink(Protocol):
    """What is asked of a sink.  landings: jumps of exceptions that nothing in the function stops."""

    walker: Walker
    function: int
    checked: bool
    landings: list[int]


class Catching(list[int]):
    """What is kept with a label that catches: jumps to its end, and

    landings: jumps of exceptions.  catches, targets: clauses.  clauses: where those of a legacy `try` begin, and tags.
    caught: cell that keeps what a legacy clause caught.
    """

    def __init__(self, catches: Sequence[Catch] = (), targets: Sequence[Label] = ()) -> None:
        super().__init__()
        self.landings: list[int] = []
        self.catches = catches
        self.targets = targets
        self.clauses: list[tuple[int, int | None]] = []
        self.caught = 0


def need_checks(sink: Sink) -> None:
    """Errors: CompileError where the module's code does not look for exceptions."""
    if not sink.checked:
        raise CompileError(
            f"a module that has no tag handles exceptions in a function that compiles late (function {sink.function}): "
            "validate the whole module before running it"
        )


def landing(sink: Sink, passed: int = 0) -> list[int]:
    """Return where to note a jump of a pending exception.  passed: how many labels it does not stop at."""
    labels = sink.walker.labels
    for label in reversed(labels[: len(labels) - passed]):
        if label.opcode in _CATCHING and label.live:
            found: list[int] = label.data.landings
            return found
    return sink.landings
