"""Measure how much faster four threads with an instance each are than the same calls one after the other.

Each round makes the calls one after the other, then in threads; a figure is the best ratio of wall-clock times of all
rounds, since whatever else runs on the machine can only make threads slower.  `pbkdf2` is a C function of Python's that
releases the GIL: what is possible at most.  The second figure is the processor time of the threads by their wall-clock
time: how many processors they used.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from engines import optional
from tables import render

WAT = """
(module
  (import "env" "f" (func $f (param i32)))
  (func $kernel (export "kernel") (param $rounds i32) (result i32)
    (local $value i32)
    loop $again
      local.get $value  i32.const 1664525  i32.mul  i32.const 1013904223  i32.add  local.set $value
      local.get $value  i32.const 13  i32.shr_u  local.get $value  i32.xor  local.set $value
      local.get $rounds  i32.const 1  i32.sub  local.tee $rounds
      br_if $again
    end
    local.get $value)
  (func (export "with_host") (param $calls i32) (param $rounds i32)
    loop $again
      local.get $rounds  call $kernel  call $f
      local.get $calls  i32.const 1  i32.sub  local.tee $calls
      br_if $again
    end))
"""

# title: (export, arguments, how many calls one thread makes)
CASES: dict[str, tuple[str, tuple[int, ...], int]] = {
    "pbkdf2": ("pbkdf2", (400_000,), 1),
    "one call": ("kernel", (200_000_000,), 1),
    "calls of 1 ms": ("kernel", (500_000,), 300),
    "calls of 100 us": ("kernel", (50_000,), 3000),
    "host calls each 1 ms": ("with_host", (300, 500_000), 1),
    "host calls each 100 us": ("with_host", (3000, 50_000), 1),
}
THREADS = 4


def work(function: Callable[..., object], arguments: tuple[int, ...], calls: int) -> None:
    """What one thread does."""
    for _ in range(calls):
        function(*arguments)


def open_functions(export: str) -> list[Callable[..., object]]:
    """Return one function a thread."""
    if export == "pbkdf2":
        return [lambda rounds: hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)] * THREADS
    module = optional("bembix").Module(WAT, optimize=True)
    return [module.instantiate({"env": {"f": lambda value: None}}).exports[export] for _ in range(THREADS)]


def measure(case: tuple[str, tuple[int, ...], int], pool: ThreadPoolExecutor, scale: float) -> tuple[float, float]:
    """Return how many times faster threads are, and how many processors they used."""
    export, arguments, calls = case
    if calls == 1:
        arguments = (round(arguments[0] * scale), *arguments[1:])
    else:
        calls = round(calls * scale)
    functions = open_functions(export)
    for function in functions:
        function(*(1 for _ in arguments))
    start = time.perf_counter()
    for function in functions:
        work(function, arguments, calls)
    between, cpu = time.perf_counter(), time.process_time()
    for done in [pool.submit(work, function, arguments, calls) for function in functions]:
        done.result()
    taken = time.perf_counter() - between
    return (between - start) / taken, (time.process_time() - cpu) / taken


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="how much each thread does")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found: dict[str, list[tuple[float, float]]] = {title: [] for title in CASES}
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(options.rounds):
            for title, case in CASES.items():
                found[title].append(measure(case, pool, options.scale))
    table = {title: max(figures) for title, figures in found.items()}
    if options.json:
        print(json.dumps(table, indent=2))
    else:
        rows = [[title, f"{ratio:.2f}", f"{used:.2f}"] for title, (ratio, used) in table.items()]
        print(render([f"{THREADS} threads, {os.cpu_count()} CPUs", "times as fast", "CPUs used"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
