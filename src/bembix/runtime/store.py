"""The public face of a store.  Source: core 3.0, 4.2.3."""

from __future__ import annotations

from bembix.runtime.limits import DEFAULT, Limits
from bembix.runtime.storeinst import StoreInst


class Store:
    """What linked instances share; objects of two stores never meet, except for shared memories.

    Only code that puts several modules into one store, or limits them, makes one: `Module.instantiate` takes the store
    of its imports, or a new one.

    limits: what all of it may use together, and how long a call may take; None stands for `Limits()`.

    Source: core 3.0, 4.2.3.
    """

    __slots__ = ("__weakref__", "_inst")

    def __init__(self, *, limits: Limits | None = None) -> None:
        self._inst = StoreInst(DEFAULT if limits is None else limits)

    def __repr__(self) -> str:
        return f"<bembix.Store at {id(self.inst):#x} with {self.memory_used} bytes of memories>"

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
    def limits(self) -> Limits:
        """What it may use.  May be changed at any time, but only a new store can begin to have limits for each call
        (stack, timeout, cpu_time), or fuel.

        Errors: ValueError.
        """
        return self.inst.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self.inst.limits = limits

    @property
    def memory_used(self) -> int:
        """Bytes that all memories have together."""
        return self.inst.budget.used

    @property
    def table_used(self) -> int:
        """Elements that all tables have together."""
        return self.inst.table_budget.used

    @property
    def heap_used(self) -> int:
        """Bytes that the garbage-collected heap has, a multiple of 32 KiB."""
        return self.inst.heap.native.used if self.inst.has_heap else 0

    @property
    def fuel(self) -> int | None:
        """What is left of the fuel (`Limits.fuel`), or None in a store without.  Set it to give more, or less.

        Exact whenever no Wasm of the store runs, or a host function that it called; after a `Timeout` or an interrupt,
        what was used since the last call is not counted.
        Errors: ValueError, when it is set: the store was made without fuel, or a number that makes no sense; TypeError.
        """
        return self.inst.fuel

    @fuel.setter
    def fuel(self, amount: int) -> None:
        self.inst.fuel = amount

    def interrupt(self) -> None:
        """Have the calls end that run in it now, in whatever thread: each raises `Interrupted`.

        To be called from any thread, also from a signal handler or a host function.  Where no call runs, nothing
        happens: calls that begin later are not concerned.  A call ends when its Wasm runs next: at once, or when the
        host function returns that it waits for; WASI functions that wait give up.  Whatever Wasm of other stores a
        host function has called in between ends too.  The store can be used afterwards; what the program was about to
        do, it has done in part.
        """
        self.inst.interrupt()

    def collect(self) -> None:
        """Collect the garbage of the heap now; otherwise that happens when it has grown enough."""
        if self.inst.has_heap:
            self.inst.heap.collect()
