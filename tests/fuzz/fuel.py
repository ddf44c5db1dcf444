"""Generated programs with fuel: every engine uses up the same, and stops at the same point where there is too little.

python tests/fuzz/fuel.py 0 200    # the programs of 200 seeds
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

from engines import CHEAP, OPTIMIZED, REPLACED, STENCIL, BembixRunner, Event, Level, difference, policy, run
from generator import Program, seeded

import bembix
from bembix.spec.types import FuncType

MUCH = 10**6


class MeteredRunner(BembixRunner):
    """Runs a program with some fuel; what is left is seen wherever the host comes by.

    rations: how much there is for each call, one after the other.
    """

    def __init__(self, level: Level, rations: Iterator[int]) -> None:
        super().__init__(level)
        self.store = bembix.Store(limits=bembix.Limits(fuel=MUCH, memory=None))
        self.rations = rations
        function = self.host.function

        def watched(name: str, functype: FuncType) -> Callable[..., object]:
            inner = function(name, functype)

            def call(*arguments: object) -> object:
                self.host.log.append(("fuel", self.store.fuel))
                return inner(*arguments)

            return call

        self.host.function = watched  # type: ignore[method-assign]

    def instantiate(self, name: str, binary: bytes, program: Program) -> None:
        """Make an instance."""
        module = bembix.Module(binary, engine=self.level.engine, optimize=self.level.optimize)
        host = {n: self.host.function(n, t) for n, t in program.host.items()}
        self.instances[name] = module.instantiate({"host": host, **self.instances}, store=self.store)

    def refuel(self) -> None:
        """Fill up, in both senses."""
        super().refuel()
        self.store.fuel = next(self.rations)

    def state(self) -> Iterator[tuple[str, object]]:
        """Yield what can be seen of the instances, and what is left."""
        yield "fuel", self.store.fuel
        yield from super().state()

    def ending(self, error: Exception) -> Event:
        """Say how something ended that raised."""
        if isinstance(error, bembix.OutOfFuel):
            return ("out of fuel",)
        return super().ending(error)


def rations(seed: int, least: int) -> Iterator[int]:
    """Yield amounts of fuel: always the same for a seed; `least` is 0 where they are to run out."""
    chosen = random.Random(seed)
    while True:
        yield MUCH if least else chosen.choice((0, 1, 5, 20, 100, 1000))


def check(program: Program, seed: int) -> str | None:
    """Say where levels differ, or None."""
    for least in (MUCH, 0):
        wanted: list[Any] | None = None
        for level in (CHEAP, STENCIL, OPTIMIZED, REPLACED):
            with policy(level):
                found = run(program, MeteredRunner(level, rations(seed, least)))
            wanted = wanted or found
            problem = difference(found, wanted, exact=True)
            if problem is not None:
                return f"{level.name}: {problem}"
    return None


def main(first: int, count: int) -> int:
    """Work on some seeds; return how many are wrong."""
    wrong = 0
    for seed in range(first, first + count):
        found = check(seeded(seed, 40 if seed % 2 else 20), seed)
        if found is not None:
            print(f"seed {seed}: {found}")
            wrong += 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])) > 0)
