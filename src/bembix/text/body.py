"""Instruction sequences: function bodies and constant expressions, written to bytes as they are read.

Folded instructions are kept on a stack of ours until their parenthesis closes, so that nesting is no recursion.
Source: core 3.0, 6.5, 6.6.
"""

from __future__ import annotations

from itertools import groupby
from typing import Final

from bembix.binary.immediates import write_locals
from bembix.binary.instructions import write_instruction
from bembix.spec.instructions import BY_NAME
from bembix.spec.limits import MAX_LOCALS
from bembix.spec.module import Code, Expr
from bembix.text.blocks import (
    CLAUSES,
    OPENERS,
    PLAIN,
    Block,
    Mode,
    Open,
    Operator,
    close_block,
    mode_within,
    next_clause,
    open_block,
    read_hint,
    repeated_label,
    write_hint,
)
from bembix.text.scope import Context, Labels, Space
from bembix.text.types import variables

_END: Final = write_instruction(BY_NAME["end"])


class _Sequence:
    """Reads instructions up to a word.

    stack: what is open, innermost last.  mode: what may come next.  hint: for the next instruction.
    """

    __slots__ = ("c", "hint", "mode", "out", "stack")

    def __init__(self, c: Context, out: bytearray) -> None:
        self.c = c
        self.out = out
        self.stack: list[Open] = []
        self.mode = Mode.ANY
        self.hint: bytes | None = None

    def read(self, stop: int) -> None:
        """Read all instructions before the word at `stop`."""
        c = self.c
        words = c.words
        while c.at < stop:
            word = words[c.at]
            if word == "(":
                self._open(words[c.at + 1])
            elif word == ")":
                self._close()
            elif self.mode is not Mode.ANY:
                raise c.unexpected("a folded instruction")
            elif (code := PLAIN.get(word)) is not None:
                c.at += 1
                if self.hint is not None:
                    self._write_hint()
                self.out += code if isinstance(code, bytes) else code(c)
            else:
                self._structure(word)
        if self.stack:
            raise c.unexpected("end")

    def _open(self, word: str) -> None:
        """Read an opening parenthesis and what comes right after it."""
        c = self.c
        if self.mode is Mode.CLAUSES or (code := PLAIN.get(word)) is None:
            self._open_structure(word)
            return
        c.at += 2
        if not isinstance(code, bytes):
            code = code(c)
        if self.hint is not None:
            code = Operator(code)
            code.hint, self.hint = self.hint, None
        self.stack.append(code)
        self.mode = Mode.FOLDED

    def _close(self) -> None:
        """Read a closing parenthesis."""
        if not self.stack:
            raise self.c.unexpected("an instruction")
        top = self.stack.pop()
        if isinstance(top, Operator):
            write_hint(self.c, self.out, top.hint)
        if isinstance(top, bytes):
            self.out += top
        elif top is not None:
            if not top.folded:
                raise self.c.unexpected("end")
            close_block(self.c, self.out, top)
        self.c.at += 1
        self.mode = mode_within(self.stack)

    def _open_structure(self, word: str) -> None:
        """Read the parenthesis and the keyword of a folded block, or of a clause of one."""
        c = self.c
        c.at += 1
        top = self.stack[-1] if self.stack else None
        if word in CLAUSES and isinstance(top, Block) and top.folded:
            next_clause(c, self.out, top)
            if word == "delegate":
                c.close()
            else:
                self.stack.append(None)
        elif word in OPENERS and self.mode is not Mode.CLAUSES:
            block = open_block(c, self.out, folded=True)
            block.hint, self.hint = self.hint, None
            self.stack.append(block)
        else:
            raise c.unexpected("an instruction")
        self.mode = mode_within(self.stack)

    def _structure(self, word: str) -> None:
        """Read the keyword of a flat block, of its clauses or its end, or an annotation."""
        c = self.c
        top = self.stack[-1] if self.stack else None
        if word in OPENERS:
            if self.hint is not None:
                self._write_hint()
            self.stack.append(open_block(c, self.out, folded=False))
        elif word.startswith("(@metadata"):
            self.hint = read_hint(c)
        elif word not in CLAUSES or not isinstance(top, Block) or top.folded:
            raise c.unexpected("an instruction")
        elif word == "end":
            c.at += 1
            repeated_label(c, top)
            close_block(c, self.out, top)
            self.stack.pop()
        else:
            next_clause(c, self.out, top)
            if word == "delegate":
                self.stack.pop()

    def _write_hint(self) -> None:
        write_hint(self.c, self.out, self.hint)
        self.hint = None


def function_body(c: Context, stop: int, index: int) -> Code:
    """Read the locals and instructions of a function before the word at `stop`.

    c.locals has the parameters.  index: of the function.
    """
    found = []
    while c.opens("local"):
        at = c.at
        found += variables(c, c.locals)
        if len(found) > MAX_LOCALS:
            raise c.error(f"too many locals: the limit is {MAX_LOCALS}", at)
    out = bytearray(write_locals([(len(list(run)), valtype) for valtype, run in groupby(found)]))
    c.hints = []
    c.labels = labels = Labels({})
    _Sequence(c, out).read(stop)
    if c.hints:
        c.all_hints[index] = c.hints
    if labels.known:
        c.module.names.labels[index] = labels.known
    data = bytes(out) + _END
    return Code(data, 0, len(data))


def expression(c: Context, stop: int) -> Expr:
    """Read a constant expression before the word at `stop`."""
    out = bytearray()
    c.locals = Space("local", {})
    c.labels = Labels({})
    used = c.uses_data
    _Sequence(c, out).read(stop)
    c.uses_data = used  # only function bodies ask for a data count
    return Expr(bytes(out) + _END)


def enclosed_expression(c: Context, keyword: str) -> Expr:
    """Read `(keyword instructions)` or one folded instruction."""
    if c.words[c.at] != "(":
        raise c.unexpected(f"({keyword} or a folded instruction")
    stop = c.source.closing(c.at)
    if not c.opens(keyword):
        return expression(c, stop + 1)
    found = expression(c, stop)
    c.close()
    return found
