"""`bembix.Limits`: what a store may use, and what is raised where that is not enough."""

from __future__ import annotations

from dataclasses import replace

import pytest

import bembix
from bembix import LimitExceeded, Limits, Module, Store

PAGE = 65536

GROWING = """(module
  (memory (export "memory") 1)
  (table (export "table") 10 funcref)
  (func (export "grow_memory") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "grow_table") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))"""


@pytest.fixture(scope="module")
def growing() -> Module:
    return Module(GROWING)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        (0, 0),
        (1234, 1234),
        ("12", 12),
        ("12 B", 12),
        ("64k", 64_000),
        ("64 KiB", 65536),
        ("256 MiB", 256 << 20),
        ("1.5GB", 1_500_000_000),
        ("2Gi", 2 << 30),
        ("1_000 mb", 10**9),
    ],
)
def test_sizes(size: int | str, wanted: int) -> None:
    assert Limits(memory=size).memory == wanted


@pytest.mark.parametrize("size", ["", "many", "12 parsecs", "-1 MiB", "1,5 GB", "1e3"])
def test_no_sizes(size: str) -> None:
    with pytest.raises(ValueError, match=r"memory: .* is no size"):
        Limits(memory=size)


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory": -1},
        {"table": -1},
        {"instances": -5},
        {"stack": 100},
        {"timeout": -1},
        {"cpu_time": float("nan")},
        {"fuel": -1},
        {"fuel": 2**63},
    ],
    ids=str,
)
def test_limits_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"memory": 1.5}, {"table": "10"}, {"timeout": "1"}, {"fuel": True}], ids=str)
def test_limits_of_wrong_types(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=next(iter(wrong))):
        Limits(**wrong)  # type: ignore[arg-type]


def test_limits_are_values() -> None:
    assert Limits(memory="64 KiB") == Limits(memory=65536)
    assert replace(Limits(table=5), memory="1 MiB") == Limits(table=5, memory=1 << 20)
    assert "memory=65536" in repr(Limits(memory=65536))
    assert Store().limits == Limits()


def test_memory(growing: Module) -> None:
    store = Store(limits=Limits(memory=3 * PAGE))
    exports = growing.instantiate(store=store).exports
    assert exports.grow_memory(3) == -1
    assert exports.grow_memory(1) == 1
    with pytest.raises(bembix.MemoryExceeded, match=r"131072 of 196608 used \(Limits\.memory\)"):
        exports.memory.grow(2)
    growing.instantiate(store=store)
    with pytest.raises(bembix.MemoryExceeded, match="no room in the store for 65536 more bytes"):
        growing.instantiate(store=store)
    assert exports.grow_memory(0) == 2


def test_tables(growing: Module) -> None:
    store = Store(limits=Limits(table=25))
    exports = growing.instantiate(store=store).exports
    assert exports.grow_table(16) == -1
    assert exports.grow_table(5) == 10
    assert store.table_used == 15
    with pytest.raises(bembix.TableExceeded, match=r"15 of 25 used \(Limits\.table\)"):
        exports.table.grow(11)
    other = growing.instantiate(store=store)
    with pytest.raises(bembix.TableExceeded):
        growing.instantiate(store=store)
    assert other.exports.grow_table(0) == 10
    with pytest.raises(bembix.TableExceeded):
        bembix.Table(26, store=Store(limits=Limits(table=25)))


def test_tables_that_join_a_store_count() -> None:
    module = Module('(module (import "m" "t" (table 1 funcref)))')
    store = Store(limits=Limits(table=5))
    with pytest.raises(bembix.TableExceeded):
        module.instantiate({"m": {"t": bembix.Table(6)}}, store=store)
    table = bembix.Table(3)
    module.instantiate({"m": {"t": table}}, store=store)
    assert store.table_used == 3
    with pytest.raises(bembix.TableExceeded):
        table.grow(3)


def test_instances(growing: Module) -> None:
    store = Store(limits=Limits(instances=2))
    for _ in range(2):
        growing.instantiate(store=store)
    with pytest.raises(bembix.InstancesExceeded, match="2 instances"):
        growing.instantiate(store=store)
    store.limits = replace(store.limits, instances=3)
    growing.instantiate(store=store)


def test_limits_may_change(growing: Module) -> None:
    store = Store(limits=Limits(memory=PAGE, table=10))
    exports = growing.instantiate(store=store).exports
    assert (exports.grow_memory(1), exports.grow_table(1)) == (-1, -1)
    store.limits = Limits(memory=2 * PAGE, table=11)
    assert (exports.grow_memory(1), exports.grow_table(1)) == (1, 10)
    for later in (Limits(timeout=1), Limits(stack="1 MiB"), Limits(fuel=1)):
        with pytest.raises(ValueError, match="or never"):
            store.limits = later


def test_all_are_limit_exceeded() -> None:
    found = {cls.__name__ for cls in LimitExceeded.__subclasses__()} | {"CpuTimeout"}
    assert found == {
        "StackExhausted", "HeapExhausted", "OutOfFuel", "Timeout", "CpuTimeout",
        "MemoryExceeded", "TableExceeded", "InstancesExceeded",
    }  # fmt: skip
    for name in found:
        assert issubclass(getattr(bembix, name), LimitExceeded)


def test_run_with_limits() -> None:
    source = b'(module (memory (export "memory") 2) (func (export "_start")))'
    bembix.run(source, memory="128 KiB")
    with pytest.raises(bembix.MemoryExceeded):
        bembix.run(source, memory="127 KiB")
    with pytest.raises(bembix.MemoryExceeded):
        bembix.run(source, limits=Limits(memory=PAGE))
    bembix.run(source, limits=Limits(memory=PAGE), memory=2 * PAGE)
