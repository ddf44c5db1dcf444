"""A stand-in for the runtime: instances whose functions are LLVM IR written by hand, and strict conversion helpers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bembix.compile import layout
from bembix.compile.heap import Box, Object, Size
from bembix.compile.layout import Context, FuncRecord, HostContext, Slot, Store
from bembix.compile.llvm.emit import ATTRIBUTES, emit
from bembix.compile.llvm.runtime import SIGNATURES
from bembix.compile.llvm.types import CC, in_registers, llvm_type, parameters, results_type, signature
from bembix.compile.prebuilt import boundary, vm
from bembix.compile.traps import Reason
from bembix.errors import StackExhausted, Trap, WasmException
from bembix.native import code, functype, memory, threads
from bembix.runtime import turns
from bembix.spec.types import F32, F64, I32, I64, FuncType, NumType, ValType

#: Parts of the context of a test instance.
MEMORY: Final = Context.SIZE + 8
TABLE: Final = MEMORY + Slot.SIZE
DATA: Final = TABLE + Slot.SIZE
ELEM: Final = DATA + layout.Segment.SIZE
IMPORTS: Final = ELEM + layout.Segment.SIZE
MAX_IMPORTS: Final = 16
RECORDS: Final = IMPORTS + 8 * MAX_IMPORTS


def function(name: str, functype: FuncType, body: str) -> str:
    """Return the definition of a compiled function; parameters that are not in registers are loaded to %p{k}."""
    loads = "".join(
        f"  %p{k} = load {llvm_type(t)}, ptr %p{k}.at\n"
        for k, t in enumerate(functype.params)
        if not in_registers(functype)[k]
    )
    if loads:
        loads = load_store() + _places(functype) + loads
    head = f"define {CC} {results_type(functype)} @{name}({parameters(functype)}) {ATTRIBUTES}"
    return f"{head} {{\nstart:\n{loads}{body}\n}}\n"


def load_store() -> str:
    """Return the load of the store block's address to %store."""
    return f"  %store.at = getelementptr i8, ptr %ctx, i64 {Context.STORE}\n  %store = load ptr, ptr %store.at\n"


def _places(functype: FuncType) -> str:
    return "".join(
        f"  %p{k}.at = getelementptr i8, ptr %store, i64 {Store.VALUES + 16 * k}\n"
        for k, there in enumerate(in_registers(functype))
        if not there
    )


def leave_results(values: Sequence[tuple[str, str]]) -> str:
    """Return the code that leaves more results than registers hold, given as (type, value); needs %store."""
    return "".join(
        f"  %leave{k} = getelementptr i8, ptr %store, i64 {Store.VALUES + 16 * k}\n  store {t} {v}, ptr %leave{k}\n"
        for k, (t, v) in enumerate(values)
    )


def call_import(index: int, functype: FuncType, arguments: str, result: str = "", throwing: bool = False) -> str:
    """Return the call of an imported function."""
    word = FuncRecord.THROWING_CODE if throwing else FuncRecord.CODE
    tag = f"i{index}{result.strip('%')}"
    given = f"ptr %{tag}.ctx{', ' if arguments else ''}{arguments}"
    return f"""
  %{tag}.at = getelementptr i8, ptr %ctx, i64 {IMPORTS + 8 * index}
  %{tag}.record = load ptr, ptr %{tag}.at
  %{tag}.code.at = getelementptr i8, ptr %{tag}.record, i64 {word}
  %{tag}.code = load ptr, ptr %{tag}.code.at
  %{tag}.ctx.at = getelementptr i8, ptr %{tag}.record, i64 {FuncRecord.CONTEXT}
  %{tag}.ctx = load ptr, ptr %{tag}.ctx.at
  {f"{result} = " if result else ""}call {signature(functype)} %{tag}.code({given})
"""


def call_runtime(name: str, arguments: str, result: str = "") -> str:
    """Return the call of a runtime function."""
    tag = f"rt.{name}{result.strip('%')}"
    given = f"ptr %ctx{', ' if arguments else ''}{arguments}"
    return f"""
  %{tag}.table.at = getelementptr i8, ptr %ctx, i64 {Context.RUNTIME}
  %{tag}.table = load ptr, ptr %{tag}.table.at
  %{tag}.at = getelementptr i8, ptr %{tag}.table, i64 {layout.RUNTIME[name]}
  %{tag}.code = load ptr, ptr %{tag}.at
  {f"{result} = " if result else ""}call {SIGNATURES[name]} %{tag}.code({given})
"""


@dataclass
class Info:
    """What the tests hang on a function."""

    type: FuncType
    name: str


class StoreBlock:
    """A store."""

    def __init__(self) -> None:
        self.block = memory.Block(Store.SIZE)
        self.address = self.block.address
        self.kept: dict[int, object] = {}

    @property
    def pending(self) -> int:
        return memory.read_u64(self.address + Store.PENDING)


_handles = itertools.count(1)
host_types: dict[int, FuncType] = {}
funcs_by_record: dict[int, Any] = {}


def host_record(callable_: Callable[..., Any], type_: FuncType) -> tuple[int, object]:
    """Return the record of a host function, and what keeps it."""
    handle = next(_handles)
    host_types[handle] = type_
    context, record = memory.Block(HostContext.SIZE), memory.Block(FuncRecord.SIZE)
    memory.write_u64(context.address + HostContext.CALLABLE, id(callable_))
    memory.write_u64(context.address + HostContext.HANDLE, handle)
    plain, throwing = boundary.thunk(type_)
    memory.write_u64(record.address + FuncRecord.CODE, plain)
    memory.write_u64(record.address + FuncRecord.THROWING_CODE, throwing)
    memory.write_u64(record.address + FuncRecord.CONTEXT, context.address)
    return record.address, (context, record, callable_)


@dataclass
class Instance:
    """Functions compiled from IR; `lazy` leaves the records to the lazy stubs."""

    types: Mapping[str, FuncType]
    ir: str
    imports: Sequence[tuple[Callable[..., Any], FuncType]] = ()
    level: int = 2
    lazy: bool = False
    store: StoreBlock = field(default_factory=StoreBlock)
    externals: Mapping[str, int] = field(default_factory=dict)
    #: Code that is not in `ir`.
    addresses: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_up()
        vm.ensure_handlers()
        self.arena = code.CodeArena(1 << 16)
        self.loaded = self.arena.load(emit(self.ir, self.level), self.externals)
        self.context = memory.Block(RECORDS + FuncRecord.SIZE * len(self.types))
        self.kept: list[object] = []
        at = self.context.address
        self.write(Context.STORE, self.store.address)
        self.write(Context.RUNTIME, vm.runtime_table())
        self.write(Context.LAZY, vm.lazy_entry())
        stubs = code.lazy_stubs(2 * len(self.types))
        self.write(Context.STUBS, stubs.start)
        for index, (callable_, type_) in enumerate(self.imports):
            if functype.is_func(callable_):
                record = functype.record_of(callable_)
                self.kept.append(callable_)
            else:
                record, kept = host_record(callable_, type_)
                self.kept.append(kept)
            self.write(IMPORTS + 8 * index, record)
        for index, name in enumerate(self.types):
            record = RECORDS + FuncRecord.SIZE * index
            address = stubs[index] if self.lazy else self.addresses.get(name) or self.loaded.symbols[name]
            throwing = self.loaded.symbols.get(f"{name}.throwing", address)
            self.write(record + FuncRecord.CODE, address)
            self.write(record + FuncRecord.THROWING_CODE, throwing)
            self.write(record + FuncRecord.CONTEXT, at)
        instances[at] = self

    def write(self, offset: int, value: int) -> None:
        """Set a word of the context."""
        memory.write_u64(self.context.address + offset, value)

    def record(self, name: str) -> int:
        """Return the address of a function's record."""
        return self.context.address + RECORDS + FuncRecord.SIZE * list(self.types).index(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.types:
            raise AttributeError(name)
        type_ = self.types[name]
        made = boundary.make_func(
            boundary.entry_stub(type_), self.record(name), self.store.address, self, Info(type_, name)
        )
        self.__dict__[name] = made
        funcs_by_record[self.record(name)] = made
        return made

    def add_memory(self, pages: int) -> memory.Reservation:
        """Give the instance a memory: 8 GiB of address space and some pages of 64 KiB."""
        reservation = memory.reserve((8 << 30) + (1 << 16), guard=True)
        reservation.commit(0, pages << 16)
        block = memory.Block(layout.Block.SIZE)
        memory.write_u64(block.address + layout.Block.BASE, reservation.base)
        memory.write_u64(block.address + layout.Block.LENGTH, pages << 16)
        memory.write_u64(block.address + layout.Block.PAGES, pages)
        self.write(MEMORY + Slot.BASE, reservation.base)
        self.write(MEMORY + Slot.BLOCK, block.address)
        self.kept.append((reservation, block))
        return reservation

    def add_table(self, elements: Sequence[int]) -> memory.Block:
        """Give the instance a table."""
        content, block = memory.Block(8 * len(elements) + 8), memory.Block(layout.Block.SIZE)
        for k, element in enumerate(elements):
            memory.write_u64(content.address + 8 * k, element)
        memory.write_u64(block.address + layout.Block.BASE, content.address)
        memory.write_u64(block.address + layout.Block.LENGTH, len(elements))
        self.write(TABLE + Slot.BASE, content.address)
        self.write(TABLE + Slot.BLOCK, block.address)
        self.kept.append((content, block))
        return content

    def add_segment(self, offset: int, data: bytes, length: int) -> None:
        """Give the instance a segment."""
        block = memory.Block(len(data) + 1)
        memory.write_bytes(block.address, data)
        self.write(offset + layout.Segment.BASE, block.address)
        self.write(offset + layout.Segment.LENGTH, length)
        self.kept.append(block)

    def names(self, thread_trace: Sequence[int]) -> list[str]:
        """Return the functions of this instance that are in a trace."""
        starts = sorted((a, n) for n, a in self.loaded.symbols.items())
        places = [address - 1 for address in thread_trace if self.loaded.start <= address - 1 < self.loaded.end]
        return [[name for start, name in starts if start <= place][-1] for place in places]


instances: dict[int, Instance] = {}
last_trace: tuple[int, ...] = ()


def _number(value: Any, type_: ValType) -> Any:
    """Convert as the real helpers do, more strictly: ints are not floats, and objects are kept for ever."""
    if type_ in (I32, I64):
        bits = 32 if type_ is I32 else 64
        if type(value) is not int:
            raise TypeError(f"{type(value).__name__} for {type_}")
        if not -(2 ** (bits - 1)) <= value < 2**bits:
            raise OverflowError(f"{value} for {type_}")
        return value
    if type_ in (F32, F64):
        if not isinstance(value, float):
            raise TypeError(f"{type(value).__name__} for {type_}")
        return value
    if value is None:
        if not getattr(type_, "nullable", True):
            raise TypeError("null")
        return 0
    if str(type_) in ("externref", "(ref extern)"):
        return boxed(value)
    if not functype.is_func(value):
        raise TypeError(f"{type(value).__name__} for {type_}")
    return functype.record_of(value)


kept_externs: dict[int, tuple[memory.Block, object]] = {}


def boxed(value: object) -> int:
    """Return an externref: a box as the garbage-collected heap has it, kept for ever."""
    if id(value) in kept_externs:
        return kept_externs[id(value)][0].address
    block = memory.Block(Box.SIZE)
    kept_externs[id(value)] = block, value
    memory.write_u64(block.address + Object.TYPE, Size.BOX_TYPE)
    memory.write_u64(block.address + Box.OBJECT, id(value))
    return block.address


def _arguments(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    info = functype.info_of(func)
    if kwargs:
        raise TypeError(f"{info.name} takes no keyword arguments")
    if len(args) != len(info.type.params):
        raise TypeError(f"{info.name} takes {len(info.type.params)} arguments, not {len(args)}")
    return tuple(map(_number, args, info.type.params))


def _results(handle: int, result: Any) -> tuple[Any, ...]:
    wanted = host_types[handle].results
    if not wanted:
        if result is not None:
            raise TypeError("a result where there is none")
        return ()
    values = (result,) if len(wanted) == 1 else tuple(result)
    if len(values) != len(wanted):
        raise ValueError(f"{len(values)} results, not {len(wanted)}")
    return tuple(map(_number, values, wanted))


def _raise(func: Any, reason: int, thread: int) -> None:
    global last_trace
    last_trace = threads.trace(thread)
    if reason == Reason.WASM_EXCEPTION:
        store = functype.owner_of(func).store
        exception = threads.exception(thread)
        memory.write_u64(store.address + Store.PENDING, 0)
        raise to_python.pop(exception, None) or WasmException(exception, ())
    why = Reason(reason)
    trap = StackExhausted if why is Reason.STACK_EXHAUSTED else Trap
    error = trap(why.message)
    error.offset = threads.offset(thread)
    raise error


to_python: dict[int, BaseException] = {}
_exceptions = itertools.count(0x1000, 16)


class Uncatchable(WasmException):
    """One that Wasm does not get."""

    def __init__(self) -> None:
        super().__init__("uncatchable", ())


def _to_exception(error: BaseException) -> int:
    if isinstance(error, Uncatchable):
        return 0
    address = exception(0, 0)
    to_python[address] = error
    return address


def exception(tag: int, count: int) -> int:
    """Return the address of an exception with so many values."""
    block = memory.Block(layout.Exception_.PAYLOAD + 16 * count)
    _kept_blocks.append(block)
    memory.write_u64(block.address + layout.Exception_.TAG, tag)
    memory.write_u64(block.address + layout.Exception_.COUNT, count)
    return block.address


_kept_blocks: list[object] = []
_ready = False


def set_up() -> None:
    """Register the helpers, once."""
    global _ready
    if _ready:
        return
    _ready = True
    boundary.set_helper("arguments", _arguments)
    boundary.set_helper("results", _results)
    boundary.set_helper("raise", _raise)
    boundary.set_helper("funcref", lambda record: funcs_by_record[record])
    boundary.set_helper("reference", lambda address, kind: (kind, address))
    boundary.set_helper("to_exception", _to_exception)
    vm.set_service("compile", _compile)
    vm.set_service("memory_grow", _memory_grow)
    vm.set_service("table_grow", _table_grow)
    vm.set_service("wait_for_store", turns.wait)
    vm.set_service("wake_for_store", turns.wake)


def forget() -> None:
    """The runtime takes over: register the helpers again when they are wanted again."""
    global _ready
    _ready = False


compiled: list[tuple[int, int]] = []


def _compile(context: int, index: int) -> int:
    instance = instances[context]
    compiled.append((context, index))
    name = list(instance.types)[index % len(instance.types)]
    address = instance.loaded.symbols[name]
    memory.write_u64(instance.record(name) + FuncRecord.CODE, address)
    return address


def _memory_grow(context: int, index: int, delta: int) -> int:
    if delta == 13:
        raise MemoryError("no luck")
    return -1 if delta > 100 else 1000 * index + delta


def _table_grow(context: int, index: int, init: int, delta: int) -> int:
    return init + index + delta


NUMBERS: Final[tuple[NumType, ...]] = (I32, I64, F32, F64)
