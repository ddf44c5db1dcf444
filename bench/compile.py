"""What it costs to compile the functions of a module, in microseconds of CPU time for each instruction, by step.

Reading and checking alone (`validate`); with the stencil engine's code; and with putting it into memory. LLVM's cheap
code with --llvm, for a part of the functions. The steps take turns; each figure is the median of the rounds.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from tables import render

from bembix.binary.decode import decode
from bembix.compile.stencil.tier import StencilModule
from bembix.runtime.engine import feature_set
from bembix.spec.instructions import BY_CODE
from bembix.validate.dispatch import make_walker
from bembix.validate.module import check_module


class Counter:
    """A sink that counts instructions."""

    def __init__(self) -> None:
        self.count = 0
        self.operations = dict.fromkeys(BY_CODE, self._count)

    def _count(self, *_: object) -> None:
        self.count += 1

    def begin(self, *_: object) -> None:
        """Count the function's own end."""
        self.count += 1

    def finish(self, live: bool) -> None:
        """Nothing."""


def measure(path: Path, functions: int, rounds: int, with_llvm: bool) -> list[str]:
    """Return a row of the table."""
    definition = decode(path.read_bytes())
    context = check_module(definition, feature_set(None))
    chosen = random.Random(1).sample(range(len(definition.code)), min(functions, len(definition.code)))
    counter = Counter()
    walker = make_walker(context, counter)
    for index in chosen:
        walker.walk(context.imported_functions + index, definition.code[index])

    sizes = [0]

    def validate() -> None:
        walker = make_walker(context)
        for index in chosen:
            walker.walk(context.imported_functions + index, definition.code[index])

    def write() -> None:
        sink = StencilModule(definition, context)._sink()
        sizes[0] = 0
        for index in chosen:
            sink.walker.walk(context.imported_functions + index, definition.code[index])
            sizes[0] += len(sink.code)

    def load() -> None:
        module = StencilModule(definition, context)
        for index in chosen:
            module.code(index)

    steps: dict[str, Callable[[], None]] = {"validate": validate, "write": write, "load": load}
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            start = time.process_time()
            step()
            taken[name].append(time.process_time() - start)
    each = [f"{median(taken[name]) / counter.count * 1e6:.2f}" for name in steps]
    row = [path.name, str(counter.count), *each, f"{sizes[0] / counter.count:.1f}"]
    if with_llvm:
        row.append(llvm(definition, context, chosen[: len(chosen) // 10]))
    return row


def llvm(definition: object, context: object, chosen: Sequence[int]) -> str:
    """Return the cost of LLVM's cheap code."""
    from bembix.compile.llvm.tier import LlvmModule

    counter = Counter()
    walker = make_walker(context, counter)  # type: ignore[arg-type]
    module = LlvmModule(definition, context, optimize=False, exact_traps=False)  # type: ignore[arg-type]
    for index in chosen:
        walker.walk(context.imported_functions + index, definition.code[index])  # type: ignore[attr-defined]
    start = time.process_time()
    for index in chosen:
        module.code(index)
    return f"{(time.process_time() - start) / counter.count * 1e6:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--functions", type=int, default=1500, help="how many of each module, chosen at random")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--llvm", action="store_true")
    options = parser.parse_args(arguments)
    rows = [measure(path, options.functions, options.rounds, options.llvm) for path in options.modules]
    head = ["module", "instructions", "validate", "+ write", "+ load", "bytes", *(["llvm"] if options.llvm else [])]
    print(render(head, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
