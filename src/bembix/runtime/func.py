"""The public face of a function: the heap type `Func` of `native/`, completed with what Python expects of a callable.

Source: core 3.0, 4.2.6; WebAssembly JavaScript API, 5.6.
"""

from __future__ import annotations

from functools import lru_cache
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, cast

from bembix.native import functype
from bembix.records import dataclass, field
from bembix.runtime import registry
from bembix.runtime.store import Store
from bembix.spec.types import FuncType

if TYPE_CHECKING:
    from inspect import Signature

    from bembix.runtime.storeinst import StoreInst

    class Func:
        """A function of Wasm, or a host function that was imported; call it like any other.

        Arguments are positional, one a parameter; `bembix.runtime.values` says which Python value is of which type.
        No result is None, several are a tuple.

        Errors: TypeError and OverflowError for wrong arguments; Trap, WasmException; whatever a host function raises.
        """

        __name__: str
        __qualname__: str

        def __call__(self, *arguments: object) -> Any:
            """Run it."""

        def call(self, *arguments: object, timeout: float | None = None, cpu_time: float | None = None) -> Any:
            """Run it for at most so many seconds, or seconds of CPU time.

            Errors: as for a call; Timeout, CpuTimeout, ValueError as for `bembix.deadline`.
            """

        async def async_(self, *arguments: object) -> Any:
            """Run it in another thread, while this event loop goes on; host functions may be asynchronous.

            These are awaited on this loop.  Where the task is cancelled, Wasm is interrupted, and this returns when it
            has stopped.  Context variables are those of the task.

            Errors: as for a call, the same objects; CancelledError.
            """

        @property
        def name(self) -> str:
            """Its name: that of its first export, or the one that the module gives it."""

        @property
        def type(self) -> FuncType:
            """Its parameters and results."""

        @property
        def store(self) -> Store:
            """The store that it belongs to."""


@dataclass(frozen=True, slots=True)
class FuncInfo:
    """What a Func knows of its function.

    type: canonicalised; type_id: its canonical id.  parameters: names, as far as the module gives them.
    index: function index in its module, or None for a host function.
    places: how messages call each argument.
    """

    name: str
    type: FuncType
    type_id: int
    module: str = ""
    index: int | None = None
    parameters: tuple[str, ...] = ()
    places: tuple[str, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        names = (*self.parameters, *[""] * len(self.type.params))
        places = [
            f"{self.name}() argument {number + 1}{f' ({name})' if name else ''}"
            for number, (name, _) in enumerate(zip(names, self.type.params, strict=False))
        ]
        object.__setattr__(self, "places", tuple(places))  # FAST: not at each call that takes the slow path

    @property
    def parameter_names(self) -> list[str]:
        """A name for each parameter as Python can have it: the module's own or, where that can't be, a number."""
        names = [f"p{number}" for number in range(len(self.type.params))]
        for number, name in enumerate(self.parameters[: len(names)]):
            if name.isidentifier() and not iskeyword(name) and name not in names:
                names[number] = name
        return names


def is_func(value: object) -> bool:
    """Tell whether something is a `Func`."""
    return functype.is_func(value)


def record_of(func: object) -> int:
    """Return the address of a Func's record."""
    return functype.record_of(func)


def info_of(func: object) -> FuncInfo:
    """Return what a Func knows of its function."""
    return cast(FuncInfo, functype.info_of(func))


def store_of(func: object) -> StoreInst:
    """Return the store that a Func keeps alive."""
    return cast("StoreInst", functype.owner_of(func))


def _repr(func: object) -> str:
    info = info_of(func)
    return f"<bembix.Func {info.module + '!' if info.module else ''}{info.name} {info.type}>"


def _signature(func: object) -> Signature:
    from inspect import Parameter, Signature

    info = info_of(func)
    parameters = [
        Parameter(name, Parameter.POSITIONAL_ONLY, annotation=str(valtype))
        for name, valtype in zip(info.parameter_names, info.type.params, strict=True)
    ]
    return Signature(parameters, return_annotation=", ".join(map(str, info.type.results)) or None)


class _Doc:
    """What each function is, and what functions are."""

    def __get__(self, func: Func | None, owner: type) -> str:
        if func is None:
            return "A WebAssembly function that an instance exports, or that a reference came with; call it."
        return f"A WebAssembly function, {info_of(func).type}."


class _Signature:
    """The signature of each function; the type has none of its own."""

    def __get__(self, func: Func | None, owner: type) -> Signature:
        if func is None:
            raise AttributeError("__signature__")
        return _signature(func)


def _call(func: Func, *arguments: object, timeout: float | None = None, cpu_time: float | None = None) -> Any:
    """Run it for at most so many seconds, or seconds of CPU time.

    Errors: as for a call; Timeout, CpuTimeout, ValueError as for `bembix.deadline`.
    """
    from bembix.runtime.deadline import deadline

    with deadline(timeout, cpu_time=cpu_time):
        return func(*arguments)


async def _async(func: Func, *arguments: object) -> Any:
    """Run it in another thread, while this event loop goes on; host functions may be asynchronous.

    These are awaited on this loop.  Where the task is cancelled, Wasm is interrupted, and this returns when it has
    stopped.  Context variables are those of the task.

    Errors: as for a call, the same objects; CancelledError.
    """
    from bembix.runtime.asynchronous import Call

    return await Call(lambda: func(*arguments)).result()


def _name(func: object, name: str) -> object:
    """Give functions a name: a property of that name would be taken for the type's own."""
    if name in ("__name__", "__qualname__"):
        return info_of(func).name
    raise AttributeError(f"'bembix.Func' object has no attribute {name!r}", name=name, obj=func)


@lru_cache(maxsize=1)
def func_class() -> type[Func]:
    """Return the type `Func`, making it at the first call."""
    from bembix.compile.prebuilt import boundary

    made = boundary.func_type()
    attributes = {
        "__repr__": _repr,
        "__doc__": _Doc(),
        "__signature__": _Signature(),
        "__get__": lambda func, instance, owner=None: func,  # by which `help` knows functions
        "__getattr__": _name,
        "call": _call,
        "async_": _async,
        "name": property(lambda func: info_of(func).name, doc="Its name, as messages have it."),
        "type": property(lambda func: info_of(func).type, doc="Its parameters and results."),
        "store": property(lambda func: Store.of(store_of(func)), doc="The store that it belongs to."),
    }
    for method, name in (_call, "call"), (_async, "async_"):
        method.__name__, method.__qualname__ = name, f"Func.{name}"  # of what was never awaited, for example
    for name, value in attributes.items():
        setattr(made, name, value)
    return cast("type[Func]", made)


def func_at(record: int) -> Func:
    """Return the one Func that stands for a function, by the address of its record."""
    store = registry.store_of_record(record)
    return store.public(record, lambda: _make(record, store))


def _make(record: int, store: StoreInst) -> Func:
    from bembix.compile.prebuilt import boundary

    func_class()
    host = registry.hosts.get(record)
    if host is not None:
        info = host.info
    else:
        inst = registry.module_of_record(record)
        inst.note_flags(record)
        info = inst.info_of_record(record)
    stub = boundary.limited_stub() if store.limits.each_call else boundary.entry_stub(info.type)
    return cast("Func", boundary.make_func(stub, record, store.address, store, info))


def __getattr__(name: str) -> object:
    if name == "Func":
        return func_class()
    raise AttributeError(name)
