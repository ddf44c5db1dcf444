"""wasmtime-py's core interface on Bembix: `sys.modules["wasmtime"] = bembix.compat.wasmtime` runs existing programs.

`docs/migrating-from-wasmtime.md` says what is the same, what is accepted without effect, and what is not there.
Source: the documented interface and the observed behaviour of wasmtime-py 47 to 50.
"""

from __future__ import annotations

from bembix.compat.wasmtime.caller import Caller
from bembix.compat.wasmtime.config import Config
from bembix.compat.wasmtime.engine import Engine
from bembix.compat.wasmtime.errors import ExitTrap, Frame, Trap, TrapCode, WasmtimeError
from bembix.compat.wasmtime.func import Func
from bembix.compat.wasmtime.global_ import Global
from bembix.compat.wasmtime.instance import Instance
from bembix.compat.wasmtime.linker import InstancePre, Linker
from bembix.compat.wasmtime.managed import Managed
from bembix.compat.wasmtime.memory import Memory, SharedMemory
from bembix.compat.wasmtime.module import Module
from bembix.compat.wasmtime.store import Store, StoreContext, Storelike
from bembix.compat.wasmtime.table import Table
from bembix.compat.wasmtime.tag import Tag
from bembix.compat.wasmtime.types import (
    ExportType,
    FuncType,
    GlobalType,
    ImportType,
    Limits,
    MemoryType,
    TableType,
    TagType,
    ValType,
)
from bembix.compat.wasmtime.values import Val
from bembix.compat.wasmtime.wasi import DirPerms, FilePerms, WasiConfig
from bembix.compat.wasmtime.wat2wasm import wat2wasm

__all__ = [
    "Caller",
    "Config",
    "DirPerms",
    "Engine",
    "ExitTrap",
    "ExportType",
    "FilePerms",
    "Frame",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "ImportType",
    "Instance",
    "InstancePre",
    "Limits",
    "Linker",
    "Managed",
    "Memory",
    "MemoryType",
    "Module",
    "SharedMemory",
    "Store",
    "StoreContext",
    "Storelike",
    "Table",
    "TableType",
    "Tag",
    "TagType",
    "Trap",
    "TrapCode",
    "Val",
    "ValType",
    "WasiConfig",
    "WasmtimeError",
    "wat2wasm",
]
