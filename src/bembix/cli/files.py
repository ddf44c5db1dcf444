"""Reading modules for the subcommands: a file is taken for binary or text by its first bytes, never by its name."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bembix.spec.module import ModuleDef

STDIN_STDOUT: Final = "-"  #: as a file name


def read_bytes(name: str) -> bytes:
    """Return what is in the file `name`, or in standard input for "-"."""
    if name == STDIN_STDOUT:
        return sys.stdin.buffer.read()
    return Path(name).read_bytes()


def read_definition(name: str) -> ModuleDef:
    """Parse the module in file `name`."""
    return parse_definition(read_bytes(name), name)


def parse_definition(content: bytes, name: str) -> ModuleDef:
    """Parse a module from bytes in either format."""
    from bembix.binary.sections import MAGIC

    if content.startswith(MAGIC):
        from bembix.binary.decode import decode

        return decode(content, filename=name)
    from bembix.text.parse import parse

    return parse(content, filename=name)


def write_output(content: bytes, name: str | None) -> None:
    """Write to the file `name`, or to standard output where it is None or "-"."""
    if name in (None, STDIN_STDOUT):
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    temporary = f"{name}.{os.getpid()}.tmp"
    try:  # a reader never sees half a file, and a failure leaves what was there
        Path(temporary).write_bytes(content)
        os.replace(temporary, str(name))
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
