"""Shared memories: atomics, threads of different stores that wait for each other, and the scripts' threads."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bembix import Limits, LinkError, Memory, Module, Store, Trap
from bembix.script.runner import run_script

PAGE = 65536

WAITING = """(module (import "" "m" (memory 1 2 shared))
  (func (export "wait") (param i32 i32 i64) (result i32)
    (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wait64") (param i32 i64 i64) (result i32)
    (memory.atomic.wait64 offset=8 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1)))
  (func (export "notify8") (param i32 i32) (result i32) (memory.atomic.notify offset=8 (local.get 0) (local.get 1)))
  (func (export "add") (param i32 i32) (result i32) (i32.atomic.rmw.add (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) (memory.size))
  (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
  ;; a lock as compilers make it, around something that is not atomic
  (func $lock (loop $again
    (if (i32.atomic.rmw.cmpxchg offset=100 (i32.const 0) (i32.const 0) (i32.const 1)) (then
      (drop (memory.atomic.wait32 offset=100 (i32.const 0) (i32.const 1) (i64.const -1)))
      (br $again)))))
  (func $unlock
    (i32.atomic.store offset=100 (i32.const 0) (i32.const 0))
    (drop (memory.atomic.notify offset=100 (i32.const 0) (i32.const 1))))
  (func (export "count") (param i32) (loop $next
    (call $lock)
    (i32.store offset=200 (i32.const 0) (i32.add (i32.load offset=200 (i32.const 0)) (i32.const 1)))
    (call $unlock)
    (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (export "m" (memory 0)))"""


@pytest.fixture(scope="module", params=[False, True], ids=["cheap", "O2"])
def module(request: pytest.FixtureRequest) -> Module:
    return Module(WAITING, optimize=request.param)


@pytest.fixture
def memory() -> Memory:
    return Memory(1, 2, shared=True)


@pytest.fixture
def background() -> Iterator[Callable[..., list[Any]]]:
    """Run something in a thread; its results end up in the list."""
    threads = []

    def start(work: Callable[..., object], *arguments: object) -> list[Any]:
        results: list[Any] = []
        threads.append(threading.Thread(target=lambda: results.append(work(*arguments)), daemon=True))
        threads[-1].start()
        return results

    yield start
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def woken(notify: Callable[[int, int], int], at: int, count: int) -> None:
    """Notify until `count` threads were there to hear it."""
    end = time.monotonic() + 10
    while count and time.monotonic() < end:
        count -= notify(at, count)
    assert count == 0


def test_one_memory_in_two_stores(module: Module, memory: Memory) -> None:
    one, two = module.instantiate({"": {"m": memory}}), module.instantiate({"": {"m": memory}})
    assert one.store != two.store
    assert one.exports.m is memory is two.exports.m
    assert (one.exports.add(0, 5), two.exports.add(0, 6), memory.read(0, 4)) == (0, 5, b"\x0b\0\0\0")
    assert (one.exports.grow(1), two.exports.size(), two.exports.peek(PAGE), memory.pages) == (1, 2, 0, 2)


def test_a_memory_that_a_module_defines() -> None:
    owner = Module('(module (memory (export "m") 1 2 shared))').instantiate()
    user = Module(WAITING).instantiate({"": {"m": owner.exports.m}}, store=Store())
    assert user.store != owner.store
    assert user.exports.m is owner.exports.m
    del owner
    gc.collect()
    assert user.exports.add(0, 1) == 0


def test_a_memory_that_is_not_shared_has_one_store() -> None:
    module = Module('(module (import "" "m" (memory 1)))')
    memory = Memory(1, store=Store())
    with pytest.raises(LinkError, match="different stores"):
        module.instantiate({"": {"m": memory}}, store=Store())
    with pytest.raises(LinkError):
        Module(WAITING).instantiate({"": {"m": memory}})
    with pytest.raises(ValueError, match="must have a maximum"):
        Memory(1, shared=True)


def test_the_limit_is_that_of_the_memorys_store(module: Module) -> None:
    store, other = Store(limits=Limits(memory=PAGE)), Store(limits=Limits(memory=0))
    memory = Memory(1, 2, shared=True, store=store)
    exports = module.instantiate({"": {"m": memory}}, store=other).exports
    assert (exports.grow(1), store.memory_used, other.memory_used) == (-1, PAGE, 0)


def test_wait_and_notify(module: Module, memory: Memory, background: Callable[..., list[Any]]) -> None:
    here, there = (module.instantiate({"": {"m": memory}}).exports for _ in range(2))
    assert (here.wait(0, 1, -1), here.wait(0, 0, 0), here.wait(0, 0, 2_000_000), here.notify(0, 1)) == (1, 2, 2, 0)
    first, second = background(there.wait, 0, 0, -1), background(there.wait64, 0, 0, 1 << 62)
    woken(here.notify, 0, 1)
    woken(here.notify8, 0, 1)
    deadline = time.monotonic() + 10
    while not (first and second) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert (first, second) == ([0], [0])


def test_notify_wakes_as_many_as_it_says(module: Module, memory: Memory, background: Callable[..., list[Any]]) -> None:
    exports = module.instantiate({"": {"m": memory}}).exports
    waiting = [background(module.instantiate({"": {"m": memory}}).exports.wait, 4, 0, -1) for _ in range(4)]
    woken(lambda at, count: int(exports.notify(at, min(count, 2))), 4, 4)
    deadline = time.monotonic() + 10
    while not all(waiting) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert waiting == [[0]] * 4
    assert exports.notify(4, -1) == 0


def test_a_lock_between_threads(module: Module, memory: Memory, background: Callable[..., list[Any]]) -> None:
    done = [background(module.instantiate({"": {"m": memory}}).exports.count, 200) for _ in range(4)]
    deadline = time.monotonic() + 20
    while not all(done) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert memory.read(200, 4) == (800).to_bytes(4, "little")


def test_ctrl_c_ends_waiting(module: Module, memory: Memory) -> None:
    exports = module.instantiate({"": {"m": memory}}).exports
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        exports.wait(0, 0, -1)
    timer.join()
    assert exports.notify(0, 1) == 0, "it is not on the list any more"
    assert exports.wait(0, 1, -1) == 1


def test_traps(module: Module, memory: Memory) -> None:
    exports = module.instantiate({"": {"m": memory}}).exports
    for function, arguments, message in (
        (exports.wait, (2, 0, 0), "unaligned atomic"),
        (exports.wait64, (4, 0, 0), "unaligned atomic"),
        (exports.notify, (1, 0), "unaligned atomic"),
        (exports.add, (3, 0), "unaligned atomic"),
        (exports.wait, (PAGE, 0, 0), "out of bounds memory access"),
        (exports.wait64, (PAGE - 8, 0, 0), "out of bounds memory access"),
        (exports.wait, (-4, 0, 0), "out of bounds memory access"),
        (exports.notify, (PAGE, 0), "out of bounds memory access"),
        (exports.notify8, (-8, 0), "out of bounds memory access"),
        (exports.add, (PAGE, 0), "out of bounds memory access"),
    ):
        with pytest.raises(Trap) as caught:
            function(*arguments)
        assert caught.value.message == message


@pytest.mark.parametrize("kind", ["1", "i64 1", "1000 (pagesize 1)", "i64 1000 (pagesize 1)"])
@pytest.mark.parametrize("optimize", [False, True], ids=["cheap", "O2"])
def test_atomics_on_other_memories(kind: str, optimize: bool) -> None:
    address, size = "i64" if "i64" in kind else "i32", 1000 if "pagesize" in kind else PAGE
    exports = (
        Module(
            f"""(module (memory {kind})
      (func (export "add") (param {address} i64) (result i64)
        (i64.atomic.rmw.add offset=4 (local.get 0) (local.get 1)))
      (func (export "swap8") (param {address} i32 i32) (result i32)
        (i32.atomic.rmw8.cmpxchg_u (local.get 0) (local.get 1) (local.get 2)))
      (func (export "fence") (atomic.fence))
      (func (export "notify") (param {address}) (result i32) (memory.atomic.notify (local.get 0) (i32.const 1)))
      (func (export "wait") (param {address}) (result i32)
        (memory.atomic.wait32 (local.get 0) (i32.const 0) (i64.const 0))))""",
            optimize=optimize,
        )
        .instantiate()
        .exports
    )
    exports.fence()
    assert (exports.add(4, 300), exports.add(4, 1), exports.add(size - 12, 1)) == (0, 300, 0)
    assert (exports.swap8(8, 0x100 + 45, 7), exports.swap8(8, 45, 8), exports.swap8(8, 7, 9)) == (45, 7, 7)
    assert exports.notify(size - 4) == 0
    for call, message in (
        (lambda: exports.add(0, 1), "unaligned atomic"),
        (lambda: exports.add(size - 4, 1), "out of bounds memory access"),
        (lambda: exports.notify(size), "out of bounds memory access"),
        (lambda: exports.wait(0), "expected shared memory"),
    ):
        with pytest.raises(Trap) as caught:
            call()
        assert caught.value.message == message


def test_threads_of_a_script(tmp_path: Path) -> None:
    path = tmp_path / "mp.wast"
    path.write_text(
        """(module $Mem (memory (export "shared") 1 1 shared))
        (thread $T1 (shared (module $Mem))
          (register "mem" $Mem)
          (module (memory (import "mem" "shared") 1 10 shared)
            (func (export "run")
              (i32.atomic.store (i32.const 0) (i32.const 42))
              (i32.atomic.store (i32.const 4) (i32.const 1))
              (drop (memory.atomic.notify (i32.const 4) (i32.const 1)))))
          (assert_return (invoke "run")))
        (thread $T2 (shared (module $Mem))
          (register "mem" $Mem)
          (module (memory (import "mem" "shared") 1 1 shared)
            (func (export "run") (result i32)
              (drop (memory.atomic.wait32 (i32.const 4) (i32.const 0) (i64.const 10_000_000_000)))
              (i32.atomic.load (i32.const 0))))
          (assert_return (invoke "run") (i32.const 42)))
        (wait $T1)
        (wait $T2)
        (module $Check (memory (import "spectest" "shared_memory") 1 2 shared))"""
    )
    result = run_script(path)
    assert (result.failures, result.passed, result.total) == ([], 2, 2)
