"""The native side of garbage-collected heaps: address space, type table, root lists; compiled code does the rest.

Rule: as for all native memory, a heap's blocks go back when the last Python reference to it is deallocated.
Source: `compile/heap.py`, which has the layout; `compile/llvm/vm_gc.py`.
"""

from __future__ import annotations

import ctypes
import threading
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from bembix.compile.heap import (
    SIZES,
    Box,
    Heap,
    Kind,
    Object,
    Region,
    Size,
    SizeClass,
    Span,
    Trace,
    TypeInfo,
    size_table,
)
from bembix.errors import ResourceError
from bembix.native import memory
from bembix.native.libc import api, immortal
from bembix.native.memory import Block, read_u64, write_bytes, write_u64
from bembix.records import dataclass

#: Blocks in the region at most; halved where the host has no such address space.
_CAPACITY: Final = 1 << 21
_SMALLEST: Final = 1 << 12
_TYPE_TABLE: Final = (Size.BOX_TYPE + 1) * TypeInfo.SIZE
#: Boxes that are made at least before their number is a reason to collect: what they hold may be large.
_MIN_BOXES: Final = 1024
_TYPES_STEP: Final = 1 << 16  #: bytes of the type table made accessible at a time


def _reserve() -> tuple[int, int, int]:
    """Return the addresses of blocks and spans, and how many there are."""
    capacity = _CAPACITY
    while True:
        try:
            return memory.immortal_pages(capacity * Size.BLOCK), memory.immortal_pages(capacity * Span.SIZE), capacity
        except ResourceError:
            capacity //= 2
            if capacity < _SMALLEST:
                raise


@lru_cache(maxsize=1)
def region() -> int:
    """Return the address of the process's region, making it at the first call.  Errors: ResourceError."""
    base, spans, capacity = _reserve()
    # A block begins at a multiple of its size, so that cells are aligned like their offsets.
    base, capacity = -(-base // Size.BLOCK) * Size.BLOCK, capacity - 1
    address = immortal(Region.SIZE)
    for field, value in (
        (Region.BASE, base),
        (Region.CAPACITY, capacity),
        (Region.SPANS, spans),
        (Region.TAKEN, immortal(capacity)),
        (Region.TYPES, types().base),
    ):
        write_u64(address + field, value)
    return address


@dataclass(frozen=True, slots=True)
class Described:
    """A type as the table has it.

    display: ids of all types above it, from the top, and its own.  refs: offsets of a struct's references.
    """

    kind: int
    trace: int
    display: tuple[int, ...] = ()
    refs: tuple[int, ...] = ()


class TypeTable:
    """What compiled code knows of types, by canonical id; never freed."""

    def __init__(self) -> None:
        self.base: int = memory.immortal_pages(_TYPE_TABLE)
        self._known: set[int] = set()
        self._nothing = immortal(4 * TypeInfo.FAR_COUNT)
        self._accessible: set[int] = set()
        self._lock = threading.RLock()
        self.add(Size.BOX_TYPE, Described(Kind.BOX, Trace.NOWHERE))
        self.add(Size.EXCEPTION_TYPE, Described(Kind.EXCEPTION, Trace.ANYWHERE))

    def __contains__(self, number: int) -> bool:
        return number in self._known

    def add(self, number: int, described: Described) -> None:
        """Enter a type."""
        with self._lock:
            if number in self._known:
                return
            self._make_accessible(number)
            self._write(self.base + number * TypeInfo.SIZE, described)
            self._known.add(number)

    def _make_accessible(self, number: int) -> None:
        step = number * TypeInfo.SIZE // _TYPES_STEP
        if step not in self._accessible:
            memory.protect(self.base + step * _TYPES_STEP, _TYPES_STEP, memory.READ_WRITE)
            self._accessible.add(step)

    def _far(self, display: array[int]) -> int:
        far = immortal(4 * TypeInfo.FAR_COUNT)
        write_bytes(far, display.tobytes())
        return far

    def _write(self, address: int, described: Described) -> None:
        display = array("I", described.display)
        write_bytes(address + TypeInfo.DISPLAY, display[: TypeInfo.NEAR].tobytes())
        write_u64(address + TypeInfo.FAR, self._far(display) if len(display) > TypeInfo.NEAR else self._nothing)
        if described.refs:
            refs = immortal(4 * len(described.refs))
            write_bytes(refs, array("I", described.refs).tobytes())
            write_u64(address + TypeInfo.REFS, refs)
        write_bytes(address + TypeInfo.DEPTH, array("I", (max(len(display) - 1, 0), described.kind)).tobytes())
        write_bytes(address + TypeInfo.COUNT, array("I", (len(described.refs), described.trace)).tobytes())


@lru_cache(maxsize=1)
def types() -> TypeTable:
    """Return the process's type table, making it at the first call."""
    return TypeTable()


_Take = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64)
_Act = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_Count = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
_untrack = api.PyObject_GC_UnTrack

#: What a heap that still lives needs when it goes: its block, and the function that gives its blocks back.
_live: Final[dict[int, tuple[Block, Callable[[int], None]]]] = {}


class _Owner(int):
    """The address of a heap; its blocks are given back with the last reference to this."""

    __slots__ = ()

    def __del__(self) -> None:
        block, release = _live.pop(int(self))
        release(int(self))
        block.close()


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the runtime calls, as C functions, and what compiled code calls."""

    take: int  #: (heap, size, bound in blocks) -> cell or 0
    cell: int  #: (heap, size class, bound in blocks) -> cell or 0
    poll: int  #: (heap): collect if that is due
    collect: int  #: (heap)
    release: int  #: (heap): give all blocks back
    hold: int  #: (heap, count): hold off collections so many times more
    new: int
    new_array: int
    box: int


class NativeHeap:
    """A heap.

    address: of its block.  hosts: the host objects in it, by the addresses of their boxes.
    """

    __slots__ = (
        "__weakref__",
        "_cell",
        "_collect",
        "_hold",
        "_owner",
        "_poll",
        "_roots",
        "_roots_block",
        "_take",
        "address",
        "hosts",
    )

    def __init__(self, functions: Addresses, limit: int) -> None:
        block = Block(Heap.SIZE)
        self.address: int = block.address
        self.hosts: dict[int, object] = {}
        self._roots_block = Block(0)
        home = region()
        for field, value in (
            (Heap.REGION, home),
            (Heap.TYPES, read_u64(home + Region.TYPES)),
            (Heap.HOSTS, id(self.hosts)),
            (Heap.BOXES_LEFT, _MIN_BOXES),
        ):
            write_u64(self.address + field, value)
        self._use(functions)
        self.limit = limit
        write_bytes(self.address + Heap.SIZE_TABLE, size_table())
        for number, size in enumerate((*SIZES, Box.SIZE)):
            write_u64(self.address + Heap.CLASSES + number * SizeClass.SIZE + SizeClass.CELL, size)
        self._owner = _Owner(self.address)
        _live[self.address] = block, _Act(functions.release)
        _untrack(ctypes.py_object(self._owner))

    def _use(self, functions: Addresses) -> None:
        self._take, self._cell = _Take(functions.take), _Take(functions.cell)
        self._poll, self._collect = _Act(functions.poll), _Act(functions.collect)
        self._hold = _Count(functions.hold)
        for field, code in (
            (Heap.NEW, functions.new),
            (Heap.NEW_ARRAY, functions.new_array),
            (Heap.BOX, functions.box),
        ):
            write_u64(self.address + field, code)

    def _word(self, field: int) -> int:
        return read_u64(self.address + field)

    @property
    def limit(self) -> int:
        """Bytes that it may have."""
        return self._word(Heap.LIMIT) * Size.BLOCK

    @limit.setter
    def limit(self, size: int) -> None:
        blocks = max(size // Size.BLOCK, 1)
        write_u64(self.address + Heap.LIMIT, blocks)
        due = max(2 * self._word(Heap.USED), Size.MIN_THRESHOLD)
        write_u64(self.address + Heap.THRESHOLD, min(blocks, due))

    @property
    def used(self) -> int:
        """Bytes that it has."""
        return self._word(Heap.USED) * Size.BLOCK

    @property
    def collections(self) -> int:
        """How often it was collected."""
        return self._word(Heap.COLLECTIONS)

    def bind(self, store: int) -> None:
        """Say which store's block it belongs to."""
        write_u64(self.address + Heap.STORE, store)

    def take(self, size: int) -> int:
        """Return the address of a zeroed object, or 0 where the heap is full; never collects."""
        return self._take(self.address, size, self._word(Heap.LIMIT)) or 0

    def box(self, value: object) -> int:
        """Return the address of a box for a host object, or 0 where the heap is full; never collects."""
        address: int = self._cell(self.address, self.address + Heap.BOXES, self._word(Heap.LIMIT)) or 0
        if address:
            self.hosts[address] = value
            write_u64(address + Box.OBJECT, id(value))
            write_u64(address + Object.TYPE, Size.BOX_TYPE)
            write_u64(self.address + Heap.BOXES_LEFT, max(self._word(Heap.BOXES_LEFT) - 1, 0))
        return address

    def hold(self, count: int) -> None:
        """Hold off collections so many times more, or less."""
        self._hold(self.address, count)

    def poll(self) -> None:
        """Collect if that is due and possible, and let host objects go that nothing refers to any more."""
        if not self._word(Heap.BOXES_LEFT):
            self.collect()
            return
        self._poll(self.address)
        self._let_go()

    def collect(self) -> None:
        """Collect if that is possible, and let host objects go that nothing refers to any more."""
        self._collect(self.address)
        self._let_go()
        write_u64(self.address + Heap.BOXES_LEFT, max(len(self.hosts), _MIN_BOXES))

    def _let_go(self) -> None:
        box, gone = self._word(Heap.DEAD), []
        if box:
            write_u64(self.address + Heap.DEAD, 0)
        while box:  # all of them before the first: that may run Python, which may collect
            gone.append(self.hosts.pop(box, None))
            box = read_u64(box + Box.NEXT)

    def set_roots(self, pairs: Sequence[int]) -> None:
        """Say where the roots are: addresses of pairs, each the address of words and how many."""
        block = Block(max(8 * len(pairs), 1))
        write_bytes(block.address, array("Q", pairs).tobytes())
        write_u64(self.address + Heap.ROOT_COUNT, 0)
        write_u64(self.address + Heap.ROOTS, block.address)
        write_u64(self.address + Heap.ROOT_COUNT, len(pairs))
        self._roots_block = block

    def take_over(self, other: NativeHeap) -> None:
        """Make the objects of another heap, which nothing runs in, objects of this one; they stay where they are."""
        last, span = 0, other._word(Heap.BLOCKS)
        shift = self.address - other.address  # to the same size class
        while span:
            for number in range(read_u64(span + Span.BLOCKS)):
                write_u64(span + number * Span.SIZE + Span.OWNER, self.address)
            known = read_u64(span + Span.CLASS)
            write_u64(span + Span.CLASS, known + shift if known else 0)
            last, span = span, read_u64(span + Span.NEXT)
        if last:
            write_u64(last + Span.NEXT, self._word(Heap.BLOCKS))
            write_u64(self.address + Heap.BLOCKS, other._word(Heap.BLOCKS))
            write_u64(self.address + Heap.USED, self._word(Heap.USED) + other._word(Heap.USED))
        self.hosts.update(other.hosts)
        for field in (Heap.BLOCKS, Heap.USED):
            write_u64(other.address + field, 0)


def owner_of(address: int) -> int:
    """Return the address of the heap that an object is in, or 0."""
    home = region()
    number = (address - read_u64(home + Region.BASE)) // Size.BLOCK
    if not 0 <= number < read_u64(home + Region.TOP):
        return 0
    return read_u64(read_u64(home + Region.SPANS) + number * Span.SIZE + Span.OWNER)


#: The free slots of the piece that each slot in use is of, and the piece, by the slot's address.
_pinned: Final[dict[int, tuple[list[int], Block]]] = {}


class Pin(int):
    """The address of a word that keeps an object alive, until the last reference to this goes."""

    __slots__ = ()

    def __del__(self) -> None:
        slot = int(self)
        free, _piece = _pinned.pop(slot)
        write_u64(slot, 0)
        free.append(slot)


class Pins:
    """Words that Python's references to objects of one heap are in."""

    __slots__ = ("_free", "pieces")

    PIECE: Final = 256  #: words

    def __init__(self) -> None:
        self._free: list[int] = []
        #: The words, piece by piece; all of them are roots.
        self.pieces: list[Block] = []

    @property
    def is_full(self) -> bool:
        """Whether the next pin needs a further piece, which has to become a root."""
        return not self._free

    def add_piece(self) -> Block:
        """Make room."""
        piece = Block(8 * self.PIECE)
        self.pieces.append(piece)
        self._free += range(piece.address, piece.address + piece.size, 8)
        return piece

    def pin(self, address: int) -> Pin:
        """Keep an object alive as long as the result."""
        slot = Pin(self._free.pop())
        piece = next(p for p in reversed(self.pieces) if p.address <= slot < p.address + p.size)
        _pinned[int(slot)] = self._free, piece
        write_u64(int(slot), address)
        _untrack(ctypes.py_object(slot))
        return slot
