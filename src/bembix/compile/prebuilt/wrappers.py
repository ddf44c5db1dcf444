"""Functions around functions for exceptions.

Code that looks for pending exceptions calls a function's THROWING_CODE, other code its CODE.  A function is compiled in
one of the two forms; a wrapper is the other, whatever the function's type.

Source: core 3.0, 4.6.8.9 (throw); `compile/llvm/wrappers.py`.
"""

from __future__ import annotations

import struct

from bembix.compile.prebuilt import vm
from bembix.compile.prebuilt.trampolines import SIZE, trampoline
from bembix.native.code import CodeArena


def plain_wrapper(arena: CodeArena, target: int) -> int:
    """Return a function around `target`, which returns with an exception pending, for callers that do not look."""
    return _wrap(arena, "plain_wrapper", target)


def bridge_wrapper(arena: CodeArena, target: int) -> int:
    """Return a function around `target`, which leaves by `unwind_exception`, for callers that look.

    Like an entry stub it is an activation; it lands with zeros and the exception still pending.
    """
    return _wrap(arena, "bridge_wrapper", target)


def _wrap(arena: CodeArena, name: str, target: int) -> int:
    code = trampoline(vm.load().image.address(name), SIZE)
    return arena.place(code + struct.pack("<Q", target))
