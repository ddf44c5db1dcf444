"""Regular expressions of the lexical grammar.  Source: core 3.0, 6.3."""

from __future__ import annotations

import re
from typing import Final

#: Space, line ends and line comments; block comments and annotations have been blanked out where there are any.
SPACE: Final = r"[ \t\n\r]*+(?:;;[^\n\r]*+[ \t\n\r]*+)*+"
#: A run of identifier characters.
IDCHARS: Final = r"[!#$%&'*+\-./0-9:<=>?@A-Z\\^_`a-z|~]++"
#: A string; whether its escapes are right is found out when it is read.
STRING: Final = r'"(?:[^"\\\x00-\x1f\x7f]++|\\[^\x00-\x1f\x7f])*+"'

_DIGITS: Final = r"[0-9]+(?:_[0-9]+)*"
_HEX: Final = r"[0-9A-Fa-f]+(?:_[0-9A-Fa-f]+)*"

NATURAL: Final = re.compile(rf"{_DIGITS}|0x{_HEX}")
INTEGER: Final = re.compile(rf"[+-]?(?:{_DIGITS}|0x{_HEX})")
DECIMAL_FLOAT: Final = re.compile(rf"[+-]?{_DIGITS}(?:\.(?:{_DIGITS})?)?(?:[eE][+-]?{_DIGITS})?")
HEX_FLOAT: Final = re.compile(rf"[+-]?0x{_HEX}(?:\.(?:{_HEX})?)?(?:[pP][+-]?{_DIGITS})?")
SPECIAL_FLOAT: Final = re.compile(rf"[+-]?(?:inf|nan(?::0x({_HEX}))?)")

WHOLE_STRING: Final = re.compile(STRING)
IDENTIFIER: Final = re.compile(rf"\$(?:{IDCHARS}|{STRING})")
#: Characters that are in no token but may be in annotations.
RESERVED: Final = frozenset(",;[]{}")


def is_number(word: str) -> bool:
    """Tell whether a word is a number of any kind."""
    return any(pattern.fullmatch(word) for pattern in (INTEGER, DECIMAL_FLOAT, HEX_FLOAT, SPECIAL_FLOAT))
