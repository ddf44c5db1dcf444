"""What is known of a module's functions before they are compiled, found out when somebody asks."""

from __future__ import annotations

from bembix.compile import plan
from bembix.errors import BembixError
from bembix.spec.module import ModuleDef
from bembix.validate.context import ModuleContext
from bembix.validate.dispatch import make_walker
from bembix.validate.survey import SurveySink
from bembix.validate.walker import Walker


class Surveys:
    """Surveys of one module.  Indices are those of the function index space; imports have none."""

    def __init__(self, definition: ModuleDef, context: ModuleContext) -> None:
        self._definition = definition
        self._context = context
        self._imported = context.imported_functions
        self._found: dict[int, plan.Survey] = {}
        #: Those that nobody uses.  A finalizer or a signal handler may run Wasm while a function is walked; and one
        #: whose walk an exception ended is not used again.
        self._sinks: list[tuple[SurveySink, Walker]] = []

    def size(self, index: int) -> int:
        """Return how many bytes a function's body has."""
        code = self._definition.code[index - self._imported]
        return code.end - code.start

    def get(self, index: int) -> plan.Survey | None:
        """Survey a function.  Errors: as for validation."""
        if index < self._imported:
            return None
        found = self._found.get(index)
        if found is None:
            sink, walker = self._sink()
            walker.walk(index, self._definition.code[index - self._imported])
            found = self._found[index] = plan.Survey(
                tuple(sink.callees), sink.has_loop, sink.lasting, tuple(sink.callees.values())
            )
            self._sinks.append((sink, walker))
        return found

    def try_get(self, index: int) -> plan.Survey | None:
        """Survey a function that may turn out to be invalid, in which case it is left alone."""
        try:
            return self.get(index)
        except BembixError:
            return None

    def brief(self, index: int) -> bool:
        """Tell whether a function certainly takes so little time that a call of it keeps the GIL."""
        return plan.brief(index, self._small, self.size)

    def _small(self, index: int) -> plan.Survey | None:
        """Survey a function unless it is too large to be brief."""
        small = index >= self._imported and self.size(index) <= plan.BRIEF_BYTES
        return self.try_get(index) if small else None

    def _sink(self) -> tuple[SurveySink, Walker]:
        try:
            return self._sinks.pop()
        except IndexError:
            sink = SurveySink()
            return sink, make_walker(self._context, sink)
