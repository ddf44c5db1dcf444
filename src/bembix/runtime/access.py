"""What Python does with the bytes of a memory: as a buffer, by address, as text and as numbers.

Every access is checked: what is not inside the memory raises IndexError and changes nothing.  Numbers are
little-endian, as in Wasm.  Source: core 3.0, 4.2.8; Python, "Buffer Types".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from importlib import import_module
from operator import index
from typing import Any, Final, Literal, Protocol, TypeAlias, overload

from bembix.native.memory import fill, read_bytes, view, write_bytes
from bembix.runtime.extern import Extern
from bembix.runtime.meminst import MemInst

#: Elements that are ints, as `view` calls them: by the names of Wasm, of NumPy, and of `struct`.
IntName: TypeAlias = Literal[
    "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64",
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "B", "b", "H", "h", "I", "i", "Q", "q",
]  # fmt: skip
FloatName: TypeAlias = Literal["f32", "f64", "float32", "float64", "f", "d"]

_LETTERS: Final = "BbHhIiQqfd"
_WASM: Final = ("u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64")
_NUMPY: Final = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")
#: The format of `struct` for each name of an element.
FORMATS: Final[dict[str, str]] = {
    name: letter for names in (_LETTERS, _WASM, _NUMPY) for name, letter in zip(names, _LETTERS, strict=True)
}


class Buffer(Protocol):
    """Anything with a buffer, for type checkers: `collections.abc.Buffer` of Python 3.12."""

    def __buffer__(self, flags: int, /) -> memoryview:
        """Return a view of it."""


class MemoryAccess(Extern[MemInst]):
    """The bytes of a memory.

    `memoryview(memory)`, `numpy.frombuffer(memory, ...)`, `struct.pack_into(..., memory, ...)` and the like reach them
    without a copy.  So do slices, which are memoryviews.  A view keeps the memory alive, stays valid when the memory
    grows, and keeps its length then.
    """

    __slots__ = ()

    def __len__(self) -> int:
        return self._inst.size

    def __iter__(self) -> Iterator[int]:
        return iter(self._whole())

    def __contains__(self, what: object) -> bool:
        """Tell whether a byte, given as an int, or a run of bytes is anywhere in it."""
        return self.find(bytes((what,)) if isinstance(what, int) else what) >= 0  # type: ignore[arg-type]

    @overload
    def __getitem__(self, key: int) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> memoryview: ...
    def __getitem__(self, key: int | slice) -> int | memoryview:
        """Return a byte, or a view of some; a negative address counts from the end.

        Errors: IndexError where the address, or either end of a slice, is outside the memory.
        """
        if isinstance(key, slice):
            return self._whole()[self._inside(key)]
        return read_bytes(self._inst.base + self._byte(key), 1)[0]

    @overload
    def __setitem__(self, key: int, value: int) -> None: ...
    @overload
    def __setitem__(self, key: slice, value: Buffer) -> None: ...
    def __setitem__(self, key: int | slice, value: int | Buffer) -> None:
        """Replace a byte, or as many bytes as a slice has.

        Errors: IndexError as for reading; ValueError for another number of bytes, or a number that is no byte.
        """
        if not isinstance(key, slice):
            write_bytes(self._inst.base + self._byte(key), _byte_of(value))
            return
        target = self._whole()[self._inside(key)]
        data = _contents(value)  # type: ignore[arg-type]  # for an int, memoryview says what it wants
        if len(data) != len(target):
            start = key.indices(len(self))[0]
            raise ValueError(
                f"{len(data)} bytes given for the {len(target)} at address {start} of a memory of {len(self)} bytes"
            )
        target[:] = data

    def read(self, offset: int, length: int) -> bytes:
        """Return a copy of `length` bytes from `offset` on.

        Errors: IndexError where some of them are outside the memory.
        """
        address, length = self._place(offset, length)
        return read_bytes(address, length)

    def write(self, offset: int, data: Buffer) -> None:
        """Copy `data` (bytes or anything with a buffer) to `offset`.

        Errors: IndexError where it does not fit; nothing is written then.
        """
        content = _contents(data)
        address, _ = self._place(offset, len(content))
        write_bytes(address, content)

    # Where the generated slots turn to when something is not plain.
    _get, _set, _read, _write = __getitem__, __setitem__, read, write

    def read_int(self, offset: int, size: int = 4, *, signed: bool = False) -> int:
        """Return the number of `size` bytes at `offset`.  Errors: IndexError."""
        return int.from_bytes(self.read(offset, size), "little", signed=signed)

    def write_int(self, offset: int, value: int, size: int = 4) -> None:
        """Write a number of `size` bytes, signed or unsigned.  Errors: OverflowError, IndexError."""
        try:
            data = index(value).to_bytes(size, "little", signed=value < 0)
        except OverflowError:
            raise OverflowError(f"{value} does not fit into {size} bytes") from None
        self.write(offset, data)

    def unpack(self, format: str, offset: int) -> tuple[Any, ...]:
        """Return the values at `offset`, as `struct.unpack_from` does; little-endian unless `format` says otherwise.

        Errors: IndexError; struct.error for a wrong format.
        """
        layout = _layout(format)
        return layout.unpack(self.read(offset, layout.size))

    def pack(self, format: str, offset: int, *values: object) -> None:
        """Write values to `offset`, as `struct.pack_into` does; little-endian unless `format` says otherwise.

        Errors: IndexError; struct.error for a wrong format or values that it does not take.
        """
        self.write(offset, _layout(format).pack(*values))

    @overload
    def read_cstring(self, offset: int, *, encoding: str = "utf-8", limit: int | None = None) -> str: ...
    @overload
    def read_cstring(self, offset: int, *, encoding: None, limit: int | None = None) -> bytes: ...
    def read_cstring(self, offset: int, *, encoding: str | None = "utf-8", limit: int | None = None) -> str | bytes:
        """Return the text from `offset` up to the next zero byte, which is not part of it.

        encoding: None returns the bytes as they are.  limit: bytes that the text may have; None: up to the end.
        Errors: IndexError; ValueError where no zero byte comes; UnicodeDecodeError.
        """
        offset, size = index(offset), len(self)
        self._place(offset, 0)
        end = size if limit is None else min(size, offset + limit + 1)
        stop = self.find(b"\0", offset, end)
        if stop < 0:
            raise ValueError(
                f"no zero byte in the {end - offset} bytes at address {offset} of a memory of {size} bytes"
            )
        data = self.read(offset, stop - offset)
        return data if encoding is None else data.decode(encoding)

    def write_cstring(self, offset: int, text: str | bytes, *, encoding: str = "utf-8") -> int:
        """Write a text and a zero byte; return how many bytes that were.

        Errors: IndexError where it does not fit; ValueError where the text has a zero byte itself.
        """
        data = text if isinstance(text, bytes) else text.encode(encoding)
        if b"\0" in data:
            raise ValueError(f"zero byte at {data.index(0)} of a C string of {len(data)} bytes")
        self.write(offset, data + b"\0")
        return len(data) + 1

    def find(self, data: Buffer, start: int = 0, end: int | None = None) -> int:
        """Return the address of the first place from `start` to `end` (None: the end) that has `data`, or -1.

        Errors: IndexError where `start` or `end` are outside the memory.
        """
        start = index(start)
        stop = len(self) if end is None else index(end)
        self._place(start, max(stop - start, 0))
        found = re.compile(re.escape(_contents(data)), re.DOTALL).search(self._whole(), start, stop)
        return -1 if found is None else found.start()

    def fill(self, offset: int, length: int, byte: int = 0) -> None:
        """Set `length` bytes from `offset` on.  Errors: IndexError; ValueError where `byte` is none."""
        value = _byte_of(byte)[0]
        fill(*self._place(offset, length)[:1], value, index(length))

    @overload
    def view(self, dtype: IntName = "u8", offset: int = 0, count: int | None = None) -> memoryview: ...
    @overload
    def view(self, dtype: FloatName, offset: int = 0, count: int | None = None) -> memoryview[float]: ...
    @overload
    def view(self, dtype: Any, offset: int = 0, count: int | None = None) -> Any: ...
    def view(self, dtype: Any = "u8", offset: int = 0, count: int | None = None) -> Any:
        """Return `count` elements from `offset` on without copying; what is written to them, Wasm sees.

        dtype: "u8", "i8", "u16", ... "i64", "f32", "f64", or the same names as in NumPy ("float32") or `struct` ("f"):
        the result is a memoryview.  Anything else is a dtype for NumPy, and the result is an array.
        offset: in bytes; it need not be a multiple of anything.  count: in elements; None: as many as there are.
        It stays valid, and keeps its size, when the memory grows or its instance goes: it keeps the memory alive.

        Errors: IndexError where some of them are outside the memory; ValueError for an unknown name.
        """
        if not isinstance(dtype, str):
            return self._array(dtype, offset, count)
        letter = FORMATS.get(dtype)
        if letter is None:
            raise ValueError(f"no element is called {dtype!r}; the names are {', '.join(_WASM)}")
        start, length = self._extent(struct.calcsize(letter), offset, count)
        part = self._whole()[start : start + length]
        return part if letter == "B" else part.cast(letter)  # type: ignore[call-overload]  # one of `FORMATS`

    def dump(self, offset: int = 0, length: int = 256) -> str:
        """Return bytes from `offset` on as lines for people: address, sixteen numbers in hexadecimal, characters.

        Errors: IndexError where some of them are outside the memory.
        """
        data = self.read(offset, length)
        lines = []
        for at in range(0, len(data), 16):
            row = data[at : at + 16]
            letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
            lines.append(f"{offset + at:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  |{letters}|")
        return "\n".join(lines)

    def _array(self, dtype: object, offset: int, count: int | None) -> Any:
        numpy: Any = import_module("numpy")
        element = numpy.dtype(dtype)
        start, length = self._extent(element.itemsize, offset, count)
        return numpy.frombuffer(self._whole()[start : start + length], element)

    def _extent(self, size: int, offset: int, count: int | None) -> tuple[int, int]:
        """Return the address and the bytes of elements of a size.  Errors: IndexError."""
        offset = index(offset)
        if count is None:
            count = (len(self) - offset) // size
        length = index(count) * size
        self._place(offset, length)
        return offset, length

    def _whole(self) -> memoryview:
        """Return a view of all bytes that there are now."""
        return view(self._inst.base, self._inst.size, self._inst)

    def _inside(self, key: slice) -> slice:
        """Return a slice whose ends must be inside the memory."""
        size = len(self)
        for end in (key.start, key.stop):
            if end is not None and not -size <= index(end) <= size:
                start, stop, _ = (index(at) for at in (key.start or 0, size if key.stop is None else key.stop, 0))
                raise _outside(start, max(stop - start, 0), size)
        return key

    def _byte(self, key: int) -> int:
        """Return the address of a byte that must be inside."""
        size, at = len(self), index(key)
        if not -size <= at < size:
            raise _outside(at, 1, size)
        return at % size

    def _place(self, offset: int, length: int) -> tuple[int, int]:
        """Return the host's address of bytes that must be inside the memory, and how many there are."""
        offset, length, size = index(offset), index(length), len(self)  # numbers of NumPy would wrap around below
        if offset < 0 or length < 0 or offset + length > size:
            raise _outside(offset, length, size)
        return self._inst.base + offset, length


def _outside(address: int, length: int, size: int) -> IndexError:
    return IndexError(f"out of bounds memory access: {length} bytes at address {address} of a memory of {size} bytes")


def _byte_of(value: Any) -> bytes:
    number = index(value)
    if not 0 <= number <= 255:
        raise ValueError(f"a byte is from 0 to 255, not {number}")
    return bytes((number,))


def _contents(data: Buffer) -> bytes:
    """Return the bytes of anything with a buffer.  Errors: TypeError where it has none."""
    return data if isinstance(data, bytes) else bytes(memoryview(data))


def _layout(format: str) -> struct.Struct:
    return struct.Struct(format if format[:1] in tuple("@=<>!") else f"<{format}")
