"""Fuel: what instructions cost, and where code charges for them.  The same on every engine, which only writes the code.

Each instruction that is executed costs 1.  Free are those that only stand for a place: `block`, `loop`, `else`, `end`,
`nop`, `try_table` and the legacy `try`, `catch`, `catch_all` and `delegate`.  Bulk instructions cost more by their
operand: one for every 8 bytes of memory, or for each element of a table or an array.  What a host function does is
free, and so are constant expressions and the set-up of an instance.

Code is charged for by stretches: a stretch ends with the next branch, call or throw, and where branches meet.  All of
it is charged when it is entered; where the fuel does not suffice, nothing of it is executed or charged.  So a host
function, and whoever made a call, finds exactly what was executed to have been charged.  A trap leaves the stretch
charged that it happened in.  For a bulk instruction the charge by its operand comes on its own, before it does
anything.

A sink has `charge` and `charge_operand`; a `Meter` puts them before its operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from bembix.spec.instructions import BY_NAME
from bembix.spec.types import I32, I64, NumType
from bembix.validate.context import ModuleContext
from bembix.validate.sink import Label

Setter = Callable[[int], None]


class MeteredSink(Protocol):
    """What a meter wants of a sink."""

    operations: dict[int, Callable[..., None]]
    context: ModuleContext

    def charge(self) -> Setter:
        """Write code that charges for what comes next; return what is told how much that is, once it is known."""

    def charge_operand(self, shift: int, valtype: NumType) -> None:
        """Write code that charges by the operand on top of the stack, an unsigned number, which stays; it is shifted
        right by so many bits."""


def _codes(*names: str) -> frozenset[int]:
    return frozenset(BY_NAME[name].code for name in names)


FREE: Final = _codes(
    "block", "loop", "else", "end", "nop", "try_table", "try", "catch", "catch_all", "delegate"
)  # fmt: skip
#: Instructions before which a stretch ends, wherever they stand; an `end` that is branched to is another.
JOINS: Final = _codes("loop", "else", "catch", "catch_all", "delegate")
#: Instructions that end a stretch.
LEAVES: Final = _codes(
    "unreachable", "if", "br", "br_if", "br_table", "return",
    "call", "call_indirect", "call_ref", "return_call", "return_call_indirect", "return_call_ref",
    "throw", "throw_ref", "rethrow", "br_on_null", "br_on_non_null", "br_on_cast", "br_on_cast_fail",
)  # fmt: skip


def _memory(context: ModuleContext, index: int, source: int | None = None) -> NumType:
    return _narrower(context.memories[index].address, context.memories[index if source is None else source].address)


def _table(context: ModuleContext, index: int, source: int | None = None) -> NumType:
    return _narrower(context.tables[index].address, context.tables[index if source is None else source].address)


def _narrower(one: NumType, other: NumType) -> NumType:
    return I64 if one is other is I64 else I32


def _i32(*_: object) -> NumType:
    return I32


#: Bulk instructions: the binary logarithm of how many units of the last operand cost 1, and the type of that operand,
#: from what the walker hands over.
BULK: Final[dict[int, tuple[int, Callable[..., NumType]]]] = {
    **dict.fromkeys(_codes("memory.copy", "memory.fill"), (3, _memory)),
    **dict.fromkeys(_codes("memory.init"), (3, _i32)),
    **dict.fromkeys(_codes("table.grow", "table.copy", "table.fill"), (0, _table)),
    **dict.fromkeys(_codes("table.init"), (0, _i32)),
    **dict.fromkeys(_codes("array.new", "array.new_default", "array.new_data", "array.new_elem"), (0, _i32)),
    **dict.fromkeys(_codes("array.fill", "array.copy", "array.init_data", "array.init_elem"), (0, _i32)),
}

_END: Final = BY_NAME["end"].code
#: Of blocks at whose end branches meet, whether or not somebody branches there.
_DIVIDED: Final = _codes("if", "try", "catch", "catch_all")


class Meter:
    """Counts stretches of one function at a time, for a sink whose operations it replaces.

    The sink calls `begin` before a function, and `close` at its end.
    """

    __slots__ = ("_count", "_set", "_sink")

    def __init__(self, sink: MeteredSink) -> None:
        self._sink = sink
        self._count = 0
        self._set: Setter | None = None
        sink.operations = {code: self._metered(code, inner) for code, inner in sink.operations.items()}

    def begin(self) -> None:
        """Start a function."""
        self._count, self._set = 0, None

    def close(self) -> None:
        """End the stretch at hand."""
        if self._set is not None:
            self._set(self._count)
            self._count, self._set = 0, None

    def _count_one(self) -> None:
        if self._set is None:
            self._set = self._sink.charge()
        self._count += 1

    def _metered(self, code: int, inner: Callable[..., None]) -> Callable[..., None]:
        """Return an operation with what the meter does before and after it."""
        if code == _END:
            return self._end(inner)
        if code in JOINS:
            return self._join(inner)
        if code in FREE:
            return inner
        if code in LEAVES:
            return self._leave(inner)
        if code in BULK:
            return self._bulk(inner, *BULK[code])

        def plain(*arguments: Any) -> None:
            self._count_one()
            inner(*arguments)

        return plain

    def _end(self, inner: Callable[..., None]) -> Callable[..., None]:
        def end(label: Label, reached: bool) -> None:
            if label.targeted or label.opcode in _DIVIDED:
                self.close()
            inner(label, reached)

        return end

    def _join(self, inner: Callable[..., None]) -> Callable[..., None]:
        def join(*arguments: Any) -> None:
            self.close()
            inner(*arguments)

        return join

    def _leave(self, inner: Callable[..., None]) -> Callable[..., None]:
        def leave(*arguments: Any) -> None:
            self._count_one()
            inner(*arguments)
            self.close()

        return leave

    def _bulk(self, inner: Callable[..., None], shift: int, valtype: Callable[..., NumType]) -> Callable[..., None]:
        def bulk(*arguments: Any) -> None:
            self._count_one()
            self._sink.charge_operand(shift, valtype(self._sink.context, *arguments))
            inner(*arguments)

        return bulk
