"""Calls between Python and Wasm: the type of exported functions, stubs and thunks by function type, conversion helpers.

Common shapes of function types (`shapes.py`) have stubs of their own in the image; all others share those of
`compile/llvm/generic.py`, each behind trampolines that are made once a process and never freed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

from bembix.compile.layout import Shape
from bembix.compile.prebuilt import vm
from bembix.compile.prebuilt.shapes import descriptor, pack, shape
from bembix.compile.prebuilt.trampolines import SIZE, trampoline
from bembix.errors import InternalError, WasmException
from bembix.native import functype as native_functype
from bembix.native import memory, state
from bembix.native.code import CodeArena
from bembix.native.functype import Slots
from bembix.native.image import Image
from bembix.native.state import State
from bembix.spec.types import FuncType

_lock: Final = threading.RLock()
#: Entry stub, thunk and throwing thunk of each shape.
_stubs: dict[str, tuple[int, int, int]] = {}
#: Shapes by the address of what stubs know of them.
_shapes: dict[int, tuple[str, str]] = {}
_arena: CodeArena | None = None
_func_type: type | None = None
_make_func: Callable[[int, int, int, object, object], Any] | None = None

#: Bytes of code that one region of trampolines holds.
_ARENA_SIZE: Final = 1 << 20
#: Up to so many parameters and results, the smaller of the generic stubs will do.
SMALL: Final = 16


def prepare(types: Iterable[FuncType]) -> None:
    """Make what is missing for functions of some types, all at once."""
    missing = dict.fromkeys(text for text in map(shape, types) if text not in _stubs)
    if missing:
        with _lock:
            _make([text for text in missing if text not in _stubs])


def _make(texts: list[str]) -> None:
    """Find or make the stubs of some shapes."""
    _set_up()
    image = vm.load().image
    generic = []
    for text in texts:
        if f"entry_{text}" in image:
            entry, host, throwing = (image.address(f"{kind}_{text}") for kind in ("entry", "host", "throwing"))
            _stubs[text] = entry, host, throwing
        else:
            generic.append(text)
    if generic:
        _stubs.update(make_generic(image, generic))


def make_generic(image: Image, texts: list[str]) -> dict[str, tuple[int, int, int]]:
    """Put trampolines to the generic stubs, and what these are to know, on pages of their own; return where."""
    global _arena
    if _arena is None:
        _arena = CodeArena(_ARENA_SIZE, wasm=False, immortal=True)
    content, starts = b"", []
    for text in texts:
        starts.append(len(content))
        content += _generic(image, text)
    base = _arena.place(content)
    return {text: (base + at, base + at + SIZE, base + at + 2 * SIZE) for text, at in zip(texts, starts, strict=True)}


def _generic(image: Image, text: str) -> bytes:
    """Return the trampolines of a shape, and its descriptor behind them."""
    size = "small" if max(map(len, text.split("_"))) <= SMALL else "large"
    entry, host = image.address(f"entry_{size}"), image.address(f"host_{size}")
    code = trampoline(entry, 3 * SIZE) + trampoline(host, 2 * SIZE) + trampoline(host, SIZE, tag=True)
    content = code + descriptor(text)
    return content.ljust(-(-len(content) // SIZE) * SIZE, b"\0")


def entry_stub(functype: FuncType) -> int:
    """Return the address of the vectorcall function for functions of a type."""
    return _find(functype)[0]


def limited_stub() -> int:
    """Return the address of the vectorcall function for functions whose store limits each call.

    What `set_helper("limited", ...)` gave does the call.
    """
    return vm.load().image.address("limited_call")


def thunk(functype: FuncType) -> tuple[int, int]:
    """Return CODE and THROWING_CODE of host functions of a type; their CONTEXT is a `layout.HostContext`."""
    return _find(functype)[1:]


def _find(functype: FuncType) -> tuple[int, int, int]:
    found = _stubs.get(shape(functype))
    if found is None:
        prepare((functype,))
        found = _stubs[shape(functype)]
    return found


def _letters(address: int) -> tuple[str, str]:
    """Return the letters of parameters and results that a stub knows."""
    found = _shapes.get(address)
    if found is None:
        params, results = memory.read_u64(address + Shape.PARAMS), memory.read_u64(address + Shape.RESULTS)
        letters = memory.read_bytes(address + Shape.LETTERS, params + results).decode()
        found = _shapes[address] = letters[:params], letters[params:]
    return found


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
    "limited": State.LIMITED,
}
_KINDS: Final = {ord("a"): "any", ord("e"): "any", ord("E"): "any", ord("x"): "exn"}


def set_helper(name: str, helper: Callable[..., Any]) -> None:
    """Say what Python function does a conversion.

    "arguments": (func, args, kwargs) -> converted values, or raises.
    "results": (handle, result) -> converted values, or raises.
    "raise": (func, reason, thread) raises what the thread block tells of (`native/threads.py`).
    "funcref": (record) -> the function.  "reference": (address, "any" | "exn") -> an object.
    "to_exception": (Python exception) -> address of a `layout.Exception_`, or 0.
    "limited": (func, address on the stack, arguments, names of the last or None) -> the result of the call.
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
        return pack(_letters(number)[0], helper(func, values[:count], keywords))

    return arguments


def _adapt_results(helper: Callable[..., Any]) -> Callable[..., bytes]:
    def results(number: int, handle: int, result: object) -> bytes:
        return pack(_letters(number)[1], helper(handle, result))

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
        image = vm.load().image
        slots = Slots(*(image.address(f"func_{name}") for name in ("traverse", "clear", "dealloc", "make")))
        made, maker = native_functype.create(slots)
        state.set_object(State.FUNC_TYPE, made)
        state.set_object(State.EXCEPTION_CLASS, WasmException)
        for name, word in _HELPERS.items():
            state.set_object(word, _missing(name))
        _func_type, _make_func = made, maker
