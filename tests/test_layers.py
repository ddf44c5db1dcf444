"""Rules of the source that no linter checks."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "bembix"

#: Packages outside the standard library, or dangerous, and the one folder that may import each.
CONFINED = {"llvmlite": "compile/llvm", "ctypes": "native"}


def imports() -> Iterator[tuple[str, str]]:
    """Yield every import of the source: the file, the top-level package."""
    for path in sorted(SOURCE.rglob("*.py")):
        file = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name.partition(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield file, node.module.partition(".")[0]


def test_confined_packages_stay_where_they_belong() -> None:
    wrong = [f"{file}: {name}" for file, name in imports() if not file.startswith(f"{CONFINED.get(name, '')}")]
    assert wrong == []


def test_the_core_needs_nothing_but_the_standard_library() -> None:
    known = sys.stdlib_module_names | {"bembix", *CONFINED}
    assert [f"{file}: {name}" for file, name in imports() if name not in known] == []


#: Each takes 1 to 10 ms, and programs are short: imported where they are needed.
SELDOM = {
    "ast",
    "dataclasses",
    "difflib",
    "importlib.resources",
    "inspect",
    "pathlib",
    "platform",
    "tempfile",
    "llvmlite",
}


@pytest.mark.parametrize("engine", ["llvm", "stencil"])
def test_running_a_program_imports_no_more_than_it_needs(engine: str) -> None:
    code = f"""import sys; import bembix
before = set(sys.modules)
import bembix.program
module = bembix.Module(b"\\0asm\\1\\0\\0\\0", engine={engine!r})
module.instantiate()
print(*(set(sys.modules) - before))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert SELDOM & set(done.stdout.split()) == set()


@pytest.mark.parametrize("statement", ["import bembix", "import bembix.cli.main"])
def test_importing_is_light(statement: str) -> None:
    heavy = {"llvmlite", "ctypes", "argparse", "asyncio", "inspect", "bembix.spec.instructions", "bembix.runtime"}
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert heavy & set(done.stdout.split()) == set()
