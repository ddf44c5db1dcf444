"""Programs of several modules: what each imports, by name, and which of them has to be instantiated first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, TypeVar

from bembix.errors import LinkError
from bembix.runtime.instance import Instance
from bembix.runtime.linking import Problem, link_error, stores_of, wanted_words
from bembix.runtime.members import MISSING, member, members
from bembix.runtime.module import Module
from bembix.runtime.store import Store
from bembix.runtime.storeinst import join

if TYPE_CHECKING:
    from bembix.runtime.snapshot import Snapshot
    from bembix.runtime.storeinst import StoreInst
    from bembix.spec.module import Import

F = TypeVar("F", bound=Callable[..., object])


class Namespace(MutableMapping[str, Any]):
    """What modules import, by module name; give it to `Module.instantiate`, or have it instantiate.

    Under a name stands whatever imports can be taken from (a mapping, an instance, an object with attributes), or a
    `Module`: it is instantiated when something imports from it, once, and its own imports are taken from here.
    `define` adds single things.  All that it instantiates lives in one store.

    members: the first ones.  store: where to live; None takes the store of the members, or a new one.

        program = bembix.Namespace({"env": env, "libm": libm, "main": main})
        program["main"].exports.run()
    """

    def __init__(self, members: Mapping[str, object] | None = None, /, *, store: Store | None = None) -> None:
        self._members: dict[str, object] = {}
        self._defined: dict[str, dict[str, object]] = {}
        self._instances: dict[str, Instance] = {}
        self._store = store
        self._lock = threading.RLock()
        self.update(members or {})

    def __repr__(self) -> str:
        return f"<bembix.Namespace {', '.join(self) or 'of nothing'}>"

    def __getitem__(self, name: str) -> Any:
        """Return what stands under a name; a module is instantiated first, if need be.

        Errors: KeyError; for a module, those of `instantiate`.
        """
        with self._lock:
            if name not in self:
                raise KeyError(name)
            if isinstance(self._members.get(name), Module) and name not in self._instances:
                self._start([name])
            found = self._instances.get(name, self._members.get(name))
            own = self._defined.get(name)
            return found if own is None else _Layers(own, found, name)

    def __setitem__(self, name: str, thing: object) -> None:
        """Put something under a name, in place of what was there."""
        with self._lock:
            self._forget(name)
            self._members[name] = thing

    def __delitem__(self, name: str) -> None:
        with self._lock:
            if name not in self:
                raise KeyError(name)
            self._forget(name)

    def _forget(self, name: str) -> None:
        for table in (self._members, self._defined, self._instances):
            table.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._members or name in self._defined

    def __iter__(self) -> Iterator[str]:
        return iter({**self._members, **self._defined})

    def __len__(self) -> int:
        return len({**self._members, **self._defined})

    @property
    def store(self) -> Store:
        """The store that all instances share."""
        with self._lock:
            if self._store is None:
                self._store = self._find_store()
            return self._store

    def _find_store(self) -> Store:
        found: list[StoreInst] = []
        for container in (*self._members.values(), *self._defined.values()):
            if isinstance(container, Instance):
                found.append(container.store.inst)
            elif isinstance(container, Mapping):
                found += stores_of([*container.values()])
        inst = join(found, "members of a namespace")
        return Store() if inst is None else Store.of(inst)

    def define(self, module: str, name: str, thing: object) -> None:
        """Give one thing to import, besides what else is there under the name of the module; this comes first."""
        with self._lock:
            self._defined.setdefault(module, {})[name] = thing

    def function(self, module: str, name: str | None = None) -> Callable[[F], F]:
        """Decorate a function that can be imported.  name: None takes the function's."""

        def decorate(function: F) -> F:
            self.define(module, name or function.__name__, function)
            return function

        return decorate

    def instantiate(self, module: Module, name: str | None = None, *, snapshot: Snapshot | None = None) -> Instance:
        """Make an instance with imports from here; before it, of the modules that it imports from.

        name: to put the instance under; None: nowhere.  snapshot: as for `Module.instantiate`.
        Errors: those of `Module.instantiate`; LinkError, before anything runs, which lists what is missing for any of
        the modules, and where modules import from each other in a circle.
        """
        with self._lock:
            self._start(self._needs(module), asked=module)
            instance = module.instantiate(self, store=self.store, snapshot=snapshot)
            if name is not None:
                self[name] = instance
            return instance

    def instantiate_all(self) -> dict[str, Instance]:
        """Instantiate all modules, each after those that it imports from; return the instances by name.

        Errors: as for `instantiate`.
        """
        with self._lock:
            self._start([name for name, thing in self._members.items() if isinstance(thing, Module)])
            return dict(self._instances)

    def _start(self, names: Iterable[str], asked: Module | None = None) -> None:
        """Instantiate the modules of some names that are not yet, and before them what they need."""
        waiting = self._waiting(names)
        order = _ordered({name: self._needs(module) for name, module in waiting.items()})
        modules = [*waiting.items(), *([] if asked is None else [(asked.name, asked)])]
        problems = [problem for name, module in modules for problem in self._missing(name, module)]
        if problems:
            raise link_error(problems)
        for name in order:
            if name in waiting:
                self._instances[name] = waiting[name].instantiate(self, store=self.store)

    def _waiting(self, names: Iterable[str]) -> dict[str, Module]:
        """Return the modules without an instance among some names and all that they need."""
        found: dict[str, Module] = {}
        queue = list(names)
        while queue:
            name = queue.pop()
            thing = self._members.get(name)
            if isinstance(thing, Module) and name not in self._instances and name not in found:
                found[name] = thing
                queue += self._needs(thing)
        return found

    def _needs(self, module: Module) -> list[str]:
        """Return the names of the modules here that one imports from."""
        wanted = dict.fromkeys(
            entry.module for entry in module.definition.imports if entry.name not in self._defined.get(entry.module, {})
        )
        return [name for name in wanted if isinstance(self._members.get(name), Module)]

    def _missing(self, name: str, module: Module) -> Iterator[Problem]:
        """Yield what there will be nothing for when a module is instantiated."""
        for entry, words in zip(module.definition.imports, wanted_words(module), strict=True):
            if not self._will_have(entry):
                yield Problem(entry, words, None, name)

    def _will_have(self, entry: Import) -> bool:
        if entry.name in self._defined.get(entry.module, {}):
            return True
        thing = self._instances.get(entry.module, self._members.get(entry.module, MISSING))
        if isinstance(thing, Module):
            return entry.name in thing.exports_by_name
        return thing is not MISSING and member(thing, entry.name, f"namespace[{entry.module!r}]") is not MISSING


class _Layers(Mapping[str, object]):
    """Single things before whatever else stands under a name."""

    def __init__(self, own: Mapping[str, object], rest: object, name: str) -> None:
        self._own = own
        self._rest: object = {} if rest is None else rest
        self._place = f"namespace[{name!r}]"

    def __getitem__(self, name: str) -> object:
        found = self._own[name] if name in self._own else member(self._rest, name, self._place)
        if found is MISSING:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._own or (isinstance(name, str) and member(self._rest, name, self._place) is not MISSING)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._own, **dict.fromkeys(members(self._rest))})

    def __len__(self) -> int:
        return len(list(iter(self)))


def _ordered(needs: Mapping[str, list[str]]) -> list[str]:
    """Return names so that each comes after what it needs.  Errors: LinkError where there is a circle."""
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = " <- ".join(map(repr, error.args[1]))
        raise LinkError(f"modules import from each other in a circle: {circle}") from None
