"""The sink of the stencil tier: writes the machine code of one function while the walker reads it.

Operands stay symbolic until they are used.  An entry of the operand stack is a number:

    below 0        a constant, ~entry
    0 - 15         an integer register: a scratch register that the entry owns, or the one that a local lives in
    16 - 31        a vector register, likewise
    32 - 47        a comparison whose condition (entry - 32) is in the flags; the next instruction takes it
    beyond         a cell of the frame, at rbp - entry: the home of a local, or the operand's own cell

so `local.get` and constants emit nothing.  Where paths join, every operand is a constant or in its own cell, and every
local in its register or its home.  An i32 in a register or a cell has 0 in the upper half.

The frame, from rbp down: registers of the caller, the context, homes of locals, cells of operands.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from bembix.compile import layout, plan
from bembix.compile.stencil.opcodes import LOOP
from bembix.compile.stencil.weights import weigh
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.encode import (
    CONSTANT,
    JCC,
    LOAD64,
    LOADSD,
    LOADUPS,
    MOV32,
    MOV64,
    MOVAPS,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    RAX,
    RBP,
    RBX,
    RCX,
    RDI,
    RDX,
    RSI,
    RSP,
    STORE64,
    STORESD,
    STOREUPS,
    XMM0,
    XORPS,
)
from bembix.compile.traps import Reason
from bembix.errors import CompileError, InternalError
from bembix.spec.instructions import BY_CODE, BY_NAME, Instr
from bembix.spec.types import F32, F64, I32, V128, FuncType, NumType, ValType
from bembix.validate.context import ModuleContext
from bembix.validate.meter import Meter, Setter
from bembix.validate.sink import Body, Label

if TYPE_CHECKING:
    from bembix.validate.walker import Walker

Writer: TypeAlias = "Callable[..., None]"
Maker: TypeAlias = "Callable[[StencilSink, Instr], Writer]"
#: What makes the writer of an instruction for a sink, by code.
MAKERS: Final[dict[int, Maker]] = {}

FLAGS: Final = 32  #: entries of comparisons begin here
CELLS: Final = 48  #: and those of the frame here
_SAVED: Final = {RBX: 8, R12: 16, R13: 24, R14: 32, R15: 40}  #: where registers of the caller are kept
_CONTEXT: Final = 48  #: where the context is
_HOMES: Final = 48  #: homes of locals begin behind
#: Registers of operands, the last one first; and of locals.
_SCRATCH: Final = (R9, R8, RDX, RSI, R11, R10, RDI, RAX)
_SCRATCH_LEAF: Final = (RDX, RSI, RDI, RAX)
_OWNED: Final = [k in _SCRATCH or 16 <= k < 24 for k in range(64)]  #: by register: whether operands own it
_OWNED_LEAF: Final = [k in _SCRATCH_LEAF or 16 <= k < 24 for k in range(64)]
_KEPT: Final = (RBX, R12, R13, R15)
_LOST: Final = (R8, R9, R10)
XSCRATCH: Final = tuple(range(23, 15, -1))
_XLOCALS: Final = tuple(range(24, 31))
XTEMP: Final = 31  #: xmm15 is nobody's
_FLOATS: Final = (F32, F64, V128)
WORDS: Final = (RSI, RDX, RCX, R8, R9)  #: of arguments, behind the context
_SMALL_FRAME: Final = 4096
_PACK: Final = struct.Struct("<i").pack_into

#: What all traps come to, with reason and offset in registers.
_TRAP: Final = (
    LOAD64[_CONTEXT << 5 | RDI]
    + x86.rm(b"\x8b", 1, RAX, RDI, layout.Context.RUNTIME)
    + x86.rm(b"\xff", 0, 2, RAX, layout.RUNTIME["trap"])
)


def writer(*names: str) -> Callable[[Maker], Maker]:
    """Enter the maker of instructions by their names."""

    def enter(maker: Maker) -> Maker:
        for name in names:
            MAKERS[BY_NAME[name].code] = maker
        return maker

    return enter


def _missing(sink: StencilSink, row: Instr) -> Writer:
    def write(*_: object) -> None:
        raise CompileError(
            f"{row.name} ({row.feature.words}) is not compiled by the stencil engine yet, "
            f"at byte {sink.walker.offset:#x}, function {sink.function}"
        )

    return write


class StencilSink:
    """Writes one function at a time.

    out: code of the body.  vs: operands.  free, xfree: scratch registers that hold nothing.  scratch: by register,
    whether it belongs to operands.  ent: the entry of each local.  pins: locals in integer registers, those below 128;
    xpins: likewise in vector registers.  base: the register with the base of memory 0.  step: bytes of an operand's
    cell; sbase: the first one is at rbp - sbase.  traps: jumps (their ends) to code that traps, with the reason and the
    offset.  literals: places (their ends) that refer to constants behind the code.
    """

    body: Body
    function: int
    type: FuncType
    hot_count: int
    checked: bool
    has_call: bool
    uses_base: bool
    bound: int
    vectors: bool
    leaf: bool
    base: int
    kept_context: int
    sbase: int
    deepest: int
    prologue: int
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
        self.free: list[int] = []
        self.xfree: list[int] = []
        self.scratch: list[bool] = [False] * 64
        self.ent: list[int] = []
        self.pins: dict[int, int] = {}
        self.xpins: dict[int, int] = {}
        self.elses: dict[int, int] = {}
        self.returns: list[int] = []
        self.traps: list[tuple[int, int, int]] = []
        self.literals: dict[bytes, list[tuple[int, int]]] = {}
        self.tables: list[tuple[int, int]] = []
        self.cold: list[Callable[[], None]] = []
        self.places: list[tuple[int, int]] | None = None
        self.guarded: list[bool] = [m.address is I32 and m.page_size_log2 == 16 for m in context.memories]
        self.has_vectors: bool = _has_vectors(context)
        self.operations: dict[int, Writer] = {}
        self.code: bytes = b""
        self._base_loads: dict[int, bytes] = {}

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
        self.out.clear()
        self.vs.clear()
        self.elses.clear()
        self.returns.clear()
        self.traps.clear()
        self.literals.clear()
        self.tables.clear()
        self.cold.clear()
        if self.places is not None:
            self.places.clear()
        self.body, self.function, self.type = body, body.index, body.type
        code = self.context.definition.code[body.index - self.context.imported_functions]
        self.hot_count = plan.stencil_hot_count(code.end - code.start) if self.counting else 0
        self.checked = self.context.handles_exceptions
        self.has_call = self.uses_base = False
        self.landings: list[int] = []
        self.caught_cells = 0
        self.bound = 0
        self._choose(body, code.data[body.at - code.delta : code.end])
        self._reset_registers()
        label.data = self.returns

    def _choose(self, body: Body, raw: bytes) -> None:
        """Decide where the locals live."""
        types = body.local_types
        self.vectors = self.has_vectors or b"\xfd" in raw or V128 in types or b"\x7b" in raw
        self.step = 16 if self.vectors else 8
        weights, calls = weigh(raw) if types else ({}, 1)
        self.leaf = not calls
        kept, lost = list(_KEPT), list(_LOST) if self.leaf else []
        if self.leaf:
            self.base = R11
        else:
            self.base = R14
        self.pool: tuple[int, ...] = _SCRATCH_LEAF if self.leaf else _SCRATCH
        self.pins.clear()
        self.xpins.clear()
        where: dict[int, int] = {}
        xroom = list(_XLOCALS)
        for local, weight in sorted(weights.items(), key=lambda item: -item[1]):
            if local >= len(types):
                continue
            if types[local] in _FLOATS:
                if xroom and weight > 4 * calls:
                    where[local] = self.xpins[local] = xroom.pop(0)
            elif lost:
                where[local] = self.pins[local] = lost.pop(0)
            elif kept and weight > 3:
                where[local] = self.pins[local] = kept.pop(0)
        #: The register that keeps the context, or -1.
        self.kept_context = kept.pop() if kept and calls > 2 else -1
        self._lay_out(types, where)

    def _lay_out(self, types: Sequence[ValType], where: dict[int, int]) -> None:
        at = _HOMES
        homes: list[int] = []
        for valtype in types:
            at += 16 if valtype is V128 else 8
            homes.append(at)
        self.homes: list[int] = homes
        self.ent[:] = [where.get(local, home) for local, home in enumerate(homes)]
        at = -(-at // self.step) * self.step
        self.sbase = at + self.step
        self.deepest = at

    def _reset_registers(self) -> None:
        """All scratch registers are free."""
        self.free[:] = self.pool
        self.xfree[:] = XSCRATCH
        self.scratch[:] = _OWNED_LEAF if self.leaf else _OWNED

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
        self._epilogue()
        for write in self.cold:
            write()
        if self.landings:  # what nobody here catches goes on to the caller
            self.patch(self.landings)
            out += x86.jump(self.end_of_body - len(out) - 5)
        used = [r for r in (*self.pins.values(), self.base if self.uses_base else -1, self.kept_context) if r in _SAVED]
        overflow = self._traps()
        prologue = self._prologue(used, overflow)
        self._literals(len(prologue))
        self.code = bytes(prologue) + bytes(out)
        self.prologue = len(prologue)

    def _epilogue(self) -> None:
        out = self.out
        self.end_of_body = len(out)
        for register in self.pins.values():
            if register in _SAVED:
                out += LOAD64[_SAVED[register] << 5 | register]
        if self.uses_base and self.base == R14:
            out += LOAD64[_SAVED[R14] << 5 | R14]
        if self.kept_context >= 0:
            out += LOAD64[_SAVED[self.kept_context] << 5 | self.kept_context]
        out += b"\xc9\xc3"  # leave; ret

    def restore_caller(self) -> None:
        """Before a tail call: give the caller its registers back, and its frame; all that may be used, for it is not
        known yet which will be."""
        out = self.out
        self.has_call = True  # wrappers have frames: those that call each other without end must notice
        self.uses_base = self.uses_base or (self.base == R14 and bool(self.guarded))
        for register in self.pins.values():
            if register in _SAVED:
                out += LOAD64[_SAVED[register] << 5 | register]
        if self.uses_base and self.base == R14:
            out += LOAD64[_SAVED[R14] << 5 | R14]
        if self.kept_context >= 0:
            out += LOAD64[_SAVED[self.kept_context] << 5 | self.kept_context]
        out += b"\xc9"

    def _traps(self) -> int:
        """Write what traps; return the place that says that the stack is exhausted, or -1."""
        out = self.out
        overflow = -1
        if self._needs_check():
            overflow = len(out)
            self.traps.append((-1, int(Reason.STACK_EXHAUSTED), self.body.at))
        if not self.traps:
            return -1
        jumps = []
        last = len(self.traps) - 1
        for number, (at, reason, offset) in enumerate(self.traps):
            if at >= 0:
                _PACK(out, at - 4, len(out) - at)
            else:
                overflow = len(out)
            out += b"\xba" + offset.to_bytes(4, "little") + b"\xbe" + reason.to_bytes(4, "little")
            if number < last:
                out += b"\xe9\0\0\0\0"
                jumps.append(len(out))
        self.patch(jumps)
        out += _TRAP
        return overflow

    def _needs_check(self) -> bool:
        return self.has_call or self.deepest > _SMALL_FRAME

    def _prologue(self, used: Sequence[int], overflow: int) -> bytearray:
        head = bytearray(b"\x55\x48\x89\xe5")  # push rbp; mov rbp, rsp
        size = -(-(self.deepest + 8 * self.caught_cells) // 16) * 16
        head += b"\x48\x81\xec" + size.to_bytes(4, "little")
        head += STORE64[_CONTEXT << 5 | RDI]
        check = -1
        if self._needs_check():
            head += b"\x48\x8b\x07\x48\x3b\x20"  # mov rax, [rdi]; cmp rsp, [rax]
            head += JCC[x86.BE]
            check = len(head)
        for register in used:
            head += STORE64[_SAVED[register] << 5 | register]
        self._parameters(head)
        if self.kept_context >= 0:
            head += MOV64[self.kept_context << 5 | RDI]
        if self.uses_base:
            head += self.base_load(RDI)
        self._zeros(head)
        if self.hot_count:
            self._count(head)
        if check >= 0:
            _PACK(head, check - 4, len(head) + overflow - check)
        return head

    def base_load(self, context: int) -> bytes:
        """Return the load of memory 0's base."""
        found = self._base_loads.get(self.base << 4 | context)
        if found is None:
            found = x86.rm(b"\x8b", 1, self.base, context, self.layout.memory(0) + layout.Slot.BASE)
            self._base_loads[self.base << 4 | context] = found
        return found

    def _count(self, head: bytearray) -> None:
        """Count this entry."""
        at = self.layout.counter(self.function)
        head += LOAD64[_CONTEXT << 5 | RCX]
        head += x86.rm(b"\x83", 1, 0, RCX, at) + b"\x01"
        head += x86.rm(b"\x81", 1, 7, RCX, at) + self.hot_count.to_bytes(4, "little")
        body = bytearray()
        self.hot_call(body)
        head += bytes((0x75, len(body))) if len(body) < 128 else JCC[x86.NE][:2] + len(body).to_bytes(4, "little")
        head += body

    def hot_call(self, out: bytearray) -> None:
        """Have the function made better; whatever is in registers that a call loses goes to the frame meanwhile."""
        lost = [r for r in self.pins.values() if r not in _SAVED]
        lost_local = {r: k for k, r in self.pins.items()}
        for register in lost:
            out += STORE64[self.homes[lost_local[register]] << 5 | register]
        for local, register in self.xpins.items():
            out += (STOREUPS if self.body.local_types[local] is V128 else STORESD)[self.homes[local] << 5 | register]
        out += LOAD64[_CONTEXT << 5 | RDI]
        out += CONSTANT[(self.function - self.context.imported_functions) << 4 | RSI]
        out += x86.rm(b"\x8b", 1, RAX, RDI, layout.Context.RUNTIME)
        out += x86.rm(b"\xff", 0, 2, RAX, layout.RUNTIME["hot"])
        self.reload_lost(out)

    def _parameters(self, head: bytearray) -> None:
        """Put the parameters where they live."""
        types, ent = self.type.params, self.ent
        words, floats, beyond = list(WORDS), list(range(XMM0, XMM0 + layout.MAX_REGISTER_FLOATS)), []
        stores, moves, vector_moves = [], [], []
        for local, valtype in enumerate(types):
            to = ent[local]
            if valtype in _FLOATS:
                if not floats:
                    beyond.append(local)
                    continue
                register = floats.pop(0)
                if to < CELLS:
                    vector_moves.append(MOVAPS[to << 5 | register])
                else:
                    stores.append((STOREUPS if valtype is V128 else STORESD)[to << 5 | register])
                continue
            if not words:
                beyond.append(local)
                continue
            register = words.pop(0)
            if valtype is I32:
                stores.append(MOV32[register << 5 | register] if to >= CELLS else b"")
            if to >= CELLS:
                stores.append(STORE64[to << 5 | register])
            else:
                moves.append((to, register, valtype is I32))
        head += b"".join(stores)
        head += b"".join(vector_moves)
        self._move_parameters(head, moves)
        if beyond:
            head += LOAD64[_CONTEXT << 5 | RDI] + x86.rm(b"\x8b", 1, RCX, RDI, layout.Context.STORE)
        for local in beyond:
            self._from_store(head, local, types[local])

    @staticmethod
    def _move_parameters(head: bytearray, moves: list[tuple[int, int, bool]]) -> None:
        """Move between integer registers at once: one whose target another one still has to leave waits."""
        while moves:
            sources = {source for _, source, _ in moves}
            for move in moves:
                to, source, narrow = move
                if to not in sources or to == source:
                    head += (MOV32 if narrow else MOV64)[to << 5 | source]
                    moves.remove(move)
                    break
            else:  # a cycle; registers of parameters that locals live in are r8 and r9 alone
                to, source, narrow = moves.pop(0)
                head += MOV64[RAX << 5 | source]
                moves = [(t, RAX if s == source else s, n) for t, s, n in moves] + [(to, RAX, narrow)]

    def _from_store(self, head: bytearray, local: int, valtype: ValType) -> None:
        at, to = layout.Store.VALUES + 16 * local, self.ent[local]
        if valtype in _FLOATS:
            register = to if to < CELLS else XTEMP
            load, prefix = (b"\x0f\x10", b"" if valtype is V128 else b"\xf3" if valtype is F32 else b"\xf2")
            head += x86.rm(load, 0, register, RCX, at, prefix)
            if to >= CELLS:
                head += (STOREUPS if valtype is V128 else STORESD)[to << 5 | register]
            return
        register = to if to < CELLS else RAX
        head += x86.rm(b"\x8b", valtype is not I32, register, RCX, at)
        if to >= CELLS:
            head += STORE64[to << 5 | RAX]

    def _zeros(self, head: bytearray) -> None:
        """All other locals begin as 0."""
        types, ent, first = self.body.local_types, self.ent, len(self.type.params)
        cells = [k for k in range(first, len(types)) if ent[k] >= CELLS]
        for local in range(first, len(types)):
            to = ent[local]
            if to < XMM0:
                head += x86.XOR32[to << 5 | to]
            elif to < FLAGS:
                head += XORPS[to << 5 | to]
        if not cells:
            return
        if len(cells) == 1 and types[cells[0]] is not V128:
            head += x86.rm(b"\xc7", 1, 0, RBP, -ent[cells[0]]) + b"\0\0\0\0"
            return
        self._clear_cells(head, ent[cells[0]] - (8 if types[cells[0]] is V128 else 0), ent[cells[-1]])

    @staticmethod
    def _clear_cells(head: bytearray, high: int, low: int) -> None:
        """Clear the frame from rbp - low up to and including the word at rbp - high."""
        words = (low - high) // 8 + 1
        if words > 32:  # a loop: rcx counts
            head += XORPS[XTEMP << 5 | XTEMP]
            pairs = words // 2
            head += CONSTANT[pairs << 4 | RCX] + x86.rm(b"\x8d", 1, RAX, RBP, -low)
            step = x86.rm(b"\x0f\x11", 0, XTEMP, RAX, 0) + b"\x48\x83\xc0\x10\xff\xc9"
            head += step + bytes((0x75, 256 - len(step) - 2))
            if words % 2:
                head += x86.rm(b"\xc7", 1, 0, RBP, -high) + b"\0\0\0\0"
            return
        head += XORPS[XTEMP << 5 | XTEMP]
        at = low
        while words >= 2:
            head += STOREUPS[at << 5 | XTEMP]
            at -= 16
            words -= 2
        if words:
            head += STORESD[at << 5 | XTEMP]

    def _literals(self, head: int) -> None:
        """Put constants behind the code."""
        out = self.out
        if self.literals:
            out += b"\xcc" * (-(head + len(out)) % 16)
        for content in sorted(self.literals, key=len, reverse=True):
            for at, end in self.literals[content]:
                _PACK(out, at, len(out) - end)
            out += content

    # -- registers -----------------------------------------------------------------------------------------------------

    def cell(self, position: int) -> int:
        """Return the entry of the own cell of the operand at a position of the stack."""
        at = self.sbase + self.step * position
        if at > self.deepest:
            self.deepest = at
        return at

    def alloc(self) -> int:
        """Return a scratch register for integers; where all are taken, the deepest operand leaves its own."""
        if self.free:
            return self.free.pop()
        vs, scratch = self.vs, self.scratch
        for position, entry in enumerate(vs):
            if 0 <= entry < XMM0 and scratch[entry]:
                vs[position] = at = self.cell(position)
                self.out += STORE64[at << 5 | entry]
                return entry
        raise InternalError("no register is left")

    def xalloc(self) -> int:
        """Return a scratch register for vectors and floats, likewise."""
        if self.xfree:
            return self.xfree.pop()
        vs, scratch = self.vs, self.scratch
        for position, entry in enumerate(vs):
            if XMM0 <= entry < FLAGS and scratch[entry]:
                vs[position] = at = self.cell(position)
                self.out += (STOREUPS if self.vectors else STORESD)[at << 5 | entry]
                return entry
        raise InternalError("no vector register is left")

    def release(self, entry: int) -> None:
        """An operand is gone; its register, if it has one, is free."""
        if self.scratch[entry] if 0 <= entry < FLAGS else False:
            (self.free if entry < XMM0 else self.xfree).append(entry)

    def move(self, to: int, entry: int) -> None:
        """Copy an operand to an integer register; the flags stay."""
        if entry < 0:
            self.out += CONSTANT[(~entry & 0xFFFFFFFFFFFFFFFF) << 4 | to]
        elif entry < XMM0:
            if entry != to:
                self.out += MOV64[to << 5 | entry]
        elif entry < FLAGS:
            self.out += x86.MOVQ_FROM_XMM[entry << 5 | to]
        elif entry < CELLS:
            self.out += x86.SETCC[(entry - FLAGS) << 4 | to]
        else:
            self.out += LOAD64[entry << 5 | to]

    def xmove(self, to: int, entry: int) -> None:
        """Copy a float to a vector register; the flags stay."""
        if entry == -1:
            self.out += XORPS[to << 5 | to]
        elif entry < 0:
            self.literal(b"\x0f\x10", to, (~entry & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little"), b"\xf2")
        elif entry < FLAGS:
            if entry != to:
                self.out += MOVAPS[to << 5 | entry]
        else:
            self.out += LOADSD[entry << 5 | to]

    def vmove(self, to: int, entry: int) -> None:
        """Copy a vector to a vector register; the flags stay."""
        if entry < 0:
            if entry == -1:
                self.out += XORPS[to << 5 | to]
            else:
                self.literal(b"\x0f\x28", to, (~entry).to_bytes(16, "little"))
        elif entry < FLAGS:
            if entry != to:
                self.out += MOVAPS[to << 5 | entry]
        else:
            self.out += LOADUPS[entry << 5 | to]

    def literal(self, op: bytes, reg: int, content: bytes, prefix: bytes = b"", wide: int = 0) -> None:
        """Write an instruction on a register and a constant behind the code."""
        self.out += x86.rip(op, wide, reg, prefix)
        end = len(self.out)
        self.literals.setdefault(content, []).append((end - 4, end))

    def register(self, entry: int) -> int:
        """Return an integer register with an operand that was popped; it is a scratch register, or a local's that must
        not be written."""
        if 0 <= entry < XMM0:
            return entry
        to = self.alloc()
        self.move(to, entry)
        return to

    def own(self, entry: int) -> int:
        """Return a scratch register with an operand that was popped, to be written."""
        if 0 <= entry < XMM0 and self.scratch[entry]:
            return entry
        to = self.alloc()
        self.move(to, entry)
        return to

    def xregister(self, entry: int) -> int:
        """The same as `register` for floats."""
        if XMM0 <= entry < FLAGS:
            return entry
        to = self.xalloc()
        self.xmove(to, entry)
        return to

    def xown(self, entry: int) -> int:
        """The same as `own` for floats."""
        if XMM0 <= entry < FLAGS and self.scratch[entry]:
            return entry
        to = self.xalloc()
        self.xmove(to, entry)
        return to

    def store_entry(self, at: int, entry: int) -> None:
        """Write an operand to a cell of the frame; the flags stay."""
        out = self.out
        if entry < 0:
            value = ~entry
            if value >= 1 << 64 or (self.vectors and value >= 1 << 63):
                self._store_vector_constant(at, value)
            elif value < 1 << 31:
                out += x86.rm(b"\xc7", 1, 0, RBP, -at) + value.to_bytes(4, "little")
                if self.vectors:
                    out += x86.rm(b"\xc7", 1, 0, RBP, 8 - at) + b"\0\0\0\0"
            else:
                out += CONSTANT[value << 4 | RCX] + STORE64[at << 5 | RCX]
                if self.vectors:
                    out += x86.rm(b"\xc7", 1, 0, RBP, 8 - at) + b"\0\0\0\0"
        elif entry < XMM0:
            out += STORE64[at << 5 | entry]
        elif entry < FLAGS:
            out += (STOREUPS if self.vectors else STORESD)[at << 5 | entry]
        elif entry < CELLS:
            out += x86.SETCC[(entry - FLAGS) << 4 | RCX] + STORE64[at << 5 | RCX]
        elif entry != at:
            if self.vectors:
                out += LOADUPS[entry << 5 | XTEMP] + STOREUPS[at << 5 | XTEMP]
            else:
                out += LOAD64[entry << 5 | RCX] + STORE64[at << 5 | RCX]

    def _store_vector_constant(self, at: int, value: int) -> None:
        out = self.out
        out += CONSTANT[(value & 0xFFFFFFFFFFFFFFFF) << 4 | RCX] + STORE64[at << 5 | RCX]
        out += CONSTANT[(value >> 64) << 4 | RCX] + STORE64[(at - 8) << 5 | RCX]

    def flush(self, constants_from: int = 1 << 30) -> None:
        """Bring every operand to its own cell but for constants; those from a position on as well.  The flags stay."""
        vs = self.vs
        for position, entry in enumerate(vs):
            if entry < 0 and position < constants_from:
                continue
            at = self.sbase + self.step * position
            if entry != at:
                if at > self.deepest:
                    self.deepest = at
                self.store_entry(at, entry)
                vs[position] = at
        self.free[:] = self.pool
        self.xfree[:] = XSCRATCH

    def spill(self) -> None:
        """Bring operands in registers that a call loses to their own cells.  The flags stay."""
        vs, scratch = self.vs, self.scratch
        for position, entry in enumerate(vs):
            if 0 <= entry < FLAGS and scratch[entry]:
                vs[position] = at = self.cell(position)
                self.store_entry(at, entry)
                (self.free if entry < XMM0 else self.xfree).append(entry)

    def evict(self, *registers: int) -> None:
        """Make scratch registers free: operands in them move to others, or to their own cells."""
        vs = self.vs
        for position, entry in enumerate(vs):
            if entry in registers and self.scratch[entry]:
                free = self.free if entry < XMM0 else self.xfree
                others = [r for r in free if r not in registers]
                if others:
                    to = vs[position] = others[-1]
                    free.remove(to)
                    self.out += (MOV64 if entry < XMM0 else MOVAPS)[to << 5 | entry]
                else:
                    vs[position] = at = self.cell(position)
                    self.store_entry(at, entry)
                free.append(entry)

    def claim(self, register: int) -> None:
        """Take a certain scratch register, which must be free now (see `evict`)."""
        (self.free if register < XMM0 else self.xfree).remove(register)

    def context_register(self) -> int:
        """Return a register with the context: rcx, where no other one keeps it."""
        if self.kept_context >= 0:
            return self.kept_context
        self.out += LOAD64[_CONTEXT << 5 | RCX]
        return RCX

    def memory_base(self) -> int:
        """Return the register with the base of memory 0."""
        self.uses_base = True
        return self.base

    def keep_caught(self, cell: int) -> None:
        """Write the exception in rax to a cell at the low end of the frame; they are counted from 1."""
        self.out += x86.rm(b"\x89", 1, RAX, RSP, 8 * cell - 8)

    def load_caught(self, cell: int) -> None:
        """Read it again."""
        self.out += x86.rm(b"\x8b", 1, RAX, RSP, 8 * cell - 8)

    # -- fuel ----------------------------------------------------------------------------------------------------------

    def charge(self) -> Setter:
        """Charge for what comes next; return what is told how much."""
        self._settle_flags()
        out, offset = self.out, self.walker.at + self.walker.delta
        self._store_register()
        out += x86.rm(b"\x81", 1, 5, RCX, layout.Store.FUEL) + b"\0\0\0\0"  # sub; the amount comes later
        at = len(out) - 4
        out += JCC[x86.B]
        jump = len(out)
        self.bound = jump

        def set_(amount: int) -> None:
            _PACK(out, at, amount)
            self.cold.append(lambda: self._refuse(jump, amount, offset))

        return set_

    def _refuse(self, jump: int, amount: int, offset: int) -> None:
        """Where there was not enough, give back what was taken, and trap."""
        self.patch([jump])
        self._store_register()
        self.out += x86.rm(b"\x81", 1, 0, RCX, layout.Store.FUEL) + amount.to_bytes(4, "little")
        self.out += b"\xe9\0\0\0\0"
        self.traps.append((len(self.out), int(Reason.OUT_OF_FUEL), offset))

    def charge_operand(self, shift: int, valtype: NumType) -> None:
        """Charge by the operand on top of the stack, which stays."""
        self._settle_flags()
        out, amount = self.out, self.alloc()
        self.move(amount, self.vs[-1])
        if shift:
            out += x86.rr(b"\xc1", 1, 5, amount) + bytes((shift,))
        self._store_register()
        out += x86.rm(b"\x3b", 1, amount, RCX, layout.Store.FUEL)
        self.trap_if(x86.A, Reason.OUT_OF_FUEL)
        out += x86.rm(b"\x29", 1, amount, RCX, layout.Store.FUEL)
        self.free.append(amount)
        self.bound = len(out)

    def _store_register(self) -> None:
        """Have the store in rcx."""
        out = self.out
        out += LOAD64[_CONTEXT << 5 | RCX] + x86.rm(b"\x8b", 1, RCX, RCX, layout.Context.STORE)

    def _settle_flags(self) -> None:
        """Bring comparisons from the flags, which are needed, to registers."""
        vs = self.vs
        for position, entry in enumerate(vs):
            if FLAGS <= entry < CELLS:
                to = self.alloc()
                self.move(to, entry)
                vs[position] = to

    # -- jumps ---------------------------------------------------------------------------------------------------------

    def patch(self, ends: list[int]) -> None:
        """Have jumps (their ends) go to what comes next."""
        out, here = self.out, len(self.out)
        for at in ends:
            _PACK(out, at - 4, here - at)
        self.bound = here

    def trap_if(self, condition: int, reason: Reason) -> None:
        """Trap where a condition holds."""
        self.out += JCC[condition]
        self.traps.append((len(self.out), int(reason), self.walker.at + self.walker.delta))

    def trap(self, reason: Reason) -> None:
        """Trap."""
        self.out += b"\xe9\0\0\0\0"
        self.traps.append((len(self.out), int(reason), self.walker.at + self.walker.delta))

    def condition(self) -> int:
        """Take an i32; return the condition under which it is not 0."""
        entry = self.vs.pop()
        if FLAGS <= entry < CELLS:
            return entry - FLAGS
        if entry < 0:
            self.out += CONSTANT[~entry << 4 | RCX] + x86.TEST32[RCX << 5 | RCX]
        elif entry < XMM0:
            self.out += x86.TEST32[entry << 5 | entry]
            if self.scratch[entry]:
                self.free.append(entry)
        else:
            self.out += x86.rm(b"\x83", 0, 7, RBP, -entry) + b"\0"
        return x86.NE

    def jump(self, label: Label) -> None:
        """Go to a label, whose values are where they belong."""
        if label.opcode == LOOP:
            self.out += x86.jump(label.data[0] - len(self.out) - 5)
        else:
            self.out += b"\xe9\0\0\0\0"
            label.data.append(len(self.out))

    def jump_if(self, condition: int, label: Label) -> None:
        """The same where a condition holds."""
        out = self.out
        if label.opcode == LOOP:
            distance = label.data[0] - len(out) - 2
            if distance >= -128:
                out += bytes((0x70 | condition, distance & 0xFF))
            else:
                out += JCC[condition][:2] + (distance - 4).to_bytes(4, "little", signed=True)
        else:
            out += JCC[condition]
            label.data.append(len(out))

    def leave(self, label: Label, values: Sequence[int]) -> None:
        """Put values where a label wants them; what is on the stack is not moved.  The flags stay."""
        if not label.opcode:
            self.results_to_registers(values)
            return
        for position, entry in enumerate(values, label.height):
            at = self.cell(position)
            if entry != at:
                self.store_entry(at, entry)

    def results_to_registers(self, values: Sequence[int]) -> None:
        """Put the results of the function where the caller wants them."""
        types = self.type.results
        if not types:
            return
        if len(types) > layout.MAX_REGISTER_RESULTS:
            self.values_to_store(types, dict(enumerate(values)))
            return
        moves: list[tuple[int, int, ValType]] = []
        words, floats = [RDX, RAX], [XMM0 + 1, XMM0]
        for valtype, entry in zip(types, values, strict=True):
            moves.append(((floats if valtype in _FLOATS else words).pop(), entry, valtype))
        if len(moves) == 2 and moves[0][0] == moves[1][1]:
            if moves[1][0] == moves[0][1]:
                self._swap(moves[0][0], moves[1][0])
                return
            moves.reverse()
        for to, entry, valtype in moves:
            self.typed_move(to, entry, valtype)

    def _swap(self, one: int, other: int) -> None:
        if one < XMM0:
            self.out += x86.rr(b"\x87", 1, one, other)
        else:
            self.out += MOVAPS[XTEMP << 5 | one] + MOVAPS[one << 5 | other] + MOVAPS[other << 5 | XTEMP]

    def typed_move(self, to: int, entry: int, valtype: ValType) -> None:
        """Copy an operand of a type to a register."""
        if valtype is V128:
            self.vmove(to, entry)
        elif to >= XMM0:
            self.xmove(to, entry)
        else:
            self.move(to, entry)

    def values_to_store(self, types: Sequence[ValType], values: dict[int, int]) -> None:
        """Write values (by number) to the store block; rcx and xmm15 are lost."""
        out = self.out
        for number, entry in values.items():
            at = layout.Store.VALUES + 16 * number
            if types[number] in _FLOATS:
                register = entry
                if not XMM0 <= entry < FLAGS:
                    self.typed_move(XTEMP, entry, types[number])
                    register = XTEMP
                out += LOAD64[_CONTEXT << 5 | RCX] + x86.rm(b"\x8b", 1, RCX, RCX, layout.Context.STORE)
                prefix = b"" if types[number] is V128 else b"\xf2"
                out += x86.rm(b"\x0f\x11", 0, register, RCX, at, prefix)
            elif 0 <= entry < XMM0:
                out += LOAD64[_CONTEXT << 5 | RCX] + x86.rm(b"\x8b", 1, RCX, RCX, layout.Context.STORE)
                out += x86.rm(b"\x89", 1, entry, RCX, at)
            else:
                self.move(RCX, entry)
                out += x86.MOVQ_TO_XMM[XTEMP << 5 | RCX]
                out += LOAD64[_CONTEXT << 5 | RCX] + x86.rm(b"\x8b", 1, RCX, RCX, layout.Context.STORE)
                out += x86.rm(b"\x0f\x11", 0, XTEMP, RCX, at, b"\xf2")

    # -- calls ---------------------------------------------------------------------------------------------------------

    def save_lost(self) -> None:
        """Before a call: bring locals in registers that it loses to their homes."""
        self.has_call = True
        out = self.out
        for local, register in self.pins.items():
            if register not in _SAVED:
                out += STORE64[self.homes[local] << 5 | register]
        for local, register in self.xpins.items():
            out += (STOREUPS if self.body.local_types[local] is V128 else STORESD)[self.homes[local] << 5 | register]

    def reload_lost(self, out: bytearray) -> None:
        """After a call: take them back, and the base of memory 0."""
        for local, register in self.pins.items():
            if register not in _SAVED:
                out += LOAD64[self.homes[local] << 5 | register]
        for local, register in self.xpins.items():
            out += (LOADUPS if self.body.local_types[local] is V128 else LOADSD)[self.homes[local] << 5 | register]
        if self.base == R11 and self.guarded:
            out += LOAD64[_CONTEXT << 5 | R11] + self.base_load(R11)

    def arguments(self, entries: Sequence[int], registers: Sequence[int]) -> None:
        """Move integer operands to registers, all at once; the context goes to rdi behind them."""
        moves = []
        rest = []
        for to, entry in zip(registers, entries, strict=True):
            if 0 <= entry < XMM0:
                if to != entry:
                    moves.append((to, entry))
            else:
                rest.append((to, entry))
        out = self.out
        while moves:
            sources = [source for _, source in moves]
            for number, (to, source) in enumerate(moves):
                if to not in sources:
                    out += MOV64[to << 5 | source]
                    del moves[number]
                    break
            else:
                to, source = moves.pop(0)
                out += x86.rr(b"\x87", 1, to, source)
                moves = [(t, source if s == to else to if s == source else s) for t, s in moves]
                moves = [(t, s) for t, s in moves if t != s]
        for to, entry in rest:
            self.move(to, entry)

    def float_arguments(self, entries: Sequence[int], types: Sequence[ValType]) -> None:
        """Move floats and vectors to xmm0 and those behind, all at once."""
        moves = []
        rest = []
        for to, (entry, valtype) in enumerate(zip(entries, types, strict=True), XMM0):
            if XMM0 <= entry < FLAGS:
                if to != entry:
                    moves.append((to, entry))
            else:
                rest.append((to, entry, valtype))
        out = self.out
        while moves:
            sources = [source for _, source in moves]
            for number, (to, source) in enumerate(moves):
                if to not in sources:
                    out += MOVAPS[to << 5 | source]
                    del moves[number]
                    break
            else:
                to, source = moves.pop(0)
                self._swap(to, source)
                moves = [(t, source if s == to else to if s == source else s) for t, s in moves]
                moves = [(t, s) for t, s in moves if t != s]
        for to, entry, valtype in rest:
            self.typed_move(to, entry, valtype)

    def runtime(self, name: str, entries: Sequence[int]) -> None:
        """Call a function of the runtime with the context and integer operands that were popped; rax has its
        result."""
        self.spill_for_call(entries)
        self.arguments(entries, WORDS[: len(entries)])
        for entry in entries:
            self.release(entry)
        out = self.out
        out += LOAD64[_CONTEXT << 5 | RDI]
        out += x86.rm(b"\x8b", 1, RAX, RDI, layout.Context.RUNTIME)
        out += x86.rm(b"\xff", 0, 2, RAX, layout.RUNTIME[name])
        self.reload_lost(out)

    def spill_for_call(self, _: Sequence[int] = ()) -> None:
        """Bring to the frame what a call loses."""
        self.spill()
        self.save_lost()

    def push_rax(self, valtype: ValType) -> None:
        """Push what a call returned in rax."""
        if valtype is I32:
            self.out += MOV32[RAX << 5 | RAX]
        self.claim(RAX)
        self.vs.append(RAX)

    def push_results(self, types: Sequence[ValType]) -> None:
        """Push what a call returned."""
        if len(types) > layout.MAX_REGISTER_RESULTS:
            self._results_from_store(types)
            return
        words, floats = [RDX, RAX], [XMM0 + 1, XMM0]
        for valtype in types:
            if valtype in _FLOATS:
                register = floats.pop()
            else:
                register = words.pop()
                if valtype is I32:
                    self.out += MOV32[register << 5 | register]
            self.claim(register)
            self.vs.append(register)

    def _results_from_store(self, types: Sequence[ValType]) -> None:
        """Copy results to the operands' own cells."""
        out = self.out
        out += LOAD64[_CONTEXT << 5 | RCX] + x86.rm(b"\x8b", 1, RCX, RCX, layout.Context.STORE)
        for number, valtype in enumerate(types):
            self.push_field(valtype, RCX, layout.Store.VALUES + 16 * number)

    def push_field(self, valtype: ValType, base: int, at: int) -> None:
        """Read a value at [base + at] into the own cell of the operand that is pushed; rax and xmm15 are lost."""
        out, to = self.out, self.cell(len(self.vs))
        if valtype is V128:
            out += x86.rm(b"\x0f\x10", 0, XTEMP, base, at) + STOREUPS[to << 5 | XTEMP]
        elif valtype is F32 or valtype is I32:
            out += x86.rm(b"\x0f\x6e", 0, XTEMP, base, at, b"\x66") + STORESD[to << 5 | XTEMP]
        else:
            out += x86.rm(b"\x0f\x10", 0, XTEMP, base, at, b"\xf2") + STORESD[to << 5 | XTEMP]
        self.vs.append(to)

    @property
    def code_field(self) -> int:
        """Which code of a function record this module calls."""
        return layout.FuncRecord.THROWING_CODE if self.checked else layout.FuncRecord.CODE


def _has_vectors(context: ModuleContext) -> bool:
    """Tell whether a vector may come to a function from elsewhere: by its type, a global, a call, a field."""
    from bembix.spec.types import ArrayType, StructType

    for subtype in context.definition.subtypes():
        composite = subtype.composite
        if isinstance(composite, FuncType):
            types: list[object] = [*composite.params, *composite.results]
        elif isinstance(composite, StructType):
            types = [field.storage for field in composite.fields]
        else:
            assert isinstance(composite, ArrayType)
            types = [composite.element.storage]
        if V128 in types:
            return True
    return any(g.value is V128 for g in context.globals)
