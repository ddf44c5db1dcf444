"""Totals of the conformance suites, printed when all tests are done."""

from __future__ import annotations

import pytest
from conformance_totals import TOTALS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TOTALS:
        terminalreporter.section("conformance: passed / all assertions")
    for (level, suite), (passed, total) in sorted(TOTALS.items()):
        terminalreporter.write_line(f"{suite:<12}{level:<8}{passed:>8,} / {total:,}")
