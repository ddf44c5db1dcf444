"""Which object stands behind an address that compiled code hands back; one for the whole process, and it owns nothing.

Rule 1: an address is entered when its native block is made and leaves with the object that owns the block, so a look-up
never finds something dead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from bembix.compile.layout import Context, FuncRecord
from bembix.errors import InternalError
from bembix.native.memory import read_u64

if TYPE_CHECKING:
    from bembix.runtime.hostfunc import HostInst
    from bembix.runtime.moduleinst import ModuleInst
    from bembix.runtime.storeinst import StoreInst
    from bembix.runtime.tag import TagInst

#: Stores by the address of their block.
stores: Final[WeakValueDictionary[int, StoreInst]] = WeakValueDictionary()
#: Stores by the address of their garbage-collected heap.
heaps: Final[WeakValueDictionary[int, StoreInst]] = WeakValueDictionary()
#: Module instances by the address of their context.
contexts: Final[WeakValueDictionary[int, ModuleInst]] = WeakValueDictionary()
#: Host functions by the address of their record, which is also their handle.
hosts: Final[WeakValueDictionary[int, HostInst]] = WeakValueDictionary()
#: Tags by their address.
tags: Final[WeakValueDictionary[int, TagInst]] = WeakValueDictionary()


def module_of_context(context: int) -> ModuleInst:
    """Return the module instance that a context belongs to."""
    found = contexts.get(context)
    if found is None:
        raise InternalError(f"no instance has a context at {context:#x}")
    return found


def store_of_context(context: int) -> StoreInst:
    """Return the store of the instance that a context belongs to."""
    found = stores.get(read_u64(context + Context.STORE))
    if found is None:
        raise InternalError(f"the context at {context:#x} has no store")
    return found


def module_of_record(record: int) -> ModuleInst:
    """Return the module instance that defines a function, by the address of the function's record."""
    return module_of_context(read_u64(record + FuncRecord.CONTEXT))


def store_of_record(record: int) -> StoreInst:
    """Return the store that a function belongs to, by the address of its record."""
    host = hosts.get(record)
    if host is not None:
        return host.store
    return store_of_context(read_u64(record + FuncRecord.CONTEXT))
