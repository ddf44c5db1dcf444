"""Stores, and what stands for one in calls: a `Store`, or the `Caller` that a host function was given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from bembix.compat.wasmtime import metering
from bembix.compat.wasmtime.engine import Engine
from bembix.compat.wasmtime.errors import WasmtimeError
from bembix.compat.wasmtime.managed import Managed
from bembix.compat.wasmtime.quota import Quota
from bembix.runtime.limits import UNLIMITED
from bembix.runtime.store import Store as BembixStore

if TYPE_CHECKING:
    from bembix.compat.wasmtime.caller import Caller
    from bembix.compat.wasmtime.wasi import WasiConfig
    from bembix.runtime.storeinst import StoreInst
    from bembix.wasi import Wasi


class Store(Managed):
    """What instances live in.

    data: anything, given back by `data`.
    """

    def __init__(self, engine: Engine | None = None, data: Any = None) -> None:
        if engine is None:
            engine = Engine()
        elif not isinstance(engine, Engine):
            raise TypeError("engine should be an Engine")
        engine.check_open()
        self.engine = engine
        self._data = data
        #: What stands behind it; for the other files of this package, as are the next ones.
        fuel = 0 if engine.settings.get("consume_fuel") else None
        self.bembix: BembixStore = BembixStore(limits=replace(UNLIMITED, fuel=fuel))
        self.quota: Quota = Quota(self.bembix)
        self.wasi: Wasi | None = None
        self.meter: metering.Meter = metering.Meter(self.bembix, engine)
        engine.stores.add(self)

    def close(self) -> None:
        """Let go of it; what was made in it can't be used any more."""
        if self.wasi is not None:
            self.wasi.close()
        super().close()

    def data(self) -> Any:
        """Return what it was made with."""
        self.check_open()
        return self._data

    def gc(self) -> None:
        """Collect garbage of Wasm."""
        self.check_open()
        self.bembix.collect()

    def set_wasi(self, wasi: WasiConfig) -> None:
        """Give WASI programs in it what `wasi` says; uses it up.  Errors: WasmtimeError."""
        self.check_open()
        wasi.check_open()
        self.wasi = wasi.make()
        wasi.close()

    def set_wasi_http(self) -> None:
        """Raise: there is no HTTP for programs.  Errors: WasmtimeError always."""
        raise WasmtimeError("wasi:http is not offered by bembix.compat.wasmtime")

    def set_fuel(self, fuel: int) -> None:
        """Set how much may be executed.  Errors: WasmtimeError where the engine does not consume fuel."""
        self.check_open()
        self.meter.set_fuel(fuel)

    def get_fuel(self) -> int:
        """Return how much may still be executed.  Errors: as for `set_fuel`."""
        self.check_open()
        return self.meter.get_fuel()

    def set_epoch_deadline(self, ticks_after_current: int) -> None:
        """Stop what runs when `Engine.increment_epoch` was called so many times more."""
        self.check_open()
        self.meter.set_epoch_deadline(ticks_after_current)

    def epoch_changed(self) -> None:
        """Look whether the deadline has come; for the engine."""
        self.meter.epoch_changed()

    def set_limits(
        self, memory_size: int = -1, table_elements: int = -1, instances: int = -1, tables: int = -1, memories: int = -1
    ) -> None:
        """Limit bytes of each memory, elements of each table, and how many instances, tables and memories there are.

        Negative numbers are no limit.
        """
        self.check_open()
        given = {
            "memory_size": memory_size,
            "table_elements": table_elements,
            "instances": instances,
            "tables": tables,
            "memories": memories,
        }
        self.quota.set(given)


class StoreContext:
    """A store that a `Caller` stands for.  store: None is one whose call has ended."""

    def __init__(self, store: Store | None) -> None:
        self.store = store


Storelike: TypeAlias = Union[Store, "Caller", StoreContext]


def store_of(given: Storelike) -> Store:
    """Return the store that is meant.

    Errors: AttributeError for something else, as in wasmtime-py, ValueError after the call has ended.
    """
    if isinstance(given, Store):
        if given._closed:
            raise ValueError("already closed")
        return given
    context = getattr(given, "context", given)
    if not isinstance(context, StoreContext):
        raise AttributeError(f"expected a Store, not {type(given).__name__}")
    if context.store is None:
        raise ValueError("caller is no longer valid")
    return context.store


def check_store(given: Storelike, owner: StoreInst) -> Store:
    """Return the store that is meant, to which something must belong.  Errors: WasmtimeError; as for `store_of`."""
    store = store_of(given)
    if store.bembix.inst is not owner:
        raise WasmtimeError("object used with the wrong store")
    return store
