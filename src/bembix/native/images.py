"""Images of memory: bytes that are kept once and mapped into any number of memories, each of which has its own copy of
what it writes.

An image lies in a file that has no name, is sealed, and goes with the last reference: pages that nobody writes are
shared by all memories, and nothing can shorten it beneath them.  Source: Linux memfd_create, mmap (MAP_PRIVATE), fcntl
(F_ADD_SEALS).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
from collections.abc import Callable, Iterator
from typing import Final

from bembix.errors import ResourceError
from bembix.native.libc import libc
from bembix.native.memory import PAGE, Reservation, round_up

#: What is looked at, at once, to see whether it is all zero; a multiple of the host's pages.
CHUNK: Final = max(PAGE, 16384)

_memcmp: Final = libc.memcmp
_memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
_SEALS: Final = "F_SEAL_SEAL", "F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_WRITE"


class Image:
    """Bytes to map.

    size: bytes, whole host pages.
    """

    __slots__ = ("__weakref__", "_number", "size")

    def __init__(self, size: int, fill: Callable[[int], None]) -> None:
        """Make one.  fill: is given the address of `size` zero bytes and writes what shall be there.

        Errors: ResourceError where the host has no room; what `fill` raises.
        """
        self.size: int = round_up(size)
        self._number = -1
        try:
            self._number = _unnamed_file()
            os.ftruncate(self._number, self.size)
            if self.size:
                self._fill(fill)
            _seal(self._number)
        except OSError as error:
            raise ResourceError(f"no room for an image of {size} bytes: {error}") from None

    def _fill(self, fill: Callable[[int], None]) -> None:
        with mmap.mmap(self._number, self.size) as shared:
            first = ctypes.c_char.from_buffer(shared)
            try:
                fill(ctypes.addressof(first))
            finally:
                del first  # else the mapping can't be closed

    # The default argument is there still when the interpreter ends and has cleared the names of its modules.
    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if self._number >= 0:
            close(self._number)

    def read(self, start: int, length: int) -> bytes:
        """Return a copy of some of it.  Errors: ResourceError where the host does not give it."""
        parts = []
        while length > 0:
            try:
                parts.append(os.pread(self._number, length, start))
            except OSError as error:
                raise ResourceError(f"an image can't be read: {error}") from None
            if not parts[-1]:
                raise ResourceError("an image is shorter than it was")
            start, length = start + len(parts[-1]), length - len(parts[-1])
        return b"".join(parts)

    def map(self, target: Reservation, offset: int, start: int, length: int) -> None:
        """Make some of it the contents of a reservation, readable and writable.

        offset: in the reservation.  start, length: in the image.  All three are multiples of the host's pages.
        Errors: ResourceError where the host has no room; the contents are as they were then.
        """
        if start % PAGE or length % PAGE or start + length > self.size:
            raise ResourceError(f"bytes {start:#x}+{length:#x} are no pages of an image of {self.size:#x}")
        target.map_file(offset, length, self._number, start)


def _unnamed_file() -> int:
    """Return a descriptor of a file without a name, in memory where the host has such files.  Errors: OSError."""
    if hasattr(os, "memfd_create"):
        with contextlib.suppress(OSError):
            return os.memfd_create("bembix", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _seal(number: int) -> None:
    """Let nobody change a file any more, as far as the host knows how."""
    if not hasattr(fcntl, "F_ADD_SEALS"):
        return
    try:
        fcntl.fcntl(number, fcntl.F_ADD_SEALS, sum(getattr(fcntl, name) for name in _SEALS))
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EPERM):  # a file on disk
            raise


def runs(address: int, size: int, gap: int = 1 << 18) -> Iterator[tuple[int, int]]:
    """Yield offset and length of the parts of memory that are not all zero, in order.

    gap: as many zero bytes, or more, separate two parts.  Lengths are multiples of `CHUNK`, but for the last.
    """
    start = end = -1
    for offset in range(0, size, CHUNK):
        length = min(CHUNK, size - offset)
        if is_zero(address + offset, length):
            continue
        if start >= 0 and offset - end >= gap:
            yield start, end - start
            start = -1
        start, end = offset if start < 0 else start, offset + length
    if start >= 0:
        yield start, end - start


def is_zero(address: int, size: int) -> bool:
    """Tell whether all bytes of a piece of memory are 0."""
    return ctypes.c_ubyte.from_address(address).value == 0 and not (
        size > 1 and _memcmp(address, address + 1, size - 1)
    )
