"""The stencil tier: a module whose functions are written as machine code when they are first called."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable
from typing import Final

from bembix.compile import plan
from bembix.compile.functions import Functions
from bembix.compile.stencil.machines import Sink, sink_class
from bembix.errors import CompileError, Frame, InternalError
from bembix.native.code import LoadedCode
from bembix.native.platform import missing_features
from bembix.spec.module import ModuleDef
from bembix.validate.context import ModuleContext
from bembix.validate.dispatch import make_walker

_PAGE: Final = 4096
_ROOM: Final = 16  #: bytes of code for a byte of a body, at most or thereabouts


class StencilModule(Functions):
    """A module under the stencil engine; see `compile/tier.py`.

    count: whether code counts how much it runs, for somebody who can do better.  metered: whether it uses up fuel.
    """

    def __init__(
        self, definition: ModuleDef, context: ModuleContext, *, count: bool = False, metered: bool = False
    ) -> None:
        lacking = missing_features()
        if lacking:
            raise CompileError(f"the engine 'stencil' needs a CPU of the level x86-64-v2; this one has no {lacking[0]}")
        super().__init__(definition, context, _ROOM * plan.code_bytes(definition) + 2 * _PAGE * len(definition.code))
        self._new = sink_class()
        self._count = count
        self._metered = metered
        self._compiled: dict[int, LoadedCode] = {}
        #: Where the code of functions begins, in order, and which functions these are: for backtraces.
        self._starts: list[tuple[int, int]] = []
        #: Those that nobody uses: a finalizer or a signal handler may run Wasm while a function is walked.
        self._sinks: list[Sink] = []

    # -- what the runtime asks for -------------------------------------------------------------------------------------

    def has(self, index: int) -> bool:
        """Tell whether a defined function has code."""
        return index in self._compiled

    def improve(self, index: int) -> None:
        """Nothing: this is as good as it gets."""

    def on_recompile(self, callback: Callable[[int, int, bool], None]) -> None:
        """Nothing: no function gets better code."""

    def frame(self, address: int) -> Frame | None:
        """Return the function and the byte offset at a code address."""
        with self._lock:
            number = bisect_right(self._starts, (address, len(self._definition.code))) - 1
            if number < 0:
                return None
            index = self._starts[number][1]
            loaded = self._compiled[index]
            if address >= loaded.end:
                return None
            if loaded.rows is None:
                loaded.rows = self._rows(index, loaded)
            addresses, offsets = loaded.rows
            row = bisect_right(addresses, address) - 1
            return self._frame(self._imported + index, offsets[row] if row >= 0 else None)

    # -- compiling -----------------------------------------------------------------------------------------------------

    def _sink(self) -> Sink:
        try:
            return self._sinks.pop()
        except IndexError:
            return self._new_sink()

    def _new_sink(self) -> Sink:
        sink = self._new(self._context, self.layout, count=self._count, metered=self._metered)
        sink.bind(make_walker(self._context, sink))
        return sink

    def _real(self, index: int) -> int:
        found = self._compiled.get(index)
        if found is None:
            sink = self._sink()
            sink.walker.walk(self._imported + index, self._definition.code[index])
            start = self._arena.place(sink.code)
            found = self._compiled[index] = LoadedCode({}, start, start + len(sink.code), b"")
            insort(self._starts, (found.start, index))
            self._sinks.append(sink)
        return found.start

    def _rows(self, index: int, loaded: LoadedCode) -> tuple[list[int], list[int]]:
        """Return where the code of each instruction begins, and the byte offsets of those: it is written again."""
        sink = self._new_sink()
        sink.with_places()
        sink.walker.walk(self._imported + index, self._definition.code[index])
        if len(sink.code) != loaded.end - loaded.start or sink.places is None:
            raise InternalError(f"function {self._imported + index} came out differently")
        start = loaded.start + sink.prologue
        return [start + at for at, _ in sink.places], [offset for _, offset in sink.places]
