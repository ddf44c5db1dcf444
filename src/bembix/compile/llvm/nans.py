"""Which operands of a function may be signalling NaNs, as far as one look at its instructions tells.

What arithmetic makes is none; what is read, or passed, or made from bits, may be one.  A local is what is put into it,
which is only known at the end of the function.  Vectors are looked at in the shape that they are used in: the lanes of
a quiet f32x4 may make a signalling f64x2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

#: Locals, as numbers, with lanes where they are vectors: a value is quiet if these are.
Locals: TypeAlias = "frozenset[str]"
_NEVER: Final[Locals] = frozenset()
#: How a vector is looked at; a scalar is looked at as "".
LANES: Final = (" float", " double")
_NEUTRAL: Final = (0.0, -0.0, 1.0, -1.0)


class _Undecided(NamedTuple):
    """A line of the body, and another text for it unless all of these locals are quiet."""

    line: int
    text: str
    locals: Locals


def _all(conditions: Iterable[Locals | None]) -> Locals | None:
    """Return what has to be quiet for all of some values to be."""
    whole: set[str] = set()
    for condition in conditions:
        if condition is None:
            return None
        whole |= condition
    return frozenset(whole)


class Nans:
    """What is known of the operands of one function, by their names: those of `_quiet` are, if these locals are."""

    def __init__(self) -> None:
        self._quiet: dict[str, Locals] = {}
        self._undecided: list[_Undecided] = []
        self._sets: list[tuple[str, Locals | None]] = []

    def begin(self) -> None:
        """Start a function."""
        for notes in (self._quiet, self._undecided, self._sets):
            notes.clear()

    def _condition(self, value: str, lanes: str) -> Locals | None:
        """Return the locals that have to be quiet for a value to be; None where it may be signalling anyway."""
        if value[0] == "%":
            return self._quiet.get(value + lanes)
        return None if _is_signalling(value, lanes) else _NEVER

    def quiet(self, result: str, lanes: str = "") -> None:
        """Arithmetic has made the result."""
        self._quiet[result + lanes] = _NEVER

    def passes(self, result: str, values: Sequence[str], lanes: str = "", into: str | None = None) -> None:
        """The result is one of the values, perhaps with another sign, or made of parts of them.

        into: the lanes of the result, where they are others.
        """
        self._made(result + (lanes if into is None else into), [self._condition(value, lanes) for value in values])

    def lane(self, result: str, vector: str, scalar: str, lanes: str) -> None:
        """The result is a vector with another number in one of its lanes."""
        self._made(result + lanes, [self._condition(vector, lanes), self._condition(scalar, "")])

    def _made(self, result: str, conditions: Iterable[Locals | None]) -> None:
        condition = _all(conditions)
        if condition is not None:
            self._quiet[result] = condition

    def local_get(self, index: int, name: str, *, is_vector: bool) -> None:
        """A local has been read."""
        for lanes in LANES if is_vector else ("",):
            self._quiet[name + lanes] = frozenset((f"{index}{lanes}",))

    def local_set(self, index: int, value: str, *, is_vector: bool) -> None:
        """A local has been written."""
        for lanes in LANES if is_vector else ("",):
            self._sets.append((f"{index}{lanes}", self._condition(value, lanes)))

    def condition(self, operands: Sequence[str], lanes: str = "") -> Locals | None:
        """Return the locals that have to be quiet for an operation not to be left out; None where it may be anyway.

        It may be where an operand may be signalling and another one, for all that LLVM might find out, is a number
        with which the operation changes nothing.
        """
        telling = [other[0] == "%" or is_neutral(other, lanes) for other in operands]
        return _all(
            self._condition(value, lanes)
            for at, value in enumerate(operands)
            if True in telling[:at] or True in telling[at + 1 :]
        )

    def decide_later(self, line: int, text: str, locals_: Locals) -> None:
        """Note what a line of the body has to be unless all of these locals are quiet."""
        self._undecided.append(_Undecided(line, text, locals_))

    def finish(self, out: list[str], params: int) -> None:
        """Decide on what depends on locals.  params: how many of them are parameters."""
        if not self._undecided:
            return
        others = {f"{index}{lanes}" for index in range(params) for lanes in ("", *LANES)}
        others.update(index for index, condition in self._sets if condition is None)
        count = -1
        while count != len(others):
            count = len(others)
            others.update(index for index, condition in self._sets if condition and not condition.isdisjoint(others))
        for line, text, condition in self._undecided:
            if not condition.isdisjoint(others):
                out[line] = text


# -- constants ---------------------------------------------------------------------------------------------------------


def vector_bits(text: str) -> int | None:
    """Return the bits of a v128 constant, None for another operand."""
    if text == "zeroinitializer":
        return 0
    return int.from_bytes(map(int, re.findall(r"i8 (\d+)", text)), "little") if text[0] == "<" else None


def scalar_bits(text: str) -> int | None:
    """Return the bits (signed, perhaps) of a constant number, None for another operand."""
    found = re.fullmatch(r"(?:bitcast \(i\d+ )?(-?\d+)(?: to \w+\))?", text)
    return int(found[1]) if found else None


def _split(text: str, lanes: str) -> tuple[int, list[int]]:
    """Return the width of the floats that a constant is, and their bits."""
    if lanes:
        width, bits = (32 if lanes == " float" else 64), vector_bits(text) or 0
        return width, [bits >> at & (1 << width) - 1 for at in range(0, 128, width)]
    bits_ = scalar_bits(text)
    return (32 if text.endswith("float)") else 64), [] if bits_ is None else [bits_]


@lru_cache(maxsize=1000)
def is_neutral(text: str, lanes: str) -> bool:
    """Return whether some lane is a number that may make an operation look like none, or like a negation."""
    width, found = _split(text, lanes)
    code = "f" if width == 32 else "d"
    neutral = [int.from_bytes(struct.pack(f"<{code}", value), "little") for value in _NEUTRAL]
    return any(bits in neutral for bits in found)


@lru_cache(maxsize=1000)
def _is_signalling(text: str, lanes: str) -> bool:
    """Return whether some lane is a signalling NaN."""
    width, found = _split(text, lanes)
    quiet, infinite = (1 << 22, 0xFF << 23) if width == 32 else (1 << 51, 0x7FF << 52)
    return any(infinite < bits & (1 << width - 1) - 1 < infinite + quiet for bits in found)
