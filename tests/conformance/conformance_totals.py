"""Totals of the conformance suites, from the tests to the summary."""

from __future__ import annotations

from collections import defaultdict

#: Passed and total assertions by level and suite.
TOTALS: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
