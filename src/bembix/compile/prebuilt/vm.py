"""The runtime that compiled code calls: its table of functions, and the words that it reads.

Its code and its state are never freed: signal handlers and the last destructors run it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from bembix.compile.layout import RUNTIME
from bembix.compile.prebuilt import image
from bembix.deadlines import Stop
from bembix.errors import InternalError
from bembix.native import interrupts, memory, state, threads
from bembix.native.image import Image
from bembix.native.libc import immortal
from bembix.native.state import State
from bembix.records import dataclass

_SERVICES: Final = {
    "compile": State.COMPILE,
    "memory_grow": State.MEMORY_GROW,
    "table_grow": State.TABLE_GROW,
    "atomic_notify": State.ATOMIC_NOTIFY,
    "atomic_wait": State.ATOMIC_WAIT,
    "hot": State.HOT,
    "wait_for_store": State.WAIT_FOR_STORE,
    "wake_for_store": State.WAKE_FOR_STORE,
}


@dataclass(frozen=True, slots=True)
class Runtime:
    """The runtime in memory.  table: address of the runtime table."""

    image: Image
    table: int


_lock: Final = threading.RLock()
_runtime: Runtime | None = None


def load() -> Runtime:
    """Return the runtime.  Errors: ResourceError where there is none for this machine."""
    global _runtime
    with _lock:
        if _runtime is None:
            _runtime = _load()
        return _runtime


def _load() -> Runtime:
    loaded = image.load()
    table = immortal(8 * len(RUNTIME))
    for name, offset in RUNTIME.items():
        memory.write_u64(table + offset, loaded.address(name))
    state.set_object(State.ATTACH, threads.attach)
    state.set_object(State.STOP, Stop)
    state.set_object(State.KEEPER, interrupts.make_keeper)
    interrupts.install(interrupts.Handlers.at(loaded.address))
    for name, word in _SERVICES.items():
        state.set_object(word, _missing(name))
    return Runtime(loaded, table)


def _missing(name: str) -> Callable[..., int]:
    """Return a service that says that nobody gave it."""

    def missing(*_: object) -> int:
        raise InternalError(f"the runtime gave no service {name!r}")

    return missing


def runtime_table() -> int:
    """Return the address of the table for `Context.RUNTIME`."""
    return load().table


def lazy_entry() -> int:
    """Return the address for `Context.LAZY`."""
    return load().image.address("lazy_entry")


def set_service(name: str, service: Callable[..., object]) -> None:
    """Say what Python function does a service for compiled code.

    "compile": (context, index) -> code address; indices from the number of functions on mean THROWING_CODE.
    "memory_grow": (context, memory index, delta) -> old pages or -1.
    "table_grow": (context, table index, init, delta) -> old size or -1.
    "atomic_notify": (context, memory index, address, count) -> number of threads woken.
    "atomic_wait": (context, memory index, address, expected, timeout in ns, width in bytes) -> 0, 1 or 2.
    "hot": (context, defined function) -> 0, after compiling a function better that runs much.
    "wait_for_store": (store block, how often it waited before), returns when that may be free.
    "wake_for_store": (store block), returns after waking one that waits, if any does; must not raise.
    All parameters are ints.  What a service raises leaves Wasm.
    """
    load()
    state.set_object(_SERVICES[name], service)


def ensure_handlers() -> None:
    """Make faults of Wasm code traps, and let signals interrupt it; call it before Wasm runs, and now and then (it
    repairs)."""
    load()
    interrupts.repair()
