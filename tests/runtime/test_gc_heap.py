"""Objects of the heap in Python: values, identity, lifetimes."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

import bembix
from bembix import I31, ArrayRef, Store, StructRef

OBJECTS = """(module
  (type $point (struct (field $x (mut i32)) (field $y (mut f64)) (field $tag i8) (field $next (mut (ref null $point)))))
  (type $words (array (mut i16)))
  (type $any (array (mut anyref)))
  (func (export "point") (param i32 f64) (result (ref $point))
    (struct.new $point (local.get 0) (local.get 1) (i32.const -1) (ref.null $point)))
  (func (export "x") (param (ref $point)) (result i32) (struct.get $point $x (local.get 0)))
  (func (export "words") (param i32 i32) (result (ref $words)) (array.new $words (local.get 0) (local.get 1)))
  (func (export "list") (param i32) (result (ref $any)) (array.new_default $any (local.get 0)))
  (func (export "same") (param eqref eqref) (result i32) (ref.eq (local.get 0) (local.get 1)))
  (func (export "any") (param anyref) (result anyref) (local.get 0))
  (func (export "eq") (param eqref) (result eqref) (local.get 0))
  (func (export "i31") (param i31ref) (result i31ref) (local.get 0))
  (func (export "out") (param anyref) (result externref) (extern.convert_any (local.get 0)))
  (func (export "in") (param externref) (result anyref) (any.convert_extern (local.get 0)))
  (func (export "kind") (param anyref) (result i32)
    (i32.add
      (i32.add (ref.test (ref struct) (local.get 0)) (i32.mul (i32.const 2) (ref.test (ref array) (local.get 0))))
      (i32.add (i32.mul (i32.const 4) (ref.test (ref i31) (local.get 0)))
               (i32.mul (i32.const 8) (ref.test (ref eq) (local.get 0))))))
  (func (export "garbage") (param i32)
    (loop $l (drop (array.new_default $any (i32.const 1000)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (global (export "g") (mut anyref) (ref.i31 (i32.const 5)))
  (table (export "t") 4 anyref)
  (func (export "two") (param externref externref) (result externref externref) (local.get 1) (local.get 0)))"""


class Thing:
    """Something that can be seen to go."""


@pytest.fixture
def store() -> Store:
    """A store with a small heap."""
    return Store(limits=bembix.Limits(heap=16 << 20))


@pytest.fixture
def exports(store: Store) -> bembix.runtime.exports.Exports:
    """The functions above."""
    return bembix.Module(OBJECTS).instantiate(store=store).exports


def test_structs(exports) -> None:
    point = exports.point(3, 4.5)
    assert isinstance(point, StructRef)
    assert list(point) == [3, 4.5, 255, None] and len(point) == 4
    assert (point["x"], point["y"]) == (3, 4.5)
    point["x"] = -7
    point[1] = 0.25
    point[3] = point
    assert exports.x(point) == -7 and point[-1] is point
    with pytest.raises(TypeError, match="field 2 is not mutable"):
        point[2] = 1
    with pytest.raises(TypeError, match="field x must be i32"):
        point["x"] = "seven"
    with pytest.raises(IndexError):
        point[4]
    with pytest.raises(KeyError):
        point["z"]
    assert point.type.fields[0].mutable


def test_arrays(exports) -> None:
    words = exports.words(0xFFFE, 3)
    assert isinstance(words, ArrayRef)
    words[1] = 5
    assert list(words) == [0xFFFE, 5, 0xFFFE] == words[:] and words[-2] == 5
    with pytest.raises(IndexError):
        words[3]
    things = exports.list(2)
    things[0], things[1] = words, "text"
    assert things[0] is words and things[1] == "text"


def test_i31(exports) -> None:
    assert exports.i31(-5) == I31(-5) and isinstance(exports.i31(5), I31)
    assert exports.any(2**30 - 1) == 2**30 - 1 and isinstance(exports.any(7), I31)
    assert not isinstance(exports.any(2**30), I31)  # a host object
    assert exports.g.value == I31(5)
    with pytest.raises(OverflowError):
        I31(2**30)
    with pytest.raises(TypeError):
        exports.i31(2**30)


def test_kinds_and_identity(exports) -> None:
    point, words, thing = exports.point(1, 2.0), exports.words(1, 2), Thing()
    assert [exports.kind(v) for v in (point, words, 5, thing, None)] == [9, 10, 12, 0, 0]
    assert exports.any(point) is point and exports.eq(words) is words and exports.any(thing) is thing
    assert exports.same(point, point) and not exports.same(point, words) and exports.same(3, 3)
    assert exports.out(point) is point and exports.out(exports.out(words)) is words and exports.out(9) == I31(9)
    assert exports.kind(exports.out(point)) == 9
    assert getattr(exports, "in")(thing) is thing and getattr(exports, "in")(point) is point
    with pytest.raises(TypeError):
        exports.eq(thing)
    with pytest.raises(TypeError):
        exports.x(words)


def test_what_python_holds_stays(exports, store: Store) -> None:
    points = [exports.point(n, 0.0) for n in range(1000)]
    exports.garbage(5000)
    assert [point["x"] for point in points] == list(range(1000))
    del points
    exports.garbage(5000)
    store.collect()
    assert store.heap_used <= 64 << 10


def test_host_objects_are_let_go(exports, store: Store) -> None:
    things = [Thing() for _ in range(100)]
    seen = [weakref.ref(thing) for thing in things]
    exports.g.value = things[0]
    exports.t[1] = things[1]
    for thing in things:
        assert exports.two(thing, None) == (None, thing)
    del things, thing
    store.collect()
    assert [ref() is not None for ref in seen].count(True) == 2
    exports.g.value = None
    store.collect()
    assert [ref() is not None for ref in seen] == [False, True, *[False] * 98]


def test_many_host_objects_take_no_more_than_the_limit() -> None:
    store = Store(limits=bembix.Limits(heap=1 << 20))
    exports = bembix.Module(OBJECTS).instantiate(store=store).exports
    for _ in range(60_000):
        exports.out(1.5)
    assert store.inst.heap.native.collections


def test_a_cycle_through_the_heap_is_found_by_python(store: Store) -> None:
    exports = bembix.Module(OBJECTS).instantiate(store=bembix.Store()).exports
    thing = Thing()
    thing.exports = exports
    exports.t[0] = thing
    seen = weakref.ref(thing)
    del thing, exports
    gc.collect()
    assert seen() is None


def test_objects_made_before_their_store() -> None:
    thing = Thing()
    variable = bembix.Global("anyref", thing, mutable=True)
    table = bembix.Table(2, element="externref", init=thing)
    source = """(module (import "" "g" (global $g (mut anyref))) (import "" "t" (table $t 2 externref))
      (type $a (array (mut i64)))
      (func (export "g") (result anyref) (global.get $g))
      (func (export "t") (result externref) (table.get (i32.const 1)))
      (func (export "garbage") (drop (array.new_default $a (i32.const 2000000)))))"""
    exports = bembix.Module(source).instantiate({"": {"g": variable, "t": table}}).exports
    for _ in range(5):
        exports.garbage()
        variable.store.collect()
    assert exports.g() is thing and exports.t() is thing and variable.value is thing


def test_objects_do_not_leave_their_store(exports) -> None:
    other = bembix.Module(OBJECTS).instantiate().exports
    with pytest.raises(ValueError, match="another store"):
        other.any(exports.point(1, 2.0))


def test_a_wrapper_outlives_all_else() -> None:
    point = bembix.Module(OBJECTS).instantiate().exports.point(8, 1.0)
    gc.collect()
    assert point["x"] == 8 and point.store.heap_used


def test_constants() -> None:
    source = """(module (type $p (struct (field i32) (field i8))) (type $a (array (ref null $p)))
      (global $p (ref $p) (struct.new $p (i32.const 5) (i32.const 0x1ff)))
      (global (export "a") (ref $a) (array.new_fixed $a 2 (global.get $p) (struct.new_default $p)))
      (global (export "n") (ref $a) (array.new $a (global.get $p) (i32.const 3)))
      (global (export "e") externref (extern.convert_any (ref.i31 (i32.const -3))))
      (table (export "t") 2 anyref (struct.new $p (i32.const 6) (i32.const 6)))
      (elem $e anyref (item (struct.new_default $p)) (item (ref.i31 (i32.const 1))))
      (func (export "init") (table.init $e (i32.const 0) (i32.const 0) (i32.const 2))))"""
    exports = bembix.Module(source).instantiate().exports
    exports.t.store.collect()
    assert [list(p) for p in exports.a.value] == [[5, 255], [0, 0]]
    assert len({id(p) for p in exports.n.value}) == 1 and exports.e.value == -3
    assert [list(p) for p in exports.t] == [[6, 6], [6, 6]]
    exports.init()
    assert list(exports.t[0]) == [0, 0] and exports.t[1] == 1


def test_a_constant_that_is_too_large() -> None:
    source = """(module (type $a (array i64))
      (global (export "a") (ref $a) (array.new_default $a (i32.const -1))))"""
    with pytest.raises(bembix.ResourceError, match="heap"):
        bembix.Module(source).instantiate()


def test_collections_see_the_stack_below_host_calls() -> None:
    source = """(module (import "" "host" (func $host (param anyref))) (type $p (struct (field i32)))
      (type $a (array (mut i64)))
      (func (export "outer") (param i32) (result i32) (local $p (ref $p))
        (local.set $p (struct.new $p (local.get 0)))
        (call $host (struct.new $p (i32.const 1)))
        (struct.get $p 0 (local.get $p)))
      (func (export "inner") (drop (array.new_default $a (i32.const 400000)))))"""
    store = Store(limits=bembix.Limits(heap=16 << 20))

    def host(value: StructRef) -> None:
        for _ in range(10):
            exports.inner()
            store.collect()
        assert list(value) == [1]

    exports = bembix.Module(source).instantiate({"": {"host": host}}, store=store).exports
    assert exports.outer(77) == 77


def test_collections_see_the_stacks_of_other_threads() -> None:
    source = """(module (import "" "wait" (func $wait)) (type $p (struct (field i32))) (type $a (array (mut i64)))
      (func (export "outer") (param i32) (result i32) (local $p (ref $p))
        (local.set $p (struct.new $p (local.get 0)))
        (call $wait)
        (struct.get $p 0 (local.get $p)))
      (func (export "inner") (drop (array.new_default $a (i32.const 400000)))))"""
    store, inside, go = Store(limits=bembix.Limits(heap=16 << 20)), threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        go.wait(20)

    exports = bembix.Module(source).instantiate({"": {"wait": wait}}, store=store).exports
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(exports.outer(88)))
    thread.start()
    inside.wait(20)
    for _ in range(10):
        exports.inner()
        store.collect()
    go.set()
    thread.join()
    assert found == [88]


def test_exceptions_with_objects(exports, store: Store) -> None:
    source = """(module (import "" "host" (func $host)) (tag $e (export "e") (param anyref exnref))
      (type $p (struct (field i32)))
      (func (export "throw") (param i32) (throw $e (struct.new $p (local.get 0)) (ref.null exn)))
      (func (export "catch") (result anyref exnref exnref)
        (block $l (result anyref exnref exnref) (try_table (catch_ref $e $l) (call $host)) unreachable)))"""

    def host() -> None:
        store.collect()
        raise bembix.WasmException(made.exports.e, (things, None))

    things = exports.list(3)
    made = bembix.Module(source).instantiate({"": {"host": host}}, store=store)
    with pytest.raises(bembix.WasmException) as caught:
        made.exports.throw(6)
    store.collect()
    assert list(caught.value.payload[0]) == [6]
    value, nothing, exception = made.exports.catch()
    assert value is things and nothing is None and isinstance(exception, bembix.ExnRef)
