"""The scripts of the specification: all can be read, all modules read back, malformed ones say what is wrong.

The run by default takes a tenth of the scripts; the others are marked `long` (40 s).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from text_helpers import SUITES, check_round_trip, modules_of, needs_suites, scripts

from bembix.binary.decode import decode
from bembix.binary.encode import encode
from bembix.errors import ParseError, ValidationError
from bembix.spec.module import ModuleDef
from bembix.text.commands import AssertInvalid, AssertMalformed, Command, Unreadable
from bembix.text.print import print_module
from bembix.text.script import parse_script

PATHS = scripts()
SAMPLE = PATHS[::10]
CASES = [pytest.param(path, marks=() if path in SAMPLE else pytest.mark.long) for path in PATHS]
pytestmark = needs_suites


def name(value: object) -> str:
    return str(value.relative_to(SUITES)) if isinstance(value, Path) else str(value)


@pytest.mark.parametrize("path", CASES or [SUITES], ids=name)
def test_script(path: Path) -> None:
    commands = parse_script(path.read_bytes(), path.name)
    assert [command for command in commands if isinstance(command, Unreadable)] == []
    assert [c for c in commands if isinstance(c, AssertMalformed) and not refused(c)] == []
    for module in loaded(commands):
        check_round_trip(module)


@pytest.mark.parametrize("path", CASES or [SUITES], ids=name)
def test_another_parser_reads_what_is_printed(path: Path) -> None:
    wasmtime = pytest.importorskip("wasmtime")
    for module in loaded(parse_script(path.read_bytes(), path.name)):
        assert encode(decode(bytes(wasmtime.wat2wasm(print_module(module))))) == encode(module)


def loaded(commands: list[Command]) -> Iterator[ModuleDef]:
    """Yield the modules of a script that are written as text, but for those that are refused as invalid already."""
    invalid = {id(command.module) for command in commands if isinstance(command, AssertInvalid)}
    for module in modules_of(commands):
        if module.form == "binary":
            continue
        try:
            yield module.load()
        except ValidationError:
            assert id(module) in invalid


def refused(command: AssertMalformed) -> bool:
    """Tell whether a module that is written as text is refused with the right words."""
    if command.module.form != "quote":
        return True
    try:
        command.module.load()
    except ParseError as error:
        return command.message in error.message and error.line is not None
    return False
