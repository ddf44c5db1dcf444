"""What may be given for an import of each kind, and how it is taken.  Source: core 3.0, 4.5.3, 4.5.4."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, cast

from bembix.errors import BembixError
from bembix.runtime import cells, matching
from bembix.runtime.arity import misfit
from bembix.runtime.func import FuncInfo, info_of, is_func, record_of
from bembix.runtime.global_ import Global
from bembix.runtime.globalinst import GlobalInst
from bembix.runtime.hostfunc import HostInst
from bembix.runtime.memory import Memory
from bembix.runtime.moduleinst import Externs
from bembix.runtime.storeinst import StoreInst
from bembix.runtime.table import Table
from bembix.runtime.tag import Tag
from bembix.runtime.values import to_wasm
from bembix.spec.canonical import canonical_type, is_subtype
from bembix.spec.host import HostFunction
from bembix.spec.module import ExternKind, Import
from bembix.spec.types import FuncType, GlobalType, MemoryType, TableType

#: The canonicalised type of an import; a function's and a tag's is its canonical id.
Wanted: TypeAlias = "int | TableType | MemoryType | GlobalType"
#: Adds what was given to the index spaces of an instance in a store.
Take: TypeAlias = Callable[[Externs, StoreInst], None]


def functype(wanted: Wanted) -> FuncType:
    """Return the function type behind a canonical id."""
    return cast(FuncType, canonical_type(cast(int, wanted)).composite)


def _host_function(entry: Import, function: Callable[..., object], type_id: int) -> Take:
    def take(externs: Externs, store: StoreInst) -> None:
        info = FuncInfo(entry.name, functype(type_id), type_id, entry.module)
        externs.functions.append(HostInst(function, info, store).address)

    return take


def _func(entry: Import, value: object, wanted: Wanted) -> Take | None:
    type_id = cast(int, wanted)
    if is_func(value):
        if not is_subtype(info_of(value).type_id, type_id):
            return None
        return lambda externs, store: externs.functions.append(record_of(value))
    if isinstance(value, HostFunction):
        same = matching.match_host_function(value.type, type_id)
        return _host_function(entry, value.callable, type_id) if same else None
    if not callable(value) or misfit(value, len(functype(wanted).params)):
        return None
    return _host_function(entry, value, type_id)


def _memory(entry: Import, value: object, wanted: Wanted) -> Take | None:
    if not isinstance(value, Memory):
        return None
    if not matching.match_memory(matching.memory_type_now(value.inst), cast(MemoryType, wanted)):
        return None

    def take(externs: Externs, store: StoreInst) -> None:
        store.own(value.inst)
        externs.memories.append(value.inst)

    return take


def _table(entry: Import, value: object, wanted: Wanted) -> Take | None:
    if not isinstance(value, Table):
        return None
    if not matching.match_table(matching.table_type_now(value.inst), cast(TableType, wanted)):
        return None

    def take(externs: Externs, store: StoreInst) -> None:
        store.own(value.inst)
        externs.tables.append(value.inst)

    return take


def _global(entry: Import, value: object, wanted: Wanted) -> Take | None:
    globaltype = cast(GlobalType, wanted)
    if not isinstance(value, Global):
        return _constant(entry, value, globaltype)
    if not matching.match_global(value.type, globaltype):
        return None

    def take(externs: Externs, store: StoreInst) -> None:
        store.own(value.inst)
        externs.globals.append(value.inst)

    return take


def _constant(entry: Import, value: object, wanted: GlobalType) -> Take | None:
    """Take a plain value for a global that nobody can assign to."""

    def bits(store: StoreInst) -> int:
        return cells.bits_of(to_wasm(value, wanted.value, f"{entry.module}.{entry.name}", store), wanted.value)

    def take(externs: Externs, store: StoreInst) -> None:
        made = GlobalInst.alone(wanted, bits(store))
        store.own(made)
        externs.globals.append(made)

    try:
        bits(StoreInst(unbound=True))
    except (TypeError, ValueError, OverflowError, BembixError):
        return None
    return None if wanted.mutable else take


def _tag(entry: Import, value: object, wanted: Wanted) -> Take | None:
    if not isinstance(value, Tag) or value.inst.type_id != wanted:
        return None

    def take(externs: Externs, store: StoreInst) -> None:
        store.own(value.inst)
        externs.tags.append(value.inst)

    return take


#: Checks what is given for an import of this kind; None where it does not match.
IMPORTERS: Final[dict[ExternKind, Callable[[Import, object, Wanted], Take | None]]] = {
    ExternKind.FUNC: _func,
    ExternKind.MEMORY: _memory,
    ExternKind.TABLE: _table,
    ExternKind.GLOBAL: _global,
    ExternKind.TAG: _tag,
}


def words_for_wanted(kind: ExternKind, wanted: Wanted) -> str:
    """Say what an import wants."""
    match kind:
        case ExternKind.FUNC:
            return f"func {functype(wanted)}"
        case ExternKind.TAG:
            return _words_for_tag(functype(wanted))
    return str(wanted)


def _words_for_tag(tagtype: FuncType) -> str:
    return f"tag ({' '.join(map(str, tagtype.params))})"


def words_for_given(value: object, wanted: Wanted) -> str:
    """Say what was given for an import."""
    if callable(value) and isinstance(wanted, int) and not is_func(value):
        taken = misfit(value, len(functype(wanted).params))
        if taken:
            return f"the function {taken}"
    match value:
        case Memory():
            return str(matching.memory_type_now(value.inst))
        case Table():
            return str(matching.table_type_now(value.inst))
        case Global():
            return str(value.type)
        case Tag():
            return _words_for_tag(value.type)
        case HostFunction():
            return f"func {value.type}"
        case int() | float():
            return f"the number {value!r}"
    return f"func {info_of(value).type}" if is_func(value) else f"an object of type {type(value).__name__}"
