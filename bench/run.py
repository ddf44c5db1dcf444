"""Run the same kernels on several engines, interleaved, and print CPU times and ratios to native code.

Each engine makes one call to warm up, which also gives the result that all must agree on; then the engines take
turns. A time is the median of the CPU times of the rounds. The exit code is 1 when a result differs or a kernel
fails.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Sequence
from statistics import geometric_mean, median

from engines import ENGINES, Kernel, Loader, Number, Run, Unavailable, kernels
from tables import render

REFERENCE = "native"
Medians = dict[str, float]  # engine -> seconds


def timed(run: Run, n: int) -> tuple[Number, float]:
    start = time.process_time()
    result = run(n)
    return result, time.process_time() - start


def measure(kernel: Kernel, loaders: dict[str, Loader], rounds: int, simd: bool) -> tuple[Medians, list[str]]:
    """Time one kernel on every engine; give the medians and what went wrong."""
    runs: dict[str, Run] = {}
    results: dict[str, Number] = {}
    problems: list[str] = []
    for name, load in loaders.items():
        try:
            runs[name] = load(kernel, simd)
            results[name] = runs[name](kernel.n)
        except Exception as error:  # an engine that fails here loses this cell, not the table
            problems.append(f"{kernel.name}: {name}: {type(error).__name__}: {error}")
            runs.pop(name, None)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            result, seconds = timed(run, kernel.n)
            times[name].append(seconds)
            if result != results[name]:
                problems.append(f"{kernel.name}: {name} first gave {results[name]}, then {result}")
    if len(set(results.values())) > 1:
        problems.append(f"{kernel.name}: results differ: {results}")
    return {name: median(taken) for name, taken in times.items() if taken}, problems


def ratios(medians: Medians) -> Medians:
    """Divide by the reference's time; empty where there is none."""
    reference = medians.get(REFERENCE)
    return {name: taken / reference for name, taken in medians.items()} if reference else {}


def means(table: dict[str, Medians], engines: Sequence[str]) -> Medians:
    """Give each engine's geometric mean over the kernels that every engine ran."""
    complete = [row for row in map(ratios, table.values()) if row.keys() >= set(engines)]
    return {name: geometric_mean([row[name] for row in complete]) for name in engines} if complete else {}


def report(table: dict[str, Medians], engines: Sequence[str]) -> str:
    others = [name for name in engines if name != REFERENCE]
    header = ["kernel", *(f"{name} ms" for name in engines), *(f"{name}/{REFERENCE}" for name in others)]

    def cells(values: Medians, names: Sequence[str], scale: float, form: str) -> list[str]:
        return [format(values[name] * scale, form) if name in values else "-" for name in names]

    rows = [
        [kernel, *cells(medians, engines, 1e3, ".1f"), *cells(ratios(medians), others, 1, ".2f")]
        for kernel, medians in table.items()
    ]
    rows.append(["geometric mean", *[""] * len(engines), *cells(means(table, engines), others, 1, ".2f")])
    return render(header, rows)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kernels", help="names, separated by commas (default: all)")
    parser.add_argument("--engines", help=f"names, separated by commas (default: {','.join(ENGINES)})")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--simd", action="store_true", help="use the builds with SIMD instructions")
    parser.add_argument("--json", action="store_true", help="print seconds and ratios as JSON")
    options = parser.parse_args(arguments)
    for option, known in (("kernels", kernels().keys()), ("engines", ENGINES.keys())):
        names = getattr(options, option).split(",") if getattr(options, option) else list(known)
        if unknown := set(names) - known:
            parser.error(f"--{option}: unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}")
        setattr(options, option, names)
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    loaders: dict[str, Loader] = {}
    for name in options.engines:
        try:
            loaders[name] = ENGINES[name]()
        except Unavailable as reason:
            print(f"left out: {reason}", file=sys.stderr)
    gc.disable()
    known, table, problems = kernels(), dict[str, Medians](), list[str]()
    for name in options.kernels:
        table[name], found = measure(known[name], loaders, options.rounds, options.simd)
        problems += found
        gc.collect()
    engines = list(loaders)
    if options.json:
        rows = {name: {"seconds": medians, "ratios": ratios(medians)} for name, medians in table.items()}
        print(json.dumps({"simd": options.simd, "kernels": rows, "means": means(table, engines)}, indent=2))
    else:
        print(report(table, engines))
    for problem in dict.fromkeys(problems):
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
