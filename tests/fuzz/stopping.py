"""Threads that call, and are stopped, in every way at random: each call must end as it may end, and none must hang.

python tests/fuzz/stopping.py 60 1    # for 60 s, with seed 1
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import bembix
from bembix import Interrupted, Limits, Module, Store, deadline

SOURCE = """(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (import "env" "later" (func $later (param i32) (result i32)))
  (memory (export "memory") 1 100)
  (func (export "spin") (loop $l (br $l)))
  (func (export "host") (loop $l (drop (call $f (i32.const 1))) (br $l)))
  (func (export "fill") (loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 60000)) (br $l)))
  (func (export "once") (param i32) (result i32) (call $f (local.get 0)))
  (func (export "later") (param i32) (result i32) (call $later (local.get 0)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "trap") unreachable)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"""
ENDLESS = ("spin", "host", "fill")
MODULES = [
    Module(SOURCE, engine="llvm"),
    Module(SOURCE, engine="llvm", optimize=True),
    Module(SOURCE, engine="stencil"),
]


class Mine(Exception):
    """What host functions raise."""


def f(x: int) -> int:
    """Return its argument, or raise."""
    if x == 13:
        raise Mine
    return x


async def later(x: int) -> int:
    """The same, some time later."""
    await asyncio.sleep(0.0001 * (x % 5))
    return f(x)


def make(**limits: Any) -> Any:
    """Return the exports of a new instance."""
    module = random.choice(MODULES)
    return module.instantiate({"env": {"f": f, "later": later}}, store=Store(limits=Limits(**limits))).exports


class Wrong(Exception):
    """A call did not end as it may end."""


def expect(call: Callable[[], object], *allowed: type[BaseException], result: object = None) -> None:
    """Make a call that must end with one of these exceptions, or, where there is a result, with that."""
    try:
        given = call()
    except allowed:
        return
    except BaseException as error:
        raise Wrong(f"{type(error).__name__}: {error}, wanted {allowed or result}") from error
    if result is None or given != result:
        raise Wrong(f"{given!r}, wanted {allowed or result}")


class Player:
    """One thread; `shared` are instances that others use and interrupt too."""

    def __init__(self, seed: int, shared: list[Any], end: float) -> None:
        self.random = random.Random(seed)
        self.shared = shared
        self.own = make()
        self.end = end
        self.counts: dict[str, int] = {}
        self.error: BaseException | None = None

    def run(self) -> None:
        """Play until the time is up."""
        moves = [getattr(self, name) for name in dir(self) if name.startswith("do_")]
        try:
            while time.monotonic() < self.end:
                move = self.random.choice(moves)
                self.counts[move.__name__] = self.counts.get(move.__name__, 0) + 1
                move()
        except BaseException as error:
            self.error = error

    def _stopped(self, exports: Any, *more: type[BaseException]) -> None:
        name, seconds = self.random.choice(ENDLESS), self.random.choice((0, 0.0001, 0.001, 0.01))
        way = self.random.randrange(3)
        if way == 0:
            with deadline(seconds):
                expect(exports[name], bembix.Timeout, *more)
        elif way == 1:
            expect(lambda: exports[name].call(timeout=seconds), bembix.Timeout, *more)
        else:
            expect(lambda: exports[name].call(cpu_time=seconds), bembix.CpuTimeout, *more)

    def do_stop_own(self) -> None:
        self._stopped(self.own)

    def do_stop_shared(self) -> None:
        self._stopped(self.random.choice(self.shared), Interrupted)

    def do_add_own(self) -> None:
        for n in range(100):
            expect(lambda n=n: self.own.add(n, n), result=2 * n)  # type: ignore[misc]

    def do_add_shared(self) -> None:
        exports = self.random.choice(self.shared)
        for n in range(100):
            expect(lambda n=n: exports.add(n, n), Interrupted, result=2 * n)  # type: ignore[misc]

    def do_raise(self) -> None:
        expect(lambda: self.own.once(13), Mine)
        expect(lambda: self.own.once(12), result=12)
        expect(self.own.trap, bembix.Trap)

    def do_grow(self) -> None:
        self.own.grow()
        if self.own.memory.pages >= 100:
            self.own = make()

    def do_fuel(self) -> None:
        exports = make(fuel=1000)
        expect(exports.spin, bembix.OutOfFuel)
        if exports.spin.store.fuel != 0:
            raise Wrong(f"{exports.spin.store.fuel} is left")

    def do_limits(self) -> None:
        exports = make(timeout=0.002, cpu_time=0.01, stack="64 KiB")
        expect(exports[self.random.choice(ENDLESS)], bembix.Timeout)
        expect(lambda: exports.add(1, 1), bembix.Timeout, result=2)

    def do_interrupt(self) -> None:
        self.random.choice(self.shared).add.store.interrupt()

    def do_collect(self) -> None:
        gc.collect()

    def do_asyncio(self) -> None:
        asyncio.run(asyncio.wait_for(self._asyncio(), 60))

    async def _asyncio(self) -> None:
        own, shared = self.own, self.random.choice(self.shared)
        await asyncio.gather(*[self._async_call(exports) for exports in (own, own, shared, make())])

    async def _async_call(self, exports: Any) -> None:
        allowed: tuple[type[BaseException], ...] = (Interrupted,) if exports in self.shared else ()
        try:
            if self.random.random() < 0.5:
                async with asyncio.timeout(self.random.choice((0, 0.001, 0.005))):
                    await exports[self.random.choice(ENDLESS)].async_()
                raise Wrong("an endless loop ended")
            n = self.random.randrange(20)
            found = await exports.later.async_(n)
            if n == 13 or found != n:
                raise Wrong(f"{found}, wanted {n}")
        except (TimeoutError, Mine, *allowed):
            return


def play(seconds: float, seed: int, players: int = 4) -> dict[str, int]:
    """Have threads play; return how often each move was made.  Errors: Wrong."""
    random.seed(seed)
    shared, end = [make() for _ in range(3)], time.monotonic() + seconds
    made = [Player(seed + k, shared, end) for k in range(players)]
    threads = [threading.Thread(target=player.run, daemon=True) for player in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 60)
        if thread.is_alive():
            import faulthandler

            faulthandler.dump_traceback(all_threads=True)
            raise Wrong("a thread hangs")
    total: dict[str, int] = {}
    for player in made:
        if player.error is not None:
            raise player.error
        for name, count in player.counts.items():
            total[name] = total.get(name, 0) + count
    return total


if __name__ == "__main__":
    print(play(float(sys.argv[1]), int(sys.argv[2])))
