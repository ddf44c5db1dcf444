"""Memory of the C library's heap, which generated code and Python free for each other: the blocks of exceptions."""

from __future__ import annotations

import ctypes

from bembix.native.libc import immortal, libc

_free = libc.free
_free.restype, _free.argtypes = None, [ctypes.c_void_p]

#: Return the address of zeroed memory; whoever has it last calls `release`.
allocate = immortal


def release(address: int) -> None:
    """Give memory back that `allocate` or generated code took."""
    _free(address)
