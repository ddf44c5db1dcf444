"""Who keeps whom alive, and that everything goes when nobody does."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bembix import Instance, Module, Table

SOURCE = """(module (import "env" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 16) (table (export "table") 1 funcref) (elem (i32.const 0) func $call)
  (global (export "global") (mut externref) (ref.null extern))
  (func (export "fill") (memory.fill (i32.const 0) (i32.const 1) (i32.const 1048576)))
  (func $call (export "call") (param i32) (result i32) (call $f (local.get 0)))
  (func (export "same") (param externref) (result externref) local.get 0))"""


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def double(number: int) -> int:
    return 2 * number


def instantiate(function: Callable[[int], int] = double) -> Instance:
    return Module(SOURCE).instantiate({"env": {"f": function}})


def use(instance: Instance) -> list[weakref.ref[object]]:
    """Use all of an instance; return references to what it consists of."""
    exports = instance.exports
    exports.fill()
    assert exports.call(4) == 8
    assert exports.table[0](5) == 10
    exports["global"].value = exports.same([1])
    watched = [instance, instance.module, exports.memory, exports.table, exports.call, exports["global"]]
    return [weakref.ref(thing) for thing in watched]


def test_everything_goes_without_the_collector(without_collector: None) -> None:
    assert [reference() for reference in use(instantiate())] == [None] * 6


def resident() -> int:
    """Return the memory of this process, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) >> 8


def test_memory_is_given_back(without_collector: None) -> None:
    module = Module(SOURCE)
    for round_ in range(60):
        use(module.instantiate({"env": {"f": double}}))
        if round_ == 9:
            before = resident()
    assert resident() - before < 10  # each has 1 MiB, 50 were made


def test_function_keeps_its_instance(without_collector: None) -> None:
    call = instantiate().exports.call
    assert call(3) == 6


def test_each_export_keeps_what_it_needs(without_collector: None) -> None:
    memory, table = (instantiate().exports[name] for name in ("memory", "table"))
    memory.write(0, b"x")
    assert table[0](21) == 42


def test_function_in_a_foreign_table(without_collector: None) -> None:
    table = Table(1)
    module = Module("""(module (import "m" "t" (table 1 funcref)) (func $f (result i32) i32.const 7)
      (elem (i32.const 0) func $f))""")
    module.instantiate({"m": {"t": table}})
    assert table[0]() == 7


def test_host_function_that_refers_to_its_instance() -> None:
    def make() -> weakref.ref[Instance]:
        held: list[Instance] = []
        instance = instantiate(lambda number: number + len(held[0].exports))
        held.append(instance)
        assert instance.exports.call(0) == 6
        return weakref.ref(instance)

    reference = make()
    gc.collect()
    assert reference() is None


def test_cycle_through_a_function() -> None:
    def make() -> weakref.ref[object]:
        held: list[object] = []
        call = instantiate(lambda number: number + len(held)).exports.call
        held.append(call)
        assert call(1) == 2
        return weakref.ref(call)

    reference = make()
    gc.collect()
    assert reference() is None


def test_cycle_through_a_host_object() -> None:
    class Thing:
        pass

    def make() -> weakref.ref[Thing]:
        thing = Thing()
        thing.instance = instantiate()  # type: ignore[attr-defined]
        thing.instance.exports["global"].value = thing  # type: ignore[attr-defined]
        return weakref.ref(thing)

    reference = make()
    gc.collect()
    assert reference() is None


def test_finalizer_in_a_cycle_calls_wasm() -> None:
    results: list[int] = []

    class Thing:
        def __init__(self) -> None:
            self.call = instantiate(lambda number: number + self.amount).exports.call
            self.amount = 1
            self.call(0)

        def __del__(self) -> None:
            results.append(self.call(1))

    Thing()
    gc.collect()
    assert results == [2]


def test_host_function_drops_the_last_reference() -> None:
    held: list[Instance] = []

    def drop(number: int) -> int:
        held.clear()
        return number

    held.append(instantiate(drop))
    assert held[0].exports.call(5) == 5


def test_views_keep_the_memory(without_collector: None) -> None:
    view = instantiate().exports.memory.view(count=4)
    view[:] = b"abcd"
    assert bytes(view) == b"abcd"


def test_many_instances_do_not_use_up_addresses() -> None:
    module = Module("(module (memory 1))")
    for _ in range(20_000):  # of 8 GiB: more than there are addresses for
        module.instantiate()
