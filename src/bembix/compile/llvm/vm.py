"""The runtime that compiled code calls: LLVM IR, compiled once a process, and the words that it reads.

Its code and its state are never freed: signal handlers and the last destructors run it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bembix.compile import layout
from bembix.compile.llvm import (
    emit,
    externals,
    vm_atomics,
    vm_bulk,
    vm_func,
    vm_interrupts,
    vm_leave,
    vm_memory,
    vm_services,
    vm_slow,
    vm_values,
)
from bembix.compile.llvm.ir import expand
from bembix.compile.llvm.types import CC
from bembix.deadlines import Expired
from bembix.errors import InternalError
from bembix.native import interrupts, memory, platform, state, threads
from bembix.native.code import CodeArena
from bembix.native.libc import immortal
from bembix.native.state import State

#: LLVM type of each function of the runtime table.  Those after `layout.RUNTIME_FUNCTIONS` are C functions.
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
    "thread": "ptr ()",
    "set_jump": "i32 (ptr)",
}
#: Offsets in the runtime table.
RUNTIME: Final = {name: 8 * index for index, name in enumerate(SIGNATURES)}

#: A call of a function that is not compiled yet comes here from its stub, which pushed its own address: all argument
#: registers are kept while Python compiles it, and the call goes on as if it had gone there.  By machine.
_LAZY_ENTRY: Final = {
    "x86_64": """
.globl lazy_entry
.type lazy_entry, @function
lazy_entry:
    popq %r11
    pushq %rbp
    movq %rsp, %rbp
    subq $192, %rsp
    andq $-16, %rsp
    movups %xmm0, (%rsp)
    movups %xmm1, 16(%rsp)
    movups %xmm2, 32(%rsp)
    movups %xmm3, 48(%rsp)
    movups %xmm4, 64(%rsp)
    movups %xmm5, 80(%rsp)
    movups %xmm6, 96(%rsp)
    movups %xmm7, 112(%rsp)
    movq %rdi, 128(%rsp)
    movq %rsi, 136(%rsp)
    movq %rdx, 144(%rsp)
    movq %rcx, 152(%rsp)
    movq %r8, 160(%rsp)
    movq %r9, 168(%rsp)
    movq %r11, %rsi
    callq lazy_resolve
    movq %rax, %r11
    movups (%rsp), %xmm0
    movups 16(%rsp), %xmm1
    movups 32(%rsp), %xmm2
    movups 48(%rsp), %xmm3
    movups 64(%rsp), %xmm4
    movups 80(%rsp), %xmm5
    movups 96(%rsp), %xmm6
    movups 112(%rsp), %xmm7
    movq 128(%rsp), %rdi
    movq 136(%rsp), %rsi
    movq 144(%rsp), %rdx
    movq 152(%rsp), %rcx
    movq 160(%rsp), %r8
    movq 168(%rsp), %r9
    leave
    jmpq *%r11
""",
}

_SERVICES: Final = {
    "compile": State.COMPILE,
    "memory_grow": State.MEMORY_GROW,
    "table_grow": State.TABLE_GROW,
    "atomic_notify": State.ATOMIC_NOTIFY,
    "atomic_wait": State.ATOMIC_WAIT,
    "hot": State.HOT,
}

#: Bytes of code that one region of the runtime's arena holds.
_ARENA_SIZE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Runtime:
    """The loaded runtime.  arena: where stubs are put too, so that they reach it by near calls."""

    arena: CodeArena
    symbols: dict[str, int]
    table: int


_lock: Final = threading.RLock()
_runtime: Runtime | None = None


def source() -> str:
    """Return the runtime's IR."""
    entry = "\n".join(f'module asm "{line}"' for line in _LAZY_ENTRY[platform.require().machine].strip().split("\n"))
    parts = (
        vm_leave.WAYS_OUT,
        vm_leave.FAULTS,
        vm_interrupts.IR,
        vm_bulk.IR,
        vm_services.IR,
        vm_atomics.IR,
        vm_values.BOXING,
        vm_values.UNBOXING,
        vm_slow.IR,
        vm_func.IR,
        vm_memory.IR,
    )
    return entry + expand(externals.DECLARATIONS + "".join(parts))


def load() -> Runtime:
    """Return the runtime; it is compiled at the first call."""
    global _runtime
    with _lock:
        if _runtime is None:
            _runtime = _load()
        return _runtime


def _load() -> Runtime:
    arena = CodeArena(_ARENA_SIZE, wasm=False, immortal=True)
    symbols = arena.load(emit.emit(source(), LEVEL), externals.addresses()).symbols
    symbols["thread"] = symbols["current_thread"]
    symbols["set_jump"] = externals.addresses()["_setjmp"]
    table = immortal(8 * len(RUNTIME))
    for name, offset in RUNTIME.items():
        memory.write_u64(table + offset, symbols[name])
    state.set_object(State.ATTACH, threads.attach)
    state.set_object(State.EXPIRED, Expired)
    interrupts.install(interrupts.Handlers.at(symbols))
    for name, word in _SERVICES.items():
        state.set_object(word, _missing(name))
    return Runtime(arena, symbols, table)


#: 10 ms instead of 60 at level 1 and 140 at level 2; nothing here is called in a loop that counts.
LEVEL: Final = 0


def _missing(name: str) -> Callable[..., int]:
    """Return a service that says that nobody gave it."""

    def missing(*_: object) -> int:
        raise InternalError(f"the runtime gave no service {name!r}")

    return missing


def runtime_table() -> int:
    """Return the address of the table for `Context.RUNTIME`."""
    return load().table


def lazy_entry() -> int:
    """Return the address for `Context.LAZY`."""
    return load().symbols["lazy_entry"]


def set_service(name: str, service: Callable[..., int]) -> None:
    """Say what Python function does a service for compiled code.

    "compile": (context, index) -> code address; indices from the number of functions on mean THROWING_CODE.
    "memory_grow": (context, memory index, delta) -> old pages or -1.
    "table_grow": (context, table index, init, delta) -> old size or -1.
    "atomic_notify": (context, memory index, address, count) -> number of threads woken.
    "atomic_wait": (context, memory index, address, expected, timeout in ns, width in bytes) -> 0, 1 or 2.
    "hot": (context, defined function) -> 0, after compiling a function better that runs much.
    All are ints.  What a service raises leaves Wasm.
    """
    load()
    state.set_object(_SERVICES[name], service)


def ensure_handlers() -> None:
    """Make faults of Wasm code traps, and let signals interrupt it; call it before Wasm runs, and now and then (it
    repairs)."""
    load()
    interrupts.repair()


if tuple(SIGNATURES)[: len(layout.RUNTIME_FUNCTIONS)] != layout.RUNTIME_FUNCTIONS:
    raise InternalError("vm.SIGNATURES and layout.RUNTIME_FUNCTIONS differ")
