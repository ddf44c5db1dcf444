"""What differs between operating systems and CPUs: numbers of the C library and of signal frames, as a table.

Source: the headers of glibc 2.36 (x86-64), Linux `asm/sigcontext.h`.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import Final

from bembix.errors import ResourceError
from bembix.records import dataclass


@dataclass(frozen=True, slots=True)
class Platform:
    """Constants of one platform; offsets and sizes in bytes.

    map_flags: private, anonymous, without reserved swap.  sigaction_*: offsets in struct sigaction as the C library has
    it.  siginfo_*: in siginfo_t.  context_*: of registers in the ucontext_t that a handler is given.
    timer_*, tgkill: numbers of system calls.
    stub: code that calls the address at [first argument + Context.LAZY]; `stub_return` is where it returns.
    far_jump: code that jumps to the 8 byte address that follows it.
    """

    machine: str
    map_flags: int
    sigaction_size: int
    sigaction_mask: int
    sigaction_flags: int
    sa_siginfo: int
    sa_onstack: int
    sa_nodefer: int
    sigsegv: int
    sigbus: int
    sa_restart: int
    siginfo_code: int
    siginfo_address: int
    siginfo_timer: int
    context_pc: int
    context_fp: int
    timer_create: int
    timer_settime: int
    timer_delete: int
    tgkill: int
    stub: bytes
    stub_return: int
    far_jump: bytes


_LINUX_X86_64: Final = Platform(
    machine="x86_64",
    map_flags=0x4022,
    sigaction_size=152,
    sigaction_mask=8,
    sigaction_flags=136,
    sa_siginfo=4,
    sa_onstack=0x08000000,
    sa_nodefer=0x40000000,
    sigsegv=11,
    sigbus=7,
    sa_restart=0x10000000,
    siginfo_code=8,
    siginfo_address=16,
    siginfo_timer=16,
    context_pc=168,
    context_fp=120,
    timer_create=222,
    timer_settime=223,
    timer_delete=226,
    tgkill=234,
    stub=bytes.fromhex("ff570890"),  # call *8(%rdi); nop
    stub_return=3,
    far_jump=bytes.fromhex("ff2500000000"),  # jmp *0(%rip)
)

#: By `sys.platform` and `platform.machine()`.  aarch64, macOS and Windows: a row here, an entry in `elf.KINDS`, and the
#: lazy entry in `compile/llvm/runtime.py`, and a file of `tools/prebuild.py`.
PLATFORMS: Final[dict[tuple[str, str], Platform]] = {("linux", "x86_64"): _LINUX_X86_64}


def _machine() -> str:
    """Return what `platform.machine()` does, without importing that where it can be done."""
    if hasattr(os, "uname"):
        return os.uname().machine
    import platform

    return platform.machine()


def require() -> Platform:
    """Return the constants of this platform.

    Errors: ResourceError where native code is not supported.
    """
    machine = _machine()
    found = PLATFORMS.get((sys.platform, machine))
    if found is None or sys.maxsize < 2**32:
        raise ResourceError(f"compiled code does not run on {sys.platform} {machine} yet; use the engine 'python'")
    return found


#: What code for x86-64-v2 uses, as Linux names it.
_V2: Final = frozenset(("ssse3", "sse4_1", "sse4_2", "popcnt"))


@lru_cache(maxsize=1)
def missing_features() -> tuple[str, ...]:
    """Return what this CPU lacks of x86-64-v2 (every one since 2010 has it), as far as the system says."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return ()
    return tuple(sorted(_V2 - set(flags.split()))) if flags else ()
