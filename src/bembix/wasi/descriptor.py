"""What a number in a program's table of descriptors stands for.

Source: WASI snapshot_preview1, "fd_*", in terms of the host.  Rule 1 of the capabilities (this file, `file`,
`directory`, `stdio`): they raise OSError with the host's error numbers, and know nothing of the program's memory.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from bembix.records import dataclass


def fail(number: int) -> OSError:
    """Return the error of the host with this number."""
    return OSError(number, os.strerror(number))


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of a file.

    mode: the host's type and permission bits.  size: bytes.  Times: ns since 1970.
    """

    mode: int
    device: int = 0
    inode: int = 0
    links: int = 0
    size: int = 0
    accessed: int = 0
    modified: int = 0
    changed: int = 0

    @classmethod
    def of(cls, stat: os.stat_result) -> Stat:
        """Take over what the host says."""
        return cls(
            stat.st_mode,
            stat.st_dev,
            stat.st_ino,
            stat.st_nlink,
            stat.st_size,
            stat.st_atime_ns,
            stat.st_mtime_ns,
            stat.st_ctime_ns,
        )


class HostDescriptor:
    """A descriptor of the host that is closed when nothing uses it any more.

    Closing it any earlier would let a thread that is about to read from it read from whatever the host opened next
    under the same number.
    """

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number: int = number

    # The default argument is there still when the interpreter ends and has cleared the names of its modules.
    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        try:  # noqa: SIM105 - `suppress` is a name of a module too
            close(self.number)
        except OSError:
            pass  # the number is free all the same, and there is nobody to tell: who must know syncs first


class Descriptor:
    """An open file, directory or stream; what a kind of descriptor cannot do fails with EBADF.

    readable, writable: whether it was opened for that.  is_directory: what it says.
    append, nonblocking: the flags that a program can change.
    """

    is_directory = False
    #: True for what has no position.
    is_stream = False
    #: True where a read takes what there is rather than wait for more, so that it may be repeated to fill a buffer.
    fills_buffers = False

    def __init__(self, *, readable: bool = False, writable: bool = False) -> None:
        self.readable = readable
        self.writable = writable
        self.append = False
        self.nonblocking = False
        self.synchronous = 0  #: the host's O_SYNC, O_DSYNC and O_RSYNC bits that it was opened with

    def read(self, length: int) -> bytes:
        """Read up to `length` bytes; none at the end."""
        raise fail(errno.EBADF)

    def write(self, data: bytes) -> int:
        """Write `data`; return how many bytes of it were written."""
        raise fail(errno.EBADF)

    def read_at(self, length: int, offset: int) -> bytes:
        """Read up to `length` bytes from `offset` on, leaving the position as it is."""
        raise fail(errno.EBADF)

    def write_at(self, data: bytes, offset: int) -> int:
        """Write `data` at `offset`, leaving the position as it is."""
        raise fail(errno.EBADF)

    def seek(self, offset: int, whence: int) -> int:
        """Move the position; return the new one.  whence: the host's SEEK_SET, SEEK_CUR or SEEK_END."""
        raise fail(errno.EBADF)

    def stat(self) -> Stat:
        """Return what is known of the file."""
        raise fail(errno.EBADF)

    def set_size(self, size: int) -> None:
        """Cut the file, or extend it with zeros, to `size` bytes."""
        raise fail(errno.EBADF)

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        """Set the times, in ns since 1970; None leaves one as it is."""
        raise fail(errno.EBADF)

    def set_flags(self, append: bool, nonblocking: bool) -> None:
        """Change how the next reads and writes behave."""
        raise fail(errno.EBADF)

    def sync(self, metadata: bool) -> None:
        """Have what was written on the disk when this returns; metadata: times and such too."""
        raise fail(errno.EBADF)

    def advise(self, offset: int, length: int, advice: int) -> None:
        """Tell the host how the file will be read; advice: the program's number, 0 - 5."""
        raise fail(errno.EBADF)

    def allocate(self, offset: int, length: int) -> None:
        """See that the disk has room for these bytes."""
        raise fail(errno.EBADF)

    def pollable(self) -> int | None:
        """Return a descriptor of the host to wait on, or None where reads and writes never wait."""
        return None
