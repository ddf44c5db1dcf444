"""Stopping Wasm from outside: `interrupt` from any thread, CPU time, limits of each call."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import bembix
from bembix import CpuTimeout, Interrupted, Limits, Module, StackExhausted, Store, Timeout, deadline
from bembix.native import interrupts
from bembix.program import execute
from bembix.wasi import Wasi

SOURCE = """(module $demo
  (import "env" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "spin") (loop $l (br $l)))
  (func (export "host") (loop $l (drop (call $f (i32.const 1))) (br $l)))
  (func (export "once") (result i32) (call $f (i32.const 1)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0))
      (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))))
  (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))"""

POLL = """(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i64.store (i32.const 24) (i64.const 60000000000)) (i32.store (i32.const 16) (i32.const 1))
    (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))))"""
READ = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 10))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 50)))))"""
POLL_READ = """(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store8 (i32.const 8) (i32.const 1))
    (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))))"""
WAIT = """(module
  (memory (export "memory") 1 1 shared)
  (func (export "_start") (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))"""


def sleepy(_: int) -> int:
    time.sleep(0.001)  # others run meanwhile
    return 0


@pytest.fixture(scope="module", params=["stencil", "cheap", "optimized"])
def module(request: pytest.FixtureRequest) -> Module:
    engine = "stencil" if request.param == "stencil" else "llvm"
    return Module(SOURCE, engine=engine, optimize=request.param == "optimized")


def instance(module: Module, f: Callable[[int], int] = abs, **limits: Any) -> bembix.Instance:
    return module.instantiate({"env": {"f": f}}, store=Store(limits=Limits(**limits)))


@contextmanager
def soon(action: Callable[[], object], after: float = 0.05) -> Iterator[None]:
    """Do something in another thread."""
    thread = threading.Timer(after, action)
    thread.start()
    try:
        yield
    finally:
        thread.join()


# -- interrupt ---------------------------------------------------------------------------------------------------------


def test_interrupt_a_loop_with_host_calls(module: Module) -> None:
    started = threading.Event()

    def f(_: int) -> int:
        started.set()
        return sleepy(0)

    def interrupt() -> None:
        started.wait(60)
        inst.interrupt()

    inst = instance(module, f)
    for _ in range(3):
        started.clear()
        with soon(interrupt, 0), pytest.raises(Interrupted, match="interrupted") as caught:
            inst.exports.host()
        assert caught.value.backtrace[-1].function == "host"
    assert inst.exports.add(1) == 2


def test_interrupt_a_loop_that_calls_nothing(module: Module) -> None:
    inst = instance(module)
    for _ in range(3):
        with soon(inst.interrupt), pytest.raises(Interrupted):
            inst.exports.spin()

    ended: list[BaseException] = []

    def work() -> None:
        try:
            other.exports.spin()
        except BaseException as error:
            ended.append(error)

    other = instance(module)
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        other.interrupt()
        time.sleep(0.01)
    assert [type(error) for error in ended] == [Interrupted]


def test_interrupt_ends_the_wait_for_a_turn(module: Module) -> None:
    # One thread is in the store; the others wait until they may enter it.
    inst = instance(module)
    ended: list[type[BaseException]] = []

    def work() -> None:
        try:
            inst.exports.spin()
        except BaseException as error:
            ended.append(type(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 60
    while len(ended) < 4 and time.monotonic() < end:
        time.sleep(0.02)
        inst.interrupt()
    for thread in threads:
        thread.join(60)
    assert ended == [Interrupted] * 4


def test_interrupt_by_the_host_function_itself(module: Module) -> None:
    def f(_: int) -> int:
        inst.interrupt()
        return 0

    inst = instance(module, f)
    with pytest.raises(Interrupted):
        inst.exports.once()
    assert inst.exports.add(1) == 2


def test_interrupt_where_nothing_runs_is_forgotten(module: Module) -> None:
    inst = instance(module)
    inst.interrupt()
    inst.store.interrupt()
    assert inst.exports.once() == 1
    Store().interrupt()


def test_only_the_store_that_is_meant(module: Module) -> None:
    other = instance(module)

    def f(_: int) -> int:
        other.interrupt()
        return 7

    assert instance(module, f).exports.once() == 7


def test_interrupt_reaches_outer_calls(module: Module) -> None:
    seen = []

    def f(_: int) -> int:
        outer.interrupt()
        try:
            inner.exports.spin()
        except Interrupted:
            seen.append("inner")
        return 0  # and yet the outer call ends

    inner = instance(module)
    outer = instance(module, f)
    with pytest.raises(Interrupted):
        outer.exports.once()
    assert seen == ["inner"]
    assert outer.exports.add(1) == 2


def test_interrupt_of_an_inner_call_leaves_the_outer_one(module: Module) -> None:
    def f(_: int) -> int:
        try:
            inner.exports.once()
        except Interrupted:
            return 5
        return 6

    def g(_: int) -> int:
        inner.interrupt()
        return 0

    inner = instance(module, g)
    assert instance(module, f).exports.once() == 5


def test_all_threads_of_the_store_stop(module: Module) -> None:
    inst = instance(module, sleepy)
    ended: list[BaseException] = []

    def work() -> None:
        try:
            inst.exports.host()
        except BaseException as error:
            ended.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    inst.interrupt()
    for thread in threads:
        thread.join(30)
    assert [type(error) for error in ended] == [Interrupted] * 4


def test_interrupt_from_a_signal_handler(module: Module) -> None:
    inst = instance(module)
    before = signal.signal(signal.SIGALRM, lambda *_: inst.interrupt())
    interrupts.repair()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Interrupted):
            inst.exports.spin()
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("source", [POLL, POLL_READ, READ, WAIT], ids=["sleep", "poll", "read", "atomic wait"])
def test_waits_of_ours_end(source: str) -> None:
    out, into = os.pipe()
    stores: list[Store] = []
    program = Module(source)

    def interrupt() -> None:
        stores[0].interrupt()

    start = time.monotonic()
    try:
        with Wasi(["p"], {}, {}, out, into, into) as wasi, soon(interrupt, 0.1):
            stores.append(Store())
            with pytest.raises(Interrupted) as caught:
                execute(program, wasi, store=stores[0])
    finally:
        os.close(out)
        os.close(into)
    assert time.monotonic() - start < 30
    assert type(caught.value) is Interrupted
    assert caught.value.backtrace


def test_an_interrupt_for_others_does_not_end_a_wait(module: Module) -> None:
    program = Module(POLL.replace("60000000000", "200000000"))
    start = time.monotonic()
    with soon(Store().interrupt), soon(instance(module).interrupt):
        bembix.run(program)
    assert time.monotonic() - start >= 0.2


def test_many_interrupts_and_no_late_ones(module: Module) -> None:
    inst = instance(module, sleepy)
    stop = threading.Event()

    def nag() -> None:
        while not stop.wait(0.0005):
            inst.interrupt()

    nagger = threading.Thread(target=nag)
    nagger.start()
    ended = 0
    try:
        for _ in range(200):
            try:
                inst.exports.host()
            except Interrupted:
                ended += 1
    finally:
        stop.set()
        nagger.join()
    assert ended == 200
    for _ in range(100):
        assert inst.exports.once() == 0


def test_timers_go_with_their_threads(module: Module) -> None:
    inst = instance(module, sleepy)

    def work() -> None:
        with pytest.raises(Interrupted):
            inst.exports.host()

    def round_() -> None:
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive():
            inst.interrupt()
            thread.join(0.005)

    for _ in range(5):
        round_()
    before = timers()
    for _ in range(30):
        round_()
    assert timers() <= before + 2


def timers() -> int:
    with open("/proc/self/timers") as file:
        return sum(line.startswith("ID:") for line in file)


# -- time --------------------------------------------------------------------------------------------------------------


def test_cpu_time_stops_a_loop(module: Module) -> None:
    exports = instance(module).exports
    for _ in range(2):
        with pytest.raises(CpuTimeout, match=r"not done after 0\.05 s of CPU time") as caught, deadline(cpu_time=0.05):
            exports.spin()
        assert isinstance(caught.value, Timeout)
        assert caught.value.backtrace
    assert exports.add(1) == 2


def test_waiting_takes_no_cpu_time(module: Module) -> None:
    def f(_: int) -> int:
        time.sleep(0.3)
        return 5

    exports = instance(module, f).exports
    exports.add(1)
    with deadline(cpu_time=0.2):
        assert exports.once() == 5


def test_the_earlier_of_both_deadlines(module: Module) -> None:
    exports = instance(module).exports
    with pytest.raises(Timeout) as caught, deadline(0.05, cpu_time=60):
        exports.spin()
    assert type(caught.value) is Timeout
    with pytest.raises(CpuTimeout), deadline(60, cpu_time=0.05):
        exports.spin()
    with deadline(cpu_time=60), pytest.raises(CpuTimeout, match=r"0\.05"), deadline(cpu_time=0.05):
        exports.spin()


def test_a_call_with_a_timeout(module: Module) -> None:
    exports = instance(module).exports
    assert exports.add.call(4, timeout=60) == 5
    with pytest.raises(Timeout):
        exports.spin.call(timeout=0.05)
    with pytest.raises(CpuTimeout):
        exports.spin.call(cpu_time=0.05)
    with pytest.raises(ValueError, match="a deadline is in 0 or more seconds"):
        exports.spin.call(timeout=-1)
    assert exports.add.call(4) == 5


# -- limits of each call -----------------------------------------------------------------------------------------------


def test_a_timeout_of_the_store_is_for_each_call(module: Module) -> None:
    exports = instance(module, timeout=0.2).exports
    for _ in range(2):
        with pytest.raises(Timeout, match=r"not done after 0\.2 s"):
            exports.spin()
    time.sleep(0.25)
    assert exports.add(1) == 2


def test_cpu_time_of_the_store(module: Module) -> None:
    exports = instance(module, cpu_time=0.05).exports
    with pytest.raises(CpuTimeout):
        exports.spin()
    assert exports.add(1) == 2


def test_start_functions_are_calls() -> None:
    module = Module("(module (func $f (loop $l (br $l))) (start $f))")
    with pytest.raises(Timeout):
        module.instantiate(store=Store(limits=Limits(timeout=0.05)))


def test_stack(module: Module) -> None:
    small, large = instance(module, stack="64 KiB").exports, instance(module, stack="640 KiB").exports
    depths = []
    for exports in (small, large):
        low, high = 1, 1_000_000
        while low + 1 < high:
            middle = (low + high) // 2
            try:
                exports.deep(middle)
                low = middle
            except StackExhausted:
                high = middle
        depths.append(low)
    assert 100 < depths[0] < 64 * 1024 / 8
    assert 8 < depths[1] / depths[0] < 13
    assert instance(module).exports.deep(2 * depths[0]) == 2 * depths[0]


def test_stack_of_calls_within_calls(module: Module) -> None:
    def f(_: int) -> int:
        return inner.exports.deep(2000)

    inner = instance(module, stack="1 MiB")
    outer = instance(module, f, stack="1 MiB")
    assert outer.exports.once() == 2000
    tight = instance(module, f, stack="16 KiB")
    with pytest.raises(StackExhausted):
        tight.exports.once()


def test_limited_calls_are_calls_like_others(module: Module) -> None:
    exports = instance(module, timeout=60, cpu_time=60, stack="1 MiB").exports
    assert exports.add(1) == 2
    with pytest.raises(TypeError, match=r"add\(\) takes 1 positional argument but 2 were given"):
        exports.add(1, 2)
    with pytest.raises(TypeError, match=r"add\(\) takes no keyword arguments"):
        exports.add(x=1)
    with pytest.raises(OverflowError):
        exports.add(2**40)
    assert str(exports.add.type) == str(instance(module).exports.add.type)
    before = sys.getrefcount(None)
    for _ in range(1000):
        exports.add(1)
    gc.collect()
    assert sys.getrefcount(None) - before < 500


def test_run_with_a_limit_of_cpu_time() -> None:
    endless = Module('(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))')
    with pytest.raises(CpuTimeout):
        bembix.run(endless, limits=Limits(cpu_time=0.05))


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


def interrupted(source: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run Python code that says "ready" and then does not end; send it Ctrl-C; return how long that took in s."""
    with subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.2)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        line = child.stdout.readline()
        taken = time.monotonic() - start
        assert child.stderr is not None
        out, err = child.stdout.read(), child.stderr.read()  # communicate() loses what readline() has read ahead
        return subprocess.CompletedProcess([], child.wait(60), line + out, err), taken


SPIN = """
import asyncio, bembix, signal, sys
exports = bembix.Module('(module (func (export "spin") (loop $l (br $l))))', optimize=True).instantiate().exports
try: exports.spin.call(timeout=0.01)  # so that it is compiled, and nothing but time finds later handlers
except bembix.Timeout: pass
def spin():
    print("ready", flush=True)
    exports.spin()
"""
CELL = """
loop = asyncio.new_event_loop()
async def cell():  # as ipykernel runs a cell: on a loop that goes on, with Python's own handler of SIGINT, set anew
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try: spin()
    except KeyboardInterrupt: print("KeyboardInterrupt", flush=True)
loop.run_until_complete(cell())
print(loop.run_until_complete(asyncio.sleep(0, "goes on")))
"""
RUN = """
async def main():
    try: spin()
    except KeyboardInterrupt:
        print("KeyboardInterrupt", flush=True)
        raise
    finally: print("cleaned up")
try: asyncio.run(main())
except KeyboardInterrupt: print("out")
"""


@pytest.mark.parametrize(
    ("code", "then"),
    [
        ("try: spin()\nexcept KeyboardInterrupt: print('KeyboardInterrupt', flush=True)", ""),
        (CELL, "goes on\n"),
        (RUN, "cleaned up\nout\n"),
    ],
    ids=["script", "notebook", "asyncio"],
)
def test_ctrl_c(code: str, then: str) -> None:
    done, taken = interrupted(SPIN + code)
    assert done.stdout == "KeyboardInterrupt\n" + then, done.stderr
    assert taken < 5  # it is below a millisecond where the machine has nothing else to do


def test_a_task_that_was_cancelled_before_may_call_wasm(module: Module) -> None:
    async def main() -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            return instance(module).exports.add(1)
        return 0

    assert asyncio.run(main()) == 2
