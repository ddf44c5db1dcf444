"""Threads that do everything at once, for a while: `test_thread_stress.py` runs this in a process of its own.

python tests/fuzz/threads.py SECONDS [SEED] [ENGINE]

Each thread makes instances, calls, traps, raises in host functions, throws, grows, is interrupted, drops things and
collects, at random; some instances are shared by all.  Every answer and every exception is checked.  The last line says
how often each was done, what was wrong, and how much memory was there after each tenth.
"""

from __future__ import annotations

import gc
import json
import random
import signal
import sys
import threading
import time
import traceback
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bembix

THREADS = 4
SOURCE = """(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 1 20)
  (table (export "table") 2 funcref) (elem (i32.const 0) $add)
  (type $binary (func (param i32 i32) (result i32)))
  (func $add (export "add") (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func (export "sum") (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (call_indirect (type $binary) (local.get $sum) (local.get $n) (i32.const 0)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "host") (param i32) (result i32) (call $f (local.get 0)))
  (func (export "hosts") (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $f (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "five") (param i32) (result i32 i64 f32 f64 i32)
    (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (i32.const 5))
  (func (export "bounds") (param i32) (result i32) (i32.load (i32.add (local.get 0) (i32.const 0x7000_0000))))
  (func (export "divide") (param i32) (result i32) (i32.div_s (local.get 0) (i32.const 0)))
  (func $deep (export "deep") (param i32) (result i32) (i32.add (call $deep (local.get 0)) (i32.const 1)))
  (func (export "spin") (loop $again (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))) (br $again)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1))))"""

#: Exceptions and objects: such code keeps the GIL.
OBJECTS = """(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (tag $t (export "t") (param i32))
  (type $list (struct (field i32) (field (ref null $list))))
  (func (export "list") (param $n i32) (result i32) (local $head (ref null $list)) (local $sum i32)
    (loop $again
      (local.set $head (struct.new $list (local.get $n) (local.get $head)))
      (if (i32.eqz (i32.rem_u (local.get $n) (i32.const 1000))) (then (drop (call $f (local.get $n)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (struct.get $list 0 (local.get $head))))
      (br_if $next (i32.eqz (ref.is_null (local.tee $head (struct.get $list 1 (local.get $head)))))))
    (local.get $sum))
  (func (export "pass") (param externref) (result externref) (drop (call $f (i32.const 1))) (local.get 0))
  (func (export "throw") (param i32) (throw $t (local.get 0)))
  (func (export "caught") (param i32) (result i32)
    (block $caught (result i32) (try_table (catch $t $caught) (throw $t (call $f (local.get 0)))) unreachable)))"""


class Wanted(Exception):
    """What a host function raises."""


class Worker:
    """One thread.  done: how often each action was done.  wrong: what was not as it should be."""

    def __init__(self, seed: int, modules: dict[str, bembix.Module], shared: dict[str, bembix.Instance]) -> None:
        self.random = random.Random(seed)
        self.modules = modules
        self.shared = shared
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.local = local
        self.own: list[bembix.Instance] = []
        self.actions = [getattr(self, name) for name in dir(self) if name.startswith("do_")]

    def run(self, end: float) -> None:
        """Act until it is time."""
        while time.monotonic() < end and not self.wrong:
            action: Callable[[], None] = self.random.choice(self.actions)
            try:
                action()
            except bembix.Interrupted:  # of a shared instance, by whom else
                self.done["interrupted"] += 1
            except BaseException:
                self.wrong.append(f"{action.__name__}: {traceback.format_exc()}")
            self.done[action.__name__[3:]] += 1

    def check(self, what: str, got: object, wanted: object) -> None:
        """Note a wrong answer."""
        if got != wanted:
            self.wrong.append(f"{what}: {got!r}, not {wanted!r}")

    def exports(self, kind: str = "plain") -> Any:
        """Return the exports of an instance, shared or not."""
        if kind == "plain" and self.own and self.random.random() < 0.6:
            return self.random.choice(self.own).exports
        return self.shared[kind].exports

    def expect(self, kind: type[BaseException], call: Callable[..., object], *arguments: object) -> Any:
        """Return the exception that a call must end with."""
        try:
            call(*arguments)
        except kind as error:
            return error
        self.wrong.append(f"{call} did not raise {kind.__name__}")
        return None

    def do_create(self) -> None:
        if len(self.own) < 5:
            kind = self.random.choice(("plain", "plain", "objects"))
            instance = self.modules[kind].instantiate({"env": {"f": host}})
            if kind == "plain":
                self.own.append(instance)
            else:
                self.check("list", instance.exports["list"](10), 55)

    def do_drop(self) -> None:
        if self.own:
            self.own.pop(self.random.randrange(len(self.own)))

    def do_module(self) -> None:
        if self.random.random() < 0.1:
            number = self.random.randrange(1 << 30)
            source = f'(module (func (export "f") (result i32) (i32.const {number})))'
            self.check("a new module", bembix.Module(source).instantiate().exports["f"](), number)

    def do_call(self) -> None:
        a, b = self.random.randrange(1000), self.random.randrange(1000)
        self.check("add", self.exports().add(a, b), a + b)

    def do_sum(self) -> None:
        n = self.random.choice((1, 10, 10_000, 1_000_000))
        self.check("sum", self.exports().sum(n) & 0xFFFF_FFFF, n * (n + 1) // 2 & 0xFFFF_FFFF)

    def do_host(self) -> None:
        n = self.random.randrange(1, 500)
        self.check("hosts", self.exports().hosts(n), n * (n + 1) // 2)

    def do_nest(self) -> None:
        exports = self.exports()
        self.local.act = lambda value: exports.add(value, 1)
        try:
            self.check("nested", exports.host(7), 8)
        finally:
            self.local.act = None

    def do_five(self) -> None:
        self.check("five", self.exports().five(self.random.randrange(1, 1000)), (1, 2, 3.0, 4.0, 5))

    def do_trap(self) -> None:
        exports, name = self.exports(), self.random.choice(("bounds", "divide"))
        wanted = {"bounds": "out of bounds memory access", "divide": "integer divide by zero"}[name]
        error = self.expect(bembix.Trap, exports[name], self.random.randrange(1 << 20))
        if error is not None:
            self.check(name, error.message, wanted)
            if self.random.random() < 0.02:
                self.check("frames", [frame.function for frame in error.backtrace], [name])

    def do_exhaust(self) -> None:
        if self.random.random() < 0.1:
            self.expect(bembix.StackExhausted, self.exports().deep, 1)

    def do_raise(self) -> None:
        error = Wanted(self.random.random())

        def act(value: int) -> int:
            raise error

        self.local.act = act
        try:
            found = self.expect(Wanted, self.exports().host, 1)
        finally:
            self.local.act = None
        self.check("raised", found is error, True)
        error.__traceback__ = None

    def do_grow(self) -> None:
        exports = self.exports()
        before = exports.grow()
        if not -1 <= before < 20:
            self.wrong.append(f"grow: {before}")
        if before > 0:
            view = memoryview(exports.memory)
            self.check("page", bytes(view[before * 65536 : before * 65536 + 4]), b"\0\0\0\0")

    def do_timeout(self) -> None:
        if self.random.random() < 0.3:
            instance = self.modules["plain"].instantiate({"env": {"f": host}})
            with bembix.deadline(self.random.random() * 0.01):
                self.expect(bembix.Timeout, instance.exports.spin)
            self.check("after a timeout", instance.exports.add(1, 2), 3)

    def do_interrupt(self) -> None:
        if self.random.random() < 0.02:
            self.shared["plain"].interrupt()

    def do_collect(self) -> None:
        if self.random.random() < 0.1:
            gc.collect()

    def do_objects(self) -> None:
        n = self.random.choice((10, 2000, 20_000, 300_000))
        self.check("list", self.exports("objects")["list"](n) & 0xFFFF_FFFF, n * (n + 1) // 2 & 0xFFFF_FFFF)

    def do_references(self) -> None:
        thing = Wanted()
        self.check("externref", self.exports("objects")["pass"](thing) is thing, True)
        gone = weakref.ref(thing)
        del thing
        self.done["alive"] += gone() is not None

    def do_throw(self) -> None:
        number = self.random.randrange(1000)
        error = self.expect(bembix.WasmException, self.exports("objects")["throw"], number)
        if error is not None:
            self.check("payload", error.payload, (number,))
        self.check("caught", self.exports("objects")["caught"](number), number)


local = threading.local()


def host(value: int) -> int:
    """Do what this thread wants done."""
    act: Callable[[int], int] | None = getattr(local, "act", None)
    return value if act is None else act(value)


def resident() -> int:
    """Return the resident set of this process, in KiB."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def round_(workers: list[Worker], seconds: float) -> int:
    """Let all work for a while in threads of their own; return how much memory is used afterwards."""
    end = time.monotonic() + seconds
    threads = [threading.Thread(target=worker.run, args=(end,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        worker.own.clear()
    for instance in workers[0].shared.values():
        instance.store.collect()
    return resident()


def main(seconds: float, seed: int, engine: str) -> int:
    options: dict[str, Any] = {"engine": engine}
    modules = {"plain": bembix.Module(SOURCE, **options), "objects": bembix.Module(OBJECTS, **options)}
    shared = {kind: module.instantiate({"env": {"f": host}}) for kind, module in modules.items()}
    workers = [Worker(seed + number, modules, shared) for number in range(THREADS)]
    ticks = []
    signal.signal(signal.SIGALRM, lambda *_: ticks.append(None) if len(ticks) < 1000 else None)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    sizes = [round_(workers, seconds / 10) for _ in range(10)]
    signal.setitimer(signal.ITIMER_REAL, 0)
    done: Counter[str] = sum((worker.done for worker in workers), Counter())
    wrong = [text for worker in workers for text in worker.wrong]
    print(json.dumps({"done": done, "wrong": wrong, "KiB": sizes, "signals": len(ticks)}))
    return bool(wrong)


if __name__ == "__main__":
    given = [*sys.argv[1:], *["10", "1", "llvm"][len(sys.argv) - 1 :]]
    sys.exit(main(float(given[0]), int(given[1]), given[2]))
