"""Memory that the garbage collector does not move or own: reserved address space, blocks, and access by address.

Rule: native memory is given back when its last Python reference is *deallocated*, never by a finalizer: finalizers of
one garbage cycle run in any order, and a `__del__` among them may still call into Wasm.

Source: POSIX mmap, mprotect, munmap.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

from bembix.errors import ResourceError
from bembix.native import platform
from bembix.native.libc import api, libc
from bembix.native.ranges import CODES, GUARDS

PAGE: Final = mmap.PAGESIZE

NONE: Final = 0
READ: Final = 1
READ_WRITE: Final = 3
READ_EXECUTE: Final = 5

_mmap = libc.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_munmap = libc.munmap
_munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_mprotect = libc.mprotect
_mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_untrack = api.PyObject_GC_UnTrack
_untrack.argtypes, _untrack.restype = [ctypes.py_object], None
_bytearray_address = api.PyByteArray_AsString
_bytearray_address.argtypes, _bytearray_address.restype = [ctypes.py_object], ctypes.c_void_p
_from_memory = api.PyMemoryView_FromMemory
_from_memory.argtypes, _from_memory.restype = [ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int], ctypes.py_object
_MAP_FAILED: Final = 2**64 - 1
_MAP_FIXED: Final = 0x10
_MAP_ANONYMOUS: Final = mmap.MAP_ANONYMOUS

#: Sizes of the live mappings, by address.
_sizes: dict[int, int] = {}


class _Mapping(int):
    """An address of mapped memory; unmapped with its last reference.

    Not tracked by the collector, so that `__del__` runs when the object goes, not when the cycle it is in is finalized.
    """

    __slots__ = ()

    def __del__(self) -> None:
        _release(int(self))


def _release(base: int) -> None:
    """Give a mapping back."""
    size = _sizes.pop(base, 0)
    if size:
        GUARDS.remove(base)
        CODES.remove(base)
        _munmap(base, size)


def map_pages(size: int) -> _Mapping:
    """Reserve address space that nothing can access yet.  Errors: ResourceError where there is none."""
    base = _mmap(None, size, NONE, platform.require().map_flags, -1, 0)
    if base is None or base == _MAP_FAILED:
        raise ResourceError(f"cannot reserve {size:#x} bytes of address space: {os.strerror(ctypes.get_errno())}")
    mapping = _Mapping(base)
    _untrack(mapping)
    _sizes[base] = size
    return mapping


def protect(address: int, size: int, protection: int) -> None:
    """Change what may be done with whole pages.  Errors: ResourceError where the system refuses."""
    if size and _mprotect(address, size, protection):
        raise ResourceError(f"the system gives no memory ({size:#x} bytes): {os.strerror(ctypes.get_errno())}")


def make_executable(address: int, size: int) -> None:
    """Let whole pages that code was written to be run, and not be written any more.  Errors: ResourceError."""
    protect(address, size, READ_EXECUTE)
    flush = _flush()
    if size and flush is not None:
        flush(address, address + size)


@lru_cache(maxsize=1)
def _flush() -> Callable[[int, int], None] | None:
    """Return what has the CPU see that code was written, where it has to be told.

    That function's own page is one that nothing was ever run from: the system has the CPU see it.
    """
    code = platform.require().flush
    if not code:
        return None
    base = immortal_pages(PAGE)
    protect(base, PAGE, READ_WRITE)
    write_bytes(base, code)
    protect(base, PAGE, READ_EXECUTE)
    return ctypes.CFUNCTYPE(None, ctypes.c_size_t, ctypes.c_size_t)(base)


def immortal_pages(size: int) -> int:
    """Reserve address space for the life of the process."""
    mapping = map_pages(size)
    del _sizes[mapping]
    return int(mapping)


def round_up(size: int) -> int:
    """Round a size up to whole host pages."""
    return -(-size // PAGE) * PAGE


#: Bytes as ctypes has them.
ByteArray: TypeAlias = "ctypes.Array[ctypes.c_ubyte]"
BytePointer: TypeAlias = "ctypes._Pointer[ctypes.c_ubyte]"


class Reservation:
    """Address space of which parts can be made accessible; it never moves.

    base: address.  size: bytes, whole host pages.
    """

    __slots__ = ("__weakref__", "_mapping", "base", "size")

    def __init__(self, size: int, guard: bool) -> None:
        self.size: int = round_up(max(size, 1))
        self._mapping: _Mapping | None = map_pages(self.size)
        self.base: int = int(self._mapping)
        if guard:
            GUARDS.add(self.base, self.base + self.size)

    def commit(self, offset: int, length: int) -> None:
        """Make pages readable and writable; fresh ones are zero.  Errors: ResourceError where memory is used up."""
        self._protect(offset, length, READ_WRITE)

    def protect_none(self, offset: int, length: int) -> None:
        """Give the contents of pages back and let nothing access them."""
        start, size = self._span(offset, length)
        if not size:
            return
        # A fresh mapping in place of the old one: also forgets the contents.
        flags = platform.require().map_flags | _MAP_FIXED
        if _mmap(start, size, NONE, flags, -1, 0) != start:
            raise ResourceError(f"cannot give memory back: {os.strerror(ctypes.get_errno())}")

    def clear(self, offset: int, length: int) -> None:
        """Make the contents of pages zero, and the pages readable and writable; at no time are they not.

        Errors: ResourceError.
        """
        start, size = self._span(offset, length)
        flags = platform.require().map_flags | _MAP_FIXED
        if size and _mmap(start, size, READ_WRITE, flags, -1, 0) != start:
            raise ResourceError(f"the system gives no memory ({size:#x} bytes): {os.strerror(ctypes.get_errno())}")

    def map_file(self, offset: int, length: int, number: int, start: int) -> None:
        """Make pages of a file the contents of pages, readable and writable; what is written does not reach the file.

        number: descriptor.  start: where in the file.  Errors: ResourceError.
        """
        at, size = self._span(offset, length)
        flags = platform.require().map_flags & ~_MAP_ANONYMOUS | _MAP_FIXED
        if size and _mmap(at, size, READ_WRITE, flags, number, start) != at:
            raise ResourceError(f"cannot map {size:#x} bytes of a file: {os.strerror(ctypes.get_errno())}")

    def close(self) -> None:
        """Give all of it back at once; nothing may refer to it any more."""
        self._mapping = None

    def _span(self, offset: int, length: int) -> tuple[int, int]:
        """Return the pages that bytes lie in.  Errors: ResourceError outside the reservation."""
        if self._mapping is None or not 0 <= offset <= offset + length <= self.size:
            raise ResourceError(f"bytes {offset:#x}+{length:#x} are outside a reservation of {self.size:#x}")
        first = offset // PAGE * PAGE
        return self.base + first, round_up(offset + length) - first if length else 0

    def _protect(self, offset: int, length: int, protection: int) -> None:
        start, size = self._span(offset, length)
        protect(start, size, protection)


def reserve(size: int, *, guard: bool = False) -> Reservation:
    """Reserve address space.

    guard: faults of Wasm code in it are traps.
    Errors: ResourceError where there is no room.
    """
    return Reservation(size, guard)


class Block:
    """Zeroed memory at a fixed address, 16-byte aligned.

    address; size in bytes.
    """

    __slots__ = ("__weakref__", "_bytes", "address", "size")

    def __init__(self, size: int) -> None:
        # A bytearray that nobody else sees is never resized; it goes back with this object.
        self._bytes = bytearray(size + 16)
        self.size: int = size
        self.address: int = -(-_bytearray_address(self._bytes) // 16) * 16

    def close(self) -> None:
        """Give the memory back at once; nothing may refer to it any more."""
        self._bytes = bytearray()
        self.size = 0


def read_bytes(address: int, size: int) -> bytes:
    """Return a copy of memory."""
    return ctypes.string_at(address, size)


def write_bytes(address: int, data: bytes | bytearray | memoryview) -> None:
    """Copy `data` to memory."""
    ctypes.memmove(address, data if isinstance(data, bytes) else bytes(data), len(data))


def fill(address: int, byte: int, size: int) -> None:
    """Set every byte of a piece of memory."""
    ctypes.memset(address, byte, size)


def move(target: int, source: int, size: int) -> None:
    """Copy memory that may overlap."""
    ctypes.memmove(target, source, size)


def view(address: int, size: int, owner: object = None, *, readonly: bool = False) -> memoryview:
    """Return a view of memory, of format "B"; it keeps `owner` alive."""
    if owner is None:
        seen: memoryview = _from_memory(address, size, 0x100 if readonly else 0x200)
        return seen
    whole = memoryview(byte_array(address, size, owner)).cast("B")
    return whole.toreadonly() if readonly else whole


def byte_array(address: int, size: int, owner: object) -> ByteArray:
    """Return memory as an array of ctypes, which keeps `owner` alive."""
    array = (ctypes.c_ubyte * size).from_address(address)
    array.owner = owner  # type: ignore[attr-defined]  # an attribute, for its reference
    return array


def byte_pointer(address: int) -> BytePointer:
    """Return a pointer to a byte, through which anything can be read and written."""
    return ctypes.cast(address, ctypes.POINTER(ctypes.c_ubyte))


_U64, _I64 = ctypes.c_uint64, ctypes.c_int64
_U32, _I32 = ctypes.c_uint32, ctypes.c_int32
_F32, _F64 = ctypes.c_float, ctypes.c_double


def read_u64(address: int) -> int:
    """Return the unsigned 64-bit number at `address`."""
    return _U64.from_address(address).value


def write_u64(address: int, value: int) -> None:
    """Write a 64-bit number, modulo 2**64."""
    _U64.from_address(address).value = value


def read_i64(address: int) -> int:
    """Return the signed 64-bit number at `address`."""
    return _I64.from_address(address).value


write_i64 = write_u64


def read_u32(address: int) -> int:
    """Return the unsigned 32-bit number at `address`."""
    return _U32.from_address(address).value


def write_u32(address: int, value: int) -> None:
    """Write a 32-bit number, modulo 2**32."""
    _U32.from_address(address).value = value


def read_i32(address: int) -> int:
    """Return the signed 32-bit number at `address`."""
    return _I32.from_address(address).value


write_i32 = write_u32


def read_f32(address: int) -> float:
    """Return the 32-bit float at `address`."""
    return _F32.from_address(address).value


def write_f32(address: int, value: float) -> None:
    """Write a 32-bit float, rounded to nearest."""
    _F32.from_address(address).value = value


def read_f64(address: int) -> float:
    """Return the 64-bit float at `address`."""
    return _F64.from_address(address).value


def write_f64(address: int, value: float) -> None:
    """Write a 64-bit float."""
    _F64.from_address(address).value = value
