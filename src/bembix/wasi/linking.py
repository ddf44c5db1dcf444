"""Instances of modules that import WASI, each with the capabilities of a `Wasi`.

Source: WASI snapshot_preview1, its application ABI.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from bembix.errors import LinkError
from bembix.runtime.memory import Memory
from bembix.spec.types import FuncType

if TYPE_CHECKING:
    from bembix.runtime.instance import Instance
    from bembix.runtime.module import Module
    from bembix.runtime.snapshot import Snapshot
    from bembix.runtime.store import Store
    from bembix.wasi.context import Wasi

#: What a library exports to be set up by, before anything else of it is called.
INITIALIZE: Final = "_initialize"


def library(
    wasi: Wasi,
    module: Module,
    imports: Mapping[str, Mapping[str, object]] | None,
    store: Store | None,
    snapshot: Snapshot | None,
) -> Instance:
    """Make an instance and set it up; arguments as for `Wasi.instantiate`."""
    instance = _link([], wasi, module, imports, store, snapshot)
    if INITIALIZE in instance.exports and snapshot is None:
        instance.exports[INITIALIZE]()
    return instance


@contextmanager
def linked(
    module: Module,
    wasi: Wasi,
    *,
    imports: Mapping[str, Mapping[str, object]] | None = None,
    store: Store | None = None,
) -> Iterator[Instance]:
    """Instantiate a module with the capabilities of `wasi`; it reaches them until the block ends."""
    memories: list[Memory] = []
    try:
        yield _link(memories, wasi, module, imports, store, None)
    finally:
        memories.clear()  # the functions refer to it: without them the instance goes at once


def _link(
    memories: list[Memory],
    wasi: Wasi,
    module: Module,
    imports: Mapping[str, Mapping[str, object]] | None,
    store: Store | None,
    snapshot: Snapshot | None,
) -> Instance:
    """Make an instance.  memories: gets its memory, which the functions of WASI find there."""
    from bembix.runtime.instantiate import instantiate

    wanted = [(i.module, i.name, i.type) for i in module.imports if isinstance(i.type, FuncType) and i.kind == "func"]
    functions: dict[str, Any] = {**wasi.imports(lambda: _memory(memories), wanted)}
    for name, given in (imports or {}).items():
        functions[name] = {**functions[name], **given} if name in functions else given

    def ready(instance: Instance) -> None:
        if "memory" in instance.exports and isinstance(instance.exports["memory"], Memory):
            memories.append(instance.exports["memory"])

    return instantiate(module, functions, None if store is None else store.inst, snapshot, ready=ready)


def _memory(memories: list[Memory]) -> Memory:
    if not memories:
        raise LinkError('not a WASI program: it exports no memory called "memory"')
    return memories[0]
