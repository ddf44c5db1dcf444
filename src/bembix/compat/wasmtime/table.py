"""Tables."""

from __future__ import annotations

from typing import Any

from bembix.compat.wasmtime.errors import WasmtimeError, translated
from bembix.compat.wasmtime.store import Storelike, check_store, store_of
from bembix.compat.wasmtime.types import TableType
from bembix.compat.wasmtime.values import boxed, to_bembix
from bembix.errors import ResourceError
from bembix.runtime.table import Table as BembixTable


class Table:
    """A table of a store.  ty: its type.  init: the first value of its elements.  Errors: TypeError, WasmtimeError."""

    def __init__(self, store: Storelike, ty: TableType, init: Any) -> None:
        owner = store_of(store)
        if not isinstance(ty, TableType):
            raise TypeError("expected a TableType")
        limits, element = ty.spec.limits, ty.spec.element
        first = to_bembix(element)(init)
        with translated():
            self.bembix: BembixTable = BembixTable(
                limits.minimum, limits.maximum, element=element, init=first, store=owner.bembix
            )
            owner.bembix.inst.own(self.bembix.inst)

    @classmethod
    def of(cls, found: BembixTable) -> Table:
        """Return what stands for a table of Bembix."""
        made = cls.__new__(cls)
        made.bembix = found
        return made

    def _checked(self, store: Storelike) -> BembixTable:
        check_store(store, self.bembix.store_inst)
        return self.bembix

    def type(self, store: Storelike) -> TableType:
        """Return its type as it was defined."""
        return TableType.of(self._checked(store).type)

    def size(self, store: Storelike) -> int:
        """Return how many elements it has."""
        return len(self._checked(store))

    def get(self, store: Storelike, idx: int) -> Any:
        """Return an element, null as a `Val`; or None where there is none of that number."""
        found = self._checked(store)
        return boxed(found[idx], found.type.element) if 0 <= idx < len(found) else None

    def set(self, store: Storelike, idx: int, val: Any) -> None:
        """Replace an element.  Errors: WasmtimeError where there is none of that number, TypeError."""
        found = self._checked(store)
        value = to_bembix(found.type.element)(val)
        if not 0 <= idx < len(found):
            raise WasmtimeError("wasm trap: undefined element: out of bounds table access")
        found[idx] = value

    def grow(self, store: Storelike, amt: int, init: Any) -> int:
        """Add elements and return how many there were.  Errors: WasmtimeError, TypeError."""
        found = self._checked(store)
        value = to_bembix(found.type.element)(init)
        if amt < 0:
            raise WasmtimeError("cannot grow by negative amount")
        try:
            return found.grow(amt, value)
        except ResourceError:
            raise WasmtimeError(f"failed to grow table by `{amt}`") from None
