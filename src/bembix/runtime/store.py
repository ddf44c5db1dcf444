"""The public face of a store.  Source: core 3.0, 4.2.3."""

from __future__ import annotations

from bembix.runtime.storeinst import StoreInst


class Store:
    """What linked instances share; objects of two stores never meet, except for shared memories.

    Only code that puts several modules into one store, or limits them, makes one: `Module.instantiate` takes the store
    of its imports, or a new one.

    memory_limit: bytes that all memories together may have, or None.  A `memory.grow` beyond it gives -1.
    heap_limit: bytes that structs, arrays, exceptions and references to host objects may take; None stands for 1 GiB.
    What is not used any more is collected; beyond the limit, making one is a `Trap`.

    Source: core 3.0, 4.2.3.
    """

    __slots__ = ("__weakref__", "_inst")

    def __init__(self, *, memory_limit: int | None = None, heap_limit: int | None = None) -> None:
        self._inst = StoreInst(memory_limit=memory_limit, heap_limit=heap_limit)

    def __repr__(self) -> str:
        return f"<bembix.Store at {id(self.inst):#x}>"

    def __eq__(self, other: object) -> bool:
        return self.inst is other.inst if isinstance(other, Store) else NotImplemented

    def __hash__(self) -> int:
        return id(self.inst)  # changes at most once, when an object that was made without a store gets one

    @property
    def inst(self) -> StoreInst:
        """The store as the runtime sees it; not for users."""
        return self._inst.root

    @classmethod
    def of(cls, inst: StoreInst) -> Store:
        """Wrap a store of the runtime; not for users."""
        store = cls.__new__(cls)
        store._inst = inst
        return store

    @property
    def memory_limit(self) -> int | None:
        """Bytes that all memories together may have, or None; may be changed at any time."""
        return self.inst.budget.limit

    @memory_limit.setter
    def memory_limit(self, limit: int | None) -> None:
        self.inst.budget.limit = limit

    @property
    def memory_used(self) -> int:
        """Bytes that all memories have together."""
        return self.inst.budget.used

    @property
    def heap_limit(self) -> int:
        """Bytes that the garbage-collected heap may have; may be changed at any time."""
        return self.inst.heap_limit

    @heap_limit.setter
    def heap_limit(self, limit: int) -> None:
        self.inst.heap_limit = limit

    @property
    def heap_used(self) -> int:
        """Bytes that the garbage-collected heap has, a multiple of 32 KiB."""
        return self.inst.heap.native.used if self.inst.has_heap else 0

    def collect(self) -> None:
        """Collect the garbage of the heap now; otherwise that happens when it has grown enough."""
        if self.inst.has_heap:
            self.inst.heap.collect()
