"""What is compiled when: the policy by itself, and hot functions getting better code under way."""

from __future__ import annotations

from bembix import Module, Tag, WasmException
from bembix.compile import plan
from bembix.compile.llvm.tier import LlvmModule


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
    assert isinstance(compiled, LlvmModule)
    return compiled.is_optimized(index)


def test_a_hot_function_is_optimised_under_way() -> None:
    module = Module(FIB)
    first, second = module.instantiate().exports.fib, module.instantiate().exports.fib
    assert first(5) == 5
    assert not is_optimized(module, 0)
    assert first(23) == 28657
    assert is_optimized(module, 0)
    assert first(20) == second(20) == 6765


def test_a_hot_function_that_throws_still_does() -> None:
    tag = Tag(["i32"])
    module = Module(
        """(module
          (import "" "tag" (tag $t (param i32)))
          (func $step (param i32) (result i32)
            (if (i32.eqz (local.get 0)) (then (throw $t (i32.const 7))))
            (i32.sub (local.get 0) (i32.const 1)))
          (func $down (export "down") (param i32) (result i32)
            (local.set 0 (call $step (local.get 0)))
            (return_call $down (local.get 0))))"""
    )
    down = module.instantiate({"": {"tag": tag}}).exports.down
    for count in (3, 20_000, 3):
        try:
            down(count)
        except WasmException as error:
            assert error.payload == (7,)
        else:
            raise AssertionError("nothing was thrown")
    assert is_optimized(module, 0)
