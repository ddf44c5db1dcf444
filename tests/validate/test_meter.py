"""What costs how much, with fuel, and where it is charged."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import bembix
from bembix import Limits, Module, OutOfFuel, Store
from bembix.spec.instructions import BY_NAME, TABLE
from bembix.validate import meter

MUCH = 10**6
ENGINES = {
    "cheap": {"engine": "llvm"},
    "optimized": {"engine": "llvm", "optimize": True},
    "stencil": {"engine": "stencil"},
}


@pytest.fixture(params=ENGINES)
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return ENGINES[request.param]


def use(
    body: str, options: dict[str, Any], *arguments: object, fields: str = "", params: str = "", fuel: int = MUCH
) -> int:
    """Return what a function uses up that is called once."""
    module = Module(f'(module {fields} (memory 1) (func (export "f") {params} {body}))', **options)
    store = Store(limits=Limits(fuel=fuel))
    with suppress(bembix.Trap):
        module.instantiate(store=store).exports.f(*arguments)
    assert store.fuel is not None
    return fuel - store.fuel


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ("", 0),
        ("nop", 0),
        ("(block nop)", 0),
        ("(drop (i32.const 1))", 2),
        ("(block $b (br $b)) (drop (i32.const 1))", 3),
        ("return", 1),
        ("(block (drop (i32.const 1))) (drop (i32.const 1))", 4),
        ("(if (i32.const 1) (then (drop (i32.const 1))) (else nop))", 4),
        ("(if (i32.const 0) (then (drop (i32.const 1))) (else nop))", 2),
        ("(block $b (br_if $b (i32.const 1)) (drop (i32.const 1)))", 2),
        ("(block $b (br_if $b (i32.const 0)) (drop (i32.const 1)))", 4),
        ("(block $b (br_table $b $b (i32.const 1)))", 2),
        ("unreachable", 1),
        ("(drop (i32.const 1)) unreachable", 3),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0))) (drop (i32.const 1))", 6),
        ("(drop (i32.load (i32.const 70000))) (br 0)", 4),
        ("(i32.store (i32.const 70000) (i32.const 1))", 3),
        ("(memory.fill (i32.const 0) (i32.const 1) (i32.const 0))", 4),
        ("(memory.fill (i32.const 0) (i32.const 1) (i32.const 7))", 4),
        ("(memory.fill (i32.const 0) (i32.const 1) (i32.const 800))", 104),
        ("(memory.copy (i32.const 0) (i32.const 1) (i32.const 800))", 104),
        ("(memory.fill (i32.const 0) (i32.const 1) (i32.const 80000))", 10004),
        ("(drop (memory.grow (i32.const 1)))", 3),
        ("(drop (memory.grow (i32.const -1)))", 3),
        ("(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))", 4),
    ],
)  # fmt: skip
def test_costs(options: dict[str, Any], body: str, cost: int) -> None:
    assert use(body, options) == cost


@pytest.mark.parametrize(
    ("fields", "body", "cost"),
    [
        ("(table $t 1 funcref)", "(drop (table.grow $t (ref.null func) (i32.const 10)))", 14),
        ("(table $t 20 funcref)", "(table.fill $t (i32.const 0) (ref.null func) (i32.const 10))", 14),
        ("(table $t 20 funcref)", "(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 10))", 14),
        ("(type $a (array (mut i8)))", "(drop (array.new $a (i32.const 1) (i32.const 100)))", 104),
        ("(type $a (array (mut i8)))", "(drop (array.new_default $a (i32.const 100)))", 103),
        ("(func $g nop)", "(call $g) (drop (i32.const 1))", 3),
        ("(func $g (drop (i32.const 1)))", "(call $g) (return_call $g)", 6),
        ("(tag $t)", "(block $b (try_table (catch $t $b) (throw $t))) (drop (i32.const 1))", 3),
        ("(tag $t) (func $g (throw $t))", "(block $b (try_table (catch $t $b) (call $g)))", 2),
        ("(table $t i64 1 funcref)", "(table.fill $t (i64.const 0) (ref.null func) (i64.const 0x7fffffffffffffff))", 4),
        ("(table $t i64 1 funcref)", "(table.fill $t (i64.const 0) (ref.null func) (i64.const -1))", 4),
    ],
)  # fmt: skip
def test_costs_of_more(options: dict[str, Any], fields: str, body: str, cost: int) -> None:
    assert use(body, options, fields=fields) == cost


def test_a_stretch_is_all_or_nothing(options: dict[str, Any]) -> None:
    module = Module(
        """(module (global $n (export "n") (mut i32) (i32.const 0))
        (func (export "f") (loop $l (global.set $n (i32.add (global.get $n) (i32.const 1))) (br $l))))""",
        **options,
    )
    for fuel in range(23):
        store = Store(limits=Limits(fuel=fuel))
        exports = module.instantiate(store=store).exports
        with pytest.raises(OutOfFuel, match="all fuel consumed") as caught:
            exports.f()
        assert (exports.n.value, store.fuel) == divmod(fuel, 5)
        assert caught.value.backtrace[0].function == "f"
    store.fuel = 10
    with pytest.raises(OutOfFuel):
        exports.f()
    assert store.fuel == 0


def test_host_functions_see_what_is_left(options: dict[str, Any]) -> None:
    seen: list[int | None] = []

    def f() -> None:
        seen.append(store.fuel)
        if len(seen) == 2:
            store.fuel = 50

    module = Module(
        '(module (import "" "f" (func $f)) (func (export "g") (call $f) (call $f) (drop (i32.const 1)) (call $f)))',
        **options,
    )
    store = Store(limits=Limits(fuel=100))
    module.instantiate({"": {"f": f}}, store=store).exports.g()
    assert seen == [99, 98, 47]
    assert store.fuel == 47


def test_modules_with_and_without_fuel_side_by_side(options: dict[str, Any]) -> None:
    module = Module('(module (func (export "f") (result i32) (i32.const 3)))', **options)
    store = Store(limits=Limits(fuel=10))
    free, metered = module.instantiate().exports.f, module.instantiate(store=store).exports.f
    for _ in range(5):
        assert free() == metered() == 3
    assert store.fuel == 5
    assert free.store.fuel is None
    with pytest.raises(ValueError, match="made without fuel"):
        free.store.fuel = 5
    with pytest.raises(ValueError, match="fuel is at least 0"):
        store.fuel = -1
    with pytest.raises(TypeError):
        store.fuel = "much"  # type: ignore[assignment]


def test_a_store_that_imports_join_has_its_fuel(options: dict[str, Any]) -> None:
    module = Module('(module (import "" "m" (memory 1)) (func (export "f") (drop (i32.const 3))))', **options)
    store = Store(limits=Limits(fuel=10))
    module.instantiate({"": {"m": bembix.Memory(1)}}, store=store).exports.f()
    assert store.fuel == 8


def test_start_functions_use_fuel(options: dict[str, Any]) -> None:
    module = Module("(module (func $f (loop $l (br $l))) (start $f))", **options)
    with pytest.raises(OutOfFuel):
        module.instantiate(store=Store(limits=Limits(fuel=100)))


def test_hot_functions_go_on_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    from bembix.compile import plan

    monkeypatch.setattr(plan, "HOT_LEAST", 3)
    monkeypatch.setattr(plan, "HOT_PER_BYTE", 0)
    monkeypatch.setattr(plan, "EAGER_OPTIMIZE_BYTES", 0)
    module = Module('(module (func (export "f") (param i32) (drop (local.get 0))))', engine="llvm")
    store = Store(limits=Limits(fuel=1000))
    f: Callable[[int], None] = module.instantiate(store=store).exports.f
    for _ in range(10):
        f(1)
    assert store.fuel == 1000 - 20


def test_run_with_fuel() -> None:
    endless = Module('(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))')
    with pytest.raises(OutOfFuel):
        bembix.run(endless, fuel=1000)


def test_every_instruction_is_one_of_the_kinds() -> None:
    codes = {row.code for row in TABLE}
    for kind in (meter.FREE, meter.JOINS, meter.LEAVES, meter.BULK):
        assert set(kind) <= codes
    assert not meter.FREE & meter.LEAVES
    assert not (meter.FREE | meter.LEAVES) & meter.BULK.keys()
    control = {row.code for row in TABLE if row.name.startswith(("br", "call", "return", "throw", "rethrow"))}
    assert control <= meter.LEAVES
    assert BY_NAME["nop"].code in meter.FREE
    counted = ("memory.copy", "memory.fill", "memory.init", "table.", "array.")
    bulk = {
        r.code
        for r in TABLE
        if r.name.startswith(counted) and r.name.split(".")[1].split("_")[0] in ("copy", "fill", "init")
    }
    assert bulk <= meter.BULK.keys()
