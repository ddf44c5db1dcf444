"""The type below `Memory`: a heap type whose slots (buffer, subscript, read, write) are generated code.

    object head, then 8 bytes each: weak references, inst, store, block, whole, length of whole

inst: the native side, which keeps the bytes where they are.  block: address of its `layout.Block`.
whole: a memoryview of all bytes that there were when it was made; slices are taken of it.
Rule: nothing but deallocation lets go of `inst` and `whole`, since views of the bytes own this object.
Source: Python C API, "Buffer Protocol", "Heap Types"; only what it documents is used.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, Final

from bembix.errors import InternalError
from bembix.native.libc import api
from bembix.native.typespec import FASTCALL_KEYWORDS, KEPT, Member, MethodDef, Slot, Spec, builtin
from bembix.records import dataclass


class MemoryObject:
    """Offsets in a memory object, in bytes.  TYPE: of the type in the object head."""

    TYPE: Final = object.__basicsize__ - 8
    WEAK: Final = object.__basicsize__
    INST: Final = object.__basicsize__ + 8
    STORE: Final = object.__basicsize__ + 16
    BLOCK: Final = object.__basicsize__ + 24
    WHOLE: Final = object.__basicsize__ + 32
    WHOLE_LENGTH: Final = object.__basicsize__ + 40
    SIZE: Final = object.__basicsize__ + 48


class PyBuffer:
    """Offsets in a Py_buffer, in bytes (in the stable ABI since Python 3.11)."""

    BUF: Final = 0
    OBJ: Final = 8
    LEN: Final = 16
    SIZE: Final = 80


@dataclass(frozen=True, slots=True)
class MemorySlots:
    """Addresses of the generated functions.

    read, write: methods (METH_FASTCALL | METH_KEYWORDS).  bind, keep: builtins (METH_FASTCALL).
    """

    traverse: int
    dealloc: int
    buffer: int
    len: int
    get: int
    set: int
    read: int
    write: int
    bind: int
    keep: int


@dataclass(frozen=True, slots=True)
class MemoryType:
    """The type and what sets up its objects.

    bind: (object, inst, store, address of the block), once an object.  keep: (object, whole view, its length).
    """

    type: type
    bind: Callable[[object, object, object, int], None]
    keep: Callable[[object, memoryview, int], None]


_FLAGS: Final = 1 << 10 | 1 << 14  # BASETYPE | HAVE_GC
_BF_GETBUFFER, _MP_ASS_SUBSCRIPT, _MP_LENGTH, _MP_SUBSCRIPT = 1, 3, 4, 5
_TP_DEALLOC, _TP_METHODS, _TP_TRAVERSE, _TP_MEMBERS = 52, 64, 71, 72
_OBJECT_EX, _PYSSIZET, _READONLY = 16, 19, 1

_made = False


def create(slots: MemorySlots, docs: Mapping[str, str]) -> MemoryType:
    """Make the type; once a process.

    docs: of `read` and `write`, each beginning with its signature as `__text_signature__` has it.
    """
    global _made
    if _made:
        raise InternalError("the type of memories was made twice")
    members = (Member * 4)(
        Member(b"__weaklistoffset__", _PYSSIZET, MemoryObject.WEAK, _READONLY, None),
        Member(b"_inst", _OBJECT_EX, MemoryObject.INST, _READONLY, None),
        Member(b"_store", _OBJECT_EX, MemoryObject.STORE, _READONLY, None),
        Member(),
    )
    methods = (MethodDef * 3)(
        MethodDef(b"read", slots.read, FASTCALL_KEYWORDS, docs["read"].encode()),
        MethodDef(b"write", slots.write, FASTCALL_KEYWORDS, docs["write"].encode()),
        MethodDef(),
    )
    table = (Slot * 9)(
        Slot(_BF_GETBUFFER, slots.buffer),
        Slot(_MP_ASS_SUBSCRIPT, slots.set),
        Slot(_MP_LENGTH, slots.len),
        Slot(_MP_SUBSCRIPT, slots.get),
        Slot(_TP_DEALLOC, slots.dealloc),
        Slot(_TP_TRAVERSE, slots.traverse),
        Slot(_TP_METHODS, ctypes.addressof(methods)),
        Slot(_TP_MEMBERS, ctypes.addressof(members)),
        Slot(),
    )
    spec = Spec(b"bembix.FastMemory", MemoryObject.SIZE, 0, _FLAGS, table)
    KEPT.extend((members, methods, table, spec))
    _made = True
    from_spec = api.PyType_FromSpec
    from_spec.argtypes, from_spec.restype = [ctypes.POINTER(Spec)], ctypes.py_object
    made: Any = from_spec(ctypes.byref(spec))
    return MemoryType(made, builtin("bind_memory", slots.bind), builtin("keep_view", slots.keep))
