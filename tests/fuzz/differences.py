"""Where Bembix and wasmtime differ about what is valid, and why; docs/validity.md says the same at more length.

All are limits of one of the two, which random damage hardly reaches: `test_validity.py` makes modules that do.
"""

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


def _only_ours(words: str) -> Callable[[Case], bool]:
    """Only Bembix rejects, with these words."""
    return lambda case: case.theirs is None and words in str(case.ours)


def _only_theirs(words: str) -> Callable[[Case], bool]:
    """Only wasmtime rejects, with these words."""
    return lambda case: case.ours is None and words in str(case.theirs)


DIFFERENCES = (
    Difference(
        "tables",
        "wasmtime takes 100, Bembix 100,000 as the JavaScript API does",
        _only_theirs("tables count exceeds limit of 100 "),
    ),
    Difference(
        "element segments",
        "wasmtime takes 100,000, Bembix 10,000,000 as the JavaScript API does",
        _only_theirs("element segments count exceeds limit of 100000"),
    ),
    Difference(
        "catch clauses",
        "wasmtime takes 10,000 of one `try_table`, Bembix 50,000",
        _only_theirs("catches size is out of bounds"),
    ),
    Difference(
        "names",
        "wasmtime takes 100,000 bytes of one name, Bembix any number",
        _only_theirs("string size out of bounds"),
    ),
    Difference(
        "type size",
        "wasmtime adds up the types of all imports and exports and takes 1,000,000, Bembix has no such sum",
        _only_theirs("effective type size exceeds the limit"),
    ),
    Difference(
        "labels",
        "Bembix takes 65,520 of one `br_table` as the JavaScript API does, wasmtime any number",
        _only_ours("labels, the limit is 65520"),
    ),
    Difference(
        "nesting",
        "Bembix takes 50,000 blocks within each other, that of the function included, wasmtime any number",
        _only_ours("blocks nest deeper than 50000"),
    ),
)


def explanation(case: Case) -> Difference | None:
    """Return the difference that explains a case, or None."""
    return next((difference for difference in DIFFERENCES if difference.holds(case)), None)
