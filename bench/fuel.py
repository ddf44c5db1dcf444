"""What fuel costs: the same kernels with and without, on each engine, interleaved; ratios of medians of CPU time."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from statistics import geometric_mean, median

from engines import Kernel, Number, Run, Unavailable, kernels, optional
from tables import render

FUEL = 2**62
#: What loads a kernel twice: without fuel and with.
Pair = Callable[[Kernel], tuple[Run, Run]]


def open_bembix(engine: str) -> Pair:
    bembix = optional("bembix")

    def load(kernel: Kernel) -> tuple[Run, Run]:
        module = bembix.Module.from_file(kernel.wasm(False), optimize=True, engine=engine)
        stores = bembix.Store(), bembix.Store(limits=bembix.Limits(fuel=FUEL))
        plain, metered = (module.instantiate(store=store).exports["run"] for store in stores)
        return plain, metered

    return load


def open_wasmtime() -> Pair:
    wasmtime = optional("wasmtime")

    def one(kernel: Kernel, metered: bool) -> Run:
        config = wasmtime.Config()
        config.consume_fuel = metered
        engine = wasmtime.Engine(config)
        store = wasmtime.Store(engine)
        if metered:
            store.set_fuel(FUEL)
        module = wasmtime.Module.from_file(engine, str(kernel.wasm(False)))
        function = wasmtime.Instance(store, module, []).exports(store)["run"]

        def run(n: int) -> Number:
            result: Number = function(store, n)
            return result

        return run

    return lambda kernel: (one(kernel, False), one(kernel, True))


ENGINES: dict[str, Callable[[], Pair]] = {
    "llvm": lambda: open_bembix("llvm"),
    "stencil": lambda: open_bembix("stencil"),
    "wasmtime": open_wasmtime,
}


def ratio(pair: tuple[Run, Run], kernel: Kernel, rounds: int) -> float:
    """Return the time with fuel over that without."""
    times: tuple[list[float], list[float]] = ([], [])
    if len({run(kernel.n) for run in pair}) > 1:
        raise SystemExit(f"{kernel.name}: fuel changes the result")
    for _ in range(rounds):
        for run, taken in zip(pair, times, strict=True):
            start = time.process_time()
            run(kernel.n)
            taken.append(time.process_time() - start)
    return median(times[1]) / median(times[0])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernels", help="names, separated by commas (default: all)")
    parser.add_argument(
        "--engines", default=",".join(ENGINES), help="names, separated by commas (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    known, loaders = kernels(), dict[str, Pair]()
    for name in options.engines.split(","):
        try:
            loaders[name] = ENGINES[name]()
        except Unavailable as reason:
            print(f"left out: {reason}", file=sys.stderr)
    rows, found = [], {name: list[float]() for name in loaders}
    for kernel in options.kernels.split(",") if options.kernels else known:
        for name, load in loaders.items():
            found[name].append(ratio(load(known[kernel]), known[kernel], options.rounds))
        rows.append([kernel, *(f"{found[name][-1]:.2f}" for name in loaders)])
    rows.append(["geometric mean", *(f"{geometric_mean(values):.2f}" for values in found.values())])
    print(render(["kernel", *loaders], rows))


if __name__ == "__main__":
    main()
