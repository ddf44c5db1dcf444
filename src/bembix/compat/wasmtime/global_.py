"""Globals."""

from __future__ import annotations

from typing import Any

from bembix.compat.wasmtime.errors import WasmtimeError, translated
from bembix.compat.wasmtime.store import Storelike, check_store, store_of
from bembix.compat.wasmtime.types import GlobalType
from bembix.compat.wasmtime.values import boxed, to_bembix
from bembix.runtime.global_ import Global as BembixGlobal


class Global:
    """A global of a store.  ty: its type.  val: its first value.  Errors: TypeError."""

    def __init__(self, store: Storelike, ty: GlobalType, val: Any) -> None:
        owner = store_of(store)
        if not isinstance(ty, GlobalType):
            raise TypeError("expected a GlobalType")
        value, kind = to_bembix(ty.spec.value)(val), ty.spec
        with translated():
            self.bembix: BembixGlobal = BembixGlobal(kind.value, value, mutable=kind.mutable, store=owner.bembix)
            owner.bembix.inst.own(self.bembix.inst)  # as all that is made in a store of wasmtime

    @classmethod
    def of(cls, found: BembixGlobal) -> Global:
        """Return what stands for a global of Bembix."""
        made = cls.__new__(cls)
        made.bembix = found
        return made

    def _checked(self, store: Storelike) -> BembixGlobal:
        check_store(store, self.bembix.store_inst)
        return self.bembix

    def type(self, store: Storelike) -> GlobalType:
        """Return its type."""
        return GlobalType.of(self._checked(store).type)

    def value(self, store: Storelike) -> Any:
        """Return its value; null as a `Val`."""
        found = self._checked(store)
        return boxed(found.value, found.type.value)

    def set_value(self, store: Storelike, val: Any) -> None:
        """Set its value.  Errors: WasmtimeError where it is not mutable, TypeError."""
        found = self._checked(store)
        value = to_bembix(found.type.value)(val)
        if not found.type.mutable:
            raise WasmtimeError("immutable global cannot be set")
        found.value = value
