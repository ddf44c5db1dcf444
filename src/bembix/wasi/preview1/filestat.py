"""What is known of files, their sizes and times, and the contents of directories.

Source: WASI snapshot_preview1, "*_filestat_*", `fd_readdir`.
"""

from __future__ import annotations

import struct

from bembix.wasi.descriptor import Stat
from bembix.wasi.preview1.context import Context, check, check_out, get_path, put, put_u32
from bembix.wasi.preview1.errno import SUCCESS, Errno, WasiError
from bembix.wasi.preview1.export import export
from bembix.wasi.preview1.fd import file_type
from bembix.wasi.preview1.io import check_offset
from bembix.wasi.preview1.types import (
    U64,
    Bits32,
    Cookie,
    Fd,
    FileSize,
    Lookup,
    Out32,
    Ptr,
    SetTime,
    Size,
    Text,
    Timestamp,
)


def packed(stat: Stat) -> bytes:
    """Return `filestat` as `fd_filestat_get` describes it."""
    times = (stat.accessed & U64, stat.modified & U64, stat.changed & U64)
    return struct.pack(
        "<QQB7xQQQQQ", stat.device & U64, stat.inode & U64, file_type(stat.mode), stat.links, stat.size, *times
    )


@export
def fd_filestat_get(ctx: Context, fd: Fd, out: Ptr) -> Errno:
    """Write what is known of `fd`.

    out: 64 bytes; times in ns since 1970
        +0 device (8)   +8 inode (8)   +16 file type (1)   +24 links (8)   +32 size in bytes (8)
        +40 last access (8)   +48 last change of the contents (8)   +56 last change (8)
    Errors: BADF; FAULT `out` is out of bounds.
    """
    put(ctx.memory(), out, packed(ctx.fds[fd].stat()))
    return SUCCESS


@export
def path_filestat_get(ctx: Context, fd: Fd, lookup: Bits32, path: Text, path_size: Size, out: Ptr) -> Errno:
    """Write what is known of the file at `path`, from directory `fd` on.

    lookup: 1 follow a symbolic link at the end.  out: 64 bytes, as of `fd_filestat_get`.
    Errors: BADF; NOTDIR; NOENT; ACCES; LOOP; PERM the path leads out; FAULT.
    """
    memory = ctx.memory()
    name = get_path(memory, path, path_size)
    put(memory, out, packed(ctx.fds.directory(fd).stat_at(name, follow=bool(lookup & Lookup.SYMLINK_FOLLOW))))
    return SUCCESS


@export
def fd_filestat_set_size(ctx: Context, fd: Fd, size: FileSize) -> Errno:
    """Cut the file `fd`, or extend it with zeros, to `size` bytes.

    Errors: BADF not open, or no file; INVAL not open for writing, or a size of 2^63 or more; PERM read-only; NOSPC.
    """
    ctx.fds[fd].set_size(check_offset(size))
    return SUCCESS


def _chosen(now: int, given: int, flags: int, given_flag: int, now_flag: int) -> int | None:
    if flags & given_flag and flags & now_flag:
        raise WasiError(Errno.INVAL)
    return given if flags & given_flag else now if flags & now_flag else None


def _times(ctx: Context, accessed: int, modified: int, flags: int) -> tuple[int | None, int | None]:
    """Return the times to set, None for those to leave.  Errors: INVAL one is asked for twice, or an unknown flag."""
    if flags >= 16:
        raise WasiError(Errno.INVAL)
    now = ctx.clocks.realtime()
    return (
        _chosen(now, accessed, flags, SetTime.ATIM, SetTime.ATIM_NOW),
        _chosen(now, modified, flags, SetTime.MTIM, SetTime.MTIM_NOW),
    )


@export
def fd_filestat_set_times(ctx: Context, fd: Fd, accessed: Timestamp, modified: Timestamp, flags: Bits32) -> Errno:
    """Set the times of `fd`.

    accessed, modified: ns since 1970.  flags: 1 set `accessed`, 2 set it to now, 4 set `modified`, 8 set it to now.
    Errors: BADF; INVAL 1 and 2, or 4 and 8, or a time of 2^63 or more; PERM read-only.
    """
    times = _times(ctx, accessed, modified, flags)
    ctx.fds[fd].set_times(*times)
    return SUCCESS


@export
def path_filestat_set_times(
    ctx: Context,
    fd: Fd,
    lookup: Bits32,
    path: Text,
    path_size: Size,
    accessed: Timestamp,
    modified: Timestamp,
    flags: Bits32,
) -> Errno:
    """Set the times of the file at `path`, from directory `fd` on.

    lookup: 1 follow a symbolic link at the end.  accessed, modified, flags: as of `fd_filestat_set_times`.
    Errors: as of `fd_filestat_set_times` and `path_filestat_get`.
    """
    name = get_path(ctx.memory(), path, path_size)
    times = _times(ctx, accessed, modified, flags)
    ctx.fds.directory(fd).set_times_at(name, *times, follow=bool(lookup & Lookup.SYMLINK_FOLLOW))
    return SUCCESS


@export
def fd_readdir(ctx: Context, fd: Fd, buffer: Ptr, size: Size, cookie: Cookie, out: Out32) -> Errno:
    """List directory `fd`.

    size: room at `buffer`, in bytes; the last entry is cut off where it is full.
    cookie: 0, or where to go on: `next` of an entry.  Entries keep their place while others come and go.
    out: 4 bytes, how many bytes were written; fewer than `size` at the end of the directory.
    An entry is 24 bytes and its name:
        +0 next (8)   +8 inode (8)   +16 length of the name (4)   +20 file type (1)   +24 name
    Errors: BADF; NOTDIR; FAULT.
    """
    memory = ctx.memory()
    check_out(memory, out)
    check(memory, buffer, size)
    listing = bytearray()
    entries = ctx.fds.directory(fd).entries(cookie, size // 24 + 1)
    for number, entry in enumerate(entries, cookie + 1):
        if len(listing) >= size:
            break
        head = struct.pack("<QQIB3x", number, entry.inode & U64, len(entry.name), file_type(entry.mode))
        listing += head + entry.name
    memory.write(buffer, bytes(listing[:size]))
    put_u32(memory, out, min(len(listing), size))
    return SUCCESS
