"""Calls from Python into Wasm and from Wasm into Python: every type, arity and slow path."""

from __future__ import annotations

import gc
import math
import resource
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import native_harness as harness
import pytest
from native_harness import Instance, call_import, function, leave_results, load_store

from bembix.compile.layout import FuncRecord
from bembix.compile.llvm import stubs
from bembix.compile.llvm.types import in_store, llvm_type, results_type
from bembix.compile.prebuilt import boundary
from bembix.errors import InternalError, Trap
from bembix.native import functype, memory, threads
from bembix.spec.canonical import functype_id
from bembix.spec.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, AbsHeap, FuncType, ValType, ref

IDENTITY = {t: FuncType((t,), (t,)) for t in (I32, I64, F32, F64, EXTERNREF, FUNCREF, ref(False, AbsHeap.EXTERN))}


def identity(valtype: ValType) -> Any:
    type_ = IDENTITY[valtype]
    return Instance({"f": type_}, function("f", type_, f"ret {llvm_type(valtype)} %p0"))


def through(valtype: ValType, host: Callable[..., Any]) -> Any:
    """An instance whose `f` passes its argument to a host function and returns what that returns."""
    type_ = IDENTITY[valtype]
    body = call_import(0, type_, f"{llvm_type(valtype)} %p0", "%r") + f"ret {llvm_type(valtype)} %r"
    return Instance({"f": type_}, function("f", type_, body), [(host, type_)])


NAN = math.nan
VALUES = [
    (I32, 0, 0), (I32, -1, -1), (I32, 2**31 - 1, 2**31 - 1), (I32, -(2**31), -(2**31)), (I32, 2**32 - 1, -1),
    (I32, True, 1), (I64, -1, -1), (I64, 2**63 - 1, 2**63 - 1), (I64, -(2**63), -(2**63)), (I64, 2**64 - 1, -1),
    (I64, 2**63, -(2**63)),
    (F64, 0.1, 0.1), (F64, -1.0, -1.0), (F64, math.inf, math.inf), (F64, -0.0, -0.0), (F64, 3, 3.0),
    (F32, 0.5, 0.5), (F32, -1.0, -1.0), (F32, 1e300, math.inf), (F32, -1e300, -math.inf),
    (F32, 0.1, 0.10000000149011612),
]  # fmt: skip


@pytest.mark.parametrize(("valtype", "given", "wanted"), VALUES, ids=str)
@pytest.mark.parametrize("make", [identity, lambda t: through(t, lambda value: value)], ids=["entry", "host"])
def test_numbers(make: Callable[[ValType], Any], valtype: ValType, given: Any, wanted: Any) -> None:
    result = make(valtype).f(given)
    assert (result, type(result), math.copysign(1, result)) == (wanted, type(wanted), math.copysign(1, wanted))


@pytest.mark.parametrize("valtype", [F32, F64], ids=str)
def test_nan(valtype: ValType) -> None:
    assert math.isnan(identity(valtype).f(NAN))
    assert math.isnan(through(valtype, lambda value: value).f(NAN))


BAD = [
    (I32, 2**32, OverflowError), (I32, -(2**31) - 1, OverflowError), (I32, 2**70, OverflowError), (I32, 1.0, TypeError),
    (I32, "1", TypeError), (I32, None, TypeError), (I64, 2**64, OverflowError), (I64, -(2**63) - 1, OverflowError),
    (I64, 1.5, TypeError), (F64, "x", TypeError), (F32, None, TypeError),
    (FUNCREF, print, TypeError), (FUNCREF, 5, TypeError),
    (F64, 10**400, TypeError), (ref(False, AbsHeap.EXTERN), None, TypeError),
]  # fmt: skip


@pytest.mark.parametrize(("valtype", "given", "error"), BAD, ids=str)
def test_bad_arguments_and_results(valtype: ValType, given: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        identity(valtype).f(given)
    good = 0 if valtype in (I32, I64, F32, F64) else None
    if valtype in IDENTITY and getattr(valtype, "nullable", True):
        with pytest.raises(error):
            through(valtype, lambda _: given).f(good)


def test_minus_one_is_no_error_and_errors_do_not_linger() -> None:
    instance = identity(I32)
    for _ in range(3):
        assert instance.f(-1) == -1
        with pytest.raises(OverflowError):
            instance.f(2**40)


class Index:
    """Converts itself, or raises."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __index__(self) -> Any:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


def test_objects_that_convert_themselves() -> None:
    assert identity(I32).f(Index(7)) == 7
    assert identity(F64).f(Index(7)) == 7.0
    assert through(I64, lambda _: Index(8)).f(1) == 8
    with pytest.raises(TypeError):  # the helper of these tests takes exact ints only
        identity(I32).f(Index(ZeroDivisionError()))


@pytest.mark.parametrize("args", [(), (1, 2), (1, 2, 3)])
def test_arity(args: tuple[int, ...]) -> None:
    instance = identity(I32)
    with pytest.raises(TypeError, match=rf"takes 1 arguments, not {len(args)}"):
        instance.f(*args)
    with pytest.raises(TypeError, match="keyword"):
        instance.f(p0=1)
    assert instance.f(*[5]) == 5


def test_externref() -> None:
    instance, thing = identity(EXTERNREF), object()
    assert instance.f(thing) is thing
    assert instance.f(None) is None
    assert instance.f(instance.f) is instance.f
    seen = []
    host = through(EXTERNREF, lambda value: seen.append(value) or value)
    assert host.f(thing) is thing
    assert host.f(None) is None
    assert seen == [thing, None]


def test_externref_keeps_counts() -> None:
    thing = object()
    instance = through(EXTERNREF, lambda value: value)
    instance.f(thing)
    gc.collect()
    gc.disable()  # garbage of other tests refers to None
    try:
        before = sys.getrefcount(thing), sys.getrefcount(None)
        for _ in range(10_000):
            instance.f(thing)
            instance.f(None)
        after = sys.getrefcount(thing), sys.getrefcount(None)
    finally:
        gc.enable()
    assert after[0] == before[0]
    assert abs(after[1] - before[1]) < 100


def test_funcref() -> None:
    instance, other = identity(FUNCREF), identity(I32)
    assert instance.f(None) is None
    assert instance.f(instance.f) is instance.f
    assert instance.f(other.f) is other.f  # of another store: for the helper to say
    host = through(FUNCREF, lambda value: value)
    assert host.f(host.f) is host.f
    assert host.f(None) is None


def test_other_references_are_boxed_by_the_helper() -> None:
    type_ = FuncType((), (ref(True, AbsHeap.ANY), ref(True, AbsHeap.EXN)))
    body = f"""
  %a = insertvalue {results_type(type_)} poison, ptr inttoptr (i64 17 to ptr), 0
  %b = insertvalue {results_type(type_)} %a, ptr inttoptr (i64 33 to ptr), 1
  ret {results_type(type_)} %b"""
    assert Instance({"f": type_}, function("f", type_, body)).f() == (("any", 17), ("exn", 33))


def test_funcref_of_a_host_function_is_callable() -> None:
    harness.set_up()
    type_ = FuncType((I32, I64), (I64, I32, F64))
    store = harness.StoreBlock()
    record, kept = harness.host_record(lambda a, b: (b, a, 0.5), type_)
    info = harness.Info(type_, "host")
    func = boundary.make_func(boundary.entry_stub(type_), record, store.address, (store, kept), info)
    assert func(3, 4) == (4, 3, 0.5)


TYPES = [I32, F64, I64, F32, EXTERNREF]
SAMPLES = {I32: -3, F64: 0.25, I64: 2**40, F32: 1.5, EXTERNREF: "text"}


def echo(count: int, results: int) -> tuple[FuncType, str]:
    """A function of `count` parameters that returns the last `results` of them."""
    type_ = FuncType(
        tuple(TYPES[k % 5] for k in range(count)), tuple(TYPES[k % 5] for k in range(count - results, count))
    )
    numbers = range(count - results, count)
    values = [(llvm_type(type_.params[k]), f"%p{k}") for k in numbers]
    if in_store(type_):
        # Loaded before anything is stored: parameters and results share the place.
        store = "" if "%store = " in function("f", type_, "") else load_store()
        return type_, store + leave_results(values) + "  ret void"
    if len(values) < 2:
        return type_, "  ret void" if not values else f"  ret {values[0][0]} {values[0][1]}"
    body, whole = "", "poison"
    for k, (t, v) in enumerate(values):
        body += f"  %w{k} = insertvalue {results_type(type_)} {whole}, {t} {v}, {k}\n"
        whole = f"%w{k}"
    return type_, f"{body}  ret {results_type(type_)} {whole}"


def expected(values: list[Any]) -> Any:
    return None if not values else values[0] if len(values) == 1 else tuple(values)


SHAPES = [(0, 0), (1, 1), (2, 2), (3, 3), (5, 5), (8, 2), (9, 9), (17, 4), (40, 1), (100, 100), (1000, 1000)]


@pytest.mark.parametrize(("count", "results"), SHAPES)
def test_many_values_in_and_out(count: int, results: int) -> None:
    type_, body = echo(count, results)
    instance = Instance({"f": type_}, function("f", type_, body), level=0)
    args = [SAMPLES[t] for t in type_.params]
    for _ in range(3):
        assert instance.f(*args) == expected(args[count - results :])


@pytest.mark.parametrize(("count", "results"), SHAPES[:-1])
@pytest.mark.parametrize("back", [tuple, list])
def test_many_values_through_a_host_function(count: int, results: int, back: Callable[..., Any]) -> None:
    type_, _ = echo(count, results)
    seen = []

    def host(*args: Any) -> Any:
        seen.append(args)
        values = args[count - results :]
        return expected(list(values)) if len(values) < 2 else back(values)

    record, kept = (harness.set_up(), harness.host_record(host, type_))[1]
    store = harness.StoreBlock()
    func = boundary.make_func(
        boundary.entry_stub(type_), record, store.address, (store, kept), harness.Info(type_, "host")
    )
    args = tuple(SAMPLES[t] for t in type_.params)
    for _ in range(3):
        assert func(*args) == expected(list(args[count - results :]))
    assert seen == [args] * 3


@pytest.mark.parametrize("result", [(1,), (1, 2, 3), 7, None, (1, "x"), (2**50, 1)])
def test_bad_tuples_from_host_functions(result: Any) -> None:
    type_ = FuncType((), (I32, I32))
    body = call_import(0, type_, "", "%r") + f"ret {results_type(type_)} %r"
    with pytest.raises((TypeError, ValueError, OverflowError)):
        Instance({"f": type_}, function("f", type_, body), [(lambda: result, type_)]).f()


def test_result_where_there_is_none() -> None:
    type_ = FuncType()
    results: list[Any] = [None, 5]
    body = call_import(0, type_, "") + "ret void"
    instance = Instance({"f": type_}, function("f", type_, body), [(lambda: results.pop(0), type_)])
    assert instance.f() is None
    with pytest.raises(TypeError):
        instance.f()


def test_the_same_exception_comes_out() -> None:
    error = KeyError("it")

    def host(value: int) -> int:
        raise error

    instance = through(I32, host)
    with pytest.raises(KeyError) as caught:
        instance.f(1)
    assert caught.value is error
    assert [entry.name for entry in caught.traceback][-1] == "host"


def test_nested_entries() -> None:
    depth = 30

    def host(value: int) -> int:
        if value == 0:
            raise KeyError("bottom")
        try:
            return int(instance.f(value - 1))
        except KeyError:
            if value % 2:
                raise
            raise ValueError(value) from None
        except ValueError as error:
            return int(error.args[0])

    instance = through(I32, host)
    assert instance.f(depth) == 2
    assert memory.read_u64(threads.current()) == 0  # no activation is left


def test_conversions_that_give_nonsense_are_our_fault() -> None:
    harness.set_up()
    boundary.set_helper("arguments", lambda func, args, kwargs: ("nonsense",))
    try:
        for helper, text in ((("nonsense",), "gave"), ((1, 2), "2 values for 1")):
            boundary.set_helper("arguments", lambda func, args, kwargs, given=helper: given)
            with pytest.raises(InternalError, match=text):
                identity(I32).f("x")
    finally:
        boundary.set_helper("arguments", harness._arguments)


def resident() -> int:
    """Largest resident set so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def allocated_by(run: Callable[[], object]) -> tuple[int, int]:
    """Return how many blocks and KiB are held after many runs that were not before."""
    run()
    gc.collect()
    before, size = sys.getallocatedblocks(), resident()
    run()
    gc.collect()
    return sys.getallocatedblocks() - before, resident() - size


@pytest.mark.slow
def test_a_hundred_thousand_host_exceptions_leave_memory_flat() -> None:
    type_ = FuncType((I64, F64, EXTERNREF), (I32,))

    def host(a: int, b: float, c: object) -> int:
        if a % 2:
            raise ValueError(a)
        return "not a number"  # type: ignore[return-value]

    body = call_import(0, type_, "i64 %p0, double %p1, ptr %p2", "%r") + "ret i32 %r"
    instance = Instance({"f": type_}, function("f", type_, body), [(host, type_)])
    thing = object()

    def run() -> None:
        for k in range(50_000):
            with pytest.raises((ValueError, TypeError)) if k % 1000 == 0 else Quiet():
                instance.f(k + 2**50, 0.5 + k, thing)

    blocks, size = allocated_by(run)
    assert blocks < 200
    assert size < 2000


class Quiet:
    """Expect an exception cheaply."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, (ValueError, TypeError, Trap))


@pytest.mark.slow
def test_calls_and_slow_paths_leave_memory_flat() -> None:
    instance = identity(I64)
    pair = FuncType((), (EXTERNREF, I64, F64))
    host = Instance(
        {"f": pair},
        function("f", pair, call_import(0, pair, "") + "ret void"),
        [(lambda: ["a", 2**62 + 1, 0.1], pair)],
    )

    def run() -> None:
        for k in range(20_000):
            instance.f(2**63 + k)
            instance.f(k + 10**10)
            host.f()
            with Quiet():
                instance.f("no")
            with Quiet():
                instance.f(1, 2)

    blocks, size = allocated_by(run)
    assert blocks < 200
    assert size < 2000


def test_threads_have_their_own_activations() -> None:
    barrier = threading.Barrier(4)

    def host(value: int) -> int:
        barrier.wait(10)
        if value == 2:
            raise KeyError(value)
        return value * 10

    instance = through(I32, host)
    results: dict[int, object] = {}

    def run(value: int) -> None:
        try:
            results[value] = instance.f(value)
        except KeyError as error:
            results[value] = error.args

    workers = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == {0: 0, 1: 10, 2: (2,), 3: 30}


def test_thread_blocks_come_and_go() -> None:
    instance = identity(I32)
    seen: list[int] = []

    def run() -> None:
        assert threads.current() == 0
        instance.f(1)
        seen.append(threads.current())

    for _ in range(50):
        worker = threading.Thread(target=run)
        worker.start()
        worker.join()
    assert all(seen)


# -- the type of functions ---------------------------------------------------------------------------------------------


def test_the_type() -> None:
    instance = identity(I32)
    func, cls = instance.f, boundary.func_type()
    assert type(func) is cls
    assert (cls.__module__, cls.__name__) == ("bembix", "Func")
    assert functype.is_func(func)
    assert not functype.is_func(print)
    assert callable(func)
    assert functype.record_of(func) == instance.record("f")
    assert functype.owner_of(func) is instance
    assert functype.store_of(func) == instance.store.address
    assert functype.info_of(func).name == "f"
    assert {func: 1}[func] == 1
    with pytest.raises(TypeError):
        cls()
    with pytest.raises(TypeError):
        type("Sub", (cls,), {})
    with pytest.raises(TypeError):
        functype.record_of(print)
    with pytest.raises((AttributeError, TypeError)):
        func._record = 5
    with pytest.raises(TypeError, match="five"):
        boundary._make_func(1, 2)  # type: ignore[misc, call-arg]
    with pytest.raises(TypeError):
        boundary.make_func("stub", 0, 0, None, None)  # type: ignore[arg-type]


def test_functions_are_collected_with_what_they_own() -> None:
    class Owner:
        pass

    harness.set_up()
    stub = boundary.entry_stub(FuncType())
    gc.collect()
    count = sys.getrefcount(boundary.func_type())
    owner, info = Owner(), Owner()
    func = boundary.make_func(stub, 0, 0, owner, info)
    gone = [weakref.ref(thing) for thing in (owner, info, func)]
    del owner, info
    assert all(reference() is not None for reference in gone)
    del func
    assert all(reference() is None for reference in gone)
    after = sys.getrefcount(boundary.func_type())
    assert after == count


def test_cycles_through_functions_are_collected() -> None:
    class Owner:
        func: object

    harness.set_up()
    stub = boundary.entry_stub(FuncType())
    gc.collect()
    count = sys.getrefcount(boundary.func_type())
    gone = []
    for _ in range(100):
        owner = Owner()
        owner.func = boundary.make_func(stub, 0, 0, owner, [owner])
        gone += [weakref.ref(owner), weakref.ref(owner.func)]
    del owner
    gc.collect()
    assert all(reference() is None for reference in gone)
    after = sys.getrefcount(boundary.func_type())
    assert after == count


def test_a_finalizer_may_call_a_function_of_its_own_cycle() -> None:
    results = []

    class Caller:
        def __del__(self) -> None:
            results.append(self.instance.f(41))

    for _ in range(5):
        caller = Caller()
        caller.instance = identity(I32)  # type: ignore[attr-defined]
        caller.instance.f(1)  # type: ignore[attr-defined]
        caller.instance.caller = caller  # type: ignore[attr-defined]
        forget(caller.instance)  # type: ignore[attr-defined]
        del caller
        gc.collect()
    assert results == [41] * 5


def forget(instance: Instance) -> None:
    """Drop the references that the harness has."""
    del harness.instances[instance.context.address]
    for record in [r for r, f in harness.funcs_by_record.items() if functype.owner_of(f) is instance]:
        del harness.funcs_by_record[record]


def test_stubs_are_shared_by_shape() -> None:
    some, other = functype_id(FuncType()), functype_id(FuncType((I32,)))
    wide = FuncType((I32, ref(True, some)), (ref(True, other),))
    same = FuncType((I32, ref(False, AbsHeap.FUNC)), (ref(False, some),))
    assert boundary.entry_stub(wide) == boundary.entry_stub(same)
    assert boundary.thunk(wide) == boundary.thunk(same)
    assert boundary.entry_stub(wide) != boundary.entry_stub(FuncType((I32, FUNCREF), (FUNCREF,)))


def test_records_are_read_at_each_call() -> None:
    type_ = FuncType((), (I32,))
    instance = Instance(
        {"one": type_, "two": type_}, function("one", type_, "ret i32 1") + function("two", type_, "ret i32 2")
    )
    assert (instance.one(), instance.two()) == (1, 2)
    memory.write_u64(instance.record("one") + FuncRecord.CODE, instance.loaded.symbols["two"])
    assert instance.one() == 2


def test_stub_text_has_no_surprises() -> None:
    text = stubs.entry("ile_f") + stubs.thunk("ile_f")
    assert "$" not in text
    assert " get " not in text
