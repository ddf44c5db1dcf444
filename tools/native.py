"""Compiles the walker and the writers of stencils to machine code, from their Python source, with mypyc.

    python tools/native.py OUT    # leaves extension modules in OUT/lib

`tools/wheel_hook.py` runs it when a wheel is built; it needs mypy, setuptools and a C compiler, and half a minute.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"

#: What runs once for each instruction of a program.  (What writes code of aarch64 was never tried compiled.)
MODULES = (
    "bembix/binary/leb.py",
    "bembix/validate/dispatch.py",
    "bembix/validate/meter.py",
    "bembix/validate/rules_*.py",
    "bembix/validate/walker.py",
    "bembix/compile/stencil/[!_]*.py",
    "bembix/compile/stencil/x86_64/[!_]*.py",
)
#: Of these, what mypyc does not take - classes made by `records.py`, a list with attributes - or need not.
NOT = ("catching.py", "exceptions.py", "machines.py", "pasted.py", "tier.py")


def modules() -> list[str]:
    """Return the paths to compile."""
    found = {path for pattern in MODULES for path in SOURCE.glob(pattern)}
    other = "" if platform.machine() == "x86_64" else "x86_64"
    return [str(path) for path in sorted(found) if path.name not in NOT and path.parent.name != other]


def main(out: Path) -> None:
    """Compile."""
    from mypyc.build import mypycify
    from setuptools import setup

    out = out.resolve()
    os.environ["MYPYPATH"] = str(SOURCE)
    extensions = mypycify(
        [*modules(), f"--cache-dir={out / 'cache'}", "--ignore-missing-imports"],
        opt_level="1",  # as fast as 2, and compiled in half the time
        debug_level="0",
        target_dir=str(out / "c"),
        group_name="bembix",
    )
    for extension in extensions:
        # Which warnings there are is a matter of the compiler's version.
        extension.extra_compile_args = [arg for arg in extension.extra_compile_args if arg != "-Werror"]
        if sys.platform == "linux":
            extension.extra_link_args += ["-s"]
    command = ["build_ext", f"--build-lib={out / 'lib'}", f"--build-temp={out / 'objects'}"]
    setup(name="bembix", packages=[], ext_modules=extensions, script_args=["--quiet", *command])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
