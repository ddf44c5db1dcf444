"""Calls with NaNs of 32 bits whose every bit counts: Python's floats have 64 bits, and a conversion changes some NaNs.

A small module between takes and gives such floats as integers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bembix.runtime.module import Module
from bembix.runtime.store import Store
from bembix.spec.types import F32, I32, FuncType, RefType, ValType

if TYPE_CHECKING:
    from bembix.runtime.func import Func


def can_wrap(functype: FuncType) -> bool:
    """Whether the types of a function can be written down in a module of their own."""
    values = (*functype.params, *functype.results)
    return F32 in values and not any(isinstance(v, RefType) and isinstance(v.heap, int) for v in values)


def wrapper_type(functype: FuncType) -> FuncType:
    """Return the type of a function with its 32 bit floats as integers."""
    return FuncType(_as_integers(functype.params), _as_integers(functype.results))


def _as_integers(types: tuple[ValType, ...]) -> tuple[ValType, ...]:
    return tuple(I32 if type_ is F32 else type_ for type_ in types)


def wrap(function: Func, store: Store) -> Func:
    """Return a function that calls `function` and has integers in place of its 32 bit floats."""
    module = Module(_text(function.type))
    found: Func = module.instantiate({"": {"": function}}, store=store).exports[""]
    return found


_REINTERPRET: Final[dict[ValType, str]] = {F32: "(f32.reinterpret_i32 (local.get {}))"}


def _text(functype: FuncType) -> str:
    outer = wrapper_type(functype)
    arguments = [_REINTERPRET.get(t, "(local.get {})").format(n) for n, t in enumerate(functype.params)]
    first = len(functype.params)  # results go to locals of their own and come back converted
    last = first + len(functype.results)
    results = [
        f"(i32.reinterpret_f32 (local.get {n}))" if t is F32 else f"(local.get {n})"
        for n, t in enumerate(functype.results, first)
    ]
    return f"""(module
      (func $f (import "" "") {_signature(functype)})
      (func (export "") {_signature(outer)} {_types("local", functype.results)}
        (call $f {" ".join(arguments)})
        {" ".join(f"(local.set {n})" for n in reversed(range(first, last)))}
        {" ".join(results)}))"""


def _signature(functype: FuncType) -> str:
    return f"{_types('param', functype.params)} {_types('result', functype.results)}"


def _types(keyword: str, types: tuple[ValType, ...]) -> str:
    return f"({keyword} {' '.join(map(str, types))})" if types else ""
