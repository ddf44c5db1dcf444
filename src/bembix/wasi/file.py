"""A regular file or device, opened below a directory that was handed over.

Source: WASI snapshot_preview1, "fd_*"; POSIX.1-2017.
"""

# ruff: noqa: D102 - what the methods of a descriptor do is said once, at Descriptor

from __future__ import annotations

import errno
import os
import stat as modes
import sys
from typing import Final

from bembix.wasi.descriptor import Descriptor, HostDescriptor, Stat, fail

#: posix_fadvise's name for each advice of the program, in order.
_ADVICE: Final = (
    "POSIX_FADV_NORMAL",
    "POSIX_FADV_SEQUENTIAL",
    "POSIX_FADV_RANDOM",
    "POSIX_FADV_WILLNEED",
    "POSIX_FADV_DONTNEED",
    "POSIX_FADV_NOREUSE",
)
_LAST_TIME: Final = (1 << 63) - 1  #: ns since 1970 that 64 bits hold


class File(Descriptor):
    """An open file; the descriptor of the host is ours alone.

    readonly: set where its directory was handed over for reading only.
    """

    def __init__(self, host: HostDescriptor, *, readable: bool, writable: bool, readonly: bool, flags: int) -> None:
        super().__init__(readable=readable, writable=writable)
        self._host = host
        self._readonly = readonly
        self.append: bool = bool(flags & os.O_APPEND)
        self.nonblocking: bool = bool(flags & getattr(os, "O_NONBLOCK", 0))
        self.synchronous: int = flags & (
            getattr(os, "O_SYNC", 0) | getattr(os, "O_DSYNC", 0) | getattr(os, "O_RSYNC", 0)
        )
        self.fills_buffers: bool = modes.S_ISREG(os.fstat(host.number).st_mode)
        self.is_stream: bool = not self.fills_buffers and not _has_position(host.number)

    def _for_reading(self) -> int:
        if not self.readable:
            raise fail(errno.EBADF)
        return self._host.number

    def _for_change(self) -> int:
        if self._readonly:
            raise fail(errno.EPERM)
        return self._host.number

    def read(self, length: int) -> bytes:
        return os.read(self._for_reading(), length)

    def write(self, data: bytes) -> int:
        return os.write(self._host.number, data)

    def read_at(self, length: int, offset: int) -> bytes:
        return os.pread(self._for_reading(), length, offset)

    def write_at(self, data: bytes, offset: int) -> int:
        return os.pwrite(self._host.number, data, offset)

    def seek(self, offset: int, whence: int) -> int:
        return os.lseek(self._host.number, offset, whence)

    def stat(self) -> Stat:
        return Stat.of(os.fstat(self._host.number))

    def set_size(self, size: int) -> None:
        os.ftruncate(self._for_change(), size)

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        set_times(self._for_change(), accessed, modified)

    def set_flags(self, append: bool, nonblocking: bool) -> None:
        import fcntl  # not on every host, but wherever a File can come from

        flags = fcntl.fcntl(self._host.number, fcntl.F_GETFL) & ~(os.O_APPEND | os.O_NONBLOCK)
        flags |= (os.O_APPEND if append else 0) | (os.O_NONBLOCK if nonblocking else 0)
        fcntl.fcntl(self._host.number, fcntl.F_SETFL, flags)
        self.append, self.nonblocking = append, nonblocking

    def sync(self, metadata: bool) -> None:
        sync(self._host.number, metadata)

    def advise(self, offset: int, length: int, advice: int) -> None:
        if sys.platform == "linux":
            os.posix_fadvise(self._host.number, offset, length, getattr(os, _ADVICE[advice]))

    def allocate(self, offset: int, length: int) -> None:
        allocate = getattr(os, "posix_fallocate", None)
        if allocate is None:
            raise fail(errno.ENOTSUP)
        allocate(self._for_change(), offset, length)

    def pollable(self) -> int | None:
        return None if self.fills_buffers else self._host.number


def _has_position(number: int) -> bool:
    try:
        os.lseek(number, 0, os.SEEK_CUR)
    except OSError:
        return False
    return True


def sync(number: int, metadata: bool) -> None:
    """Write out what the host keeps back for its descriptor `number`."""
    (os.fsync if metadata else getattr(os, "fdatasync", os.fsync))(number)


def set_times(number: int, accessed: int | None, modified: int | None) -> None:
    """Set the times of the host's descriptor `number`, in ns; None leaves one as it is."""
    before = os.fstat(number)
    os.utime(number, ns=chosen_times(before, accessed, modified))


def chosen_times(before: os.stat_result, accessed: int | None, modified: int | None) -> tuple[int, int]:
    """Complete what was asked for with the times from before: Python's `utime` knows no UTIME_OMIT."""
    times = (
        before.st_atime_ns if accessed is None else accessed,
        before.st_mtime_ns if modified is None else modified,
    )
    if max(times) > _LAST_TIME:
        raise fail(errno.EINVAL)
    return times
