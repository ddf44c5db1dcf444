"""Address ranges that the fault handler looks into: code of Wasm, and memory whose faults are traps.

A table in memory that is never freed:

    head   0  address of the array
    array  0  number of entries
           8  start, end (exclusive) of each; an empty entry ends at 0

The handler may run at any moment, in other threads too, and takes no lock: it reads ends before starts, an entry is
valid after each single write, and a full array is replaced, never moved.  An empty entry is used again as late as
possible, so that nobody is still reading what was in it.
"""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from typing import Final

from bembix.native.libc import immortal

_FIRST_CAPACITY: Final = 64
_NOWHERE: Final = 2**64 - 1


class RangeTable:
    """Ranges by their start.  head: address of the word that points to the array."""

    def __init__(self) -> None:
        # Reentrant: a collection while the lock is held may remove ranges.
        self._lock = threading.RLock()
        self._slots: dict[int, int] = {}
        self._free: deque[int] = deque()
        self.head: int = immortal(8)
        self._array = self._allocate(_FIRST_CAPACITY)

    def add(self, start: int, end: int) -> None:
        """Add [start, end)."""
        with self._lock:
            if not self._free:
                self._grow()
            slot = self._free.popleft()
            self._slots[start] = slot
            self._array[1 + 2 * slot] = start
            self._array[2 + 2 * slot] = end  # last: until now the entry was empty

    def remove(self, start: int) -> None:
        """Remove the range that begins at `start`, if there is one."""
        with self._lock:
            slot = self._slots.pop(start, None)
            if slot is not None:
                self._array[1 + 2 * slot] = _NOWHERE  # so that nobody takes what is below the old end for it
                self._array[2 + 2 * slot] = 0
                self._free.append(slot)

    def __contains__(self, address: int) -> bool:
        with self._lock:
            return any(self._array[1 + 2 * s] <= address < self._array[2 + 2 * s] for s in self._slots.values())

    def __len__(self) -> int:
        return len(self._slots)

    def _allocate(self, capacity: int) -> ctypes.Array[ctypes.c_uint64]:
        """Make an array of empty entries and point the head to it."""
        address = immortal(8 + 16 * capacity)
        array = (ctypes.c_uint64 * (1 + 2 * capacity)).from_address(address)
        self._free.extend(range(len(self._slots), capacity))
        array[0] = capacity
        if len(self._slots):
            ctypes.memmove(address + 8, ctypes.addressof(self._array) + 8, 16 * self._array[0])
        ctypes.c_uint64.from_address(self.head).value = address
        return array

    def _grow(self) -> None:
        """Replace the full array by one twice as long; the old one stays, a handler may be reading it."""
        self._array = self._allocate(2 * self._array[0])


CODES: Final = RangeTable()
GUARDS: Final = RangeTable()
