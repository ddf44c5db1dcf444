"""Fuel and epochs: what stops a program that runs for too long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bembix.compat.wasmtime.errors import WasmtimeError

if TYPE_CHECKING:
    from bembix.compat.wasmtime.engine import Engine
    from bembix.runtime.store import Store


class Meter:
    """What a store may still execute, and until when."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine
        self._deadline = 0 if engine.settings.get("epoch_interruption") else None
        self._start = engine.epoch

    def _check_fuel(self) -> None:
        if not self._engine.settings.get("consume_fuel"):
            raise WasmtimeError("fuel is not configured in this store")

    def set_fuel(self, fuel: int) -> None:
        """Set it."""
        self._check_fuel()
        raise WasmtimeError("this version of Bembix has no fuel")

    def get_fuel(self) -> int:
        """Return it."""
        self._check_fuel()
        raise WasmtimeError("this version of Bembix has no fuel")

    def set_epoch_deadline(self, ticks: int) -> None:
        """Set it, from now on."""

    def epoch_changed(self) -> None:
        """Stop what runs if the deadline has come."""
