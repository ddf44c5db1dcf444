"""Tags of exceptions."""

from __future__ import annotations

from bembix.compat.wasmtime.errors import WasmtimeError
from bembix.compat.wasmtime.store import Storelike, check_store, store_of
from bembix.compat.wasmtime.types import FuncType, TagType
from bembix.runtime.tag import Tag as BembixTag


class Tag:
    """A tag of a store.  ty: its type.  Errors: WasmtimeError where that has results."""

    def __init__(self, store: Storelike, ty: TagType) -> None:
        owner = store_of(store)
        if not isinstance(ty, TagType):
            raise TypeError("expected a TagType")
        if ty.functype.spec.results:
            raise WasmtimeError("Cannot create an exception type from a tag type with results in the signature")
        self.bembix: BembixTag = BembixTag(ty.functype.spec.params, store=owner.bembix)

    @classmethod
    def of(cls, found: BembixTag) -> Tag:
        """Return what stands for a tag of Bembix."""
        made = cls.__new__(cls)
        made.bembix = found
        return made

    def type(self, store: Storelike) -> TagType:
        """Return its type."""
        check_store(store, self.bembix.store_inst)
        return TagType(FuncType.of(self.bembix.type))

    def eq(self, store: Storelike, other: Tag) -> bool:
        """Tell whether another is the same tag."""
        check_store(store, self.bembix.store_inst)
        return self.bembix is other.bembix
