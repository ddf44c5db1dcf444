"""What may stand for the modules that a module imports from: anything that has things by name.

A mapping has its items, an instance its exports, any other object its attributes.  Source: WebAssembly JavaScript API,
"read the imports".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Final

from bembix.runtime.func import is_func
from bembix.runtime.instance import Instance

#: What `member` returns where there is nothing of a name.
MISSING: Final = object()

#: Types whose attributes nobody means to give: such a value stands one level too high.
_NOT_THESE: Final = (
    type(None), int, float, complex, str, bytes, bytearray, memoryview, list, tuple, set, frozenset,
    FunctionType, BuiltinFunctionType, MethodType,
)  # fmt: skip


def member(container: object, name: str, place: str) -> object:
    """Return what a container has under a name, or `MISSING`.

    Attributes with names like `__this__` are not given away: every object has them, and they lead everywhere.
    place: how messages call the container.
    Errors: TypeError where it can't contain anything; what a property raises.
    """
    if isinstance(container, Instance):
        container = container.exports
    if isinstance(container, Mapping):
        # Not `get`: an instance may export something of that name.
        return container[name] if name in container else MISSING  # noqa: SIM401
    if isinstance(container, _NOT_THESE) or is_func(container):
        raise TypeError(
            f"{place} must be a mapping, an Instance or an object with attributes, not {type(container).__name__}"
        )
    if name.startswith("__") and name.endswith("__"):
        return MISSING
    return getattr(container, name, MISSING)


def members(container: object) -> list[str]:
    """Return the names of what a container has that `member` gives away."""
    if isinstance(container, Instance):
        container = container.exports
    if isinstance(container, Mapping):
        return list(container)
    return [name for name in dir(container) if not (name.startswith("__") and name.endswith("__"))]
