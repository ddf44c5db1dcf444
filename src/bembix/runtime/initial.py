"""The memories that instances of a module begin with: their data segments applied once, in an image that is mapped.

Only where that can't be told from copying each segment into each instance: all active segments go to memories of the
module itself, at constant addresses, and fit.  Source: core 3.0, 4.5.4.
"""

from __future__ import annotations

from typing import Final

from bembix.binary.exprs import short_constant
from bembix.errors import ResourceError
from bembix.native.images import Image
from bembix.native.memory import PAGE, round_up, write_bytes
from bembix.records import dataclass
from bembix.runtime.meminst import MemInst
from bembix.spec.module import Data, ModuleDef, SegmentMode
from bembix.validate.context import ModuleContext

#: Copying costs less than mapping below so many segments, and below so many bytes (see `bench/snapshots.py`).
_SEGMENTS: Final = 64
_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Initial:
    """What one memory begins with.  start: where in the memory the image goes."""

    memory: int
    start: int
    image: Image

    def apply(self, memory: MemInst) -> None:
        """Make it the contents of a fresh memory.  Errors: ResourceError."""
        memory.map_image(self.image, self.start, 0, self.image.size)


@dataclass(frozen=True, slots=True)
class _Placed:
    """An active segment and where it goes."""

    memory: int
    at: int
    content: bytes


def initial_images(context: ModuleContext) -> list[Initial] | None:
    """Return what the memories of a module begin with; None where segments are to be copied instead."""
    definition = context.definition
    active = [data for data in definition.datas if data.mode is SegmentMode.ACTIVE]
    if len(active) < _SEGMENTS and sum(len(data.content) for data in active) < _BYTES:
        return None
    placed = _place(definition, active, len(context.memories) - len(definition.memories))
    if placed is None:
        return None
    try:
        return [_image(memory, placed) for memory in sorted({segment.memory for segment in placed})]
    except ResourceError:  # no more descriptors, perhaps
        return None


def _place(definition: ModuleDef, active: list[Data], imported: int) -> list[_Placed] | None:
    """Find where the segments go; None where it takes an instance to know, or to fail."""
    found = []
    sizes = [memory.limits.minimum << memory.page_size_log2 for memory in definition.memories]
    for data in active:
        at = None if data.at is None else short_constant(data.at)
        if at is None or data.memory < imported or definition.memories[data.memory - imported].shared:
            return None
        at &= 0xFFFF_FFFF
        if at + len(data.content) > sizes[data.memory - imported]:
            return None
        if data.content:
            found.append(_Placed(data.memory, at, data.content))
    return found


def _image(memory: int, placed: list[_Placed]) -> Initial:
    mine = [segment for segment in placed if segment.memory == memory]
    start = min(segment.at for segment in mine) // PAGE * PAGE
    end = max(segment.at + len(segment.content) for segment in mine)

    def fill(address: int) -> None:
        for segment in mine:
            write_bytes(address + segment.at - start, segment.content)

    return Initial(memory, start, Image(round_up(end - start), fill))
