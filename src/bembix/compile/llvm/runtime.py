"""The IR of all that is compiled beforehand, by the part of the image that it goes to: see `compile/prebuilt/`.

Rule: nothing here depends on the machine that compiles it; `ir.targeting` says for which one it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

from bembix.compile import layout
from bembix.compile.llvm import (
    externals,
    generic,
    ir,
    stubs,
    vm_atomics,
    vm_bulk,
    vm_func,
    vm_gc,
    vm_interrupts,
    vm_leave,
    vm_mark,
    vm_memory,
    vm_services,
    vm_slow,
    vm_threads,
    vm_values,
    wrappers,
)
from bembix.compile.llvm.machines import MACHINES
from bembix.compile.llvm.types import CC
from bembix.errors import InternalError

#: LLVM type of each function of the runtime table.
SIGNATURES: Final[dict[str, str]] = {
    "trap": f"{CC} void (ptr, i64, i64)",
    "unwind_exception": f"{CC} void (ptr)",
    "memory_grow": f"{CC} i64 (ptr, i64, i64)",
    "memory_copy": f"{CC} void (ptr, i64, i64, i64, i64, i64)",
    "memory_fill": f"{CC} void (ptr, i64, i64, i32, i64)",
    "memory_init": f"{CC} void (ptr, i64, i64, i64, i64, i64)",
    "table_grow": f"{CC} i64 (ptr, i64, ptr, i64)",
    "table_copy": f"{CC} void (ptr, i64, i64, i64, i64, i64)",
    "table_fill": f"{CC} void (ptr, i64, i64, ptr, i64)",
    "table_init": f"{CC} void (ptr, i64, i64, i64, i64, i64)",
    "hot": f"{CC} void (ptr, i64)",
    "atomic_notify": f"{CC} i64 (ptr, i64, i64, i64)",
    "atomic_wait": f"{CC} i64 (ptr, i64, i64, i64, i64, i64)",
}

#: Shapes of so many numbers and up to one result have stubs of their own; the second in a part of their own, too.
_FEW: Final = (0, 1, 2)
_MORE: Final = 3
_NUMBERS: Final = "ilfd"

_RETURNS_TWICE: Final = "attributes #3 = { nounwind returns_twice }\n"


def parts(shapes: Iterable[str] = ()) -> dict[str, str]:
    """Return the IR of each part; the first is what the others refer to.

    shapes: those that have stubs of their own beside the usual ones.
    """
    few = dict.fromkeys((*itertools.chain.from_iterable(map(_numeric, _FEW)), *sorted(shapes)))
    more = [shape for shape in _numeric(_MORE) if shape not in few]
    return {"runtime": _runtime(), "heap": _heap(), "stubs": _stubs(few), "more_stubs": _stubs(more)}


def _numeric(count: int) -> list[str]:
    """Return the shapes of so many parameters, all numbers, and up to one result."""
    return [f"{''.join(p)}_{r}" for p in itertools.product(_NUMBERS, repeat=count) for r in ("", *_NUMBERS)]


def _runtime() -> str:
    machine = MACHINES[ir.machine()]
    text = (
        machine.lazy_entry.replace("$RESULT", generic.RESULT).replace("$REGISTERS", generic.REGISTERS),
        machine.clock,
        vm_leave.WAYS_OUT,
        vm_leave.FAULTS,
        vm_threads.IR,
        vm_interrupts.IR,
        vm_bulk.IR,
        vm_services.IR,
        vm_atomics.IR,
        vm_values.BOXING,
        vm_values.UNBOXING,
        vm_slow.IR,
        vm_func.IR,
        vm_memory.IR,
        wrappers.IR,
    )
    return ir.expand(externals.DECLARATIONS + _RETURNS_TWICE + "".join(text)) + generic.source()


def _heap() -> str:
    allocation = (vm_gc.BLOCKS, vm_gc.CELLS, vm_gc.BOXING, vm_gc.FROM_WASM)
    return ir.expand(
        "".join((externals.DECLARATIONS, vm_gc.DECLARATIONS, *allocation, vm_mark.MARKING, vm_mark.COLLECTING))
    )


def _stubs(shapes: Iterable[str]) -> str:
    text = [externals.DECLARATIONS, _RETURNS_TWICE, stubs.DECLARATIONS]
    for shape in shapes:
        text += stubs.descriptor(shape), stubs.entry(shape), stubs.thunk(shape)
    return "".join(text)


if tuple(SIGNATURES) != layout.RUNTIME_FUNCTIONS:
    raise InternalError("runtime.SIGNATURES and layout.RUNTIME_FUNCTIONS differ")
