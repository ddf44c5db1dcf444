"""What an instance costs once its module is there: instantiating and forking, beside wasmtime-py instantiating.

    python bench/snapshots.py FILE...

Imports are stand-ins, and no start function should need them.  Times are medians of interleaved rounds, in ms; "x" is
the ratio to wasmtime-py.  "copied" instantiates as if no memory image were kept.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

import wasmtime

import bembix

ROUNDS: Final = 15

#: Makes what is imported of each kind.
MAKERS: Final[dict[str, Callable[[Any], object]]] = {
    "func": lambda kind: lambda *arguments: 0,
    "memory": lambda kind: bembix.Memory(kind.limits.minimum, kind.limits.maximum),
    "table": lambda kind: bembix.Table(kind.limits.minimum, kind.limits.maximum, element=kind.element),
    "global": lambda kind: bembix.Global(kind.value, mutable=kind.mutable),
    "tag": lambda kind: bembix.Tag(kind.params),
}


def stand_ins(module: bembix.Module) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for entry in module.imports:
        found.setdefault(entry.module, {})[entry.name] = MAKERS[entry.kind](entry.type)
    return found


def timed(action: Callable[[Any], object], given: object) -> float:
    start = time.perf_counter()
    kept = action(given)
    taken = time.perf_counter() - start
    del kept
    return 1000 * taken


def contenders(path: Path) -> dict[str, tuple[Callable[[], Any], Callable[[Any], object]]]:
    """Return what makes ready and what is timed."""
    module, copying = bembix.Module.from_file(path), bembix.Module.from_file(path)
    copying.__dict__["initial_images"] = None  # it is a cached property
    snapshot = module.instantiate(stand_ins(module)).snapshot()
    actions: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
        "instantiate": (lambda: stand_ins(module), module.instantiate),
        "copied": (lambda: stand_ins(module), copying.instantiate),
        "fork": (lambda: stand_ins(module), snapshot.fork),
        "snapshot": (lambda: snapshot.fork(stand_ins(module)), lambda instance: instance.snapshot()),
    }
    if all(entry.kind == "func" for entry in module.imports):
        engine = wasmtime.Engine()
        linker, theirs = wasmtime.Linker(engine), wasmtime.Module.from_file(engine, str(path))
        linker.define_unknown_imports_as_traps(theirs)
        actions["wasmtime"] = lambda: wasmtime.Store(engine), lambda store: linker.instantiate(store, theirs)
    return actions


def main(paths: list[str]) -> None:
    for name in paths:
        actions = contenders(Path(name))
        taken: dict[str, list[float]] = {action: [] for action in actions}
        for _ in range(ROUNDS):
            for action, (prepare, run) in actions.items():
                taken[action].append(timed(run, prepare()))
        print(name)
        peer = median(taken["wasmtime"]) if "wasmtime" in taken else None
        for action, times in taken.items():
            ratio = "" if peer is None else f"  x {median(times) / peer:8.2f}"
            print(f"  {action:12} {median(times):9.3f} ms{ratio}")


if __name__ == "__main__":
    main(sys.argv[1:])
