"""Calls of Wasm from asyncio: `Func.async_`, asynchronous host functions, cancellation, `run_async`."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

import bembix
from bembix import Limits, Module, Store
from bembix.runtime.workers import Workers

SOURCE = """(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (import "env" "note" (func $note))
  (import "env" "any" (func $any (param externref) (result externref)))
  (memory 1)
  (func (export "spin") (loop $l (br $l)))
  (func (export "work") (param $n i32) (result i32)
    (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))) (i32.const 7))
  (func (export "host") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))
  (func (export "hosts") (loop $l (drop (call $f (i32.const 0))) (br $l)))
  (func (export "note") (call $note))
  (func (export "any") (param externref) (result externref) (call $any (local.get 0)))
  (func (export "trap") unreachable)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"""


@pytest.fixture(scope="module")
def module() -> Module:
    return Module(SOURCE, optimize=True)


@pytest.fixture(autouse=True)
def no_work_is_left() -> Any:
    yield
    for thread in threading.enumerate():
        if thread.name == "bembix worker":
            assert thread.daemon


def exports(module: Module, f: Callable[..., object] = abs, note: Any = None, any_: Any = None, **limits: Any) -> Any:
    imports = {"f": f, "note": note or (lambda: None), "any": any_ or (lambda x: x)}
    return module.instantiate({"env": imports}, store=Store(limits=Limits(**limits))).exports


def run(main: Callable[[], Awaitable[Any]], factory: Any = None) -> Any:
    async def with_limit() -> Any:
        return await asyncio.wait_for(main(), 60)

    if factory is None:
        return asyncio.run(with_limit())
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(with_limit())


# -- calls -------------------------------------------------------------------------------------------------------------


def test_a_call(module: Module) -> None:
    found = exports(module)

    async def main() -> None:
        assert await found.add.async_(2, 3) == 5
        assert await asyncio.gather(*[found.add.async_(n, n) for n in range(100)]) == [2 * n for n in range(100)]

    run(main)


def test_errors_are_the_same_objects(module: Module) -> None:
    error = LookupError("mine")

    def fail(_: int) -> int:
        raise error

    found = exports(module, fail)

    async def main() -> None:
        with pytest.raises(LookupError) as caught:
            await found.host.async_(1)
        assert caught.value is error
        with pytest.raises(bembix.Trap, match="unreachable"):
            await found.trap.async_()
        with pytest.raises(TypeError, match="takes 2 positional arguments"):
            await found.add.async_(1)

    run(main)


def test_the_loop_goes_on_meanwhile(module: Module) -> None:
    found, ticks = exports(module), 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    async def main() -> None:
        ticker = asyncio.create_task(tick())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await found.spin.async_()
        ticker.cancel()

    run(main)
    assert ticks > 20


def test_context_variables(module: Module) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen = []

    async def f(x: int) -> int:
        seen.append(variable.get())
        variable.set("changed by f")
        return x

    def note() -> None:
        seen.append(variable.get())
        variable.set("changed by note")

    found = exports(module, f, note)

    async def main() -> None:
        variable.set("mine")
        await found.host.async_(1)
        await found.note.async_()
        assert variable.get() == "mine"

    run(main)
    assert seen == ["mine", "mine"]


def test_a_loop_that_stops_under_a_call(module: Module) -> None:
    found = exports(module)
    loop = asyncio.new_event_loop()
    task = loop.create_task(found.spin.async_())
    loop.run_until_complete(asyncio.sleep(0.05))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
    assert found.add(1, 2) == 3


# -- asynchronous host functions ---------------------------------------------------------------------------------------


def test_host_functions_are_awaited_on_the_loop_of_the_caller(module: Module) -> None:
    where = []

    async def f(x: int) -> int:
        where.append((threading.get_ident(), asyncio.get_running_loop()))
        await asyncio.sleep(0.01)
        return 10 * x

    found = exports(module, f)

    async def main() -> None:
        assert await asyncio.gather(*[found.host.async_(n) for n in range(20)]) == [10 * n + 1 for n in range(20)]
        assert set(where) == {(threading.get_ident(), asyncio.get_running_loop())}

    run(main)


@pytest.mark.parametrize("kind", ["partial", "object", "future", "lambda"])
def test_whatever_returns_something_to_await(module: Module, kind: str) -> None:
    async def later(more: int, x: int) -> int:
        await asyncio.sleep(0)
        return more + x

    class Later:
        def __call__(self, x: int) -> Later:
            self.x = x
            return self

        def __await__(self) -> Any:
            return later(1, self.x).__await__()

    def future(x: int) -> asyncio.Future[int]:
        made: asyncio.Future[int] = loop[0].create_future()
        loop[0].call_soon_threadsafe(made.set_result, x + 1)
        return made

    loop: list[asyncio.AbstractEventLoop] = []
    kinds = {"partial": partial(later, 1), "object": Later(), "future": future, "lambda": lambda x: later(1, x)}
    found = exports(module, kinds[kind])

    async def main() -> None:
        loop.append(asyncio.get_running_loop())
        assert await found.host.async_(5) == 7

    run(main)


def test_results_of_all_kinds(module: Module) -> None:
    noted = []

    async def note() -> None:
        await asyncio.sleep(0)
        noted.append(1)

    async def any_(x: object) -> object:
        await asyncio.sleep(0)
        return [x]

    async def wrong(_: int) -> str:
        return "text"

    found = exports(module, wrong, note, any_)

    async def main() -> None:
        assert await found.note.async_() is None
        assert await found.any.async_("x") == ["x"]
        with pytest.raises(TypeError, match=r"result of host function env\.f"):
            await found.host.async_(1)

    run(main)
    assert noted == [1]


def test_errors_of_asynchronous_host_functions(module: Module) -> None:
    error = KeyError("mine")

    async def f(_: int) -> int:
        await asyncio.sleep(0)
        raise error

    found = exports(module, f)

    async def main() -> None:
        with pytest.raises(KeyError) as caught:
            await found.host.async_(1)
        assert caught.value is error

    run(main)


def test_a_call_that_is_not_awaited(module: Module) -> None:
    async def f(x: int) -> int:
        return x

    found = exports(module, f, None, f)
    for call in (found.host, found.any):
        with pytest.raises(RuntimeError, match=r"host function env\.\w+ is asynchronous: await the call of Wasm"):
            call(1)

    async def main() -> None:
        with pytest.raises(RuntimeError, match="is asynchronous"):
            found.host(1)

    run(main)
    gc.collect()


def test_calls_within_calls(module: Module) -> None:
    async def f(x: int) -> int:
        return await found.host.async_(x - 1) if x else 0

    found = exports(module, f)

    async def main() -> int:
        result: int = await found.host.async_(100)  # more than there are workers
        return result

    assert run(main) == 101


def test_synchronous_calls_within_calls(module: Module) -> None:
    async def f(x: int) -> int:
        await asyncio.sleep(0)
        return x

    inner = exports(module, f)
    outer = exports(module, lambda x: inner.host(x))

    async def main() -> int:
        result: int = await outer.host.async_(5)
        return result

    assert run(main) == 7


# -- cancellation ------------------------------------------------------------------------------------------------------


def test_cancelling_stops_wasm_before_it_returns(module: Module) -> None:
    running = threading.Event()

    def f(_: int) -> int:
        running.set()
        return 0

    found = exports(module, f)

    async def main() -> None:
        for _ in range(5):
            task = asyncio.create_task(found.hosts.async_())
            await asyncio.to_thread(running.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            running.clear()
            await asyncio.sleep(0.01)
            assert not running.is_set()
            assert await found.add.async_(1, 2) == 3

    run(main)


def test_cancelling_at_any_time(module: Module) -> None:
    found = exports(module)

    async def main() -> None:
        for turn in range(60):
            task = asyncio.create_task(found.spin.async_())
            await asyncio.sleep(turn * 0.0001)
            task.cancel()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main)


def test_cancelling_while_a_host_function_is_awaited(module: Module) -> None:
    cleaned = []

    async def f(_: int) -> int:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(1)
        return 0

    found = exports(module, f)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await found.host.async_(1)
        assert cleaned == [1]

    run(main)
    assert found.add(1, 2) == 3


def test_a_host_function_that_ignores_it(module: Module) -> None:
    async def f(_: int) -> int:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return 5
        return 6

    found = exports(module, f)

    async def main() -> None:
        task = asyncio.create_task(found.hosts.async_())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_a_host_function_that_is_cancelled_by_others(module: Module) -> None:
    async def f(_: int) -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
        return 0

    found = exports(module, f)

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await found.host.async_(1)

    run(main)


def test_interrupting_an_asynchronous_call(module: Module) -> None:
    async def f(_: int) -> int:
        await asyncio.sleep(3600)
        return 0

    instance = module.instantiate({"env": {"f": f, "note": lambda: None, "any": f}})

    async def main() -> None:
        for name, arguments in (("host", (1,)), ("spin", ())):
            task = asyncio.create_task(instance.exports[name].async_(*arguments))
            await asyncio.sleep(0.1)
            instance.interrupt()
            with pytest.raises(bembix.Interrupted):
                await task

    run(main)


def test_limits_of_the_store(module: Module) -> None:
    async def f(_: int) -> int:
        await asyncio.sleep(3600)
        return 0

    found = exports(module, f, timeout=0.1)

    async def main() -> None:
        for call in (found.spin.async_(), found.host.async_(1)):
            with pytest.raises(bembix.Timeout, match=r"not done after 0\.1 s"):
                await call

    run(main)


def test_nothing_is_kept(module: Module) -> None:
    class Mine(Exception):
        pass

    async def f(x: int) -> int:
        await asyncio.sleep(0)
        if x:
            raise Mine
        return x

    found = exports(module, f)

    async def main() -> weakref.ref[Mine]:
        assert await found.host.async_(0) == 1
        with pytest.raises(Mine) as caught:
            await found.host.async_(1)
        return weakref.ref(caught.value)

    dead = run(main)
    gc.collect()
    assert dead() is None


# -- programs ----------------------------------------------------------------------------------------------------------

PROGRAM = """(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (call $f (i32.const 3)))))"""
ENDLESS = '(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'
SLEEP = """(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i64.store (i32.const 24) (i64.const 3600000000000)) (i32.store (i32.const 16) (i32.const 1))
    (drop (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200)))))"""


def test_a_program() -> None:
    async def f(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    done = run(lambda: bembix.run_async(PROGRAM.encode(), imports={"env": {"f": f}}))
    assert done.exit_code == 4


@pytest.mark.parametrize("source", [ENDLESS, SLEEP], ids=["endless", "sleeping"])
def test_programs_are_cancelled(source: str) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await bembix.run_async(Module(source))
        with pytest.raises(bembix.Timeout):
            await bembix.run_async(Module(source), timeout=0.1)

    run(main)


def test_an_instance_whose_start_function_is_long() -> None:
    module = Module("(module (func $f (loop $l (br $l))) (start $f))")

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await module.instantiate_async()
        instance = await Module('(module (func (export "f")))').instantiate_async()
        assert instance.exports.f() is None

    run(main)


def test_ctrl_c() -> None:
    source = f"""
import asyncio, bembix
async def main():
    print("ready", flush=True)
    try: await bembix.run_async(bembix.Module('''{ENDLESS}'''))
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise
try: asyncio.run(main())
except KeyboardInterrupt: print("KeyboardInterrupt")
"""
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.3)
        os.kill(child.pid, signal.SIGINT)
        out, _ = child.communicate(timeout=60)
    assert out == "cancelled\nKeyboardInterrupt\n"
    assert child.returncode == 0


def test_other_event_loops(module: Module) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def f(x: int) -> int:
        await asyncio.sleep(0.001)
        return x

    found = exports(module, f)

    async def main() -> None:
        assert await found.host.async_(1) == 2
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await found.spin.async_()

    run(main, uvloop.new_event_loop)


def test_importing_asyncio_waits_until_it_is_needed() -> None:
    source = "import bembix, sys; bembix.Module('(module)').instantiate(); print('asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr


# -- workers -----------------------------------------------------------------------------------------------------------


class Job:
    def __init__(self, work: Callable[[], object]) -> None:
        self.run = work


def test_workers_run_so_many_jobs_at_a_time() -> None:
    workers, lock = Workers(3), threading.Lock()
    now, most, done = 0, 0, threading.Semaphore(0)

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1
        done.release()

    for _ in range(50):
        workers.submit(Job(work))  # type: ignore[arg-type]
    for _ in range(50):
        assert done.acquire(timeout=30)
    assert most == 3


def test_jobs_that_pause_let_others_run() -> None:
    workers, go, done = Workers(1), threading.Event(), threading.Event()

    def first() -> None:
        workers.pause()
        go.wait(30)
        workers.resume()
        done.set()

    workers.submit(Job(first))  # type: ignore[arg-type]
    workers.submit(Job(go.set))  # type: ignore[arg-type]
    assert done.wait(30)


def test_jobs_are_withdrawn() -> None:
    workers, go, seen = Workers(1), threading.Event(), []
    begun = threading.Event()

    def first() -> None:
        begun.set()
        go.wait(30)

    second = Job(lambda: seen.append(1))
    workers.submit(Job(first))  # type: ignore[arg-type]
    begun.wait(30)
    workers.submit(second)  # type: ignore[arg-type]
    assert workers.withdraw(second)  # type: ignore[arg-type]
    assert not workers.withdraw(second)  # type: ignore[arg-type]
    go.set()
    last = threading.Event()
    workers.submit(Job(last.set))  # type: ignore[arg-type]
    assert last.wait(30)
    assert not seen
