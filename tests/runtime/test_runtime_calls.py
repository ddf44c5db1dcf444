"""Calls in and out: values of each type, errors that name function and position, exceptions that pass through."""

from __future__ import annotations

import inspect
import math
import pydoc
from collections.abc import Callable

import pytest

import bembix
from bembix import Func, Instance, Module

IDENTITY = """(module $m
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "extern") (param externref) (result externref) local.get 0)
  (func (export "func") (param funcref) (result funcref) local.get 0)
  (func (export "none"))
  (func (export "two") (param i32) (result i32 f64) local.get 0 f64.const 2.5)
  (func (export "five") (param i32) (result i32 i64 f32 f64 externref)
    local.get 0 i64.const -2 f32.const 0.5 f64.const 0.25 ref.null extern)
  (func (export "add") (param $left i32) (param $right i32) (result i32) local.get 0 local.get 1 i32.add))"""


@pytest.fixture(scope="module")
def identity() -> Instance:
    return Module(IDENTITY).instantiate()


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("i32", 5, 5),
        ("i32", -1, -1),
        ("i32", 2**32 - 1, -1),
        ("i32", -(2**31), -(2**31)),
        ("i32", True, 1),
        ("i64", 2**63 - 1, 2**63 - 1),
        ("i64", 2**64 - 1, -1),
        ("i64", 2**63, -(2**63)),
        ("f32", 0.1, 0.10000000149011612),
        ("f32", 1e300, math.inf),
        ("f64", 0.1, 0.1),
        ("f64", 3, 3.0),
        ("extern", None, None),
        ("func", None, None),
    ],
)
def test_value_passes(identity: Instance, name: str, given: object, wanted: object) -> None:
    assert identity.exports[name](given) == wanted


def test_externref_is_the_same_object(identity: Instance) -> None:
    thing = object()
    assert identity.exports.extern(thing) is thing


def test_nan_passes(identity: Instance) -> None:
    assert math.isnan(identity.exports.f64(math.nan))


def test_index_and_float_protocols(identity: Instance) -> None:
    class Seven:
        def __index__(self) -> int:
            return 7

        def __float__(self) -> float:
            return 7.5

    assert identity.exports.i32(Seven()) == 7
    assert identity.exports.f64(Seven()) == 7.5


def test_funcref_is_the_same_function(identity: Instance) -> None:
    add = identity.exports.add
    assert identity.exports.func(add) is add


def test_results(identity: Instance) -> None:
    assert identity.exports.none() is None
    assert identity.exports.two(1) == (1, 2.5)
    assert identity.exports.five(1) == (1, -2, 0.5, 0.25, None)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1,), TypeError, "add() takes 2 positional arguments but 1 was given"),
        ((1, 2, 3), TypeError, "add() takes 2 positional arguments but 3 were given"),
        ((1, "2"), TypeError, "add() argument 2 (right) must be i32 (an int), not str"),
        ((1.0, 2), TypeError, "add() argument 1 (left) must be i32 (an int), not float"),
        ((2**32, 2), OverflowError, "add() argument 1 (left): 4294967296 does not fit i32 (-2147483648 to 4294967295)"),
        ((1, -(2**31) - 1), OverflowError, "add() argument 2 (right): -2147483649 does not fit i32"),
    ],
)
def test_wrong_arguments(
    identity: Instance, arguments: tuple[object, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        identity.exports.add(*arguments)
    assert str(caught.value).startswith(message)


def test_keywords_are_refused(identity: Instance) -> None:
    with pytest.raises(TypeError, match=r"add\(\) takes no keyword arguments"):
        identity.exports.add(1, right=2)


def test_float_is_not_parsed(identity: Instance) -> None:
    with pytest.raises(TypeError, match=r"f64\(\) argument 1 must be f64 \(a float\), not str"):
        identity.exports.f64("1.5")


def test_functions_look_like_python_ones(identity: Instance) -> None:
    add = identity.exports.add
    assert isinstance(add, Func)
    assert callable(add)
    assert add.__name__ == "add"
    assert str(inspect.signature(add)) == "(left: 'i32', right: 'i32', /) -> 'i32'"
    assert pydoc.plain(pydoc.render_doc(add)).splitlines()[2:4] == [
        "add(left: 'i32', right: 'i32', /) -> 'i32'",
        "    A WebAssembly function, (i32 i32) -> (i32).",
    ]
    assert repr(add) == "<bembix.Func m!add (i32 i32) -> (i32)>"
    assert str(add.type) == "(i32 i32) -> (i32)"
    assert hash(add) == hash(identity.exports["add"])


def host(results: str, function: Callable[[], object]) -> object:
    """Call a host function of no parameters through Wasm."""
    source = f"""(module (import "env" "f" (func $f (result {results})))
      (func (export "call") (result {results}) call $f))"""
    return Module(source).instantiate({"env": {"f": function}}).exports.call()


@pytest.mark.parametrize(
    ("results", "value"),
    [("i32", 3), ("i64", -4), ("f32", 0.5), ("f64", 0.1), ("externref", "text"), ("i32 f64", (1, 2.5)), ("", None)],
)
def test_host_results(results: str, value: object) -> None:
    assert host(results, lambda: value) == value


@pytest.mark.parametrize(
    ("results", "value", "error", "message"),
    [
        ("i32", None, TypeError, "result of host function env.f must be i32 (an int), not NoneType"),
        ("i32", 2**40, OverflowError, "result of host function env.f: 1099511627776 does not fit i32"),
        ("i32 i32", 1, TypeError, "host function env.f must return a tuple of 2 values (i32, i32), not int"),
        ("i32 i32", (1, 2, 3), TypeError, "host function env.f must return a tuple of 2 values (i32, i32), not 3"),
        ("i32 i32", (1, "2"), TypeError, "result 2 of host function env.f must be i32 (an int), not str"),
    ],
)
def test_wrong_host_results(results: str, value: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        host(results, lambda: value)
    assert str(caught.value).startswith(message)


def test_results_nobody_wants_are_dropped() -> None:
    assert host("", lambda: 5) is None


def test_exception_of_a_host_function_is_the_same_object() -> None:
    error = KeyError("mine")

    def fail() -> object:
        raise error

    with pytest.raises(KeyError) as caught:
        host("i32", fail)
    assert caught.value is error


def test_host_functions_call_back() -> None:
    module = Module("""(module (import "env" "f" (func $f (param i32) (result i32)))
      (func (export "down") (param i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
          (else (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1))))))))""")
    instance = module.instantiate({"env": {"f": lambda n: instance.exports.down(n)}})
    assert instance.exports.down(20) == 20


def test_endless_recursion_through_python() -> None:
    module = Module("""(module (import "env" "f" (func $f (param i32) (result i32)))
      (func (export "down") (param i32) (result i32) (call $f (local.get 0))))""")
    instance = module.instantiate({"env": {"f": lambda n: instance.exports.down(n)}})
    with pytest.raises((RecursionError, bembix.StackExhausted)):
        instance.exports.down(20)
    assert Module("(module)").instantiate() is not None


def test_host_arguments_are_signed() -> None:
    seen: list[tuple[object, ...]] = []
    module = Module("""(module (import "env" "f" (func $f (param i32 i64 f32 f64 externref funcref)))
      (func (export "call") (param externref)
        i32.const -1 i64.const -2 f32.const 0.5 f64.const 0.25 local.get 0 ref.func 1 call $f))""")
    instance = module.instantiate({"env": {"f": lambda *values: seen.append(values)}})
    instance.exports.call("x")
    assert seen == [(-1, -2, 0.5, 0.25, "x", instance.exports.call)]


def test_wasm_calls_wasm_without_python_between() -> None:
    triple = '(module (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3))))'
    first = Module(triple).instantiate()
    second = Module("""(module (import "first" "f" (func $f (param i32) (result i32)))
      (func (export "g") (param i32) (result i32) (call $f (i32.add (local.get 0) (i32.const 1))))
      (export "f" (func $f)))""").instantiate({"first": first})
    assert second.exports.g(4) == 15
    assert second.exports.f is first.exports.f
    assert second.store == first.store


def test_values_of_v128_are_sixteen_bytes() -> None:
    echo = Module('(module (func (export "f") (param v128) (result v128) local.get 0))').instantiate().exports.f
    value = bytes(range(16))
    assert echo(value) == value == echo(bytearray(value)) == echo(memoryview(value))
    for bad in (value[:15], 7, "x" * 16, None):
        with pytest.raises((TypeError, ValueError)):
            echo(bad)
