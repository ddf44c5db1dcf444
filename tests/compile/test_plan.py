"""What is compiled when: the policy by itself, and hot functions getting better code under way."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bembix import Module, Tag, WasmException
from bembix.compile import plan
from bembix.compile.llvm.tier import LlvmModule
from bembix.compile.tiered import TieredModule


def step(
    index: int, surveys: dict[int, plan.Survey], size: int = 100, *, optimize: bool = False, room: int = 1000
) -> plan.Step:
    return plan.first_call(
        index, optimize=optimize, room=room, survey=surveys.get, size=lambda _: size, done=lambda _: False
    )


LOOPS = {0: plan.Survey((1, 2), True), 1: plan.Survey((0,), False), 2: plan.Survey((), False)}


def test_a_function_with_a_loop_is_optimised_with_what_it_calls() -> None:
    assert step(0, LOOPS) == plan.Step((0, 1, 2), True)


def test_a_function_without_a_loop_starts_cheap() -> None:
    assert step(1, LOOPS) == plan.Step((1,), False)


def test_what_does_not_fit_starts_cheap() -> None:
    assert step(0, LOOPS, room=50) == plan.Step((0,), False)
    assert step(0, LOOPS, room=250) == plan.Step((0, 1), True)


def test_on_request_everything_is_optimised() -> None:
    assert step(1, LOOPS, optimize=True, room=0) == plan.Step((1, 0, 2), True)


def test_very_large_functions_are_never_hot() -> None:
    assert plan.hot_count(plan.HOT_MOST_BYTES + 1) == 0
    assert plan.hot_count(10) == plan.HOT_LEAST


ENGINES = pytest.mark.parametrize("engine", ["auto", "llvm"])

FIB = """(module
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add
        (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2))))))))
"""


def is_optimized(module: Module, index: int) -> bool:
    compiled = module.compiled
    assert isinstance(compiled, LlvmModule | TieredModule)
    return compiled.is_optimized(index)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "STENCIL_PATIENCE", 1)


@ENGINES
@pytest.mark.usefixtures("impatient")
def test_a_hot_function_is_optimised_under_way(engine: str) -> None:
    module = Module(FIB, engine=engine)
    first, second = module.instantiate().exports.fib, module.instantiate().exports.fib
    assert first(5) == 5
    assert not is_optimized(module, 0)
    assert first(23) == 28657
    assert is_optimized(module, 0)
    assert first(20) == second(20) == 6765


@ENGINES
@pytest.mark.usefixtures("impatient")
def test_a_hot_function_that_throws_still_does(engine: str) -> None:
    tag = Tag(["i32"])
    module = Module(
        """(module
          (import "" "tag" (tag $t (param i32)))
          (func $step (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 7))))
            (i32.sub (local.get 0) (i32.const 1)))
          (func $down (export "down") (param i32) (result i32)
            (local.set 0 (call $step (local.get 0)))
            (return_call $down (local.get 0))))""",
        engine=engine,
    )
    down = module.instantiate({"": {"tag": tag}}).exports.down
    for count in (3, 100_000, 3):
        try:
            down(count)
        except WasmException as error:
            assert error.payload == (7,)
        else:
            raise AssertionError("nothing was thrown")
    assert is_optimized(module, 0)


def test_llvm_is_not_imported_before_something_runs_much() -> None:
    code = f"""
import sys, bembix
from bembix.compile import plan
plan.STENCIL_PATIENCE = 1
module = bembix.Module({FIB!r}, engine="auto")
fib = module.instantiate().exports.fib
print(fib(10), "llvmlite" in sys.modules)
print(fib(25), "llvmlite" in sys.modules, module.compiled.is_optimized(0))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["55 False", "75025 True True"]


def test_a_small_function_with_a_loop_is_optimised_at_once() -> None:
    text = """(module (func (export "f") (param i32) (loop $l
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))) (func (export "g")))"""
    module = Module(text, engine="auto")
    exports = module.instantiate().exports
    exports.f(3)
    exports.g()
    assert [is_optimized(module, k) for k in (0, 1)] == [True, False]


@pytest.mark.usefixtures("impatient")
def test_new_instances_begin_with_the_best_code() -> None:
    module = Module(FIB, engine="auto")
    module.instantiate().exports.fib(25)
    compiled = module.compiled
    assert isinstance(compiled, TieredModule)
    again = module.instantiate()
    assert again.exports.fib(5) == 5
    assert compiled.code(0) == compiled._llvm().code(0)
