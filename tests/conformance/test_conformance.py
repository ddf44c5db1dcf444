"""The official scripts under each engine and level; what is not expected to pass stands in exceptions.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from bembix.script.count import assertion_lines
from bembix.script.runner import run_script

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("BEMBIX_CONFORMANCE") or HERE.parents[2] / "shared" / "conformance")
SUITES = ("core", "custom", "legacy", "proposals")
SCRIPTS = [path.relative_to(FOLDER).as_posix() for suite in SUITES for path in sorted((FOLDER / suite).rglob("*.wast"))]
#: Engine, and whether to optimise.
LEVELS = {"stencil": ("stencil", False), "cheap": ("llvm", False), "O2": ("llvm", True)}

if not SCRIPTS:
    pytest.skip(
        "the conformance suites are not there: expected in ../shared/conformance or BEMBIX_CONFORMANCE",
        allow_module_level=True,
    )


def _exceptions() -> tuple[dict[str, str], dict[str, set[int]]]:
    """Return why whole scripts may fail, and which lines of other scripts may."""
    files: dict[str, str] = {}
    lines: dict[str, set[int]] = {}
    for entry in tomllib.loads((HERE / "exceptions.toml").read_text())["exception"]:
        files |= dict.fromkeys(entry.get("files", ()), entry["reason"])
        for file, numbers in entry.get("lines", {}).items():
            lines.setdefault(file, set()).update(numbers)
    return files, lines


FILES, LINES = _exceptions()


def _assertions(script: str) -> list[int]:
    return assertion_lines((FOLDER / script).read_text("utf-8", "replace"))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script: str, level: str, record_property: Callable[[str, object], None]) -> None:
    engine, optimize = LEVELS[level]
    result = run_script(FOLDER / script, engine=engine, optimize=optimize)
    record_property("conformance", (script.partition("/")[0], level, result.passed, result.total))
    if script in FILES:
        assert not result.ok, f"it passes now: take it out of exceptions.toml ({FILES[script]})"
        return
    expected = LINES.get(script, set())
    wrong = [str(failure) for failure in result.failures if failure.line not in expected]
    assert wrong == []
    assert expected - {failure.line for failure in result.failures} == set(), "these lines pass now"
    assert result.passed == result.total - sum(line in expected for line in _assertions(script))


def test_every_exception_is_of_a_script_that_exists() -> None:
    assert sorted({*FILES, *LINES} - set(SCRIPTS)) == []
    assert sorted(set(FILES) & set(LINES)) == []
