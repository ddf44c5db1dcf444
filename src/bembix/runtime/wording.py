"""Words that several messages and representations have in common."""

from __future__ import annotations


def counted(count: int, word: str) -> str:
    """Return a number and what there is so much of, in the plural unless it is one: "1 page", "2 pages"."""
    return f"{count} {word}{'' if count == 1 else 's'}"
