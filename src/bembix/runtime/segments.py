"""Element and data segments: active ones are copied in, passive ones kept, the rest dropped.

A segment that is out of bounds traps as a whole; what segments before it wrote stays.  Source: core 3.0, 4.5.4, 4.6.9.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from bembix.binary.exprs import short_constant
from bembix.compile.traps import Reason
from bembix.errors import InternalError, Trap
from bembix.native.memory import Block, write_bytes
from bembix.records import dataclass
from bembix.runtime.constants import evaluate
from bembix.runtime.moduleinst import Externs, ModuleInst
from bembix.spec.module import Data, Elem, Expr, SegmentMode

_ELEMENT_SIZE = 8


def references(elem: Elem, externs: Externs) -> array[int]:
    """Return the elements of a segment, as addresses."""
    functions = externs.functions
    return array("Q", [evaluate(i, externs) if isinstance(i, Expr) else functions[i] for i in elem.items])


@dataclass(frozen=True, slots=True)
class PassiveContents:
    """What the passive data segments of a module hold, one after the other; and the slots (`layout.Segment`) of all."""

    block: Block
    slots: bytes


def passive_contents(datas: Sequence[Data]) -> PassiveContents | None:
    """Return what the passive ones among data segments hold; None where there is nothing."""
    kept = [data.content if data.mode is SegmentMode.PASSIVE else b"" for data in datas]
    whole = b"".join(kept)
    if not whole:
        return None
    block = Block(len(whole))
    write_bytes(block.address, whole)
    slots, at = array("Q"), block.address
    for content in kept:  # the bytes of `Segment`
        slots.extend((at, len(content)))
        at += len(content)
    return PassiveContents(block, slots.tobytes())


def add_elements(inst: ModuleInst, active: bool) -> list[array[int]]:
    """Evaluate all element segments, keep the passive ones, and return all of them.

    active: without, active segments are empty.
    """
    found = []
    for index, elem in enumerate(inst.module.definition.elems):
        if elem.mode is SegmentMode.PASSIVE:
            found.append(add_element(inst, index))
        else:
            wanted = active and elem.mode is SegmentMode.ACTIVE
            found.append(references(elem, inst.externs) if wanted else array("Q"))
    return found


def add_element(inst: ModuleInst, index: int) -> array[int]:
    """Evaluate a passive element segment and keep it."""
    content = references(inst.module.definition.elems[index], inst.externs)
    inst.add_segment(inst.layout.elem(index), content.tobytes(), len(content))
    return content


def add_data(inst: ModuleInst) -> None:
    """Keep the passive data segments: nobody writes to them, so all instances have the same."""
    found = inst.module.passive_contents
    if found is not None:
        write_bytes(inst.address + inst.layout.datas, found.slots)


def initialise_tables(inst: ModuleInst, elements: list[array[int]]) -> None:
    """Copy the active element segments, in order.  Errors: Trap."""
    for number, (elem, content) in enumerate(zip(inst.module.definition.elems, elements, strict=True)):
        if elem.mode is SegmentMode.ACTIVE:
            table = inst.externs.tables[elem.table]
            at = _start(elem, inst.externs)
            if at + len(content) > table.length:
                what = f"Element segment {number} has {len(content)} for index {at} of a table of {table.length}."
                raise _does_not_fit(Reason.TABLE_BOUNDS, what)
            write_bytes(table.base + _ELEMENT_SIZE * at, content.tobytes())


def _does_not_fit(reason: Reason, what: str) -> Trap:
    error = Trap(reason.message)
    error.add_note(what)
    return error


def initialise_memories(inst: ModuleInst) -> None:
    """Copy the active data segments, in order, or map what comes of them.  Errors: Trap."""
    images = inst.module.initial_images
    if images is not None:
        for initial in images:
            initial.apply(inst.externs.memories[initial.memory])
        return
    for number, data in enumerate(inst.module.definition.datas):
        if data.mode is SegmentMode.ACTIVE:
            memory = inst.externs.memories[data.memory]
            at = _start(data, inst.externs)
            if at + len(data.content) > memory.size:
                what = f"Data segment {number} has {len(data.content)} bytes for address {at} of {memory.size} bytes."
                raise _does_not_fit(Reason.MEMORY_BOUNDS, what)
            write_bytes(memory.base + at, data.content)


def _start(segment: Elem | Data, externs: Externs) -> int:
    if segment.at is None:
        raise InternalError("an active segment without an offset is not valid")
    short = short_constant(segment.at)
    return evaluate(segment.at, externs) if short is None else short & 0xFFFF_FFFF
