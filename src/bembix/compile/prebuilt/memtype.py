"""The type below `Memory`, whose slots are in the runtime that compiled code calls."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from bembix.compile.prebuilt import vm
from bembix.native import memtype
from bembix.native.memtype import MemorySlots, MemoryType

_lock: Final = threading.Lock()
_type: MemoryType | None = None


def memory_type(docs: Mapping[str, str]) -> MemoryType:
    """Return the type, and make it at the first call.  docs: of its methods `read` and `write`."""
    global _type
    with _lock:
        if _type is None:
            image = vm.load().image
            slots = MemorySlots(**{name: image.address(f"memobj_{name}") for name in MemorySlots.__match_args__})
            _type = memtype.create(slots, docs)
        return _type
