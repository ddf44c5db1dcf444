"""What pyright makes of the package and of the examples; mypy's part is in `.ci/run`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def pyright(*arguments: str) -> Any:
    command = [sys.executable, "-m", "pyright", "--outputjson", *arguments]
    # it asks the `python` on PATH where packages are
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, env={**os.environ, "PATH": path}
    )
    assert done.stdout.startswith("{"), (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_all_types_are_known() -> None:
    found = pyright("--verifytypes", "bembix")["typeCompleteness"]
    unclear = [symbol["name"] for symbol in found["symbols"] if not symbol["isTypeKnown"]]
    assert unclear == []
    assert found["completenessScore"] == 1


def test_examples() -> None:
    found = pyright("examples")
    assert found["generalDiagnostics"] == []
    assert found["summary"]["filesAnalyzed"] > 10


def test_a_name_that_does_not_exist_is_found(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import bembix\n\nbembix.Modul\n")
    (found,) = (one for one in pyright(str(script))["generalDiagnostics"] if one["severity"] == "error")
    assert found["rule"] == "reportAttributeAccessIssue"
