"""Run the programs of this folder under Bembix and wasmtime-py, in turns, and print CPU times and their ratio.

Each engine makes a short call to warm up first. A time is the median of five. The exit code is 1 where results differ.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean, median

HERE = Path(__file__).parent
ROUNDS = {"trees": 100, "list": 200, "shapes": 20_000}  # what each program is asked for
TIMES = 5
HEAP = 256 << 20

Run = Callable[[int], int]


def bembix(path: Path) -> Run:
    import bembix

    store = bembix.Store(limits=bembix.Limits(heap=HEAP))
    return bembix.Module.from_file(path, optimize=True).instantiate(store=store).exports.run


def wasmtime(path: Path) -> Run:
    import wasmtime

    config = wasmtime.Config()
    for name in ("wasm_gc", "wasm_function_references", "wasm_reference_types", "wasm_tail_call"):
        setattr(config, name, True)
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    run = wasmtime.Instance(store, wasmtime.Module(engine, path.read_text()), []).exports(store)["run"]
    return lambda rounds: run(store, rounds)


def main() -> int:
    ratios, wrong = [], 0
    print(f"{'':8} {'bembix':>9} {'wasmtime':>9}  ratio")
    for name, rounds in ROUNDS.items():
        runs = [make(HERE / f"{name}.wat") for make in (bembix, wasmtime)]
        times: list[list[float]] = [[], []]
        results = {run(2) for run in runs}
        for _ in range(TIMES):
            for run, taken in zip(runs, times, strict=True):
                start = time.process_time()
                results.add(run(rounds))
                taken.append(time.process_time() - start)
        wrong += len(results) != 2
        ours, theirs = map(median, times)
        ratios.append(ours / theirs)
        print(f"{name:8} {ours * 1e3:7.1f} ms {theirs * 1e3:6.1f} ms  {ratios[-1]:5.2f}")
    print(f"{'mean':8} {'':>20} {geometric_mean(ratios):6.2f}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
