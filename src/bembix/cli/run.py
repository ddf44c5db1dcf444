"""Run a WASI program, or call one function of a module.

What follows FILE goes to the program, whatever it looks like; only `--invoke NAME` directly behind FILE is ours too,
unless `--` stands before FILE.  A program sees no file and no variable of the host but those handed over.

Exit code: the program's; 134 after a trap or an exception that nothing caught, and where the fuel ran out; 124 where
--timeout ended it; 1 where the module can't be run.  Ctrl-C ends this process by its signal, which a shell shows as
130.
"""

from __future__ import annotations

import os
import sys
from argparse import REMAINDER, ArgumentParser, ArgumentTypeError, Namespace
from contextlib import nullcontext
from typing import Final

from bembix.cli.engines import add_engine_arguments

TIMED_OUT: Final = 124  #: as of timeout(1)
ABORTED: Final = 134  #: what a shell shows for a process that abort() ended: 128 + SIGABRT


def add_arguments(parser: ArgumentParser) -> None:
    """Say which arguments there are."""
    parser.usage = "bembix run [OPTIONS] FILE [ARGS]\n       bembix run [OPTIONS] FILE --invoke NAME [ARGS]"
    parser.add_argument(
        "--dir",
        dest="dirs",
        action="append",
        default=[],
        type=directory,
        metavar="HOST[::GUEST]",
        help="hand over a directory, by the name GUEST (default: HOST)",
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        type=variable,
        metavar="NAME[=VALUE]",
        help="set a variable; without =VALUE to what it is here",
    )
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="stop it after so long, with exit code 124")
    parser.add_argument("--memory", type=size, metavar="SIZE", help="what its memories may have, such as 256MiB")
    parser.add_argument("--fuel", type=fuel, metavar="N", help="stop it, exactly, after about so many instructions")
    parser.add_argument("--invoke", metavar="NAME", help="call this export with ARGS and print its results")
    add_engine_arguments(parser)
    parser.add_argument("rest", nargs=REMAINDER, metavar="FILE [ARGS]", help="a module in binary or text form")


def directory(word: str) -> tuple[str, str]:
    """Return what the program calls a directory, and where it is."""
    host, separator, guest = word.partition("::")
    if not host or (separator and not guest):
        raise ArgumentTypeError(f"{word!r} is not HOST or HOST::GUEST")
    return guest or host, host


def variable(word: str) -> tuple[str, str]:
    """Return a variable's name and its value."""
    name, separator, value = word.partition("=")
    if not name:
        raise ArgumentTypeError(f"{word!r} is not NAME=VALUE")
    if not separator and name not in os.environ:
        raise ArgumentTypeError(f"there is no variable {name} here to hand over")
    return name, value if separator else os.environ[name]


def seconds(word: str) -> float:
    """Return a duration.  Errors: ArgumentTypeError."""
    try:
        found = float(word)
    except ValueError:
        found = -1.0
    if not found >= 0:
        raise ArgumentTypeError(f"{word!r} is no number of seconds")
    return found


def size(word: str) -> int:
    """Return a size in bytes.  Errors: ArgumentTypeError."""
    from bembix.runtime.limits import parse_size

    try:
        return parse_size(word)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def fuel(word: str) -> int:
    """Return an amount of fuel.  Errors: ArgumentTypeError."""
    if not word.isdecimal() or int(word) >= 2**63:
        raise ArgumentTypeError(f"{word!r} is no amount of fuel")
    return int(word)


def execute(options: Namespace) -> int:
    """Run the program or call the function."""
    from bembix.errors import ParseError, Timeout, Trap, WasmException
    from bembix.runtime.deadline import deadline

    file, invoke, arguments = _split(options.rest, options.invoke)
    if file is None:
        return _wrong("a FILE is missing; `bembix run --help` says more")
    try:
        with nullcontext() if options.timeout is None else deadline(options.timeout):
            if invoke is None:
                return _run(file, arguments, options)
            from bembix.cli.invoke import invoke_export

            return invoke_export(file, invoke, arguments, options)
    except ParseError as error:
        error.filename = error.filename or file
        raise
    except Timeout as error:
        print(f"bembix: stopped by --timeout: {error.describe()}", file=sys.stderr)
        return TIMED_OUT
    except (Trap, WasmException) as error:
        kind = "trap" if isinstance(error, Trap) else "exception"
        print(f"bembix: {kind}: {error.describe()}", file=sys.stderr)
        return ABORTED


def _split(rest: list[str], invoke: str | None) -> tuple[str | None, str | None, list[str]]:
    """Return the file, the export to call, and the arguments for it or for the program."""
    verbatim = rest[:1] == ["--"]
    words = rest[verbatim:]
    if not words:
        return None, invoke, []
    file, *given = words
    if not verbatim and invoke is None and given[:1] == ["--invoke"] and len(given) > 1:
        return file, given[1], given[2:]
    return file, invoke, given


def _wrong(message: str) -> int:
    from bembix.cli.main import BAD_USAGE

    print(f"bembix: {message}", file=sys.stderr)
    return BAD_USAGE


def _run(file: str, arguments: list[str], options: Namespace) -> int:
    from bembix.program import run
    from bembix.wasi import INHERIT

    done = run(
        file,
        arguments,
        env=dict(options.env),
        dirs=dict(options.dirs),
        stdin=INHERIT,
        stdout=INHERIT,
        stderr=INHERIT,
        memory=options.memory,
        fuel=options.fuel,
        engine=options.engine,
        optimize=options.optimize,
    )
    return done.exit_code
