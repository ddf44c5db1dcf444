"""A table as the runtime has it: 8 bytes an element, in memory that never moves.  Source: core 3.0, 4.2.7, 4.6.3."""

from __future__ import annotations

import struct

from bembix.compile.layout import Block as Layout
from bembix.errors import ResourceError, TableExceeded
from bembix.native.memory import Block, read_u64, reserve, round_up, write_bytes, write_u64
from bembix.runtime.heapinst import is_traced
from bembix.runtime.storeinst import LOCK, Budget, StoreInst
from bembix.spec.limits import MAX_TABLE_SIZE
from bembix.spec.types import I32, TableType

_ELEMENT_SIZE = 8


class TableInst:
    """A table: its type (canonicalised) and its native block.

    address: of the native block.  base: of element 0.  length: elements it has now.
    """

    __slots__ = ("__weakref__", "_block", "_budget", "_committed", "_reservation", "address", "base", "length", "type")

    def __init__(self, tabletype: TableType, budget: Budget, init: int = 0) -> None:
        minimum = tabletype.limits.minimum
        if minimum > MAX_TABLE_SIZE:
            raise ResourceError(f"no room for {tabletype}: a table may have {MAX_TABLE_SIZE} elements")
        self.type: TableType = tabletype
        self.length: int = 0
        self._budget = budget
        self.check_budget(minimum)
        self._committed = 0
        self._reservation = reserve(min(self.maximum, MAX_TABLE_SIZE) * _ELEMENT_SIZE)
        self._block = Block(Layout.SIZE)
        self.address: int = self._block.address
        self.base: int = self._reservation.base
        write_u64(self.address + Layout.BASE, self.base)
        if self.grow(minimum, init) < 0:
            raise ResourceError(f"no room for {tabletype} in the host")

    def __del__(self) -> None:
        budget = getattr(self, "_budget", None)  # absent where the constructor failed
        if budget is not None:
            budget.give_back(self.length)

    def check_budget(self, count: int) -> None:
        """Make sure that the store has room for so many more elements.  Errors: TableExceeded."""
        budget = self._budget
        if not budget.fits(count):
            used = f"with {budget.used} of {budget.limit} used"
            raise TableExceeded(f"no room in the store for {count} more elements of {self.type}, {used} (Limits.table)")

    @property
    def maximum(self) -> int:
        """Elements that the table can ever have."""
        possible = (1 << (32 if self.type.address is I32 else 64)) - 1
        return possible if self.type.limits.maximum is None else min(possible, self.type.limits.maximum)

    def adopt(self, store: StoreInst) -> None:
        """Have the references in it kept alive, and count against the budget, which has been charged already."""
        self._budget = store.table_budget
        if is_traced(self.type.element):
            store.heap.add_pair(self.address)

    def get(self, index: int) -> int:
        """Return the address in an element; `index` is not checked."""
        return read_u64(self.base + _ELEMENT_SIZE * index)

    def set(self, index: int, reference: int) -> None:
        """Replace an element; `index` is not checked."""
        write_u64(self.base + _ELEMENT_SIZE * index, reference)

    def grow(self, delta: int, init: int) -> int:
        """Add `delta` elements and return how many there were before, or -1 where that is impossible."""
        with LOCK:
            return self._grow(delta, init)

    def _grow(self, delta: int, init: int) -> int:
        before = self.length
        after = before + delta
        if after > min(self.maximum, MAX_TABLE_SIZE, self._budget.each) or not self._budget.take(delta):
            return -1
        if not self._commit(after * _ELEMENT_SIZE):
            self._budget.give_back(delta)
            return -1
        if init:  # fresh pages are zero
            write_bytes(self.base + _ELEMENT_SIZE * before, struct.pack("<Q", init) * delta)
        self.length = after
        write_u64(self.address + Layout.LENGTH, after)
        return before

    def shrink(self, length: int) -> None:
        """Have fewer elements, as before a `grow`; what was behind is null when there are more again."""
        with LOCK:
            gone = self.length - length
            write_bytes(self.base + _ELEMENT_SIZE * length, bytes(_ELEMENT_SIZE * gone))
            self.length = length
            write_u64(self.address + Layout.LENGTH, length)
            self._budget.give_back(gone)

    def _commit(self, size: int) -> bool:
        size = round_up(size)
        if size > self._committed:
            try:
                self._reservation.commit(self._committed, size - self._committed)
            except ResourceError:
                return False
            self._committed = size
        return True
