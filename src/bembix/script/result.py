"""What came out of a script: how many assertions held, and which did not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field


class Mismatch(Exception):
    """Something is not as the script says.  expected, got: in words."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(expected, got)
        self.expected = expected
        self.got = got


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that did not hold.  line: where in the script; expected, got: in words."""

    line: int
    expected: str
    got: str

    def __str__(self) -> str:
        return f"line {self.line}: expected {self.expected}, got {self.got}"


@dataclass(slots=True)
class Result:
    """A script's outcome.

    total: assertions in the file, also those that were never reached.  failures: assertions, modules and actions that
    went wrong.
    """

    file: str
    passed: int
    total: int
    seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything held."""
        return self.passed == self.total and not self.failures

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps({**asdict(self), "seconds": round(self.seconds, 3)})


def summary(results: Iterable[Result]) -> str:
    """Return "passed / all" over several scripts."""
    results = list(results)
    return f"{sum(r.passed for r in results)} / {sum(r.total for r in results)}"
