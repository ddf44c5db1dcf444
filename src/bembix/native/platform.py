"""What differs between operating systems and CPUs: numbers of the C library and of signal frames, as a table.

Source: the headers of glibc 2.36, Linux `asm/sigcontext.h` and `asm/unistd.h` of each machine.
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
    stub: code that goes on at the address at [first argument + Context.LAZY] and tells it the address of the stub plus
    `stub_return`; its size is a power of two.
    far_jump: code that jumps to the 8 byte address that follows it.
    fill: what stands between pieces of code; running it is a fault.
    flush: a C function that makes code between two addresses fit to run; b"" where the CPU sees to it.
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
    fill: bytes
    flush: bytes

    @property
    def stub_size(self) -> int:
        """Bytes of a stub."""
        return len(self.stub)


def _words(*words: str) -> bytes:
    """Return instructions that are given as numbers of 32 bits."""
    return b"".join(bytes.fromhex(word)[::-1] for word in words)


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
    fill=b"\xcc",  # int3
    flush=b"",
)

_LINUX_AARCH64: Final = Platform(
    machine="aarch64",
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
    context_pc=440,
    context_fp=416,
    timer_create=107,
    timer_settime=110,
    timer_delete=111,
    tgkill=131,
    # ldr x16, [x0, #8]; adr x15, -4; br x16; udf #0
    stub=bytes.fromhex("100440f9 efffff10 00021fd6 00000000"),
    stub_return=0,
    far_jump=bytes.fromhex("50000058 00021fd6"),  # ldr x16, 8; br x16
    fill=b"\0",  # udf #0
    flush=_words(
        "d53b0022",  # mrs x2, ctr_el0       bits 16 to 19, 0 to 3: words in a line of data, of instructions; log 2
        "d2800084",  # mov x4, #4
        "d3504c43",  # ubfx x3, x2, #16, #4
        "9ac32083",  # lsl x3, x4, x3
        "d1000465",  # sub x5, x3, #1
        "8a250005",  # bic x5, x0, x5
        "d50b7b25",  # dc cvau, x5           data to where instructions are read from
        "8b0300a5",  # add x5, x5, x3
        "eb0100bf",  # cmp x5, x1
        "54ffffa3",  # b.lo dc
        "d5033b9f",  # dsb ish
        "92400c43",  # and x3, x2, #15
        "9ac32083",  # lsl x3, x4, x3
        "d1000465",  # sub x5, x3, #1
        "8a250005",  # bic x5, x0, x5
        "d50b7525",  # ic ivau, x5           what was read before is forgotten
        "8b0300a5",  # add x5, x5, x3
        "eb0100bf",  # cmp x5, x1
        "54ffffa3",  # b.lo ic
        "d5033b9f",  # dsb ish
        "d5033fdf",  # isb
        "d65f03c0",  # ret
    ),
)

#: By `sys.platform` and `platform.machine()`.  Another one needs a row here and in `compile/llvm/machines.py`, entries
#: in `elf.KINDS` and `trampolines.WRITERS`, and a target and a way to jump in `tools/`.
PLATFORMS: Final[dict[tuple[str, str], Platform]] = {
    ("linux", "x86_64"): _LINUX_X86_64,
    ("linux", "aarch64"): _LINUX_AARCH64,
}


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
