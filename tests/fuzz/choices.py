"""Where the generator gets its decisions from: a seed, for long runs, or hypothesis, which can shrink them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices(Protocol):
    """A source of decisions."""

    def number(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`."""


class SeededChoices:
    """Decisions that follow from a seed."""

    def __init__(self, seed: int) -> None:
        self.number = random.Random(seed).randint


@lru_cache(maxsize=4096)
def _integers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


class DrawnChoices:
    """Decisions that hypothesis makes."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def number(self, low: int, high: int) -> int:
        return self._draw(_integers(low, high))


class Chooser:
    """What the generator asks for, whatever the source."""

    def __init__(self, source: Choices) -> None:
        self.number = source.number

    def pick(self, items: Sequence[T]) -> T:
        """Return one of `items`."""
        return items[self.number(0, len(items) - 1)]

    def chance(self, percent: int) -> bool:
        """Return True that often."""
        return self.number(0, 99) >= 100 - percent

    def some(self, items: Sequence[T], low: int, high: int) -> list[T]:
        """Return `low` to `high` of `items`, with repetition."""
        return [self.pick(items) for _ in range(self.number(low, high))]

    def content(self, length: int) -> bytes:
        """Return bytes."""
        return bytes(self.number(0, 255) for _ in range(length))
