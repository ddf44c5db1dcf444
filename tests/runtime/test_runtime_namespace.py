"""Programs of several modules: order, laziness, circles, and everything that is missing said at once."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from bembix import Instance, LinkError, Memory, Module, Namespace, Store


def module(name: str, *imports: str, start: bool = True) -> Module:
    """A module that logs its name when it starts, and exports `name`, a function, and `memory`."""
    declared = "".join(f'(import "{of}" "name" (func))' for of in imports)
    return Module(
        f"""(module ${name} (import "env" "log" (func $log (param i32))) {declared}
          (memory (export "memory") 1) (func $start (call $log (i32.const {ord(name[0])})))
          (func (export "name")) {"(start $start)" if start else ""})"""
    )


@pytest.fixture
def seen() -> list[int]:
    return []


@pytest.fixture
def space(seen: list[int]) -> Namespace:
    return Namespace({"env": {"log": seen.append}})


def names(seen: list[int]) -> str:
    return "".join(map(chr, seen))


def test_dependencies_come_first(space: Namespace, seen: list[int]) -> None:
    space.update(a=module("a", "b", "c"), b=module("b", "c"), c=module("c"), other=module("z"))
    instance = space["a"]
    assert isinstance(instance, Instance)
    assert names(seen) == "cba"
    assert space["a"] is instance
    assert space["b"].store == instance.store == space.store
    assert names(seen) == "cba"


def test_all_of_them(space: Namespace, seen: list[int]) -> None:
    space.update(a=module("a", "b"), b=module("b"), c=module("c", "a"))
    assert set(space.instantiate_all()) == {"a", "b", "c"}
    assert names(seen) == "bac"
    space.instantiate_all()
    assert names(seen) == "bac"


def test_one_that_is_not_in_it(space: Namespace, seen: list[int]) -> None:
    space["b"] = module("b")
    instance = space.instantiate(module("m", "b"), name="m")
    assert names(seen) == "bm"
    assert space["m"] is instance
    assert space["b"].exports.memory.store == instance.store
    assert module("n", "b", "m").instantiate(space).store == space.store


@pytest.mark.slow
def test_a_long_chain(space: Namespace, seen: list[int]) -> None:
    count = 1100
    for number in range(count):
        space[str(number)] = module("x", *([str(number + 1)] if number + 1 < count else []))
    assert isinstance(space["0"], Instance)
    assert len(seen) == count


def test_circles(space: Namespace, seen: list[int]) -> None:
    space.update(a=module("a", "b"), b=module("b", "c"), c=module("c", "a"))
    with pytest.raises(LinkError, match=r"modules import from each other in a circle: '.' <- '.' <- '.' <- '.'"):
        space["a"]
    space["a"] = module("a")
    assert set(space.instantiate_all()) == {"a", "b", "c"}
    assert names(seen) == "acb"


def test_all_that_is_missing_is_said_before_anything_runs(space: Namespace, seen: list[int]) -> None:
    space.update(
        a=module("a", "b"),
        b=Module('(module $b (import "b2" "x" (memory 1)) (import "env" "flog" (func (param i64))))'),
    )
    with pytest.raises(LinkError) as caught:
        space["a"]
    assert sorted(str(caught.value).splitlines()) == [
        "  unknown import 'b' 'name' of 'a': wanted func () -> ()",
        "  unknown import 'b2' 'x' of 'b': wanted memory 1",
        "  unknown import 'env' 'flog' of 'b': wanted func (i64) -> ()",
        "3 imports don't fit:",
    ]
    with pytest.raises(LinkError, match="unknown import 'q' 'name' of 'm'"):
        space.instantiate(module("m", "q"))
    assert seen == []


def test_single_definitions_come_first(space: Namespace, seen: list[int]) -> None:
    calls = []
    space.define("env", "extra", calls.append)

    @space.function("env")
    def log(number: int) -> None:
        calls.append(-number)

    other: Callable[[int], None] = space.function("tools", "other")(lambda number: None)
    instance = space.instantiate(
        Module("""(module (import "env" "log" (func $log (param i32))) (import "env" "extra" (func $extra (param i32)))
          (import "tools" "other" (func (param i32)))
          (func (export "run") (call $log (i32.const 1)) (call $extra (i32.const 2))))""")
    )
    instance.exports.run()
    assert (calls, seen, sorted(space), len(space)) == ([-1, 2], [], ["env", "tools"], 2)
    assert sorted(space["env"]) == ["extra", "log"]
    assert space["tools"]["other"] is other


def test_definitions_over_python_modules_and_instances() -> None:
    space = Namespace({"math": math, "lib": Module('(module (memory (export "memory") 1) (func (export "f")))')})
    space.define("math", "sqrt", lambda number: -number)
    memory = Memory(2, store=space.store)
    space.define("lib", "memory", memory)
    instance = space.instantiate(
        Module("""(module (import "math" "sqrt" (func (param f64) (result f64))) (import "math" "pi" (global f64))
          (import "lib" "f" (func)) (import "lib" "memory" (memory 2))
          (export "sqrt" (func 0)) (export "pi" (global 0)) (export "memory" (memory 0)))""")
    )
    assert (instance.exports.sqrt(4.0), instance.exports.pi.value) == (-4.0, math.pi)
    assert instance.exports.memory is memory
    assert sorted(space["lib"]) == ["f", "memory"]


def test_the_store_is_that_of_the_members() -> None:
    lib = module("l").instantiate({"env": {"log": print}})
    space = Namespace({"lib": lib, "env": {"log": abs}})
    assert space.instantiate(module("m", "lib")).store == lib.store
    memory = Memory(1, store=Store())
    assert Namespace({"env": {"memory": memory}}).store == memory.store
    store = Store()
    assert Namespace(store=store).store == store


def test_as_a_mapping(space: Namespace) -> None:
    space["a"] = module("a")
    first = space["a"]
    space["a"] = module("a")
    assert space["a"] is not first
    del space["a"]
    assert "a" not in space
    with pytest.raises(KeyError):
        space["a"]
    with pytest.raises(KeyError):
        del space["a"]
    assert repr(space) == "<bembix.Namespace env>"


def test_a_failing_start_leaves_the_rest(space: Namespace, seen: list[int]) -> None:
    from bembix import Trap

    space.update(
        a=module("a", "t", "b"), b=module("b"), t=Module('(module (func (export "name") unreachable) (start 0))')
    )
    for _ in range(2):
        with pytest.raises(Trap):
            space["a"]
    assert set(names(seen)) <= {"b"}
    space["t"] = Module('(module (func (export "name")))')
    assert isinstance(space["a"], Instance)
    assert sorted(names(seen)) == ["a", "b"]
