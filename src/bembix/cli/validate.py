"""Check that modules are valid; print nothing where they are.

Exit code: 0 where all are valid, 1 where one is not.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Say which arguments there are."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a module in binary or text form; - reads standard input"
    )


def execute(options: Namespace) -> int:
    """Check every file, also behind one that is wrong."""
    return max(_check(name) for name in options.files)


def _check(name: str) -> int:
    from bembix import Module
    from bembix.cli.files import read_bytes
    from bembix.errors import BembixError

    try:
        Module(read_bytes(name), name=name, engine="auto").validate()
    except BembixError as error:
        text = str(error)
        print(f"bembix: {text if name in text else f'{name}: {text}'}", file=sys.stderr)
        return 1
    return 0
