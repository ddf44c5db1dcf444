"""Reading modules for the subcommands: a file is taken for binary or text by its first bytes, never by its name."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bembix.spec.module import ModuleDef

STDIN_STDOUT: Final = "-"  #: as a file name


def read_bytes(name: str) -> bytes:
    """Return what is in the file `name`, or in standard input for "-"."""
    if name == STDIN_STDOUT:
        return sys.stdin.buffer.read()
    with open(name, "rb") as file:
        return file.read()


def read_definition(name: str) -> tuple[ModuleDef, bytes]:
    """Read the module in file `name`, in either format; return its definitions and its binary form."""
    from bembix.runtime.source import read_module

    return read_module(read_bytes(name), name)


def write_output(content: bytes, name: str | None) -> None:
    """Write to the file `name`, or to standard output where it is None or "-"."""
    if name in (None, STDIN_STDOUT):
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    from pathlib import Path

    temporary = f"{name}.{os.getpid()}.tmp"
    try:  # a reader never sees half a file, and a failure leaves what was there
        Path(temporary).write_bytes(content)
        os.replace(temporary, str(name))
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
