"""A store's garbage-collected heap as the runtime has it: host objects in it, roots, and what Python keeps alive.

Rule: an address that only Python knows is safe until the next collection; none happens while the store is `held`, or
before Wasm runs or an object is boxed.  What keeps an object longer is a `Pin`, or a place that is a root.

Source: `compile/heap.py`; core 3.0, 4.2.14.
"""

from __future__ import annotations

from typing import Final

from bembix.compile.heap import Kind, Object, Size, Trace, struct_layout
from bembix.compile.layout import Store as Layout
from bembix.errors import ResourceError
from bembix.native import gcheap
from bembix.native.gcheap import Described, NativeHeap, Pin, Pins
from bembix.native.memory import Block, read_u64, write_u64
from bembix.spec.canonical import canonical_type, display, top
from bembix.spec.types import AbsHeap, ArrayType, FieldType, FuncType, RefType, StructType

#: Bytes that a heap may have where the store has no limit for it.
NO_LIMIT: Final = 1 << 62


def is_traced(valtype: object) -> bool:
    """Tell whether values of a type may be objects of the heap."""
    return isinstance(valtype, RefType) and top(valtype.heap) is not AbsHeap.FUNC


def _is_traced_field(field: FieldType) -> bool:
    return is_traced(field.storage)


def describe(number: int) -> None:
    """Enter a type, by its canonical id, and all those above it into the process's table."""
    table = gcheap.types()
    if number in table:
        return
    chain = display(number)
    composite = canonical_type(number).composite
    match composite:
        case FuncType():
            described = Described(Kind.FUNC, Trace.NOWHERE, chain)
        case StructType(fields):
            offsets = struct_layout(composite)[0]
            refs = tuple([at for at, field in zip(offsets, fields, strict=True) if _is_traced_field(field)])
            described = Described(Kind.STRUCT, Trace.FIELDS if refs else Trace.NOWHERE, chain, refs)
        case ArrayType(element):
            described = Described(Kind.ARRAY, Trace.ELEMENTS if _is_traced_field(element) else Trace.NOWHERE, chain)
    table.add(number, described)
    for above in chain:
        describe(above)


class HeapInst:
    """The heap of a store."""

    __slots__ = ("__weakref__", "_pairs", "_pins", "field_names", "native")

    def __init__(self, limit: int) -> None:
        from bembix.compile.prebuilt import collector

        self.native: NativeHeap = NativeHeap(collector.functions(), limit)
        self._pairs: dict[int, Block | None] = {}
        self._pins = Pins()
        #: Names of fields of types, by canonical id, as far as a module gave any.
        self.field_names: dict[int, dict[int, str]] = {}

    @property
    def address(self) -> int:
        """Address of its native block."""
        return self.native.address

    def bind(self, store: int) -> None:
        """Belong to the store with this block."""
        write_u64(store + Layout.HEAP, self.address)
        self.native.bind(store)

    # -- collecting ----------------------------------------------------------------------------------------------------

    def poll(self) -> None:
        """Collect if that is due; addresses that only Python knows must not be used afterwards."""
        self.native.poll()

    def collect(self) -> None:
        """Collect now."""
        self.native.collect()

    # -- objects -------------------------------------------------------------------------------------------------------

    def allocate(self, size: int, header: int) -> int:
        """Return the address of a new object that is all 0 behind its header.  Errors: ResourceError."""
        address = self.native.take(size)
        if not address:
            raise self._full()
        write_u64(address, header)
        return address

    def box(self, value: object) -> int:
        """Return the address that stands for a host object in Wasm.  Errors: ResourceError."""
        self.poll()
        address = self.native.box(value)
        if not address:
            raise self._full()
        return address

    def _full(self) -> ResourceError:
        return ResourceError(f"the garbage-collected heap of the store is full: it may have {self.native.limit} bytes")

    def host(self, box: int) -> object:
        """Return the host object in a box."""
        return self.native.hosts[box]

    def pin(self, address: int) -> Pin:
        """Keep an object alive as long as the result."""
        if self._pins.is_full:
            piece = self._pins.add_piece()
            self.add_words(piece.address, Pins.PIECE)
        return self._pins.pin(address)

    # -- roots ---------------------------------------------------------------------------------------------------------

    def add_pair(self, address: int) -> None:
        """Make words roots, by the address of the words' address and their number: a table's block, a segment."""
        self._add(address, None)

    def add_words(self, address: int, count: int) -> None:
        """Make words at a fixed address roots."""
        pair = Block(16)
        write_u64(pair.address, address)
        write_u64(pair.address + 8, count)
        self._add(pair.address, pair)

    def _add(self, address: int, pair: Block | None) -> None:
        if address not in self._pairs:
            self._pairs[address] = pair
            self.native.set_roots(list(self._pairs))

    def take_over(self, other: HeapInst) -> None:
        """Take all that the heap of an unbound store has."""
        self.native.take_over(other.native)
        self._pairs.update(other._pairs)
        self._pins.pieces += other._pins.pieces
        self.field_names.update(other.field_names)
        self.native.set_roots(list(self._pairs))


def exception_size(count: int) -> int:
    """Return the size of an exception with so many values."""
    from bembix.compile.layout import Exception_

    return Exception_.PAYLOAD + 16 * count


def type_of(address: int) -> int:
    """Return the canonical id of an object's type, or one of those in `Size`."""
    return read_u64(address + Object.TYPE) & 0xFFFF_FFFF


def is_box(address: int) -> bool:
    """Tell whether an object is a host object."""
    return type_of(address) == Size.BOX_TYPE
