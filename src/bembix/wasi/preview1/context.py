"""What a WASI function gets: the program's capabilities, and safe ways to read and write its memory.

Source: WASI snapshot_preview1, "iovec", "ciovec".  Rule 1: a range of memory is checked before anything is done with
it, so that a call that fails with FAULT has done nothing.  Rule 2: what a program asks for never sizes an allocation
here beyond `CHUNK`, or the memory that it has itself.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

from bembix.records import dataclass
from bembix.wasi.clocks import Clocks
from bembix.wasi.preview1.errno import Errno, WasiError
from bembix.wasi.preview1.types import MemoryLike
from bembix.wasi.table import FdTable

CHUNK: Final = 1 << 20  #: bytes read or written at once
MAX_VECTORS: Final = 1024  #: buffers that one call looks at, as on Linux; a longer list is a short read or write
MAX_TRANSFER: Final = 0x7FFF_F000  #: bytes that one call moves, as on Linux

#: A buffer of the program: offset and length.
Vector = tuple[int, int]
_VECTOR: Final = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Context:
    """One program.

    args, env: without their final NUL.  random: returns that many random bytes.
    memory: returns the memory that pointers are offsets in.
    """

    args: Sequence[bytes]
    env: Sequence[bytes]
    fds: FdTable
    clocks: Clocks
    random: Callable[[int], bytes]
    memory: Callable[[], MemoryLike]


def check(memory: MemoryLike, offset: int, length: int) -> None:
    """Fail with FAULT where the range does not lie in the memory."""
    if offset + length > len(memory):
        raise WasiError(Errno.FAULT)


def check_out(memory: MemoryLike, offset: int) -> None:
    """Fail with FAULT where a 32 bit result does not lie in the memory."""
    if offset + 4 > len(memory):
        raise WasiError(Errno.FAULT)


def put(memory: MemoryLike, offset: int, data: bytes) -> None:
    """Write `data`."""
    check(memory, offset, len(data))
    memory.write(offset, data)


def put_u32(memory: MemoryLike, offset: int, value: int) -> None:
    """Write 4 bytes, little-endian."""
    put(memory, offset, value.to_bytes(4, "little"))


def put_u64(memory: MemoryLike, offset: int, value: int) -> None:
    """Write 8 bytes, little-endian."""
    put(memory, offset, value.to_bytes(8, "little"))


def get(memory: MemoryLike, offset: int, length: int) -> bytes:
    """Read `length` bytes."""
    check(memory, offset, length)
    return memory.read(offset, length)


def get_path(memory: MemoryLike, offset: int, length: int) -> bytes:
    """Read a path.  Errors: FAULT; NAMETOOLONG more than 4095 bytes; ILSEQ not UTF-8; INVAL holds a NUL."""
    check(memory, offset, length)
    if length > 4095:
        raise WasiError(Errno.NAMETOOLONG)
    path = memory.read(offset, length)
    try:
        path.decode()
    except UnicodeDecodeError:
        raise WasiError(Errno.ILSEQ) from None
    if b"\0" in path:
        raise WasiError(Errno.INVAL)
    return path


def get_vectors(memory: MemoryLike, offset: int, count: int) -> tuple[list[Vector], int]:
    """Read an array of buffers, all of them within the memory; return them, and how many bytes they are together.

    What is beyond the limits of this file is cut off.
    """
    size = len(memory)
    if offset + 8 * count > size:
        raise WasiError(Errno.FAULT)
    if count > MAX_VECTORS:
        count = MAX_VECTORS
    vectors: list[Vector]
    if count == 1:  # FAST: bench/wasi_calls.py, "fd_write"
        vectors = [_VECTOR.unpack(memory.read(offset, 8))]
    else:
        vectors = list(_VECTOR.iter_unpack(memory.read(offset, 8 * count)))
    total = 0
    for start, length in vectors:
        if start + length > size:
            raise WasiError(Errno.FAULT)
        total += length
    return (vectors, total) if total <= MAX_TRANSFER else (_cut(vectors), MAX_TRANSFER)


def _cut(vectors: list[Vector]) -> list[Vector]:
    """Return the buffers up to `MAX_TRANSFER` bytes."""
    room = MAX_TRANSFER
    kept = []
    for start, length in vectors:
        kept.append((start, min(length, room)))
        room -= kept[-1][1]
    return kept


def gather(memory: MemoryLike, vectors: list[Vector], total: int, write: Callable[[bytes], int]) -> int:
    """Write what the buffers hold.

    write: returns how many of the bytes it wrote.  It is called at least once, so that a descriptor that cannot be
    written fails even for nothing.
    Returns the number of bytes written; an error after some were is left for the next call to find.
    """
    if len(vectors) == 1 and total <= CHUNK:
        return write(memory.read(*vectors[0]))
    if total <= CHUNK:
        return write(b"".join([memory.read(start, length) for start, length in vectors]))
    done = 0
    for start, length in vectors:
        for at in range(start, start + length, CHUNK):
            piece = memory.read(at, min(CHUNK, start + length - at))
            try:
                written = write(piece)
            except OSError:
                if not done:
                    raise
                return done
            done += written
            if written < len(piece):
                return done
    return done


def scatter(memory: MemoryLike, vectors: list[Vector], total: int, read: Callable[[int], bytes], fill: bool) -> int:
    """Fill the buffers.

    read: takes how many bytes there is room for; returns up to that many.
    fill: read on until the buffers are full or the end is reached; without it, one read that gives something is all.
    Returns the number of bytes read; an error after some were is left for the next call to find.
    """
    done = 0
    while True:
        room = min(CHUNK, total - done)
        try:
            data = read(room)
        except OSError:
            if not done:
                raise
            return done
        _place(memory, vectors, data, done)
        done += len(data)
        if not fill or len(data) < room or done == total:
            return done


def _place(memory: MemoryLike, vectors: list[Vector], data: bytes, skip: int) -> None:
    """Write `data` into the buffers, after the first `skip` bytes of them."""
    taken = 0
    for start, length in vectors:
        if skip >= length:
            skip -= length
            continue
        part = data[taken : taken + length - skip]
        if not part:
            return
        memory.write(start + skip, part)
        taken += len(part)
        skip = 0
