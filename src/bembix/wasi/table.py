"""The program's table of descriptors.

Source: WASI snapshot_preview1: numbers are given out lowest first, as POSIX does and C libraries expect.
"""

from __future__ import annotations

import errno

from bembix.wasi.descriptor import Descriptor, fail
from bembix.wasi.directory import Directory


class FdTable:
    """Descriptors by number; limit: how many may be open, so that a program cannot use up the host's."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        #: FAST: read by the functions that are called most, without a call.
        self.open: dict[int, Descriptor] = {}

    def __getitem__(self, number: int) -> Descriptor:
        """Return a descriptor.  Errors: EBADF there is none of this number."""
        try:
            return self.open[number]
        except KeyError:
            raise fail(errno.EBADF) from None

    def directory(self, number: int) -> Directory:
        """Return the directory that a path starts from.  Errors: EBADF no such number; ENOTDIR it is something else."""
        found = self[number]
        if not isinstance(found, Directory):
            raise fail(errno.ENOTDIR)
        return found

    def check_room(self) -> None:
        """Fail with EMFILE where one more descriptor would be too many."""
        if len(self.open) >= self._limit:
            raise fail(errno.EMFILE)

    def add(self, descriptor: Descriptor) -> int:
        """Give `descriptor` the lowest free number."""
        self.check_room()
        number = 0
        while self.open.setdefault(number, descriptor) is not descriptor:
            number += 1
        return number

    def close(self, number: int) -> None:
        """Forget a descriptor.  Errors: EBADF there is none of this number."""
        if self.open.pop(number, None) is None:
            raise fail(errno.EBADF)

    def renumber(self, old: int, new: int) -> None:
        """Give the descriptor `old` the number `new`, closing what had it.  Errors: EBADF either number is not open."""
        found, _ = self[old], self[new]
        if old != new:
            self.open[new] = found
            self.close(old)
