"""Threads that do everything at once: no wrong answer, no lost exception, no crash, flat memory (`threads.py`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).with_name("threads.py")
_NOISE = 32 * 1024  #: KiB that a resident set may vary by: heaps of the C library are per thread
_WARM_UP = 128 * 1024  #: the same while LLVM begins to optimise, and each thread's heap grows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc, which Linux has"),
]


def stress(seconds: float, seed: int, engine: str, noise: int = _NOISE) -> None:
    command = [sys.executable, "-X", "faulthandler", str(_SCRIPT), str(seconds), str(seed), engine]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10 * seconds + 120, check=False)
    assert done.stdout, (done.returncode, done.stderr[-3000:])
    found = json.loads(done.stdout)
    print(found)
    assert not found["wrong"]
    assert done.returncode == 0
    assert found["KiB"][-1] - found["KiB"][0] < noise


@pytest.mark.parametrize("engine", ["llvm", "stencil"])
def test_for_some_seconds(engine: str) -> None:
    stress(5, 1, engine, _WARM_UP)


@pytest.mark.long
@pytest.mark.parametrize("engine", ["llvm", "stencil"])
def test_for_ten_minutes(engine: str) -> None:
    stress(600, 2, engine)
