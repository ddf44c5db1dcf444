"""Actions of scripts: calling an export and reading a global."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bembix.runtime.global_ import Global
from bembix.script.exact import can_wrap, wrap, wrapper_type
from bembix.script.result import Mismatch
from bembix.script.scope import Scope
from bembix.script.values import Got, argument, came_out, is_nan
from bembix.spec.types import F32
from bembix.text.commands import Action, Const, Get, Result, Value

if TYPE_CHECKING:
    from bembix.runtime.func import Func


class Actions:
    """Does what a script says with the instances of its scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._exact: dict[Func, Func] = {}

    def do(self, action: Action, wanted: tuple[Result, ...] = ()) -> list[Got]:
        """Do it and return what comes out.  wanted: what should, which says whether every bit of a NaN counts."""
        exports = self._scope.find(action.module).exports
        if action.name not in exports:
            raise Mismatch(f'an export "{action.name}"', "none")
        exported = exports[action.name]
        if isinstance(action, Get):
            variable = cast(Global, exported)
            return [came_out(variable.value, variable.type.value)]
        function = cast("Func", exported)
        if any(map(is_nan, (*action.arguments, *wanted))) and can_wrap(function.type):
            return self._call_exactly(function, action.arguments)
        given = function(*map(argument, action.arguments))
        results = function.type.results
        return [came_out(value, type_) for value, type_ in zip(_several(given, len(results)), results, strict=True)]

    def _call_exactly(self, function: Func, values: tuple[Value, ...]) -> list[Got]:
        exact = self._exact.get(function)
        if exact is None:
            exact = self._exact[function] = wrap(function, self._scope.store)
        given = exact(*[v.bits if isinstance(v, Const) and v.type is F32 else argument(v) for v in values])
        results, integers = function.type.results, wrapper_type(function.type).results
        found = _several(given, len(results))
        return [(results[n], came_out(value, integers[n])[1]) for n, value in enumerate(found)]


def _several(given: object, count: int) -> tuple[object, ...]:
    """Return the results of a call as a tuple, whatever their number."""
    return () if count == 0 else (given,) if count == 1 else cast("tuple[object, ...]", given)
