"""Run specification test scripts and count the assertions that hold: passed / all, by file and by folder.

Exit code: 0 where all hold, else 1.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bembix.cli.engines import add_engine_arguments

if TYPE_CHECKING:
    from bembix.script.result import Result

_SHOWN: Final = 10  #: failures of a file that are listed


def add_arguments(parser: ArgumentParser) -> None:
    """Say which arguments there are."""
    parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="a script, or a folder with scripts")
    add_engine_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON a file instead of text")


def execute(options: Namespace) -> int:
    """Run the scripts one after the other."""
    from bembix.script.runner import run_script

    results = []
    for path in _scripts(options.paths):
        result = run_script(path, engine=options.engine, optimize=options.optimize)
        results.append(result)
        print(result.to_json() if options.json else "\n".join(_lines(result)), flush=True)
    if not options.json:
        print("\n".join(_folders(results)))
    return 0 if all(result.ok for result in results) else 1


def _scripts(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.wast"))
        else:
            yield path


def _lines(result: Result) -> Iterator[str]:
    yield f"{result.file}: {result.passed} / {result.total}"
    for failure in result.failures[:_SHOWN]:
        yield f"  {failure}"
    if len(result.failures) > _SHOWN:
        yield f"  and {len(result.failures) - _SHOWN} more"


def _folders(results: list[Result]) -> Iterator[str]:
    from bembix.script.result import summary

    if not results:
        print("bembix: no scripts there", file=sys.stderr)
    folders = sorted({str(Path(result.file).parent) for result in results})
    for folder in folders:
        yield f"{folder}/: {summary(r for r in results if str(Path(r.file).parent) == folder)}"
    if len(folders) > 1:
        yield f"all: {summary(results)}"
