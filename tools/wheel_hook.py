"""Build hook of wheels: compiles the modules of `tools/native.py`, where that is possible.

BEMBIX_COMPILE=0 leaves them as Python; with BEMBIX_COMPILE=1 what cannot be compiled is an error.  Without it they are
compiled for a CPython with a GIL where a C compiler and Python's headers are found.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NEEDED = ["mypy>=1.18", "setuptools>=77"]


class WheelHook(BuildHookInterface):
    """See above.  An editable installation is never compiled: whoever edits wants to see the change."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what compiling needs."""
        return NEEDED if _wish() and _can() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and add what comes of it to the wheel."""
        if version == "editable" or not _wish():
            return
        if not _can():
            if _wish() == "1":
                raise SystemExit("BEMBIX_COMPILE=1, but there is no CPython with a GIL, a C compiler and Python.h")
            self.app.display_warning("no C compiler and headers of Python: the wheel has Python code only")
            return
        self._folder = tempfile.TemporaryDirectory()
        out = Path(self._folder.name)
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("native.py"), out],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            if _wish() == "1":
                raise SystemExit(f"compiling failed:\n{done.stdout}{done.stderr}")
            self.app.display_warning(f"compiling failed, the wheel has Python code only:\n{done.stdout}{done.stderr}")
            return
        libraries = [path for path in (out / "lib").rglob("*") if path.is_file()]
        build_data["force_include"].update({str(path): str(path.relative_to(out / "lib")) for path in libraries})
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave nothing behind."""
        if folder := getattr(self, "_folder", None):
            folder.cleanup()


def _wish() -> str:
    """Return "1" where it has to be compiled, "" where it must not, and "maybe"."""
    said = os.environ.get("BEMBIX_COMPILE", "maybe")
    return "" if said == "0" else said


def _can() -> bool:
    """Tell whether compiling can be tried."""
    compiler = shlex.split(sysconfig.get_config_var("CC") or "")
    header = Path(sysconfig.get_paths()["include"], "Python.h")
    return (
        sys.implementation.name == "cpython"
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and bool(compiler)
        and shutil.which(os.environ.get("CC", compiler[0])) is not None
        and header.exists()
    )
