"""When something given matches an import, one function a kind.  Source: core 3.0, 3.3.5 - 3.3.9 (external types)."""

from __future__ import annotations

from bembix.runtime.meminst import MemInst
from bembix.runtime.tableinst import TableInst
from bembix.spec.canonical import canonical_type, match_val
from bembix.spec.types import FuncType, GlobalType, Limits, MemoryType, TableType


def match_limits(given: Limits, wanted: Limits) -> bool:
    """Tell whether sizes within `given` are within `wanted`."""
    if given.minimum < wanted.minimum:
        return False
    return wanted.maximum is None or (given.maximum is not None and given.maximum <= wanted.maximum)


def memory_type_now(inst: MemInst) -> MemoryType:
    """Return a memory's type with the size it has now for a minimum."""
    kind = inst.type
    return MemoryType(Limits(inst.pages, kind.limits.maximum), kind.address, kind.shared, kind.page_size_log2)


def match_memory(given: MemoryType, wanted: MemoryType) -> bool:
    """Tell whether a memory may be given."""
    same = (given.address, given.shared, given.page_size_log2) == (wanted.address, wanted.shared, wanted.page_size_log2)
    return same and match_limits(given.limits, wanted.limits)


def table_type_now(inst: TableInst) -> TableType:
    """Return a table's type with the size it has now for a minimum."""
    return TableType(Limits(inst.length, inst.type.limits.maximum), inst.type.element, inst.type.address)


def match_table(given: TableType, wanted: TableType) -> bool:
    """Tell whether a table may be given: its elements are read and written, so their types must be the same."""
    same = given.address is wanted.address and given.element == wanted.element
    return same and match_limits(given.limits, wanted.limits)


def match_global(given: GlobalType, wanted: GlobalType) -> bool:
    """Tell whether a global may be given: one that is also written must have the very type."""
    if given.mutable or wanted.mutable:
        return given == wanted
    return match_val(given.value, wanted.value)


def match_host_function(given: FuncType, wanted: int) -> bool:
    """Tell whether a host function may be given; it compares by structure, as it is in no recursion group."""
    return canonical_type(wanted).composite == given
