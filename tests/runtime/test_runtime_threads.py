"""Several threads in one module, one instance, one store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bembix import Module, Trap, WasmException

SOURCE = """(module (import "env" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 1) (tag $t (param i32))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0)) (else
      (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "host") (param i32) (result i32) (call $f (local.get 0)))
  (func (export "trap") (param i32) (result i32) (i32.load (i32.add (local.get 0) (i32.const 65536))))
  (func (export "throw") (param i32) (throw $t (local.get 0)))
  (func (export "caught") (param i32) (result i32)
    (block $caught (result i32) (try_table (catch $t $caught) (throw $t (call $f (local.get 0)))) unreachable)))"""


def everywhere(work: Callable[[int], object], count: int = 8) -> list[object]:
    barrier = threading.Barrier(count)

    def body(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(body, range(count)))


def test_first_calls_at_once() -> None:
    exports = Module(SOURCE).instantiate({"env": {"f": lambda n: n}}).exports
    assert everywhere(lambda number: exports.fib(number + 10)) == [55, 89, 144, 233, 377, 610, 987, 1597]


def test_instances_of_one_module() -> None:
    module = Module(SOURCE)
    assert everywhere(lambda number: module.instantiate({"env": {"f": lambda n: n + number}}).exports.host(1)) == [
        number + 1 for number in range(8)
    ]


def test_calls_through_python() -> None:
    exports = Module(SOURCE).instantiate({"env": {"f": lambda n: exports.fib(n)}}).exports
    assert everywhere(lambda number: [exports.host(12) for _ in range(200)]) == [[144] * 200] * 8


def test_traps_and_exceptions() -> None:
    exports = Module(SOURCE).instantiate({"env": {"f": lambda n: n}}).exports

    def work(number: int) -> list[object]:
        found: list[object] = []
        for turn in range(100):
            with pytest.raises(Trap):
                exports.trap(turn)
            with pytest.raises(WasmException) as caught:
                exports.throw(number)
            found += caught.value.payload
            found.append(exports.caught(number))
        return found

    assert everywhere(work) == [[number, number] * 100 for number in range(8)]
