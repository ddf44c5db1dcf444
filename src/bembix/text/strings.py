"""Strings and identifiers, both ways.  Source: core 3.0, 6.3.3 (strings), 6.3.5 (identifiers)."""

from __future__ import annotations

import re
from typing import Final

from bembix.text.patterns import IDCHARS

_ESCAPE: Final = re.compile(r"\\(?:([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f]+(?:_[0-9A-Fa-f]+)*)\}|([tnr\"'\\])|.?)")
_SIMPLE: Final = {"t": b"\t", "n": b"\n", "r": b"\r", '"': b'"', "'": b"'", "\\": b"\\"}
_SURROGATES: Final = range(0xD800, 0xE000)
_MAX_CODE_POINT: Final = 0x10FFFF

_PLAIN_ID: Final = re.compile(IDCHARS)
#: What a printed string escapes: quotes, backslashes, what can't be seen and what turns the direction of writing.
_UNSEEN: Final = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]')
_NOT_PRINTED: Final = re.compile(rb"[^ !#-\[\]-~]")


class StringError(ValueError):
    """A string that is malformed; its message says how."""


def _escaped(match: re.Match[str]) -> bytes:
    byte, point, letter = match.groups()
    if byte is not None:
        return bytes.fromhex(byte)
    if letter is not None:
        return _SIMPLE[letter]
    if point is None:
        raise StringError(f"illegal escape {match[0]}")
    digits = point.replace("_", "").lstrip("0") or "0"
    number = int(digits[:8], 16)
    if number > _MAX_CODE_POINT or number in _SURROGATES:
        raise StringError(f"illegal escape {match[0][:20]}: no Unicode character")
    return chr(number).encode()


def bytes_of(word: str) -> bytes:
    """Return the bytes that a string, with its quotes, stands for.

    Errors: StringError for a bad escape.
    """
    inner = word[1:-1]
    try:
        if "\\" not in inner:
            return inner.encode()
        out = []
        at = 0
        for match in _ESCAPE.finditer(inner):
            out += [inner[at : match.start()].encode(), _escaped(match)]
            at = match.end()
        return b"".join(out) + inner[at:].encode()
    except UnicodeEncodeError:
        raise StringError("malformed UTF-8 encoding: a lone surrogate") from None


def text_of(word: str) -> str:
    """Return the characters that a string, with its quotes, stands for.

    Errors: StringError for a bad escape, or for bytes that are not UTF-8.
    """
    try:
        return bytes_of(word).decode()
    except UnicodeDecodeError:
        raise StringError("malformed UTF-8 encoding") from None


def quoted(text: str) -> str:
    """Return the string literal of a text."""
    escaped = _UNSEEN.sub(lambda m: "".join(f"\\{byte:02x}" for byte in m[0].encode()), text)
    return f'"{escaped}"'


def quoted_bytes(data: bytes) -> str:
    """Return the string literal of bytes, in ASCII."""
    return '"' + _NOT_PRINTED.sub(lambda m: b"\\%02x" % m[0][0], data).decode("ascii") + '"'


def identifier(name: str) -> str:
    """Return the identifier that stands for a name, which is not empty."""
    return f"${name}" if _PLAIN_ID.fullmatch(name) else f"${quoted(name)}"
