"""Find what a module imports, check all of it, and only then take it.  Source: core 3.0, 4.5.4, steps 1 - 8."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final

from bembix.errors import LinkError
from bembix.records import dataclass
from bembix.runtime.extern import Extern
from bembix.runtime.func import is_func, store_of
from bembix.runtime.importers import IMPORTERS, Take, functype, words_for_given, words_for_wanted
from bembix.runtime.members import MISSING, member, members
from bembix.runtime.memory import Memory
from bembix.runtime.moduleinst import Externs
from bembix.runtime.storeinst import StoreInst, join
from bembix.spec.module import ExternKind, Import
from bembix.spec.types import FuncType

if TYPE_CHECKING:
    from bembix.runtime.module import Module


#: For so many missing imports, names that are nearly the same are looked for.
_HINTS: Final = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """An import that can't be given.

    given: None where nothing was.  importer: name of the module that wants it, where several are linked.
    near: what there is that is called nearly so.
    """

    entry: Import
    wanted: str
    given: str | None
    importer: str | None = None
    near: str | None = None

    def __str__(self) -> str:
        what = f"{self.entry.module!r} {self.entry.name!r}"
        if self.importer is not None:
            what += f" of {self.importer!r}"
        if self.given is None:
            hint = f"; did you mean {self.near}?" if self.near else ""
            return f"unknown import {what}: wanted {self.wanted}{hint}"
        return f"incompatible import type for {what}: wanted {self.wanted}, given {self.given}"


def find(imports: object, entry: Import) -> object:
    """Return what is given for an import, or `MISSING`.  Errors: TypeError where things can't have any by name."""
    container = member(imports, entry.module, "imports")
    return MISSING if container is MISSING else member(container, entry.name, f"imports[{entry.module!r}]")


def near(imports: object, entry: Import) -> str | None:
    """Return the import that somebody may have had in mind who gave none of this name."""
    from difflib import get_close_matches

    container = member(imports, entry.module, "imports")
    if container is not MISSING:
        found = get_close_matches(entry.name, map(str, members(container)), n=1)
        return f"{entry.module!r} {found[0]!r}" if found else None
    for module in get_close_matches(entry.module, map(str, members(imports))):
        # Other mappings may make what they are asked for.
        if not isinstance(imports, dict) or entry.name in members(imports.get(module)):
            return f"{module!r} {entry.name!r}"
    return None


def stores_of(values: list[object]) -> list[StoreInst]:
    """Return the stores that things to import belong to; a shared memory is at home in any."""
    found = []
    for value in values:
        if isinstance(value, Memory) and value.shared:
            continue
        if isinstance(value, Extern):
            found.append(value.store_inst)
        elif is_func(value):
            found.append(store_of(value))
    return found


@dataclass(frozen=True, slots=True)
class Linked:
    """Imports that were found right.

    store: where the instance will live.  host_types: of the host functions among the imports.  types: canonical ids.
    """

    store: StoreInst
    takes: list[Take]
    host_types: list[FuncType]
    types: list[int]

    def take(self) -> Externs:
        """Take the imports over into the store."""
        externs = Externs(weakref.ref(self.store), self.types)
        for take in self.takes:
            take(externs, self.store)
        return externs


def link(module: Module, imports: object, store: StoreInst | None) -> Linked:
    """Check all imports of a module, and find where to instantiate it: `store`, or that of the imports, or a new one.

    Errors: LinkError, which lists every import that is missing or does not match; LinkError where stores differ.
    """
    values = [find(imports, entry) for entry in module.definition.imports]
    takes: list[Take] = []
    problems: list[Problem] = []
    host_types: list[FuncType] = []
    for entry, value, wanted in zip(module.definition.imports, values, module.import_types, strict=True):
        take = None if value is MISSING else IMPORTERS[entry.kind](entry, value, wanted)
        if take is None:
            given = None if value is MISSING else words_for_given(value, wanted)
            hint = near(imports, entry) if given is None and len(problems) < _HINTS else None
            problems.append(Problem(entry, words_for_wanted(entry.kind, wanted), given, near=hint))
            continue
        takes.append(take)
        if entry.kind is ExternKind.FUNC and not is_func(value):
            host_types.append(functype(wanted))
    if problems:
        raise link_error(problems)
    return Linked(_store_for(module, values, store), takes, host_types, module.context.ids)


def wanted_words(module: Module) -> list[str]:
    """Say what each import of a module wants."""
    entries = module.definition.imports
    return [words_for_wanted(entry.kind, wanted) for entry, wanted in zip(entries, module.import_types, strict=True)]


def _store_for(module: Module, values: list[object], store: StoreInst | None) -> StoreInst:
    """Return where to instantiate.  Errors: LinkError, which names an import from each store where these differ."""
    try:
        stores = ([store] if store is not None else []) + stores_of(values)
        return join(stores, "imports") or StoreInst()
    except LinkError as error:
        homes = {} if store is None else {id(store.root): "`store=`"}
        for entry, value in zip(module.definition.imports, values, strict=True):
            for home in stores_of([value]):
                if home.bound:
                    homes.setdefault(id(home.root), f"{entry.module!r} {entry.name!r}")
        raise LinkError(f"{error} ({', '.join(homes.values())})") from None


def link_error(problems: list[Problem]) -> LinkError:
    """Return the error that tells of one problem or more."""
    first = problems[0]
    lines = [str(problem) for problem in problems]
    message = lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} imports don't fit:", *lines])
    return LinkError(
        message, module=first.entry.module, name=first.entry.name, wanted=first.wanted, given=first.given or "nothing"
    )
