"""Fuel and epochs: what stops a program that runs for too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bembix.compat.wasmtime.errors import Trap, TrapCode, WasmtimeError
from bembix.runtime.limits import MOST_FUEL

if TYPE_CHECKING:
    from bembix.compat.wasmtime.engine import Engine
    from bembix.errors import Frame
    from bembix.runtime.store import Store

_MOST: Final = (1 << 64) - 1
#: Seconds between two interrupts of a call that does not end: it may not have been in Wasm yet when the first one came.
_AGAIN: Final = 0.01


class Meter:
    """What a store may still execute, and until when."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine
        #: The epoch at which calls end, or None where nobody asked for that.
        self._deadline = engine.epoch if engine.settings.get("epoch_interruption") else None
        self._beyond = 0  #: what does not fit into a store's fuel; 2**63 instructions take 50 years
        self._calls = 0
        self._counting = threading.Lock()
        self._watched = threading.Lock()

    # -- fuel ----------------------------------------------------------------------------------------------------------

    def _check_fuel(self) -> None:
        if not self._engine.settings.get("consume_fuel"):
            raise WasmtimeError("fuel is not configured in this store")

    def set_fuel(self, fuel: int) -> None:
        """Set it, modulo 2**64.  Errors: WasmtimeError where the engine does not consume fuel, TypeError."""
        self._check_fuel()
        if not isinstance(fuel, int):
            raise TypeError(f"fuel must be an int, not {type(fuel).__name__}")
        amount = fuel & _MOST
        self._store.fuel = min(amount, MOST_FUEL)
        self._beyond = amount - min(amount, MOST_FUEL)

    def get_fuel(self) -> int:
        """Return what is left of it.  Errors: WasmtimeError where the engine does not consume fuel."""
        self._check_fuel()
        return (self._store.fuel or 0) + self._beyond

    # -- epochs --------------------------------------------------------------------------------------------------------

    def set_epoch_deadline(self, ticks: int) -> None:
        """Have calls end when so many more epochs have begun; where the engine was not configured so, do nothing."""
        if self._deadline is not None:
            self._deadline = self._engine.epoch + ticks

    @property
    def _expired(self) -> bool:
        return self._deadline is not None and self._engine.epoch >= self._deadline

    @contextmanager
    def call(self, entry: Callable[[], Sequence[Frame]] = tuple) -> Iterator[None]:
        """Be in a call of Wasm.

        entry: returns the stack at its beginning.  Errors: Trap where the deadline has passed.
        """
        if self._expired:
            raise Trap.because(TrapCode.INTERRUPT, entry)
        with self._counting:
            self._calls += 1
        try:
            yield
        finally:
            with self._counting:
                self._calls -= 1

    @property
    def ends(self) -> bool:
        """Whether calls have an end that somebody may bring about."""
        return self._deadline is not None

    def epoch_changed(self) -> None:
        """Stop what runs if the deadline has come."""
        if not (self._expired and self._calls):
            return
        self._store.interrupt()
        if self._watched.acquire(blocking=False):
            threading.Thread(target=self._watch, name="bembix epoch", daemon=True).start()

    def _watch(self) -> None:
        """Interrupt until all calls have ended."""
        try:
            while self._expired and self._calls:
                self._store.interrupt()
                time.sleep(_AGAIN)
        finally:
            self._watched.release()
