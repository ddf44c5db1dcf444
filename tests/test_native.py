"""The list of modules that wheels have as machine code names what is there."""

from __future__ import annotations

import runpy
from pathlib import Path

TOOL = runpy.run_path(str(Path(__file__).parents[1] / "tools" / "native.py"))


def test_each_pattern_finds_something() -> None:
    assert [pattern for pattern in TOOL["MODULES"] if not list(TOOL["SOURCE"].glob(pattern))] == []


def test_what_is_left_out_is_there() -> None:
    found = {path.name for pattern in TOOL["MODULES"] for path in TOOL["SOURCE"].glob(pattern)}
    assert found.issuperset(TOOL["NOT"])
    assert not any(Path(path).name in TOOL["NOT"] for path in TOOL["modules"]())
