"""What a store owns: the native blocks of all that its instances can reach, and the host objects that these point to.

Rule 1: a store owns native blocks and what they point to; a public object (`Func`, `Memory`, ...) owns its store; a
store owns no public object but modules.  So dropping the last public object frees everything at once, without the
garbage collector, unless a host function closes over one of them.  Source: core 3.0, 4.2.3.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast
from weakref import WeakValueDictionary

from bembix.compile.layout import Store as Layout
from bembix.errors import InstancesExceeded, LinkError, MemoryExceeded, TableExceeded
from bembix.native.memory import Block, read_u64, write_u64
from bembix.records import replace
from bembix.runtime import registry
from bembix.runtime.heapinst import NO_LIMIT, HeapInst, is_traced
from bembix.runtime.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from bembix.runtime.module import Module

T = TypeVar("T")

#: Held while a store changes in several steps.  Reentrant: a collection may run a finalizer that comes here.
LOCK: Final = threading.RLock()


class Owned(Protocol):
    """Something native that belongs to a store."""

    def adopt(self, store: StoreInst) -> None:
        """Belong to `store` from now on."""


class Budget:
    """How much the things of one kind in a store may have together: bytes of memories, elements of tables.

    each: what one of them may have; `bembix.compat.wasmtime` limits that.
    """

    __slots__ = ("each", "limit", "used")

    def __init__(self, limit: int | None = None) -> None:
        self.limit: int | None = limit
        self.each: float = math.inf
        self.used: int = 0

    def fits(self, size: int) -> bool:
        """Tell whether `size` more are not too many."""
        return self.limit is None or self.used + size <= self.limit

    def take(self, size: int) -> bool:
        """Count `size` more, or return False where they are too many."""
        if not self.fits(size):
            return False
        self.used += size
        return True

    def give_back(self, size: int) -> None:
        """Undo `take`."""
        self.used -= size


class StoreInst:
    """A store, as the runtime sees it.

    unbound: made for an object that the user made without a store; it merges into the first store that it meets.
    modules: those whose code may be on the stack when something in this store traps.
    """

    __slots__ = (
        "__weakref__", "_block", "_heap", "_into", "_limits", "_objects", "_owned", "_unbound",
        "budget", "instances", "modules", "table_budget",
    )  # fmt: skip

    def __init__(self, limits: Limits = DEFAULT, *, unbound: bool = False) -> None:
        self._limits = limits
        self.budget: Budget = Budget(limits.memory)
        self.table_budget: Budget = Budget(limits.table)
        self.instances: Budget = Budget(limits.instances)
        self.modules: set[Module] = set()
        self._block: Block | None = None
        self._heap: HeapInst | None = None
        self._into: StoreInst | None = None
        self._objects: WeakValueDictionary[int, object] = WeakValueDictionary()
        self._owned: set[Owned] = set()
        self._unbound = unbound

    @property
    def root(self) -> StoreInst:
        """The store that this one has become part of, or itself."""
        root = self
        while root._into is not None:
            root = root._into
        return root

    @property
    def address(self) -> int:
        """Address of the native block; once somebody has it, the store can't merge into another."""
        if self._block is None:
            self._block = Block(Layout.SIZE)
            write_u64(self._block.address + Layout.FUEL, self._limits.fuel or 0)
            registry.stores[self._block.address] = self
            if self._heap is not None:
                self._heap.bind(self._block.address)
        return self._block.address

    def bind(self) -> None:
        """Merge into no other store from now on."""
        _ = self.address

    @property
    def heap(self) -> HeapInst:
        """The garbage-collected heap, made at its first use.  Errors: ResourceError where the host has no room."""
        if self._heap is None:
            self._make_heap()
        return cast(HeapInst, self._heap)

    def _make_heap(self) -> None:
        with LOCK:  # two threads must not make two
            if self._heap is None:
                heap = HeapInst(self.heap_limit)
                registry.heaps[heap.address] = self
                if self._block is not None:
                    heap.bind(self._block.address)
                self._heap = heap

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing be collected meanwhile, if there is a heap and the store is bound."""
        heap = self._heap
        if heap is None or self._block is None:
            yield
            return
        heap.native.hold(1)
        try:
            yield
        finally:
            heap.native.hold(-1)

    def converting(self, valtype: object) -> AbstractContextManager[None]:
        """Let nothing be collected while a value of a type is known to Python alone."""
        if not is_traced(valtype):
            return nullcontext()
        _ = self.heap
        return self.held()

    @contextmanager
    def let_go(self) -> Iterator[None]:
        """Let a conversion that holds off collections, and has no addresses yet, allow them meanwhile."""
        heap = self._heap
        if heap is None:
            yield
            return
        heap.native.hold(-1)
        try:
            yield
        finally:
            heap.native.hold(1)

    def poll_held(self) -> None:
        """Collect if that is due, for a conversion that holds it off and has not begun."""
        if self._heap is not None:
            with self.let_go():
                self._heap.poll()

    @property
    def has_heap(self) -> bool:
        """Whether the heap has been made."""
        return self._heap is not None

    @property
    def heap_limit(self) -> int:
        """Bytes that the heap may have."""
        return NO_LIMIT if self._limits.heap is None else self._limits.heap

    @property
    def limits(self) -> Limits:
        """What all of it may use together."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        """Errors: ValueError for what only a new store can have."""
        if limits.each_call is not self._limits.each_call:
            raise ValueError("limits of stack, timeout or cpu_time are given when a store is made, or never")
        if (limits.fuel is None) is not (self._limits.fuel is None):
            raise ValueError("fuel is given when a store is made, or never")
        self._limits = limits
        self.budget.limit, self.table_budget.limit = limits.memory, limits.table
        self.instances.limit = limits.instances
        if self._heap is not None:
            self._heap.native.limit = self.heap_limit

    def interrupt(self) -> None:
        """Have the calls end that run in it now."""
        if self._block is not None:
            from bembix.native import interrupts

            interrupts.interrupt(self._block.address)

    @property
    def metered(self) -> bool:
        """Whether code uses up fuel."""
        return self._limits.fuel is not None

    @property
    def fuel(self) -> int | None:
        """What is left, or None where nothing uses up any."""
        return read_u64(self.address + Layout.FUEL) if self.metered else None

    @fuel.setter
    def fuel(self, amount: int) -> None:
        if not self.metered:
            raise ValueError("the store was made without fuel; give Store(limits=Limits(fuel=...)) some")
        write_u64(self.address + Layout.FUEL, replace(self._limits, fuel=amount).fuel or 0)

    def count_instance(self) -> None:
        """Count one more instance.  Errors: InstancesExceeded."""
        if not self.instances.take(1):
            raise InstancesExceeded(f"a store of {self.instances.limit} instances has no room for one more")

    @property
    def bound(self) -> bool:
        """Whether this store can't merge into another."""
        return self._block is not None or not self._unbound

    def merge(self, other: StoreInst) -> None:
        """Take over all that an unbound store has."""
        if self is other:
            return
        size, elements = other.budget.used, other.table_budget.used
        if not self.budget.fits(size):
            raise MemoryExceeded(
                f"the memories of a store may have {self.budget.limit} bytes, {size} more are too many"
            )
        if not self.table_budget.take(elements):
            limit = self.table_budget.limit
            raise TableExceeded(f"the tables of a store may have {limit} elements, {elements} more are too many")
        self.budget.take(size)
        for inst in other._owned:
            inst.adopt(self)
        self._owned |= other._owned
        if other._heap is not None:
            self.heap.take_over(other._heap)
        self._objects.update(other._objects)
        other._owned, other._heap, other._into = set(), None, self
        other.budget, other.table_budget = self.budget, self.table_budget

    def own(self, inst: Owned) -> None:
        """Keep something native alive as long as this store."""
        if inst not in self._owned:
            self._owned.add(inst)
            inst.adopt(self)

    def public(self, address: int, make: Callable[[], T]) -> T:
        """Return the one public object that stands for a native block, making it if there is none now."""
        with LOCK:  # two threads must not make two
            found = self._objects.get(address)
            if found is None:
                found = self._objects[address] = make()
        return found  # type: ignore[return-value]  # an address has one kind of object, which its only caller knows


def join(stores: Iterable[StoreInst], what: str) -> StoreInst | None:
    """Return the one store of all these, merging those that are not bound yet into it; None where there are none.

    Errors: LinkError where two are bound.
    """
    roots = list(dict.fromkeys(store.root for store in stores))
    bound = [store for store in roots if store.bound]
    if len(bound) > 1:
        raise LinkError(f"{what} belong to different stores: make all of them with one `store=`")
    if not roots:
        return None
    target = bound[0] if bound else roots[0]
    for store in roots:
        target.merge(store)
    return target
