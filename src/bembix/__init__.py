"""Bembix, a WebAssembly runtime: `run` a program, or load a `Module` and call what it exports.

Names are imported when they are first used, so that `import bembix` costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` for it takes longer than all the rest
if TYPE_CHECKING:
    from typing import Final

    from bembix.errors import BembixError as BembixError
    from bembix.errors import CompileError as CompileError
    from bembix.errors import CpuTimeout as CpuTimeout
    from bembix.errors import Exit as Exit
    from bembix.errors import Frame as Frame
    from bembix.errors import HeapExhausted as HeapExhausted
    from bembix.errors import InstancesExceeded as InstancesExceeded
    from bembix.errors import InternalError as InternalError
    from bembix.errors import Interrupted as Interrupted
    from bembix.errors import LimitExceeded as LimitExceeded
    from bembix.errors import LinkError as LinkError
    from bembix.errors import MemoryExceeded as MemoryExceeded
    from bembix.errors import OutOfFuel as OutOfFuel
    from bembix.errors import ParseError as ParseError
    from bembix.errors import ResourceError as ResourceError
    from bembix.errors import SnapshotError as SnapshotError
    from bembix.errors import StackExhausted as StackExhausted
    from bembix.errors import TableExceeded as TableExceeded
    from bembix.errors import Timeout as Timeout
    from bembix.errors import Trap as Trap
    from bembix.errors import ValidationError as ValidationError
    from bembix.errors import WasmException as WasmException
    from bembix.program import Completed as Completed
    from bembix.program import run as run
    from bembix.program import run_async as run_async
    from bembix.runtime.caller import caller as caller
    from bembix.runtime.caller import with_caller as with_caller
    from bembix.runtime.deadline import deadline as deadline
    from bembix.runtime.exnref import ExnRef as ExnRef
    from bembix.runtime.func import Func as Func
    from bembix.runtime.gcvalues import I31 as I31
    from bembix.runtime.gcvalues import ArrayRef as ArrayRef
    from bembix.runtime.gcvalues import StructRef as StructRef
    from bembix.runtime.global_ import Global as Global
    from bembix.runtime.info import ExportInfo as ExportInfo
    from bembix.runtime.info import ImportInfo as ImportInfo
    from bembix.runtime.instance import Instance as Instance
    from bembix.runtime.lanes import lanes as lanes
    from bembix.runtime.lanes import v128 as v128
    from bembix.runtime.limits import Limits as Limits
    from bembix.runtime.memory import Memory as Memory
    from bembix.runtime.module import Module as Module
    from bembix.runtime.namespace import Namespace as Namespace
    from bembix.runtime.snapshot import Snapshot as Snapshot
    from bembix.runtime.store import Store as Store
    from bembix.runtime.table import Table as Table
    from bembix.runtime.tag import Tag as Tag
    from bembix.spec.features import Features as Features
    from bembix.spec.host import HostFunction as HostFunction
    from bembix.spec.types import FuncType as FuncType
    from bembix.spec.types import GlobalType as GlobalType
    from bembix.spec.types import MemoryType as MemoryType
    from bembix.spec.types import TableType as TableType

#: Where each public name comes from.
_HOMES: Final = {
    "BembixError": "bembix.errors",
    "CompileError": "bembix.errors",
    "CpuTimeout": "bembix.errors",
    "Exit": "bembix.errors",
    "Frame": "bembix.errors",
    "HeapExhausted": "bembix.errors",
    "InstancesExceeded": "bembix.errors",
    "InternalError": "bembix.errors",
    "Interrupted": "bembix.errors",
    "LimitExceeded": "bembix.errors",
    "LinkError": "bembix.errors",
    "MemoryExceeded": "bembix.errors",
    "OutOfFuel": "bembix.errors",
    "ParseError": "bembix.errors",
    "ResourceError": "bembix.errors",
    "SnapshotError": "bembix.errors",
    "StackExhausted": "bembix.errors",
    "TableExceeded": "bembix.errors",
    "Timeout": "bembix.errors",
    "Trap": "bembix.errors",
    "ValidationError": "bembix.errors",
    "WasmException": "bembix.errors",
    "Completed": "bembix.program",
    "run": "bembix.program",
    "run_async": "bembix.program",
    "caller": "bembix.runtime.caller",
    "with_caller": "bembix.runtime.caller",
    "deadline": "bembix.runtime.deadline",
    "ExnRef": "bembix.runtime.exnref",
    "Func": "bembix.runtime.func",
    "I31": "bembix.runtime.gcvalues",
    "ArrayRef": "bembix.runtime.gcvalues",
    "StructRef": "bembix.runtime.gcvalues",
    "Global": "bembix.runtime.global_",
    "ExportInfo": "bembix.runtime.info",
    "ImportInfo": "bembix.runtime.info",
    "Instance": "bembix.runtime.instance",
    "lanes": "bembix.runtime.lanes",
    "v128": "bembix.runtime.lanes",
    "Limits": "bembix.runtime.limits",
    "Memory": "bembix.runtime.memory",
    "Module": "bembix.runtime.module",
    "Namespace": "bembix.runtime.namespace",
    "Snapshot": "bembix.runtime.snapshot",
    "Store": "bembix.runtime.store",
    "Table": "bembix.runtime.table",
    "Tag": "bembix.runtime.tag",
    "Features": "bembix.spec.features",
    "HostFunction": "bembix.spec.host",
    "FuncType": "bembix.spec.types",
    "GlobalType": "bembix.spec.types",
    "MemoryType": "bembix.spec.types",
    "TableType": "bembix.spec.types",
}

__all__ = [*_HOMES]


if not TYPE_CHECKING:  # or any name would do for a type checker

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'bembix' has no attribute {name!r}")
        from importlib import import_module

        found = globals()[name] = getattr(import_module(home), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
