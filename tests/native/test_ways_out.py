"""Traps, faults, exhaustion of the stack, exceptions of Wasm, and faults that are not Wasm's."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import native_harness as harness
import pytest
from native_harness import (
    DATA,
    ELEM,
    MEMORY,
    TABLE,
    Instance,
    call_import,
    call_runtime,
    function,
    load_store,
)

from bembix.compile.layout import Context, Exception_, FuncRecord, Store, Thread
from bembix.compile.llvm.emit import emit
from bembix.compile.llvm.types import CC, llvm_type, parameters, results_type, signature
from bembix.compile.prebuilt import boundary, vm
from bembix.compile.prebuilt.wrappers import bridge_wrapper, plain_wrapper
from bembix.compile.traps import Reason
from bembix.errors import StackExhausted, Trap, WasmException
from bembix.native import code, memory, threads
from bembix.spec.types import EXTERNREF, F32, F64, I32, I64, V128, FuncType

NONE = FuncType()
GET = FuncType((I32,), (I32,))
LONG = FuncType((I64,), (I64,))


def load_memory(type_: str = "i32", address: str = "%p0") -> str:
    return f"""
  %base.at = getelementptr i8, ptr %ctx, i64 {MEMORY}
  %base = load ptr, ptr %base.at
  %address = zext i32 {address} to i64
  %place = getelementptr i8, ptr %base, i64 %address
  %loaded = load volatile {type_}, ptr %place
"""


def direct(name: str, type_: FuncType, arguments: str, result: str) -> str:
    return f"  {result} = call {signature(type_).replace(' (', f' @{name}(', 1).split('(')[0]}(ptr %ctx, {arguments})\n"


# What follows each call keeps level 2 from making it a tail call, which a trace does not show.
FAULTS = (
    function("get", GET, load_memory() + "  ret i32 %loaded").replace(") nounwind", ") noinline nounwind")
    + function("middle", GET, direct("get", GET, "i32 %p0", "%r") + "  %s = xor i32 %r, 5\n  ret i32 %s").replace(
        ") nounwind", ") noinline nounwind"
    )
    + function("outer", GET, direct("middle", GET, "i32 %p0", "%r") + "  %s = xor i32 %r, 6\n  ret i32 %s")
)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("address", [65536, 65533, 2**31, -1, -4])
def test_fault_is_a_trap_with_a_trace(level: int, address: int) -> None:
    instance = Instance({"outer": GET}, FAULTS, level=level)
    instance.add_memory(1)
    assert instance.outer(65532) == 3
    for _ in range(3):
        with pytest.raises(Trap, match="out of bounds memory access") as caught:
            instance.outer(address)
        assert caught.value.offset == -1  # type: ignore[attr-defined]
        assert instance.names(harness.last_trace) == ["get", "middle", "outer"]
    assert instance.outer(0) == 3


EARLY_EXIT = (
    load_memory()
    + f"""
  %zero = icmp eq i32 %loaded, 0
  br i1 %zero, label %fast, label %slow
fast:
  ret i32 7
slow:
{call_import(0, GET, "i32 %loaded", "%r")}
  %s = add i32 %r, 1
  ret i32 %s"""
)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_fault_before_an_early_exit_shows_the_caller(level: int) -> None:
    rest = FAULTS.split("define", 2)[2]
    ir = function("get", GET, EARLY_EXIT).replace(") nounwind", ") noinline nounwind") + "define" + rest
    instance = Instance({"outer": GET}, ir, [(abs, GET)], level=level)
    instance.add_memory(1)
    with pytest.raises(Trap):
        instance.outer(-1)
    assert instance.names(harness.last_trace) == ["get", "middle", "outer"]


@pytest.mark.parametrize("level", [0, 2])
def test_trap_from_code(level: int) -> None:
    ir = function(
        "inner", NONE, call_runtime("trap", f"i64 {Reason.UNREACHABLE:d}, i64 1234") + "  unreachable"
    ).replace(") nounwind", ") noinline nounwind")
    ir += function("outer", NONE, f"  call {signature(NONE).split('(')[0]}@inner(ptr %ctx)\n  ret void")
    instance = Instance({"outer": NONE}, ir, level=level)
    with pytest.raises(Trap, match="unreachable") as caught:
        instance.outer()
    assert caught.value.offset == 1234  # type: ignore[attr-defined]
    assert instance.names(harness.last_trace)[0] == "inner"


def test_traces_are_bounded() -> None:
    down = f"""
  %more = icmp ugt i32 %p0, 0
  br i1 %more, label %deeper, label %stop
deeper:
  %less = sub i32 %p0, 1
{direct("f", GET, "i32 %less", "%r")}
  %s = xor i32 %r, 1
  ret i32 %s
stop:
{call_runtime("trap", f"i64 {Reason.UNREACHABLE:d}, i64 7")}
  unreachable"""
    instance = Instance({"f": GET}, function("f", GET, down), level=0)
    for depth, wanted in ((0, 1), (5, 6), (99, 100), (1000, Thread.MAX_TRACE)):
        with pytest.raises(Trap):
            instance.f(depth)
        assert instance.names(harness.last_trace) == ["f"] * wanted
        assert len(harness.last_trace) == min(wanted + 1, Thread.MAX_TRACE)  # the last one is in the entry stub


def recursion(body: str = "") -> str:
    """A function without end that checks the stack limit as the code generator does."""
    return f"""
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
{load_store()}
  %limit.at = getelementptr i8, ptr %store, i64 {Store.STACK_LIMIT}
  %limit = load ptr, ptr %limit.at
  %deep = icmp ult ptr %frame, %limit
  br i1 %deep, label %exhausted, label %fine
exhausted:
{call_runtime("trap", f"i64 {Reason.STACK_EXHAUSTED:d}, i64 9")}
  unreachable
fine:
  %more = add i32 %p0, 1
{body or direct("f", GET, "i32 %more", "%r")}
  %s = xor i32 %r, %p0
  ret i32 %s"""


DECLARE = "declare ptr @llvm.frameaddress.p0(i32)\n"


def test_stack_exhaustion_a_thousand_times() -> None:
    instance = Instance({"f": GET}, DECLARE + function("f", GET, recursion()), level=0)
    for _ in range(1000):
        with pytest.raises(StackExhausted):
            instance.f(0)
    assert len(harness.last_trace) == Thread.MAX_TRACE


@pytest.mark.parametrize("size", [0, 256 << 10, 16 << 20, 200 << 20])
def test_stack_exhaustion_in_threads(size: int) -> None:
    instance = Instance({"f": GET}, DECLARE + function("f", GET, recursion()), level=0)
    caught: list[BaseException] = []

    def run() -> None:
        for _ in range(3):
            try:
                instance.f(0)
            except StackExhausted as error:
                caught.append(error)

    before = threading.stack_size(size)
    try:
        worker = threading.Thread(target=run)
        worker.start()
        worker.join()
    finally:
        threading.stack_size(before)
    assert len(caught) == 3


def test_recursion_through_python_ends_in_an_exception() -> None:
    body = call_import(0, GET, "i32 %more", "%r")
    instance: Any = None

    def host(value: int) -> int:
        return int(instance.f(value))

    instance = Instance({"f": GET}, DECLARE + function("f", GET, recursion(body)), [(host, GET)], level=0)
    limit = sys.getrecursionlimit()
    for depth, error in ((limit, RecursionError), (1_000_000, (StackExhausted, RecursionError))):
        sys.setrecursionlimit(depth)
        try:
            with pytest.raises(error):
                instance.f(0)
        finally:
            sys.setrecursionlimit(limit)
    assert memory.read_u64(threads.current()) == 0


def test_a_trap_inside_a_host_function_is_an_exception_there() -> None:
    inner = Instance({"outer": GET}, FAULTS, level=2)
    inner.add_memory(1)

    def host(value: int) -> int:
        try:
            return int(inner.outer(value))
        except Trap:
            if value == -2:
                raise
            return 77

    ir = function("f", GET, call_import(0, GET, "i32 %p0", "%r") + "  ret i32 %r")
    outer = Instance({"f": GET}, ir, [(host, GET)])
    for _ in range(10):
        assert outer.f(0) == 3
        assert outer.f(-1) == 77
        with pytest.raises(Trap, match="memory"):
            outer.f(-2)
    assert memory.read_u64(threads.current()) == 0


def test_faults_in_two_threads() -> None:
    instance = Instance({"outer": GET}, FAULTS, level=2)
    instance.add_memory(1)
    failed: list[object] = []

    def run() -> None:
        for k in range(300):
            try:
                failed.append(instance.outer(65536 + k))
            except Trap as error:
                if "memory" not in str(error):
                    failed.append(error)

    workers = [threading.Thread(target=run) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []


# -- bulk operations ---------------------------------------------------------------------------------------------------

THREE = FuncType((I64, I64, I64))
BULK = {
    "memory_copy": f"i64 {MEMORY}, i64 {MEMORY}, i64 %p0, i64 %p1, i64 %p2",
    "memory_fill": f"i64 {MEMORY}, i64 %p0, i32 %byte, i64 %p2",
    "memory_init": f"i64 {MEMORY}, i64 {DATA}, i64 %p0, i64 %p1, i64 %p2",
    "table_copy": f"i64 {TABLE}, i64 {TABLE}, i64 %p0, i64 %p1, i64 %p2",
    "table_fill": f"i64 {TABLE}, i64 %p0, ptr %ref, i64 %p2",
    "table_init": f"i64 {TABLE}, i64 {ELEM}, i64 %p0, i64 %p1, i64 %p2",
}


@pytest.fixture(scope="module")
def bulk() -> Instance:
    prologue = "  %byte = trunc i64 %p1 to i32\n  %ref = inttoptr i64 %p1 to ptr\n"
    ir = "".join(function(n, THREE, prologue + call_runtime(n, a) + "  ret void") for n, a in BULK.items())
    instance = Instance(dict.fromkeys(BULK, THREE), ir, level=0)
    instance.held = instance.add_memory(1)  # type: ignore[attr-defined]
    instance.table = instance.add_table(range(100, 110))  # type: ignore[attr-defined]
    instance.add_segment(DATA, b"0123456789", 10)
    instance.add_segment(ELEM, b"".join(k.to_bytes(8, "little") for k in range(5)), 5)
    return instance


def test_bulk_memory(bulk: Any) -> None:
    base = bulk.held.base
    bulk.memory_fill(10, 0x1FF, 5)
    assert memory.read_bytes(base + 9, 7) == b"\0" + b"\xff" * 5 + b"\0"
    bulk.memory_init(0, 2, 8)
    bulk.memory_copy(1, 0, 8)
    assert memory.read_bytes(base, 9) == b"223456789"
    bulk.memory_copy(65536, 65536, 0)
    bulk.memory_fill(65535, 1, 1)
    bulk.memory_init(65536, 10, 0)


def test_bulk_tables(bulk: Any) -> None:
    def content() -> list[int]:
        return [memory.read_u64(bulk.table.address + 8 * k) for k in range(10)]

    bulk.table_init(0, 1, 3)
    bulk.table_copy(2, 0, 4)
    bulk.table_fill(8, 5, 2)
    assert content() == [1, 2, 1, 2, 3, 103, 106, 107, 5, 5]
    bulk.table_fill(10, 5, 0)


BIG = [2**63, 2**64 - 1, 2**64 - 8, 2**61]


@pytest.mark.parametrize(
    ("name", "args"),
    [("memory_copy", a) for a in ((65530, 0, 7), (0, 65530, 7), (65537, 0, 0), (0, 65537, 0))]
    + [("memory_fill", a) for a in ((65530, 0, 7), (65537, 0, 0))]
    + [("memory_init", a) for a in ((65530, 0, 7), (0, 5, 6), (0, 11, 0), (65537, 0, 0))]
    + [("table_copy", a) for a in ((8, 0, 3), (0, 8, 3), (11, 0, 0), (0, 11, 0))]
    + [("table_fill", a) for a in ((8, 0, 3), (11, 0, 0))]
    + [("table_init", a) for a in ((8, 0, 3), (0, 3, 3), (0, 6, 0))]
    + [(name, (*([0] * k), big, *([0] * (2 - k)))) for name in BULK for big in BIG for k in (0, 2)]
    + [(name, (1, 1, big)) for name in BULK for big in BIG],
)
def test_bulk_bounds(bulk: Any, name: str, args: tuple[int, int, int]) -> None:
    with pytest.raises(Trap, match="out of bounds " + name.split("_")[0]):
        getattr(bulk, name)(*args)
    assert bulk.names(harness.last_trace) == [name]


def test_dropped_segments_are_empty() -> None:
    ir = function("memory_init", THREE, call_runtime("memory_init", BULK["memory_init"]) + "  ret void")
    instance = Instance({"memory_init": THREE}, ir)
    instance.add_memory(1)
    instance.memory_init(0, 0, 0)
    with pytest.raises(Trap):
        instance.memory_init(0, 0, 1)


def test_growing_asks_python() -> None:
    ir = function("memory", LONG, call_runtime("memory_grow", "i64 3, i64 %p0", "%r") + "  ret i64 %r")
    ir += function(
        "table", LONG, call_runtime("table_grow", "i64 2, ptr inttoptr (i64 50 to ptr), i64 %p0", "%r") + "  ret i64 %r"
    )
    instance = Instance({"memory": LONG, "table": LONG}, ir)
    assert [instance.memory(5), instance.memory(2**64 - 1), instance.table(1)] == [3005, -1, 53]
    with pytest.raises(MemoryError, match="no luck"):
        instance.memory(13)
    assert instance.memory(6) == 3006


# -- lazy stubs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("count", [0, 3, 6, 40])
def test_lazy_functions_get_all_their_arguments(level: int, count: int) -> None:
    type_ = FuncType(tuple((I32, F64, I64, F32)[k % 4] for k in range(count)), (F64,))
    body, total = "", "0.0"
    for k, valtype in enumerate(type_.params):
        convert = {I32: "sitofp i32", I64: "sitofp i64", F32: "fpext float", F64: "fadd double"}[valtype]
        to = ", 0.0" if valtype is F64 else " to double"
        body += f"  %d{k} = {convert} %p{k}{to}\n  %m{k} = fmul double %d{k}, {k + 1}.0\n"
        body += f"  %t{k} = fadd double {total}, %m{k}\n"
        total = f"%t{k}"
    ir = function("other", NONE, "  ret void") + function("f", type_, body + f"  ret double {total}")
    instance = Instance({"other": NONE, "f": type_}, ir, level=level, lazy=True)
    harness.compiled.clear()
    args = [k + (0.5 if t in (F32, F64) else 0) for k, t in enumerate(type_.params)]
    wanted = sum(a * (k + 1) for k, a in enumerate(args))
    assert [instance.f(*args) for _ in range(3)] == [wanted] * 3
    assert harness.compiled == [(instance.context.address, 1)]
    # As code that looks for exceptions calls it.
    memory.write_u64(
        instance.record("f") + FuncRecord.CODE, memory.read_u64(instance.context.address + Context.STUBS) + 12
    )
    assert instance.f(*args) == wanted
    assert harness.compiled[-1] == (instance.context.address, 3)


def test_a_failing_compile_comes_out_and_can_be_repeated() -> None:
    instance = Instance({"f": GET}, function("f", GET, "  ret i32 %p0"), lazy=True)

    def fail(context: int, index: int) -> int:
        raise KeyError(index)

    vm.set_service("compile", fail)
    try:
        for _ in range(3):
            with pytest.raises(KeyError):
                instance.f(5)
    finally:
        vm.set_service("compile", harness._compile)
    assert instance.f(5) == 5


def test_calls_while_a_function_is_compiled_do_not_disturb_its_arguments() -> None:
    type_ = FuncType((I64,) * 8, (I64,))
    instance = Instance({"f": type_}, function("f", type_, "  ret i64 %p7"), lazy=True)
    other = Instance({"f": type_}, function("f", type_, "  ret i64 %p6"), store=instance.store)

    def compile_(context: int, index: int) -> int:
        assert other.f(*[9] * 8) == 9
        return harness._compile(context, index)

    vm.set_service("compile", compile_)
    try:
        assert instance.f(*range(8)) == 7
    finally:
        vm.set_service("compile", harness._compile)


# -- exceptions of Wasm ------------------------------------------------------------------------------------------------


def throw(tag: int = 500, mode: str = "return") -> str:
    """Throw: return with the exception pending, as code does that looks for exceptions, or leave at once."""
    text = f"  %e = inttoptr i64 {harness.exception(tag, 2)} to ptr\n" + load_store()
    text += f"  %pending.at = getelementptr i8, ptr %store, i64 {Store.PENDING}\n  store ptr %e, ptr %pending.at\n"
    return text + ("  ret i32 0\n" if mode == "return" else call_runtime("unwind_exception", "") + "  unreachable\n")


def test_uncaught_exception() -> None:
    instance = Instance({"f": GET}, function("f", GET, throw(mode="leave")))
    with pytest.raises(WasmException) as caught:
        instance.f(1)
    exception = caught.value.tag
    assert isinstance(exception, int)
    assert memory.read_u64(exception + Exception_.TAG) == 500
    assert memory.read_u64(exception + Exception_.COUNT) == 2
    assert memory.read_bytes(exception + Exception_.PAYLOAD, 32) == bytes(32)
    assert instance.names(harness.last_trace) == ["f"]
    assert instance.store.pending == 0


_arena = code.CodeArena(1 << 20)


def address(name: str, ir: str, level: int = 2, **externals: int) -> int:
    """Return the address of a function that is compiled alone."""
    return _arena.load(emit(ir, level), externals).symbols[name]


def declare(name: str, type_: FuncType) -> str:
    """Return the declaration of a function that is compiled elsewhere."""
    return f"declare {CC} {results_type(type_)} @{name}({parameters(type_)})\n"


def test_plain_wrapper() -> None:
    quiet, loud = (
        address("quiet", function("quiet", GET, "  ret i32 %p0")),
        address("loud", function("loud", GET, throw())),
    )
    wrappers = {"f": plain_wrapper(_arena, quiet), "g": plain_wrapper(_arena, loud)}
    instance = Instance({"f": GET, "g": GET}, "", addresses=wrappers)
    assert instance.f(8) == 8
    with pytest.raises(WasmException):
        instance.g(8)


@pytest.mark.parametrize("wrap", [plain_wrapper, bridge_wrapper])
@pytest.mark.parametrize("results", [(I64, F64), (F64, F32), (I32, I32), (V128,)])
def test_wrappers_pass_all_registers_on(wrap: Any, results: tuple[Any, ...]) -> None:
    type_ = FuncType((I64,) * 5 + (F64,) * 7 + (V128, I64, *results), results)
    given = range(14, 14 + len(results))
    values = [f"{llvm_type(t)} %p{k}" for k, t in zip(given, results, strict=True)]
    body = f"  ret {values[0]}"
    if len(values) == 2:
        kind = results_type(type_)
        body = f"  %a = insertvalue {kind} poison, {values[0]}, 0\n  %b = insertvalue {kind} %a, {values[1]}, 1\n"
        body += f"  ret {kind} %b"
    instance = Instance({"f": type_}, "", addresses={"f": wrap(_arena, address("in", function("in", type_, body)))})
    last = {I64: 2**60 + 1, I32: -5, F64: 0.1, F32: 0.5, V128: bytes(range(16))}
    arguments = [*range(5), *map(float, range(7)), bytes(16), 77, *(last[t] for t in results)]
    assert instance.f(*arguments) == (last[results[0]] if len(results) == 1 else tuple(last[t] for t in results))


CATCH = f"""
{load_store()}
  %pending.at = getelementptr i8, ptr %store, i64 {Store.PENDING}
  %pending = load ptr, ptr %pending.at
  %none = icmp eq ptr %pending, null
  br i1 %none, label %normal, label %caught
caught:
  store ptr null, ptr %pending.at
  ret i32 -77
normal:
  ret i32 %r"""


@pytest.mark.parametrize("level", [0, 1, 2])
def test_bridge_between_code_that_looks_and_code_that_does_not(level: int) -> None:
    """catches -> bridge -> does not look -> plain wrapper -> throws."""
    odd = "  %odd = trunc i32 %p0 to i1\n  br i1 %odd, label %t, label %n\nn:\n  ret i32 %p0\nt:\n"
    plain = plain_wrapper(_arena, address("loud", function("loud", GET, odd + throw()), level))
    body = direct("plain", GET, "i32 %p0", "%r") + "  %s = add i32 %r, 1\n  ret i32 %s"
    middle = address("middle", declare("plain", GET) + function("middle", GET, body), level, plain=plain)
    trapping = address("trapping", function("trapping", GET, load_memory() + "  ret i32 %loaded"), level)
    ir = declare("bridge", GET) + function("f", GET, direct("bridge", GET, "i32 %p0", "%r") + CATCH)
    ir += declare("bridge2", GET) + function("g", GET, direct("bridge2", GET, "i32 %p0", "%r") + CATCH)
    bridges = {"bridge": bridge_wrapper(_arena, middle), "bridge2": bridge_wrapper(_arena, trapping)}
    instance = Instance({"f": GET, "g": GET}, ir, level=level, externals=bridges)
    instance.add_memory(1)
    for k in range(2000):
        assert instance.f(k) == (-77 if k % 2 else k + 1)
    assert instance.g(0) == 0
    for _ in range(3):  # traps and Python exceptions pass a bridge
        with pytest.raises(Trap):
            instance.g(-1)
    assert instance.f(1) == -77
    assert memory.read_u64(threads.current()) == 0


@pytest.mark.parametrize("results", [(), (I32,), (F64, EXTERNREF), (I32, I64, F32)])
def test_bridges_of_all_kinds_of_results(results: tuple[Any, ...]) -> None:
    type_ = FuncType((I32, F64), results)
    inside = address("t", function("t", type_, call_runtime("trap", "i64 3, i64 0") + "  unreachable"))
    bridge = bridge_wrapper(_arena, inside)
    instance = Instance({"b": type_, "p": type_}, "", addresses={"b": bridge, "p": plain_wrapper(_arena, bridge)})
    for name in ("b", "p"):
        with pytest.raises(Trap):
            getattr(instance, name)(1, 2.0)


@pytest.mark.parametrize("throwing", [False, True])
def test_python_exceptions_that_wasm_can_catch(throwing: bool) -> None:
    def host(value: int) -> int:
        match value:
            case 0:
                return 5
            case 1:
                raise WasmException("tag", ("payload",))
            case 2:
                raise harness.Uncatchable
        raise KeyError(value)

    ir = function("f", GET, call_import(0, GET, "i32 %p0", "%r", throwing=throwing) + CATCH)
    instance = Instance({"f": GET}, ir, [(host, GET)])
    for _ in range(100):
        assert instance.f(0) == 5
        if throwing:
            assert instance.f(1) == -77
        else:
            with pytest.raises(WasmException) as caught:
                instance.f(1)
            assert caught.value.payload == ("payload",)
        with pytest.raises(harness.Uncatchable):
            instance.f(2)
        with pytest.raises(KeyError):
            instance.f(3)
        assert instance.store.pending == 0


def test_a_conversion_that_raises_replaces_the_exception() -> None:
    def host(value: int) -> int:
        raise WasmException("tag", ())

    def broken(error: BaseException) -> int:
        raise ZeroDivisionError

    instance = Instance(
        {"f": GET}, function("f", GET, call_import(0, GET, "i32 %p0", "%r") + "  ret i32 %r"), [(host, GET)]
    )
    boundary.set_helper("to_exception", broken)
    try:
        with pytest.raises(ZeroDivisionError):
            instance.f(1)
    finally:
        boundary.set_helper("to_exception", harness._to_exception)


def test_a_raise_helper_that_returns_is_a_system_error() -> None:
    instance = Instance({"f": GET}, function("f", GET, call_runtime("trap", "i64 3, i64 0") + "  unreachable"))
    helper: Callable[..., Any] = lambda func, reason, thread: 5  # noqa: E731
    boundary.set_helper("raise", helper)
    try:
        with pytest.raises(SystemError, match="nothing was raised"):
            instance.f(1)
    finally:
        boundary.set_helper("raise", harness._raise)


# -- faults that are not ours ------------------------------------------------------------------------------------------

FOREIGN = """
import ctypes, faulthandler, os, signal, sys
sys.path.insert(0, {path!r})
import native_harness as harness
from native_harness import Instance, function
from test_ways_out import FAULTS, GET, load_memory
from bembix.errors import Trap
from bembix.compile.prebuilt import vm

def fault():
    ctypes.string_at(8)

def trap():
    try:
        instance.outer(-1)
    except Trap:
        print("trap", flush=True)

def make():
    global instance
    instance = Instance(dict(outer=GET), FAULTS)
    instance.add_memory(1)

"""

HANDLER = """
LIBC = ctypes.CDLL(None)
@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
def handler(number, info, context):
    print("foreign", number, ctypes.c_uint64.from_address(info + 16).value, flush=True)
    os._exit(7)
class Action(ctypes.Structure):
    _fields_ = [("h", ctypes.c_void_p), ("m", ctypes.c_ulong * 16), ("f", ctypes.c_int), ("r", ctypes.c_void_p)]
def install():
    action = Action(ctypes.cast(handler, ctypes.c_void_p).value, (ctypes.c_ulong * 16)(), {flags}, None)
    LIBC.sigaction(11, ctypes.byref(action), None)
"""


def run(program: str, **values: object) -> tuple[int, str, str]:
    text = FOREIGN.replace("{path!r}", repr(str(Path(__file__).parent))) + program
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("flags", [0, 4], ids=["plain", "siginfo"])
@pytest.mark.parametrize("order", ["install(); make()", "make(); install(); vm.ensure_handlers()"])
def test_a_foreign_fault_reaches_the_handler_before_or_after_ours(flags: int, order: str) -> None:
    code, out, _ = run(HANDLER + f"{order}\ntrap()\ntrap()\nfault()\n", flags=flags)
    assert code == 7
    assert out.startswith("trap\ntrap\nforeign 11")
    if flags:
        assert out.endswith("foreign 11 8\n")


@pytest.mark.parametrize(
    "order", ["faulthandler.enable(); make()", "make(); faulthandler.enable(); vm.ensure_handlers()"]
)
@pytest.mark.parametrize("fault", ["fault()", "os.kill(os.getpid(), 11)"])
def test_a_foreign_fault_ends_the_process_with_faulthandler(order: str, fault: str) -> None:
    code, out, err = run(f"{order}\ntrap()\n{fault}\nprint('still here')")
    assert (code, out) == (-signal.SIGSEGV, "trap\n")
    if fault == "fault()" or order.startswith("fault"):
        assert err.count("Fatal Python error") == 1


@pytest.mark.parametrize("fault", ["fault()", "os.kill(os.getpid(), 11)", "os.kill(os.getpid(), 7)"])
def test_a_foreign_fault_ends_the_process_by_default(fault: str) -> None:
    code, out, _ = run(f"make()\ntrap()\n{fault}\nprint('still here')")
    assert (code, out) == (-7 if "7" in fault else -11, "trap\n")


def test_ignored_signals_stay_ignored() -> None:
    program = (
        "signal.signal(11, signal.SIG_IGN)\nmake()\nos.kill(os.getpid(), 11)\ntrap()\nfault()\nprint('still here')"
    )
    assert run(program)[:2] == (-11, "trap\n")


def test_a_fault_of_wasm_code_outside_of_its_memories_is_not_a_trap() -> None:
    program = """
body = "  %z = zext i32 %p0 to i64\\n  %p = inttoptr i64 %z to ptr\\n  %v = load volatile i32, ptr %p\\n  ret i32 %v"
instance = Instance(dict(f=GET), function("f", GET, body))
instance.f(8)
"""
    assert run(program)[0] == -11


def test_handlers_are_back_after_a_traps_longjmp() -> None:
    program = "make()\nfor k in range(5): trap()\nprint(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    code, out, err = run(program)
    assert (code, out, err) == (0, "trap\n" * 5 + "set()\n", "")


def test_a_process_ends_cleanly_with_functions_alive() -> None:
    program = """
make()
instance.add_memory(1)
import atexit, gc
atexit.register(trap)
class Last:
    def __init__(self): self.instance, self.function = instance, instance.outer
    def __del__(self): print("last", self.function(0), flush=True)
last = Last()
last.cycle = last
sys.last = Last()
"""
    code, out, err = run(program)
    assert (code, err) == (0, "")
    assert out.startswith("trap\n")


@pytest.mark.parametrize("inside", ["time.sleep(0.001)", "[None] * 1000"])
def test_a_daemon_thread_inside_a_host_function_ends_with_the_process(inside: str) -> None:
    program = f"""
import threading, time
from native_harness import call_import
started = threading.Event()
def host(value):
    started.set()
    while True:
        {inside}
f = Instance(dict(f=GET), function("f", GET, call_import(0, GET, "i32 %p0", "%r") + "  ret i32 %r"), [(host, GET)]).f
threading.Thread(target=f, args=(1,), daemon=True).start()
started.wait()
print("done", flush=True)
"""
    assert run(program) == (0, "done\n", "")
