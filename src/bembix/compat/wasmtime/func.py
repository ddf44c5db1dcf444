"""Functions: exports of instances, and Python callables that Wasm calls."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from bembix.compat.wasmtime.caller import Caller
from bembix.compat.wasmtime.errors import WasmtimeError, translate
from bembix.compat.wasmtime.store import Store, StoreContext, Storelike, check_store, store_of
from bembix.compat.wasmtime.types import FuncType
from bembix.compat.wasmtime.values import from_bembix, to_bembix
from bembix.errors import BembixError, Frame
from bembix.runtime import registry
from bembix.runtime.func import func_at, info_of, record_of
from bembix.runtime.func import store_of as owner_of
from bembix.spec import types as spec
from bembix.spec.host import HostFunction

if TYPE_CHECKING:
    from bembix.runtime.instance import Instance

#: Returns the instance that calls.
Who = Callable[[], "Instance | None"]
_NAME: Final = "host function"


class Func:
    """A function of a store; called with the store first.

    ty: its type.  func: any callable; access_caller: it gets a `Caller` first.
    """

    bembix: Any  #: the function of Bembix; for the other files of this package
    #: Of a function that wants its caller: makes what an instance imports, which the instance can be told to.
    host: Callable[[Who], HostFunction] | None = None

    def __init__(self, store: Storelike, ty: FuncType, func: Callable[..., Any], access_caller: bool = False) -> None:
        if not isinstance(store, (Store, Caller, StoreContext)):
            raise TypeError("expected a Store")
        owner = store_of(store)
        if not isinstance(ty, FuncType):
            raise TypeError("expected a FuncType")
        self._set(make_host(owner, ty.spec, func, _nobody if access_caller else None))
        if access_caller:
            made = weakref.ref(owner)
            self.host = lambda who: host_function(made, ty.spec, func, who)

    @classmethod
    def of(cls, func: Any) -> Func:
        """Return what stands for a function of Bembix."""
        made = cls.__new__(cls)
        made._set(func)
        return made

    def _set(self, func: Any) -> None:
        self.bembix = func
        functype = info_of(func).type
        self._functype = functype
        self._converters = [to_bembix(valtype) for valtype in functype.params]

    def type(self, store: Storelike) -> FuncType:
        """Return its type."""
        check_store(store, owner_of(self.bembix).root)
        return FuncType.of(self._functype)

    def __call__(self, store: Storelike, *params: Any) -> Any:
        """Call it; no result is None, several are a list.

        Errors: Trap, WasmtimeError, TypeError; whatever a host function raises.
        """
        meter = check_store(store, owner_of(self.bembix).root).meter
        converters = self._converters
        if len(params) != len(converters):
            problem = "few" if len(params) < len(converters) else "many"
            raise WasmtimeError(f"too {problem} parameters provided: given {len(params)}, expected {len(converters)}")
        arguments = [convert(value) for convert, value in zip(converters, params, strict=True)]
        try:
            if meter.ends and info_of(self.bembix).index is not None:
                with meter.call(self._entry):
                    found = self.bembix(*arguments)
            else:
                found = self.bembix(*arguments)
        except BembixError as error:
            raise translate(error) from None
        return [from_bembix(value) for value in found] if isinstance(found, tuple) else from_bembix(found)

    def _entry(self) -> list[Frame]:
        """Return the stack as it is when the function, one of Wasm, is entered."""
        module = registry.module_of_record(record_of(self.bembix)).module
        info = info_of(self.bembix)
        index, start = (
            info.index or 0,
            module.definition.code[(info.index or 0) - module.context.imported_functions].offset,
        )
        name = module.definition.names.functions.get(index)
        return [Frame(module.name, name or info.name, index, start, start, exported=name is None)]


def _nobody() -> Instance | None:
    """Return the instance that a function works for that no instance imported: it was called from Python."""
    return None


def host_function(
    store: weakref.ref[Store], functype: spec.FuncType, func: Callable[..., Any], who: Who | None
) -> HostFunction:
    """Return what Bembix calls for a callable of a program."""
    results = [to_bembix(valtype) for valtype in functype.results]

    def call(*arguments: object) -> object:
        values = [from_bembix(value) for value in arguments]
        if who is None:
            return _converted(results, func(*values))
        owner = store()
        if owner is None:
            raise WasmtimeError("the store is gone")
        caller = Caller(owner, who())
        try:
            return _converted(results, func(caller, *values))
        finally:
            caller.end()

    return HostFunction(call, functype, _NAME)


def _converted(converters: Sequence[Callable[[Any], object]], result: Any) -> object:
    """Convert what a host function returned.  Errors: TypeError, WasmtimeError."""
    match len(converters):
        case 0:
            if result is not None:
                raise WasmtimeError("callback produced results when it shouldn't")
            return None
        case 1:
            return converters[0](result)
    if len(result) != len(converters):
        raise WasmtimeError("callback produced wrong number of results")
    return tuple([convert(value) for convert, value in zip(converters, result, strict=True)])


def make_host(store: Store, functype: spec.FuncType, func: Callable[..., Any], who: Who | None = None) -> Any:
    """Make a function of Bembix that calls one of a program."""
    from bembix.compile.prebuilt import vm
    from bembix.runtime import services
    from bembix.runtime.func import FuncInfo
    from bembix.runtime.hostfunc import HostInst
    from bembix.spec.canonical import functype_id

    services.install()
    vm.ensure_handlers()
    host = host_function(weakref.ref(store), functype, func, who)
    info = FuncInfo(_NAME, functype, functype_id(functype))
    return func_at(HostInst(host.callable, info, store.bembix.inst).address)
