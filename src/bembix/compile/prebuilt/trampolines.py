"""A few instructions in front of code that serves many: they tell it where its data are, and go on there.

The address of the data is passed in the register for nested functions (`nest` in LLVM IR), so that all registers of a
call stay as they are.
"""

from __future__ import annotations

import struct
from typing import Final

from bembix.errors import ResourceError
from bembix.native import platform

#: Bytes of one trampoline; the data behind are aligned so.
SIZE: Final = 32


def _x86_64(target: int, distance: int, tag: bool) -> bytes:
    """`add $1, %rdi` (where the first argument is to be tagged); `lea distance(%rip), %r10`; `jmp *0(%rip)`."""
    code = bytes.fromhex("4883c701") if tag else b""
    code += bytes.fromhex("4c8d15") + struct.pack("<i", distance - len(code) - 7)
    return code + platform.require().far_jump + struct.pack("<Q", target)


def _aarch64(target: int, distance: int, tag: bool) -> bytes:
    """`add x0, x0, #1` (where the first argument is to be tagged); `adr x15, distance`; `ldr x16, 8`; `br x16`."""
    code = bytes.fromhex("00040091") if tag else b""
    ahead = distance - len(code)
    code += struct.pack("<I", 0x1000000F | (ahead & 3) << 29 | (ahead >> 2 & 0x7FFFF) << 5)
    return code + platform.require().far_jump + struct.pack("<Q", target)


WRITERS: Final = {"x86_64": _x86_64, "aarch64": _aarch64}


def trampoline(target: int, distance: int, *, tag: bool = False) -> bytes:
    """Return the code that goes on at `target`.

    distance: of the data from its first byte.  tag: add 1 to the first argument, an address.
    """
    writer = WRITERS.get(platform.require().machine)
    if writer is None:
        raise ResourceError(f"no trampolines are known for {platform.require().machine}")
    return writer(target, distance, tag).ljust(SIZE, platform.require().fill)
