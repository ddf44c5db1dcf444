"""Host functions learn which instance they work for, and are checked by their number of parameters."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from typing import Any

import pytest

import bembix
from bembix import Instance, LinkError, Module

READ = """(module $reader
  (import "env" "f" (func $f (param i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 8) "{text}")
  (table (export "table") 1 funcref) (elem (i32.const 0) $f)
  (export "lent" (func $f))
  (func (export "run") (result i32) (call $f (i32.const 8) (i32.const 5))))"""


def make(function: Any, text: str = "hello", **options: Any) -> Instance:
    return Module(READ.format(text=text)).instantiate({"env": {"f": function}}, **options)


def test_a_host_function_reaches_the_memory_of_the_instance() -> None:
    seen: list[object] = []

    @bembix.with_caller
    def f(instance: Instance, address: int, size: int) -> int:
        assert instance is bembix.caller()
        seen.append((instance, instance.exports.memory.read(address, size)))
        return size

    one, two = make(f), make(f, "world")
    assert (one.exports.run(), two.exports.run(), one.exports.run()) == (5, 5, 5)
    assert seen == [(one, b"hello"), (two, b"world"), (one, b"hello")]


def test_instances_that_nobody_has_any_more() -> None:
    run = make(lambda address, size: len(bembix.caller().exports.memory.read(address, size))).exports.run
    assert run() == 5


def test_nested_calls() -> None:
    seen: list[str] = []

    def note(address: int, size: int) -> int:
        seen.append(bembix.caller().exports.memory.read(address, size).decode())
        return 0

    inner = make(note, "inner")

    def f(address: int, size: int) -> int:
        inner.exports.run()
        return note(address, size)

    make(f, "outer").exports.run()
    assert seen == ["inner", "outer"]


def test_a_function_that_was_handed_on() -> None:
    store = bembix.Store()
    owner = make(lambda a, b: len(bembix.caller().exports), store=store)
    user = Module(
        """(module (import "" "lent" (func $lent (param i32 i32) (result i32)))
          (func (export "run") (result i32) (call $lent (i32.const 1) (i32.const 2))))"""
    ).instantiate({"": owner})
    assert user.exports.run() == len(owner.exports) != len(user.exports)
    assert owner.exports.table[0](1, 2) == len(owner.exports)


def test_outside_of_host_functions() -> None:
    with pytest.raises(RuntimeError, match="no host function"):
        bembix.caller()
    exports = make(lambda a, b: a).exports
    exports.run()
    with pytest.raises(RuntimeError, match="no host function"):
        bembix.caller()
    found: list[object] = []

    def ask() -> None:
        try:
            bembix.caller()
        except RuntimeError as error:
            found.append(error)

    def elsewhere(a: int, b: int) -> int:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        return 0

    make(elsewhere).exports.run()
    assert found


def test_coroutines() -> None:
    @bembix.with_caller
    async def f(instance: Instance, address: int, size: int) -> int:
        await asyncio.sleep(0)
        return instance.exports.memory.read(address, 1)[0]

    assert asyncio.run(make(f).exports.run.async_()) == ord("h")


def test_what_with_caller_keeps() -> None:
    @bembix.with_caller
    def f(instance: Instance, address: int, size: int = 1) -> int:
        """Do it."""
        return 0

    assert (f.__name__, f.__doc__, str(inspect.signature(f))) == (
        "f",
        "Do it.",
        "(address: 'int', size: 'int' = 1) -> 'int'",
    )
    with pytest.raises(LinkError, match=r"given the function g\(\)"):

        @bembix.with_caller
        def g(instance: Instance) -> int:
            return 0

        make(g)


class Callable_:
    def __call__(self, a: int, b: int) -> int:
        return a

    def method(self, a: int) -> int:
        return a


@pytest.mark.parametrize(
    "fine",
    [
        lambda a, b: 1, lambda *a: 1, lambda a, b=1, *, c=2: 1, lambda a, b, c=1: 1, max, min, print,
        Callable_(), functools.partial(lambda a, b, c: 1, 1), {"a": 1}.get,
    ],
)  # fmt: skip
def test_functions_that_fit(fine: Any) -> None:
    make(fine)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: 1, "<lambda>()"),
        (lambda a: 1, "<lambda>(a)"),
        (lambda a, b, c: 1, "<lambda>(a, b, c)"),
        (lambda a, b, *, c: 1, "<lambda>(a, b, *, c)"),
        (Callable_().method, "method(a: 'int') -> 'int'"),
        (functools.partial(lambda a, b: 1, 1), "partial(b)"),
    ],
)
def test_functions_that_do_not_fit(wrong: Any, words: str) -> None:
    with pytest.raises(LinkError) as caught:
        make(wrong)
    assert str(caught.value) == (
        f"incompatible import type for 'env' 'f': wanted func (i32 i32) -> (i32), given the function {words}"
    )
    assert caught.value.given == f"the function {words}"


def test_names() -> None:
    exports = make(max).exports
    assert (exports.run.name, exports.lent.name) == ("run", "f")
    with pytest.raises(OverflowError, match=r"^g\(\) argument 1: int too large"):
        Module('(module (func (export "g") (param f64)))').instantiate().exports.g(10**400)
