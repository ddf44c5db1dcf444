"""Totals of the conformance suites, printed when all tests are done, whichever processes they ran in."""

from __future__ import annotations

import signal
from collections import defaultdict

import pytest

#: Passed and total assertions by suite and level.
_totals: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])


def pytest_configure() -> None:
    """Have Ctrl-C work in processes that tests start, also where a shell has started us in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, value in report.user_properties if report.when == "call" else ():
        if name == "conformance":
            suite, level, passed, total = value  # type: ignore[misc]
            _totals[suite, level][0] += passed
            _totals[suite, level][1] += total


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _totals:
        terminalreporter.section("conformance: passed / all assertions")
    for (suite, level), (passed, total) in sorted(_totals.items()):
        terminalreporter.write_line(f"{suite:<12}{level:<8}{passed:>8,} / {total:,}")
