"""The functions of the garbage-collected heap.  Source: `compile/llvm/vm_gc.py`, `compile/llvm/vm_mark.py`."""

from __future__ import annotations

from functools import lru_cache

from bembix.compile.prebuilt import vm
from bembix.native.gcheap import Addresses


@lru_cache(maxsize=1)
def functions() -> Addresses:
    """Return the functions; a process without such a heap never asks."""
    image = vm.load().image
    return Addresses(*(image.address(f"gc_{name}") for name in Addresses.__match_args__))
