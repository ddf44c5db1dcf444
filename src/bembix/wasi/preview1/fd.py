"""What a descriptor is, its flags, and its end.

Source: WASI snapshot_preview1, "fd_*".
"""

from __future__ import annotations

import os
import stat as modes
import struct
from typing import Final

from bembix.wasi.descriptor import Descriptor
from bembix.wasi.directory import Directory
from bembix.wasi.preview1.context import Context, check, put
from bembix.wasi.preview1.errno import SUCCESS, Errno, WasiError
from bembix.wasi.preview1.export import export
from bembix.wasi.preview1.io import check_offset
from bembix.wasi.preview1.types import Bits32, Fd, FdFlag, FileSize, FileType, Ptr, Right, Rights, Size

#: Type of file by the host's type bits; a pipe has none here.
_FILE_TYPES: Final = {
    modes.S_IFBLK: FileType.BLOCK_DEVICE,
    modes.S_IFCHR: FileType.CHARACTER_DEVICE,
    modes.S_IFDIR: FileType.DIRECTORY,
    modes.S_IFREG: FileType.REGULAR_FILE,
    modes.S_IFSOCK: FileType.SOCKET_STREAM,
    modes.S_IFLNK: FileType.SYMBOLIC_LINK,
}

_ALL_RIGHTS: Final = (1 << 30) - 1

#: Rights are told, not kept: they say what makes sense, and C libraries ask no more.  The numbers are wasmtime's.
_DIRECTORY_RIGHTS: Final = 0x07B7_FE00
_DIRECTORY_INHERITING: Final = 0x0FF7_FFFF

#: Flags that only opening can set, with the host's bits.
SYNC_FLAGS: Final = {
    FdFlag.DSYNC: getattr(os, "O_DSYNC", 0),
    FdFlag.RSYNC: getattr(os, "O_RSYNC", 0),
    FdFlag.SYNC: getattr(os, "O_SYNC", 0),
}


def file_type(mode: int) -> int:
    """Return the program's `filetype` for the host's mode."""
    return _FILE_TYPES.get(modes.S_IFMT(mode), FileType.UNKNOWN)


def _flags(descriptor: Descriptor) -> int:
    flags = (FdFlag.APPEND if descriptor.append else 0) | (FdFlag.NONBLOCK if descriptor.nonblocking else 0)
    for flag, host in SYNC_FLAGS.items():
        if host and descriptor.synchronous & host == host:
            flags |= flag
    return flags


def _rights(descriptor: Descriptor) -> tuple[int, int]:
    """Return the rights of a descriptor, and those that what is opened through it can have."""
    if descriptor.is_directory:
        return _DIRECTORY_RIGHTS, _DIRECTORY_INHERITING
    missing = 0 if descriptor.readable else Right.FD_READ
    missing |= 0 if descriptor.writable else Right.FD_WRITE
    # A character device without the right to seek is a terminal: that is how C libraries tell.
    missing |= Right.FD_SEEK | Right.FD_TELL if descriptor.is_stream else 0
    return _ALL_RIGHTS & ~missing, _ALL_RIGHTS & ~missing


@export
def fd_fdstat_get(ctx: Context, fd: Fd, out: Ptr) -> Errno:
    """Write what `fd` is.

    out: 24 bytes
        +0 file type (1)   +2 flags (2)   +8 rights (8)   +16 rights that it passes on (8)
    Errors: BADF; FAULT `out` is out of bounds.
    """
    descriptor = ctx.fds[fd]
    kind = file_type(descriptor.stat().mode)
    put(ctx.memory(), out, struct.pack("<BxH4xQQ", kind, _flags(descriptor), *_rights(descriptor)))
    return SUCCESS


@export
def fd_fdstat_set_flags(ctx: Context, fd: Fd, flags: Bits32) -> Errno:
    """Set the flags of `fd`.

    flags: 1 append, 4 do not wait.
    Errors: BADF; INVAL any other flag: those can only be set when opening.
    """
    descriptor = ctx.fds[fd]
    if flags & ~(FdFlag.APPEND | FdFlag.NONBLOCK):
        raise WasiError(Errno.INVAL)
    descriptor.set_flags(bool(flags & FdFlag.APPEND), bool(flags & FdFlag.NONBLOCK))
    return SUCCESS


@export
def fd_fdstat_set_rights(ctx: Context, fd: Fd, base: Rights, inheriting: Rights) -> Errno:
    """Give up rights.  Errors: BADF; NOTSUP always: what a descriptor can do is settled when it is opened."""
    ctx.fds[fd]
    return Errno.NOTSUP


@export
def fd_advise(ctx: Context, fd: Fd, offset: FileSize, length: FileSize, advice: Bits32) -> Errno:
    """Tell how `length` bytes of `fd` from `offset` on will be read.

    advice: 0 nothing special, 1 in order, 2 at random, 3 soon, 4 not soon, 5 once.
    Errors: BADF not open, or no file; INVAL unknown advice, or an offset or length of 2^63 or more.
    """
    descriptor = ctx.fds[fd]
    if advice > 5:
        raise WasiError(Errno.INVAL)
    descriptor.advise(check_offset(offset), check_offset(length), advice)
    return SUCCESS


@export
def fd_allocate(ctx: Context, fd: Fd, offset: FileSize, length: FileSize) -> Errno:
    """See that `length` bytes of `fd` from `offset` on have room on the disk; the file grows as needed.

    Errors: BADF not open, or not for writing; INVAL `length` is 0, or one is 2^63 or more; FBIG; NOSPC; NOTSUP this
    host cannot.
    """
    ctx.fds[fd].allocate(check_offset(offset), check_offset(length))
    return SUCCESS


@export
def fd_sync(ctx: Context, fd: Fd) -> Errno:
    """Write what was written to `fd`, and what is known of it, to the disk.  Errors: BADF; INVAL a stream; IO."""
    ctx.fds[fd].sync(metadata=True)
    return SUCCESS


@export
def fd_datasync(ctx: Context, fd: Fd) -> Errno:
    """Write what was written to `fd` to the disk.  Errors: BADF; INVAL a stream; IO."""
    ctx.fds[fd].sync(metadata=False)
    return SUCCESS


@export
def fd_close(ctx: Context, fd: Fd) -> Errno:
    """Close `fd`; directories that were handed over too.  Errors: BADF."""
    ctx.fds.close(fd)
    return SUCCESS


@export
def fd_renumber(ctx: Context, fd: Fd, to: Fd) -> Errno:
    """Give `fd` the number `to`, closing what had it.  Errors: BADF either is not open."""
    ctx.fds.renumber(fd, to)
    return SUCCESS


def _handed_over(ctx: Context, fd: Fd) -> bytes:
    descriptor = ctx.fds[fd]
    if not isinstance(descriptor, Directory) or descriptor.name is None:
        raise WasiError(Errno.BADF)
    return descriptor.name


@export
def fd_prestat_get(ctx: Context, fd: Fd, out: Ptr) -> Errno:
    """Write how long the name is that directory `fd` was handed over under.

    out: 8 bytes
        +0 kind (1): 0, a directory   +4 length of the name in bytes (4)
    Errors: BADF `fd` is not a directory that was handed over; FAULT `out` is out of bounds.
    """
    put(ctx.memory(), out, struct.pack("<B3xI", 0, len(_handed_over(ctx, fd))))
    return SUCCESS


@export
def fd_prestat_dir_name(ctx: Context, fd: Fd, buffer: Ptr, size: Size) -> Errno:
    """Write the name that directory `fd` was handed over under, without a final NUL.

    size: room at `buffer`, in bytes.
    Errors: BADF as of `fd_prestat_get`; NAMETOOLONG not enough room; FAULT.
    """
    name = _handed_over(ctx, fd)
    if len(name) > size:
        raise WasiError(Errno.NAMETOOLONG)
    memory = ctx.memory()
    check(memory, buffer, size)
    memory.write(buffer, name)
    return SUCCESS
