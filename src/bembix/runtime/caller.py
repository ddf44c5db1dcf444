"""Which instance a host function works for: `bembix.caller()`, and `bembix.with_caller`, which passes it along.

A host function belongs to the instance that imported it.  Source: core 3.0, 4.5.3 (host functions).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from bembix.compile.layout import Activation, HostContext, Thread
from bembix.native import threads
from bembix.native.memory import read_u64
from bembix.runtime import registry
from bembix.runtime.instance import Instance

if TYPE_CHECKING:
    from bembix.runtime.moduleinst import ModuleInst

P = ParamSpec("P")
R = TypeVar("R")


def caller() -> Instance:
    """Return the instance that imported the host function which runs in this thread: addresses are of its memory.

    Where that instance handed the function on, through a table or as an export, it is still that instance.  A coroutine
    runs elsewhere: an `async def` that is a host function gets it by `with_caller`.

    Errors: RuntimeError where no host function runs.
    """
    thread = threads.current()
    top = read_u64(thread + Thread.TOP) if thread else 0
    context = read_u64(top + Activation.HOST) if top else 0
    host = registry.hosts.get(read_u64(context + HostContext.HANDLE)) if context else None
    inst = host.importer() if host is not None and host.importer is not None else None
    if inst is None:
        raise RuntimeError("no host function that an instance imported runs in this thread")
    return instance_of(inst)


def with_caller(function: Callable[Concatenate[Instance, P], R]) -> Callable[P, R]:
    """Have a host function get the instance that imported it as its first argument: see `caller`."""
    from inspect import signature

    @wraps(function)
    def called(*arguments: P.args, **keywords: P.kwargs) -> R:
        return function(caller(), *arguments, **keywords)

    try:
        found = signature(function)
    except (ValueError, TypeError):
        return called
    parameters = list(found.parameters.values())
    if parameters and parameters[0].kind in (parameters[0].POSITIONAL_ONLY, parameters[0].POSITIONAL_OR_KEYWORD):
        del parameters[0]
    called.__signature__ = found.replace(parameters=parameters)  # type: ignore[attr-defined]
    return called


def instance_of(inst: ModuleInst) -> Instance:
    """Return the one object that stands for an instance."""
    store = inst.externs.store
    return store.public(inst.address, lambda: Instance(inst, store))
