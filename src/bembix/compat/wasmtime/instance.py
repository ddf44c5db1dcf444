"""Instances and their exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from bembix.compat.wasmtime.errors import WasmtimeError, translated
from bembix.compat.wasmtime.extern import AsExtern, check_extern, wrap
from bembix.compat.wasmtime.func import Func, Who
from bembix.compat.wasmtime.module import Module
from bembix.compat.wasmtime.store import Store, Storelike, check_store, store_of
from bembix.runtime.instance import Instance as BembixInstance

#: Makes what Bembix imports, when it is told how to find the instance that imports it.
Given = Callable[[Who], object]


class Namespace(Mapping[str, object]):
    """What is given under one module name, by position: a name may be imported several times."""

    def __init__(self) -> None:
        self._given: dict[str, list[object]] = {}

    def add(self, name: str, value: object) -> None:
        """Give a value for the next import of this name."""
        self._given.setdefault(name, []).insert(0, value)

    def __getitem__(self, name: str) -> object:
        return self._given[name].pop()

    def __contains__(self, name: object) -> bool:
        return name in self._given

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def instantiate(store: Store, module: Module, given: Sequence[Given]) -> Instance:
    """Make an instance.  given: for each import, in order.  Errors: WasmtimeError, Trap."""
    from bembix.runtime.instantiate import instantiate as make_instance

    module.check_open()
    if module.engine is not store.engine:
        raise WasmtimeError("cross-`Engine` instantiation is not currently supported")
    cell: list[BembixInstance] = []

    def who() -> BembixInstance | None:
        return cell[0] if cell else None

    imports: dict[str, Namespace] = {}
    for entry, make in zip(module.bembix.definition.imports, given, strict=True):
        imports.setdefault(entry.module, Namespace()).add(entry.name, make(who))
    store.quota.take(module.bembix.definition)
    starts = module.bembix.definition.start is not None
    with translated(), store.meter.call() if starts else nullcontext():
        return Instance.of(make_instance(module.bembix, imports, store.bembix.inst, ready=cell.append))


def given(value: AsExtern) -> Given:
    """Return what makes an import of something of a program."""
    host = value.host if isinstance(value, Func) else None
    return host if host is not None else lambda who: value.bembix


class Instance:
    """A module that can run.  imports: one for each import of the module, in order.  Errors: WasmtimeError, Trap."""

    bembix: BembixInstance
    _exports: InstanceExports

    def __init__(self, store: Storelike, module: Module, imports: Sequence[AsExtern]) -> None:
        found = [given(check_extern(value)) for value in imports]
        wanted = len(module.bembix.definition.imports)
        if len(found) != wanted:
            raise WasmtimeError(f"expected {wanted} imports, found {len(found)}")
        made = instantiate(store_of(store), module, found)
        self.bembix, self._exports = made.bembix, made._exports

    @classmethod
    def of(cls, instance: BembixInstance) -> Instance:
        """Return what stands for an instance of Bembix."""
        made = cls.__new__(cls)
        made.bembix = instance
        made._exports = InstanceExports(instance)
        return made

    def exports(self, store: Storelike) -> InstanceExports:
        """Return what it exports, by name."""
        check_store(store, self.bembix.store.inst)
        return self._exports


class InstanceExports(Mapping[str, Any]):
    """The exports of an instance: a mapping, and in order as `by_index`."""

    def __init__(self, instance: BembixInstance) -> None:
        self._exports = instance.exports
        self._found: dict[str, AsExtern] = {}

    def __getitem__(self, name: str) -> Any:
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = wrap(self._exports[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._exports)

    def __len__(self) -> int:
        return len(self._exports)

    @property
    def by_index(self) -> tuple[AsExtern, ...]:
        """The exports in order."""
        return tuple([self[name] for name in self])
