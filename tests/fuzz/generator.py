"""Random valid programs, made from the instruction table: modules that import from each other, and calls of exports.

`program(choices)` makes one from any source of decisions: `SeededChoices(7)`, or hypothesis through the strategy
`programs()`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import builders  # noqa: F401  (it enters its builders)
from bodies import Body
from choices import Choices, Chooser, DrawnChoices, SeededChoices
from hypothesis import strategies as st
from shape import BITS, NUMBERS, Shape, constant_bits, instruction, vector_bits

from bembix.binary.encode import encode
from bembix.spec.module import Code, Data, Elem, Export, Expr, ExternKind, Global, Import, SegmentMode, Table
from bembix.spec.types import (
    EXNREF,
    EXTERNREF,
    F32,
    F64,
    FUNCREF,
    I32,
    I64,
    V128,
    AbsHeap,
    FuncType,
    GlobalType,
    Limits,
    MemoryType,
    NumType,
    RefType,
    TableType,
    TagType,
    ValType,
    ref,
)

#: What a call is given: the bits of a number, or a name for an externref, or None for null.
Argument = int | str | None

FUEL = "fuel"
_NULLS = (FUNCREF, EXTERNREF)


@dataclass
class Call:
    """A call of an exported function."""

    module: str
    name: str
    arguments: list[Argument]


@dataclass
class Program:
    """Modules by name, in the order of instantiation; each may import from "host" and from earlier ones.

    host: types of the host functions.  types: of exported functions, by module and name.  rows: what the bodies use.
    """

    modules: dict[str, bytes] = field(default_factory=dict)
    host: dict[str, FuncType] = field(default_factory=dict)
    types: dict[str, dict[str, FuncType]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    rows: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        from bembix.binary.decode import decode
        from bembix.text.print import print_module

        texts = [f";; {name}\n{print_module(decode(binary))}" for name, binary in self.modules.items()]
        return "\n".join([*texts, *(f";; {call}" for call in self.calls)])


def _passable(types: tuple[ValType, ...]) -> bool:
    """Tell whether values of these types can come from and go to the host in every engine."""
    return all(t in (*NUMBERS, FUNCREF, EXTERNREF) for t in types)


class _Maker:
    """Makes one module."""

    def __init__(self, choose: Chooser, size: int) -> None:
        self.choose, self.size = choose, size
        self.shape = Shape(exceptions=choose.chance(50), vectors=choose.chance(40), wild=choose.pick([0, 0, 0, 3, 25]))
        self.definition = self.shape.definition
        self.exports: dict[str, tuple[ExternKind, object]] = {}

    # -- types ---------------------------------------------------------------------------------------------------------

    def _valtypes(self, most: int) -> tuple[ValType, ...]:
        kinds: list[ValType] = [*NUMBERS, *NUMBERS, *NUMBERS, FUNCREF, EXTERNREF]
        if self.shape.exceptions:
            kinds.append(EXNREF)
        if self.shape.vectors:
            kinds += [V128, V128]
        if self.shape.types:
            kinds.append(ref(True, self.choose.number(0, len(self.shape.types) - 1)))
        return tuple(self.choose.some(kinds, 0, most))

    def types(self) -> None:
        choose = self.choose
        results: list[tuple[ValType, ...]] = [(), (I32,), (I64,), (F64,), (I32, F32)]
        for _ in range(choose.number(2, 5)):
            params = self._valtypes(14 if choose.chance(15) else 4)
            given = choose.pick(results) if choose.chance(75) else self._valtypes(5)
            self.shape.add_type(FuncType(params, given))
        if choose.chance(30):  # the same type under another index
            first = self.shape.types[0]
            if not any(isinstance(t, RefType) for t in first.params):
                self.shape.add_type(first)

    # -- imports -------------------------------------------------------------------------------------------------------

    def host_imports(self, program: Program) -> None:
        for _ in range(self.choose.number(0, 2)):
            kinds: list[ValType] = [*NUMBERS, *NUMBERS, EXTERNREF]
            params, results = self.choose.some(kinds, 0, 4), self.choose.some(kinds, 0, 2)
            functype = FuncType(tuple(params), tuple(results))
            name = f"h{len(program.host)}"
            program.host[name] = functype
            self._import_function("host", name, functype)

    def _import_function(self, module: str, name: str, functype: FuncType) -> None:
        index = self.shape.type_index(functype)
        self.definition.imports.append(Import(module, name, ExternKind.FUNC, index))
        self.shape.functions.append(index)
        self.shape.imported_functions += 1

    def module_imports(self, module: str, exports: dict[str, tuple[ExternKind, object]]) -> None:
        """Import some of what another module exports."""
        for name, (kind, what) in exports.items():
            if not self.choose.chance(60) or name == FUEL:
                continue
            if kind is ExternKind.FUNC:
                assert isinstance(what, FuncType)
                self._import_function(module, name, what)
                continue
            entry: object = what
            if kind is ExternKind.MEMORY:
                assert isinstance(what, MemoryType)
                self.shape.memories.append(what)
            elif kind is ExternKind.TABLE:
                assert isinstance(what, TableType)
                self.shape.tables.append(what)
            elif kind is ExternKind.GLOBAL:
                assert isinstance(what, GlobalType)
                self.shape.globals.append(what)
            else:
                assert isinstance(what, FuncType)
                entry = TagType(self.shape.type_index(what))
                self.shape.tags.append(entry.type_index)
                self.shape.exceptions = True
            self.definition.imports.append(Import(module, name, kind, entry))  # type: ignore[arg-type]

    # -- definitions ---------------------------------------------------------------------------------------------------

    def _constant(self, kind: ValType) -> Expr:
        """Return a constant expression."""
        if isinstance(kind, RefType):
            functions = self.shape.functions if kind == FUNCREF else []
            if functions and self.choose.chance(50):
                return _expr(instruction("ref.func", self.choose.number(0, len(functions) - 1)))
            return _expr(instruction("ref.null", kind.heap))
        known = [index for index, g in enumerate(self.shape.globals) if g == GlobalType(kind)]
        if known and self.choose.chance(40):
            code = instruction("global.get", self.choose.pick(known))
        elif kind is V128:
            code = instruction("v128.const", vector_bits(self.choose))
        else:
            code = instruction(f"{kind}.const", constant_bits(self.choose, kind))
        if kind in (I32, I64) and self.choose.chance(25):
            code += instruction(f"{kind}.const", constant_bits(self.choose, kind))
            code += instruction(f"{kind}.{self.choose.pick(['add', 'sub', 'mul'])}")
        return _expr(code)

    def memories(self) -> None:
        choose = self.choose
        for _ in range(choose.pick([0, 1, 1, 1, 2])):
            least = 0 if choose.chance(5) else choose.number(1, 2)
            limits = Limits(least, least + choose.number(0, 2))
            self.shape.memories.append(MemoryType(limits))
            self.definition.memories.append(MemoryType(limits))
        for memory, kind in enumerate(self.shape.memories):
            self._export(f"m{memory}", ExternKind.MEMORY, memory, kind)
            if kind.limits.minimum:
                for _ in range(choose.number(0, 2)):
                    at = _expr(instruction("i32.const", choose.number(0, 300)))
                    self._data(Data(SegmentMode.ACTIVE, choose.content(choose.number(0, 40)), memory, at))
        for _ in range(choose.number(0, 2)):
            self._data(Data(SegmentMode.PASSIVE, choose.content(choose.number(0, 30))))
        self.definition.data_count = len(self.definition.datas)

    def _data(self, segment: Data) -> None:
        self.definition.datas.append(segment)
        self.shape.datas.append(len(segment.content) if segment.mode is SegmentMode.PASSIVE else 0)

    def globals(self) -> None:
        choose = self.choose
        self.shape.fuel = len(self.shape.globals)
        self._global(GlobalType(I32, True), _expr(instruction("i32.const", 200)), FUEL)
        for _ in range(choose.number(1, 6)):
            kinds: list[ValType] = [*NUMBERS, *NUMBERS, FUNCREF, EXTERNREF]
            kind = choose.pick([*kinds, V128, V128] if self.shape.vectors else kinds)
            globaltype = GlobalType(kind, choose.chance(70))
            self._global(globaltype, self._constant(kind), f"g{len(self.shape.globals)}")

    def _global(self, globaltype: GlobalType, init: Expr, name: str) -> None:
        if globaltype.value is not V128:  # what the host can't read it doesn't get
            self._export(name, ExternKind.GLOBAL, len(self.shape.globals), globaltype)
        self.shape.globals.append(globaltype)
        self.definition.globals.append(Global(globaltype, init))

    def tables(self) -> None:
        choose = self.choose
        elements: list[RefType] = [FUNCREF, EXTERNREF, FUNCREF]
        if self.shape.types:
            elements.append(ref(True, choose.number(0, len(self.shape.types) - 1)))
        for _ in range(choose.number(0, 3)):
            least = choose.number(1, 8)
            table = TableType(Limits(least, least + choose.number(0, 4)), choose.pick(elements))
            self.shape.tables.append(table)
            self.definition.tables.append(Table(table))
        for index, table in enumerate(self.shape.tables):
            if not isinstance(table.element.heap, int):
                self._export(f"t{index}", ExternKind.TABLE, index, table)

    def tags(self) -> None:
        if not self.shape.exceptions:
            return
        for _ in range(self.choose.number(0, 2)):
            kinds: list[ValType] = [*NUMBERS, EXTERNREF, FUNCREF]
            params = tuple(self.choose.some(kinds, 0, 3))
            index = self.shape.type_index(FuncType(params, ()))
            self._export(f"x{len(self.shape.tags)}", ExternKind.TAG, len(self.shape.tags), FuncType(params, ()))
            self.shape.tags.append(index)
            self.definition.tags.append(TagType(index))

    def elems(self) -> None:
        """Fill tables, and declare every function, so that `ref.func` may name it."""
        choose, shape = self.choose, self.shape
        functions = range(len(shape.functions))
        for index, table in enumerate(shape.tables):
            fitting = [f for f in functions if table.element == FUNCREF or table.element.heap == shape.functions[f]]
            if table.element == EXTERNREF or not fitting:
                continue
            items = choose.some(fitting, 1, table.limits.minimum)
            at = choose.number(0, table.limits.minimum - len(items))
            shape.slots[index] = {at + position: function for position, function in enumerate(items)}
            self._elem(SegmentMode.ACTIVE, table.element, items, index, _expr(instruction("i32.const", at)))
        if functions:
            if choose.chance(60):
                self._elem(SegmentMode.PASSIVE, FUNCREF, choose.some(functions, 1, 4))
            self._elem(SegmentMode.DECLARATIVE, FUNCREF, list(functions))

    def _elem(self, mode: SegmentMode, kind: RefType, items: list[int], table: int = 0, at: Expr | None = None) -> None:
        expressions = tuple(_expr(instruction("ref.func", item)) for item in items)
        if kind == FUNCREF and self.choose.chance(50):
            self.definition.elems.append(Elem(mode, ref(False, AbsHeap.FUNC), tuple(items), table, at))
        else:
            self.definition.elems.append(Elem(mode, kind, expressions, table, at))
        self.shape.elems.append(kind)

    # -- functions -----------------------------------------------------------------------------------------------------

    def declare_functions(self) -> None:
        for _ in range(self.choose.number(1, 4)):
            index = self.choose.number(0, len(self.shape.types) - 1)
            self.definition.functions.append(index)
            self.shape.functions.append(index)

    def bodies(self, program: Program) -> None:
        for number, type_index in enumerate(self.definition.functions):
            functype = self.shape.types[type_index]
            body = Body(self.shape, self.choose, functype, self.choose.number(3, self.size))
            entry = body.entry()
            self.definition.code.append(Code(entry, 0, len(entry)))
            program.rows |= body.rows
            if _passable((*functype.params, *functype.results)):
                index = self.shape.imported_functions + number
                self._export(f"f{index}", ExternKind.FUNC, index, functype)
            if functype == FuncType() and self.definition.start is None and self.choose.chance(10):
                self.definition.start = self.shape.imported_functions + number

    def _export(self, name: str, kind: ExternKind, index: int, what: object) -> None:
        self.definition.exports.append(Export(name, kind, index))
        self.exports[name] = (kind, what)

    def make(self, program: Program, name: str, others: dict[str, dict[str, tuple[ExternKind, object]]]) -> None:
        """Make the module and enter it in the program."""
        self.types()
        self.host_imports(program)
        for other, exports in others.items():
            self.module_imports(other, exports)
        self.declare_functions()
        self.memories()
        self.tables()
        self.globals()
        self.tags()
        self.elems()
        self.bodies(program)
        program.modules[name] = encode(self.definition)
        program.types[name] = {
            export: what
            for export, (_, what) in self.exports.items()
            if isinstance(what, FuncType) and export[0] == "f"
        }


def _expr(code: bytes) -> Expr:
    return Expr(code + instruction("end"))


def _argument(choose: Chooser, valtype: ValType) -> Argument:
    if isinstance(valtype, NumType):
        bits = constant_bits(choose, valtype)
        infinity, canonical = {F32: (0x7F800000, 0x7FC00000), F64: (0x7FF << 52, 0x7FF8 << 48)}.get(valtype, (0, 0))
        is_nan = canonical and bits & ((1 << BITS[valtype] - 1) - 1) > infinity
        return canonical if is_nan else bits  # others may not get through Python
    return choose.pick([None, "a", "b"]) if valtype == EXTERNREF else None


def program(choices: Choices, size: int = 40) -> Program:
    """Make a program.  size: about how many rows a body has at most."""
    choose = Chooser(choices)
    made = Program()
    known: dict[str, dict[str, tuple[ExternKind, object]]] = {}
    for name in ("lib", "main") if choose.chance(35) else ("main",):
        maker = _Maker(choose, size)
        maker.make(made, name, known)
        known[name] = maker.exports
    for _ in range(choose.pick([1, 2, 2])):
        for name, types in made.types.items():
            for export, functype in types.items():
                made.calls.append(Call(name, export, [_argument(choose, t) for t in functype.params]))
    return made


def seeded(seed: int, size: int = 40) -> Program:
    """Return the program of a seed."""
    return program(SeededChoices(seed), size)


@st.composite
def programs(draw: st.DrawFn, size: int = 25) -> Program:
    """Programs, for hypothesis."""
    return program(DrawnChoices(draw), size)
