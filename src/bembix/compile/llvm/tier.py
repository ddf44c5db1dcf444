"""The LLVM tier: a module whose functions are compiled by LLVM when they are first called."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bembix.compile import plan
from bembix.compile.functions import Functions
from bembix.compile.llvm import (  # noqa: F401  (they enter their writers)
    atomics,
    operations_bulk,
    operations_calls,
    operations_casts,
    operations_control,
    operations_exceptions,
    operations_gc,
    operations_legacy,
    operations_wide,
    regular,
    vector_memory,
    vector_products,
    vectors,
)
from bembix.compile.llvm.emit import emit
from bembix.compile.llvm.group import Group
from bembix.compile.llvm.sink import LlvmSink
from bembix.compile.surveys import Surveys
from bembix.errors import Frame
from bembix.native.code import LoadedCode
from bembix.native.lines import offset_at
from bembix.records import dataclass
from bembix.spec.module import ModuleDef
from bembix.validate.context import ModuleContext
from bembix.validate.dispatch import make_walker

#: Address space for the code of a module, as a multiple of its bodies' size.
_ROOM = 64


@dataclass(frozen=True, slots=True)
class _Compiled:
    """Code of one function.  address: where it begins."""

    address: int
    optimized: bool


class LlvmModule(Functions):
    """A module under the LLVM engine; see `compile/tier.py`.

    elsewhere: whether a defined function has code that somebody else made.
    """

    def __init__(
        self,
        definition: ModuleDef,
        context: ModuleContext,
        *,
        optimize: bool,
        exact_traps: bool,
        metered: bool = False,
        elsewhere: Callable[[int], bool] = lambda _: False,
        surveys: Surveys | None = None,
    ) -> None:
        super().__init__(definition, context, _ROOM * plan.code_bytes(definition), surveys)
        self._elsewhere = elsewhere
        self._optimize = optimize
        self._compiled: dict[int, _Compiled] = {}
        self._steps: list[tuple[LoadedCode, plan.Step]] = []
        self._located: dict[int, LoadedCode] = {}
        self._callbacks: list[Callable[[int, int, bool], None]] = []
        self._exact_traps = exact_traps
        self._metered = metered
        #: Those that nobody uses.  A finalizer or a signal handler may run Wasm while a function is walked, which may
        #: be compiled then; and one whose walk an exception ended is not used again.
        self._sinks: list[LlvmSink] = []
        self._eager_room = plan.EAGER_OPTIMIZE_BYTES if plan.validate_eagerly(definition) else 0

    # -- what the runtime asks for -------------------------------------------------------------------------------------

    def on_recompile(self, callback: Callable[[int, int, bool], None]) -> None:
        """Have `callback(index, code, throwing)` called when a function gets better code."""
        self._callbacks.append(callback)

    def frame(self, address: int) -> Frame | None:
        """Return the function and the byte offset at a code address."""
        for number, (loaded, step) in enumerate(self._steps):
            if loaded.start <= address < loaded.end:
                with self._lock:
                    located = loaded if step.optimize else self._with_places(number)
                offset = offset_at(located, address - loaded.start + located.start)
                return self.frame_at(offset) if offset else self._frame_by_symbol(loaded, address)
        return None

    def _frame_by_symbol(self, loaded: LoadedCode, address: int) -> Frame | None:
        """Return the function whose code is next before an address that the line table says nothing of (endless
        loops)."""
        before = [(at, name) for name, at in loaded.symbols.items() if at <= address]
        nearest = max(before)[1] if before else ""
        if not nearest[1:].isdecimal():  # what is ours, such as the helper that traps
            return None
        return self._frame(int(nearest[1:]), None)

    def ready(self, index: int) -> bool:
        """Tell whether a defined function has optimised code, which it gets now if it is to be so at its first call."""
        with self._lock:
            function = self._imported + index
            if not self.is_optimized(function):
                step = self._first_step(function)
                if step.optimize:
                    self._compile(step)
            return self.is_optimized(function)

    # -- compiling -----------------------------------------------------------------------------------------------------

    def _real(self, index: int) -> int:
        found = self._compiled.get(index)
        if found is None:
            self._compile(self._first_step(self._imported + index))
            found = self._compiled[index]
        return found.address

    def _first_step(self, function: int) -> plan.Step:
        return plan.first_call(
            function,
            optimize=self._optimize,
            room=self._eager_room,
            survey=self.surveys.get,
            size=self.surveys.size,
            done=self.is_optimized,
        )

    def improve(self, index: int) -> None:
        """Optimise a function, and what it calls, unless that was done."""
        with self._lock:
            function = self._imported + index
            if not self.is_optimized(function):
                self._compile(
                    plan.hot(function, survey=self.surveys.try_get, size=self.surveys.size, done=self.is_optimized)
                )

    def _sink(self) -> LlvmSink:
        try:
            return self._sinks.pop()
        except IndexError:
            pass
        sink = LlvmSink(self._context, self.layout, exact_traps=self._exact_traps, metered=self._metered)
        sink.walker = make_walker(self._context, sink)
        return sink

    def is_optimized(self, index: int) -> bool:
        """Tell whether a function (function index space) has optimised code."""
        found = self._compiled.get(index - self._imported)
        return found is not None and found.optimized

    def text(self, members: Sequence[int], *, optimize: bool, places: bool) -> str:
        """Return the IR text of some functions (function index space) as one LLVM module."""
        group = Group(members if optimize else (), optimize=optimize, places=places)
        sink = self._sink()
        sink.start(group)
        for index in members:
            sink.walker.walk(index, self._definition.code[index - self._imported])
        self._sinks.append(sink)
        return group.text()

    def _compile(self, step: plan.Step) -> None:
        loaded = self._load(step, places=step.optimize)
        self._steps.append((loaded, step))
        self._eager_room -= sum(map(self.surveys.size, step.members)) if step.optimize else 0
        for index in step.members:
            own = index - self._imported
            known = self._compiled.get(own)
            self._compiled[own] = _Compiled(loaded.symbols[f"f{index}"], step.optimize)
            if known is not None or self._elsewhere(own):  # the wrapper goes on with the older code, which stays valid
                for callback in self._callbacks:
                    callback(own, self._compiled[own].address, self._context.handles_exceptions)

    def _load(self, step: plan.Step, *, places: bool) -> LoadedCode:
        text = self.text(step.members, optimize=step.optimize, places=places)
        return self._arena.load(emit(text, 2 if step.optimize else 0))

    def _with_places(self, number: int) -> LoadedCode:
        """Return the same code as that of a step, with its line table.

        Cheap code is made without one, which costs a sixth of its compile time; what a backtrace goes through is made
        again.
        """
        found = self._located.get(number)
        if found is None:
            found = self._located[number] = self._load(self._steps[number][1], places=True)
        return found
