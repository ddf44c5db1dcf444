"""A memory as the runtime has it: a reservation of addresses that never moves, of which more and more is usable.

Under 32 bit addresses, 8 GiB are reserved: an address and the largest offset together stay inside, so compiled
code needs no check: the guard behind the usable part makes every fault a trap.  Code for 64 bit addresses compares the
address with the block's length and leaves offsets to the guard; code for pages of one byte compares all of it.

A shared memory may be in instances of several stores, each with a thread of its own; it counts against the budget of
the store that it was made in.  Source: core 3.0, 4.2.8, 4.6.4 (growing); threads proposal.
"""

from __future__ import annotations

import gc
from typing import Final

from bembix.compile.layout import GUARD_64
from bembix.compile.layout import Block as Layout
from bembix.errors import MemoryExceeded, ResourceError
from bembix.native.images import Image
from bembix.native.memory import PAGE, Block, Reservation, reserve, round_up, write_u64
from bembix.runtime.storeinst import LOCK, Budget, StoreInst
from bembix.spec.types import I32, MemoryType

#: Reserved for a memory with 32 bit addresses: address + offset + the widest access, rounded up to a 64 KiB page.
RESERVED_32: Final = (8 << 30) + 0x10000
#: Reserved for a memory with 64 bit addresses that may grow beyond it; it can't, then.
RESERVED_64: Final = 64 << 30


class MemInst:
    """A memory: its type, its size, and its native block.

    address: of the native block.  base: of byte 0.  capacity: bytes that there is address space for.
    """

    __slots__ = (
        "__weakref__", "_block", "_budget", "_committed", "_reservation",
        "address", "base", "capacity", "pages", "type",
    )  # fmt: skip

    capacity: int

    def __init__(self, memtype: MemoryType, budget: Budget) -> None:
        self.type: MemoryType = memtype
        self.pages: int = 0
        self._budget = budget
        self._committed = 0
        self._reservation = self._reserve()
        self._block = Block(Layout.SIZE)
        self.address: int = self._block.address
        self.base: int = self._reservation.base
        write_u64(self.address + Layout.BASE, self.base)
        self._first_pages(memtype.limits.minimum)

    def __del__(self) -> None:
        budget = getattr(self, "_budget", None)  # absent where the constructor failed
        if budget is not None:
            budget.give_back(self.size)

    def _first_pages(self, count: int) -> None:
        self.check_budget(count)
        if self.grow(count) < 0:
            size = count << self.type.page_size_log2
            raise ResourceError(f"no room for {self.type} in the host: {size} bytes")

    def check_budget(self, count: int) -> None:
        """Make sure that the store has room for so many more pages.  Errors: MemoryExceeded."""
        size, budget = count << self.type.page_size_log2, self._budget
        if not budget.fits(size):
            used = f"with {budget.used} of {budget.limit} used"
            raise MemoryExceeded(f"no room in the store for {size} more bytes of {self.type}, {used} (Limits.memory)")

    def _reserve(self) -> Reservation:
        """Reserve address space; set `capacity`.  Errors: ResourceError."""
        needed = round_up(self.type.limits.minimum << self.type.page_size_log2)
        wanted = round_up(self.maximum << self.type.page_size_log2)
        self.capacity = max(needed, min(wanted, RESERVED_64), PAGE)
        if self.type.page_size_log2 != 16:
            return reserve_guarded(self.capacity)
        if self.type.address is I32:
            return reserve_guarded(RESERVED_32)
        while True:  # where address space is scarce, a memory that can't grow as far is better than none
            try:
                return reserve_guarded(self.capacity + GUARD_64)
            except ResourceError:
                if self.capacity == max(needed, PAGE):
                    raise
                self.capacity = max(needed, PAGE, round_up(self.capacity // 16))

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.pages << self.type.page_size_log2

    @property
    def maximum(self) -> int:
        """Pages that the memory can ever have."""
        possible = 1 << ((32 if self.type.address is I32 else 64) - self.type.page_size_log2)
        if not self.type.page_size_log2:
            possible -= 1
        return min(possible, self.type.limits.maximum if self.type.limits.maximum is not None else possible)

    def adopt(self, store: StoreInst) -> None:
        """Count against the budget of `store`, which has been charged already."""
        if not self.type.shared:
            self._budget = store.budget

    def grow(self, delta: int) -> int:
        """Add `delta` pages of zeros and return how many there were before, or -1 where that is impossible."""
        with LOCK:
            return self._grow(delta)

    def _grow(self, delta: int) -> int:
        before = self.pages
        after = before + delta
        size = after << self.type.page_size_log2
        if after > self.maximum or size > min(self.capacity, self._budget.each):
            return -1
        if not self._budget.take(size - self.size):
            return -1
        if not self._commit(size):
            self._budget.give_back(size - self.size)
            return -1
        self.pages = after
        write_u64(self.address + Layout.LENGTH, size)
        write_u64(self.address + Layout.PAGES, after)
        return before

    def clear(self) -> None:
        """Make all bytes 0.  Errors: ResourceError; the bytes may be gone then."""
        with LOCK:
            self._reservation.clear(0, self._committed)

    def map_image(self, image: Image, offset: int, start: int, length: int) -> None:
        """Make pages of an image the contents of pages that the memory has; writes stay in this memory.

        offset: in the memory.  start, length: in the image.  All are multiples of the host's pages.
        Errors: ResourceError.
        """
        if offset + length > self._committed:
            raise ResourceError(f"an image of {length} bytes does not fit at {offset} of a memory of {self.size}")
        image.map(self._reservation, offset, start, length)

    def _commit(self, size: int) -> bool:
        size = round_up(size)
        if size > self._committed:
            try:
                self._reservation.commit(self._committed, size - self._committed)
            except ResourceError:
                return False
            self._committed = size
        return True


def reserve_guarded(size: int) -> Reservation:
    """Reserve address space; where there is none left, garbage may hold some."""
    try:
        return reserve(size, guard=True)
    except ResourceError:
        gc.collect()
        return reserve(size, guard=True)
