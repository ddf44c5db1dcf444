"""The walker: one pass over a function body that decodes, validates and hands each instruction to a sink.

Each first byte of an instruction has a handler, `handler(walker, pos) -> pos`, where `pos` is the position after the
code; `dispatch.py` makes them.  Source: core 3.0, 3.4 and the algorithm of appendix A.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from bembix.binary.immediates import read_locals
from bembix.binary.instructions import missing_end
from bembix.binary.leb import read_u32
from bembix.errors import CompileError, ParseError, ValidationError
from bembix.spec.canonical import match_val
from bembix.spec.instructions import BY_CODE, BY_NAME, Instr
from bembix.spec.limits import MAX_FUNCTION_SIZE, MAX_LOCALS, MAX_NESTING
from bembix.spec.module import Code
from bembix.spec.types import AbsHeap, NumType, RefType, ValType
from bembix.validate.context import ModuleContext
from bembix.validate.sink import NOTHING, Body, Label, Operations, Sink

Handler: TypeAlias = "Callable[[Walker, int], int]"
Handlers: TypeAlias = "Sequence[Handler]"

#: Rules of instructions whose stack type depends on context, by name; `rules_*.py` fill it.
RULES: Final[dict[str, Handler]] = {}

#: A reference, though open to what: code that cannot be reached leaves some so.  It is known by its identity alone.
OPEN_REF: Final = RefType(False, AbsHeap.NONE)

_LOOP: Final = BY_NAME["loop"].code
_LONGEST: Final = 32  #: bytes of code that a handler may read without looking whether they are there


def rule(name: str) -> Callable[[Handler], Handler]:
    """Enter a rule for the instruction of that name."""

    def enter(handler: Handler) -> Handler:
        RULES[name] = handler
        return handler

    return enter


class Walker:
    """Walks function bodies of one module into one sink.

    stack: types of the operands.  labels: open blocks, innermost last; label: that one.  floor: height of the operand
    stack below it.  locals: types.  unset: indices of locals without a default value that have none yet.  emit: the
    sink's operations, or none of them where the code cannot be reached.  at: offset in `code` of the instruction at
    hand.
    """

    __slots__ = (
        "at", "code", "context", "delta", "emit", "end", "floor", "function", "handlers", "initialised",
        "label", "label_count", "labels", "live", "locals", "sink", "stack", "unset",
    )  # fmt: skip

    at: int
    code: bytes
    delta: int
    emit: Operations
    end: int
    floor: int
    function: int
    label: Label
    label_count: int
    live: bool

    def __init__(self, context: ModuleContext, sink: Sink, handlers: Handlers) -> None:
        self.context: ModuleContext = context
        self.sink: Sink = sink
        self.handlers: Handlers = handlers
        self.stack: list[ValType] = []
        self.labels: list[Label] = []
        self.locals: list[ValType] = []
        self.unset: set[int] = set()
        self.initialised: list[int] = []

    # -- the walk ------------------------------------------------------------------------------------------------------

    def walk(self, index: int, code: Code) -> None:
        """Walk the body of function `index` (function index space).

        Errors: ParseError where it is malformed, ValidationError where it is not valid; both with the byte offset.
        """
        functype = self.context.function_type(index)
        if code.end - code.start > MAX_FUNCTION_SIZE:
            raise CompileError(f"function {index} has {code.end - code.start} bytes, the limit is {MAX_FUNCTION_SIZE}")
        self.code, self.end, self.delta, self.at = code.data, code.end, code.delta, code.start
        try:
            groups, pos = read_locals(code.data, code.start)
            if len(functype.params) + sum(count for count, _ in groups) > MAX_LOCALS:
                raise ParseError(f"too many locals: the limit is {MAX_LOCALS}", offset=code.start)
            self.locals = list(functype.params)
            for count, valtype in groups:
                self.locals += [self.context.valtype(valtype, code.offset)] * count
            self.function = index
            self.unset = {
                i for i, t in enumerate(self.locals)
                if isinstance(t, RefType) and not t.nullable and i >= len(functype.params)
            }  # fmt: skip
            self._run(pos, (), functype.results, Body(index, functype, self.locals, pos + code.delta))
        except ParseError as error:
            if code.delta and error.offset is not None and not isinstance(error, ValidationError):
                error.offset += code.delta
            raise
        except IndexError:
            if len(self.code) - self.at > _LONGEST:
                raise
            raise ParseError("unexpected end of section or function", offset=self.end + self.delta) from None

    def walk_constant(self, code: bytes, offset: int, result: ValType) -> None:
        """Walk a constant expression that has to give `result`."""
        self.code, self.end, self.delta, self.at = code, len(code), offset, 0
        self.locals, self.function = [], -1
        self._run(0, (), (result,), None)

    def _run(self, pos: int, params: tuple[ValType, ...], results: tuple[ValType, ...], body: Body | None) -> None:
        self.stack.clear()
        self.labels.clear()
        self.initialised.clear()
        self.label_count = 0
        self.live = True
        self.emit = self.sink.operations
        label = self.open(0, params, results)
        if body is not None:
            self.sink.begin(body, label)
        code, end, labels, table = self.code, self.end, self.labels, self.handlers
        while labels:
            if pos >= end:
                raise missing_end(code, end)
            self.at = pos
            pos = table[code[pos]](self, pos + 1)
        if pos != end:
            if pos > end:
                raise ParseError("unexpected end of section or function", offset=end)
            raise ParseError(f"section size mismatch: {end - pos} bytes after the end of the code", offset=pos)

    # -- errors --------------------------------------------------------------------------------------------------------

    @property
    def offset(self) -> int:
        """Byte offset in the module of the instruction at hand."""
        return self.at + self.delta

    def error(self, message: str) -> ValidationError:
        """Return an error about the instruction at hand."""
        where = "a constant expression" if self.function < 0 else f"function {self.function}"
        return ValidationError(f"{message} (in {self._instruction()}, {where})", offset=self.offset)

    @property
    def row(self) -> Instr:
        """The instruction at hand, which has been decoded."""
        code = self.code[self.at]
        return BY_CODE[code << 16 | read_u32(self.code, self.at + 1)[0] if code >= 0xFB else code]

    def _instruction(self) -> str:
        code = self.code[self.at]
        if code >= 0xFB:
            code = code << 16 | read_u32(self.code, self.at + 1)[0]
        return BY_CODE[code].keyword if code in BY_CODE else f"instruction {code:#x}"

    def mismatch(self, wanted: Sequence[ValType]) -> ValidationError:
        """Return the error that the operands are not of the `wanted` types."""
        there = self.stack[max(self.floor, len(self.stack) - max(len(wanted), 1)) :]
        needs, has = " ".join(map(str, wanted)), " ".join(map(str, there))
        return self.error(f"type mismatch: instruction requires [{needs}] but stack has [{has}]")

    # -- the operand stack ---------------------------------------------------------------------------------------------

    def pop(self, wanted: ValType) -> None:
        """Take one operand of a type."""
        stack = self.stack
        if len(stack) > self.floor:
            given = stack[-1]
            if given is wanted or self._open(given, wanted) or match_val(given, wanted):
                del stack[-1]
                return
        elif self.label.polymorphic:
            return
        raise self.mismatch((wanted,))

    def pop_all(self, wanted: Sequence[ValType]) -> None:
        """Take operands of these types, the last from the top."""
        stack, count = self.stack, len(wanted)
        if not count:
            return
        if len(stack) - self.floor >= count:
            given = stack[-count:]
            if tuple(given) == wanted:  # FAST: bench/compile.py
                del stack[-count:]
                return
            for have, want in zip(given, wanted, strict=True):
                if not (have is want or self._open(have, want) or match_val(have, want)):
                    raise self.mismatch(wanted)
            del stack[len(stack) - count :]
            return
        if not self.label.polymorphic:
            raise self.mismatch(wanted)
        for want in reversed(wanted):
            self.pop(want)

    @staticmethod
    def _open(given: ValType | None, wanted: ValType) -> bool:
        """Tell whether a type is open to be the one wanted: code that cannot be reached leaves some so (see `push`)."""
        return given is None or (given is OPEN_REF and isinstance(wanted, RefType))

    def pop_any(self) -> ValType | None:
        """Take one operand of whatever type; None where code that cannot be reached leaves it open."""
        if len(self.stack) > self.floor:
            return self.stack.pop()
        if self.label.polymorphic:
            return None
        raise self.error("type mismatch: instruction requires [any] but stack has []")

    def pop_ref(self) -> RefType | None:
        """Take one reference; None where code that cannot be reached leaves open to what."""
        given = self.pop_any()
        if isinstance(given, NumType):
            raise self.error(f"type mismatch: instruction requires [a reference] but stack has [{given}]")
        return None if given is OPEN_REF else given

    def push(self, valtype: ValType | None) -> None:
        """Put a type on the operand stack; None stands for any, in code that cannot be reached."""
        self.stack.append(valtype)  # type: ignore[arg-type]

    # -- control -------------------------------------------------------------------------------------------------------

    def open(self, opcode: int, params: tuple[ValType, ...], results: tuple[ValType, ...]) -> Label:
        """Open a block whose parameters were taken from the stack, and put them back on it."""
        if len(self.labels) >= MAX_NESTING:
            raise CompileError(f"blocks nest deeper than {MAX_NESTING} (function {self.function})")
        targets = params if opcode == _LOOP else results
        height = len(self.stack)
        label = Label(
            opcode, params, results, targets, height, len(self.initialised), self.live, self.label_count, self.offset
        )
        self.label_count += 1
        self.labels.append(label)
        self.label = label
        self.floor = height
        self.stack += params
        return label

    def close(self) -> Label:
        """Take the results of the innermost block and close it."""
        label = self.label
        self.pop_all(label.results)
        if len(self.stack) != label.height:
            wants = " ".join(map(str, label.results))
            has = " ".join(map(str, [*self.stack[label.height :], *label.results]))
            raise self.error(f"type mismatch: block requires [{wants}] but stack has [{has}]")
        self.forget_initialised(label)
        self.labels.pop()
        if self.labels:
            self.label = self.labels[-1]
            self.floor = self.label.height
        return label

    def forget_initialised(self, label: Label) -> None:
        """At the end of a block, locals that were first set in it count as unset again."""
        if len(self.initialised) > label.initialised:
            self.unset.update(self.initialised[label.initialised :])
            del self.initialised[label.initialised :]

    def target(self, depth: int) -> Label:
        """Return the label that many blocks out, and note that it is branched to."""
        if depth >= len(self.labels):
            raise self.error(f"unknown label {depth}: blocks that are open: {len(self.labels)}")
        label = self.labels[-1 - depth]
        if self.live:
            label.targeted = True
        return label

    def stop(self) -> None:
        """The rest of the block cannot be reached."""
        label = self.label
        del self.stack[label.height :]
        label.polymorphic = True
        self.set_live(False)

    def set_live(self, live: bool) -> None:
        """Say whether the code that follows can be reached."""
        self.live = live
        self.emit = self.sink.operations if live else NOTHING

    # -- immediates ----------------------------------------------------------------------------------------------------

    def index(self, pos: int, space: Sequence[object], what: str) -> tuple[int, int]:
        """Read an index into an index space."""
        value = self.code[pos]
        if value < 0x80:
            pos += 1
        else:
            value, pos = read_u32(self.code, pos)
        if value >= len(space):
            raise self.error(f"unknown {what} {value}")
        return value, pos
