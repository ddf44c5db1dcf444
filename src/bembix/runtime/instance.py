"""The public face of a module instance.  Source: core 3.0, 4.2.5; WebAssembly JavaScript API, 5.2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bembix.runtime.exports import Exports
from bembix.runtime.moduleinst import ModuleInst
from bembix.runtime.store import Store
from bembix.runtime.storeinst import StoreInst

if TYPE_CHECKING:
    from bembix.runtime.module import Module


class Instance:
    """A module that was given its imports and can run.  `Module.instantiate` makes it.

    May be given as the imports of another module: `other.instantiate({"name": instance})`.

    Source: core 3.0, 4.2.5.
    """

    __slots__ = ("__weakref__", "_exports", "_inst", "_store")

    def __init__(self, inst: ModuleInst, store: StoreInst) -> None:
        self._inst = inst
        self._store = store
        self._exports = Exports(inst, store, inst.module.exports_by_name)

    @property
    def exports(self) -> Exports:
        """What it exports, by name."""
        return self._exports

    @property
    def module(self) -> Module:
        """What it is an instance of."""
        return self._inst.module

    @property
    def store(self) -> Store:
        """The store that it lives in."""
        return Store.of(self._store)

    def __repr__(self) -> str:
        return f"<bembix.Instance of {self.module.name or 'a module'} with {len(self._exports)} exports>"

    def _repr_html_(self) -> str:
        from bembix.runtime.html import instance_html

        return instance_html(self)
