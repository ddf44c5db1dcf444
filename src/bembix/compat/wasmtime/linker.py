"""Linkers: names for what modules import."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from bembix.compat.wasmtime import wasi
from bembix.compat.wasmtime.defaults import default_extern, default_results
from bembix.compat.wasmtime.engine import Engine
from bembix.compat.wasmtime.errors import WasmtimeError
from bembix.compat.wasmtime.extern import AsExtern, check_extern
from bembix.compat.wasmtime.func import Func, Who, host_function, make_host
from bembix.compat.wasmtime.instance import Given, Instance, given, instantiate
from bembix.compat.wasmtime.managed import Managed
from bembix.compat.wasmtime.module import Module, check_module
from bembix.compat.wasmtime.store import Store, Storelike, store_of
from bembix.compat.wasmtime.types import FuncType
from bembix.records import dataclass
from bembix.spec import types as spec

if TYPE_CHECKING:
    from bembix.runtime.memory import Memory


@dataclass(frozen=True, slots=True)
class _HostFunc:
    """A callable that becomes a function in each store that it is needed in."""

    type: spec.FuncType
    func: Callable[..., Any]
    access_caller: bool

    def given(self, store: Store) -> Given:
        """Return what makes the import."""
        made = weakref.ref(store)
        return lambda who: host_function(made, self.type, self.func, who if self.access_caller else None)

    def extern(self, store: Store) -> AsExtern:
        """Return it as a function of the store."""
        return Func(store, FuncType.of(self.type), self.func, self.access_caller)


@dataclass(frozen=True, slots=True)
class _WasiFunc:
    """A function of WASI."""

    name: str

    def given(self, store: Store) -> Given:
        """Return what makes the import."""
        return lambda who: wasi.function(store.wasi, self.name, lambda: _memory(who))

    def extern(self, store: Store) -> AsExtern:
        """Return it as a function of the store."""
        host = wasi.function(store.wasi, self.name, _no_memory)
        return Func.of(make_host(store, host.type, host.callable))


@dataclass(frozen=True, slots=True)
class _Extern:
    """Something of a store."""

    extern_: AsExtern

    def given(self, store: Store) -> Given:
        """Return what makes the import."""
        return given(self.extern_)

    def extern(self, store: Store) -> AsExtern:
        """Return it."""
        return self.extern_


Item: TypeAlias = "_HostFunc | _WasiFunc | _Extern"
Items: TypeAlias = "dict[tuple[str, str], Item]"


def _memory(who: Who) -> Memory:
    instance = who()
    found = instance.exports.get("memory") if instance is not None else None
    if found is None:
        return _no_memory()
    return found  # type: ignore[no-any-return]  # WASI's functions find out what it is


def _no_memory() -> NoReturn:
    raise WasmtimeError("missing required memory export")


def resolve(items: Items, store: Store, module: Module) -> list[Given]:
    """Find all that a module imports.  Errors: WasmtimeError."""
    found = []
    for entry in module.bembix.definition.imports:
        item = items.get((entry.module, entry.name))
        if item is None:
            raise WasmtimeError(f"unknown import: `{entry.module}::{entry.name}` has not been defined")
        found.append(item.given(store))
    return found


class Linker(Managed):
    """Names and what they stand for.

    allow_shadowing: a name may be defined again.
    """

    def __init__(self, engine: Engine) -> None:
        engine.check_open()
        self.engine = engine
        self._items: Items = {}
        self._shadowing = False

    def _set_shadowing(self, allow: bool) -> None:
        self.check_open()
        if not isinstance(allow, bool):
            raise TypeError("expected a boolean")
        self._shadowing = allow

    allow_shadowing: property = property(None, _set_shadowing)

    def _define(self, module: str, name: str, item: Item) -> None:
        self.check_open()
        module, name = module.encode().decode(), name.encode().decode()  # AttributeError for what is no str
        if (module, name) in self._items and not self._shadowing:
            raise WasmtimeError(f"import of `{module}::{name}` defined twice")
        self._items[module, name] = item

    def define(self, store: Storelike, module: str, name: str, item: AsExtern) -> None:
        """Give a name to something of a store.  Errors: WasmtimeError, TypeError."""
        store_of(store)
        self._define(module, name, _Extern(check_extern(item)))

    def define_func(
        self, module: str, name: str, ty: FuncType, func: Callable[..., Any], access_caller: bool = False
    ) -> None:
        """Give a name to a callable.  Errors: WasmtimeError."""
        if not isinstance(ty, FuncType):
            raise TypeError("expected a FuncType")
        self._define(module, name, _HostFunc(ty.spec, func, access_caller))

    def define_instance(self, store: Storelike, name: str, instance: Instance) -> None:
        """Give names to all exports of an instance.  Errors: WasmtimeError."""
        if not isinstance(instance, Instance):
            raise TypeError("expected an `Instance`")
        for export, item in instance.exports(store).items():
            self._define(name, export, _Extern(item))

    def define_wasi(self) -> None:
        """Define WASI's functions; the store says what they may do.  Errors: WasmtimeError."""
        from bembix.wasi.preview1 import MODULES

        for name in sorted(MODULES[wasi.MODULE]):
            self._define(wasi.MODULE, name, _WasiFunc(name))

    def define_module(self, store: Storelike, name: str, module: Module) -> None:
        """Give names to all exports of a module: of a new instance at each call where it is a command (`_start`).

        Errors: WasmtimeError, Trap.
        """
        owner = store_of(store)
        check_module(module)
        exports = {export.name: export for export in module.bembix.exports}
        if "_start" not in exports:
            instance = self.instantiate(owner, module)
            if "_initialize" in exports:
                instance.exports(owner)["_initialize"](owner)
            return self.define_instance(owner, name, instance)
        for export in exports.values():
            if export.kind == "func" and isinstance(export.type, spec.FuncType):
                self._define(
                    name, export.name, _HostFunc(export.type, self._command(owner, module, export.name), False)
                )
        return None

    def _command(self, store: Store, module: Module, name: str) -> Callable[..., Any]:
        items, owner = dict(self._items), weakref.ref(store)

        def call(*arguments: Any) -> Any:
            store = owner()
            if store is None:
                raise WasmtimeError("the store is gone")
            made = instantiate(store, module, resolve(items, store, module))
            return made.exports(store)[name](store, *arguments)

        return call

    def define_unknown_imports_as_traps(self, module: Module) -> None:
        """Define the functions that a module imports and nobody defined: a call of one is an error."""
        check_module(module)
        for entry in module.bembix.imports:
            if (entry.module, entry.name) in self._items or not isinstance(entry.type, spec.FuncType):
                continue
            message = f"unknown import: `{entry.module}::{entry.name}` has not been defined"
            self._define(entry.module, entry.name, _HostFunc(entry.type, _raises(message), False))

    def define_unknown_imports_as_default_values(self, store: Storelike, module: Module) -> None:
        """Define what a module imports and nobody defined: functions that return zeros, globals that are zero."""
        owner = store_of(store)
        check_module(module)
        for entry in module.bembix.imports:
            if (entry.module, entry.name) in self._items:
                continue
            if entry.kind == "func" and isinstance(entry.type, spec.FuncType):
                item: Item = _HostFunc(entry.type, default_results(entry.type), False)
            else:
                item = _Extern(default_extern(owner, entry.kind, entry.type))
            self._define(entry.module, entry.name, item)

    def instantiate(self, store: Storelike, module: Module) -> Instance:
        """Make an instance of a module, with what was defined for its imports.  Errors: WasmtimeError, Trap."""
        self.check_open()
        owner = store_of(store)
        return instantiate(owner, module, resolve(self._items, owner, module))

    def instantiate_pre(self, module: Module) -> InstancePre:
        """Look up a module's imports now, to make instances later.  Errors: WasmtimeError."""
        self.check_open()
        return InstancePre(self._items, module)

    def get(self, store: Storelike, module: str, name: str) -> AsExtern:
        """Return what a name stands for.  Errors: WasmtimeError where it is none."""
        item = self._items.get((module, name))
        if item is None:
            raise WasmtimeError("item not defined in linker")
        return item.extern(store_of(store))

    def get_default(self, store: Storelike, name: str) -> Func:
        """Return what a module's name itself stands for: its export "" or "_start", or a function that does nothing.

        Errors: WasmtimeError where that is no function.
        """
        owner = store_of(store)
        for export in ("", "_start"):
            item = self._items.get((name, export))
            if item is not None:
                found = item.extern(owner)
                if not isinstance(found, Func):
                    raise WasmtimeError(f"the default export of {name!r} is no function")
                return found
        return Func(owner, FuncType([], []), lambda: None)


class InstancePre(Managed):
    """A module whose imports were looked up."""

    def __init__(self, items: Items, module: Module) -> None:
        check_module(module)
        wanted = [(entry.module, entry.name) for entry in module.bembix.definition.imports]
        missing = [key for key in wanted if key not in items]
        if missing:
            raise WasmtimeError(f"unknown import: `{missing[0][0]}::{missing[0][1]}` has not been defined")
        self._items = {key: items[key] for key in wanted}
        self._module = module

    @property
    def module(self) -> Module:
        """The module."""
        return self._module

    def instantiate(self, store: Storelike) -> Instance:
        """Make an instance.  Errors: WasmtimeError, Trap."""
        self.check_open()
        owner = store_of(store)
        return instantiate(owner, self._module, resolve(self._items, owner, self._module))


def _raises(message: str) -> Callable[..., NoReturn]:
    def call(*arguments: object) -> NoReturn:
        raise WasmtimeError(message)

    return call
