"""Sockets: there are none to be handed over, so that every descriptor is something else.

Source: WASI snapshot_preview1, "sock_*".
"""

from __future__ import annotations

from bembix.wasi.preview1.context import Context
from bembix.wasi.preview1.errno import Errno
from bembix.wasi.preview1.export import export
from bembix.wasi.preview1.types import Bits32, Fd, Out32, Ptr, Size


def _no_socket(ctx: Context, fd: Fd) -> Errno:
    ctx.fds[fd]
    return Errno.NOTSOCK


@export
def sock_accept(ctx: Context, fd: Fd, flags: Bits32, out: Out32) -> Errno:
    """Accept a connection.  Errors: BADF `fd` is not open; NOTSOCK it is no socket."""
    return _no_socket(ctx, fd)


@export
def sock_recv(
    ctx: Context, fd: Fd, buffers: Ptr, count: Size, flags: Bits32, size_out: Out32, flags_out: Out32
) -> Errno:
    """Receive a message.  Errors: BADF `fd` is not open; NOTSOCK it is no socket."""
    return _no_socket(ctx, fd)


@export
def sock_send(ctx: Context, fd: Fd, buffers: Ptr, count: Size, flags: Bits32, size_out: Out32) -> Errno:
    """Send a message.  Errors: BADF `fd` is not open; NOTSOCK it is no socket."""
    return _no_socket(ctx, fd)


@export
def sock_shutdown(ctx: Context, fd: Fd, how: Bits32) -> Errno:
    """Shut down one or both directions.  Errors: BADF `fd` is not open; NOTSOCK it is no socket."""
    return _no_socket(ctx, fd)
