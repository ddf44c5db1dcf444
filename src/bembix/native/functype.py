"""The type of exported functions: a heap type whose vectorcall slot is generated code.

    object head, then 8 bytes each: vectorcall, record, store, owner, info, weak references

owner: keeps what the code needs alive.  info: whatever the runtime wants to know about the function.
Source: Python C API, "Type Objects", "The Vectorcall Protocol"; only what it documents is used.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

from bembix.errors import InternalError
from bembix.native.libc import api
from bembix.native.typespec import KEPT, Member, Slot, Spec, builtin
from bembix.records import dataclass


class FuncObject:
    """Offsets in a function object, in bytes.  TYPE: of the type in the object head."""

    TYPE: Final = object.__basicsize__ - 8
    VECTORCALL: Final = object.__basicsize__
    RECORD: Final = object.__basicsize__ + 8
    STORE: Final = object.__basicsize__ + 16
    OWNER: Final = object.__basicsize__ + 24
    INFO: Final = object.__basicsize__ + 32
    WEAK: Final = object.__basicsize__ + 40
    SIZE: Final = object.__basicsize__ + 48


@dataclass(frozen=True, slots=True)
class Slots:
    """Addresses of the generated functions.  make: the builtin (METH_FASTCALL) that makes a function."""

    traverse: int
    clear: int
    dealloc: int
    make: int


_FLAGS: Final = 1 << 7 | 1 << 11 | 1 << 14  # DISALLOW_INSTANTIATION | HAVE_VECTORCALL | HAVE_GC
_TP_CALL, _TP_CLEAR, _TP_DEALLOC, _TP_TRAVERSE, _TP_MEMBERS = 50, 51, 52, 71, 72
_OBJECT, _ULONGLONG, _PYSSIZET, _READONLY = 6, 18, 19, 1

_type: type | None = None


def create(slots: Slots) -> tuple[type, Callable[[int, int, int, object, object], object]]:
    """Make the type, once a process, and the function that makes its instances."""
    global _type
    if _type is not None:
        raise InternalError("the type of functions was made twice")
    members = (Member * 7)(
        Member(b"__vectorcalloffset__", _PYSSIZET, FuncObject.VECTORCALL, _READONLY, None),
        Member(b"__weaklistoffset__", _PYSSIZET, FuncObject.WEAK, _READONLY, None),
        Member(b"_record", _ULONGLONG, FuncObject.RECORD, _READONLY, None),
        Member(b"_store", _ULONGLONG, FuncObject.STORE, _READONLY, None),
        Member(b"_owner", _OBJECT, FuncObject.OWNER, _READONLY, None),
        Member(b"_info", _OBJECT, FuncObject.INFO, _READONLY, None),
        Member(),
    )
    call = ctypes.cast(api.PyVectorcall_Call, ctypes.c_void_p)
    table = (Slot * 6)(
        Slot(_TP_CALL, call),
        Slot(_TP_CLEAR, slots.clear),
        Slot(_TP_DEALLOC, slots.dealloc),
        Slot(_TP_TRAVERSE, slots.traverse),
        Slot(_TP_MEMBERS, ctypes.addressof(members)),
        Slot(),
    )
    spec = Spec(b"bembix.Func", FuncObject.SIZE, 0, _FLAGS, table)
    from_spec = api.PyType_FromSpec
    from_spec.argtypes, from_spec.restype = [ctypes.POINTER(Spec)], ctypes.py_object
    _type = from_spec(ctypes.byref(spec))
    KEPT.extend((members, table, spec))
    return _type, builtin("make_func", slots.make)


def is_func(value: object) -> bool:
    """Return whether a value is an exported function."""
    return type(value) is _type


def _checked(func: object) -> Any:
    if type(func) is not _type:
        raise TypeError(f"{type(func).__name__} is not a WebAssembly function")
    return func


def record_of(func: object) -> int:
    """Return the address of a function's record.  Errors: TypeError for anything else."""
    record: int = _checked(func)._record
    return record


def store_of(func: object) -> int:
    """Return the address of the store block that a function runs in."""
    store: int = _checked(func)._store
    return store


def owner_of(func: object) -> object:
    """Return what keeps a function alive."""
    return _checked(func)._owner


def info_of(func: object) -> Any:
    """Return what the runtime knows about a function."""
    return _checked(func)._info
