"""Bring an instance into the state that a snapshot has: a new one, or the one that it was taken of.

Everything is checked before anything is written.  Source: core 3.0, 4.2.5.
"""

from __future__ import annotations

from array import array
from typing import Final

from bembix.compile.layout import FuncRecord, Segment
from bembix.errors import ResourceError, SnapshotError
from bembix.native.memory import read_u64, round_up, write_bytes, write_u64
from bembix.runtime import cells, segments, turns
from bembix.runtime.capture import is_function_type, own_memories, own_tables, passive_datas, passive_elems
from bembix.runtime.heapinst import is_traced
from bembix.runtime.meminst import MemInst
from bembix.runtime.module import Module
from bembix.runtime.moduleinst import ModuleInst
from bembix.runtime.snapshot import NULL, MemoryState, Snapshot
from bembix.runtime.tableinst import TableInst
from bembix.spec.canonical import match_heap
from bembix.spec.types import AbsHeap, RefType, ValType

_ELEMENT_SIZE: Final = 8


def check_module(snapshot: Snapshot, module: Module) -> None:
    """Make sure that a snapshot is one of a module.  Errors: TypeError, SnapshotError."""
    if not isinstance(snapshot, Snapshot):
        raise TypeError(f"a snapshot is a bembix.Snapshot, not {type(snapshot).__name__}")
    if snapshot.module is not module and snapshot.module.to_bytes() != module.to_bytes():
        raise SnapshotError(f"a snapshot of {snapshot.module!r} can't be used for another module, {module!r}")


def begin(inst: ModuleInst, snapshot: Snapshot) -> None:
    """Bring a new instance, whose segments were not applied, into the state of a snapshot.

    Errors: SnapshotError, ResourceError, MemoryExceeded, TableExceeded.
    """
    values, tables = _global_bits(inst, snapshot), _table_words(inst, snapshot)
    for memory, state in zip(own_memories(inst).values(), snapshot.memories, strict=True):
        _size_memory(memory, state)
        _map(memory, state)
    for table, words in zip(own_tables(inst).values(), tables, strict=True):
        _fill_table(table, words)
    _write_globals(inst, values)
    _drop(inst, snapshot)


def go_back(inst: ModuleInst, snapshot: Snapshot) -> None:
    """Bring an instance back into the state of a snapshot, once no other thread runs in its store.

    Errors: SnapshotError, with nothing done; ResourceError, MemoryExceeded, TableExceeded, with some of it done.
    """
    with turns.alone(inst.externs.store.address):
        _go_back(inst, snapshot)


def _go_back(inst: ModuleInst, snapshot: Snapshot) -> None:
    values, tables = _global_bits(inst, snapshot), _table_words(inst, snapshot)
    memories = own_memories(inst)
    for (number, memory), state in zip(memories.items(), snapshot.memories, strict=True):
        if memory.pages > state.pages:
            raise SnapshotError(
                f"memory {number} has grown from {state.pages} to {memory.pages} pages since the snapshot, "
                "and a memory never shrinks; fork the snapshot instead"
            )
    for memory, state in zip(memories.values(), snapshot.memories, strict=True):
        memory.clear()
        _size_memory(memory, state)
        _map(memory, state)
    for table, words in zip(own_tables(inst).values(), tables, strict=True):
        _fill_table(table, words)
    _write_globals(inst, values)
    _bring_back(inst, snapshot)
    _drop(inst, snapshot)


# -- checking ----------------------------------------------------------------------------------------------------------


def _records(inst: ModuleInst, valtype: RefType, indices: array[int], where: str) -> array[int]:
    """Return the addresses of functions.  Errors: SnapshotError where one is of another type."""
    functions = inst.externs.functions
    if not valtype.nullable and NULL in indices:
        raise SnapshotError(f"{where} holds {valtype}, but the snapshot has null there")
    if valtype.heap is not AbsHeap.FUNC:
        for index in set(indices) - {NULL}:
            if not match_heap(read_u64(functions[index] + FuncRecord.TYPE), valtype.heap):
                raise SnapshotError(f"{where} holds {valtype}; function {index} is of another type here")
    addresses = [*functions, 0]  # FAST: null, -1, is the last one (bench/snapshots.py)
    return array("Q", list(map(addresses.__getitem__, indices)))


def _global_bits(inst: ModuleInst, snapshot: Snapshot) -> list[int]:
    types = inst.module.context.globals[inst.layout.imported_global_count :]
    return [
        _records(inst, kind.value, array("q", [value]), f"global {number}")[0]
        if isinstance(kind.value, RefType) and is_function_type(kind.value)
        else _checked(kind.value, value, f"global {number}")
        for number, (kind, value) in enumerate(
            zip(types, snapshot.globals, strict=True), inst.layout.imported_global_count
        )
    ]


def _checked(valtype: ValType, bits: int, where: str) -> int:
    if isinstance(valtype, RefType) and not valtype.nullable and not bits:
        raise SnapshotError(f"{where} holds {valtype}, but the snapshot has null there")
    return bits


def _table_words(inst: ModuleInst, snapshot: Snapshot) -> list[array[int]]:
    found = []
    for (number, table), elements in zip(own_tables(inst).items(), snapshot.tables, strict=True):
        element = table.type.element
        if is_function_type(element):
            found.append(_records(inst, element, elements, f"table {number}"))
        else:
            found.append(array("Q", [_checked(element, bits, f"table {number}") for bits in elements]))
    return found


# -- writing -----------------------------------------------------------------------------------------------------------


def _size_memory(memory: MemInst, state: MemoryState) -> None:
    more = state.pages - memory.pages
    if more and memory.grow(more) < 0:
        memory.check_budget(more)
        raise ResourceError(f"no room for the {state.pages} pages that {memory.type} has in a snapshot")


def _map(memory: MemInst, state: MemoryState) -> None:
    start = 0
    for offset, length in state.parts:
        memory.map_image(state.image, offset, start, round_up(length))
        start += round_up(length)


def _fill_table(table: TableInst, words: array[int]) -> None:
    more = len(words) - table.length
    if more > 0 and table.grow(more, 0) < 0:
        table.check_budget(more)
        raise ResourceError(f"no room for the {len(words)} elements that {table.type} has in a snapshot")
    write_bytes(table.base, words.tobytes())
    if more < 0:
        table.shrink(len(words))


def _write_globals(inst: ModuleInst, values: list[int]) -> None:
    for found, bits in zip(inst.externs.globals[inst.layout.imported_global_count :], values, strict=True):
        cells.write_bits(found.address, bits)


def _bring_back(inst: ModuleInst, snapshot: Snapshot) -> None:
    """Undo the dropping of segments that were not dropped when the snapshot was taken."""
    definition, layout = inst.module.definition, inst.layout
    for index in set(passive_datas(inst)) - snapshot.dropped_datas:
        write_u64(inst.address + layout.data(index) + Segment.LENGTH, len(definition.datas[index].content))
    for index in set(passive_elems(inst)) - snapshot.dropped_elems:
        if is_traced(inst.module.context.elems[index]):  # its objects may be collected by now
            with inst.externs.store.held():
                segments.add_element(inst, index)
        else:
            write_u64(inst.address + layout.elem(index) + Segment.LENGTH, len(definition.elems[index].items))


def _drop(inst: ModuleInst, snapshot: Snapshot) -> None:
    """Drop the segments that the snapshot has dropped."""
    slots = [inst.layout.data(index) for index in passive_datas(inst) if index in snapshot.dropped_datas]
    slots += [inst.layout.elem(index) for index in passive_elems(inst) if index in snapshot.dropped_elems]
    for slot in slots:
        write_u64(inst.address + slot + Segment.LENGTH, 0)
