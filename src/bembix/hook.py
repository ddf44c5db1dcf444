"""Have `import gcd` find `gcd.wasm` or `gcd.wat` on `sys.path`: importing `bembix.hook` is all that it takes.

What the module exports become attributes of the Python module; its instance is `__instance__`.  What it imports comes
from the Python modules of those names, which may be Wasm themselves, and from Bembix's WASI: without files, without
environment, with this process's standard streams.  All modules live in one store.  A reactor's `_initialize` runs
at the import, a program's `_start` does not.

A Wasm module may import whatever it likes of Python this way, `os` for example, so this is for modules that are trusted
like Python's; for others there is `Module.instantiate`.  Where a Python module has the same name, that one is found.

Source: Python, "The import system"; WASI snapshot_preview1, its application ABI (reactors).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from bembix.errors import BembixError, LinkError

if TYPE_CHECKING:
    from bembix.runtime.instance import Instance
    from bembix.runtime.module import Module
    from bembix.runtime.store import Store
    from bembix.wasi import Wasi

__all__ = ["SUFFIXES", "WasmFinder", "WasmLoader", "install", "uninstall"]

#: How files end that are found; what is in one, its first bytes say.
SUFFIXES: Final = (".wasm", ".wat")

_INSTANCE: Final = "__instance__"


class WasmFinder(MetaPathFinder):
    """Finds modules in files with `SUFFIXES`, and packages in folders with an `__init__` file of such a name.

    store: where the modules are instantiated.  wasi: what those get that import WASI.  None makes one at the first use.
    """

    def __init__(self, *, store: Store | None = None, wasi: Wasi | None = None) -> None:
        self._store = store
        self._wasi = wasi
        self._folders: dict[str, FileFinder] = {}
        self._lock = threading.Lock()

    @property
    def store(self) -> Store:
        """Where the modules are instantiated."""
        from bembix.runtime.store import Store

        with self._lock:  # two threads must not make two
            if self._store is None:
                self._store = Store()
            return self._store

    @property
    def wasi(self) -> Wasi:
        """What modules get that import WASI."""
        from bembix.wasi import INHERIT, Wasi

        with self._lock:
            if self._wasi is None:
                self._wasi = Wasi(["bembix.hook"], stdin=INHERIT, stdout=INHERIT, stderr=INHERIT)
            return self._wasi

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what is to be loaded for a name, or None."""
        for entry in sys.path if path is None else path:
            if isinstance(entry, str):
                spec = self._in_folder(entry or os.getcwd()).find_spec(fullname, target)
                if spec is not None and spec.loader is not None:  # a folder alone is no package of ours
                    return None if self._is_python(fullname, path) else spec
        return None

    @staticmethod
    def _is_python(fullname: str, path: Sequence[str] | None) -> bool:
        """Tell whether Python finds more than a folder for a name."""
        found = PathFinder.find_spec(fullname, path)
        return found is not None and found.loader is not None

    def _in_folder(self, folder: str) -> FileFinder:
        found = self._folders.get(folder)
        if found is None:
            found = self._folders[folder] = FileFinder(folder, (self._loader, list(SUFFIXES)))  # type: ignore[arg-type]  # no type
        return found

    def _loader(self, fullname: str, path: str) -> WasmLoader:
        return WasmLoader(fullname, path, self)

    def invalidate_caches(self) -> None:
        """Look into all folders anew."""
        for finder in self._folders.values():
            finder.invalidate_caches()


class WasmLoader(Loader):
    """Loads one module from a file."""

    def __init__(self, fullname: str, path: str, finder: WasmFinder) -> None:
        self.name = fullname
        self.path = path
        self._finder = finder

    def exec_module(self, module: ModuleType) -> None:
        """Instantiate the file's module and make its exports attributes; again, at a reload.

        Errors: ImportError, whose cause says what is wrong with the module or its imports.
        """
        from bembix.runtime.module import Module

        try:
            wasm = Module.from_file(self.path)
            instance = self._instantiate(wasm, module.__spec__.parent if module.__spec__ else None)
            _fill(module, instance)
            if any(export.name == "_initialize" and export.kind == "func" for export in wasm.exports):
                instance.exports["_initialize"]()
        except BembixError as error:
            raise ImportError(f"cannot import {self.name!r}: {error}", name=self.name, path=self.path) from error

    def _instantiate(self, wasm: Module, package: str | None) -> Instance:
        from bembix.runtime.instantiate import instantiate

        started: list[Instance] = []

        def memory() -> Any:
            if not started or "memory" not in started[0].exports:
                raise LinkError(f"{self.name} uses WASI without exporting a memory called 'memory'")
            return started[0].exports["memory"]

        functions = [(i.module, i.name, i.type) for i in wasm.imports if i.kind == "func"]
        names = dict.fromkeys(entry.module for entry in wasm.imports)
        imports: dict[str, object] = {}
        if any(name.startswith("wasi_") for name in names):
            offered = self._finder.wasi.imports(memory, functions)  # type: ignore[arg-type]  # functions have FuncTypes
            imports.update({name: given for name, given in offered.items() if name in names})
        for name in names:
            found = None if name in imports else self._import(name, package)
            if found is not None:
                imports[name] = found
        return instantiate(wasm, imports, self._finder.store.inst, ready=started.append)

    def _import(self, name: str, package: str | None) -> object | None:
        """Return the Python module of a name (with dots before it: below `package`), or None where there is none."""
        relative = name.startswith(".")
        if not all(part.isidentifier() for part in name.lstrip(".").split(".")) or (relative and not package):
            return None
        try:
            found = import_module(name, package)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            full = f"{package}.{name.lstrip('.')}" if relative else name
            if not f"{full}.".startswith(f"{missing}."):
                raise  # something that it imports itself
            return None
        if not isinstance(getattr(found.__spec__, "loader", None), WasmLoader):
            return found
        instance: object | None = vars(found).get(_INSTANCE)
        if instance is None:
            raise ImportError(
                f"cannot import {self.name!r}: it and {found.__name__!r} import from each other in a circle",
                name=self.name,
                path=self.path,
            )
        return instance

    def get_filename(self, fullname: str) -> str:
        """Return the path of the file."""
        return self.path

    def get_data(self, path: str) -> bytes:
        """Return what is in a file."""
        return Path(path).read_bytes()

    def get_source(self, fullname: str) -> None:
        """Return None: there is no Python source."""


def _fill(module: ModuleType, instance: Instance) -> None:
    """Give a Python module the exports of an instance, in place of those of an instance before it."""
    names = vars(module)
    before: Instance | None = names.get(_INSTANCE)
    for name in before.exports if before is not None else ():
        if not _dunder(name):
            names.pop(name, None)
    exports = instance.exports

    def find(name: str) -> object:
        if name not in exports or _dunder(name):
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)
        found = names[name] = exports[name]  # the next access does not come here
        return found

    names[_INSTANCE] = instance
    names["__all__"] = [name for name in exports if name.isidentifier() and not name.startswith("_")]
    names["__getattr__"] = find
    names["__dir__"] = lambda: sorted({*names, *exports})
    names["__doc__"] = _described(instance.module)


def _dunder(name: str) -> bool:
    """Tell whether a name is one of those that Python has for itself."""
    return name.startswith("__") and name.endswith("__")


def _described(module: Module) -> str:
    lines = [
        f"    {export.name}: {export.kind} {str(export.type).removeprefix(export.kind).strip()}"
        for export in module.exports
    ]
    return (
        "\n".join(["A WebAssembly module.  It exports:", "", *lines])
        if lines
        else "A WebAssembly module without exports."
    )


def install(*, store: Store | None = None, wasi: Wasi | None = None) -> WasmFinder:
    """Put a finder into `sys.meta_path`, in place of one of ours that is there, and return it.

    store: where modules are instantiated, with limits for example; None stands for a new one.
    wasi: what modules may do that import WASI; None lets them use this process's standard streams, clocks and random
    numbers.
    """
    uninstall()
    finder = WasmFinder(store=store, wasi=wasi)
    # Before Python's own, which takes any folder of a name for a package.
    place = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
    sys.meta_path.insert(place, finder)
    return finder


def uninstall() -> None:
    """Find no more modules; those that are imported stay."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, WasmFinder)]


if not any(isinstance(finder, WasmFinder) for finder in sys.meta_path):
    install()
