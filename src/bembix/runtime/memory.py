"""The public face of a memory.  Source: core 3.0, 4.2.8; WebAssembly JavaScript API, 5.3."""

from __future__ import annotations

from operator import index
from typing import Final
from weakref import WeakValueDictionary

from bembix.errors import ResourceError
from bembix.native.memory import read_bytes, view, write_bytes
from bembix.runtime.extern import Extern, public, store_for
from bembix.runtime.meminst import MemInst
from bembix.runtime.store import Store
from bembix.runtime.storeinst import LOCK, StoreInst
from bembix.spec.limits import MAX_MEMORY_PAGES
from bembix.spec.types import Limits, MemoryType


class Memory(Extern[MemInst]):
    """A memory that instances share with Python.

    minimum: pages of 64 KiB that it has at first.
    maximum: pages that it may grow to, or None for 65536, which are 4 GiB.  A shared memory needs one.
    shared: whether several threads may use it at once.  Instances of different stores can import it: give each thread
    instances of its own.  It counts against the limit of `store` alone, whatever imports it.
    store: see `Store`.
    Errors: ValueError where the sizes make no sense, ResourceError where the host has no room.

    Source: core 3.0, 4.2.8.
    """

    __slots__ = ()

    def __init__(
        self, minimum: int, maximum: int | None = None, *, shared: bool = False, store: Store | None = None
    ) -> None:
        top = MAX_MEMORY_PAGES if maximum is None else maximum
        if not 0 <= minimum <= top <= MAX_MEMORY_PAGES:
            sizes = f"not {minimum} and {maximum}"
            raise ValueError(f"a memory has 0 <= minimum <= maximum <= {MAX_MEMORY_PAGES} pages, {sizes}")
        if shared and maximum is None:
            raise ValueError("a shared memory must have a maximum")
        owner = store_for(store)
        self._bind(MemInst(MemoryType(Limits(minimum, maximum), shared=shared), owner.budget), owner)
        if shared:
            _shared[self._inst.address] = self
        else:
            owner.public(self._inst.address, lambda: self)

    def __repr__(self) -> str:
        return f"<bembix.Memory of {self.pages} pages{', shared' if self.shared else ''}>"

    def __len__(self) -> int:
        return self._inst.size

    @property
    def type(self) -> MemoryType:
        """Its type as it was defined; `pages` is what it has now."""
        return self._inst.type

    @property
    def shared(self) -> bool:
        """Whether several threads may use it at once."""
        return self._inst.type.shared

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self._inst.size

    @property
    def pages(self) -> int:
        """Size in pages (of 64 KiB, unless the type says otherwise)."""
        return self._inst.pages

    def read(self, offset: int, length: int) -> bytes:
        """Return a copy of `length` bytes from `offset` on.

        Errors: IndexError where some of them are outside the memory.
        """
        address, length = self._place(offset, length)
        return read_bytes(address, length)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Copy `data` (bytes or anything with a buffer) to `offset`.

        Errors: IndexError where it does not fit; nothing is written then.
        """
        content = data if isinstance(data, bytes) else bytes(memoryview(data))
        address, _ = self._place(offset, len(content))
        write_bytes(address, content)

    def view(self, offset: int = 0, length: int | None = None) -> memoryview:
        """Return a view of `length` bytes (None: up to the end) without copying; what is written to it, Wasm sees.

        It stays valid, and keeps its size, when the memory grows or its instance goes: it keeps the memory alive.

        Errors: IndexError where some of them are outside the memory.
        """
        address, length = self._place(offset, self.size - index(offset) if length is None else length)
        return view(address, length, self._inst)

    def grow(self, pages: int) -> int:
        """Add `pages` pages of zeros and return how many there were before.

        Errors: ResourceError where the maximum or the store's limit is exceeded or the host has no memory.
        """
        if pages < 0:
            raise ValueError(f"a memory can't grow by {pages} pages")
        before = self._inst.grow(index(pages))
        if before < 0:
            raise ResourceError(f"a memory of {self.pages} pages (maximum {self._inst.maximum}) can't grow by {pages}")
        return before

    def _place(self, offset: int, length: int) -> tuple[int, int]:
        """Return the address of bytes that must be inside the memory, and how many there are."""
        offset, length = index(offset), index(length)  # numbers of NumPy would wrap around below
        if offset < 0 or length < 0 or offset + length > self._inst.size:
            raise IndexError(f"out of bounds memory access: {length} bytes at {offset} of {self._inst.size}")
        return self._inst.base + offset, length


#: The public objects of shared memories, by the address of the native block: one each, whatever stores they are in.
_shared: Final[WeakValueDictionary[int, Memory]] = WeakValueDictionary()


def public_memory(inst: MemInst, store: StoreInst) -> Memory:
    """Return the public object for a memory of a store."""
    if not inst.type.shared:
        return public(Memory, inst, store)
    with LOCK:
        found = _shared.get(inst.address)
        if found is None:
            found = _shared[inst.address] = Memory.__new__(Memory)
            found._bind(inst, store)
    return found
