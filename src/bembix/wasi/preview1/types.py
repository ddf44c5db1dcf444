"""The types of WASI preview 1: what a parameter is, and the numbers that it may be.

Source: WASI snapshot_preview1, `typenames.witx`.  A parameter's annotation gives its core type and says whether its
integer, which arrives signed, is meant unsigned.
"""

from __future__ import annotations

from typing import Final, NewType, Protocol

from bembix.spec.types import I32, I64, NumType

Fd = NewType("Fd", int)  #: number of an open descriptor
Ptr = NewType("Ptr", int)  #: byte offset of something to read or fill
Text = NewType("Text", int)  #: byte offset of UTF-8 text; its length is the next parameter
Size = NewType("Size", int)  #: bytes, or a count
Out32 = NewType("Out32", int)  #: byte offset of 4 bytes to fill
Out64 = NewType("Out64", int)  #: byte offset of 8 bytes to fill
ClockId = NewType("ClockId", int)
Bits32 = NewType("Bits32", int)  #: flags or an enumeration, up to 32 bits
ExitCode = NewType("ExitCode", int)
Timestamp = NewType("Timestamp", int)  #: ns
FileSize = NewType("FileSize", int)  #: bytes, or an offset in a file
FileDelta = NewType("FileDelta", int)  #: signed bytes
Cookie = NewType("Cookie", int)  #: place in a directory
Rights = NewType("Rights", int)  #: set of `Right`

U32: Final = 0xFFFF_FFFF
U64: Final = 0xFFFF_FFFF_FFFF_FFFF

#: Core type of each annotation, and the mask that makes its integer unsigned (None: signed).
CORE_TYPES: Final[dict[object, tuple[NumType, int | None]]] = {
    **dict.fromkeys((Fd, Ptr, Text, Size, Out32, Out64, ClockId, Bits32, ExitCode), (I32, U32)),
    **dict.fromkeys((Timestamp, FileSize, Cookie, Rights), (I64, U64)),
    FileDelta: (I64, None),
}

MAX_OFFSET: Final = (1 << 63) - 1  #: what a host's file offset can hold


class MemoryLike(Protocol):
    """The program's memory, as far as WASI needs it; offsets and lengths in bytes."""

    def __len__(self) -> int:
        """Return how long it is now.  FAST: a slot of the type, where a property would be a call in Python."""

    def read(self, offset: int, length: int, /) -> bytes:
        """Return a copy of a range."""

    def write(self, offset: int, data: bytes, /) -> object:
        """Replace a range."""


class FileType:
    """`filetype`."""

    UNKNOWN: Final = 0
    BLOCK_DEVICE: Final = 1
    CHARACTER_DEVICE: Final = 2
    DIRECTORY: Final = 3
    REGULAR_FILE: Final = 4
    SOCKET_DGRAM: Final = 5
    SOCKET_STREAM: Final = 6
    SYMBOLIC_LINK: Final = 7


class FdFlag:
    """`fdflags`."""

    APPEND: Final = 1
    DSYNC: Final = 2
    NONBLOCK: Final = 4
    RSYNC: Final = 8
    SYNC: Final = 16


class OpenFlag:
    """`oflags`."""

    CREAT: Final = 1
    DIRECTORY: Final = 2
    EXCL: Final = 4
    TRUNC: Final = 8


class Lookup:
    """`lookupflags`."""

    SYMLINK_FOLLOW: Final = 1


class SetTime:
    """`fstflags`."""

    ATIM: Final = 1
    ATIM_NOW: Final = 2
    MTIM: Final = 4
    MTIM_NOW: Final = 8


class Clock:
    """`clockid`."""

    REALTIME: Final = 0
    MONOTONIC: Final = 1
    PROCESS_CPUTIME: Final = 2
    THREAD_CPUTIME: Final = 3


class EventType:
    """`eventtype`."""

    CLOCK: Final = 0
    FD_READ: Final = 1
    FD_WRITE: Final = 2


SUBCLOCK_ABSTIME: Final = 1  #: `subclockflags`: the timeout is a time, not a duration
HANGUP: Final = 1  #: `eventrwflags`: the other end has closed


class Right:
    """`rights`."""

    FD_DATASYNC: Final = 1 << 0
    FD_READ: Final = 1 << 1
    FD_SEEK: Final = 1 << 2
    FD_FDSTAT_SET_FLAGS: Final = 1 << 3
    FD_SYNC: Final = 1 << 4
    FD_TELL: Final = 1 << 5
    FD_WRITE: Final = 1 << 6
    FD_ADVISE: Final = 1 << 7
    FD_ALLOCATE: Final = 1 << 8
    PATH_CREATE_DIRECTORY: Final = 1 << 9
    PATH_CREATE_FILE: Final = 1 << 10
    PATH_LINK_SOURCE: Final = 1 << 11
    PATH_LINK_TARGET: Final = 1 << 12
    PATH_OPEN: Final = 1 << 13
    FD_READDIR: Final = 1 << 14
    PATH_READLINK: Final = 1 << 15
    PATH_RENAME_SOURCE: Final = 1 << 16
    PATH_RENAME_TARGET: Final = 1 << 17
    PATH_FILESTAT_GET: Final = 1 << 18
    PATH_FILESTAT_SET_SIZE: Final = 1 << 19
    PATH_FILESTAT_SET_TIMES: Final = 1 << 20
    FD_FILESTAT_GET: Final = 1 << 21
    FD_FILESTAT_SET_SIZE: Final = 1 << 22
    FD_FILESTAT_SET_TIMES: Final = 1 << 23
    PATH_SYMLINK: Final = 1 << 24
    PATH_REMOVE_DIRECTORY: Final = 1 << 25
    PATH_UNLINK_FILE: Final = 1 << 26
    POLL_FD_READWRITE: Final = 1 << 27
    SOCK_SHUTDOWN: Final = 1 << 28
    SOCK_ACCEPT: Final = 1 << 29
