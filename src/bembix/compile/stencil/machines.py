"""Who writes the machine code of which machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from bembix.errors import CompileError
from bembix.native import platform
from bembix.validate.sink import Body, Label, Operations
from bembix.validate.walker import Walker


class Sink(Protocol):
    """What the tier wants of a sink beyond what the walker wants.

    code: of the function that was walked last.  places: offsets in it, from `prologue` on, and in the module.
    """

    walker: Walker
    code: bytes
    prologue: int
    places: list[tuple[int, int]] | None

    @property
    def operations(self) -> Operations:
        """See `validate/sink.py`."""

    def begin(self, body: Body, label: Label) -> None:
        """See there."""

    def finish(self, live: bool) -> None:
        """See there."""

    def bind(self, walker: Walker) -> None:
        """Make the writers; `walker` is the one that will call them."""

    def with_places(self) -> None:
        """From now on, note which code comes from where."""


def _x86_64() -> Callable[..., Sink]:
    from bembix.compile.stencil.x86_64 import (  # noqa: F401  (they enter their writers)
        atomics,
        bulk,
        calls,
        casts,
        control,
        exceptions,
        floats,
        integers,
        memory,
        objects,
        pasted,
    )
    from bembix.compile.stencil.x86_64.sink import StencilSink

    return StencilSink


def _aarch64() -> Callable[..., Sink]:
    from bembix.compile.stencil.aarch64 import (  # noqa: F401  (they enter their writers)
        atomics,
        calls,
        casts,
        control,
        exceptions,
        memory,
        objects,
        pasted,
    )
    from bembix.compile.stencil.aarch64.sink import Aarch64Sink

    return Aarch64Sink


#: By `platform.machine()`.
SINKS: Final[dict[str, Callable[[], Any]]] = {"x86_64": _x86_64, "aarch64": _aarch64}


def sink_class() -> Callable[..., Sink]:
    """Return what makes a sink for this machine.  Errors: CompileError where there is none."""
    machine = platform.require().machine
    if machine not in SINKS:
        raise CompileError(f"the engine 'stencil' is not there for {machine} yet")
    return SINKS[machine]()  # type: ignore[no-any-return]
