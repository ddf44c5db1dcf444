"""Objects under compiled code: what the official scripts do not ask, at both levels of optimisation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import bembix
from bembix.compile.llvm import emit

#: Nodes, each with its number and a check; steps replace some, link them, and look whether others are as they were.
CHURN = """(module
  (type $node (struct (field $id i32) (field $check i64) (field $next (mut (ref null $node)))))
  (type $nodes (array (mut (ref null $node))))
  (type $bytes (array (mut i8)))
  (global $all (mut (ref null $nodes)) (ref.null $nodes))
  (global $seed (mut i32) (i32.const 12345))
  (table $kept 64 (ref null $node))
  (func $random (param $n i32) (result i32)
    (global.set $seed (i32.add (i32.mul (global.get $seed) (i32.const 1103515245)) (i32.const 12345)))
    (i32.rem_u (i32.shr_u (global.get $seed) (i32.const 8)) (local.get $n)))
  (func $make (param $id i32) (param $next (ref null $node)) (result (ref $node))
    (struct.new $node (local.get $id) (i64.mul (i64.extend_i32_u (local.get $id)) (i64.const 77777)) (local.get $next)))
  (func $right (param $p (ref null $node)) (result i32)  ;; whether a node and what it links to are
    (local $depth i32)
    (loop $l
      (if (ref.is_null (local.get $p)) (then (return (i32.const 1))))
      (if (i64.ne (struct.get $node $check (local.get $p))
                  (i64.mul (i64.extend_i32_u (struct.get $node $id (local.get $p))) (i64.const 77777)))
        (then (return (i32.const 0))))
      (local.set $p (struct.get $node $next (local.get $p)))
      (br_if $l (i32.lt_u (local.tee $depth (i32.add (local.get $depth) (i32.const 1))) (i32.const 20))))
    (i32.const 1))
  (func (export "churn") (param $steps i32) (param $seed i32) (result i32)
    (local $i i32) (local $new (ref null $node)) (local $at i32)
    (global.set $seed (local.get $seed))
    (global.set $all (array.new $nodes (ref.null $node) (i32.const 512)))
    (loop $l
      (local.set $at (call $random (i32.const 512)))
      (local.set $new (call $make (local.get $i) (array.get $nodes (global.get $all) (call $random (i32.const 512)))))
      (if (i32.eqz (call $random (i32.const 5)))
        (then (struct.set $node $next (local.get $new) (ref.null $node))))
      (array.set $nodes (global.get $all) (local.get $at) (local.get $new))
      (table.set $kept (call $random (i32.const 64)) (local.get $new))
      (drop (array.new $bytes (i32.const 1) (call $random (i32.const 40000))))
      (if (i32.eqz (call $right (array.get $nodes (global.get $all) (call $random (i32.const 512)))))
        (then (return (i32.const -1))))
      (if (i32.eqz (call $right (table.get $kept (call $random (i32.const 64)))))
        (then (return (i32.const -2))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (local.get $steps))))
    (local.get $i)))"""

#: The only way to an array is the address of the element at hand, while its elements are replaced.
INTERIOR = """(module
  (type $box (struct (field i32)))
  (type $boxes (array (mut (ref null $box))))
  (func (export "run") (param $n i32) (result i32)
    (local $i i32) (local $sum i32) (local $a (ref $boxes))
    (local.set $a (array.new_default $boxes (local.get $n)))
    (loop $l
      (array.set $boxes (local.get $a) (local.get $i) (struct.new $box (local.get $i)))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.set $i (i32.const 0))
    (loop $m
      (local.set $sum (i32.add (local.get $sum)
        (struct.get $box 0 (array.get $boxes (local.get $a) (local.get $i)))))
      (drop (array.new_default $boxes (i32.const 100)))
      (br_if $m (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $sum)))"""

#: Types as deep as the limit allows: the far end of a display.
DEPTH = 63


@pytest.fixture(autouse=True)
def verify() -> Iterator[None]:
    """Have LLVM check cheap code, too."""
    before, emit.verify_all = emit.verify_all, True
    yield
    emit.verify_all = before


@pytest.fixture(params=[False, True], ids=["cheap", "optimised"])
def optimize(request: pytest.FixtureRequest) -> bool:
    """Both levels."""
    return bool(request.param)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_can_be_reached_stays_as_it_is(optimize: bool, seed: int) -> None:
    store = bembix.Store(limits=bembix.Limits(heap=4 << 20))
    instance = bembix.Module(CHURN, optimize=optimize).instantiate(store=store)
    steps = 10_000
    assert instance.exports.churn(steps, seed) == steps
    assert store.inst.heap.native.collections > 20


def test_an_address_inside_an_object_keeps_it(optimize: bool) -> None:
    store = bembix.Store(limits=bembix.Limits(heap=2 << 20))
    instance = bembix.Module(INTERIOR, optimize=optimize).instantiate(store=store)
    assert instance.exports.run(20_000) == sum(range(20_000))
    assert store.inst.heap.native.collections > 5


def test_twenty_million_structs_in_16_mib(optimize: bool) -> None:
    source = """(module (type $s (struct (field i32) (field (ref null $s))))
      (func (export "run") (param $n i32) (result i32) (local $p (ref null $s))
        (loop $l
          (local.set $p (struct.new $s (local.get $n) (ref.null $s)))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (struct.get $s 0 (local.get $p))))"""
    store = bembix.Store(limits=bembix.Limits(heap=16 << 20))
    instance = bembix.Module(source, optimize=optimize).instantiate(store=store)
    assert instance.exports.run(20_000_000) == 1
    assert store.heap_used <= 16 << 20


def test_more_than_the_limit_is_a_trap(optimize: bool) -> None:
    source = """(module (type $s (struct (field (ref null $s))))
      (func (export "list") (param $n i32) (local $p (ref null $s))
        (loop $l
          (local.set $p (struct.new $s (local.get $p)))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
      (type $a (array (mut i64)))
      (func (export "array") (param $n i32) (result i32)
        (array.len (array.new_default $a (local.get $n)))))"""
    store = bembix.Store(limits=bembix.Limits(heap=4 << 20))
    exports = bembix.Module(source, optimize=optimize).instantiate(store=store).exports
    for _ in range(3):
        with pytest.raises(bembix.Trap, match="heap is full") as caught:
            exports.list(1_000_000)
        assert [frame.index for frame in caught.value.backtrace] == [0]
        exports.list(1000)
        with pytest.raises(bembix.Trap, match="heap is full"):
            exports.array(-1)
        assert exports.array(400_000) == 400_000
    store.limits = bembix.Limits(heap=64 << 20)
    exports.list(1_000_000)


def _chain() -> str:
    types = ["(type $t0 (sub (struct)))"]
    types += [f"(type $t{n} (sub $t{n - 1} (struct)))" for n in range(1, DEPTH + 1)]
    tests = "".join(
        f'(func (export "is{n}") (param i32) (result i32) (ref.test (ref $t{n}) (table.get (local.get 0))))'
        for n in range(DEPTH + 1)
    )
    makes = "".join(f"(table.set (i32.const {n}) (struct.new $t{n}))" for n in range(DEPTH + 1))
    return f'(module {" ".join(types)} (table {DEPTH + 1} anyref) (func (export "make") {makes}) {tests})'


def test_casts_to_types_of_any_depth() -> None:
    exports = bembix.Module(_chain()).instantiate().exports
    exports.make()
    for wanted in (0, 1, 6, 7, 8, 9, 40, DEPTH):
        found = [getattr(exports, f"is{wanted}")(given) for given in range(DEPTH + 1)]
        assert found == [int(given >= wanted) for given in range(DEPTH + 1)]


def test_structs_of_many_fields(optimize: bool) -> None:
    fields, count = "(field (mut i64))" * 3000, 3000
    source = f"""(module (type $s (struct {fields}))
      (func (export "f") (param i64) (result i64) (local $p (ref $s))
        (local.set $p (struct.new_default $s))
        (struct.set $s {count - 1} (local.get $p) (local.get 0))
        (i64.add (struct.get $s 0 (local.get $p)) (struct.get $s {count - 1} (local.get $p)))))"""
    exports = bembix.Module(source, optimize=optimize).instantiate().exports
    assert [exports.f(n) for n in range(100)] == list(range(100))


def test_exceptions_are_collected(optimize: bool) -> None:
    source = """(module (tag $e (param i64 externref))
      (func $throw (param i64) (throw $e (local.get 0) (ref.null extern)))
      (func (export "run") (param $n i32) (result i64) (local $sum i64) (local $last exnref)
        (loop $l
          (block $caught (result i64 externref exnref)
            (try_table (catch_ref $e $caught) (call $throw (i64.extend_i32_u (local.get $n))))
            unreachable)
          (local.set $last) drop
          (local.set $sum (i64.add (local.get $sum)))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))"""
    store = bembix.Store(limits=bembix.Limits(heap=12 << 20))
    instance = bembix.Module(source, optimize=optimize).instantiate(store=store)
    assert instance.exports.run(400_000) == sum(range(400_001))
    assert store.inst.heap.native.collections
