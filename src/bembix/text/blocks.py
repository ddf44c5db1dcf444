"""Blocks in text, flat (`block ... end`) and folded (`(block ...)`): what opens, divides and closes them.

Source: core 3.0, 6.5.2 (structured instructions), 6.5.12 (folded instructions).
"""

from __future__ import annotations

import enum
from typing import Final

from bembix.binary.instructions import write_instruction
from bembix.errors import ValidationError
from bembix.spec.instructions import BY_NAME, TABLE, Imm, Instr
from bembix.text.immediates import ENCODERS, READERS, Encoder, label
from bembix.text.scope import Context


class Mode(enum.Enum):
    """What may come next."""

    ANY = 0
    FOLDED = 1  #: operands: folded instructions only
    CLAUSES = 2  #: the clauses of a folded `if` or `try`


#: The instructions that open a block.
OPENERS: Final[dict[str, Instr]] = {row.keyword: row for row in TABLE if Imm.BLOCKTYPE in row.immediates}
#: Which clause may come after which, by the opener; a folded `if` has its operands first, a folded `try` nothing.
_AFTER: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("if", "then"): ("operands",),
    ("if", "else"): ("then",),
    ("try", "do"): ("nothing",),
    ("try", "catch"): ("do", "catch"),
    ("try", "catch_all"): ("do", "catch"),
    ("try", "delegate"): ("do",),
}
#: The first clause, which only folded blocks write out.
_FIRST: Final = {"if": "then", "try": "do"}
_UNCLOSED: Final = {"operands": "(then", "nothing": "(do"}
CLAUSES: Final = frozenset([clause for _, clause in _AFTER] + ["end"])
#: Every other instruction.
PLAIN: Final[dict[str, bytes | Encoder]] = {
    word: code for word, code in ENCODERS.items() if word not in OPENERS and word not in CLAUSES
}
_HINTED: Final = ("if", "br_if")
_END: Final = write_instruction(BY_NAME["end"])


class Block:
    """A block that is not closed yet.

    opener: its keyword.  label: its identifier.  name: for the name section.
    folded: whether a parenthesis closes it.  clause: where in it we are.
    header: its first bytes, where they come after the operands.  hint: a branch hint for it.
    """

    __slots__ = ("clause", "folded", "header", "hint", "label", "name", "opener")

    def __init__(self, opener: str, label: str | None, name: str | None, folded: bool) -> None:
        self.opener: str = opener
        self.label: str | None = label
        self.name: str | None = label if name is None else name
        self.folded: bool = folded
        self.clause: str = _FIRST.get(opener, "")
        self.header: bytes = b""
        self.hint: bytes | None = None

    @property
    def mode(self) -> Mode:
        """What may come next, directly in this block."""
        if not self.folded or self.opener not in _FIRST:
            return Mode.ANY
        return Mode.FOLDED if self.clause == "operands" else Mode.CLAUSES


class Operator(bytes):
    """A folded instruction that is written after its operands, where it carries a hint."""

    hint: bytes


#: What a parenthesis will close: an instruction to write then, a block, or (None) a clause.
Open = bytes | Block | None


def mode_within(stack: list[Open]) -> Mode:
    """Return what may come next inside of what is open."""
    if not stack or stack[-1] is None:
        return Mode.ANY
    return stack[-1].mode if isinstance(stack[-1], Block) else Mode.FOLDED


def open_block(c: Context, out: bytearray, folded: bool) -> Block:
    """Read the keyword of a block, its label and its type."""
    row = OPENERS[c.words[c.at]]
    c.at += 1
    block = Block(row.keyword, c.identifier(), c.name_annotation(), folded)
    block.header = write_instruction(row, [READERS[kind](c, row) for kind in row.immediates])
    if folded and row.keyword == "if":
        block.clause = "operands"
        return block
    if folded and row.keyword == "try":
        block.clause = "nothing"
    out += block.header
    c.labels.enter(block.label, block.name)
    return block


def next_clause(c: Context, out: bytearray, block: Block) -> None:
    """Read the keyword that begins the next clause of a block, and what belongs to it."""
    clause = c.words[c.at]
    if block.clause not in _AFTER.get((block.opener, clause), ()):
        raise c.unexpected()
    c.at += 1
    if clause == "then":
        write_hint(c, out, block.hint)
        out += block.header
        c.labels.enter(block.label, block.name)
    elif clause == "delegate":
        c.labels.leave(block.label)
        out += write_instruction(BY_NAME[clause], (label(c),))
    elif clause != "do":
        if clause == "else" and not block.folded:
            repeated_label(c, block)
        row = BY_NAME[clause]
        out += write_instruction(row, [READERS[kind](c, row) for kind in row.immediates])
    block.clause = clause


def repeated_label(c: Context, block: Block) -> None:
    """Read the identifier after `else` or `end`, which must be the block's."""
    at = c.at
    name = c.identifier()
    if name is not None and name != block.label:
        raise c.error(f"mismatching label ${name}", at)


def close_block(c: Context, out: bytearray, block: Block) -> None:
    """End a block; the next word is what closes it."""
    wanted = _UNCLOSED.get(block.clause) if block.folded else None
    if wanted:
        raise c.unexpected(wanted)
    if block.clause != "delegate":
        c.labels.leave(block.label)
        out += _END


def read_hint(c: Context) -> bytes:
    """Read a branch hint and check that the next instruction can carry it."""
    inner = c.annotation()
    hint = inner.strings()
    inner.close()
    at = c.at
    c.at += 1
    if c.words[c.at].startswith("(@metadata"):
        raise c.error("@metadata.code.branch_hint annotation: duplicate annotation")
    target = c.words[c.at + (c.words[c.at] == "(")]
    if target not in _HINTED:
        message = "@metadata.code.branch_hint annotation: invalid target: neither if nor br_if"
        raise c.source.error(message, at, ValidationError)
    return hint


def write_hint(c: Context, out: bytearray, hint: bytes | None) -> None:
    """Keep a hint for the instruction that is written next."""
    if hint is not None:
        c.hints.append((len(out), hint))
