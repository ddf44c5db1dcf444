"""Objects of the garbage-collected heap as Python has them: `StructRef`, `ArrayRef`, `I31`; a host object is itself.

An object in Python keeps its counterpart alive; there is never more than one for it, so `is` and `==` say whether two
references are the same.  Source: core 3.0, 4.2.14; WebAssembly JavaScript API, 5.9, ToWebAssemblyValue.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final, overload

from bembix.compile.heap import Object, storage_size, struct_layout
from bembix.errors import InternalError
from bembix.native import gcheap, memory
from bembix.runtime import cells, heapinst, registry
from bembix.spec.canonical import canonical_type
from bembix.spec.types import I32, ArrayType, FieldType, Packed, StructType

if TYPE_CHECKING:
    from bembix.runtime.store import Store
    from bembix.runtime.storeinst import StoreInst

_I31_BITS: Final = 31
_SIGNED: Final = {1: lambda bits: (bits ^ 0x80) - 0x80, 2: lambda bits: (bits ^ 0x8000) - 0x8000}


class I31(int):
    """An i31 reference: an int from -2**30 to 2**30 - 1.  Errors: OverflowError beyond."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        _refuse_subclass()

    def __new__(cls, value: int) -> I31:
        """Make one of an int."""
        if not -(1 << _I31_BITS - 1) <= value < 1 << _I31_BITS - 1:
            raise OverflowError(f"{value} does not fit i31 ({-(1 << _I31_BITS - 1)} to {(1 << _I31_BITS - 1) - 1})")
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return f"I31({int(self)})"


def _refuse_subclass() -> None:
    raise TypeError("this type can't be subclassed: compiled code tells it by its address")


def i31_bits(value: int) -> int:
    """Return the reference that an i31 is."""
    return (value << 1 | 1) & 0xFFFF_FFFF


def i31_of(bits: int) -> I31:
    """Return the i31 of a reference."""
    return I31((bits ^ 0x8000_0000) - 0x8000_0000 >> 1)


class GcRef:
    """A reference to a struct or an array."""

    __slots__ = ("__weakref__", "_pin", "_store", "_type_id", "address")

    kind: ClassVar[str] = ""

    def __init__(self, address: int, type_id: int, store: StoreInst) -> None:
        self.address: int = address  #: for the runtime
        self._type_id = type_id
        self._store = store
        self._pin = store.heap.pin(address)

    @property
    def store_inst(self) -> StoreInst:
        """The store as the runtime sees it; not for users."""
        return self._store.root

    @property
    def store(self) -> Store:
        """The store that it belongs to."""
        from bembix.runtime.store import Store

        return Store.of(self.store_inst)

    @property
    def type_id(self) -> int:
        """The canonical id of its type; not for users."""
        return self._type_id

    def _read(self, offset: int, field: FieldType, *, signed: bool = False) -> object:
        from bembix.runtime.values import to_python

        at = self.address + offset
        if isinstance(field.storage, Packed):
            size = storage_size(field)
            bits = int.from_bytes(memory.read_bytes(at, size), "little")
            return _SIGNED[size](bits) if signed else bits
        with self.store_inst.converting(field.storage):
            return to_python(cells.read(at, field.storage), field.storage, self.store_inst)

    def _write(self, offset: int, field: FieldType, value: object, where: str) -> None:
        from bembix.runtime.values import to_wasm

        if not field.mutable:
            raise TypeError(f"{where} is not mutable")
        valtype = I32 if isinstance(field.storage, Packed) else field.storage
        size = storage_size(field)
        with self.store_inst.converting(valtype):
            plain = to_wasm(value, valtype, where, self.store_inst)
            bits = cells.bits_of(plain, valtype) & (1 << 8 * size) - 1
            memory.write_bytes(self.address + offset, bits.to_bytes(size, "little"))


class StructRef(GcRef):
    """A struct: a sequence of its fields, which also have names where the module gives some.

    Packed fields are read without sign.  Errors: IndexError, KeyError for no such field; TypeError for one that is not
    mutable, or a value that it does not take.
    """

    __slots__ = ()

    kind = "struct"

    def __init_subclass__(cls) -> None:
        _refuse_subclass()

    def __repr__(self) -> str:
        return f"<bembix.StructRef of {len(self)} fields at {self.address:#x}>"

    @property
    def type(self) -> StructType:
        """Its type; type indices in it are canonical ids."""
        composite = canonical_type(self._type_id).composite
        if not isinstance(composite, StructType):
            raise InternalError(f"a struct has type {composite}")
        return composite

    @property
    def names(self) -> dict[str, int]:
        """The numbers of the fields that have names."""
        known = self.store_inst.heap.field_names.get(self._type_id, {})
        return {name: number for number, name in known.items()}

    def __len__(self) -> int:
        return len(self.type.fields)

    def __iter__(self) -> Iterator[object]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, field: int | str) -> object:
        number = self._number(field)
        return self._read(struct_layout(self.type)[0][number], self.type.fields[number])

    def __setitem__(self, field: int | str, value: object) -> None:
        number = self._number(field)
        self._write(struct_layout(self.type)[0][number], self.type.fields[number], value, f"field {field}")

    def _number(self, field: int | str) -> int:
        if isinstance(field, str):
            return self.names[field]
        number, count = operator.index(field), len(self)
        if not -count <= number < count:
            raise IndexError(f"field {number}: the struct has {count}")
        return number % count


class ArrayRef(GcRef):
    """An array: a sequence that never changes its length.  Packed elements are read without sign."""

    __slots__ = ()

    kind = "array"

    def __init_subclass__(cls) -> None:
        _refuse_subclass()

    def __repr__(self) -> str:
        return f"<bembix.ArrayRef of {len(self)} {self.type.element.storage} at {self.address:#x}>"

    @property
    def type(self) -> ArrayType:
        """Its type; type indices in it are canonical ids."""
        composite = canonical_type(self._type_id).composite
        if not isinstance(composite, ArrayType):
            raise InternalError(f"an array has type {composite}")
        return composite

    def __len__(self) -> int:
        return memory.read_u64(self.address) >> 32

    def __iter__(self) -> Iterator[object]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> object: ...

    @overload
    def __getitem__(self, index: slice) -> list[object]: ...

    def __getitem__(self, index: int | slice) -> object:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        element = self.type.element
        return self._read(self._offset(index, element), element)

    def __setitem__(self, index: int, value: object) -> None:
        element = self.type.element
        self._write(self._offset(index, element), element, value, f"element {index}")

    def _offset(self, index: int, element: FieldType) -> int:
        number, count = operator.index(index), len(self)
        if not -count <= number < count:
            raise IndexError(f"out of bounds array access: element {number}, the array has {count}")
        return Object.CONTENT + number % count * storage_size(element)


def object_at(address: int, store: StoreInst | None = None) -> object:
    """Return what a reference that is not null stands for: an `I31`, `StructRef`, `ArrayRef` or host object."""
    if address & 1:
        return i31_of(address)
    found = store or store_of(address)
    if heapinst.is_box(address):
        return found.heap.host(address)
    return found.public(address, lambda: _make(address, found))


def _make(address: int, store: StoreInst) -> GcRef:
    number = heapinst.type_of(address)
    match canonical_type(number).composite:
        case StructType():
            return StructRef(address, number, store)
        case ArrayType():
            return ArrayRef(address, number, store)
        case other:
            raise InternalError(f"an object has type {other}")


def store_of(address: int) -> StoreInst:
    """Return the store that an object belongs to."""
    store = registry.heaps.get(gcheap.owner_of(address))
    if store is None:
        raise InternalError(f"no store has an object at {address:#x}")
    return store.root
