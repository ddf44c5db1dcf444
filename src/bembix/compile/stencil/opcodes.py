"""Codes of the instructions that writers look for next to their own, by their names in the table."""

from __future__ import annotations

from typing import Final

from bembix.spec.instructions import BY_NAME

LOOP: Final = BY_NAME["loop"].code
IF: Final = BY_NAME["if"].code
I32_EQZ: Final = BY_NAME["i32.eqz"].code
LOCAL_SET: Final = BY_NAME["local.set"].code
LOCAL_TEE: Final = BY_NAME["local.tee"].code
#: What goes one way or another by a condition.
DIVIDES: Final = frozenset(BY_NAME[name].code for name in ("if", "br_if"))
#: What takes a condition from the flags.
TAKES_FLAGS: Final = DIVIDES | {BY_NAME["select"].code}
