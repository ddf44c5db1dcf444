"""WASI preview 1: its functions, each offered by one decorated definition, and the older `wasi_unstable`.

Source: WASI snapshot_preview1 and snapshot_0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bembix.spec.types import FuncType

# Importing a module offers its functions.
from bembix.wasi.preview1 import arguments, clock, fd, filestat, io, path, poll, process, sock
from bembix.wasi.preview1.export import PREVIEW1, Export
from bembix.wasi.preview1.unstable import UNSTABLE

__all__ = ["MODULES", "arguments", "clock", "fd", "filestat", "functions", "io", "path", "poll", "process", "sock"]

#: Every import module by name.
MODULES: Final[dict[str, Mapping[str, Export]]] = {"wasi_snapshot_preview1": PREVIEW1, "wasi_unstable": UNSTABLE}


def functions(module: str = "wasi_snapshot_preview1") -> dict[str, tuple[Callable[..., object], FuncType]]:
    """Return the functions of an import module: each implementation, which takes a `Context` first, and core type."""
    return {name: (export.function, export.type) for name, export in MODULES[module].items()}
