"""Ending, yielding, signals and random numbers.

Source: WASI snapshot_preview1, `proc_exit`, `proc_raise`, `sched_yield`, `random_get`.
"""

from __future__ import annotations

import time
from typing import NoReturn

from bembix.errors import Exit
from bembix.wasi.preview1.context import CHUNK, Context, check
from bembix.wasi.preview1.errno import SUCCESS, Errno
from bembix.wasi.preview1.export import export
from bembix.wasi.preview1.types import Bits32, ExitCode, Ptr, Size


@export
def proc_exit(ctx: Context, code: ExitCode) -> NoReturn:
    """End the program: raises `Exit` in the host, with the lowest 8 bits of `code`, as POSIX keeps them."""
    raise Exit(code & 0xFF)


@export
def proc_raise(ctx: Context, signal: Bits32) -> Errno:
    """Send the program a signal.  Errors: NOTSUP always; there is no way to receive one."""
    return Errno.NOTSUP


@export
def sched_yield(ctx: Context) -> Errno:
    """Let another thread of the host run."""
    time.sleep(0)
    return SUCCESS


@export
def random_get(ctx: Context, buffer: Ptr, size: Size) -> Errno:
    """Fill `size` bytes at `buffer` with random ones.

    Errors: FAULT they are out of bounds.
    """
    memory = ctx.memory()
    check(memory, buffer, size)
    for at in range(0, size, CHUNK):
        memory.write(buffer + at, ctx.random(min(CHUNK, size - at)))
    return SUCCESS
