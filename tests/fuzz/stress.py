"""Scenarios that would show a leak or use up the stack; `test_stress.py` runs each in a process of its own.

python tests/fuzz/stress.py traps O2
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines import CHEAP, OPTIMIZED, STENCIL, policy

import bembix

LEVELS = {level.name: level for level in (STENCIL, CHEAP, OPTIMIZED)}
TIMES = 100_000
#: Calls before anything is measured: caches fill, allocators take what they keep.
WARM_UP = 5_000
TAIL_CALLS = 10_000_000

TRAPS = """(module
  (import "host" "raise" (func $raise (param i32)))
  (memory 1)
  (func (export "bounds") (param i32) (result i32) (i32.load (i32.const 65536)))
  (func (export "divide") (param i32) (result i32) (i32.div_s (local.get 0) (i32.const 0)))
  (func (export "unreachable") (param i32) unreachable)
  (func (export "raise") (param i32) (call $raise (local.get 0)))
  (func $recurse (export "exhaust") (param i32) (result i32) (i32.add (call $recurse (local.get 0)) (i32.const 1)))
  (func (export "fine") (param i32) (result i32) (i32.load (local.get 0)))
)"""

INSTANCE = """(module
  (type $add (func (param i32) (result i32)))
  (memory (export "memory") 1 10)
  (table (export "table") 4 funcref)
  (global (export "global") (mut i32) (i32.const {number}))
  (elem (i32.const 0) $add)
  (data (i32.const 8) "data")
  (func $add (export "add") (param i32) (result i32)
    (i32.add (local.get 0) (i32.add (global.get 0) (i32.const {number}))))
  (func (export "run") (param i32) (result i32)
    (i32.store (i32.const 0) (call_indirect (type $add) (local.get 0) (i32.const 0)))
    (drop (memory.grow (i32.const 1)))
    (i32.load (i32.const 0)))
)"""

_MANY = " ".join(["i64"] * 13 + ["f64"] * 10)
_PASSED = " ".join([*(f"(i64.const {k})" for k in range(12)), *(f"(f64.const {k})" for k in range(10))])

TAILS = f"""(module
  (type $one (func (param i64) (result i64)))
  (type $many (func (param {_MANY}) (result i64)))
  (import "other" "many" (func $other (type $many)))
  (import "other" "table" (table $shared 4 funcref))
  (table $own funcref (elem $indirect $many_indirect))
  (elem (table $shared) (i32.const 0) func $across)
  (func $direct (export "direct") (type $one)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 7))))
    (return_call $odd (i64.sub (local.get 0) (i64.const 1))))
  (func $odd (type $one)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 8))))
    (return_call $direct (i64.sub (local.get 0) (i64.const 1))))
  (func $indirect (export "indirect") (type $one)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 7))))
    (return_call_indirect $own (type $one) (i64.sub (local.get 0) (i64.const 1)) (i32.const 0)))
  (func $few (export "few_and_many") (type $one)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 7))))
    (return_call $many (i64.sub (local.get 0) (i64.const 1)) {_PASSED}))
  (func $many (type $many)
    (if (i64.ne (i64.add (local.get 12) (i64.trunc_f64_s (local.get 22))) (i64.const 20)) (then unreachable))
    (return_call $few (local.get 0)))
  (func (export "few_and_many_indirect") (type $one)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 7))))
    (return_call_indirect $own (type $many) (local.get 0) {_PASSED} (i32.const 1)))
  (func $many_indirect (type $many)
    (if (i64.ne (i64.add (local.get 12) (i64.trunc_f64_s (local.get 22))) (i64.const 20)) (then unreachable))
    (if (i64.eqz (local.get 0)) (then (return (i64.const 7))))
    (return_call_indirect $own (type $many) (i64.sub (local.get 0) (i64.const 1)) {_PASSED} (i32.const 1)))
  (func $reference (export "reference") (type $one)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 7))))
    (return_call_ref $one (i64.sub (local.get 0) (i64.const 1)) (ref.func $reference)))
  (func $across (export "across") (type $one)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 7))))
    (return_call $other (i64.sub (local.get 0) (i64.const 1)) {_PASSED}))
)"""

#: The other side of "across"; `{more}` may make it look for exceptions where the first does not.
OTHER = f"""(module
  (type $one (func (param i64) (result i64)))
  (type $many (func (param {_MANY}) (result i64)))
  (table $shared (export "table") 4 funcref)
  {{more}}
  (func (export "many") (type $many)
    (if (i64.ne (i64.add (local.get 12) (i64.trunc_f64_s (local.get 22))) (i64.const 20)) (then unreachable))
    (return_call_indirect $shared (type $one) (local.get 0) (i32.const 0)))
)"""


def resident() -> int:
    """Return the resident set of this process, in KiB."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def mappings() -> int:
    """Return how many mappings this process has."""
    return len(Path("/proc/self/maps").read_text().splitlines())


def _attempt(call: Callable[[int], object], times: int) -> int:
    """Call something that always fails; return how often it did."""
    failed = 0
    for number in range(times):
        try:
            call(number)
        except (bembix.BembixError, KeyError):
            failed += 1
    return failed


def _grown(action: Callable[[], object]) -> dict[str, int]:
    before = resident(), mappings()
    action()
    after = resident(), mappings()
    return {"KiB": after[0] - before[0], "mappings": after[1] - before[1]}


def _raise(number: int) -> None:
    raise KeyError(number)


def traps(optimize: bool) -> dict[str, Any]:
    """Fail in every way, very often."""
    exports = bembix.Module(TRAPS, optimize=optimize).instantiate({"host": {"raise": _raise}}).exports
    found: dict[str, Any] = {}
    for name, times in (*((name, TIMES) for name in ("bounds", "divide", "unreachable", "raise")), ("exhaust", 1000)):
        warm_up = min(WARM_UP, times // 10)
        failed = _attempt(exports[name], warm_up)
        grown = _grown(lambda name=name, times=times: _attempt(exports[name], times))  # type: ignore[misc]
        found[name] = {"failed": failed == warm_up and _attempt(exports[name], 10) == 10, **grown}
        assert exports["fine"](0) == 0
    return found


def instances(optimize: bool) -> dict[str, Any]:
    """Make modules and instances, use them, and forget them."""

    def work(first: int, count: int) -> None:
        for number in range(first, first + count):
            instance = bembix.Module(INSTANCE.replace("{number}", str(number)), optimize=optimize).instantiate()
            assert instance.exports["run"](5) == 5 + 2 * number
            assert instance.exports["memory"].pages == 2

    work(0, 200)
    return _grown(lambda: work(200, 1000))


def tails(optimize: bool) -> dict[str, Any]:
    """Call in place of the caller, far more often than any stack is deep."""
    other = bembix.Module(OTHER.replace("{more}", ""), optimize=optimize).instantiate()
    exports = bembix.Module(TAILS, optimize=optimize).instantiate({"other": other}).exports
    return {name: exports[name](TAIL_CALLS) for name in exports}


def tails_across_exceptions(optimize: bool) -> dict[str, Any]:
    """The same between a module that looks for exceptions and one that does not."""
    other = bembix.Module(OTHER.replace("{more}", "(tag)"), optimize=optimize).instantiate()
    exports = bembix.Module(TAILS, optimize=optimize).instantiate({"other": other}).exports
    try:
        return {"across": exports["across"](TAIL_CALLS)}
    except bembix.StackExhausted as error:
        return {"across": str(error)}


SCENARIOS: dict[str, Callable[[bool], dict[str, Any]]] = {
    made.__name__: made for made in (traps, instances, tails, tails_across_exceptions)
}

if __name__ == "__main__":
    chosen = LEVELS[sys.argv[2]]
    with policy(chosen):
        os.environ["BEMBIX_ENGINE"] = chosen.engine
        print(json.dumps(SCENARIOS[sys.argv[1]](chosen.optimize)))
