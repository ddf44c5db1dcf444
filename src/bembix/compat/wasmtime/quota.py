"""How many memories, tables and instances a store may have, and how large."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from bembix.compat.wasmtime.errors import WasmtimeError

if TYPE_CHECKING:
    from bembix.runtime.store import Store
    from bembix.spec.module import ModuleDef

_COUNTED: Final = {"instances": "instance", "tables": "table", "memories": "memory"}


class Quota:
    """The limits of a store, as `Store.set_limits` sets them, and what counts against them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._limits: dict[str, int] = {}
        self._used = dict.fromkeys(_COUNTED, 0)

    def set(self, limits: dict[str, int]) -> None:
        """Set limits; those that are negative are none.  Errors: TypeError."""
        for name, limit in limits.items():
            if not isinstance(limit, int):
                raise TypeError(f"{name} must be an int, not {type(limit).__name__}")
        self._limits = {name: limit for name, limit in limits.items() if limit >= 0}
        inst = self._store.inst
        inst.budget.each = self._limits.get("memory_size", math.inf)
        inst.table_budget.each = self._limits.get("table_elements", math.inf)

    def take(self, definition: ModuleDef) -> None:
        """Count an instance of a module.  Errors: WasmtimeError where that is too much; nothing is counted then."""
        self._check_sizes(definition)
        wanted = {"instances": 1, "tables": len(definition.tables), "memories": len(definition.memories)}
        for name, count in wanted.items():
            after = self._used[name] + count
            if count and after > self._limits.get(name, after):
                raise WasmtimeError(f"resource limit exceeded: {_COUNTED[name]} count too high at {after}")
        for name, count in wanted.items():
            self._used[name] += count

    def _check_sizes(self, definition: ModuleDef) -> None:
        for memory in definition.memories:
            size, limit = memory.limits.minimum << memory.page_size_log2, self._limits.get("memory_size")
            if limit is not None and size > limit:
                raise WasmtimeError(f"memory minimum size of {memory.limits.minimum} pages exceeds memory limits")
        for table in definition.tables:
            size, limit = table.type.limits.minimum, self._limits.get("table_elements")
            if limit is not None and size > limit:
                raise WasmtimeError(f"table minimum size of {size} elements exceeds table limits")
