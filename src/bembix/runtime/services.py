"""What compiled code asks the runtime for while it runs: compile a function, grow a memory or a table.

Called through the runtime table, with the address of the context.  An exception raised here leaves Wasm.
"""

from __future__ import annotations

from functools import lru_cache

from bembix.native import interrupts, state
from bembix.native.state import State
from bembix.runtime import registry


def compile_function(context: int, index: int) -> int:
    """Compile a function at its first call and return the address of its code.

    index: of a defined function; with the number of functions added, for callers that look for exceptions.
    """
    interrupts.repair()  # signal handlers that came since the last time; what is compiled now may run long
    inst = registry.module_of_context(context)
    count = len(inst.module.definition.functions)
    throwing, own = divmod(index, count)
    compiled = inst.compiled
    code = compiled.throwing_code(own) if throwing else compiled.code(own)
    inst.publish(own, code, bool(throwing))
    return code


def grow_memory(context: int, index: int, delta: int) -> int:
    """Do `memory.grow`: return the number of pages before, or -1."""
    return registry.module_of_context(context).externs.memories[index].grow(delta)


def grow_table(context: int, index: int, init: int, delta: int) -> int:
    """Do `table.grow`: return the number of elements before, or -1."""
    return registry.module_of_context(context).externs.tables[index].grow(delta, init)


def improve(context: int, index: int) -> int:
    """Compile a defined function better that runs much in cheap code."""
    registry.module_of_context(context).compiled.improve(index)
    return 0


@lru_cache(maxsize=1)
def install() -> None:
    """Connect native code with the runtime, once a process."""
    from bembix.compile.prebuilt import boundary, vm
    from bembix.runtime import conversions, limited, traps, turns, waiters
    from bembix.runtime.gcvalues import I31, ArrayRef, StructRef

    vm.set_service("compile", compile_function)
    vm.set_service("memory_grow", grow_memory)
    vm.set_service("table_grow", grow_table)
    vm.set_service("atomic_notify", waiters.notify)
    vm.set_service("atomic_wait", waiters.wait)
    vm.set_service("hot", improve)
    vm.set_service("wait_for_store", turns.wait)
    vm.set_service("wake_for_store", turns.wake)
    for name, helper in conversions.HELPERS.items():
        boundary.set_helper(name, helper)
    boundary.set_helper("raise", traps.raise_)
    boundary.set_helper("limited", limited.call)
    state.set_object(State.I31_TYPE, I31)
    state.set_object(State.STRUCT_TYPE, StructRef)
    state.set_object(State.ARRAY_TYPE, ArrayRef)
