"""The helpers that call stubs and thunks turn to where a value does not take their fast path, or is wrong.

Stubs and thunks hold off collections while they run.

Source: `compile/prebuilt/boundary.py`, which calls them; WebAssembly JavaScript API, 5.6 (calling an exported function,
running a host function).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, cast

from bembix.errors import InternalError, WasmException
from bembix.runtime import registry
from bembix.runtime.cells import Plain
from bembix.runtime.exceptions import exception_address
from bembix.runtime.exnref import exnref_at
from bembix.runtime.func import FuncInfo, func_at, info_of, store_of
from bembix.runtime.gcvalues import object_at
from bembix.runtime.values import to_wasm


def arguments(func: object, given: Sequence[object], keywords: Mapping[str, object]) -> tuple[Plain, ...]:
    """Convert the arguments of a call.  Errors: TypeError, OverflowError, ValueError, with function and position."""
    info, store = info_of(func), store_of(func)
    if keywords:
        raise TypeError(f"{info.name}() takes no keyword arguments")
    store.poll_held()
    wanted = info.type.params
    if len(given) != len(wanted):
        raise TypeError(_arity(info, len(given)))
    return tuple(
        [
            to_wasm(value, valtype, place, store)
            for value, valtype, place in zip(given, wanted, info.places, strict=True)
        ]
    )


def _arity(info: FuncInfo, given: int) -> str:
    wanted = len(info.type.params)
    words = f"{wanted} positional argument{'' if wanted == 1 else 's'}"
    return f"{info.name}() takes {words} but {given} {'was' if given == 1 else 'were'} given"


def results(handle: int, result: object) -> tuple[Plain, ...]:
    """Convert what a host function returned.  Errors: TypeError, OverflowError, ValueError."""
    host = registry.hosts.get(handle)
    if host is None:
        raise InternalError(f"no host function has the handle {handle:#x}")
    store = host.store
    if hasattr(type(result), "__await__"):
        from bembix.runtime.asynchronous import wait_for  # not before it is needed: importing asyncio takes long

        with store.let_go():
            result = wait_for(cast("Awaitable[object]", result), f"host function {host.info.module}.{host.info.name}")
    store.poll_held()
    wanted = host.info.type.results
    what = f"host function {host.info.module}.{host.info.name}"
    if not wanted:
        return ()  # as for a callback of any other library, what it returns is nobody's business
    if len(wanted) == 1:
        return (to_wasm(result, wanted[0], f"result of {what}", host.store),)
    if not isinstance(result, (tuple, list)) or len(result) != len(wanted):
        given = f"{len(result)} values" if isinstance(result, (tuple, list)) else type(result).__name__
        raise TypeError(f"{what} must return a tuple of {len(wanted)} values {_result_types(host.info)}, not {given}")
    return tuple(
        [
            to_wasm(value, valtype, f"result {number + 1} of {what}", host.store)
            for number, (value, valtype) in enumerate(zip(result, wanted, strict=True))
        ]
    )


def _result_types(info: FuncInfo) -> str:
    return f"({', '.join(map(str, info.type.results))})"


def reference(address: int, kind: str) -> object:
    """Return the object for a reference that is not a function's."""
    if kind == "exn":
        return exnref_at(address)
    return object_at(address)


def to_exception(exception: WasmException) -> int:
    """Return the address of a native exception for one that a host function raised, or 0 where Wasm can't catch it."""
    return exception_address(exception)


#: By the names that `boundary.set_helper` knows.
HELPERS: Final[dict[str, Callable[..., object]]] = {
    "arguments": arguments,
    "results": results,
    "funcref": func_at,
    "reference": reference,
    "to_exception": to_exception,
}
