"""Which word of a text an instruction comes from, so that errors found in its bytes have a line and a column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from text_helpers import SUITES, needs_suites, scripts

import bembix
from bembix.binary.immediates import read_locals
from bembix.binary.instructions import instructions
from bembix.errors import ParseError, ValidationError
from bembix.spec.module import ExternKind
from bembix.text.declare import declare
from bembix.text.lexer import Words, decode
from bembix.text.parse import parse
from bembix.text.places import instruction_words
from bembix.text.scope import Context

PATHS = scripts()
CASES = [pytest.param(path, marks=() if path in PATHS[::10] else pytest.mark.long) for path in PATHS]


@needs_suites
@pytest.mark.parametrize("path", CASES or [SUITES], ids=lambda path: path.name)
def test_every_instruction_has_its_word(path: Path) -> None:
    for source in modules(path):
        try:
            module = parse(source)
        except ParseError:
            continue
        words = Words(decode(source, None), None)
        c = Context(words)
        if c.opens("module"):
            c.identifier()
            c.name_annotation()
        if c.words[c.at] in ("binary", "quote"):
            continue
        imported = sum(one.kind is ExternKind.FUNC for one in module.imports)
        bodies = [
            (start, stop)
            for start, stop, keyword, index in declare(c).fields
            if keyword == "func" and index >= imported
        ]
        for code, place in zip(module.code, bodies, strict=True):
            rows = [row.keyword for _, row, _ in instructions(code.data, read_locals(code.data, 0)[1], code.end)]
            found = [words.words[at] for at in instruction_words(words, *place)]
            assert ["end" if word == ")" else word for word in found] == rows


def modules(path: Path) -> Iterator[str]:
    """Yield the modules of a script that stand in it as they are."""
    source = path.read_text()
    words = Words(decode(source, None), None)
    for at, word in enumerate(words.words[:-2]):
        if word == "(" and words.words[at + 1] == "module":
            yield source[words.offset(at) : words.offset(words.closing(at)) + 1]


FOLDED = """(module
  (import "a" "b" (func))
  (func $other)
  (func $f (export "f") (param i32) (result i32) (local i64)
    (if (result i32) (local.get 0)
      (then (i32.const 1))
      (else
        (i32.add
          (i32.const 1)
          (i64.const 2))))))"""


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (FOLDED, (8, 10)),
        ('(module (func (result i32)\n  i32.const 1\n  drop))', (3, 7)),
        ('(func nop\n  block\n drop end)', (3, 2)),
        ("(func (try_table (catch_all 0)\n(call 7)))", (2, 2)),
        ("(func (param i32)\n try nop catch_all i32.eqz end)", (2, 20)),
    ],
)  # fmt: skip
def test_errors_have_a_place(source: str, place: tuple[int, int]) -> None:
    with pytest.raises(ValidationError) as caught:
        bembix.Module(source)
    error = caught.value
    assert (error.line, error.column) == place
    assert error.source_line == source.splitlines()[place[0] - 1]
    assert error.offset is not None
    assert f"<text>:{place[0]}:{place[1]}: " in str(error)
