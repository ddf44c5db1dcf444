"""The arguments that choose an engine, for the subcommands that run code."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError


def add_engine_arguments(parser: ArgumentParser) -> None:
    """Add --engine and -O."""
    parser.add_argument(
        "--engine",
        type=engine,
        default=os.environ.get("BEMBIX_ENGINE") or None,
        help="what runs the code: stencil, llvm, or auto for both (default: BEMBIX_ENGINE, or auto)",
    )
    parser.add_argument("-O", dest="optimize", action="store_true", help="optimise every function at its first call")


def engine(word: str) -> str:
    """Return the name of an engine.  Errors: ArgumentTypeError; CompileError where it is not in this version."""
    from bembix.runtime.engine import engine_name

    try:
        return engine_name(word)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
