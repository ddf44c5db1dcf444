"""Where Bembix and wasmtime are known to differ about what is valid, and why; docs/validity.md says the same at length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from validity import Case


@dataclass(frozen=True)
class Difference:
    """A difference.  holds: whether a case, about which the two differ, is one of this kind."""

    name: str
    reason: str
    holds: Callable[[Case], bool]


DIFFERENCES: tuple[Difference, ...] = ()


def explanation(case: Case) -> Difference | None:
    """Return the difference that explains a case, or None."""
    return next((difference for difference in DIFFERENCES if difference.holds(case)), None)
