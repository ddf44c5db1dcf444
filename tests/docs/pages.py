"""Code blocks of the documentation, run as a reader would: from the top of a page, in one folder, in one session.

| block | what is done with it |
|---|---|
| `python` | run, in one namespace a page |
| `wat`, `toml`, `text`... that begin with a comment naming a file, such as `;; gcd.wat` | written to that file |
| `sh` | run by bash, with the scripts of this environment on PATH |
| `text` behind `python` or `sh` | what that printed, exactly |
| `pycon`, `none` and whatever else | an error: nothing is left untried unseen |

A block of `sh` that sets up an environment (`pip install`, `venv`) is left to `.ci/run`, which does that.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

FENCE: Final = re.compile(r"^```(?P<kind>\S*)[^\n]*\n(?P<body>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
FILE: Final = re.compile(r"\A(?:;;|#|//) (?P<name>[\w./-]+\.\w+)\n")
SETS_UP: Final = re.compile(r"pip install|-m venv")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; line: where its body begins, from 1."""

    kind: str
    body: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page."""
    text = page.read_text()
    for found in FENCE.finditer(text):
        yield Block(found["kind"], found["body"], text.count("\n", 0, found.start("body")) + 1)


class Session:
    """One reader with one page.  folder: where the reader works."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.printed: str | None = None

    def run(self) -> int:
        """Do what the page says; return how many blocks did something."""
        count = 0
        for block in blocks(self.page):
            self.do(block)
            count += 1
        return count

    def do(self, block: Block) -> None:
        """Do one block."""
        named = FILE.match(block.body)
        if block.kind == "sh":
            self.printed = self.shell(block)
        elif named and block.kind != "python":
            (self.folder / named["name"]).write_text(block.body)
        elif block.kind == "python":
            if named:
                (self.folder / named["name"]).write_text(block.body)
            self.printed = self.python(block)
        elif block.kind == "text" and self.printed is not None:
            assert self.printed.rstrip() == block.body.rstrip(), f"{self.page.name}:{block.line}"
            self.printed = None
        else:
            raise AssertionError(f"{self.page.name}:{block.line}: a {block.kind!r} block that nothing can be done with")

    def python(self, block: Block) -> str:
        """Run Python; return what it printed."""
        code = compile("\n" * (block.line - 1) + block.body, str(self.page), "exec", dont_inherit=True)
        with redirect_stdout(StringIO()) as out:
            exec(code, self.names)
        return out.getvalue()

    def shell(self, block: Block) -> str | None:
        """Run shell commands; return what they printed."""
        if SETS_UP.search(block.body):
            return None
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-euc", block.body],
            cwd=self.folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{self.page.name}:{block.line}: exit code {done.returncode}: {done.stdout}"
        return done.stdout
