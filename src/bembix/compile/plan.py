"""The policy: what is compiled when, together with what, and how well.

Rule 1: every number that trades compile time for speed stands here.  Measured costs: text of the IR 1 us an instruction, LLVM
without optimisation 10 us, O2 75 us.  An instruction has about 2.5 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from bembix.spec.module import ModuleDef

#: Up to so many bytes of code, a module's bodies are all validated when it is made; beyond, each when it is first called.
EAGER_VALIDATION_BYTES: Final = 128 * 1024

#: Up to so many bytes of code, functions with loops are optimised at their first call; beyond, they start cheap.
EAGER_LOOPS_BYTES: Final = 128 * 1024

#: How many bytes of callees are optimised along with a function.
GROUP_BYTES: Final = 24 * 1024


@dataclass(frozen=True, slots=True)
class Step:
    """What to compile now: functions (index space of functions) and whether to optimise them."""

    members: tuple[int, ...]
    optimize: bool


def code_bytes(definition: ModuleDef) -> int:
    """Return the size of all bodies."""
    return sum(code.end - code.start for code in definition.code)


def validate_eagerly(definition: ModuleDef) -> bool:
    """Tell whether a module is small enough to be validated as a whole when it is made."""
    return code_bytes(definition) <= EAGER_VALIDATION_BYTES


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen in a body: the functions it calls directly, and whether it has a loop."""

    callees: tuple[int, ...]
    has_loop: bool


def first_call(
    index: int,
    *,
    optimize: bool,
    small: bool,
    survey: Callable[[int], Survey | None],
    size: Callable[[int], int],
    done: Callable[[int], bool],
) -> Step:
    """Say what to compile when function `index` is first called.

    optimize: everything is to be optimised.  small: the module is below EAGER_LOOPS_BYTES.  survey: what is known of a
    defined function, None of an import.  size: bytes of its body.  done: whether it is optimised already.
    """
    found = survey(index)
    if optimize or (small and found is not None and found.has_loop):
        return Step(tuple(group(index, survey, size, done)), True)
    return Step((index,), False)


def group(
    index: int, survey: Callable[[int], Survey | None], size: Callable[[int], int], done: Callable[[int], bool]
) -> Iterable[int]:
    """Return a function and what it calls, nearest first, while they fit."""
    members, room, position = [index], GROUP_BYTES, 0
    seen = {index}
    while position < len(members):
        found = survey(members[position])
        position += 1
        for callee in found.callees if found else ():
            if callee in seen or survey(callee) is None or done(callee):
                continue
            seen.add(callee)
            room -= size(callee)
            if room >= 0:
                members.append(callee)
    return members
