"""What the modules of both native tiers share: entries by kind of caller, names for places in the code."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from bisect import bisect_right
from functools import cached_property

from bembix.compile.layout import ContextLayout
from bembix.compile.prebuilt.wrappers import bridge_wrapper, plain_wrapper
from bembix.compile.surveys import Surveys
from bembix.errors import CompileError, Frame
from bembix.native.code import CodeArena
from bembix.spec.module import ModuleDef
from bembix.validate.context import ModuleContext


class Functions(ABC):
    """The functions that a module defines, by index from 0; see `compile/tier.py`.

    room: bytes of address space for their code.  surveys: what is known of them, where somebody else has looked.
    """

    def __init__(
        self, definition: ModuleDef, context: ModuleContext, room: int, surveys: Surveys | None = None
    ) -> None:
        self.layout: ContextLayout = ContextLayout.of(definition)
        self._definition = definition
        self._context = context
        self._imported = context.imported_functions
        self.surveys: Surveys = surveys or Surveys(definition, context)
        self._wrappers: dict[int, int] = {}
        # Reentrant: a finalizer or a signal handler may run Wasm while a function is compiled.
        self._lock = threading.RLock()
        self._arena = CodeArena(max(1 << 20, room))

    @abstractmethod
    def _real(self, index: int) -> int:
        """Return the address of a function's code, after compiling it where that is needed."""

    def code(self, index: int) -> int:
        """Return the address for callers that do not look for pending exceptions."""
        with self._lock:
            address = self._real(index)
            return self._wrapper(index, address) if self._context.handles_exceptions else address

    def throwing_code(self, index: int) -> int:
        """Return the address for callers that look for pending exceptions."""
        with self._lock:
            address = self._real(index)
            return address if self._context.handles_exceptions else self._wrapper(index, address)

    def validate_all(self) -> None:
        """Validate all bodies, and remember what is in them."""
        for index in range(len(self._definition.code)):
            try:
                self.surveys.get(self._imported + index)
            except CompileError:  # said when the function is compiled
                continue

    def brief(self, index: int) -> bool:
        """Tell whether a call of a function keeps the GIL."""
        return self.surveys.brief(self._imported + index)

    def contains(self, address: int) -> bool:
        """Tell whether an address is one of this module's code."""
        return self._arena.contains(address)

    def frame_at(self, offset: int) -> Frame | None:
        """Return the function that a byte offset lies in."""
        index = bisect_right(self._offsets, offset) - 1
        return None if index < 0 else self._frame(self._imported + index, offset)

    def _frame(self, index: int, offset: int | None) -> Frame:
        """Return a place in a function (function index space)."""
        names = self._definition.names
        return Frame(names.module or "", names.functions.get(index), index, offset)

    @cached_property
    def _offsets(self) -> list[int]:
        """Where each body begins in the module."""
        return [code.offset for code in self._definition.code]

    def _wrapper(self, index: int, address: int) -> int:
        """Return the other entry of a function, which turns one way of throwing into the other."""
        found = self._wrappers.get(index)
        if found is None:
            make = plain_wrapper if self._context.handles_exceptions else bridge_wrapper
            found = self._wrappers[index] = make(self._arena, address)
        return found
