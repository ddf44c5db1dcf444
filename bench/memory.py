"""Measure what it costs to reach a memory from Python, against the same on a `bytearray`, interleaved.

A row has the medians of CPU time for one statement, in nanoseconds, and their ratio; `m` is the memory or the
bytearray.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from statistics import median
from timeit import Timer

from engines import optional
from tables import render

SIZE = 1024  # bytes of a block

# title: (statement on a memory, statement on a bytearray)
CASES: dict[str, tuple[str, str]] = {
    "m[a:b]": ("m[a:b]", "m[a:b]"),
    "bytes(m[a:b])": ("bytes(m[a:b])", "bytes(m[a:b])"),
    "m.read(a, n)": ("m.read(a, n)", "m[a:b]"),
    "m[a:b] = bytes": ("m[a:b] = data", "m[a:b] = data"),
    "m[a:b] = bytearray": ("m[a:b] = array", "m[a:b] = array"),
    "m.write(a, bytes)": ("m.write(a, data)", "m[a:b] = data"),
    "m[a]": ("m[a]", "m[a]"),
    "m[a] = 7": ("m[a] = 7", "m[a] = 7"),
    "len(m)": ("len(m)", "len(m)"),
    "memoryview(m)": ("memoryview(m)", "memoryview(m)"),
    "unpack_from": ("unpack(m, a)", "unpack(m, a)"),
}
SETUP = """
from struct import Struct
unpack, a, b, n = Struct("<I").unpack_from, 4096, 4096 + size, size
data, array = bytes(range(256)) * (size // 256), bytearray(size)
"""


def measure(case: tuple[str, str], rounds: int, count: int) -> tuple[float, float]:
    """Return the medians for the memory and the bytearray, in ns."""
    memory = optional("bembix").Memory(1)
    timers = [
        Timer(statement, SETUP, timer=time.process_time, globals={"m": m, "size": SIZE})
        for statement, m in zip(case, (memory, bytearray(len(memory))), strict=True)
    ]
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for timer, taken in zip(timers, times, strict=True):
            taken.append(timer.timeit(count) / count * 1e9)
    return median(times[0]), median(times[1])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=100_000, help="statements in one measurement")
    parser.add_argument("--json", action="store_true", help="print nanoseconds as JSON")
    options = parser.parse_args(arguments)
    table = {title: measure(case, options.rounds, options.count) for title, case in CASES.items()}
    if options.json:
        print(json.dumps(table, indent=2))
    else:
        rows = [
            [title, f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}"] for title, (ours, theirs) in table.items()
        ]
        print(render(["ns", "memory", "bytearray", "ratio"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
