"""Engines: what all modules and stores of a program have in common, and the clock that interrupts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from bembix.compat.wasmtime.config import Config
from bembix.compat.wasmtime.managed import Managed
from bembix.spec.features import Features

if TYPE_CHECKING:
    from bembix.compat.wasmtime.store import Store


class Engine(Managed):
    """What modules are compiled with and stores run in.  config: closed by this."""

    def __init__(self, config: Config | None = None) -> None:
        if config is not None and not isinstance(config, Config):
            raise TypeError("expected Config")
        chosen = Config() if config is None else config
        chosen.check_open()
        self.features: Features = Features(**chosen.switches())
        self.settings: dict[str, Any] = chosen.settings
        self.epoch: int = 0  #: how often `increment_epoch` was called
        self.stores: WeakSet[Store] = WeakSet()
        if config is not None:
            config.close()

    def increment_epoch(self) -> None:
        """Let the clock go on by one: stores whose deadline that is stop what runs in them.  From any thread."""
        self.check_open()
        self.epoch += 1
        for store in list(self.stores):
            store.epoch_changed()

    def is_pulley(self) -> bool:
        """Tell whether it interprets: never."""
        self.check_open()
        return False
