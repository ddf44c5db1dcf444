"""Everything that goes by path: opening, making, removing, renaming, linking.

Source: WASI snapshot_preview1, "path_*".  A path is UTF-8 text without NUL, relative to a directory; where it or a
symbolic link on the way leads above that directory, or is absolute, the answer is PERM.
"""

from __future__ import annotations

import os
from typing import Final

from bembix.wasi.preview1.context import Context, check, check_out, get_path, put_u32
from bembix.wasi.preview1.errno import SUCCESS, Errno, WasiError
from bembix.wasi.preview1.export import export
from bembix.wasi.preview1.fd import SYNC_FLAGS
from bembix.wasi.preview1.types import (
    Bits32,
    Fd,
    FdFlag,
    Lookup,
    OpenFlag,
    Out32,
    Ptr,
    Right,
    Rights,
    Size,
    Text,
)

#: The host's bits for `oflags` and `fdflags`.
_OPEN_FLAGS: Final = {
    OpenFlag.CREAT: os.O_CREAT,
    OpenFlag.DIRECTORY: getattr(os, "O_DIRECTORY", 0),
    OpenFlag.EXCL: os.O_EXCL,
    OpenFlag.TRUNC: os.O_TRUNC,
}
_FD_FLAGS: Final = {FdFlag.APPEND: os.O_APPEND, FdFlag.NONBLOCK: getattr(os, "O_NONBLOCK", 0), **SYNC_FLAGS}


def _host_flags(oflags: int, fdflags: int, rights: int) -> int:
    """Return the host's flags.  Errors: INVAL unknown bits, or a directory that is to be created or cut."""
    if oflags >= 16 or fdflags >= 32:
        raise WasiError(Errno.INVAL)
    if oflags & OpenFlag.DIRECTORY and oflags & (OpenFlag.CREAT | OpenFlag.EXCL | OpenFlag.TRUNC):
        raise WasiError(Errno.INVAL)
    flags = os.O_RDONLY
    if rights & Right.FD_WRITE:
        flags = os.O_RDWR if rights & Right.FD_READ else os.O_WRONLY
    for bit, host in _OPEN_FLAGS.items():
        flags |= host if oflags & bit else 0
    for bit, host in _FD_FLAGS.items():
        flags |= host if fdflags & bit else 0
    return flags


@export
def path_open(
    ctx: Context,
    fd: Fd,
    lookup: Bits32,
    path: Text,
    path_size: Size,
    oflags: Bits32,
    rights: Rights,
    inheriting: Rights,
    fdflags: Bits32,
    out: Out32,
) -> Errno:
    """Open the file or directory at `path`, from directory `fd` on.

    lookup: 1 follow a symbolic link at the end.
    oflags: 1 create, 2 only a directory, 4 only if it is new, 8 cut it to nothing.
    rights: bit 1 to read, bit 6 to write; the others, and `inheriting`, are not asked for here.
    fdflags: 1 append, 2 and 16 write through, 4 do not wait, 8 read what was written through.
    out: 4 bytes, the new descriptor, the lowest that is free.
    Errors: BADF; NOTDIR; ISDIR; NOENT; EXIST; LOOP a symbolic link at the end that is not followed, or too many; PERM
    the path leads out, or the directory is read-only; ACCES; MFILE; INVAL; NAMETOOLONG; ILSEQ; FAULT.
    """
    memory = ctx.memory()
    check_out(memory, out)
    name = get_path(memory, path, path_size)
    directory = ctx.fds.directory(fd)
    ctx.fds.check_room()
    opened = directory.open(
        name,
        _host_flags(oflags, fdflags, rights),
        follow=bool(lookup & Lookup.SYMLINK_FOLLOW),
        readable=bool(rights & Right.FD_READ) or not rights & Right.FD_WRITE,
    )
    put_u32(memory, out, ctx.fds.add(opened))
    return SUCCESS


@export
def path_create_directory(ctx: Context, fd: Fd, path: Text, path_size: Size) -> Errno:
    """Make a directory.  Errors: BADF; NOTDIR; NOENT; EXIST; ACCES; PERM leads out, or read-only; NOSPC; FAULT."""
    ctx.fds.directory(fd).make_directory(get_path(ctx.memory(), path, path_size))
    return SUCCESS


@export
def path_remove_directory(ctx: Context, fd: Fd, path: Text, path_size: Size) -> Errno:
    """Remove an empty directory.  Errors: BADF; NOTDIR; NOENT; NOTEMPTY; ACCES; PERM leads out, or read-only; FAULT."""
    ctx.fds.directory(fd).remove_directory(get_path(ctx.memory(), path, path_size))
    return SUCCESS


@export
def path_unlink_file(ctx: Context, fd: Fd, path: Text, path_size: Size) -> Errno:
    """Remove a file or symbolic link.

    Errors: BADF; NOTDIR; ISDIR; NOENT; ACCES; PERM leads out, or read-only; FAULT.
    """
    ctx.fds.directory(fd).unlink(get_path(ctx.memory(), path, path_size))
    return SUCCESS


@export
def path_rename(
    ctx: Context, fd: Fd, path: Text, path_size: Size, new_fd: Fd, new_path: Text, new_path_size: Size
) -> Errno:
    """Give what is at `path`, from `fd` on, the name `new_path`, from `new_fd` on, replacing a file that has it.

    Errors: BADF; NOTDIR; ISDIR; NOENT; NOTEMPTY; XDEV another file system; ACCES; PERM leads out, or read-only; FAULT.
    """
    memory = ctx.memory()
    old, new = get_path(memory, path, path_size), get_path(memory, new_path, new_path_size)
    ctx.fds.directory(fd).rename(old, ctx.fds.directory(new_fd), new)
    return SUCCESS


@export
def path_link(
    ctx: Context,
    fd: Fd,
    lookup: Bits32,
    path: Text,
    path_size: Size,
    new_fd: Fd,
    new_path: Text,
    new_path_size: Size,
) -> Errno:
    """Give the file at `path`, from `fd` on, a second name `new_path`, from `new_fd` on.

    lookup: 1 follow a symbolic link at the end of `path`.
    Errors: BADF; NOTDIR; NOENT; EXIST; XDEV; ACCES; PERM leads out, read-only, or a directory; FAULT.
    """
    memory = ctx.memory()
    old, new = get_path(memory, path, path_size), get_path(memory, new_path, new_path_size)
    follow = bool(lookup & Lookup.SYMLINK_FOLLOW)
    ctx.fds.directory(fd).link(old, ctx.fds.directory(new_fd), new, follow=follow)
    return SUCCESS


@export
def path_symlink(ctx: Context, target: Text, target_size: Size, fd: Fd, path: Text, path_size: Size) -> Errno:
    """Make a symbolic link at `path`, from directory `fd` on, that holds `target`.

    Errors: BADF; NOTDIR; NOENT; EXIST; ACCES; PERM leads out, read-only, or `target` is absolute; FAULT.
    """
    memory = ctx.memory()
    contents, name = get_path(memory, target, target_size), get_path(memory, path, path_size)
    ctx.fds.directory(fd).make_symlink(contents, name)
    return SUCCESS


@export
def path_readlink(ctx: Context, fd: Fd, path: Text, path_size: Size, buffer: Ptr, size: Size, out: Out32) -> Errno:
    """Write what the symbolic link at `path`, from directory `fd` on, holds, without a final NUL.

    size: room at `buffer`, in bytes; what does not fit is cut off.  out: 4 bytes, how many bytes were written.
    Errors: BADF; NOTDIR; NOENT; INVAL no symbolic link; ACCES; PERM leads out, or the link is absolute; FAULT.
    """
    memory = ctx.memory()
    check_out(memory, out)
    check(memory, buffer, size)
    name = get_path(memory, path, path_size)
    contents = ctx.fds.directory(fd).read_symlink(name)[:size]
    memory.write(buffer, contents)
    put_u32(memory, out, len(contents))
    return SUCCESS
