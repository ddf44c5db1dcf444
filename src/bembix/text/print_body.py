"""Print instructions: flat, indented by nesting.  Source: core 3.0, 6.5."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from bembix.binary.immediates import Catch, Immediate, MemArg
from bembix.binary.instructions import instructions
from bembix.binary.types import BlockType
from bembix.errors import ValidationError
from bembix.spec.instructions import Imm, Instr
from bembix.spec.types import RefType, ValType
from bembix.text.blocks import OPENERS
from bembix.text.identifiers import Identifiers, ModuleIdentifiers
from bembix.text.numbers import float_word
from bembix.text.print_types import heaptype, reference, results, valtype, words
from bembix.text.strings import identifier

_CLOSERS: Final = ("end", "delegate")
_DIVIDERS: Final = ("else", "catch", "catch_all")
_MAX_INDENT: Final = 40  #: blocks; deeper ones are not indented further


class Body:
    """Prints the instructions of one function or constant expression.

    ids: of the module.  locals: of the function.  labels: names of blocks, by their order.
    """

    def __init__(self, ids: ModuleIdentifiers, scope: Identifiers, labels: Mapping[int, str]) -> None:
        self.ids = ids
        self.locals = scope
        self._names = labels
        self._count = 0
        self._open: list[str | None] = []
        #: Where the innermost block of each name is.
        self._heights: dict[str, list[int]] = {}

    def lines(self, data: bytes, start: int, end: int) -> Iterator[tuple[int, str]]:
        """Yield the instructions of data[start:end] but for the last `end`, each with its depth.

        Errors: ValidationError where blocks are not closed, or closed too often: text can't say that.
        """
        for offset, row, immediates in instructions(data, start, end):
            keyword = row.keyword
            if keyword in OPENERS:
                depth = len(self._open)
                yield depth, self._opener(row, immediates)
            elif keyword in _CLOSERS:
                if not self._open:
                    if keyword == "end" and offset == end - 1:
                        return
                    break
                self._leave()
                yield len(self._open), self._line(row, immediates)
            else:
                yield len(self._open) - (keyword in _DIVIDERS and bool(self._open)), self._line(row, immediates)
        raise ValidationError("blocks are not balanced", offset=start)

    def _line(self, row: Instr, immediates: tuple[Immediate, ...]) -> str:
        if not immediates:
            return row.keyword
        order = ORDERS.get(row.immediates)
        if order is not None:
            return words(row.keyword, *order(self, row, immediates))
        parts = [PRINTERS[kind](self, row, value) for kind, value in zip(row.immediates, immediates, strict=True)]
        return words(row.keyword, *parts)

    def _opener(self, row: Instr, immediates: tuple[Immediate, ...]) -> str:
        """Return the line of a block, and enter it."""
        name = self._names.get(self._count)
        self._count += 1
        bound = identifier(name) if name else f"(;@{len(self._open)};)" if name is None else '(@name "")'
        keyword, _, rest = self._line(row, immediates).partition(" ")
        if name:
            self._heights.setdefault(name, []).append(len(self._open))
        self._open.append(name)
        return words(keyword, bound, rest)

    def _leave(self) -> None:
        name = self._open.pop()
        if name:
            self._heights[name].pop()

    def label(self, index: int) -> str:
        """Return a label: an identifier where the innermost block of that name is meant."""
        height = len(self._open) - 1 - index
        name = self._open[height] if height >= 0 else None
        if name and self._heights[name][-1] == height:
            return identifier(name)
        return f"{index} (;@{height};)" if height >= 0 else str(index)


# A printer takes the one type that its kind of immediate has, which the table knows and the type system doesn't.
Printer = Callable[[Body, Instr, Any], str]


def _blocktype(body: Body, _row: Instr, value: BlockType) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"(type {body.ids.types.use(value)})"
    return results(body.ids, [value])


def _labels(body: Body, _row: Instr, value: tuple[int, ...]) -> str:
    return " ".join(map(body.label, value))


def _catches(body: Body, _row: Instr, value: tuple[Catch, ...]) -> str:
    clauses = []
    for catch in value:
        tag = "" if catch.tag is None else body.ids.tags.use(catch.tag)
        clauses.append(f"({words(catch.kind, tag, body.label(catch.label))})")
    return " ".join(clauses)


def _heaptype(body: Body, row: Instr, value: Any) -> str:
    """Tests and casts have a reference type in text; the row says whether it is nullable."""
    if row.keyword == "ref.null":
        return heaptype(body.ids, value)
    return reference(body.ids, row.name != row.keyword, value)


def _cast(body: Body, _row: Instr, value: tuple[int, RefType, RefType]) -> str:
    label, source, target = value
    return words(body.label(label), valtype(body.ids, source), valtype(body.ids, target))


def _valtypes(body: Body, _row: Instr, value: tuple[ValType, ...]) -> str:
    return results(body.ids, value) or "(result)"


def _memarg(body: Body, row: Instr, value: MemArg) -> str:
    return words(
        body.ids.memories.use(value.memory) if value.memory else "",
        f"offset={value.offset}" if value.offset else "",
        f"align={1 << value.align_log2}" if 1 << value.align_log2 != row.width else "",
    )


def _v128(_body: Body, _row: Instr, value: bytes) -> str:
    lanes = [int.from_bytes(value[at : at + 4], "little") for at in range(0, 16, 4)]
    return words("i32x4", *(f"0x{lane:08x}" for lane in lanes))


def _index(choose: Callable[[Body], Identifiers]) -> Printer:
    return lambda body, _row, value: choose(body).use(value)


def _default(choose: Callable[[Body], Identifiers]) -> Printer:
    return lambda body, _row, value: choose(body).use(value) if value else ""


def _plain(_body: Body, _row: Instr, value: int) -> str:
    return str(value)


#: Prints an immediate of each kind.
PRINTERS: Final[dict[Imm, Printer]] = {
    Imm.BLOCKTYPE: _blocktype,
    Imm.LABEL: lambda body, _row, value: body.label(value),
    Imm.LABELS: _labels,
    Imm.CATCHES: _catches,
    Imm.FUNC: _index(lambda body: body.ids.functions),
    Imm.TYPE: _index(lambda body: body.ids.types),
    Imm.TABLE: _default(lambda body: body.ids.tables),
    Imm.MEMORY: _default(lambda body: body.ids.memories),
    Imm.LOCAL: _index(lambda body: body.locals),
    Imm.GLOBAL: _index(lambda body: body.ids.globals),
    Imm.TAG: _index(lambda body: body.ids.tags),
    Imm.ELEM: _index(lambda body: body.ids.elems),
    Imm.DATA: _index(lambda body: body.ids.datas),
    Imm.COUNT: _plain,
    Imm.HEAPTYPE: _heaptype,
    Imm.CAST: _cast,
    Imm.VALTYPES: _valtypes,
    Imm.MEMARG: _memarg,
    Imm.LANE: _plain,
    Imm.LANES: lambda _body, _row, value: " ".join(map(str, value)),
    Imm.I32: _plain,
    Imm.I64: _plain,
    Imm.F32: lambda _body, _row, value: float_word(value, 32),
    Imm.F64: lambda _body, _row, value: float_word(value, 64),
    Imm.V128: _v128,
    Imm.ZERO: lambda _body, _row, _value: "",
}


def _indirect(body: Body, _row: Instr, values: Any) -> tuple[str, ...]:
    index, table = values
    return PRINTERS[Imm.TABLE](body, _row, table), f"(type {body.ids.types.use(index)})"


def _reversed(body: Body, row: Instr, values: Any) -> tuple[str, ...]:
    segment, target = values
    first, second = row.immediates
    return PRINTERS[second](body, row, target), PRINTERS[first](body, row, segment)


def _copy(choose: Callable[[Body], Identifiers]) -> Callable[[Body, Instr, Any], tuple[str, ...]]:
    return lambda body, _row, values: tuple(map(choose(body).use, values)) if any(values) else ()


def _field(body: Body, _row: Instr, values: Any) -> tuple[str, ...]:
    index, field = values
    return body.ids.types.use(index), body.ids.fields_of(index).use(field)


#: Immediates that text has in another order than the binary, or leaves out.
ORDERS: Final[dict[tuple[Imm, ...], Callable[[Body, Instr, Any], tuple[str, ...]]]] = {
    (Imm.TYPE, Imm.TABLE): _indirect,
    (Imm.DATA, Imm.MEMORY): _reversed,
    (Imm.ELEM, Imm.TABLE): _reversed,
    (Imm.MEMORY, Imm.MEMORY): _copy(lambda body: body.ids.memories),
    (Imm.TABLE, Imm.TABLE): _copy(lambda body: body.ids.tables),
    (Imm.TYPE, Imm.FIELD): _field,
}


def indent(depth: int) -> str:
    """Return the space before an instruction."""
    return "  " * (2 + min(depth, _MAX_INDENT))
