"""A host function that knows its own type: what a host module such as WASI hands to the linker.

Source: core 3.0, 4.5.3 (host functions).  A plain callable takes the type of the import it is given for; this one has a
type of its own, which must match.
"""

from __future__ import annotations

from collections.abc import Callable

from bembix.records import dataclass
from bembix.spec.types import FuncType


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A callable with its type.

    callable: takes one argument a parameter (i32 and i64 as signed integers), returns the result, or None for none.
    name: for messages and backtraces.
    """

    callable: Callable[..., object]
    type: FuncType
    name: str
