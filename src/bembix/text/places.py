"""Where the instructions of a function stand in a text: for errors that are found in the bytes made of it.

What writes bodies keeps no places, since only a module that is wrong needs them.  So the words of one function are
read once more, for nothing but the order in which their instructions are written.  Source: core 3.0, 6.5.
"""

from __future__ import annotations

from typing import Final

from bembix.binary.immediates import read_locals
from bembix.binary.instructions import instructions
from bembix.errors import ParseError
from bembix.spec.module import Code, ExternKind, ModuleDef
from bembix.text.blocks import CLAUSES, OPENERS, PLAIN
from bembix.text.declare import declare
from bembix.text.lexer import Words, decode
from bembix.text.scope import Context

#: What a parenthesis closes where that is neither an instruction nor a block, whose last instruction is an `end`.
_CLAUSE: Final = ""
#: The blocks that have clauses when they are folded.
_DIVIDED: Final = ("if", "try")
#: Clauses that are no instruction.
_FIRST: Final = frozenset(("then", "do"))


def give_place(error: ParseError, source: str | bytes, module: ModuleDef) -> None:
    """Have an error tell line and column of the instruction that it has the offset of.

    source: the text.  module: what was made of its bytes.  Errors in other places keep their offset.
    """
    if error.offset is None or error.line is not None:
        return
    imported = sum(one.kind is ExternKind.FUNC for one in module.imports)
    for index, code in enumerate(module.code, imported):
        if code.start + code.delta <= error.offset < code.end + code.delta:
            words = Words(decode(source, error.filename), error.filename)
            at = _word(words, index, code, error.offset - code.delta)
            if at is not None:
                there = words.error("", at)
                error.line, error.column, error.source_line = there.line, there.column, there.source_line
            return


def _word(words: Words, index: int, code: Code, offset: int) -> int | None:
    """Return which word the instruction at an offset in `code` comes from."""
    body = _body(words, index)
    if body is None:
        return None
    _, start = read_locals(code.data, code.start)
    count = sum(at <= offset for at, *_ in instructions(code.data, start, code.end))
    found = instruction_words(words, *body)
    return found[count - 1] if 0 < count <= len(found) else None


def _body(words: Words, index: int) -> tuple[int, int] | None:
    """Return between which words a function stands, by its index; None where the module is not written as text."""
    c = Context(words)
    if c.opens("module"):
        c.identifier()
        c.name_annotation()
        if c.words[c.at] in ("binary", "quote"):
            return None
    for start, stop, keyword, number in declare(c).fields:
        if (keyword, number) == ("func", index):
            return start, stop
    return None


def instruction_words(words: Words, start: int, stop: int) -> list[int]:
    """Return which word each instruction comes from, in the order in which they are written; the last is the `end`.

    start, stop: the first word after the keyword of a function, and the parenthesis that closes it.
    """
    found: list[int] = []
    open_: list[tuple[str, int]] = []  # what parentheses will close: the opener of a block, or an instruction; its word
    at = start
    while at < stop:
        word = words.words[at]
        if word == "(":
            at = _open(words, at, found, open_)
            continue
        if word == ")":
            keyword, inside = open_.pop()
            if keyword in OPENERS:
                found.append(at)
            elif keyword in PLAIN:
                found.append(inside)
        elif word in PLAIN or word in OPENERS or word in CLAUSES:
            found.append(at)
        at += 1
    return [*found, stop]


def _open(words: Words, at: int, found: list[int], open_: list[tuple[str, int]]) -> int:
    """Read an opening parenthesis and its keyword; return where to go on."""
    word, inside = words.words[at + 1], at + 1
    if word in PLAIN:
        open_.append((word, inside))
    elif word in OPENERS:
        open_.append((word, inside))
        if word != "if":
            found.append(inside)
    elif word in CLAUSES | _FIRST and open_ and open_[-1][0] in _DIVIDED:
        if word == "then":
            found.append(open_[-1][1])
        elif word == "delegate":
            open_[-1] = _CLAUSE, inside
        if word not in _FIRST:
            found.append(inside)
        open_.append((_CLAUSE, inside))
    else:  # an immediate, such as (type 0)
        return words.closing(at) + 1
    return inside + 1
