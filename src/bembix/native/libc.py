"""The C library and the C API as addresses and ctypes functions that several files of `native/` need."""

from __future__ import annotations

import ctypes
from typing import Final

from bembix.native import platform

platform.require()  # elsewhere the rest would fail with less clear words

libc: Final = ctypes.CDLL(None, use_errno=True)
#: Our own view of Python's C API: `ctypes.pythonapi` is everybody's, and its argument types with it.
api: Final = ctypes.PyDLL(None, handle=ctypes.pythonapi._handle)

_calloc = libc.calloc
_calloc.restype, _calloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t, ctypes.c_size_t]


def immortal(size: int) -> int:
    """Return the address of zeroed memory that is never freed: signal handlers and late destructors may read it."""
    address: int | None = _calloc(1, size)
    if not address:
        raise MemoryError(f"no memory for {size} bytes")
    return address


def library_address(name: str) -> int:
    """Return the address of a function of the C library, or 0 where it has none of that name."""
    return _address(libc, name)


def api_address(name: str) -> int:
    """Return the address of a function or an object of Python's C API, or 0 where this Python has none of that name."""
    return _address(api, name)


def _address(library: ctypes.CDLL, name: str) -> int:
    try:
        return ctypes.addressof(ctypes.c_char.in_dll(library, name))
    except ValueError:
        return 0
