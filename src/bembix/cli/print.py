"""Show a module as text, in a form that `bembix parse` turns into the same module."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    """Say which arguments there are."""
    parser.add_argument("file", metavar="FILE", help="a module in binary or text form; - reads standard input")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of to standard output")


def execute(options: Namespace) -> int:
    """Print the module."""
    from bembix.cli.files import read_definition, write_output
    from bembix.text.print import print_module

    text = print_module(read_definition(options.file)[0])
    write_output(text.encode() if text.endswith("\n") else f"{text}\n".encode(), options.output)
    return 0
