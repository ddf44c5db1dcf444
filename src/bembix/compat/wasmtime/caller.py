"""What a host function is given that asks for its caller: the exports of the instance, and a stand-in for the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bembix.compat.wasmtime.store import Store, StoreContext

if TYPE_CHECKING:
    from bembix.runtime.instance import Instance


class Caller:
    """The instance that calls a host function, while it does; may be given wherever a `Store` is wanted."""

    def __init__(self, store: Store, instance: Instance | None) -> None:
        self.context: StoreContext = StoreContext(store)  #: for the other files of this package
        self._instance = instance

    def end(self) -> None:
        """Become invalid: the call is over."""
        self.context.store = None
        self._instance = None

    def get(self, name: str) -> Any:
        """Return an export of the caller, or None where it has none of that name or the call is over."""
        from bembix.compat.wasmtime.extern import wrap

        found = None if self._instance is None else self._instance.exports.get(name.encode().decode())
        return None if found is None else wrap(found)

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(f"failed to find export {name}")
        return found
