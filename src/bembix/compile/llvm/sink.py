"""The LLVM sink: writes the IR text of one function while the walker reads it.

Operands are SSA names or constants; locals and the values that labels take are allocas, which LLVM's own passes turn
into registers.  What each instruction becomes stands in `regular.py` and `operations_*.py`; here is what they share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from bembix.binary.hints import Hints, branch_hints
from bembix.compile import layout, plan
from bembix.compile.layout import RUNTIME
from bembix.compile.llvm.nans import Nans
from bembix.compile.llvm.types import CC, in_registers, in_store, llvm_type, parameters, results_type, zero
from bembix.compile.traps import Reason
from bembix.errors import CompileError
from bembix.records import dataclass, field
from bembix.spec.instructions import BY_CODE, BY_NAME
from bembix.spec.types import I32, FuncType, NumType, ValType
from bembix.validate.context import ModuleContext
from bembix.validate.meter import Meter, Setter
from bembix.validate.sink import Body, Label

if TYPE_CHECKING:
    from bembix.compile.llvm.group import Group
    from bembix.validate.walker import Walker

#: An instruction's writer: it takes the sink and what the walker hands over.
Operation: TypeAlias = "Callable[..., None]"
OPERATIONS: Final[dict[int, Operation]] = {}
#: Names of two vectors that are multiplied (`vector_products.py`).
Product: TypeAlias = "tuple[str, str]"

#: Of blocks that catch; a legacy `try` has another opcode once its first part is over.
_CATCHING: Final = (BY_NAME["try_table"].code, BY_NAME["try"].code)
INVARIANT: Final = ", !invariant.load !0"
#: A frame of so many bytes needs no look of its own: the margin below the limit of the stack has room for it.
_SMALL_FRAME: Final = 4096
#: Optimised code keeps values in registers; of so many, some will wait on the stack.
_MANY_VALUES: Final = 4096


def operation(*names: str) -> Callable[[Operation], Operation]:
    """Enter the writer of instructions by their names."""

    def enter(function: Operation) -> Operation:
        for name in names:
            OPERATIONS[BY_NAME[name].code] = function
        return function

    return enter


def _missing(code: int) -> Operation:
    row = BY_CODE[code]

    def write(sink: LlvmSink, *_: object) -> None:
        raise CompileError(
            f"{row.name} ({row.feature.words}) is not compiled by the llvm engine yet, "
            f"at byte {sink.walker.offset:#x}, function {sink.function}"
        )

    return write


@dataclass(slots=True)
class Frame:
    """What the sink keeps with a label: its name, where its values wait, and an `if`'s parameters."""

    name: str
    slots: list[str] = field(default_factory=list)
    params: list[str] = field(default_factory=list)
    catches: Sequence[object] = ()
    targets: Sequence[Label] = ()
    landing_used: bool = False


class LlvmSink:
    """Writes one function at a time; see `group.py` for what becomes of the text.

    values: the operands.  known: values of locals, since the last place where paths join.  pointers: addresses in
    memories that were computed since then, by memory and operand.  out: lines of the body; cold: lines that go behind
    it.  linear, own: alias metadata of linear memory and of contexts.  halves, products, sums: of vectors, see
    `vector_products.py`.
    """

    linear: str
    own: str
    keeps_fuel: bool
    guarded: list[bool]
    body: Body
    function: int
    type: FuncType
    hot_count: int
    start_of_code: int
    hints: dict[int, bool]
    has_call: bool
    uses_runtime: bool
    propagates: bool
    locals: list[str]

    def __init__(
        self, context: ModuleContext, where: layout.ContextLayout, *, exact_traps: bool, metered: bool = False
    ) -> None:
        self.exact_traps = exact_traps
        self.all_hints: Hints = branch_hints(context.definition)
        self.context = context
        self.layout = where
        self.group: Group
        self.walker: Walker
        self.values: list[str] = []
        self.out: list[str] = []
        self.cold: list[str] = []
        self.allocas: list[str] = []
        self.bools: set[str] = set()
        self.promoted: set[str] = set()
        self.computed: set[str] = set()
        self.nans: Nans = Nans()
        self.halves: dict[str, str] = {}
        self.products: dict[str, Product] = {}
        self.sums: dict[str, tuple[Product, str]] = {}
        self.pending: dict[str, list[int]] = {}
        self.known: dict[int, str] = {}
        self.pointers: dict[tuple[int, str], str] = {}
        self.number: int = 0
        self.checked: bool = False
        self.linear = self.own = ""
        #: By memory: whether accesses are checked by code (`addresses.py`) or by the guard behind the memory alone.
        self.by_guard: list[bool] = [m.address is I32 and m.page_size_log2 == 16 for m in context.memories]
        self.racy: bool = any(m.shared for m in context.memories)
        self.operations: dict[int, Operation] = {
            code: self._bind(OPERATIONS.get(code) or _missing(code)) for code in BY_CODE
        }
        self.meter: Meter | None = Meter(self) if metered else None

    def _bind(self, function: Operation) -> Operation:
        return partial(function, self)

    # -- a function ----------------------------------------------------------------------------------------------------

    def start(self, group: Group) -> None:
        """Write the functions that come next into a group."""
        self.group = group
        self.checked = self.context.handles_exceptions
        #: Whether the fuel is in a register between calls.  Then no access may trap by itself: it would be lost.
        self.keeps_fuel = self.meter is not None and group.optimize
        self.guarded = [by_guard and not self.keeps_fuel for by_guard in self.by_guard]
        self.linear, self.own = (", !tbaa !2", ", !tbaa !4") if group.optimize else ("", "")
        self.load = "load" if group.optimize else "load volatile"

    def begin(self, body: Body, label: Label) -> None:
        """Start a function."""
        for lines in (self.values, self.out, self.cold, self.allocas):
            lines.clear()
        for notes in (self.halves, self.products, self.sums):
            notes.clear()
        if self.meter is not None:
            self.meter.begin()
        self.bools.clear()
        self.promoted.clear()
        self.computed.clear()
        self.nans.begin()
        self.pending.clear()
        self.join()
        self.body, self.function, self.type = body, body.index, body.type
        self.number = 0
        code = self.context.definition.code[body.index - self.context.imported_functions]
        self.hot_count = plan.hot_count(code.end - code.start)
        self.start_of_code = code.start
        self.hints = self.all_hints.get(body.index, {})
        self.has_loop = self.has_call = self.uses_runtime = self.propagates = False
        self.memories: set[int] = set()
        self.blocks: set[int] = set()
        self.read_locals: set[int] = set()
        self.set_loads: list[tuple[int, list[int]]] = []
        self.locals = [llvm_type(t) for t in body.local_types]
        label.data = Frame("return")

    def finish(self, live: bool) -> None:
        """End it and hand the text to the group."""
        if self.meter is not None:
            self.meter.close()
        if live:
            self.write_return(self.values, self.out)
        self.settle()
        self.keep_unread()
        self.nans.finish(self.out, len(self.type.params))
        if self.propagates:
            self.cold.append("propagate:")
            self.flush_fuel(self.cold)
            self.cold.append(self._return_zero())
        entry = self._entry()
        name, scope = self.group.define(self.function, self.body.at)
        head = f"define {CC} {results_type(self.type)} @{name}({parameters(self.type)}) #0{scope} {{"
        self.group.add("\n".join([head, *entry, *self.out, *self.cold, "}"]), self.has_loop)

    def _entry(self) -> list[str]:
        """Return the lines before the body: room for locals and values, their first values, the stack check."""
        lines = ["entry:"]
        lines += [f"%l{i} = alloca {t}" for i, t in enumerate(self.locals)]
        lines += self.allocas
        lines.append(f"%store = load ptr, ptr %ctx{INVARIANT}")
        lines += self._fuel_entry()
        fits = in_registers(self.type)
        for i, t in enumerate(self.locals):
            if i < len(fits) and not fits[i]:
                at = layout.Store.VALUES + 16 * i
                lines.append(
                    f"%p{i}.p = getelementptr i8, ptr %store, i64 {at}\n%p{i} = load {t}, ptr %p{i}.p{self.own}"
                )
            lines.append(f"store {t} {f'%p{i}' if i < len(fits) else zero(t)}, ptr %l{i}")
        if self.uses_runtime or not self.group.optimize:
            lines += self._field("%rt", layout.Context.RUNTIME)
        for index in sorted(self.memories):
            lines += self._field(f"%m{index}", self.layout.memory(index) + layout.Slot.BASE)
        for index in sorted(self.blocks):
            lines += self._field(f"%mb{index}", self.layout.memory(index) + layout.Slot.BLOCK)
            lines[-1] += ", !dereferenceable !13"  # so that LLVM may read the length before a loop
        size = self._frame_size()
        if self.has_call or size > _SMALL_FRAME:
            lines += self._stack_check(size)
        if not self.group.optimize:
            body, self.out = self.out, lines
            self.count()
            self.out = body
        return lines

    def count(self) -> None:
        """In cheap code, count an entry or a round of a loop; have the function optimised where that is worth it."""
        if not self.hot_count:
            return
        name = self.label_name()
        self.out.append(
            f"%{name}.p = getelementptr i8, ptr %ctx, i64 {self.layout.counter(self.function)}\n"
            f"%{name}.a = load i64, ptr %{name}.p\n%{name}.b = add i64 %{name}.a, 1\n"
            f"store i64 %{name}.b, ptr %{name}.p\n%{name}.c = icmp eq i64 %{name}.b, {self.hot_count}\n"
            f"br i1 %{name}.c, label %{name}hot, label %{name}\n{name}:"
        )
        self.cold.append(
            f"{name}hot:\n%{name}.f = getelementptr i8, ptr %rt, i64 {RUNTIME['hot']}\n"
            f"%{name}.g = load ptr, ptr %{name}.f\n"
            f"call {CC} void %{name}.g(ptr %ctx, i64 {self.function - self.context.imported_functions}){self.place()}\n"
            f"br label %{name}"
        )

    # -- fuel ----------------------------------------------------------------------------------------------------------
    #
    # `%fuel` is the address of what is left: in the store, or, in optimised code, in a local, which becomes a register.
    # Then the store is told in each round of a loop and before whatever may look at it or leave: calls, traps, returns.

    def _fuel_entry(self) -> list[str]:
        """Return the lines at a function's start that give `%fuel` its meaning."""
        if self.meter is None:
            return []
        place = "%fuel.home" if self.keeps_fuel else "%fuel"
        lines = [f"{place} = getelementptr i8, ptr %store, i64 {layout.Store.FUEL}"]
        if self.keeps_fuel:
            load = f"%fuel.first = load i64, ptr %fuel.home{self.own}"
            lines += ["%fuel = alloca i64", load, "store i64 %fuel.first, ptr %fuel"]
        return lines

    def flush_fuel(self, out: list[str]) -> None:
        """Tell the store what is left."""
        if self.keeps_fuel:
            name = self.name()
            out.append(f"{name} = load i64, ptr %fuel\nstore i64 {name}, ptr %fuel.home{self.own}")

    def show_fuel(self) -> None:
        """Tell the store in each round of a loop, whatever LLVM would rather keep to itself, since a stop may come."""
        if self.meter is not None:
            name, home = self.name(), "%fuel.home" if self.keeps_fuel else "%fuel"
            self.out.append(f"{name} = load i64, ptr %fuel\nstore volatile i64 {name}, ptr {home}{self.own}")

    def reload_fuel(self) -> None:
        """Ask the store, after a call, what is left."""
        if self.keeps_fuel:
            name = self.name()
            self.out.append(f"{name} = load i64, ptr %fuel.home{self.own}\nstore i64 {name}, ptr %fuel")

    def charge(self) -> Setter:
        """Charge for what comes next; return what is told how much."""
        out, at, name = self.out, len(self.out), self.label_name()
        out.append("")
        self._charge(name)

        def set_(amount: int) -> None:
            out[at] = f"%{name}.n = add i64 0, {amount}"

        return set_

    def charge_operand(self, shift: int, valtype: NumType) -> None:
        """Charge by the operand on top of the stack, which stays."""
        wide, name = self.wide(self.values[-1], llvm_type(valtype)), self.label_name()
        self.out.append(f"%{name}.n = lshr i64 {wide}, {shift}")
        self._charge(name)

    def _charge(self, name: str) -> None:
        self.settle()
        load = f"%{name}.f = load i64, ptr %fuel"
        if self.keeps_fuel:
            load = f'%{name}.m = load i64, ptr %fuel\n%{name}.f = call i64 asm "", "=r,0"(i64 %{name}.m)'
        self.out.append(
            f"{load}\n%{name}.r = sub i64 %{name}.f, %{name}.n\n"
            f"%{name}.o = icmp ult i64 %{name}.f, %{name}.n\n"
            f"br i1 %{name}.o, label %{name}x, label %{name}, !prof !6\n{name}:\n"
            f"store i64 %{name}.r, ptr %fuel"
        )
        self.cold.append(f"{name}x:\n{self.trap_call(Reason.OUT_OF_FUEL, self.walker.offset)}")

    def _field(self, name: str, offset: int) -> list[str]:
        return [f"{name}.p = getelementptr i8, ptr %ctx, i64 {offset}", f"{name} = load ptr, ptr {name}.p{INVARIANT}"]

    def _frame_size(self) -> int:
        """Return what the frame takes at most, or thereabouts: below the limit there is room for an error."""
        values = 0 if self.group.optimize and self.number < _MANY_VALUES else self.number
        vectors = sum("<" in text for text in (*self.locals, *self.allocas))
        return 8 * (len(self.locals) + len(self.allocas) + vectors + values)

    def _stack_check(self, size: int) -> list[str]:
        """Compare this frame's address, less its size where that is large, with the limit of the thread."""
        self.cold.append(f"overflow:\n{self.trap_call(Reason.STACK_EXHAUSTED, self.body.at)}")
        return [
            "%fp = call ptr @llvm.frameaddress.p0(i32 0)",
            f"%sp = getelementptr i8, ptr %fp, i64 {-size if size > _SMALL_FRAME else 0}",
            f"%limit = load ptr, ptr %store{INVARIANT}",
            "%room = icmp ugt ptr %sp, %limit",
            "br i1 %room, label %body, label %overflow",
            "body:",
        ]

    # -- signalling NaNs -----------------------------------------------------------------------------------------------

    def is_constant(self, value: str) -> bool:
        """Return whether a value, or a part of it, is a constant or calculated from constants only."""
        return value[0] != "%" or value in self.computed

    # -- values --------------------------------------------------------------------------------------------------------

    def name(self) -> str:
        """Return a fresh SSA name."""
        self.number += 1
        return f"%v{self.number}"

    def label_name(self) -> str:
        """Return a fresh name for a basic block."""
        self.number += 1
        return f"b{self.number}"

    def push(self, value: str) -> None:
        """Put an operand on the stack."""
        self.values.append(value)

    def pop(self) -> str:
        """Take an operand for something that is always done."""
        value = self.values.pop()
        self.pending.pop(value, None)
        return value

    def pop_many(self, count: int) -> list[str]:
        """Take that many operands, the deepest first, for something that is always done."""
        if not count:
            return []
        taken = self.values[-count:]
        del self.values[-count:]
        for value in taken:
            self.pending.pop(value, None)
        return taken

    def condition(self, value: str) -> str:
        """Return an i32 as an i1."""
        if value in self.bools:
            return value + ".b"
        name = self.name()
        self.out.append(f"{name} = icmp ne i32 {value}, 0")
        return name

    def likely(self) -> str:
        """Return the note that tells which way the branch at hand likely goes, where the module has a hint for it."""
        if not self.hints:
            return ""
        hint = self.hints.get(self.walker.at - self.start_of_code)
        return "" if hint is None else ", !prof !5" if hint else ", !prof !6"

    def wide(self, value: str, llvm: str) -> str:
        """Return an unsigned integer as an i64."""
        if llvm == "i64":
            return value
        name = self.name()
        self.out.append(f"{name} = zext i32 {value} to i64")
        return name

    def narrow(self, value: str, address: NumType) -> str:
        """Return an i64 as an integer of an address type."""
        if address is not I32:
            return value
        name = self.name()
        self.out.append(f"{name} = trunc i64 {value} to i32")
        return name

    def context_field(self, offset: int, llvm: str = "ptr", note: str = INVARIANT) -> str:
        """Load a field of the context."""
        return self.field("%ctx", offset, llvm, note)

    def field(self, base: str, offset: int, llvm: str = "ptr", note: str = "") -> str:
        """Load a field of a structure."""
        name = self.name()
        self.out.append(
            f"{name}.p = getelementptr i8, ptr {base}, i64 {offset}\n{name} = load {llvm}, ptr {name}.p{note}"
        )
        return name

    def address(self, base: str, offset: int) -> str:
        """Return the address of a field of a structure."""
        name = self.name()
        self.out.append(f"{name} = getelementptr i8, ptr {base}, i64 {offset}")
        return name

    # -- loads that have to trap ---------------------------------------------------------------------------------------
    #
    # LLVM takes away a load that nothing uses, and moves one into the only branch that does.  By default the loads
    # behind a value that is dropped, or that only goes to locals which are never read, are kept (volatile).  With exact
    # traps a load stays plain only if, before control divides, something depends on it that is always done: a store, a
    # call, the branch.

    def flow(self, result: str, *operands: str) -> None:
        """Note that what depends on loads is only used by what makes `result`."""
        if self.exact_traps:
            lines = [line for operand in operands for line in self.pending.pop(operand, ())]
            if lines:
                self.pending[result] = lines

    def keep(self, values: Iterable[str]) -> None:
        """Have the loads behind values done, whatever becomes of the values."""
        for value in values:
            self._keep_lines(self.pending.pop(value, ()))

    def _keep_lines(self, lines: Iterable[int]) -> None:
        for line in lines:
            text = self.out[line]
            if "= load volatile " not in text:
                self.out[line] = text.replace("= load ", "= load volatile ", 1)

    def settle(self) -> None:
        """Control divides or ends here."""
        if self.exact_traps and self.pending:
            self.keep(list(self.pending))

    def keep_unread(self) -> None:
        """At the end: have the loads done whose values only went to locals that are never read."""
        for local, lines in self.set_loads:
            if local not in self.read_locals:
                self._keep_lines(lines)

    # -- places --------------------------------------------------------------------------------------------------------

    def join(self) -> None:
        """Paths join here: what one of them computed is not there on all."""
        self.settle()
        self.known.clear()
        self.pointers.clear()

    def place(self) -> str:
        """Return the note that ties an instruction to its byte offset in the module."""
        return self.group.location(self.walker.offset)

    def trap_call(self, reason: Reason, offset: int) -> str:
        """Return lines that trap."""
        self.group.uses_trap = True
        lines: list[str] = []
        self.flush_fuel(lines)
        return (
            "".join(f"{line}\n" for line in lines)
            + f"call {CC} void @trap(ptr %ctx, i64 {int(reason)}, i64 {offset})\nunreachable"
        )

    def trap_if(self, condition: str, reason: Reason) -> None:
        """Trap where an i1 is true."""
        name = self.label_name()
        self.out.append(f"br i1 {condition}, label %{name}t, label %{name}, !prof !6\n{name}:")
        self.cold.append(f"{name}t:\n{self.trap_call(reason, self.walker.offset)}")

    def runtime(self, name: str, results: str, arguments: str) -> str:
        """Call a function of the runtime; return its result."""
        self.uses_runtime = self.has_call = True
        code = self.field("%rt", RUNTIME[name], note=INVARIANT)
        result = self.name()
        left = "" if results == "void" else f"{result} = "
        self.flush_fuel(self.out)
        self.out.append(f"{left}notail call {CC} {results} {code}(ptr %ctx{arguments}){self.place()}")
        self.reload_fuel()
        return result

    # -- labels --------------------------------------------------------------------------------------------------------

    def frame(self, label: Label, with_slots: bool = True) -> Frame:
        """Return what is kept with a label, with room for its values."""
        frame: Frame = label.data
        if with_slots and label.targets and not frame.slots and label.opcode:
            frame.slots = [f"%s{label.number}.{i}" for i in range(len(label.targets))]
            self.allocas += [f"{s} = alloca {llvm_type(t)}" for s, t in zip(frame.slots, label.targets, strict=True)]
        return frame

    def leave_values(self, label: Label, values: Sequence[str], out: list[str]) -> None:
        """Put values where a label takes them."""
        frame = self.frame(label)
        for slot, valtype, value in zip(frame.slots, label.targets, values, strict=True):
            out.append(f"store {llvm_type(valtype)} {value}, ptr {slot}")

    def take_values(self, label: Label, types: Sequence[ValType]) -> None:
        """Push the values that were left for a label."""
        for slot, valtype in zip(self.frame(label).slots, types, strict=True):
            name = self.name()
            self.out.append(f"{name} = load {llvm_type(valtype)}, ptr {slot}")
            self.values.append(name)

    def jump(self, label: Label, values: Sequence[str], out: list[str]) -> None:
        """Branch to a label with its values; to the outermost one means to return."""
        if not label.opcode:
            self.write_return(values, out)
            return
        self.leave_values(label, values, out)
        out.append(f"br label %{self.frame(label).name}")

    def destination(self, label: Label, values: Sequence[str]) -> str:
        """Return the basic block to branch to for a label, after its values were left for it."""
        if label.opcode:
            self.leave_values(label, values, self.out)
            return self.frame(label).name
        name = self.label_name()
        self.cold.append(f"{name}:")
        self.write_return(values, self.cold)
        return name

    def write_return(self, values: Sequence[str], out: list[str]) -> None:
        """Return from the function with these results."""
        self.flush_fuel(out)
        types = [llvm_type(t) for t in self.type.results]
        values = values[len(values) - len(types) :]
        if not types:
            out.append("ret void")
        elif in_store(self.type):
            for index, (valtype, value) in enumerate(zip(types, values, strict=True)):
                name = self.name()
                at = layout.Store.VALUES + 16 * index
                out.append(
                    f"{name} = getelementptr i8, ptr %store, i64 {at}\nstore {valtype} {value}, ptr {name}{self.own}"
                )
            out.append("ret void")
        elif len(types) == 1:
            out.append(f"ret {types[0]} {values[0]}")
        else:
            whole = results_type(self.type)
            first, second = self.name(), self.name()
            out.append(
                f"{first} = insertvalue {whole} poison, {types[0]} {values[0]}, 0\n"
                f"{second} = insertvalue {whole} {first}, {types[1]} {values[1]}, 1\n"
                f"ret {whole} {second}"
            )

    def _return_zero(self) -> str:
        whole = results_type(self.type)
        return "ret void" if whole == "void" else f"ret {whole} {zero(whole)}"

    # -- exceptions ----------------------------------------------------------------------------------------------------

    def landing(self, passed: int = 0) -> str:
        """Return the basic block that a pending exception goes to.  passed: how many labels it does not stop at."""
        for label in reversed(self.walker.labels[: len(self.walker.labels) - passed]):
            if label.opcode in _CATCHING and label.live:
                label.data.landing_used = True
                return f"{label.data.name}.landing"
        self.propagates = True
        return "propagate"

    def check_pending(self) -> None:
        """After a call, go where an exception goes if one is pending."""
        if not self.checked:
            return
        self.settle()
        pending = self.field("%store", layout.Store.PENDING, "i64", self.own)
        name = self.label_name()
        self.out.append(
            f"%{name}.c = icmp eq i64 {pending}, 0\n"
            f"br i1 %{name}.c, label %{name}, label %{self.landing()}, !prof !5\n{name}:"
        )

    @property
    def code_field(self) -> int:
        """Which code of a function record this module calls."""
        return layout.FuncRecord.THROWING_CODE if self.checked else layout.FuncRecord.CODE

    def results(self, functype: FuncType, call: str) -> None:
        """Write a call (its text from `call` on) and push its results."""
        whole = results_type(functype)
        self.flush_fuel(self.out)
        if whole == "void":
            self.out.append(call)
            self.reload_fuel()
            self.check_pending()
            if in_store(functype):
                for index, valtype in enumerate(functype.results):
                    at = layout.Store.VALUES + 16 * index
                    self.push(self.field("%store", at, llvm_type(valtype), self.own))
            return
        result = self.name()
        self.out.append(f"{result} = {call}")
        self.reload_fuel()
        self.check_pending()
        if len(functype.results) == 1:
            self.push(result)
            return
        for index in range(len(functype.results)):
            part = self.name()
            self.out.append(f"{part} = extractvalue {whole} {result}, {index}")
            self.push(part)
