"""Which features scripts in a folder assume to be off: those of a proposal are written before what came after it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bembix.spec.features import Feature

#: Features that are off, by the end of the folder's path.
WITHOUT: Final[dict[tuple[str, ...], set[Feature]]] = {
    ("proposals", "threads"): {Feature.MULTI_MEMORY, Feature.MEMORY64, Feature.REFERENCE_TYPES},
}


def features_for(path: str | Path) -> frozenset[Feature]:
    """Return the features that the script at `path` may use."""
    found = frozenset(feature for feature in Feature if feature.default)
    return found - WITHOUT.get(Path(path).absolute().parts[-3:-1], set())
