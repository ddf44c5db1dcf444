"""What an instance exports, by name.  Source: core 3.0, 4.2.11; JavaScript API, "create an exports object"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from bembix.runtime.extern import public
from bembix.runtime.func import func_at
from bembix.runtime.global_ import Global
from bembix.runtime.memory import public_memory
from bembix.runtime.moduleinst import Externs, ModuleInst
from bembix.runtime.storeinst import StoreInst
from bembix.runtime.table import Table
from bembix.runtime.tag import Tag
from bembix.spec.module import Export, ExternKind

#: Makes the public object for something in an index space.
_PUBLIC: Final[dict[ExternKind, Callable[[Externs, int, StoreInst], object]]] = {
    ExternKind.FUNC: lambda externs, index, store: func_at(externs.functions[index]),
    ExternKind.TABLE: lambda externs, index, store: public(Table, externs.tables[index], store),
    ExternKind.MEMORY: lambda externs, index, store: public_memory(externs.memories[index], store),
    ExternKind.GLOBAL: lambda externs, index, store: public(Global, externs.globals[index], store),
    ExternKind.TAG: lambda externs, index, store: public(Tag, externs.tags[index], store),
}


_METHODS: Final = frozenset(("get", "keys", "values", "items"))
_PRIVATE: Final = "_Exports__"


class Exports(Mapping[str, Any]):
    """The exports of an instance: `exports["name"]` or `exports.name`.

    An export that is called like a method of mappings (get, keys, values, items) takes that method's place.

    Values are `Func`, `Memory`, `Table`, `Global` and `Tag` objects, made when they are first asked for; they go on
    working when the instance is gone.  For type checkers they are `Any`, as nobody knows before what a module exports.
    """

    if TYPE_CHECKING:  # an export may have taken the method's place
        get: Any
        keys: Any
        values: Any
        items: Any

    def __init__(self, inst: ModuleInst, store: StoreInst, exports: Mapping[str, Export]) -> None:
        # Mangled names, so that exports may be called anything.
        self.__inst = inst
        self.__store = store
        self.__exports = exports
        self.__found: dict[str, object] = {}
        for name in _METHODS & exports.keys():
            self.__dict__[name] = self[name]

    def __getitem__(self, name: str) -> Any:
        found = self.__found.get(name)
        if found is None:
            export = self.__exports[name]
            found = self.__found[name] = _PUBLIC[export.kind](self.__inst.externs, export.index, self.__store)
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith(_PRIVATE):  # an object that `copy` has only begun to make
            raise AttributeError(name)
        if name not in self.__exports:
            from difflib import get_close_matches

            near = get_close_matches(name, self.__exports, n=1)
            raise AttributeError(f"no export is called {name!r}{f'; did you mean {near[0]!r}?' if near else ''}")
        found = self.__dict__[name] = self[name]  # FAST: the next access does not come here
        return found

    if not TYPE_CHECKING:  # to whom it would mean that any attribute can be set

        def __setattr__(self, name: str, value: object) -> None:
            if not name.startswith(_PRIVATE):
                is_global = name in self.__exports and isinstance(self[name], Global)
                hint = f"; to set the global, set exports.{name}.value" if is_global else ""
                raise AttributeError(f"what an instance exports can't be replaced{hint}")
            super().__setattr__(name, value)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__exports)

    def __len__(self) -> int:
        return len(self.__exports)

    def __contains__(self, name: object) -> bool:
        return name in self.__exports

    def __dir__(self) -> list[str]:
        return sorted({name for name in super().__dir__() if not name.startswith(_PRIVATE)} | {*self.__exports})

    def __repr__(self) -> str:
        return f"<bembix.Exports {', '.join(self.__exports)}>"

    def _repr_html_(self) -> str:
        from bembix.runtime.html import exports_html

        return exports_html(self.__inst.module)
