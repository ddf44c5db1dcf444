"""What happens very often leaves no trace: traps, host exceptions, exhausted stacks, modules, tail calls.

Each scenario of `stress.py` runs in a process of its own, so that its memory is its own, and a crash a failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stress import LEVELS

_SCRIPT = Path(__file__).with_name("stress.py")
_NOISE = 2048  #: KiB that a resident set may vary by
_PER_MODULE = 2  #: KiB that a module may leave behind: LLVM's own registries

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads /proc, which Linux has"),
]


def scenario(name: str, level: str) -> dict[str, Any]:
    command = [sys.executable, "-X", "faulthandler", str(_SCRIPT), name, level]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    print(found)
    return found


@pytest.mark.parametrize("level", LEVELS)
def test_failures_leave_nothing_behind(level: str) -> None:
    for name, seen in scenario("traps", level).items():
        assert seen["failed"], f"{name} did not always fail"
        assert seen["KiB"] < _NOISE, f"{name} left {seen['KiB']} KiB behind"
        assert seen["mappings"] <= 2, f"{name} left {seen['mappings']} mappings behind"


@pytest.mark.parametrize("level", LEVELS)
def test_modules_leave_nothing_behind(level: str) -> None:
    seen = scenario("instances", level)
    assert seen["KiB"] < _NOISE + 1000 * _PER_MODULE
    assert seen["mappings"] <= 4


@pytest.mark.parametrize("level", LEVELS)
def test_ten_million_tail_calls_take_no_stack(level: str) -> None:
    seen = scenario("tails", level)
    assert len(seen) == 6
    assert set(seen.values()) == {7}


@pytest.mark.parametrize("level", LEVELS)
def test_tail_calls_between_modules_with_and_without_tags_end(level: str) -> None:
    """A known limit: these go through a wrapper, so they may exhaust the stack, but never crash."""
    seen = scenario("tails_across_exceptions", level)
    assert seen["across"] in (7, "call stack exhausted")
