"""A place in the words of a source, and how to read the small things from there.  Source: core 3.0, 6.3."""

from __future__ import annotations

from bembix.errors import ParseError
from bembix.text.keywords import complaint
from bembix.text.lexer import Words
from bembix.text.numbers import NumberError, natural
from bembix.text.patterns import IDENTIFIER, WHOLE_STRING
from bembix.text.strings import StringError, bytes_of, text_of


class Cursor:
    """Reads forward through words.

    source: the words with their places.  words: the same, bare.  at: index of the next one.
    """

    def __init__(self, source: Words, at: int = 0) -> None:
        self.source = source
        self.words: list[str] = source.words
        self.at: int = at

    def error(self, message: str, at: int | None = None) -> ParseError:
        """Return an error at a word, by default the next one."""
        return self.source.error(message, self.at if at is None else at)

    def unexpected(self, wanted: str = "", at: int | None = None) -> ParseError:
        """Return the error that the next word can't stand here.  wanted: what could, in words."""
        at = self.at if at is None else at
        message, kind = complaint(self.words[at], wanted)
        return self.source.error(message, at, kind)

    def expect(self, word: str) -> None:
        """Go past the next word, which must be this one."""
        if self.words[self.at] != word:
            raise self.unexpected(word)
        self.at += 1

    def close(self) -> None:
        """Go past a closing parenthesis."""
        self.expect(")")

    def takes(self, word: str) -> bool:
        """Go past the next word if it is this one, and tell whether it was."""
        found = self.words[self.at] == word
        self.at += found
        return found

    def opens(self, keyword: str) -> bool:
        """Go past a parenthesis and a keyword if they come next, and tell whether they did."""
        if self.words[self.at] == "(" and self.words[self.at + 1] == keyword:
            self.at += 2
            return True
        return False

    def sees(self, keyword: str) -> bool:
        """Tell whether a parenthesis and this keyword come next."""
        return self.words[self.at] == "(" and self.words[self.at + 1] == keyword

    def skip(self) -> None:
        """Go past the closing parenthesis of the opening one that comes next."""
        self.at = self.source.closing(self.at) + 1

    def string(self) -> bytes:
        """Read one string."""
        word = self.words[self.at]
        if WHOLE_STRING.fullmatch(word) is None:
            raise self.unexpected("a string")
        try:
            found = bytes_of(word)
        except StringError as error:
            raise self.error(str(error)) from None
        self.at += 1
        return found

    def strings(self) -> bytes:
        """Read any number of strings and join them."""
        found = []
        while self.words[self.at][:1] == '"':
            found.append(self.string())
        return b"".join(found)

    def name(self) -> str:
        """Read a string that must be UTF-8."""
        at = self.at
        try:
            return self.string().decode()
        except UnicodeDecodeError:
            raise self.error("malformed UTF-8 encoding", at) from None

    def identifier(self) -> str | None:
        """Read an identifier if one comes next, and return the name that it stands for."""
        word = self.words[self.at]
        if word[:1] != "$":
            return None
        name = word[1:]
        if '"' in word or not name:
            if IDENTIFIER.fullmatch(word) is None or name == '""':
                raise self.unexpected()
            try:
                name = text_of(name)
            except StringError as error:
                raise self.error(str(error)) from None
        self.at += 1
        return name

    def natural(self, bits: int, wanted: str = "a number") -> int:
        """Read an unsigned integer without sign."""
        try:
            found = natural(self.words[self.at], bits)
        except NumberError as error:
            raise self.error(str(error)) from None
        if found is None:
            raise self.unexpected(wanted)
        self.at += 1
        return found
