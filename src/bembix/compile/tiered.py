"""Both code generators for one module: every function starts as stencils, and LLVM makes better code of what runs much.

Nothing of LLVM is imported before that, and all goes on without it where llvmlite is not there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from bembix.compile import plan
from bembix.compile.layout import ContextLayout
from bembix.compile.stencil.tier import StencilModule
from bembix.errors import CompileError, Frame
from bembix.spec.module import ModuleDef
from bembix.validate.context import ModuleContext

if TYPE_CHECKING:
    from bembix.compile.llvm.tier import LlvmModule


class TieredModule:
    """A module under the engine "auto"; see `compile/tier.py`."""

    def __init__(
        self, definition: ModuleDef, context: ModuleContext, *, exact_traps: bool, metered: bool = False
    ) -> None:
        from bembix.compile.llvm.emit import available

        self._definition = definition
        self._context = context
        self._exact_traps = exact_traps
        self._metered = metered
        self._improves = available()
        self._is_small = plan.validate_eagerly(definition)
        self._first = StencilModule(definition, context, count=self._improves, metered=metered)
        self._second: LlvmModule | None = None
        self._callbacks: list[Callable[[int, int, bool], None]] = []
        self._lock = threading.RLock()
        self.layout: ContextLayout = self._first.layout

    def code(self, index: int) -> int:
        """Return the address for callers that do not look for pending exceptions."""
        with self._lock:
            return (self._best(index) or self._first).code(index)

    def throwing_code(self, index: int) -> int:
        """Return the address for callers that look for pending exceptions."""
        with self._lock:
            return (self._best(index) or self._first).throwing_code(index)

    def _best(self, index: int) -> LlvmModule | None:
        """Return LLVM's code where it has some of a function that is called first now, or is to make some at once."""
        if self._second is not None and self.is_optimized(self._context.imported_functions + index):
            return self._second
        if self._first.has(index) or not (self._improves and self._is_small):
            return None
        if self._second is None and not self._is_for_llvm(self._context.imported_functions + index):
            return None
        second = self._llvm()
        return second if second.ready(index) else None

    def _is_for_llvm(self, function: int) -> bool:
        """Tell whether the first function that would be is to be optimised at its first call: nothing of LLVM is
        imported for a program without any."""
        surveys = self._first.surveys
        return plan.first_call(
            function,
            optimize=False,
            room=plan.EAGER_OPTIMIZE_BYTES,
            survey=surveys.get,
            size=surveys.size,
            done=self.is_optimized,
        ).optimize

    def _llvm(self) -> LlvmModule:
        if self._second is None:
            from bembix.compile.llvm.tier import LlvmModule

            self._second = LlvmModule(
                self._definition,
                self._context,
                optimize=False,
                exact_traps=self._exact_traps,
                metered=self._metered,
                elsewhere=self._first.has,
                surveys=self._first.surveys,
            )
            for callback in self._callbacks:
                self._second.on_recompile(callback)
        return self._second

    def brief(self, index: int) -> bool:
        """Tell whether a call of a function keeps the GIL."""
        return self._first.brief(index)

    def improve(self, index: int) -> None:
        """Have LLVM compile a function that runs much, if it can."""
        if not self._improves:
            return
        try:
            self._llvm().improve(index)
        except CompileError:  # it has its limits; the code that is there goes on
            return

    def on_recompile(self, callback: Callable[[int, int, bool], None]) -> None:
        """Have `callback(index, code, throwing)` called when a function gets better code."""
        self._callbacks.append(callback)
        if self._second is not None:
            self._second.on_recompile(callback)

    def validate_all(self) -> None:
        """Validate all bodies."""
        self._first.validate_all()

    def frame(self, address: int) -> Frame | None:
        """Return the function and the byte offset at a code address."""
        if self._second is not None and self._second.contains(address):
            return self._second.frame(address)
        return self._first.frame(address)

    def frame_at(self, offset: int) -> Frame | None:
        """Return the function that a byte offset lies in."""
        return self._first.frame_at(offset)

    def contains(self, address: int) -> bool:
        """Tell whether an address is one of this module's code."""
        return self._first.contains(address) or (self._second is not None and self._second.contains(address))

    def is_optimized(self, index: int) -> bool:
        """Tell whether a function (function index space) has optimised code."""
        return self._second is not None and self._second.is_optimized(index)
