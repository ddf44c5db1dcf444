"""Words, strings, comments and annotations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from text_helpers import failure

from bembix.text.lexer import Words
from bembix.text.parse import parse
from bembix.text.strings import bytes_of, identifier, quoted, quoted_bytes, text_of


def words(source: str) -> list[str]:
    return [word for word in Words(source).words if word]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("(func$f)", ["(", "func$f", ")"]),
        ('(data"a")', ["(", 'data"a"', ")"]),
        ("(a;;b\n)", ["(", "a", ")"]),
        ("(;a;)(;(;;);)b", ["b"]),
        ("(@x ())a", ["a"]),
        ('"(;" ;; (;\n"(@"', ['"(;"', '"(@"']),
        ('(@name "n")a', ['(@name "n")', "a"]),
        ('(@"name" "n")a', ['(@name "n")', "a"]),
    ],
)
def test_words(source: str, expected: list[str]) -> None:
    assert words(source) == expected


def test_places_count_what_was_skipped() -> None:
    source = Words('(; one\n ;) a (@custom "x")\n b')
    assert [source.offset(i) for i in range(3)] == [11, 13, 28]
    assert [source.line(i) for i in range(3)] == [2, 2, 3]


def test_the_parenthesis_that_closes() -> None:
    source = Words("(a (b) (c (d))) (e)")
    assert [source.closing(i) for i, word in enumerate(source.words) if word == "("] == [11, 4, 10, 9, 14]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (r'"a\n\t\\\"\'"', b"a\n\t\\\"'"),
        (r'"\00\fF"', b"\0\xff"),
        (r'"\u{1F600}\u{0_041}"', "😀A".encode()),
        ('"é"', "é".encode()),
    ],
)
def test_strings(word: str, value: bytes) -> None:
    assert bytes_of(word) == value


@pytest.mark.parametrize("word", [r'"\q"', r'"\0"', r'"\u{}"', r'"\u{110000}"', r'"\u{d800}"', r'"\u{1__0}"', r'"\é"'])
def test_bad_escapes(word: str) -> None:
    assert "illegal escape" in failure(f"(data {word})").message


@given(st.binary())
def test_bytes_read_back(data: bytes) -> None:
    assert bytes_of(quoted_bytes(data)) == data


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_texts_read_back(text: str) -> None:
    assert words(quoted(text)) == [quoted(text)]
    assert text_of(quoted(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_identifiers_read_back(name: str) -> None:
    assert parse(f"(func {identifier(name)})").names.functions == {0: name}


@pytest.mark.parametrize(
    ("source", "message", "line", "column"),
    [
        ("(func)\n  (; (; ;)", "unclosed comment", 2, 3),
        ("(func) (@x (", "unclosed annotation", 1, 8),
        ("(@ x)", "empty annotation id", 1, 1),
        ('(@x ")', "unclosed string", 1, 5),
        ("(@x é)", "illegal character", 1, 5),
        ("(func é)", "illegal character", 1, 7),
        ('(data "a)', "unclosed string", 1, 7),
        ('(data "a', "unclosed string", 1, 7),
        ('(data "a\n")', "unclosed string", 1, 7),
        ("(func $)", "empty identifier", 1, 7),
        ('(func $"")', "empty identifier", 1, 7),
        ("(func) )", "unexpected token )", 1, 8),
        ("(func\n", "unexpected token", 1, 1),
        (b'(func)\n (data "\xff")', "malformed UTF-8 encoding", 2, 9),
        ('(data "\ud800")', "malformed UTF-8 encoding", 1, 8),
    ],
)
def test_lexical_errors(source: str | bytes, message: str, line: int, column: int) -> None:
    error = failure(source)
    assert message in error.message
    assert (error.line, error.column, error.filename) == (line, column, "it.wat")
