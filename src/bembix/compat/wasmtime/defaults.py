"""Stand-ins for imports that nobody defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bembix.compat.wasmtime.errors import WasmtimeError
from bembix.compat.wasmtime.extern import AsExtern
from bembix.compat.wasmtime.global_ import Global
from bembix.compat.wasmtime.memory import Memory
from bembix.compat.wasmtime.store import Store
from bembix.compat.wasmtime.table import Table
from bembix.compat.wasmtime.tag import Tag
from bembix.compat.wasmtime.types import FuncType, GlobalType, MemoryType, TableType, TagType
from bembix.runtime.info import ExternType
from bembix.runtime.values import default
from bembix.spec import types as spec


def _default(valtype: spec.ValType) -> object:
    try:
        return default(valtype)
    except TypeError as error:
        raise WasmtimeError(str(error)) from None


def default_results(functype: spec.FuncType) -> Callable[..., Any]:
    """Return a function that returns zeros and nulls.  Errors: WasmtimeError where a type has no such value."""
    values = [_default(valtype) for valtype in functype.results]
    found = values[0] if len(values) == 1 else values or None
    return lambda *arguments: found


def default_extern(store: Store, kind: str, found: ExternType) -> AsExtern:
    """Return a memory, table, global or tag that is all zero or null.  Errors: WasmtimeError."""
    match found:
        case spec.MemoryType():
            return Memory(store, MemoryType.of(found))
        case spec.TableType():
            return Table(store, TableType.of(found), None)
        case spec.GlobalType():
            return Global(store, GlobalType.of(found), _default(found.value))
    return Tag(store, TagType(FuncType.of(found)))
