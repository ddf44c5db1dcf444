"""What type checkers make of the package and of the examples; mypy's part is in `.ci/run`.

pyright is not among the test dependencies, since it fetches its program when it first runs: `pip install pyright`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytest.importorskip("pyright", reason="pyright is not installed")
pytestmark = pytest.mark.slow


def pyright(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pyright", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_all_types_are_known() -> None:
    done = pyright("--verifytypes", "bembix", "--ignoreexternal", "--outputjson")
    found = json.loads(done.stdout)["typeCompleteness"]
    unclear = [symbol["name"] for symbol in found["symbols"] if not symbol["isTypeKnown"]]
    assert unclear == []
    assert found["completenessScore"] == 1


def test_examples() -> None:
    done = pyright("examples")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "0 errors, 0 warnings, 0 informations")
