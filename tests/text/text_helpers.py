"""What several tests of the text format use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bembix.binary.decode import decode
from bembix.binary.encode import encode
from bembix.errors import ParseError
from bembix.spec.module import ModuleDef, Names
from bembix.text.commands import AssertInvalid, AssertTrap, AssertUnlinkable, Command, ModuleCommand
from bembix.text.parse import parse
from bembix.text.print import print_module

SUITES = Path(os.environ.get("BEMBIX_CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance")
needs_suites = pytest.mark.skipif(not SUITES.is_dir(), reason="the conformance suites are not there")


def scripts() -> list[Path]:
    """Return the scripts of the core specification and of its proposals."""
    return sorted(path for path in SUITES.rglob("*.wast") if "component" not in path.parts)


def modules_of(commands: list[Command]) -> Iterator[ModuleCommand]:
    """Yield the modules of a script that are not meant to be malformed."""
    for command in commands:
        if isinstance(command, ModuleCommand):
            yield command
        elif isinstance(command, AssertInvalid | AssertUnlinkable):
            yield command.module
        elif isinstance(command, AssertTrap) and isinstance(command.action, ModuleCommand):
            yield command.action


def nameless(source: str) -> bytes:
    """Return the binary of a module without its names."""
    module = parse(source)
    module.names = Names()
    return encode(module)


def entry(instructions: str, before: str = "") -> bytes:
    """Return the body of a function of these instructions, after other fields."""
    return parse(f"{before} (func {instructions})").code[-1].entry


def reprinted(module: ModuleDef) -> ModuleDef:
    """Return what parsing the printed module gives."""
    return parse(print_module(module), "printed")


def check_round_trip(module: ModuleDef) -> None:
    """Check that a module survives encoding, decoding, printing and parsing."""
    binary = encode(module)
    assert encode(reprinted(decode(binary))) == binary


def failure(source: str | bytes) -> ParseError:
    """Return the error that parsing gives."""
    with pytest.raises(ParseError) as caught:
        parse(source, "it.wat")
    return caught.value
