"""The command itself: finds the subcommand, imports that one alone, and turns errors into messages and exit codes.

A subcommand is a module of this package with `add_arguments(parser)` and `execute(options) -> exit code`.  Exit codes:
1 for bad input, 2 for wrong usage; `run` passes on the program's own.  Ctrl-C ends the process by the signal (130 in a
shell).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

#: Subcommands and what they do; each is the module of that name.
COMMANDS: Final = {
    "run": "run a program, or call one exported function",
    "validate": "check that modules are valid",
    "print": "show a module as text",
    "parse": "turn text into a binary module",
    "inspect": "list sections, imports, exports, features and sizes",
    "stubs": "write a type stub for `import`",
    "explain": "say what an instruction is",
    "wast": "run specification test scripts",
}

BAD_INPUT: Final = 1
BAD_USAGE: Final = 2
INTERRUPTED: Final = 130


class Command(Protocol):
    """What a subcommand's module offers."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which arguments there are."""

    def execute(self, options: Namespace) -> int:
        """Do it and return the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: this process's) and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments[0] if arguments else None
    if name in COMMANDS:
        return _guarded(lambda: _execute(name, arguments[1:]))
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name in ("-V", "--version"):
        print(f"bembix {_version()}")
        return 0
    return _unknown(name)


def _execute(name: str, arguments: list[str]) -> int:
    from argparse import ArgumentParser, RawDescriptionHelpFormatter

    module = import_module(f"bembix.cli.{name}")
    command = cast(Command, module)
    parser = ArgumentParser(
        prog=f"bembix {name}",
        description=module.__doc__,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return command.execute(parser.parse_args(arguments))


def _guarded(action: Callable[[], int]) -> int:
    """Run `action`; turn what is wrong with the input into a message on stderr."""
    from bembix.errors import BembixError, InternalError

    try:
        code = action()
        sys.stdout.flush()  # so that a closed pipe shows here
        return code
    except InternalError:
        raise  # a fault of ours: the whole traceback is wanted
    except KeyboardInterrupt:
        return _end_by_interrupt()
    except BembixError as error:
        print(f"bembix: {error}", file=sys.stderr)
    except BrokenPipeError:
        # Whoever read our output has seen enough.  Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"bembix: {error.filename or 'I/O error'}: {error.strerror or error}", file=sys.stderr)
    return BAD_INPUT


def _end_by_interrupt() -> int:
    """End as other programs do at Ctrl-C: by the signal, so that a shell script that called us ends too."""
    import signal

    with suppress(OSError):
        sys.stdout.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
    return INTERRUPTED  # where it does not end us at once


def _usage() -> str:
    lines = ["usage: bembix COMMAND ...", "", "A WebAssembly runtime.", "", "commands:"]
    lines += [f"  {name:<10}{words}" for name, words in COMMANDS.items()]
    return "\n".join([*lines, "", "`bembix COMMAND --help` says more; `bembix --version` which version this is."])


def _unknown(name: str | None) -> int:
    if name is None:
        print(_usage(), file=sys.stderr)
        return BAD_USAGE
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(COMMANDS)}."
    print(f"bembix: unknown command `{name}`; {hint}", file=sys.stderr)
    return BAD_USAGE


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    from bembix.validate import walker

    try:
        number = version("bembix")
    except PackageNotFoundError:  # run from a source tree by PYTHONPATH
        number = "0 (not installed)"
    return number if walker.__file__.endswith(".py") else f"{number} (compiled)"
