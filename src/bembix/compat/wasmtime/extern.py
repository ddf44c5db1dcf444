"""From what instances import and export in Bembix to the classes of this package, and back."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from bembix.compat.wasmtime.func import Func
from bembix.compat.wasmtime.global_ import Global
from bembix.compat.wasmtime.memory import Memory, SharedMemory
from bembix.compat.wasmtime.table import Table
from bembix.compat.wasmtime.tag import Tag
from bembix.runtime.func import is_func
from bembix.runtime.global_ import Global as BembixGlobal
from bembix.runtime.memory import Memory as BembixMemory
from bembix.runtime.table import Table as BembixTable
from bembix.runtime.tag import Tag as BembixTag

AsExtern: TypeAlias = "Func | Table | Memory | SharedMemory | Global | Tag"
EXTERNS: Final = (Func, Table, Memory, SharedMemory, Global, Tag)


def wrap(found: object) -> AsExtern:
    """Return what stands for something of Bembix."""
    match found:
        case BembixMemory():
            return SharedMemory.of(found) if found.shared else Memory.of(found)
        case BembixTable():
            return Table.of(found)
        case BembixGlobal():
            return Global.of(found)
        case BembixTag():
            return Tag.of(found)
    if not is_func(found):
        raise TypeError(f"an instance exports no {type(found).__name__}")
    return Func.of(found)


def check_extern(value: object) -> Any:
    """Raise for what can't be imported.  Errors: TypeError."""
    if not isinstance(value, EXTERNS):
        raise TypeError("expected a Func, Global, Memory, SharedMemory, Tag, or Table")
    return value
