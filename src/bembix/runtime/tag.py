"""Tags: what exceptions are thrown with, natively and in public.  Source: core 3.0, 4.2.9."""

from __future__ import annotations

import weakref
from collections.abc import Iterable

from bembix.errors import InternalError
from bembix.native.memory import Block
from bembix.runtime import registry
from bembix.runtime.extern import SlottedExtern, store_for
from bembix.runtime.store import Store
from bembix.runtime.storeinst import StoreInst
from bembix.runtime.values import valtype_of
from bembix.spec.canonical import functype_id
from bembix.spec.types import FuncType, ValType


class TagInst:
    """A tag: its type (canonicalised), the canonical id of that, and the address that is its identity."""

    __slots__ = ("__weakref__", "_block", "_store", "address", "type", "type_id")

    def __init__(self, functype: FuncType, type_id: int) -> None:
        self.type: FuncType = functype
        self.type_id: int = type_id
        self._block = Block(8)
        self._store: weakref.ref[StoreInst] | None = None
        self.address: int = self._block.address
        registry.tags[self.address] = self

    @property
    def store(self) -> StoreInst:
        """The store that owns it."""
        store = self._store() if self._store is not None else None
        if store is None:
            raise InternalError("a tag has outlived its store")
        return store.root

    def adopt(self, store: StoreInst) -> None:
        """Belong to `store`."""
        self._store = weakref.ref(store)


class Tag(SlottedExtern[TagInst]):
    """A kind of exception that Wasm and Python throw at each other: `raise WasmException(tag, (1, 2.5))`.

    parameters: the types of the payload, such as ("i32", "f64").  store: see `Store`.

    Source: core 3.0, 4.2.9.
    """

    __slots__ = ()

    def __init__(self, parameters: Iterable[ValType | str] = (), *, store: Store | None = None) -> None:
        functype = FuncType(tuple(valtype_of(word) for word in parameters))
        owner = store_for(store)
        self._bind(TagInst(functype, functype_id(functype)), owner)
        owner.own(self._inst)
        owner.public(self._inst.address, lambda: self)

    def __repr__(self) -> str:
        return f"<bembix.Tag ({' '.join(map(str, self.type.params))})>"

    @property
    def type(self) -> FuncType:
        """A function type; its parameters are the payload."""
        return self._inst.type
