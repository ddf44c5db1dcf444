"""The generator makes valid modules, and reaches every row that the LLVM tier compiles."""

from __future__ import annotations

from collections import Counter

from bodies import BUILDERS, ROWS
from generator import programs, seeded
from hypothesis import HealthCheck, given, settings

from bembix.binary.decode import decode
from bembix.binary.encode import encode
from bembix.text.parse import parse
from bembix.text.print import print_module
from bembix.validate.dispatch import make_walker
from bembix.validate.module import check_module

SAMPLES = 600


def validate(binary: bytes) -> None:
    definition = decode(binary)
    context = check_module(definition)
    walker = make_walker(context)
    for number, code in enumerate(definition.code):
        walker.walk(context.imported_functions + number, code)


def test_every_irregular_row_has_a_builder() -> None:
    assert [row.name for row in ROWS if not row.regular and row.name not in BUILDERS] == []


def test_every_row_is_reached() -> None:
    seen: Counter[str] = Counter()
    for seed in range(SAMPLES):
        seen.update(seeded(seed).rows)
    assert [row.name for row in ROWS if not seen[row.name]] == []


def test_a_seed_gives_the_same_program_again() -> None:
    assert seeded(7).modules == seeded(7).modules


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(program=programs())
def test_modules_are_valid(program: object) -> None:
    for binary in program.modules.values():  # type: ignore[attr-defined]
        validate(binary)


def test_modules_survive_the_text_format() -> None:
    wrong = []
    for seed in range(100):
        for binary in seeded(seed).modules.values():
            text = print_module(decode(binary))
            if print_module(decode(encode(parse(text)))) != text:
                wrong.append(seed)
    assert wrong == []
