"""Random function bodies: a typed stack that grows row by row of the instruction table.

Whatever a row takes is on the stack already, or is made just before.  Values that would trap are rare unless the shape
is wild.  Two things keep outcomes comparable where the specification leaves them open: the bits of a NaN lose sign and
payload (but keep the quiet bit) before they can be told apart, and every loop and function that calls counts down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from choices import Chooser
from shape import BITS, Shape, constant_bits, instruction, matches, vector_bits

from bembix.binary.immediates import MemArg, write_locals
from bembix.compile.llvm import tier as _tier  # noqa: F401  (it enters all operations)
from bembix.compile.llvm.sink import OPERATIONS
from bembix.spec.features import Feature
from bembix.spec.instructions import BY_NAME, TABLE, Imm, Instr
from bembix.spec.types import F32, F64, FUNCREF, I32, I64, V128, FuncType, NumType, RefType, ValType, ref

#: Rows without a writer of their own: the walker keeps them to itself.
_SILENT = ("nop", "end", "return")
#: What the generator covers; a row of these has to be reached as soon as the LLVM tier compiles it.
FEATURES = (
    Feature.MVP,
    Feature.SIGN_EXTENSION,
    Feature.SATURATING,
    Feature.BULK_MEMORY,
    Feature.REFERENCE_TYPES,
    Feature.FUNCTION_REFERENCES,
    Feature.TAIL_CALL,
    Feature.EXCEPTIONS,
    Feature.SIMD,
    Feature.WIDE_ARITHMETIC,
    Feature.THREADS,
)
#: It waits, for another thread.
_LEFT_OUT = ("memory.atomic.wait32", "memory.atomic.wait64")
ROWS: list[Instr] = [
    row
    for row in TABLE
    if row.feature in FEATURES and (row.code in OPERATIONS or row.name in _SILENT) and row.name not in _LEFT_OUT
]

_REGULAR = [row for row in ROWS if row.regular]
_LOADS = {kind: [row for row in _REGULAR if row.results == (kind,) and row.params == (None,)] for kind in NumType}
#: Rows that give one value and access no memory, without and with those that work on vectors.
_PRODUCERS = {
    vectors: {
        kind: [
            row
            for row in _REGULAR
            if row.results == (kind,) and None not in row.params and (vectors or V128 not in row.params)
        ]
        for kind in NumType
    }
    for vectors in (False, True)
}
_LANES = {"i8x16": 16, "i16x8": 8, "i32x4": 4, "i64x2": 2, "f32x4": 4, "f64x2": 2}
#: Operations on vectors of floats that hand on the bits of their operands, or give no floats.
_BITWISE = ("splat", "replace_lane", "fneg", "fabs", "fpmin", "fpmax", "feq", "fne", "flt", "fgt", "fle", "fge")

Builder = Callable[["Body"], bool]
#: Builders of irregular rows, by name; `builders.py` fills it.  One that finds nothing to work on returns False.
BUILDERS: dict[str, Builder] = {}

MAX_DEPTH = 6
_CANONICAL = {F32: (I32, 0x7FFFFFFF, 0x7F800000, 0x7FC00000), F64: (I64, 2**63 - 1, 0x7FF << 52, 0x7FF8 << 48)}
_OFFSETS = [0xFFFF, 0x10000, 0xFFF8, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF8, 0xFFFF0000]


@dataclass
class Open:
    """An open block.

    counter, limit: of a loop that may be branched to as long as it counts.  fueled: whether it is one that burns fuel.
    """

    opcode: str
    targets: tuple[ValType, ...]
    results: tuple[ValType, ...]
    height: int
    polymorphic: bool = False
    fueled: bool = False
    counter: int = -1
    limit: int = 0


class Body:
    """A function body under way."""

    def __init__(self, shape: Shape, choose: Chooser, functype: FuncType, budget: int) -> None:
        self.shape, self.choose, self.type, self.budget = shape, choose, functype, budget
        self.locals: list[ValType] = list(functype.params)
        self.locals += choose.some(shape.value_types(), 0, 5)
        #: Locals that are never written by chance; those that are never read by chance either hold bits of NaNs.
        self.reserved: set[int] = set()
        self.hidden: set[int] = set()
        self.stack: list[ValType] = []
        self.labels = [Open("", functype.results, functype.results, 0)]
        self.out = bytearray()
        self.calls = False
        self.nested = 0
        self.rows: set[str] = set()

    def entry(self) -> bytes:
        """Write the whole body, as the code section has it."""
        self.sequence(self.budget)
        self.finish()
        self.emit("end")
        head = bytearray()
        if self.calls:
            code, self.out = self.out, head
            self.burn()
            self.out = code
        extra = [(1, valtype) for valtype in self.locals[len(self.type.params) :]]
        return write_locals(extra) + bytes(head) + bytes(self.out)

    # -- writing -------------------------------------------------------------------------------------------------------

    def emit(self, name: str, *immediates: object) -> None:
        """Write an instruction; the stack is the caller's business."""
        self.rows.add(name)
        self.out += instruction(name, *immediates)

    def pop(self, count: int) -> None:
        """Take operands, of which code that can't be reached may have too few."""
        floor = self.labels[-1].height
        del self.stack[max(floor, len(self.stack) - count) :]

    def const(self, kind: NumType, value: int) -> None:
        """Push a constant; of a float, its bits."""
        if kind in (I32, I64):
            value = (value + (1 << BITS[kind] - 1)) % (1 << BITS[kind]) - (1 << BITS[kind] - 1)
        self.emit(f"{kind}.const", value)
        self.stack.append(kind)

    def get(self, local: int) -> None:
        """Push a local."""
        self.emit("local.get", local)
        self.stack.append(self.locals[local])

    def set(self, local: int) -> None:
        """Pop into a local."""
        self.emit("local.set", local)
        self.pop(1)

    def plain(self, name: str) -> None:
        """Write a regular row without immediates."""
        row = BY_NAME[name]
        self.emit(name)
        self.pop(len(row.params))
        self.stack += row.results

    def new_local(self, valtype: ValType, *, reserved: bool = True) -> int:
        """Add a local; a reserved one is never written by chance."""
        self.locals.append(valtype)
        if reserved:
            self.reserved.add(len(self.locals) - 1)
        return len(self.locals) - 1

    def locals_of(self, valtype: ValType, *, writable: bool = False) -> list[int]:
        """Return locals of a type."""
        return [
            index
            for index, known in enumerate(self.locals)
            if (matches(valtype, known) if writable else matches(known, valtype))
            and index not in (self.reserved if writable else self.hidden)
        ]

    # -- operands ------------------------------------------------------------------------------------------------------

    @property
    def label(self) -> Open:
        """The innermost block."""
        return self.labels[-1]

    def on_stack(self, types: Sequence[ValType]) -> bool:
        """Tell whether these are the uppermost operands."""
        count = len(types)
        given = self.stack[max(self.label.height, len(self.stack) - count) :]
        return len(given) == count and all(map(matches, given, types))

    def need(self, types: Sequence[ValType], depth: int = 2) -> None:
        """Have operands of these types on the stack."""
        if types and not self.nested:
            if self.on_stack(types) and self.choose.chance(70):
                return
            if self.label.polymorphic and len(self.stack) == self.label.height and self.choose.chance(40):
                return  # code that can't be reached takes what isn't there
        for valtype in types:
            self.value(valtype, depth)

    def value(self, valtype: ValType, depth: int = 2) -> None:
        """Push a value, without taking any that is there."""
        self.budget -= 1
        self.nested += 1
        if isinstance(valtype, RefType):
            self._reference(valtype)
        elif depth <= 0 or self.budget <= 0 or self.choose.chance(35):
            self._leaf(valtype)
        elif self.choose.chance(15) and self.shape.memories:
            self.access(self.choose.pick(_LOADS[valtype]), depth - 1)
        else:
            self.regular(self.choose.pick(_PRODUCERS[self.shape.vectors][valtype]), depth - 1)
        self.nested -= 1

    def _leaf(self, valtype: NumType) -> None:
        found = self.locals_of(valtype)
        globals_ = [index for index, known in enumerate(self.shape.globals) if known.value is valtype and index]
        if found and self.choose.chance(60):
            self.get(self.choose.pick(found))
        elif globals_ and self.choose.chance(30):
            self.emit("global.get", self.choose.pick(globals_))
            self.stack.append(valtype)
        else:
            self.constant(valtype)

    def constant(self, kind: NumType) -> None:
        """Push any constant."""
        if kind is V128:
            self.emit("v128.const", vector_bits(self.choose))
            self.stack.append(V128)
        else:
            self.const(kind, constant_bits(self.choose, kind))

    def _reference(self, valtype: RefType) -> None:
        found = self.locals_of(valtype)
        if found and self.choose.chance(60):
            self.get(self.choose.pick(found))
            return
        functions: Sequence[int] = ()
        if valtype == FUNCREF:
            functions = range(len(self.shape.functions))
        elif isinstance(valtype.heap, int):
            functions = self.shape.functions_of(valtype.heap)
        if functions and (self.choose.chance(80) or not valtype.nullable):
            index = self.choose.pick(functions)
            self.emit("ref.func", index)
            self.stack.append(ref(False, self.shape.functions[index]))
            return
        self.emit("ref.null", valtype.heap)
        self.stack.append(ref(True, valtype.heap))
        if not valtype.nullable:
            self.emit("ref.as_non_null")
            self.stack[-1] = valtype

    # -- regular rows --------------------------------------------------------------------------------------------------

    def regular(self, row: Instr, depth: int = 2) -> bool:
        """Write a regular row with its operands."""
        operation = row.operation or ""
        if V128 in row.params + row.results and not self.shape.vectors:
            return False
        if row.params and row.params[0] is None:
            return self.shape.memories != [] and self.access(row, depth)
        if operation == "const":
            self.constant(row.results[0])
            return True
        params = [kind for kind in row.params if kind is not None]
        if operation[:4] in ("div_", "rem_") and not self.wild():
            self.value(params[0], depth)
            self.value(params[1], depth)
            self.const(params[1], self.choose.pick([1, 1, 2, 16]))
            self.plain(f"{params[1]}.or")
        elif operation in ("trunc_s", "trunc_u") and not self.wild():
            self._small_float(params[0], depth)
        else:
            self.need(params, depth)
        if operation in ("fcopysign", "reinterpret", "splat", "replace_lane"):
            self.canonical(params[-1])
        self.emit(row.name, *self._immediates(row))
        self.pop(len(params))
        self.stack += row.results
        if row.shape in ("f32x4", "f64x2") and row.results == (V128,) and operation not in _BITWISE:
            self.canonical_lanes(row.shape)
        return True

    def _immediates(self, row: Instr) -> list[object]:
        """Choose immediates other than constants and memory arguments."""
        found: list[object] = []
        for kind in row.immediates:
            if kind is Imm.LANE:
                lanes = _LANES.get(row.shape) or 16 // row.width
                found.append(self.choose.number(0, lanes - 1))
            elif kind is Imm.LANES:
                found.append(bytes(self.choose.number(0, 31) for _ in range(16)))
            elif kind is Imm.ZERO:
                found.append(0)
        return found

    def wild(self) -> bool:
        """Tell whether to let the next operand be anything."""
        return self.choose.chance(self.shape.wild)

    def _small_float(self, kind: NumType, depth: int) -> None:
        if self.choose.chance(50):
            self.value(I32, depth)
            self.plain(f"{kind}.convert_i32_{self.choose.pick('su')}")
        else:
            self.const(kind, constant_bits(self.choose, kind) & (0x4FFFFFFF if kind is F32 else 0x41FFFFFFFFFFFFFF))

    def canonical(self, kind: NumType) -> None:
        """Give a NaN on top of the stack bits that the specification determines: its quiet bit and no sign."""
        if kind not in _CANONICAL or not self.stack or self.stack[-1] is not kind:
            return
        whole, magnitude, infinity, kept = _CANONICAL[kind]
        scratch = self.new_local(whole)
        self.hidden.add(scratch)
        self.plain(f"{whole}.reinterpret_{kind}")
        self.set(scratch)
        for name, number in (("and", kept), ("or", 1)):
            if name == "and":
                self.get(scratch)
            self.const(whole, number)
            self.plain(f"{whole}.{name}")
        self.get(scratch)
        self.get(scratch)
        self.const(whole, magnitude)
        self.plain(f"{whole}.and")
        self.const(whole, infinity)
        self.plain(f"{whole}.gt_u")
        self.emit("select")
        self.pop(2)
        self.plain(f"{kind}.reinterpret_{whole}")

    def canonical_lanes(self, shape: str) -> None:
        """Do the same to every lane of the vector on top of the stack."""
        if not self.stack or self.stack[-1] is not V128:
            return
        bits = BITS[F32 if shape == "f32x4" else F64]
        kept = _CANONICAL[F32 if shape == "f32x4" else F64][3]
        scratch = self.new_local(V128)
        self.hidden.add(scratch)
        self.set(scratch)
        self.get(scratch)
        self.get(scratch)
        for name, lane in (("and", kept), ("or", 1)):
            self.emit("v128.const", lane.to_bytes(bits // 8, "little") * (128 // bits))
            self.stack.append(V128)
            self.plain(f"v128.{name}")
        self.get(scratch)
        self.get(scratch)
        self.plain(f"{shape}.eq")
        self.plain("v128.bitselect")

    # -- memory --------------------------------------------------------------------------------------------------------

    def memory(self) -> int:
        """Choose a memory."""
        return self.choose.number(0, len(self.shape.memories) - 1)

    def address(self, width: int, depth: int, *, aligned: bool = False) -> MemArg:
        """Push an address; return what goes with it.  aligned: as atomic instructions want it."""
        memory = self.memory()
        offset = self.choose.pick([0, 0, 8, 16, 24, 4096] if aligned else [0, 0, 1, 4, 8, 16, 24, 100, 4096])
        if aligned and not self.wild():
            self.value(I32, depth)
            self.const(I32, 0x7FF8)
            self.plain("i32.and")
            return MemArg(width.bit_length() - 1, memory, offset)
        if aligned:
            self.value(I32, depth)
            return MemArg(width.bit_length() - 1, memory, offset)
        if self.wild():
            self.value(I32, depth)
            offset = self.choose.pick(_OFFSETS) if self.choose.chance(50) else offset
        elif self.choose.chance(50):
            self.const(I32, self.choose.number(0, 64))
        else:
            self.value(I32, depth)
            self.const(I32, self.choose.pick([0x7FFF, 0xFF, 0x7FF8, 0x38]))
            self.plain("i32.and")
        return MemArg(self.choose.number(0, width.bit_length() - 1), memory, offset)

    def access(self, row: Instr, depth: int) -> bool:
        """Write an instruction that accesses memory."""
        memarg = self.address(row.width, depth, aligned=(row.operation or "").startswith("atomic"))
        for kind in row.params[1:]:
            assert kind is not None
            if self.choose.chance(25):  # bits that nothing computes with arrive as they are
                self.access(self.choose.pick(_LOADS[kind]), depth) if self.choose.chance(50) else self.constant(kind)
            else:
                self.value(kind, depth)
                self.canonical(kind)
        self.emit(row.name, memarg, *self._immediates(row))
        self.pop(len(row.params))
        self.stack += row.results
        return True

    # -- blocks --------------------------------------------------------------------------------------------------------

    def blocktype(self, params: Sequence[ValType], results: Sequence[ValType]) -> object:
        """Return the immediate of a block of this type."""
        if not params and len(results) < 2 and not self.choose.chance(10):
            return results[0] if results else None
        return self.shape.type_index(FuncType(tuple(params), tuple(results)))

    def operands(self, most: int = 2) -> tuple[ValType, ...]:
        """Choose how many of the uppermost operands a block takes as parameters."""
        there = self.stack[self.label.height :]
        count = self.choose.number(0, min(most, len(there)))
        return tuple(there[len(there) - count :])

    def results(self, most: int = 2) -> tuple[ValType, ...]:
        """Choose results of a block."""
        if self.choose.chance(30):
            return ()
        return tuple(self.choose.some(self.shape.value_types(), 0, most))

    def open(self, opcode: str, params: tuple[ValType, ...], results: tuple[ValType, ...], *more: object) -> Open:
        """Write the start of a block."""
        self.emit(opcode, self.blocktype(params, results), *more)
        targets = params if opcode == "loop" else results
        self.pop(len(params))
        label = Open(opcode, targets, results, len(self.stack))
        self.labels.append(label)
        self.stack += params
        return label

    def close(self) -> None:
        """Leave the results of the innermost block and end it."""
        label = self.label
        self.finish()
        self.emit("end")
        self.labels.pop()
        del self.stack[label.height :]
        self.stack += label.results

    def finish(self) -> None:
        """Have exactly the results of the innermost block on the stack."""
        label = self.label
        there = self.stack[label.height :]
        if label.polymorphic and not there and self.choose.chance(50):
            return
        common = 0
        while common < min(len(there), len(label.results)) and matches(there[common], label.results[common]):
            common += 1
        for _ in there[common:]:
            self.discard()
        for valtype in label.results[common:]:
            self.value(valtype, 1)

    def stop(self) -> None:
        """The rest of the block can't be reached."""
        del self.stack[self.label.height :]
        self.label.polymorphic = True

    def discard(self) -> None:
        """Take the uppermost value, so that it matters if possible."""
        valtype = self.stack[-1]
        found = self.locals_of(valtype, writable=True)
        if self.shape.memories and isinstance(valtype, NumType) and self.choose.chance(40):
            self.observe(valtype)
        elif found and self.choose.chance(50):
            self.set(self.choose.pick(found))
        else:
            self.emit("drop")
            self.pop(1)

    def observe(self, kind: NumType) -> None:
        """Write the uppermost value to memory."""
        self.canonical(kind)
        scratch = self.new_local(kind)
        self.set(scratch)
        self.const(I32, self.choose.number(0, 100) * 8)
        self.get(scratch)
        self.emit(f"{kind}.store", MemArg(0, 0, 0))
        self.pop(2)

    def burn(self) -> None:
        """Count down, and trap at zero."""
        fuel = self.shape.fuel
        self.out += instruction("global.get", fuel) + instruction("i32.eqz") + instruction("if", None)
        self.out += instruction("unreachable") + instruction("end") + instruction("global.get", fuel)
        self.out += instruction("i32.const", 1) + instruction("i32.sub") + instruction("global.set", fuel)

    # -- sequences -----------------------------------------------------------------------------------------------------

    def sequence(self, count: int) -> None:
        """Write that many rows, as far as the budget goes."""
        for _ in range(count):
            if self.budget <= 0:
                return
            self.instruction()

    def instruction(self) -> None:
        """Write a row, and what it needs."""
        self.budget -= 1
        group = self.choose.pick(GROUPS)
        name = self.choose.pick(group)
        builder = BUILDERS.get(name)
        if builder is not None:
            builder(self)
        else:
            self.regular(BY_NAME[name])


def _groups() -> list[list[str]]:
    """Return groups of rows, as often as they are to come up."""
    irregular = [row.name for row in ROWS if not row.regular]
    control = [
        "block",
        "loop",
        "if",
        "else",
        "br",
        "br_if",
        "br_table",
        "br_if",
        "try_table",
        "throw",
        "%array",
        "%array",
        "%neutral",
    ]
    calls = [name for name in irregular if "call" in name]
    variables = [name for name in irregular if name.startswith(("local.", "global."))] + ["drop", "select", "select t"]
    rest = [name for name in irregular if name not in (*calls, *variables)]
    lanes = [row.name for row in _REGULAR if V128 in row.params + row.results and row.width]
    vector = [row.name for row in _REGULAR if V128 in row.params + row.results and not row.width]
    numeric = [row.name for row in _REGULAR if not row.width and row.name not in vector]
    atomic = [row.name for row in _REGULAR if row.feature is Feature.THREADS]
    memory = [row.name for row in _REGULAR if row.width and row.name not in (*lanes, *atomic)]
    return (
        [numeric] * 6
        + [vector] * 5
        + [lanes]
        + [memory] * 3
        + [atomic]
        + [control] * 5
        + [calls] * 2
        + [variables] * 2
        + [rest] * 4
    )


GROUPS = _groups()
