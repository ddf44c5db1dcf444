"""A global as the runtime has it: a cell, in a context or on its own.  Source: core 3.0, 4.2.10."""

from __future__ import annotations

from bembix.native.memory import Block
from bembix.runtime import cells
from bembix.runtime.heapinst import is_traced
from bembix.runtime.storeinst import StoreInst
from bembix.spec.types import GlobalType


class GlobalInst:
    """A global: its type (canonicalised) and the address of its cell.

    block: what the cell is part of.
    """

    __slots__ = ("__weakref__", "_block", "address", "type")

    def __init__(self, globaltype: GlobalType, address: int, block: Block) -> None:
        self.type: GlobalType = globaltype
        self.address: int = address
        self._block = block

    @classmethod
    def alone(cls, globaltype: GlobalType, bits: int) -> GlobalInst:
        """Make a global with a cell of its own."""
        block = Block(cells.CELL_SIZE)
        cells.write_bits(block.address, bits)
        return cls(globaltype, block.address, block)

    def adopt(self, store: StoreInst) -> None:
        """Have a reference in it kept alive."""
        if is_traced(self.type.value):
            store.heap.add_words(self.address, 1)
