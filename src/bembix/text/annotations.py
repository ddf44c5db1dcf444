"""Block comments and annotations: both nest, so regular expressions alone can't skip them.

They become spaces of the same length before the source is cut into words; the annotations of `KEPT` stay, each as one
word that the parser sees.  Source: core 3.0, 6.3.3 and appendix "Custom Sections and Annotations".
"""

from __future__ import annotations

import re
from typing import Final

from bembix.errors import ParseError
from bembix.text.patterns import IDCHARS, SPACE, STRING
from bembix.text.strings import StringError, text_of

#: Names of the annotations that mean something to us.
KEPT: Final = ("custom", "name", "metadata.code.branch_hint")

_MARK: Final = re.compile(rf'{STRING}|;;[^\n\r]*|\(;|\(@|"')
_COMMENT: Final = re.compile(r"\(;|;\)")
_ID: Final = re.compile(rf"{IDCHARS}|{STRING}")
_TOKEN: Final = re.compile(rf"{SPACE}(\(;|[()]|{STRING}|{IDCHARS}|[,;\[\]{{}}]|\Z|.)")


def source_error(
    message: str, source: str, offset: int, filename: str | None, kind: type[ParseError] = ParseError
) -> ParseError:
    """Return an error at an offset of the source, in characters."""
    start = source.rfind("\n", 0, offset) + 1
    end = source.find("\n", offset)
    return kind(
        message,
        line=source.count("\n", 0, offset) + 1,
        column=offset - start + 1,
        source_line=source[start : end if end >= 0 else len(source)].rstrip("\r"),
        filename=filename,
    )


def _spaces(text: str) -> str:
    return re.sub(r"[^\n\r]", " ", text)


def blank(source: str, filename: str | None) -> tuple[str, list[tuple[int, int, str]]]:
    """Return the source with spaces for comments and annotations.

    Also return where the annotations of `KEPT` begin and end, and each as one word.
    """
    pieces: list[str] = []
    kept: list[tuple[int, int, str]] = []
    at = 0
    while (mark := _MARK.search(source, at)) is not None:
        start, end = mark.span()
        pieces.append(source[at:start])
        if mark[0] == "(;":
            end = _comment_end(source, start, filename)
            pieces.append(_spaces(source[start:end]))
        elif mark[0] == "(@":
            name, middle, end = _annotation(source, start, filename)
            if name in KEPT:
                kept.append((start, end, f"(@{name}{source[middle:end]}"))
            pieces.append(_spaces(source[start:end]))
        else:
            pieces.append(mark[0])
        at = end
    pieces.append(source[at:])
    return "".join(pieces), kept


def _comment_end(source: str, start: int, filename: str | None) -> int:
    """Return where the block comment that begins at `start` ends."""
    depth = 0
    for mark in _COMMENT.finditer(source, start):
        depth += 1 if mark[0] == "(;" else -1
        if not depth:
            return mark.end()
    raise source_error("unclosed comment", source, start, filename)


def _annotation(source: str, start: int, filename: str | None) -> tuple[str, int, int]:
    """Return the name of the annotation that begins at `start`, where its name ends and where it ends."""
    found = _ID.match(source, start + 2)
    if found is None:
        raise source_error("empty annotation id", source, start, filename)
    try:
        name = text_of(found[0]) if found[0][0] == '"' else found[0]
    except StringError as error:
        raise source_error(str(error), source, start, filename) from None
    if not name:
        raise source_error("empty annotation id", source, start, filename)
    return name, found.end(), _annotation_end(source, start, found.end(), filename)


def _annotation_end(source: str, start: int, at: int, filename: str | None) -> int:
    """Return where an annotation ends whose tokens begin at `at`."""
    depth = 1
    while depth:
        token = _TOKEN.match(source, at)
        word = token[1] if token else ""
        at = token.end() if token else at
        if word == "(;":
            at = _comment_end(source, at - 2, filename)
        elif word in ("(", ")"):
            depth += 1 if word == "(" else -1
        elif not word:
            raise source_error("unclosed annotation", source, start, filename)
        elif word == '"':
            raise source_error("unclosed string", source, at - 1, filename)
        elif len(word) == 1 and not re.match(r"[!-~]", word):
            raise source_error(f"illegal character {word!r}", source, at - 1, filename)
    return at
