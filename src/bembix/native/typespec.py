"""What Python's C API wants to know of a type or a builtin function that is made at run time, as ctypes structures.

Source: Python C API, "Type Objects" (PyType_Spec, PyType_Slot), "Common Object Structures" (PyMemberDef, PyMethodDef).
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

from bembix.native.libc import api

#: How a function is called: with an array of arguments; in the second form also with names.
FASTCALL: Final = 0x80
FASTCALL_KEYWORDS: Final = 0x82

#: Where Python reads from while a type or a function lives, which is as long as the process.
KEPT: Final[list[object]] = []


class Member(ctypes.Structure):
    """A PyMemberDef: an attribute that is a field of the object."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class Slot(ctypes.Structure):
    """A PyType_Slot: what the type does, by the number of what it is asked for."""

    _fields_ = (("slot", ctypes.c_int), ("function", ctypes.c_void_p))


class Spec(ctypes.Structure):
    """A PyType_Spec: all of a type."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(Slot)),
    )


class MethodDef(ctypes.Structure):
    """A PyMethodDef: a function of a type or a module."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def builtin(name: str, address: int) -> Any:
    """Return a builtin function whose code is at `address`."""
    definition = MethodDef(name.encode(), address, FASTCALL, None)
    KEPT.append(definition)
    new = api.PyCFunction_NewEx
    new.argtypes, new.restype = [ctypes.POINTER(MethodDef), ctypes.c_void_p, ctypes.c_void_p], ctypes.py_object
    return new(ctypes.byref(definition), None, None)
