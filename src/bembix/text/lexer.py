"""Text to words: one regular expression cuts the source, and places are worked out only when something asks for one.

Source: core 3.0, 6.3.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate, repeat
from typing import Final

from bembix.errors import ParseError
from bembix.spec.limits import MAX_TEXT_NESTING
from bembix.text.annotations import blank, source_error
from bembix.text.patterns import IDCHARS, SPACE, STRING

#: What is no space: parentheses, runs of identifier characters and strings (which is what needs space between), the
#: end, and as a last resort any character, which nothing will accept.  (The runs are not possessive: CPython 3.11.2,
#: Debian's, stays where a string has failed then.)
_WORD: Final = re.compile(rf"{SPACE}([()]|(?:{IDCHARS}|{STRING})+|\Z|.)")
_STEP: Final = {"(": 1, ")": -1}
#: Empty words after the last, so that looking a little ahead needs no check.
_END: Final = ("",) * 4


def decode(source: str | bytes, filename: str | None = None) -> str:
    """Return the source as text.

    Errors: ParseError where it is not UTF-8.
    """
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise source_error("malformed UTF-8 encoding", before, len(before), filename) from None
    return source if isinstance(source, str) else text


class Words:
    """A source cut into words.

    words: parentheses, strings with their quotes, identifiers, numbers, keywords; an annotation that means something to
    us is one word; then empty words.
    """

    __slots__ = ("_annotations", "_depths", "_lines", "_starts", "_text", "filename", "source", "words")

    def __init__(self, source: str, filename: str | None = None) -> None:
        self.source: str = source
        self.filename: str | None = filename
        text, annotations = blank(source, filename) if "(;" in source or "(@" in source else (source, [])
        self._text = text
        self._annotations = [start for start, _, _ in annotations]
        self.words: list[str] = []
        at = 0
        for start, end, annotation in [*annotations, (len(text), len(text), "")]:
            self.words += [*_WORD.findall(text, at, start), annotation]
            at = end
        if annotations:
            self.words = [word for word in self.words if word]
        self.words += _END
        self._starts: list[int] | None = None
        self._lines: list[int] | None = None
        self._depths: list[int] | None = None

    def _offsets(self) -> list[int]:
        """Return where each word begins in the source."""
        found = [match.start(1) for match in _WORD.finditer(self._text) if match[1]]
        return sorted(found + self._annotations) if self._annotations else found

    def offset(self, index: int) -> int:
        """Return where a word begins in the source; the empty words begin where it ends."""
        if self._starts is None:
            self._starts = self._offsets()
        return self._starts[index] if index < len(self._starts) else len(self.source)

    def line(self, index: int) -> int:
        """Return the line of a word, counted from 1."""
        if self._lines is None:
            self._lines = [m.start() for m in re.finditer("\n", self.source)]
        return bisect_right(self._lines, self.offset(index)) + 1

    def error(self, message: str, index: int, kind: type[ParseError] = ParseError) -> ParseError:
        """Return an error at a word."""
        return source_error(message, self.source, self.offset(index), self.filename, kind)

    def closing(self, index: int) -> int:
        """Return the index of the parenthesis that closes the one at `index`.

        Errors: ParseError where there is none, or where parentheses nest too deep anywhere.
        """
        if self._depths is None:
            self._depths = list(accumulate(map(_STEP.get, self.words, repeat(0))))
            if max(self._depths) > MAX_TEXT_NESTING:
                place = self._depths.index(MAX_TEXT_NESTING + 1)
                raise self.error(f"parentheses nest too deep: the limit is {MAX_TEXT_NESTING}", place)
        try:
            return self._depths.index(self._depths[index] - 1, index)
        except ValueError:
            if '"' in self.words[index:]:
                raise self.error("unclosed string", self.words.index('"', index)) from None
            raise self.error("unexpected token: this parenthesis is never closed", index) from None
