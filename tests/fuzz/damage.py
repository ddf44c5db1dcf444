"""Ways to damage a module: its bytes, or one thing that it says, so that most of the result is still right.

The second kind finds more: bytes at random rarely get past the decoder.
"""

from __future__ import annotations

import dataclasses
import enum
import random
from collections.abc import Callable, Sequence
from typing import Any

from bembix.binary.decode import decode
from bembix.binary.encode import encode
from bembix.binary.immediates import Catch, MemArg, read_locals, write_locals
from bembix.binary.instructions import instructions, write_instruction
from bembix.binary.leb import read_length
from bembix.errors import BembixError
from bembix.spec.instructions import BY_NAME, Imm, Instr
from bembix.spec.module import Code, Expr, ModuleDef
from bembix.spec.types import AbsHeap, Limits, NumType, Packed, RefType, ref

ROWS = tuple(BY_NAME.values())
#: Those with a rule of their own, of which few are vectors or atomics.
_IRREGULAR = tuple(row for row in ROWS if not row.regular)
_ALIKE: dict[tuple[Imm, ...], list[Instr]] = {}
for _row in ROWS:
    _ALIKE.setdefault(_row.immediates, []).append(_row)
_OPENING = ("block", "loop", "if", "try_table", "try")
#: Rows that stand in constant expressions, and some that look as if they might.
_CONSTANT = tuple(
    row
    for row in ROWS
    if row.name.endswith((".const", ".add", ".sub", ".mul", "ref.i31", "ref.func", "ref.null", "global.get"))
    or row.name.startswith(("struct.new", "array.new", "extern.convert", "any.convert"))
)
#: Numbers at the edges of something.
_EDGES = (
    0, 1, 2, 15, 16, 17, 127, 128, 2**16 - 1, 2**16, 2**16 + 1, 2**31, 2**32 - 1, 2**32, 2**48, 2**48 + 1, 2**63,
    2**64 - 1,
)  # fmt: skip
_PLACES = ("offset", "delta", "start", "end", "after")  # fields that the encoder does not read

Instruction = tuple[Instr, tuple[Any, ...]]


def _cut(content: bytes | bytearray) -> list[bytes]:
    """Cut a module into its sections, as far as that can be done."""
    found, pos = [], 8
    try:
        while pos < len(content):
            size, start = read_length(bytes(content), pos + 1)
            found.append(bytes(content[pos : start + size]))
            pos = start + size
    except BembixError:
        pass
    return found


class Damage:
    """Damages modules by the decisions of one seed.  spare: other modules, to take pieces from."""

    def __init__(self, seed: int, spare: Sequence[bytes]) -> None:
        self.choose = random.Random(seed)
        self.spare = spare

    def __call__(self, content: bytes) -> bytes:
        """Return a damaged module."""
        if self.choose.random() < 0.25:
            return self._bytes(content)
        try:
            module = decode(content)
            for _ in range(self.choose.choice([1, 1, 1, 2, 3])):
                self._module(module)
            return encode(module)
        except (BembixError, ValueError, OverflowError, TypeError, AttributeError):  # too damaged to be written
            return self._bytes(content)

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def _bytes(self, content: bytes) -> bytes:
        damaged = bytearray(content)
        ways = [self._flip, self._set, self._flip, self._set, self._truncate, self._splice, self._pad, self._sections]
        way = self.choose.choice(ways)
        for _ in range(self.choose.choice([1, 1, 1, 2, 4])):
            if damaged:
                way(damaged)
        return bytes(damaged)

    def _at(self, content: bytearray) -> int:
        """Choose a byte, often one of the first, which decide most."""
        return self.choose.randrange(len(content) if self.choose.random() < 0.6 else min(len(content), 200))

    def _flip(self, content: bytearray) -> None:
        content[self._at(content)] ^= 1 << self.choose.randrange(8)

    def _set(self, content: bytearray) -> None:
        byte = self.choose.choice([0, 1, 0x0B, 0x40, 0x7F, 0x80, 0xFF, self.choose.randrange(256)])
        content[self._at(content)] = byte

    def _truncate(self, content: bytearray) -> None:
        del content[self._at(content) :]

    def _splice(self, content: bytearray) -> None:
        """Put a piece of some module somewhere, in place of as many bytes or of none."""
        source = self.choose.choice([bytes(content), *self.spare])
        start, length, at = self.choose.randrange(len(source) or 1), self.choose.randrange(1, 24), self._at(content)
        content[at : at + self.choose.choice([0, length, length])] = source[start : start + length]

    def _pad(self, content: bytearray) -> None:
        """Make an integer longer than it need be."""
        at = self._at(content)
        content[at : at + 1] = bytes([content[at] | 0x80, *[0x80] * self.choose.choice([0, 0, 1, 3, 4]), 0])

    def _sections(self, content: bytearray) -> None:
        """Leave out, repeat, swap or exchange whole sections."""
        found, others = _cut(content), _cut(self.choose.choice([bytes(content), *self.spare]))
        if not found or not others:
            return
        at, other = self.choose.randrange(len(found)), self.choose.randrange(len(found))
        match self.choose.randrange(5):
            case 0:
                del found[at]
            case 1:
                found[at], found[other] = found[other], found[at]
            case 2:
                found.insert(at, b"\0" + self.choose.choice([b"\0", b"\1\0", b"\2\1\xff", b"\5\4name", b"\6\4name\0"]))
            case 3:
                piece = self.choose.choice(others)
                found[at : at + 1] = [next((s for s in others if s[0] == found[at][0]), piece)]
            case _:
                found.insert(at, self.choose.choice(others))
        content[8:] = b"".join(found)

    # -- what it says --------------------------------------------------------------------------------------------------

    def _module(self, module: ModuleDef) -> None:
        if module.code and self.choose.random() < 0.5:
            at = self.choose.randrange(len(module.code))
            module.code[at] = self._value(module.code[at])
            return
        names = [f.name for f in dataclasses.fields(module) if f.name not in ("names", "customs", "section_offsets")]
        name = self.choose.choice([n for n in names if getattr(module, n)] or names)
        if name in ("start", "data_count"):
            setattr(module, name, self.choose.choice([None, self._number(getattr(module, name) or 0)]))
        else:
            setattr(module, name, self._value(getattr(module, name)))

    def _value(self, value: Any) -> Any:
        """Return a value with one thing in it changed."""
        choose = self.choose
        match value:
            case Code():
                return self._body(value)
            case Expr():
                if choose.random() < 0.3:
                    return Expr(self._sequence(_CONSTANT, []))
                return Expr(self._instructions([i[1:] for i in instructions(value.code, 0, len(value.code))], spared=1))
            case Limits():
                return Limits(self._number(value.minimum), choose.choice([None, value.maximum, self._number(1)]))
            case NumType() | RefType() | Packed():
                return self._valtype()
            case bool():
                return not value
            case int():
                return self._number(value)
            case enum.Enum():
                return choose.choice(list(type(value)))
            case list() | tuple():
                return self._items(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [f.name for f in dataclasses.fields(value) if f.name not in _PLACES]
            names = [n for n in names if not isinstance(getattr(value, n), bytes | str | None)] or names
            name = choose.choice(names)
            return dataclasses.replace(value, **{name: self._value(getattr(value, name))})
        return value

    def _items(self, items: Any) -> Any:
        choose, changed = self.choose, list(items)
        if not changed:
            return type(items)([self._valtype()])
        at = choose.randrange(len(changed))
        match choose.randrange(8):
            case 0:
                del changed[at]
            case 1:
                changed.insert(choose.randrange(len(changed) + 1), changed[at])
            case 2:
                other = choose.randrange(len(changed))
                changed[at], changed[other] = changed[other], changed[at]
            case _:
                changed[at] = self._value(changed[at])
        return type(items)(changed)

    def _number(self, near: int) -> int:
        choose = self.choose
        if choose.random() < 0.6:
            return max(near + choose.choice([-2, -1, 1, 1, 2]), 0)
        return choose.choice(_EDGES) if choose.random() < 0.4 else choose.randrange(12)

    def _heap(self) -> AbsHeap | int:
        return self.choose.choice([*AbsHeap, *range(8)])

    def _reftype(self) -> RefType:
        return ref(self.choose.random() < 0.5, self._heap())

    def _valtype(self) -> Any:
        return self.choose.choice([self._reftype(), self._reftype(), *NumType, *Packed])

    # -- code ----------------------------------------------------------------------------------------------------------

    def _body(self, code: Code) -> Code:
        runs, pos = read_locals(code.data, code.start)
        if self.choose.random() < 0.1:
            runs = self._items(runs) if runs else [(1, self._valtype())]
            entry = write_locals(runs) + code.data[pos : code.end]
        elif self.choose.random() < 0.3:
            entry = write_locals(runs) + self._sequence(
                self.choose.choice([ROWS, _IRREGULAR, _IRREGULAR]), [(BY_NAME["unreachable"], ())]
            )
        else:
            found = [i[1:] for i in instructions(code.data, pos, code.end)]
            entry = write_locals(runs) + self._instructions(found, spared=self.choose.choice([0, 1, 1, 1, 1, 1, 1, 1]))
        return Code(entry, 0, len(entry))

    def _sequence(self, rows: Sequence[Instr], code: list[Instruction]) -> bytes:
        """Return a few instructions of any kind behind others; behind `unreachable`, many are valid."""
        start = code[:1]  # again here and there, so that blocks are fine whatever they have to give
        for _ in range(self.choose.choice([1, 2, 2, 3, 4, 6])):
            code += start if self.choose.random() < 0.25 else [self._any(rows)]
        opened = sum(row.name in _OPENING for row, _ in code)
        code += [(BY_NAME["end"], ())] * (opened + 1)
        return b"".join(write_instruction(*instruction) for instruction in code)

    def _any(self, rows: Sequence[Instr]) -> Instruction:
        row = self.choose.choice(rows)
        return row, tuple(self._immediate(kind) for kind in row.immediates)

    def _instructions(self, code: list[Instruction], spared: int) -> bytes:
        """Change some instructions and write all.  spared: how many at the end stay as they are."""
        for _ in range(self.choose.choice([1, 1, 1, 1, 2, 3])):
            if code:
                self._instruction(code, max(len(code) - spared, 1))
        return b"".join(write_instruction(*instruction) for instruction in code)

    def _instruction(self, code: list[Instruction], end: int) -> None:
        choose, at = self.choose, self.choose.randrange(end)
        row, immediates = code[at]
        match choose.randrange(12):
            case 0:
                del code[at]
            case 10:
                code.insert(at, (BY_NAME["unreachable"], ()))
            case 11:
                del code[at : at + choose.randrange(1, 5)]
            case 1:
                code.insert(at, choose.choice(code))
            case 2:
                other = choose.randrange(end)
                code[at], code[other] = code[other], code[at]
            case 3 | 4:
                code[at] = choose.choice(_ALIKE[row.immediates]), immediates
            case 5 | 6:
                code[at : at + choose.choice([0, 1])] = [self._any(choose.choice([ROWS, _IRREGULAR]))]
            case _:
                places = [i for i, instruction in enumerate(code[:end]) if instruction[1]]
                if places:
                    at = choose.choice(places)
                    row, immediates = code[at]
                    which = choose.randrange(len(immediates))
                    new_value = self._immediate(row.immediates[which], immediates[which])
                    code[at] = row, (*immediates[:which], new_value, *immediates[which + 1 :])

    def _immediate(self, kind: Imm, old: Any = 0) -> Any:
        make = self._MAKERS.get(kind)
        if make is not None:
            return make(self)
        if kind in (Imm.I32, Imm.I64, Imm.F32, Imm.F64):
            return self.choose.randrange(100)
        return min(self._number(old), 2**32 - 1)

    def _memarg(self) -> MemArg:
        memory = self.choose.choice([0, 0, 0, 1, 2, 2**32 - 1])
        return MemArg(self.choose.choice([*range(6), 31, 32, 63]), memory, self.choose.choice(_EDGES))

    def _catch(self) -> Catch:
        kind = self.choose.choice(["catch", "catch_ref", "catch_all", "catch_all_ref"])
        return Catch(kind, None if "all" in kind else self.choose.randrange(3), self.choose.randrange(4))

    def _blocktype(self) -> Any:
        return self.choose.choice([None, self._valtype(), self.choose.randrange(8)])

    def _several(self, make: Callable[[], Any], least: int = 0) -> tuple[Any, ...]:
        return tuple(make() for _ in range(self.choose.choice([least, 1, 1, 2, 3])))

    _MAKERS: dict[Imm, Callable[[Damage], Any]] = {  # noqa: RUF012 (it is not changed)
        Imm.BLOCKTYPE: _blocktype,
        Imm.LABELS: lambda self: self._several(lambda: self.choose.randrange(5), 1),
        Imm.CATCHES: lambda self: self._several(self._catch),
        Imm.HEAPTYPE: _heap,
        Imm.CAST: lambda self: (self.choose.randrange(4), self._reftype(), self._reftype()),
        Imm.VALTYPES: lambda self: self._several(self._valtype),
        Imm.MEMARG: _memarg,
        Imm.LANE: lambda self: self.choose.choice([0, 1, 2, 3, 4, 7, 8, 15, 16, 255]),
        Imm.LANES: lambda self: bytes(self.choose.choice([0, 15, 16, 31, 31, 31, 31, 32]) for _ in range(16)),
        Imm.V128: lambda self: self.choose.randbytes(16),
        Imm.ZERO: lambda self: self.choose.choice([0, 0, 1]),
    }
