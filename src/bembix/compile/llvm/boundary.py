"""Calls between Python and Wasm: the type of exported functions, stubs and thunks by function type, conversion helpers.

Stubs are compiled once a process for each shape of function types (`shapes.py`) and never freed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from bembix.compile.llvm import emit, externals, stubs, vm
from bembix.compile.llvm.shapes import pack, shape
from bembix.compile.llvm.wrappers import bridge_wrapper, plain_wrapper
from bembix.errors import InternalError, WasmException
from bembix.native import functype as native_functype
from bembix.native import state
from bembix.native.functype import Slots
from bembix.native.state import State
from bembix.spec.types import FuncType

__all__ = [
    "bridge_wrapper",
    "entry_stub",
    "func_type",
    "make_func",
    "plain_wrapper",
    "prepare",
    "set_exception_class",
    "set_helper",
    "thunk",
]

_lock: Final = threading.RLock()
_entries: dict[str, int] = {}
_thunks: dict[str, tuple[int, int]] = {}
#: Shapes by the number that stubs know them by.
_shapes: list[str] = []
_numbers: dict[str, int] = {}
_func_type: type | None = None
_make_func: Callable[[int, int, int, object, object], Any] | None = None

#: Optimisation level of stubs: 1 makes a call 3 ns faster than 0, and takes four times as long to compile.
LEVEL: Final = 0

_RETURNS_TWICE: Final = "attributes #3 = { nounwind returns_twice }\n"


def prepare(
    types: Iterable[FuncType] = (), *, entries: Iterable[FuncType] = (), thunks: Iterable[FuncType] = ()
) -> None:
    """Compile what is missing for functions of some types, all at once.

    types: those that need an entry stub and a thunk.  entries, thunks: those that need one only.
    """
    both = _known(types)
    with _lock:
        new_entries = dict.fromkeys(s for s in (*both, *_known(entries)) if s not in _entries)
        new_thunks = dict.fromkeys(s for s in (*both, *_known(thunks)) if s not in _thunks)
        if new_entries or new_thunks:
            _compile(list(new_entries), list(new_thunks))


def _known(types: Iterable[FuncType]) -> list[str]:
    """Return the shapes of types."""
    return [shape(functype) for functype in types]


def _number(text: str) -> int:
    """Return the number of a shape."""
    if text not in _numbers:
        _numbers[text] = len(_shapes)
        _shapes.append(text)
    return _numbers[text]


def source(entries: Iterable[str], thunks: Iterable[str]) -> str:
    """Return the IR of stubs and thunks of some shapes."""
    parts = [externals.DECLARATIONS, _RETURNS_TWICE, stubs.DECLARATIONS]
    parts += [stubs.entry(text, _number(text)) for text in entries]
    parts += [stubs.thunk(text, _number(text)) for text in thunks]
    return "".join(parts)


def _compile(entries: list[str], thunks: list[str]) -> None:
    runtime = vm.load()
    _set_up()
    obj = emit.emit(source(entries, thunks), LEVEL)
    symbols = runtime.arena.load(obj, externals.addresses() | runtime.symbols).symbols
    _entries.update({text: symbols[stubs.entry_name(text)] for text in entries})
    for text in thunks:
        plain, throwing = stubs.thunk_names(text)
        _thunks[text] = symbols[plain], symbols[throwing]


def entry_stub(functype: FuncType) -> int:
    """Return the address of the vectorcall function for functions of a type."""
    text = shape(functype)
    if text not in _entries:
        prepare(entries=(functype,))
    return _entries[text]


def thunk(functype: FuncType) -> tuple[int, int]:
    """Return CODE and THROWING_CODE of host functions of a type; their CONTEXT is a `layout.HostContext`."""
    text = shape(functype)
    if text not in _thunks:
        prepare(thunks=(functype,))
    return _thunks[text]


def func_type() -> type:
    """Return the type of exported functions."""
    _set_up()
    if _func_type is None:
        raise InternalError("the type of functions was not made")
    return _func_type


def make_func(stub: int, record: int, store: int, owner: object, info: object) -> Any:
    """Make an exported function.

    stub: of its type.  record: address of its `layout.FuncRecord`.  store: address of the store block that it runs in.
    owner: keeps all of these alive.  info: for the runtime.
    """
    if _make_func is None:
        _set_up()
    return _make_func(stub, record, store, owner, info)  # type: ignore[misc]


_HELPERS: Final = {
    "arguments": State.ARGUMENTS,
    "results": State.RESULTS,
    "raise": State.RAISE,
    "funcref": State.FUNCREF,
    "reference": State.REFERENCE,
    "to_exception": State.TO_EXCEPTION,
}
_KINDS: Final = {ord("a"): "any", ord("e"): "any", ord("E"): "any", ord("x"): "exn"}


def set_helper(name: str, helper: Callable[..., Any]) -> None:
    """Say what Python function does a conversion.

    "arguments": (func, args, kwargs) -> converted values, or raises.
    "results": (handle, result) -> converted values, or raises.
    "raise": (func, reason, thread) raises what the thread block tells of (`native/threads.py`).
    "funcref": (record) -> the function.  "reference": (address, "any" | "exn") -> an object.
    "to_exception": (Python exception) -> address of a `layout.Exception_`, or 0.
    Converted values are ints, floats, 16 bytes for v128 and addresses of references.
    """
    _set_up()
    state.set_object(_HELPERS[name], _ADAPTERS.get(name, _as_is)(helper))


def _as_is(helper: Callable[..., Any]) -> Callable[..., Any]:
    return helper


def _adapt_arguments(helper: Callable[..., Any]) -> Callable[..., bytes]:
    def arguments(number: int, func: object, values: tuple[object, ...], names: tuple[str, ...] | None) -> bytes:
        count = len(values) - len(names or ())
        keywords = dict(zip(names or (), values[count:], strict=True))
        return pack(_shapes[number].partition("_")[0], helper(func, values[:count], keywords))

    return arguments


def _adapt_results(helper: Callable[..., Any]) -> Callable[..., bytes]:
    def results(number: int, handle: int, result: object) -> bytes:
        return pack(_shapes[number].partition("_")[2], helper(handle, result))

    return results


def _adapt_reference(helper: Callable[..., Any]) -> Callable[..., Any]:
    def reference(address: int, letter: int) -> object:
        return helper(address, _KINDS[letter])

    return reference


_ADAPTERS: Final[dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]]] = {
    "arguments": _adapt_arguments,
    "results": _adapt_results,
    "reference": _adapt_reference,
}


def set_exception_class(cls: type[BaseException]) -> None:
    """Say which Python exceptions of host functions are asked whether Wasm can catch them."""
    _set_up()
    state.set_object(State.EXCEPTION_CLASS, cls)


def _missing(name: str) -> Callable[..., Any]:
    """Return a helper that says that nobody gave it."""

    def missing(*_: object) -> Any:
        raise InternalError(f"the runtime gave no helper {name!r}")

    return missing


def _set_up() -> None:
    """Make the type of functions and the first state, once."""
    global _func_type, _make_func
    with _lock:
        if _func_type is not None:
            return
        symbols = vm.load().symbols
        slots = Slots(*(symbols[f"func_{name}"] for name in ("traverse", "clear", "dealloc", "make")))
        made, maker = native_functype.create(slots)
        state.set_object(State.FUNC_TYPE, made)
        state.set_object(State.EXCEPTION_CLASS, WasmException)
        for name, word in _HELPERS.items():
            state.set_object(word, _missing(name))
        _func_type, _make_func = made, maker
