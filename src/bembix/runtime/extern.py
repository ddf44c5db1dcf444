"""What all objects have in common that instances import and export.  Source: core 3.0, 4.2.9."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

from bembix.runtime.store import Store
from bembix.runtime.storeinst import Owned, StoreInst


class Inst(Owned, Protocol):
    """The native side of an extern."""

    @property
    def address(self) -> int:
        """Address of its native block."""


I = TypeVar("I", bound=Inst)  # noqa: E741  # the one letter that the specification has for instances
X = TypeVar("X", bound="Extern[Any]")


class Extern(Generic[I]):
    """A memory, table, global or tag: a public object keeps its store and its native side alive.

    Two objects for the same thing never exist at a time, so `is` and `==` say whether two are the same.
    """

    __slots__ = ()

    _inst: I
    _store: StoreInst

    @property
    def store(self) -> Store:
        """The store that it belongs to.  What was made without one gets that of the first instance it is given to."""
        return Store.of(self.store_inst)

    @property
    def store_inst(self) -> StoreInst:
        """The store as the runtime sees it; not for users."""
        return self._store.root

    @property
    def inst(self) -> I:
        """The native side; not for users."""
        return self._inst

    def _bind(self, inst: I, store: StoreInst) -> None:
        raise NotImplementedError


class SlottedExtern(Extern[I]):
    """One that has its fields from Python; those of a memory are where generated code finds them."""

    __slots__ = ("__weakref__", "_inst", "_store")

    def _bind(self, inst: I, store: StoreInst) -> None:
        self._inst = inst
        self._store = store


def store_for(store: Store | None) -> StoreInst:
    """Return the store in which the user makes an object."""
    return StoreInst(unbound=True) if store is None else store.inst


def public(kind: type[X], inst: Inst, store: StoreInst) -> X:
    """Return the public object for something of a store."""

    def make() -> X:
        made = kind.__new__(kind)
        made._bind(inst, store)
        return made

    return store.public(inst.address, make)
