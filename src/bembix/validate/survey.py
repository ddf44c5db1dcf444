"""A sink that only looks: which functions a body calls directly, and whether it may take long by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bembix.spec.instructions import BY_NAME
from bembix.spec.types import FuncType
from bembix.validate.sink import Body, Label, ignore

#: What may take long, or do anything: calls of who knows what, work on whole ranges, and waiting.
_LASTING: Final = (
    "call_indirect", "call_ref", "return_call_indirect", "return_call_ref",
    "memory.grow", "memory.copy", "memory.fill", "memory.init",
    "table.grow", "table.copy", "table.fill", "table.init",
    "memory.atomic.wait32", "memory.atomic.wait64", "memory.atomic.notify",
    "array.new", "array.new_default", "array.new_data", "array.new_elem",
    "array.fill", "array.copy", "array.init_data", "array.init_elem",
)  # fmt: skip


class SurveySink:
    """Looks at one function at a time.

    callees: in order of their calls, with how often each is called.  lasting: whether it has a loop or one of
    `_LASTING`.
    """

    has_loop: bool
    lasting: bool

    def __init__(self) -> None:
        self.callees: dict[int, int] = {}
        self.has_loop = self.lasting = False
        seen: dict[int, Callable[..., None]] = {row.code: ignore for row in BY_NAME.values()}
        seen[BY_NAME["loop"].code] = self._loop
        seen[BY_NAME["call"].code] = self._call
        seen[BY_NAME["return_call"].code] = self._call
        for name in _LASTING:
            seen[BY_NAME[name].code] = self._lasting
        self.operations = seen

    def _loop(self, label: Label) -> None:
        self.has_loop = self.lasting = True

    def _call(self, index: int, functype: FuncType) -> None:
        self.callees[index] = self.callees.get(index, 0) + 1

    def _lasting(self, *_: object) -> None:
        self.lasting = True

    def begin(self, body: Body, label: Label) -> None:
        """Start a function."""
        self.callees = {}
        self.has_loop = self.lasting = False

    def finish(self, live: bool) -> None:
        """Nothing to do."""
