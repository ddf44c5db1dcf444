"""The module `wasi_unstable`: what preview 1 was before, where it differs.

Source: WASI snapshot_0.  Four functions see other numbers or layouts, and `sock_accept` was not there yet.
"""

from __future__ import annotations

import os
import struct
from typing import Final

from bembix.wasi.descriptor import Stat
from bembix.wasi.preview1.context import Context, get_path, put
from bembix.wasi.preview1.errno import SUCCESS, Errno, WasiError
from bembix.wasi.preview1.export import PREVIEW1, Registry
from bembix.wasi.preview1.fd import file_type
from bembix.wasi.preview1.io import seek
from bembix.wasi.preview1.poll import Layout, poll
from bembix.wasi.preview1.types import U32, U64, Bits32, Fd, FileDelta, Lookup, Out32, Out64, Ptr, Size, Text

UNSTABLE: Final = Registry({name: found for name, found in PREVIEW1.items() if name != "sock_accept"})

_WHENCE: Final = (os.SEEK_CUR, os.SEEK_END, os.SEEK_SET)

#: A clock's subscription has an identifier of 8 bytes before the clock; all are 56 bytes long.
_LAYOUT: Final[Layout] = (struct.Struct("<QB7x8xI4xQ8xH"), struct.Struct("<QB7xI"), 56)


def _packed(stat: Stat) -> bytes:
    times = (stat.accessed & U64, stat.modified & U64, stat.changed & U64)
    kind, links = file_type(stat.mode), min(stat.links, U32)
    return struct.pack("<QQB3xIQQQQ", stat.device & U64, stat.inode & U64, kind, links, stat.size, *times)


@UNSTABLE.export
def fd_filestat_get(ctx: Context, fd: Fd, out: Ptr) -> Errno:
    """Write what is known of `fd`.

    out: 56 bytes; times in ns since 1970
        +0 device (8)   +8 inode (8)   +16 file type (1)   +20 links (4)   +24 size in bytes (8)
        +32 last access (8)   +40 last change of the contents (8)   +48 last change (8)
    Errors: BADF; FAULT `out` is out of bounds.
    """
    put(ctx.memory(), out, _packed(ctx.fds[fd].stat()))
    return SUCCESS


@UNSTABLE.export
def path_filestat_get(ctx: Context, fd: Fd, lookup: Bits32, path: Text, path_size: Size, out: Ptr) -> Errno:
    """Write what is known of the file at `path`, from directory `fd` on.

    lookup: 1 follow a symbolic link at the end.  out: 56 bytes, as of `fd_filestat_get`.
    Errors: BADF; NOTDIR; NOENT; ACCES; LOOP; PERM the path leads out; FAULT.
    """
    memory = ctx.memory()
    name = get_path(memory, path, path_size)
    put(memory, out, _packed(ctx.fds.directory(fd).stat_at(name, follow=bool(lookup & Lookup.SYMLINK_FOLLOW))))
    return SUCCESS


@UNSTABLE.export
def fd_seek(ctx: Context, fd: Fd, offset: FileDelta, whence: Bits32, out: Out64) -> Errno:
    """Move the position of `fd` by `offset` bytes.

    whence: from where: 0 the position, 1 the end, 2 the beginning.  out: 8 bytes, the new position.
    Errors: BADF; SPIPE a stream; INVAL unknown `whence`, or before the beginning; FAULT `out` is out of bounds.
    """
    if whence >= len(_WHENCE):
        raise WasiError(Errno.INVAL)
    return seek(ctx, fd, offset, _WHENCE[whence], out)


@UNSTABLE.export
def poll_oneoff(ctx: Context, subscriptions: Ptr, events: Ptr, count: Size, out: Out32) -> Errno:
    """Wait until at least one of `count` subscriptions, 56 bytes each, has something to tell.

    events: room for `count` of them.  out: 4 bytes, how many were written.
    Errors: as of preview 1.
    """
    return poll(ctx, subscriptions, events, count, out, _LAYOUT)
