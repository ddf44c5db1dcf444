"""Snapshots: the state of an instance, to go back to, to begin other instances with, and to keep.

What an instance defines itself is captured: memories (kept in images that forks map copy-on-write), tables, globals,
and which segments were dropped.  What it imports belongs to others, the stack of a call that runs is not state, and
objects of the garbage-collected heap and of the host have no place in a snapshot.  Source: core 3.0, 4.2.5.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from bembix.records import dataclass
from bembix.runtime.wording import counted

if TYPE_CHECKING:
    from bembix.native.images import Image
    from bembix.runtime.instance import Instance
    from bembix.runtime.module import Module
    from bembix.runtime.store import Store

#: A null reference in a snapshot; any other function reference is the function's index.
NULL: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class MemoryState:
    """A memory.  pages: its size.  parts: what is not all zero, as offset and length; the image has them one after the
    other."""

    pages: int
    parts: tuple[tuple[int, int], ...]
    image: Image


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The state of an instance at one time; never changes.  `Instance.snapshot` makes it.

    It can be pickled, with its module, and kept with `to_bytes`, without.
    """

    module: Module
    memories: tuple[MemoryState, ...]
    globals: tuple[int, ...]  #: bits; function references as their index
    tables: tuple[array[int], ...]  #: function indices
    dropped_datas: frozenset[int]
    dropped_elems: frozenset[int]

    def fork(self, imports: object = None, *, store: Store | None = None) -> Instance:
        """Make an instance that begins with this state: no segment is copied, and no start function runs.

        imports, store: as for `Module.instantiate`.  What the module imports is not part of the snapshot, so give it
        things that are as those were, or that can be told from them; WASI gets a new `Wasi`, with the same directories
        in the same order: programs remember their numbers.  Files that were open are not open in the fork.

        Errors: as for `Module.instantiate`; SnapshotError where a function that is referred to is of another type.
        """
        return self.module.instantiate(imports, store=store, snapshot=self)

    def to_bytes(self) -> bytes:
        """Return it in a form to keep, compressed, without the module.  Errors: ResourceError."""
        from bembix.runtime.snapshotfile import dump

        return dump(self)

    @classmethod
    def from_bytes(cls, data: bytes, module: Module, *, limit: int | None = 4 << 30) -> Snapshot:
        """Return what `to_bytes` gave, of an instance of the same module.

        All of it is checked: nothing that `data` says can do more than a program of the module could do by itself.

        limit: bytes that its memories may have together, since a few bytes of `data` may stand for many; None: as many
            as the module may have.
        Errors: SnapshotError where it is damaged, too large, of another module or of another version; ResourceError.
        """
        from bembix.runtime.snapshotfile import load

        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a snapshot is read from bytes, not {type(data).__name__}")
        return load(data, module, limit)

    @property
    def size(self) -> int:
        """Bytes that the memories have together."""
        return sum(
            state.pages << memtype.page_size_log2
            for state, memtype in zip(self.memories, self.module.definition.memories, strict=True)
        )

    @property
    def size_kept(self) -> int:
        """Bytes of them that are kept: pages that are not all zero."""
        return sum(length for state in self.memories for _, length in state.parts)

    def __repr__(self) -> str:
        globals_ = counted(len(self.globals), "global")
        elements = counted(sum(map(len, self.tables)), "table element")
        return (
            f"<bembix.Snapshot of {self.module.name or 'a module'}: {self.size} bytes of memory "
            f"({self.size_kept} kept), {globals_}, {elements}>"
        )

    def __copy__(self) -> Snapshot:
        return self

    def __deepcopy__(self, memo: object) -> Snapshot:
        return self

    def __reduce__(self) -> tuple[Callable[..., Snapshot], tuple[object, ...]]:
        return _rebuild, (self.module, self.to_bytes())


def _rebuild(module: Module, data: bytes) -> Snapshot:
    return Snapshot.from_bytes(data, module, limit=None)
