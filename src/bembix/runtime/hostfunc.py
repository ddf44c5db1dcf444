"""Host functions: a Python callable and the native block that compiled code calls it through.

The block is a `FuncRecord` followed by the `HostContext` that it points to.  Source: core 3.0, 4.5.3 (host functions).
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, cast

from bembix.compile.layout import FuncRecord, HostContext
from bembix.errors import InternalError
from bembix.native.memory import Block, write_u64
from bembix.runtime import registry
from bembix.runtime.func import FuncInfo
from bembix.runtime.storeinst import StoreInst
from bembix.spec.types import RefType

if TYPE_CHECKING:
    from bembix.runtime.moduleinst import ModuleInst

_CONTEXT: Final = FuncRecord.SIZE  #: offset of the HostContext


def _synchronous(function: Callable[..., object], info: FuncInfo) -> Callable[..., object]:
    """Return a function whose result, where it is a coroutine, is not taken for the reference that is wanted."""
    from inspect import iscoroutinefunction, unwrap

    if not iscoroutinefunction(unwrap(function)):
        return function
    from bembix.runtime.asynchronous import synchronous

    return synchronous(cast("Callable[..., Awaitable[object]]", function), f"host function {info.module}.{info.name}")


class HostInst:
    """A host function in a store.

    address: of its record, which is also its handle.  importer: the instance that it was given to.
    """

    __slots__ = ("__weakref__", "_block", "_callable", "_store", "address", "importer", "info")

    def __init__(self, function: Callable[..., object], info: FuncInfo, store: StoreInst) -> None:
        from bembix.compile.prebuilt import boundary

        self.info: FuncInfo = info
        self.importer: weakref.ref[ModuleInst] | None = None
        if any(isinstance(t, RefType) for t in info.type.results):
            function = _synchronous(function, info)
        self._callable = function  # CPython's id is the address that the thunk calls
        self._store: weakref.ref[StoreInst] = weakref.ref(store)
        self._block = Block(FuncRecord.SIZE + HostContext.SIZE)
        self.address: int = self._block.address
        code, throwing_code = boundary.thunk(info.type)
        context = self.address + _CONTEXT
        for at, value in (
            (self.address + FuncRecord.CODE, code),
            (self.address + FuncRecord.CONTEXT, context),
            (self.address + FuncRecord.TYPE, info.type_id),
            (self.address + FuncRecord.THROWING_CODE, throwing_code),
            (self.address + FuncRecord.FLAGS, FuncRecord.BRIEF),
            (context + HostContext.CALLABLE, id(function)),
            (context + HostContext.HANDLE, self.address),
        ):
            write_u64(at, value)
        registry.hosts[self.address] = self
        store.own(self)

    @property
    def store(self) -> StoreInst:
        """The store that owns it."""
        store = self._store()
        if store is None:
            raise InternalError(f"host function {self.info.name} has outlived its store")
        return store.root

    def adopt(self, store: StoreInst) -> None:
        """Belong to `store`."""
        self._store = weakref.ref(store)
