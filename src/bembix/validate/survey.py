"""A sink that only looks: which functions a body calls directly, and whether it loops."""

from __future__ import annotations

from collections.abc import Callable

from bembix.spec.instructions import BY_NAME
from bembix.spec.types import FuncType
from bembix.validate.sink import Body, Label, ignore


class SurveySink:
    """Collects `callees`, in order of their calls, and `has_loop` of one function at a time."""

    def __init__(self) -> None:
        self.callees: dict[int, None] = {}
        self.has_loop = False
        seen: dict[int, Callable[..., None]] = {row.code: ignore for row in BY_NAME.values()}
        seen[BY_NAME["loop"].code] = self._loop
        seen[BY_NAME["call"].code] = self._call
        seen[BY_NAME["return_call"].code] = self._call
        self.operations = seen

    def _loop(self, label: Label) -> None:
        self.has_loop = True

    def _call(self, index: int, functype: FuncType) -> None:
        self.callees[index] = None

    def begin(self, body: Body, label: Label) -> None:
        """Start a function."""
        self.callees = {}
        self.has_loop = False

    def finish(self, live: bool) -> None:
        """Nothing to do."""
