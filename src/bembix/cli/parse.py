"""Turn a module in text form into binary form.

Without -o the result goes beside the input's name in the current directory: hello.wat becomes hello.wasm.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path


def add_arguments(parser: ArgumentParser) -> None:
    """Say which arguments there are."""
    parser.add_argument("file", metavar="FILE", help="a module in text form; - reads standard input")
    parser.add_argument("-o", "--output", metavar="FILE", help="where the binary goes; - is standard output")


def execute(options: Namespace) -> int:
    """Parse the module and write it."""
    from bembix.binary.encode import encode
    from bembix.binary.sections import MAGIC
    from bembix.cli.files import STDIN_STDOUT, read_bytes, write_output
    from bembix.errors import ParseError
    from bembix.text.parse import parse

    source = read_bytes(options.file)
    if source.startswith(MAGIC):
        raise ParseError("this is a binary module already", filename=options.file, offset=0)
    output = options.output
    if output is None:
        output = STDIN_STDOUT if options.file == STDIN_STDOUT else Path(options.file).with_suffix(".wasm").name
    write_output(encode(parse(source, filename=options.file)), output)
    return 0
