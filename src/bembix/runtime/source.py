"""Read a module from whatever the user has of it.  Source: core 3.0, 5.1, 6.1 (the formats say what they are)."""

from __future__ import annotations

import os
from typing import Final

from bembix.errors import ParseError
from bembix.spec.module import ModuleDef

_MAGIC: Final = b"\0asm"
#: What text can begin with: anything else gets the binary decoder's message.
_TEXT_STARTS: Final = (b"(", b";;", b"\xef\xbb\xbf")


def read_module(source: object, filename: str | None) -> tuple[ModuleDef, bytes]:
    """Return the definitions of a module and its binary form.

    source: text as str; either form as bytes, or as anything with a buffer.
    Errors: ParseError; TypeError for anything else.
    """
    if isinstance(source, str):
        try:
            return _read_text(source, filename)
        except ParseError as error:
            if "(" not in source:
                error.add_note("A str is the text of a module; Module.from_file(path) reads a file.")
            raise
    try:
        content = bytes(memoryview(source))  # type: ignore[arg-type]
    except TypeError:
        hint = "; use Module.from_file for a path" if isinstance(source, os.PathLike) else ""
        raise TypeError(f"a module is made of bytes or str (WAT), not {type(source).__name__}{hint}") from None
    if _is_text(content):
        return _read_text(content, filename)
    from bembix.binary.decode import decode

    return decode(content, filename), content


def give_place(error: ParseError, source: object, module: ModuleDef) -> None:
    """Have an error that was found in the binary form of a text tell line and column.  source: as for `read_module`."""
    text = source if isinstance(source, str) else bytes(memoryview(source))  # type: ignore[arg-type]
    if isinstance(text, str) or _is_text(text):
        from bembix.text import places

        places.give_place(error, text, module)


def _is_text(content: bytes) -> bool:
    return not content.startswith(_MAGIC) and content.lstrip().startswith(_TEXT_STARTS)


def _read_text(source: str | bytes, filename: str | None) -> tuple[ModuleDef, bytes]:
    """Read text by way of the binary form: the byte offsets in messages and backtraces are those of `to_bytes`."""
    from bembix.binary.decode import decode
    from bembix.binary.encode import encode
    from bembix.text.parse import parse

    content = encode(parse(source, filename))
    return decode(content, filename), content
