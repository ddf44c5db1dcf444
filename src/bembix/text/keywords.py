"""Every word that has a meaning in the text format, and what to say about one that has none.  Source: core 3.0, 6.3."""

from __future__ import annotations

import re
from typing import Final

from bembix.errors import ParseError
from bembix.spec.instructions import TABLE
from bembix.spec.types import VALTYPE_KEYWORDS, AbsHeap, Packed
from bembix.text.patterns import IDCHARS, IDENTIFIER, RESERVED, WHOLE_STRING, is_number

_GRAMMAR: Final = """
    module definition instance binary quote type rec sub final struct array field mut shared pagesize
    func param result local global table memory tag elem data start import export item offset declare ref null
    then do catch_ref catch_all_ref nan:canonical nan:arithmetic i8x16 i16x8 i32x4 i64x2 f32x4 f64x2
    register invoke get either thread wait assert_return assert_trap assert_exhaustion assert_malformed assert_invalid
    assert_unlinkable assert_exception assert_malformed_custom assert_invalid_custom ref.extern ref.host
    ref.array ref.struct ref.any ref.eq ref.exn ref.func ref.i31
"""

INSTRUCTIONS: Final = frozenset(row.keyword for row in TABLE)
KEYWORDS: Final = frozenset(
    [*INSTRUCTIONS, *_GRAMMAR.split(), *VALTYPE_KEYWORDS, *map(str, AbsHeap), *map(str, Packed)],
)
_MEMARG: Final = re.compile(r"(?:offset|align)=(.*)")
_IDCHAR: Final = re.compile(IDCHARS)
_SHOWN: Final = 60  #: characters of a word that messages repeat


class UnknownOperator(ParseError):
    """A word that means nothing; the closest instructions are looked up when the error is shown."""

    def __str__(self) -> str:
        word = self.message.rpartition(" ")[2]
        from difflib import get_close_matches

        verb, _, noun = word.partition("_")
        renamed = f"{noun}.{verb}"  # as `get_local` was
        close = [renamed] if renamed in KEYWORDS else get_close_matches(word, sorted(KEYWORDS), 2, 0.75)
        if not close:
            return super().__str__()
        first, newline, rest = super().__str__().partition("\n")
        return f"{first} (did you mean {' or '.join(close)}?){newline}{rest}"


def complaint(word: str, wanted: str = "") -> tuple[str, type[ParseError]]:
    """Return what to say about a word that is not expected, and as which class of error.

    wanted: what would have been, in words.
    """
    shown = word if len(word) <= _SHOWN else word[:_SHOWN] + "..."
    expected = f", expected {wanted}" if wanted else ""
    if not word:
        return f"unexpected token: the end{expected}", ParseError
    if word.startswith("(@"):
        return _misplaced(word), ParseError
    if word in ("$", '$""'):
        return "empty identifier", ParseError
    if _is_token(word):
        return f"unexpected token {shown}{expected}", ParseError
    if word == '"':
        return "unclosed string", ParseError
    if len(word) == 1 and word not in RESERVED and not _IDCHAR.match(word):
        return f"illegal character {word!r}", ParseError
    return f"unknown operator {shown}", UnknownOperator


def _is_token(word: str) -> bool:
    """Tell whether a word is one of the grammar, wherever it may stand."""
    memarg = _MEMARG.fullmatch(word)
    return (
        word in "()"
        or word in KEYWORDS
        or is_number(word)
        or (memarg is not None and memarg[1][:1].isdigit() and is_number(memarg[1]))
        or IDENTIFIER.fullmatch(word) is not None
        or WHOLE_STRING.fullmatch(word) is not None
    )


def _misplaced(word: str) -> str:
    """Return what to say about an annotation in the wrong place."""
    if word.startswith("(@metadata.code."):
        return "@metadata.code.branch_hint annotation: not in a function"
    return f"misplaced {'@custom' if 'custom' in word[:10] else '@name'} annotation"
