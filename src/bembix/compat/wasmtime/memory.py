"""Memories, those of one store and those that threads share."""

from __future__ import annotations

from bembix.compat.wasmtime.engine import Engine
from bembix.compat.wasmtime.errors import WasmtimeError, translated
from bembix.compat.wasmtime.managed import Managed
from bembix.compat.wasmtime.store import Storelike, check_store, store_of
from bembix.compat.wasmtime.types import MemoryType
from bembix.native.memory import ByteArray, BytePointer, byte_array, byte_pointer
from bembix.runtime.matching import memory_type_now
from bembix.runtime.meminst import MemInst
from bembix.runtime.memory import Memory as BembixMemory
from bembix.runtime.memory import public_memory
from bembix.runtime.storeinst import StoreInst


def _make(memtype: MemoryType, owner: StoreInst) -> BembixMemory:
    inst = MemInst(memtype.spec, owner.budget)
    owner.own(inst)
    return public_memory(inst, owner)


class Memory:
    """A memory of a store.  ty: its type.  Errors: WasmtimeError where there is no room."""

    def __init__(self, store: Storelike, ty: MemoryType) -> None:
        owner = store_of(store).bembix.inst
        if ty.spec.shared:
            raise WasmtimeError("shared memories must be created through `SharedMemory`")
        with translated():
            self.bembix: BembixMemory = _make(ty, owner)  #: for the other files of this package

    @classmethod
    def of(cls, memory: BembixMemory) -> Memory:
        """Return what stands for a memory of Bembix."""
        made = cls.__new__(cls)
        made.bembix = memory
        return made

    def _checked(self, store: Storelike) -> BembixMemory:
        check_store(store, self.bembix.store_inst)
        return self.bembix

    def type(self, store: Storelike) -> MemoryType:
        """Return its type as it was defined."""
        return MemoryType.of(self._checked(store).type)

    def size(self, store: Storelike) -> int:
        """Return its size in pages."""
        return self._checked(store).pages

    def page_size(self, store: Storelike) -> int:
        """Return how many bytes a page has."""
        return 1 << self.page_size_log2(store)

    def page_size_log2(self, store: Storelike) -> int:
        """Return the logarithm of that."""
        return self._checked(store).type.page_size_log2

    def data_len(self, store: Storelike) -> int:
        """Return its size in bytes."""
        return self._checked(store).size

    def data_ptr(self, store: Storelike) -> BytePointer:
        """Return a pointer to its first byte; nothing checks what is read or written through it."""
        return byte_pointer(self._checked(store).inst.base)

    def get_buffer_ptr(self, store: Storelike, size: int | None = None, offset: int = 0) -> ByteArray:
        """Return an array of `size` of its bytes from `offset` on; None: as many as the memory has now.

        Errors: ValueError where they are outside of it.
        """
        memory = self._checked(store)
        length = memory.size if size is None else size
        if offset < 0 or length < 0 or offset + length > memory.inst.capacity:
            raise ValueError(f"{length} bytes at {offset} are outside a memory of {memory.size}")
        return byte_array(memory.inst.base + offset, length, memory.inst)

    def read(self, store: Storelike, start: int | None = 0, stop: int | None = None) -> bytearray:
        """Return a copy of the bytes that a slice means."""
        memory = self._checked(store)
        first, last, _ = slice(start, stop).indices(memory.size)
        return bytearray(memory.read(first, max(0, last - first)))

    def write(self, store: Storelike, value: bytes | bytearray, start: int | None = None) -> int:
        """Copy bytes to `start` (negative: from the end) and return how many.  Errors: IndexError, TypeError."""
        memory = self._checked(store)
        content = bytearray(value)  # wants what has bytes: for a str, it says so
        first = slice(start, None).indices(memory.size)[0]
        if (start or 0) > memory.size or first + len(content) > memory.size:
            raise IndexError("index out of range")
        memory.write(first, content)
        return len(content)

    def grow(self, store: Storelike, delta: int) -> int:
        """Add pages and return how many there were.  Errors: WasmtimeError."""
        return _grow(self._checked(store), delta)


def _grow(memory: BembixMemory, delta: int) -> int:
    if delta < 0:
        raise WasmtimeError("cannot grow by negative amount")
    before = memory.inst.grow(delta)
    if before < 0:
        raise WasmtimeError(f"failed to grow memory by `{delta}`")
    return before


class SharedMemory(Managed):
    """A memory that instances of several stores may have.  Errors: WasmtimeError where the engine does not allow it."""

    def __init__(self, engine: Engine, ty: MemoryType) -> None:
        engine.check_open()
        if not engine.settings.get("shared_memory"):
            raise WasmtimeError("shared memory support is disabled for this engine -- see `Config::shared_memory`")
        if not ty.spec.shared:
            raise WasmtimeError("shared memory must have the `shared` flag enabled on its memory type")
        with translated():
            self.bembix: BembixMemory = _make(ty, StoreInst(unbound=True))

    @classmethod
    def of(cls, memory: BembixMemory) -> SharedMemory:
        """Return what stands for a memory of Bembix."""
        made = cls.__new__(cls)
        made.bembix = memory
        return made

    def type(self) -> MemoryType:
        """Return its type, with the size that it has now."""
        return MemoryType.of(memory_type_now(self.bembix.inst))

    def size(self) -> int:
        """Return its size in pages."""
        return self.bembix.pages

    def data_len(self) -> int:
        """Return its size in bytes."""
        return self.bembix.size

    def data_ptr(self) -> BytePointer:
        """Return a pointer to its first byte."""
        return byte_pointer(self.bembix.inst.base)

    def grow(self, delta: int) -> int:
        """Add pages and return how many there were.  Errors: WasmtimeError."""
        return _grow(self.bembix, delta)
