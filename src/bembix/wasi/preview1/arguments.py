"""Command line arguments and environment variables.

Source: WASI snapshot_preview1, "args_*", "environ_*".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from bembix.wasi.preview1.context import Context, check, check_out, put_u32
from bembix.wasi.preview1.errno import SUCCESS, Errno
from bembix.wasi.preview1.export import export
from bembix.wasi.preview1.types import Out32, Ptr


def _sizes(ctx: Context, strings: Sequence[bytes], count: Out32, size: Out32) -> Errno:
    memory = ctx.memory()
    check_out(memory, count)
    check_out(memory, size)
    put_u32(memory, count, len(strings))
    put_u32(memory, size, sum(len(string) + 1 for string in strings))
    return SUCCESS


def _strings(ctx: Context, strings: Sequence[bytes], pointers: Ptr, buffer: Ptr) -> Errno:
    memory = ctx.memory()
    text = b"".join(string + b"\0" for string in strings)
    check(memory, pointers, 4 * len(strings))
    check(memory, buffer, len(text))
    at = int(buffer)
    table = bytearray()
    for string in strings:
        table += struct.pack("<I", at)
        at += len(string) + 1
    memory.write(pointers, bytes(table))
    memory.write(buffer, text)
    return SUCCESS


@export
def args_sizes_get(ctx: Context, count: Out32, size: Out32) -> Errno:
    """Write how many arguments there are to `count`, and the bytes that they take to `size`.

    Errors: FAULT an output is out of bounds.
    """
    return _sizes(ctx, ctx.args, count, size)


@export
def args_get(ctx: Context, pointers: Ptr, buffer: Ptr) -> Errno:
    """Write the arguments to `buffer`, each with a final NUL, and where each begins to `pointers`, 4 bytes each.

        pointers: [buffer][buffer + 5]...    buffer: p r o g 0 - x 0 ...

    Errors: FAULT one of them is out of bounds.
    """
    return _strings(ctx, ctx.args, pointers, buffer)


@export
def environ_sizes_get(ctx: Context, count: Out32, size: Out32) -> Errno:
    """Write how many environment variables there are to `count`, and the bytes that they take to `size`.

    Errors: FAULT an output is out of bounds.
    """
    return _sizes(ctx, ctx.env, count, size)


@export
def environ_get(ctx: Context, pointers: Ptr, buffer: Ptr) -> Errno:
    """Write the environment as `NAME=value`, laid out as by `args_get`.

    Errors: FAULT one of them is out of bounds.
    """
    return _strings(ctx, ctx.env, pointers, buffer)
