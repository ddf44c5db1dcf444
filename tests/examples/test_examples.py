"""Every example prints what it is meant to, and each has both a .wat and a .py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

PRINTED = {
    "hello": ["0 b'Hello, World!\\n'"],
    "add": ["5", "-2147483648"],
    "locals": ["2.0", "nan", "98"],
    "call": ["25", "[12, 2, 35]", "trap: undefined element"],
    "host": ["[0, 1, 2, 3, 4]", "no 0 here"],
    "store": [r"b'\x04\x03\x02\x01'", "-1", "trap: out of bounds memory access"],
    "data": ["wasps build nests", "WASPS BUILD NESTS", "ANY TEXT"],
    "fibonacci_recursive": ["[0, 1, 1, 2, 3, 5, 8, 13, 21, 34]", "832040", "trap: call stack exhausted"],
    "fibonacci_iterative": ["[0, 1, 1, 2, 3, 5, 8, 13, 21, 34]", "2880067194370816120"],
}


@pytest.mark.parametrize("name", PRINTED)
def test_prints(name: str) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], capture_output=True, text=True, timeout=60)
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (PRINTED[name], "", 0)


@pytest.mark.parametrize("suffix", [".py", ".wat"])
def test_none_is_missing(suffix: str) -> None:
    assert {path.stem for path in EXAMPLES.glob(f"*{suffix}")} == set(PRINTED)
