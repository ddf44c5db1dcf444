"""The sink of the stencil tier on aarch64: writes the machine code of one function while the walker reads it.

Simpler than the one for x86-64: no operand waits in a register.  An entry of the operand stack is a number:

    below 0     a constant, ~entry
    from 0 on   a place in the frame, at sp + entry: the home of a local, or the operand's own cell

so `local.get` and constants emit nothing.  Every instruction loads its operands to registers, and stores its result to
its own cell.  Where paths join, every operand is a constant or in its own cell.  An i32 in the frame has 0 in its upper
half.  All places have 16 bytes.

The frame, from sp up: the context, homes of locals, cells of operands, what legacy clauses caught; then x29 and x30.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from bembix.compile import layout, plan
from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.encode import FP, LDR_D, LDR_Q, LDR_S, LDR_X, SP, STR_D, STR_Q, STR_S, STR_X, T0, T1
from bembix.compile.stencil.convention import in_registers
from bembix.compile.stencil.opcodes import LOOP
from bembix.compile.traps import Reason
from bembix.errors import CompileError
from bembix.spec.instructions import BY_CODE, BY_NAME, Instr
from bembix.spec.types import F32, F64, I32, V128, FuncType, NumType, ValType
from bembix.validate.context import ModuleContext
from bembix.validate.meter import Meter, Setter
from bembix.validate.sink import Body, Label

if TYPE_CHECKING:
    from bembix.validate.walker import Walker

Writer: TypeAlias = "Callable[..., None]"
Maker: TypeAlias = "Callable[[Aarch64Sink, Instr], Writer]"
#: What makes the writer of an instruction for a sink, by code.
MAKERS: Final[dict[int, Maker]] = {}

FLOATS: Final = (F32, F64, V128)
CELL: Final = 16
_WORDS: Final = 5  #: integer arguments in registers, from x1 on
_VALUES: Final = layout.Store.VALUES
#: Vector register that copies between places go through.
_COPY: Final = 31
_MASK: Final = (1 << 64) - 1
_FLOAT_LOADS: Final = {F32: LDR_S, F64: LDR_D, V128: LDR_Q}
_FLOAT_STORES: Final = {F32: STR_S, F64: STR_D, V128: STR_Q}
_ONE_BY_ONE: Final = 16  #: so many locals are cleared one after the other, more in a loop
_REACH: Final = 1 << 19  #: constants come at most so many bytes behind what refers to them, which reaches twice as far


def writer(*names: str) -> Callable[[Maker], Maker]:
    """Enter the maker of instructions by their names."""

    def enter(maker: Maker) -> Maker:
        for name in names:
            MAKERS[BY_NAME[name].code] = maker
        return maker

    return enter


def _missing(sink: Aarch64Sink, row: Instr) -> Writer:
    def write(*_: object) -> None:
        raise CompileError(
            f"{row.name} ({row.feature.words}) is not compiled by the stencil engine on aarch64 yet, "
            f"at byte {sink.walker.offset:#x}, function {sink.function}"
        )

    return write


class Aarch64Sink:
    """Writes one function at a time.

    out: its code.  vs: operands.  homes: places of the locals.  traps: places of jumps to code that traps, with the
    reason and the offset.  literals: places of `adr` that refer to constants behind the code.
    """

    body: Body
    function: int
    type: FuncType
    hot_count: int
    checked: bool
    first_cell: int
    deepest: int
    end_of_body: int

    def __init__(
        self, context: ModuleContext, where: layout.ContextLayout, *, count: bool, metered: bool = False
    ) -> None:
        self.context = context
        self.layout = where
        self.counting = count
        self.metered = metered
        self.meter: Meter | None = None
        self.walker: Walker
        self.out: bytearray = bytearray()
        self.vs: list[int] = []
        self.homes: list[int] = []
        self.elses: dict[int, int] = {}
        self.returns: list[int] = []
        self.landings: list[int] = []
        self.traps: list[tuple[int, int, int]] = []
        self.literals: dict[bytes, list[int]] = {}
        self.places: list[tuple[int, int]] | None = None
        self.guarded: list[bool] = [m.address is I32 and m.page_size_log2 == 16 for m in context.memories]
        self.operations: dict[int, Writer] = {}
        self.code: bytes = b""
        #: Bytes in front of what `places` counts from.
        self.prologue: int = 0
        self.caught_cells: int = 0
        self.oldest_literal: int = 0

    def bind(self, walker: Walker) -> None:
        """Make the writers; `walker` is the one that will call them."""
        self.walker = walker
        self.operations.update({code: MAKERS.get(code, _missing)(self, row) for code, row in BY_CODE.items()})
        if self.metered:
            self.meter = Meter(self)

    def with_places(self) -> None:
        """From now on, note which code comes from where."""
        places = self.places = []
        out, walker = self.out, self.walker

        def noting(inner: Writer) -> Writer:
            def write(*arguments: object) -> None:
                places.append((len(out), walker.at + walker.delta))
                inner(*arguments)

            return write

        for code, inner in self.operations.items():
            self.operations[code] = noting(inner)

    # -- a function ----------------------------------------------------------------------------------------------------

    def begin(self, body: Body, label: Label) -> None:
        """Start a function."""
        if self.meter is not None:
            self.meter.begin()
        for kept in (self.out, self.vs, self.elses, self.returns, self.landings, self.traps, self.literals):
            kept.clear()
        if self.places is not None:
            self.places.clear()
        self.body, self.function, self.type = body, body.index, body.type
        code = self.context.definition.code[body.index - self.context.imported_functions]
        self.hot_count = plan.stencil_hot_count(code.end - code.start) if self.counting else 0
        self.checked = self.context.handles_exceptions
        self.caught_cells = 0
        self.homes[:] = range(CELL, CELL * (len(body.local_types) + 1), CELL)
        self.first_cell = CELL * (len(body.local_types) + 1)
        self.deepest = self.first_cell
        self._begin_code()
        label.data = self.returns

    def _begin_code(self) -> None:
        """Make the frame, unless the stack does not suffice for it, and put parameters and zeros into it."""
        self.emit(*a64.ENTER, *_size(0), a64.three(a64.SUB, T1, FP, T0))
        self.get(LDR_X, 9, 0, layout.Context.STORE)
        self.get(LDR_X, 9, 9, layout.Store.STACK_LIMIT)
        self.emit(a64.cmp(T1, 9), a64.skip_if(a64.HI), a64.branch(0))
        self.traps.append((len(self.out) - 4, int(Reason.STACK_EXHAUSTED), self.body.at))
        self.emit(a64.add_imm(SP, T1, 0))
        self.get(STR_X, 0, SP, 0)
        self._parameters()
        self._zeros()
        if self.hot_count:
            self.count()

    def _parameters(self) -> None:
        words = floats = 0
        beyond = []
        for local, (valtype, fits) in enumerate(zip(self.type.params, in_registers(self.type), strict=True)):
            if not fits:
                beyond.append(local)
            elif valtype in FLOATS:
                self.get(_FLOAT_STORES[valtype], floats, SP, self.homes[local])
                floats += 1
            else:
                words += 1
                if valtype is I32:
                    self.emit(a64.mov_w(words, words))
                self.get(STR_X, words, SP, self.homes[local])
        if beyond:
            self.get(LDR_X, 9, 0, layout.Context.STORE)
        for local in beyond:
            self.from_block(9, _VALUES + CELL * local, self.type.params[local], self.homes[local])

    def from_block(self, base: int, at: int, valtype: ValType, to: int) -> None:
        """Copy a value from [base + at] to a place in the frame."""
        if valtype is V128:
            self.get(LDR_Q, _COPY, base, at)
            self.get(STR_Q, _COPY, SP, to)
        else:
            self.get(a64.LDR_W if valtype in (I32, F32) else LDR_X, 10, base, at)
            self.get(STR_X, 10, SP, to)

    def _zeros(self) -> None:
        """All other locals begin as 0."""
        first, count = len(self.type.params), len(self.homes) - len(self.type.params)
        if not count:
            return
        self.emit(0x6F00E400 | _COPY)  # movi v.2d, 0
        if count <= _ONE_BY_ONE:
            for at in self.homes[first:]:
                self.get(STR_Q, _COPY, SP, at)
            return
        self.out += a64.constant(9, self.homes[first]) + a64.constant(10, count)
        # add x9, sp, x9; str q, [x9], #16; subs x10, x10, 1; b.ne
        self.emit(0x8B2963E9, 0x3C810400 | 9 << 5 | _COPY, a64.subs_imm(10, 10, 1), a64.back_if(a64.NE, 2))

    def finish(self, live: bool) -> None:
        """End it: `code` has all of it then."""
        if self.meter is not None:
            self.meter.close()
        out = self.out
        if live:
            self.results_to_registers(self.vs[len(self.vs) - len(self.type.results) :])
        if self.places is not None:
            self.places.append((len(out), self.walker.at + self.walker.delta))
        self.patch(self.returns)
        self.end_of_body = len(out)
        self.emit(*a64.LEAVE, a64.RET)
        if self.landings:  # what nobody here catches goes on to the caller
            self.patch(self.landings)
            self.emit(a64.branch(self.end_of_body - len(out)))
        self._traps()
        self._literals()
        size = self.deepest + CELL * (1 + -(-self.caught_cells // 2))
        struct.pack_into("<II", out, 4 * len(a64.ENTER), *_size(size))
        self.code = bytes(out)

    def _traps(self) -> None:
        """Write what traps: reason and offset in registers, then all the same.  The first one has no frame yet."""
        out, jumps = self.out, []
        for at, reason, offset in self.traps:
            self.patch([at])
            out += a64.constant(2, offset) + a64.constant(1, reason)
            if reason != Reason.STACK_EXHAUSTED:
                self.get(LDR_X, 0, SP, 0)
            jumps.append(len(out))
            self.emit(a64.branch(0))
        self.patch(jumps)
        self.get(LDR_X, 9, 0, layout.Context.RUNTIME)
        self.get(LDR_X, 9, 9, layout.RUNTIME["trap"])
        self.emit(a64.blr(9), 0)

    def _literals(self) -> None:
        """Put constants here."""
        out = self.out
        for content in sorted(self.literals, key=len, reverse=True):
            out += bytes(-len(out) % len(content))
            for at in self.literals[content]:
                (word,) = struct.unpack_from("<I", out, at)
                struct.pack_into("<I", out, at, a64.adr(word & 31, len(out) - at))
            out += content
        out += bytes(-len(out) % 4)
        self.literals.clear()

    def literal(self, content: bytes, at: int) -> None:
        """Have the `adr` at a place refer to a constant."""
        if not self.literals:
            self.oldest_literal = at
        self.literals.setdefault(content, []).append(at)

    def literals_in_reach(self) -> None:
        """In a long function, put constants between its instructions."""
        if self.literals and len(self.out) - self.oldest_literal > _REACH:
            over = self.forward()
            self._literals()
            self.patch([over])

    # -- code ----------------------------------------------------------------------------------------------------------

    def emit(self, *code: int) -> None:
        """Write instructions."""
        self.out += a64.words(*code)

    def get(self, op: int, register: int, base: int, offset: int) -> None:
        """Load or store at [base + offset]."""
        self.out += a64.access(op, register, base, offset)

    def get_context(self, register: int) -> None:
        """Have the context in a register."""
        self.get(LDR_X, register, SP, 0)

    def from_context(self, op: int, register: int, offset: int) -> None:
        """Load what the context has at an offset."""
        self.get_context(register)
        self.get(op, register, register, offset)

    def get_store(self, register: int) -> None:
        """Have the address of the store block in a register."""
        self.from_context(LDR_X, register, layout.Context.STORE)

    # -- operands ------------------------------------------------------------------------------------------------------

    def cell(self, position: int) -> int:
        """Return the own cell of the operand at a position of the stack."""
        at = self.first_cell + CELL * position
        self.deepest = max(self.deepest, at)
        return at

    def load(self, register: int, entry: int) -> None:
        """Have an operand that is a word in an integer register."""
        if entry < 0:
            self.out += a64.constant(register, ~entry & _MASK)
        else:
            self.get(LDR_X, register, SP, entry)

    def load_float(self, register: int, entry: int, valtype: ValType) -> None:
        """Have a float or a vector in a vector register."""
        if entry >= 0:
            self.get(_FLOAT_LOADS[valtype], register, SP, entry)  # type: ignore[index]
            return
        self.out += a64.constant(T0, ~entry & _MASK)
        self.emit(a64.fmov_d(register, T0))
        if valtype is V128:
            self.out += a64.constant(T0, ~entry >> 64 & _MASK)
            self.emit(a64.set_high(register, T0))

    def load_typed(self, register: int, entry: int, valtype: ValType) -> None:
        """Have an operand in the register of a number, of its kind."""
        if valtype in FLOATS:
            self.load_float(register, entry, valtype)
        else:
            self.load(register, entry)

    def pop(self, register: int) -> None:
        """Take the word on top of the stack to an integer register."""
        self.load(register, self.vs.pop())

    def push(self, register: int) -> None:
        """Push the word in an integer register; an i32 has 0 in its upper half."""
        at = self.cell(len(self.vs))
        self.get(STR_X, register, SP, at)
        self.vs.append(at)

    def push_float(self, register: int, valtype: ValType) -> None:
        """Push what is in a vector register."""
        at = self.cell(len(self.vs))
        self.get(_FLOAT_STORES[valtype], register, SP, at)  # type: ignore[index]
        self.vs.append(at)

    def push_typed(self, register: int, valtype: ValType) -> None:
        """Push a value that came in the register of a number, of its kind."""
        if valtype in FLOATS:
            self.push_float(register, valtype)
            return
        if valtype is I32:
            self.emit(a64.mov_w(register, register))
        self.push(register)

    def take(self, count: int) -> list[int]:
        """Take operands."""
        first = len(self.vs) - count
        values = self.vs[first:]
        del self.vs[first:]
        return values

    def copy(self, to: int, entry: int) -> None:
        """Copy an operand to a place in the frame; x9 stays."""
        if entry < 0:
            self.out += a64.constant(T0, ~entry & _MASK)
            self.get(STR_X, T0, SP, to)
            if ~entry >> 64:
                self.out += a64.constant(T0, ~entry >> 64)
            self.get(STR_X, T0 if ~entry >> 64 else a64.ZR, SP, to + 8)
        elif entry != to:
            self.get(LDR_Q, _COPY, SP, entry)
            self.get(STR_Q, _COPY, SP, to)

    def flush(self, constants_from: int = 1 << 30) -> None:
        """Bring every operand to its own cell but for constants; those from a position on as well."""
        for position, entry in enumerate(self.vs):
            if entry >= 0 or position >= constants_from:
                at = self.cell(position)
                self.copy(at, entry)
                self.vs[position] = at

    def preserve(self, home: int) -> None:
        """A local is about to change: operands that are its value are copied to their own cells."""
        if home in self.vs:
            for position, entry in enumerate(self.vs):
                if entry == home:
                    self.vs[position] = at = self.cell(position)
                    self.copy(at, home)

    # -- jumps ---------------------------------------------------------------------------------------------------------

    def patch(self, places: list[int]) -> None:
        """Have jumps go to what comes next."""
        here = len(self.out)
        for at in places:
            struct.pack_into("<I", self.out, at, a64.branch(here - at))

    def forward(self) -> int:
        """Write a jump to somewhere behind; return its place."""
        self.emit(a64.branch(0))
        return len(self.out) - 4

    def trap(self, reason: Reason) -> None:
        """Trap."""
        self.traps.append((self.forward(), int(reason), self.walker.at + self.walker.delta))

    def trap_if(self, condition: int, reason: Reason) -> None:
        """Trap where a condition holds."""
        self.emit(a64.skip_if(condition ^ 1))
        self.trap(reason)

    def trap_if_zero(self, register: int, reason: Reason, wide: bool = True) -> None:
        """Trap where a register is 0."""
        self.emit(a64.skip_unless_zero(register, wide))
        self.trap(reason)

    def jump(self, label: Label) -> None:
        """Go to a label, whose values are where they belong."""
        if label.opcode == LOOP:
            self.emit(a64.branch(label.data[0] - len(self.out)))
        else:
            label.data.append(self.forward())

    def leave(self, label: Label, values: Sequence[int]) -> None:
        """Put values where a label wants them; what is on the stack is not moved."""
        if not label.opcode:
            self.results_to_registers(values)
            return
        for position, entry in enumerate(values, label.height):
            self.copy(self.cell(position), entry)

    def results_to_registers(self, values: Sequence[int]) -> None:
        """Put the results of the function where the caller wants them."""
        types = self.type.results
        if len(types) > layout.MAX_REGISTER_RESULTS:
            self.values_to_store(types, dict(enumerate(values)))
            return
        numbers = {True: 0, False: 0}
        for valtype, entry in zip(types, values, strict=True):
            is_float = valtype in FLOATS
            self.load_typed(numbers[is_float], entry, valtype)
            numbers[is_float] += 1

    def values_to_store(self, types: Sequence[ValType], values: dict[int, int]) -> None:
        """Write values (by number) to the store block."""
        if values:
            self.get_store(9)
        for number, entry in values.items():
            self.to_block(9, _VALUES + CELL * number, types[number], entry)

    def to_block(self, base: int, at: int, valtype: ValType, entry: int) -> None:
        """Write an operand to [base + at]."""
        if valtype is V128:
            self.load_float(_COPY, entry, valtype)
            self.get(STR_Q, _COPY, base, at)
        else:
            self.load(10, entry)
            self.get(STR_X, 10, base, at)

    # -- calls ---------------------------------------------------------------------------------------------------------

    def pass_arguments(self, functype: FuncType, values: Sequence[int]) -> None:
        """Put arguments, which were popped, where the callee wants them."""
        where = in_registers(functype)
        beyond = {number: entry for number, entry in enumerate(values) if not where[number]}
        self.values_to_store(functype.params, beyond)
        words = floats = 0
        for valtype, fits, entry in zip(functype.params, where, values, strict=True):
            if fits and valtype in FLOATS:
                self.load_float(floats, entry, valtype)
                floats += 1
            elif fits:
                words += 1
                self.load(words, entry)

    def runtime(self, name: str, entries: Sequence[int]) -> None:
        """Call a function of the runtime with the context and words that were popped; x0 has its result."""
        for register, entry in enumerate(entries, 1):
            self.load(register, entry)
        self.get_context(0)
        self.get(LDR_X, 9, 0, layout.Context.RUNTIME)
        self.get(LDR_X, 9, 9, layout.RUNTIME[name])
        self.emit(a64.blr(9))

    def push_results(self, types: Sequence[ValType]) -> None:
        """Push what a call returned."""
        if len(types) > layout.MAX_REGISTER_RESULTS:
            self.get_store(9)
            for number, valtype in enumerate(types):
                at = self.cell(len(self.vs))
                self.from_block(9, _VALUES + CELL * number, valtype, at)
                self.vs.append(at)
            return
        numbers = {True: 0, False: 0}
        for valtype in types:
            is_float = valtype in FLOATS
            self.push_typed(numbers[is_float], valtype)
            numbers[is_float] += 1

    @property
    def code_field(self) -> int:
        """Which code of a function record this module calls."""
        return layout.FuncRecord.THROWING_CODE if self.checked else layout.FuncRecord.CODE

    # -- counting ------------------------------------------------------------------------------------------------------

    def count(self) -> None:
        """Count an entry or a round; have the function made better when there were many."""
        at = self.layout.counter(self.function)
        self.get_context(9)
        self.get(LDR_X, 10, 9, at)
        self.emit(a64.add_imm(10, 10, 1))
        self.get(STR_X, 10, 9, at)
        self.out += a64.constant(11, self.hot_count)
        self.emit(a64.cmp(10, 11), a64.skip_if(a64.EQ))
        over = self.forward()
        self.runtime("hot", [~(self.function - self.context.imported_functions)])
        self.patch([over])

    def charge(self) -> Setter:
        """Charge for what comes next; return what is told how much."""
        out = self.out
        self.get_store(9)
        self.get(LDR_X, 10, 9, layout.Store.FUEL)
        at = len(out)
        self.emit(*_size(0), a64.three(a64.SUBS, 11, 10, T0))
        self.trap_if(a64.LO, Reason.OUT_OF_FUEL)
        self.get(STR_X, 11, 9, layout.Store.FUEL)
        return lambda amount: struct.pack_into("<II", out, at, *_size(amount))

    def charge_operand(self, shift: int, valtype: NumType) -> None:
        """Charge by the operand on top of the stack, which stays."""
        self.load(T0, self.vs[-1])
        if shift:
            self.emit(a64.lsr(T0, T0, shift))
        self.get_store(9)
        self.get(LDR_X, 10, 9, layout.Store.FUEL)
        self.emit(a64.three(a64.SUBS, 11, 10, T0))
        self.trap_if(a64.LO, Reason.OUT_OF_FUEL)
        self.get(STR_X, 11, 9, layout.Store.FUEL)


def _size(number: int) -> tuple[int, int]:
    """Return the two instructions that put 32 bits into T0."""
    return 0xD2800000 | (number & 0xFFFF) << 5 | T0, 0xF2A00000 | (number >> 16) << 5 | T0
