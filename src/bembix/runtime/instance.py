"""The public face of a module instance.  Source: core 3.0, 4.2.5; WebAssembly JavaScript API, 5.2."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from bembix.runtime.exports import Exports
from bembix.runtime.moduleinst import ModuleInst
from bembix.runtime.store import Store
from bembix.runtime.storeinst import StoreInst
from bembix.runtime.wording import counted

if TYPE_CHECKING:
    from bembix.runtime.module import Module
    from bembix.runtime.snapshot import Snapshot


class Instance:
    """A module that was given its imports and can run.  `Module.instantiate` makes it.

    May be given as the imports of another module: `other.instantiate({"name": instance})`.

    Source: core 3.0, 4.2.5.
    """

    __slots__ = ("__weakref__", "_exports", "_inst", "_store")

    def __init__(self, inst: ModuleInst, store: StoreInst) -> None:
        self._inst = inst
        self._store = store
        self._exports = Exports(inst, store, inst.module.exports_by_name)

    @property
    def exports(self) -> Exports:
        """What it exports, by name."""
        return self._exports

    @property
    def module(self) -> Module:
        """What it is an instance of."""
        return self._inst.module

    @property
    def store(self) -> Store:
        """The store that it lives in."""
        return Store.of(self._store)

    def snapshot(self) -> Snapshot:
        """Capture the state: memories, globals and tables that it defines, and which segments were dropped.

        Where another thread runs in its store, this waits for its turn.  A call that is in a host function at the time
        is not state: the memory is captured as that call has left it so far.

        Errors: SnapshotError for a shared memory, for references to objects and to functions of other instances;
        ResourceError where the host has no room.
        """
        from bembix.runtime.capture import capture

        return capture(self._inst)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this instance, or of another one of the same module.

        Views of its memories see the bytes of then.  Where another thread runs in its store, this waits for its turn.

        Errors: SnapshotError where the snapshot is of another module, where a memory has grown since (it can't shrink:
        `Snapshot.fork` makes a new instance), and as for `Snapshot.fork`; ResourceError, MemoryExceeded, TableExceeded.
        """
        from bembix.runtime.restore import check_module, go_back

        check_module(snapshot, self.module)
        go_back(self._inst, snapshot)

    def __copy__(self) -> NoReturn:
        raise TypeError("an instance can't be copied without its imports: instance.snapshot().fork(imports)")

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__copy__()

    def __reduce__(self) -> NoReturn:
        raise TypeError("an instance can't be pickled, but its module and its snapshot() can")

    def interrupt(self) -> None:
        """Have the calls end that run in its store now: each raises `Interrupted`; see `Store.interrupt`."""
        self._store.root.interrupt()

    if not TYPE_CHECKING:  # to whom it would mean that there is any attribute

        def __getattr__(self, name: str) -> object:
            hint = f"; it is an export: exports.{name}" if name != "_exports" and name in self._exports else ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    def __repr__(self) -> str:
        exports = counted(len(self._exports), "export")
        return f"<bembix.Instance of {self.module.name or 'a module'} with {exports}>"

    def _repr_html_(self) -> str:
        from bembix.runtime.html import instance_html

        return instance_html(self)
