"""The public face of a table.  Source: core 3.0, 4.2.7; WebAssembly JavaScript API, 5.4."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import cast

from bembix.errors import ResourceError
from bembix.runtime.extern import SlottedExtern, store_for
from bembix.runtime.heapinst import is_traced
from bembix.runtime.store import Store
from bembix.runtime.tableinst import TableInst
from bembix.runtime.values import to_python, to_wasm, valtype_of
from bembix.spec.limits import MAX_TABLE_SIZE
from bembix.spec.types import FUNCREF, Limits, RefType, TableType, ValType


class Table(SlottedExtern[TableInst]):
    """A table of references that instances share with Python; used like a list that can only grow.

    minimum: elements that it has at first.  maximum: elements that it may grow to, or None.
    element: what it holds, such as "funcref" or "externref".  init: the first value of all elements.
    Errors: ValueError where this makes no sense, ResourceError where the host has no room, TableExceeded where the
    store has none.

    Source: core 3.0, 4.2.7.
    """

    __slots__ = ()

    def __init__(
        self,
        minimum: int,
        maximum: int | None = None,
        *,
        element: ValType | str = FUNCREF,
        init: object = None,
        store: Store | None = None,
    ) -> None:
        top = MAX_TABLE_SIZE if maximum is None else maximum
        if not 0 <= minimum <= min(top, MAX_TABLE_SIZE):
            raise ValueError(f"a table has 0 <= minimum <= maximum elements, not {minimum} and {maximum}")
        reftype = valtype_of(element)
        if not isinstance(reftype, RefType):
            raise ValueError(f"a table holds references, not {reftype}")
        owner = store_for(store)
        with owner.converting(reftype):
            first = cast(int, to_wasm(init, reftype, "table element", owner))
            self._bind(TableInst(TableType(Limits(minimum, maximum), reftype), owner.table_budget, first), owner)
            if is_traced(reftype):
                owner.own(self._inst)
        self.store_inst.public(self._inst.address, lambda: self)

    def __repr__(self) -> str:
        return f"<bembix.Table of {len(self)} {self.type.element}>"

    def __len__(self) -> int:
        return self._inst.length

    def __getitem__(self, index: int) -> object:
        """Return an element; counts from the end where `index` is negative.  Errors: IndexError."""
        place = self._place(index)
        with self.store_inst.converting(self.type.element):
            return to_python(self._inst.get(place), self.type.element, self.store_inst)

    def __setitem__(self, index: int, value: object) -> None:
        """Replace an element.  Errors: IndexError; TypeError where the value is none that the table holds."""
        place = self._place(index)
        with self.store_inst.converting(self.type.element):
            self._inst.set(place, self._to_wasm(value))

    def __iter__(self) -> Iterator[object]:
        return (self[index] for index in range(len(self)))

    @property
    def type(self) -> TableType:
        """Its type as it was defined; `len` is what it has now."""
        return self._inst.type

    def grow(self, count: int, init: object = None) -> int:
        """Add `count` elements and return how many there were before.

        Errors: ResourceError where the maximum is exceeded or the host has no memory; TableExceeded where the store's
        limit is.
        """
        if count < 0:
            raise ValueError(f"a table can't grow by {count} elements")
        with self.store_inst.converting(self.type.element):
            before = self._inst.grow(operator.index(count), self._to_wasm(init))
        if before < 0:
            self._inst.check_budget(count)
            raise ResourceError(f"a table of {len(self)} elements (maximum {self._inst.maximum}) can't grow by {count}")
        return before

    def _to_wasm(self, value: object) -> int:
        return cast(int, to_wasm(value, self.type.element, "table element", self.store_inst))

    def _place(self, index: int) -> int:
        length, index = len(self), operator.index(index)
        if not -length <= index < length:
            raise IndexError(f"out of bounds table access: element {index}, the table has {length}")
        return index % length
