"""Reading, writing and positioning.

Source: WASI snapshot_preview1, `fd_read`, `fd_write`, `fd_pread`, `fd_pwrite`, `fd_seek`, `fd_tell`.

An array of buffers is `count` times

    +0 offset (4 bytes)   +4 length (4 bytes)
"""

from __future__ import annotations

import os
from typing import Final

from bembix.wasi.preview1.context import Context, check, check_out, gather, get_vectors, put_u32, put_u64, scatter
from bembix.wasi.preview1.errno import SUCCESS, Errno, WasiError
from bembix.wasi.preview1.export import export
from bembix.wasi.preview1.types import MAX_OFFSET, Bits32, Fd, FileDelta, FileSize, Out32, Out64, Ptr, Size

#: The host's names for `whence`, by number.
WHENCE: Final = (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)


def check_offset(offset: int) -> int:
    """Return `offset`.  Errors: INVAL no file can be as long."""
    if offset > MAX_OFFSET:
        raise WasiError(Errno.INVAL)
    return offset


@export
def fd_read(ctx: Context, fd: Fd, buffers: Ptr, count: Size, out: Out32) -> Errno:
    """Read from `fd` into an array of buffers.

    count: number of buffers.  out: 4 bytes, how many bytes were read; 0 at the end.
    Errors: BADF not open, or not for reading; ISDIR; AGAIN nothing there, and `fd` does not wait; FAULT.
    """
    memory = ctx.memory()
    check_out(memory, out)
    vectors, total = get_vectors(memory, buffers, count)
    descriptor = ctx.fds[fd]
    done = scatter(memory, vectors, total, descriptor.read, descriptor.fills_buffers)
    memory.write(out, done.to_bytes(4, "little"))
    return SUCCESS


@export
def fd_write(ctx: Context, fd: Fd, buffers: Ptr, count: Size, out: Out32) -> Errno:
    """Write an array of buffers to `fd`.

    count: number of buffers.  out: 4 bytes, how many bytes were written.
    Errors: BADF not open, or not for writing; AGAIN no room, and `fd` does not wait; NOSPC; PIPE; FAULT.
    """
    memory = ctx.memory()
    check_out(memory, out)
    vectors, total = get_vectors(memory, buffers, count)
    done = gather(memory, vectors, total, ctx.fds[fd].write)
    memory.write(out, done.to_bytes(4, "little"))
    return SUCCESS


@export
def fd_pread(ctx: Context, fd: Fd, buffers: Ptr, count: Size, offset: FileSize, out: Out32) -> Errno:
    """Read from `offset` in `fd` into an array of buffers, leaving the position as it is.

    count: number of buffers.  out: 4 bytes, how many bytes were read; 0 at the end.
    Errors: as of `fd_read`; SPIPE a stream; INVAL `offset` is 2^63 or more.
    """
    memory = ctx.memory()
    check_out(memory, out)
    vectors, total = get_vectors(memory, buffers, count)
    descriptor = ctx.fds[fd]
    at = check_offset(offset)

    def read(length: int) -> bytes:
        nonlocal at
        data = descriptor.read_at(length, at)
        at += len(data)
        return data

    put_u32(memory, out, scatter(memory, vectors, total, read, descriptor.fills_buffers))
    return SUCCESS


@export
def fd_pwrite(ctx: Context, fd: Fd, buffers: Ptr, count: Size, offset: FileSize, out: Out32) -> Errno:
    """Write an array of buffers at `offset` in `fd`, leaving the position as it is.

    count: number of buffers.  out: 4 bytes, how many bytes were written.
    Errors: as of `fd_write`; SPIPE a stream; INVAL `offset` is 2^63 or more.
    """
    memory = ctx.memory()
    check_out(memory, out)
    vectors, total = get_vectors(memory, buffers, count)
    descriptor = ctx.fds[fd]
    at = check_offset(offset)

    def write(data: bytes) -> int:
        nonlocal at
        written = descriptor.write_at(data, at)
        at += written
        return written

    put_u32(memory, out, gather(memory, vectors, total, write))
    return SUCCESS


def seek(ctx: Context, fd: int, offset: int, whence: int, out: int) -> Errno:
    """Move the position; whence: the host's number."""
    memory = ctx.memory()
    check(memory, out, 8)
    put_u64(memory, out, ctx.fds[fd].seek(offset, whence))
    return SUCCESS


@export
def fd_seek(ctx: Context, fd: Fd, offset: FileDelta, whence: Bits32, out: Out64) -> Errno:
    """Move the position of `fd` by `offset` bytes.

    whence: from where: 0 the beginning, 1 the position, 2 the end.  out: 8 bytes, the new position.
    Errors: BADF; SPIPE a stream; INVAL unknown `whence`, or before the beginning; FAULT `out` is out of bounds.
    """
    if whence >= len(WHENCE):
        raise WasiError(Errno.INVAL)
    return seek(ctx, fd, offset, WHENCE[whence], out)


@export
def fd_tell(ctx: Context, fd: Fd, out: Out64) -> Errno:
    """Write the position of `fd` to `out`, 8 bytes.

    Errors: BADF; SPIPE a stream; FAULT `out` is out of bounds.
    """
    return seek(ctx, fd, 0, os.SEEK_CUR, out)
