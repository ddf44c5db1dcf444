"""Measure what one call across the boundary between Python and Wasm costs, engines interleaved.

A row's figure is the median CPU time of one statement, in nanoseconds, with the loop around it (see the row
"empty loop"). In the rows of imports Wasm calls a function in a loop, one written in Python and one of Python's in C,
that does next to nothing by itself; the figure is per turn, and the column `python` has the same loop in Python.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from operator import invert
from statistics import median
from timeit import Timer

from engines import Unavailable, optional
from tables import render

Exports = dict[str, Callable[..., object]]
EXPORTS = ("add", "none", "four", "loop", "loop in C", "trap")

TURNS = 1000  # of the loop that calls the import
WAT = """
(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (import "env" "c" (func $c (param i32) (result i32)))
  (func (export "add") (param i32 i32) (result i32)
    local.get 0  local.get 1  i32.add)
  (func (export "none"))
  (func (export "four") (param f64 f64 f64 f64) (result f64)
    local.get 0  local.get 1  f64.add  local.get 2  f64.add  local.get 3  f64.add)
  (func (export "loop") (param $turns i32) (result i32)
    (local $value i32)
    loop $again
      local.get $value  call $f  local.set $value
      local.get $turns  i32.const 1  i32.sub  local.tee $turns
      br_if $again
    end
    local.get $value)
  (func (export "loop in C") (param $turns i32) (result i32)
    (local $value i32)
    loop $again
      local.get $value  call $c  local.set $value
      local.get $turns  i32.const 1  i32.sub  local.tee $turns
      br_if $again
    end
    local.get $value)
  (func (export "trap")
    unreachable))
"""


def increment(value: int) -> int:
    return value + 1


def open_python() -> Exports:
    """The same functions as Python functions: what a call costs at best."""

    def add(a: int, b: int) -> int:
        return a + b

    def none() -> None:
        pass

    def four(a: float, b: float, c: float, d: float) -> float:
        return a + b + c + d

    def loop(turns: int) -> int:
        value = 0
        for _ in range(turns):
            value = increment(value)
        return value

    def loop_in_c(turns: int) -> int:
        value = 0
        for _ in range(turns):
            value = invert(value)
        return value

    def trap() -> None:
        raise RuntimeError("unreachable")

    return {"add": add, "none": none, "four": four, "loop": loop, "loop in C": loop_in_c, "trap": trap}


def open_bembix() -> Exports:
    """Bembix: exports are callables."""
    exports = optional("bembix").Module(WAT).instantiate({"env": {"f": increment, "c": invert}}).exports
    return {name: exports[name] for name in EXPORTS}


def open_wasmtime() -> Exports:
    """wasmtime-py: each call is handed the store."""
    wasmtime = optional("wasmtime")
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, WAT)
    imported = [wasmtime.Func(store, i.type, f) for i, f in zip(module.imports, (increment, invert), strict=True)]
    exports = wasmtime.Instance(store, module, imported).exports(store)
    return {name: partial(exports[name], store) for name in EXPORTS}


ENGINES: dict[str, Callable[[], Exports]] = {"python": open_python, "bembix": open_bembix, "wasmtime": open_wasmtime}

# title: (export, statement, how many calls one statement makes)
CASES: dict[str, tuple[str, str, int]] = {
    "empty loop": ("none", "pass", 1),
    "no argument": ("none", "f()", 1),
    "add(i32, i32)": ("add", "f(20, 22)", 1),
    "4 x f64": ("four", "f(1.0, 2.0, 3.0, 4.0)", 1),
    "import, per call": ("loop", f"f({TURNS})", TURNS),
    "import of a builtin": ("loop in C", f"f({TURNS})", TURNS),
    "trap and catch": ("trap", "try: f()\nexcept Exception: pass", 1),
}


def repetitions(timer: Timer, seconds: float) -> int:
    """Find how many statements take about that long."""
    count = 1
    while (taken := timer.timeit(count)) < seconds / 4:
        count *= 4
    return max(1, round(count * seconds / taken))


def measure(exports: dict[str, Exports], case: tuple[str, str, int], rounds: int, seconds: float) -> dict[str, float]:
    """Give each engine's median, in ns a call."""
    export, statement, calls = case
    timers = {
        name: Timer(statement, timer=time.process_time, globals={"f": functions[export]})
        for name, functions in exports.items()
    }
    counts = {name: repetitions(timer, seconds) for name, timer in timers.items()}
    times: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            times[name].append(timer.timeit(counts[name]) / counts[name] / calls * 1e9)
    return {name: median(taken) for name, taken in times.items()}


def check(functions: Exports) -> None:
    """Call every function once, so that no wrong answer is timed."""
    got = functions["add"](20, 22), functions["four"](1.0, 2.0, 3.0, 4.0), functions["loop"](TURNS), functions["none"]()
    if got != (42, 10.0, TURNS, None):
        raise Unavailable(f"wrong results: {got}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.05, help="how long one measurement takes")
    parser.add_argument("--json", action="store_true", help="print nanoseconds as JSON")
    options = parser.parse_args(arguments)
    exports: dict[str, Exports] = {}
    for name, open_engine in ENGINES.items():
        try:
            functions = open_engine()
            check(functions)
            exports[name] = functions
        except Exception as reason:  # one engine that fails leaves the others' columns
            print(f"left out: {name}: {type(reason).__name__}: {reason}", file=sys.stderr)
    table = {title: measure(exports, case, options.rounds, options.seconds) for title, case in CASES.items()}
    if options.json:
        print(json.dumps(table, indent=2))
    else:
        rows = [[title, *(f"{row[name]:,.0f}" for name in exports)] for title, row in table.items()]
        print(render(["ns a call", *exports], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
