"""The policy: what is compiled when, together with what, and how well.

Rule 1: every number that trades compile time for speed stands here.  Measured costs: text of the IR 1 us an
instruction, LLVM without optimisation 10 us, O2 75 us.  An instruction has about 2.5 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from bembix.records import dataclass
from bembix.spec.module import ModuleDef

#: Up to so many bytes of code, a module's bodies are all validated when it is made; beyond, each when it is first
#: called.
EAGER_VALIDATION_BYTES: Final = 128 * 1024

#: So many bytes of functions with loops are optimised at their first call, of each module that is validated eagerly.
#: They may run for ever, and there is no way into better code but through the next call.  Beyond, code starts cheap.
EAGER_OPTIMIZE_BYTES: Final = 4 * 1024

#: Cheap code is optimised after so many entries and rounds of loops for each byte of it: about when it has run for as
#: long as optimising takes.
HOT_PER_BYTE: Final = 100
HOT_LEAST: Final = 5_000

#: Stencils run three times as fast as LLVM's cheap code: a round takes a third of the time, and a quarter of that is to
#: be gained where it was two thirds.  So code runs that much more often before LLVM, whose import costs as well, is
#: asked.
STENCIL_PATIENCE: Final = 40

#: A function of more bytes is optimised only on request: LLVM's time grows faster than the function.  (CPython's
#: interpreter loop has 120 KB, takes half a minute and comes out a quarter faster.)
HOT_MOST_BYTES: Final = 12 * 1024

#: How many bytes of callees are optimised along with a function.
GROUP_BYTES: Final = 24 * 1024

#: A function keeps the GIL that runs through at most so many bytes of code, about 200 ns, with all that it calls:
#: giving the GIL away and taking it back costs 50 ns.
BRIEF_BYTES: Final = 1024


_MOST: Final = (1 << 31) - 1  #: what code compares counters with has 32 bits


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
    """What was seen in a body.

    callees: the functions that it calls directly; calls: how often each.  lasting: whether it may take long by itself.
    """

    callees: tuple[int, ...]
    has_loop: bool
    lasting: bool = True
    calls: tuple[int, ...] = ()


Look: TypeAlias = "Callable[[int], Survey | None]"


def hot_count(size: int) -> int:
    """Return after how many entries and rounds cheap code of a function of that size is optimised; 0 for never."""
    return 0 if size > HOT_MOST_BYTES else min(max(HOT_LEAST, HOT_PER_BYTE * size), _MOST)


def stencil_hot_count(size: int) -> int:
    """Return the same for stencils."""
    return min(STENCIL_PATIENCE * hot_count(size), _MOST)


def first_call(
    index: int, *, optimize: bool, room: int, survey: Look, size: Callable[[int], int], done: Callable[[int], bool]
) -> Step:
    """Say what to compile when function `index` is first called.

    optimize: everything is to be optimised.  room: what is left of EAGER_OPTIMIZE_BYTES.  survey: what is known of a
    defined function, None of an import.  size: bytes of its body.  done: whether it is optimised already.
    """
    if optimize:
        return Step(tuple(group(index, survey, size, done, GROUP_BYTES)), True)
    if size(index) <= room:
        found = survey(index)
        if found is not None and found.has_loop:
            return Step(tuple(group(index, survey, size, done, room - size(index))), True)
    return Step((index,), False)


def hot(index: int, *, survey: Look, size: Callable[[int], int], done: Callable[[int], bool]) -> Step:
    """Say what to compile when function `index` turned out to run much."""
    return Step(tuple(group(index, survey, size, done, min(GROUP_BYTES, max(1024, size(index))))), True)


def group(
    index: int, survey: Look, size: Callable[[int], int], done: Callable[[int], bool], room: int
) -> Iterable[int]:
    """Return a function and what it calls, nearest first, while they fit."""
    members, position = [index], 0
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


def brief(index: int, survey: Look, size: Callable[[int], int]) -> bool:
    """Tell whether a function certainly takes so little time that a call of it keeps the GIL."""
    return _bytes_run(index, survey, size, BRIEF_BYTES) <= BRIEF_BYTES


def _bytes_run(index: int, survey: Look, size: Callable[[int], int], room: int) -> int:
    """Return how many bytes of code a function runs through, or something above `room`."""
    found = survey(index)
    if found is None or found.lasting or size(index) > room:
        return room + 1
    total = size(index)
    for callee, count in zip(found.callees, found.calls, strict=True):
        if total > room:
            break
        total += count * _bytes_run(callee, survey, size, room - total)
    return total
