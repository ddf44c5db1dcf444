"""References to exceptions, as Python has them: opaque.  Source: core 3.0, 4.2.15; JavaScript API, which has none."""

from __future__ import annotations

from bembix.compile.layout import Exception_ as Layout
from bembix.errors import InternalError
from bembix.native.memory import read_u64
from bembix.runtime import registry
from bembix.runtime.storeinst import StoreInst


class ExnRef:
    """A reference to an exception that Wasm caught; all that can be done with it is to give it back."""

    __slots__ = ("__weakref__", "_pin", "address", "store")

    def __init__(self, address: int, store: StoreInst) -> None:
        self.address: int = address
        self.store: StoreInst = store
        self._pin = store.heap.pin(address)

    def __repr__(self) -> str:
        return f"<bembix.ExnRef at {self.address:#x}>"


def exnref_at(address: int) -> ExnRef:
    """Return the one object that stands for an exception, by the address of its block."""
    tag = registry.tags.get(read_u64(address + Layout.TAG))
    if tag is None:
        raise InternalError(f"the exception at {address:#x} has no tag")
    store = tag.store
    return store.public(address, lambda: ExnRef(address, store))
