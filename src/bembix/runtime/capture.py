"""Take a snapshot: read the state of an instance in a form that no address is part of.  Source: core 3.0, 4.2.5."""

from __future__ import annotations

from array import array
from typing import Final

from bembix.errors import SnapshotError
from bembix.native.images import Image, runs
from bembix.native.memory import move, read_bytes, read_u64, round_up
from bembix.runtime import cells, turns
from bembix.runtime.meminst import MemInst
from bembix.runtime.moduleinst import ModuleInst
from bembix.runtime.snapshot import NULL, MemoryState, Snapshot
from bembix.runtime.tableinst import TableInst
from bembix.spec.canonical import top
from bembix.spec.module import SegmentMode
from bembix.spec.types import AbsHeap, RefType, ValType

_ELEMENT_SIZE: Final = 8

#: Function indices by the address of their record; null is in it.
_Indices = dict[int, int]


def capture(inst: ModuleInst) -> Snapshot:
    """Return the state of an instance, once no other thread runs in its store.

    Errors: SnapshotError where some of it can't be kept; ResourceError.
    """
    with turns.alone(inst.externs.store.address):
        return _capture(inst)


def _capture(inst: ModuleInst) -> Snapshot:
    records = inst.externs.functions
    indices = {record: index for index, record in zip(reversed(range(len(records))), reversed(records), strict=True)}
    indices[0] = NULL
    memories, tables, imported = own_memories(inst), own_tables(inst), inst.layout.imported_global_count
    return Snapshot(
        inst.module,
        tuple([_memory(memory, f"memory {number}") for number, memory in memories.items()]),
        tuple(
            [
                _reference(cells.read_bits(found.address), found.type.value, indices, f"global {number}")
                for number, found in enumerate(inst.externs.globals[imported:], imported)
            ]
        ),
        tuple([_table(table, indices, f"table {number}") for number, table in tables.items()]),
        frozenset(index for index in passive_datas(inst) if _is_dropped(inst.address + inst.layout.data(index))),
        frozenset(index for index in passive_elems(inst) if _is_dropped(inst.address + inst.layout.elem(index))),
    )


def own_memories(inst: ModuleInst) -> dict[int, MemInst]:
    """Return the memories that an instance defines, by index."""
    memories = inst.externs.memories
    first = len(memories) - len(inst.module.definition.memories)
    return dict(enumerate(memories[first:], first))


def own_tables(inst: ModuleInst) -> dict[int, TableInst]:
    """Return the tables that an instance defines, by index."""
    tables = inst.externs.tables
    first = len(tables) - len(inst.module.definition.tables)
    return dict(enumerate(tables[first:], first))


def passive_datas(inst: ModuleInst) -> list[int]:
    """Return the indices of the data segments that can be dropped and are not empty."""
    datas = inst.module.definition.datas
    return [index for index in inst.module.passive_datas if datas[index].content]


def passive_elems(inst: ModuleInst) -> list[int]:
    """Return the indices of the element segments that can be dropped and are not empty."""
    elems = inst.module.definition.elems
    return [index for index, elem in enumerate(elems) if elem.mode is SegmentMode.PASSIVE and elem.items]


def is_function_type(valtype: ValType) -> bool:
    """Tell whether values of a type are references to functions."""
    return isinstance(valtype, RefType) and top(valtype.heap) is AbsHeap.FUNC


def _is_dropped(segment: int) -> bool:
    from bembix.compile.layout import Segment

    return read_u64(segment + Segment.LENGTH) == 0


def _memory(memory: MemInst, what: str) -> MemoryState:
    if memory.type.shared:
        raise SnapshotError(f"{what} is shared: other threads may be writing to it, so there is no snapshot of it")
    parts = tuple(runs(memory.base, memory.size))

    def fill(address: int) -> None:
        for offset, length in parts:
            move(address, memory.base + offset, length)
            address += round_up(length)

    return MemoryState(memory.pages, parts, Image(sum(round_up(length) for _, length in parts), fill))


def _reference(bits: int, valtype: ValType, indices: _Indices, where: str) -> int:
    """Return the bits of a value, or the index of a function.  Errors: SnapshotError for any other object."""
    if not isinstance(valtype, RefType):
        return bits
    if is_function_type(valtype):
        index = indices.get(bits)
        if index is None:
            raise SnapshotError(
                f"{where} refers to a function of another instance, which is not in a snapshot of this one"
            )
        return index
    if bits and not bits & 1:  # an i31 is odd
        raise SnapshotError(f"{where} ({valtype}) refers to an object, which can't be in a snapshot")
    return bits


def _table(table: TableInst, indices: _Indices, what: str) -> array[int]:
    words = array("Q", read_bytes(table.base, _ELEMENT_SIZE * table.length))
    element = table.type.element
    if not is_function_type(element):
        return array("q", [_reference(w, element, indices, f"{what} element {n}") for n, w in enumerate(words)])
    try:
        return array("q", [indices[word] for word in words])
    except KeyError:
        pass
    for number, word in enumerate(words):
        _reference(word, element, indices, f"{what} element {number}")
    return array("q")  # not reached: one of them was wrong
