"""Imports: what matches, what does not, and that nothing happens before all of them do."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from bembix import FuncType, Global, HostFunction, Instance, LinkError, Memory, Module, Store, Table, Tag
from bembix.spec.types import I32, I64

PROVIDER = """(module
  (memory (export "memory") 1 3) (memory (export "memory64") i64 1) (table (export "table") 2 5 funcref)
  (global (export "const") i32 (i32.const 7)) (global (export "var") (mut i32) (i32.const 8))
  (tag (export "tag") (param i32))
  (func (export "f") (param i32)) (func (export "g") (result i64) i64.const 1))"""


@pytest.fixture(scope="module")
def provider() -> Instance:
    return Module(PROVIDER).instantiate()


def importing(declaration: str, name: str) -> Module:
    return Module(f'(module (import "m" "{name}" {declaration}))')


@pytest.mark.parametrize(
    ("name", "declaration"),
    [
        ("f", "(func (param i32))"),
        ("g", "(func (result i64))"),
        ("memory", "(memory 1 3)"),
        ("memory", "(memory 0 4)"),
        ("memory", "(memory 1)"),
        ("memory64", "(memory i64 1)"),
        ("table", "(table 2 5 funcref)"),
        ("table", "(table 1 funcref)"),
        ("const", "(global i32)"),
        ("var", "(global (mut i32))"),
        ("tag", "(tag (param i32))"),
    ],
)
def test_matches(provider: Instance, name: str, declaration: str) -> None:
    importing(declaration, name).instantiate({"m": provider})
    importing(declaration, name).instantiate({"m": provider.exports})
    importing(declaration, name).instantiate({"m": {name: provider.exports[name]}})


@pytest.mark.parametrize(
    ("name", "declaration", "wanted", "given"),
    [
        ("f", "(func)", "func () -> ()", "func (i32) -> ()"),
        ("f", "(memory 1)", "memory 1", "func (i32) -> ()"),
        ("memory", "(memory 2)", "memory 2", "memory 1 3"),
        ("memory", "(memory 1 2)", "memory 1 2", "memory 1 3"),
        ("memory", "(memory i64 1)", "memory i64 1", "memory 1 3"),
        ("memory64", "(memory i64 1 2)", "memory i64 1 2", "memory i64 1"),
        ("table", "(table 3 funcref)", "table 3 funcref", "table 2 5 funcref"),
        ("table", "(table 1 externref)", "table 1 externref", "table 2 5 funcref"),
        ("const", "(global (mut i32))", "global (mut i32)", "global i32"),
        ("const", "(global i64)", "global i64", "global i32"),
        ("var", "(global i32)", "global i32", "global (mut i32)"),
        ("tag", "(tag)", "tag ()", "tag (i32)"),
    ],
)
def test_does_not_match(provider: Instance, name: str, declaration: str, wanted: str, given: str) -> None:
    with pytest.raises(LinkError) as caught:
        importing(declaration, name).instantiate({"m": provider})
    assert str(caught.value) == f"incompatible import type for 'm' '{name}': wanted {wanted}, given {given}"
    assert (caught.value.module, caught.value.name) == ("m", name)
    assert (caught.value.wanted, caught.value.given) == (wanted, given)


def test_all_problems_are_listed() -> None:
    module = Module("""(module (import "a" "f" (func)) (import "a" "g" (global i32)) (import "b" "h" (memory 1))
      (import "a" "ok" (func)))""")
    with pytest.raises(LinkError) as caught:
        module.instantiate({"a": {"g": "x", "ok": print}})
    assert str(caught.value).splitlines() == [
        "3 imports don't fit:",
        "  unknown import 'a' 'f': wanted func () -> ()",
        "  incompatible import type for 'a' 'g': wanted global i32, given an object of type str",
        "  unknown import 'b' 'h': wanted memory 1",
    ]


def test_names_that_are_nearly_right() -> None:
    for imports, entry, hint in (
        ({"m": math}, '"m" "sqr"', r"; did you mean 'm' 'sqrt'\?"),
        ({"host": {"log": print}}, '"hosts" "log"', r"; did you mean 'host' 'log'\?"),
        ({"m": {"log": print}}, '"m" "__class"', "$"),
        ({"open": open}, '"nope" "f"', "$"),
        ({"hosts": 5, "host": {"log": print}}, '"hots" "log"', r"; did you mean 'host' 'log'\?"),
        (SimpleNamespace(env={"f": print}), '"env" "g"', "$"),
    ):
        with pytest.raises(LinkError, match=rf"unknown import .*: wanted func \(\) -> \(\){hint}"):
            Module(f"(module (import {entry} (func)))").instantiate(imports)


def test_nothing_is_written_when_an_import_is_missing() -> None:
    memory = Memory(1)
    module = Module("""(module (import "m" "memory" (memory 1)) (import "m" "missing" (func))
      (data (i32.const 0) "x"))""")
    with pytest.raises(LinkError, match="unknown import"):
        module.instantiate({"m": {"memory": memory}})
    assert memory.read(0, 1) == b"\0"


@pytest.mark.parametrize(
    "wrong", [5, "text", print, lambda: None, None, [1], b"x"], ids=lambda value: type(value).__name__
)
def test_what_imports_can_not_come_from(wrong: object) -> None:
    with pytest.raises(
        TypeError, match=r"imports\['m'\] must be a mapping, an Instance or an object with attributes, not"
    ):
        importing("(func)", "f").instantiate({"m": wrong})


def test_imports_themselves_must_be_something() -> None:
    with pytest.raises(TypeError, match=r"imports must be a mapping, an Instance or an object with .*, not list"):
        importing("(func)", "f").instantiate([print])


def test_attributes_of_any_object() -> None:
    class Env:
        limit = 7

        def __init__(self) -> None:
            self.seen: list[int] = []

        def log(self, number: int) -> None:
            self.seen.append(number)

        @staticmethod
        def double(number: int) -> int:
            return 2 * number

        @property
        def half(self) -> float:
            return 0.5

    module = Module("""(module (import "env" "log" (func $log (param i32))) (import "env" "limit" (global $limit i32))
      (import "env" "double" (func $double (param i32) (result i32))) (import "env" "half" (global f64))
      (func (export "run") (call $log (call $double (global.get $limit)))))""")
    env = Env()
    module.instantiate({"env": env}).exports.run()
    module.instantiate(imports=SimpleNamespace(env=env)).exports.run()
    assert env.seen == [14, 14]
    with pytest.raises(LinkError, match=r"incompatible import type for 'env' 'log'.*\n.*unknown import 'env' 'half'"):
        module.instantiate({"env": SimpleNamespace(log=5, limit=1, double=abs)})


def test_python_modules() -> None:
    module = Module("""(module (import "math" "sqrt" (func $sqrt (param f64) (result f64)))
      (import "math" "pi" (global f64))
      (func (export "root") (result f64) (call $sqrt (global.get 0))))""")
    assert module.instantiate({"math": math}).exports.root() == math.sqrt(math.pi)


@pytest.mark.parametrize("name", ["__class__", "__dict__", "__loader__", "__init__", "__reduce__"])
def test_attributes_that_every_object_has_are_not_given_away(name: str) -> None:
    with pytest.raises(LinkError, match=f"unknown import 'm' '{name}'"):
        importing("(global externref)", name).instantiate({"m": math})
    importing("(func)", name).instantiate({"m": {name: print}})


def test_a_property_that_fails() -> None:
    class Env:
        @property
        def f(self) -> object:
            raise RuntimeError("not today")

    with pytest.raises(RuntimeError, match="not today"):
        importing("(func)", "f").instantiate({"m": Env()})


def test_a_module_among_the_imports_is_instantiated() -> None:
    module = Module('(module (import "m" "memory" (memory 1)) (import "n" "f" (func)) (export "memory" (memory 0)))')
    store = Store()
    instance = module.instantiate({"m": Module(PROVIDER), "n": {"f": print}}, store=store)
    assert instance.store == store
    assert instance.exports.memory.pages == 1


@pytest.mark.parametrize(("declaration", "value"), [("i32", 5), ("i64", -5), ("f64", 0.5), ("externref", "thing")])
def test_values_for_constant_globals(declaration: str, value: object) -> None:
    module = Module(f'(module (import "m" "g" (global {declaration})) (export "g" (global 0)))')
    assert module.instantiate({"m": {"g": value}}).exports.g.value == value


@pytest.mark.parametrize(("declaration", "value"), [("i32", 0.5), ("i32", 2**40), ("f64", "1"), ("(mut i32)", 1)])
def test_wrong_values_for_globals(declaration: str, value: object) -> None:
    with pytest.raises(LinkError, match="incompatible import type"):
        importing(f"(global {declaration})", "g").instantiate({"m": {"g": value}})


def test_host_function_with_a_type() -> None:
    double = HostFunction(lambda x: 2 * x, FuncType((I32,), (I32,)), "double")
    module = Module("""(module (import "m" "double" (func $f (param i32) (result i32)))
      (func (export "call") (param i32) (result i32) local.get 0 call $f))""")
    assert module.instantiate({"m": {"double": double}}).exports.call(21) == 42
    wrong = HostFunction(lambda x: x, FuncType((I64,), (I32,)), "double")
    with pytest.raises(LinkError, match=r"given func \(i64\) -> \(i32\)"):
        module.instantiate({"m": {"double": wrong}})


def test_objects_without_a_store_join_that_of_the_instance() -> None:
    memory, counter, table = Memory(1), Global("i32", 1, mutable=True), Table(2)
    module = Module("""(module (import "m" "memory" (memory 1)) (import "m" "counter" (global (mut i32)))
      (import "m" "table" (table 1 funcref)))""")
    instance = module.instantiate({"m": {"memory": memory, "counter": counter, "table": table}})
    assert memory.store == counter.store == table.store == instance.store
    module.instantiate({"m": {"memory": memory, "counter": counter, "table": table}})


def test_stores_do_not_mix(provider: Instance) -> None:
    other = Module(PROVIDER).instantiate()
    module = Module('(module (import "a" "f" (func (param i32))) (import "b" "memory" (memory 1)))')
    with pytest.raises(LinkError, match=r"imports belong to different stores.*\('a' 'f', 'b' 'memory'\)"):
        module.instantiate({"a": provider, "b": other})
    with pytest.raises(LinkError, match=r"different stores.*\(`store=`, 'm' 'f'\)"):
        importing("(func (param i32))", "f").instantiate({"m": provider}, store=Store())


def test_instances_in_one_store() -> None:
    store = Store()
    first, second = (Module(PROVIDER).instantiate(store=store) for _ in range(2))
    module = Module('(module (import "a" "f" (func (param i32))) (import "b" "memory" (memory 1)))')
    assert module.instantiate({"a": first, "b": second}).store == store


def test_types_of_recursion_groups_compare_by_structure() -> None:
    types = "(rec (type $a (func (param (ref null $b)))) (type $b (func (result i32))))"
    first = Module(f'(module {types} (func (export "f") (type $a)))').instantiate()
    Module(f'(module {types} (import "m" "f" (func (type $a))))').instantiate({"m": first})
    with pytest.raises(LinkError, match="incompatible import type"):
        Module("""(module (rec (type $b (func (result i32))) (type $a (func (param (ref null $b)))))
          (import "m" "f" (func (type $a))))""").instantiate({"m": first})


def test_tag_of_the_host() -> None:
    tag = Tag(("i32", "f64"))
    importing("(tag (param i32 f64))", "t").instantiate({"m": {"t": tag}})
    with pytest.raises(LinkError, match=r"wanted tag \(i32\), given tag \(i32 f64\)"):
        importing("(tag (param i32))", "t").instantiate({"m": {"t": tag}})
