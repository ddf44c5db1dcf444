"""The public face of a memory.  Source: core 3.0, 4.2.8; WebAssembly JavaScript API, 5.3."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from bembix.errors import ResourceError
from bembix.runtime.access import MemoryAccess
from bembix.runtime.extern import public, store_for
from bembix.runtime.meminst import MemInst
from bembix.runtime.store import Store
from bembix.runtime.storeinst import LOCK, StoreInst
from bembix.runtime.wording import counted
from bembix.spec.limits import MAX_MEMORY_PAGES
from bembix.spec.types import Limits, MemoryType

if TYPE_CHECKING:

    class _Fast:
        """What the generated slots add."""

        def __buffer__(self, flags: int, /) -> memoryview:
            """Return a view of all bytes that there are now."""
else:
    from bembix.compile.prebuilt.memtype import memory_type

    def _doc(method, parameters):
        """Return a docstring as builtin functions have them: it begins with the signature."""
        lines = [line.strip() for line in method.__doc__.splitlines()]
        return "\n".join([f"{method.__name__}($self, {parameters})\n--\n", *lines]).rstrip()

    _NATIVE = memory_type(
        {"read": _doc(MemoryAccess.read, "offset, length"), "write": _doc(MemoryAccess.write, "offset, data")}
    )
    _Fast = _NATIVE.type


class Memory(_Fast, MemoryAccess):
    """A memory that instances share with Python.

    minimum: pages of 64 KiB that it has at first.
    maximum: pages that it may grow to, or None for 65536, which are 4 GiB.  A shared memory needs one.
    shared: whether several threads may use it at once.  Instances of different stores can import it: give each thread
    instances of its own.  It counts against the limit of `store` alone, whatever imports it.
    store: see `Store`.
    Errors: ValueError where the sizes make no sense, ResourceError where the host has no room, MemoryExceeded where the
    store has none.

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
        return f"<bembix.Memory of {self._words()}>"

    def _words(self) -> str:
        """Say how large it is."""
        most = self.type.limits.maximum
        parts = [counted(self.pages, "page")]
        parts += [] if most is None else [f"at most {most}"]
        return ", ".join([*parts, *(["shared"] if self.shared else [])])

    def _repr_html_(self) -> str:
        from bembix.runtime.html import memory_html

        return memory_html(self)

    if not TYPE_CHECKING:

        def _bind(self, inst, store):
            _NATIVE.bind(self, inst, store, inst.address)

        def _whole(self):
            whole = super()._whole()
            _NATIVE.keep(self, whole, len(whole))  # FAST: the next slices are taken of it
            return whole

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

    def grow(self, pages: int) -> int:
        """Add `pages` pages of zeros and return how many there were before.

        Errors: ResourceError where the maximum is exceeded or the host has no memory; MemoryExceeded where the store's
        limit is.
        """
        if pages < 0:
            raise ValueError(f"a memory can't grow by {pages} pages")
        before = self._inst.grow(index(pages))
        if before < 0:
            self._inst.check_budget(pages)
            raise ResourceError(f"a memory of {self.pages} pages (maximum {self._inst.maximum}) can't grow by {pages}")
        return before


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
