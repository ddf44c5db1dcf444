"""Which engine and which features a module gets when the user does not say.  Source: the design's code generators."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from bembix.compile.tier import ENGINES, PLANNED
from bembix.errors import CompileError
from bembix.spec.features import Feature

_VARIABLE: Final = "BEMBIX_ENGINE"
_AUTO: Final = "auto"


def engine_name(asked: str | None) -> str:
    """Return the engine to use: `asked`, or what the environment variable BEMBIX_ENGINE says, or "auto".

    Errors: ValueError for an unknown name, CompileError for one that this version does not have.
    """
    name = asked or os.environ.get(_VARIABLE) or _AUTO
    if name in PLANNED:
        raise CompileError(f"the engine {name!r} is not in this version; there is: {', '.join(ENGINES)}")
    if name not in (*ENGINES, _AUTO):
        where = "" if asked else f" (from {_VARIABLE})"
        raise ValueError(f"unknown engine {name!r}{where}; known are {', '.join((*ENGINES, *PLANNED, _AUTO))}")
    return name


def feature_set(asked: Iterable[Feature | str] | None) -> frozenset[Feature]:
    """Return the features to allow: those asked for, by name of the proposal or as such, or the default ones.

    Errors: ValueError for an unknown name.
    """
    if asked is None:
        return frozenset(feature for feature in Feature if feature.default)
    known = {feature.proposal: feature for feature in Feature}
    found = set()
    for feature in asked:
        if isinstance(feature, str):
            if feature not in known:
                raise ValueError(f"unknown feature {feature!r}; known are {', '.join(known)}")
            feature = known[feature]
        found.add(feature)
    return frozenset(found | {Feature.MVP})
