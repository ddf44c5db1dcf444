"""Wasm runs without the GIL, and one thread at a time in a store."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bembix import Instance, Interrupted, Memory, Module, Timeout, Trap, deadline

SOURCE = """(module (import "env" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $tick (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))
  (func (export "spin") (loop $again (call $tick) (br_if $again (i32.eqz (i32.atomic.load (i32.const 8))))))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "host") (param i32) (result i32) (call $f (local.get 0)))
  (func (export "often") (param i32) (result i32)
    (loop $again
      (drop (call $f (local.get 0)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.load (i32.const 0)))
  (func (export "often_then_spin") (param i32)
    (loop $again
      (drop (call $f (local.get 0)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (loop $spin (call $tick) (br_if $spin (i32.eqz (i32.atomic.load (i32.const 8))))))
  (func (export "many") (param i32) (result i32 i32 i32 i32)
    (loop $again (call $tick) (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4))
  (func (export "fails") (param i32)
    (loop $again (call $tick) (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    unreachable))"""
#: The cell that ends `spin`.
STOP = 8


@pytest.fixture(scope="module", params=[False, True], ids=["cheap", "O2"])
def module(request: pytest.FixtureRequest) -> Module:
    return Module(SOURCE, optimize=request.param)


@pytest.fixture
def start() -> Iterator[Callable[..., threading.Thread]]:
    """Start something in a thread, which has to end in time."""
    threads = []

    def begin(work: Callable[..., object], *arguments: object) -> threading.Thread:
        threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        threads[-1].start()
        return threads[-1]

    yield begin
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def make(module: Module, function: Callable[[int], object] = lambda value: value) -> Instance:
    return module.instantiate({"env": {"f": function}})


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def ticks(instance: Instance) -> int:
    return int.from_bytes(instance.exports.memory.read(0, 4), "little")


def stop(instance: Instance) -> None:
    instance.exports.memory.write(STOP, b"\1")


def test_python_goes_on_while_wasm_loops(module: Module, start: Callable[..., threading.Thread]) -> None:
    instance = make(module)
    start(instance.exports.spin)
    wait_for(lambda: ticks(instance))
    stop(instance)


def test_threads_that_spin_on_a_shared_memory_see_each_other() -> None:
    module = Module(
        """(module (import "" "m" (memory 1 1 shared))
          (func (export "bounce") (param $own i32) (param $count i32)
            (loop $wait (br_if $wait (i32.ne (i32.and (i32.atomic.load (i32.const 0)) (i32.const 1)) (local.get $own)))
              (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
              (br_if $wait (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))))"""
    )
    memory = Memory(1, 1, shared=True)
    one, two = (module.instantiate({"": {"m": memory}}).exports.bounce for _ in range(2))
    other = threading.Thread(target=two, args=(1, 20), daemon=True)
    other.start()
    with deadline(20):
        one(0, 20)
    other.join(20)
    assert memory.read(0, 4) == (40).to_bytes(4, "little")


def test_a_thread_that_calls_the_host_often_gives_way(module: Module, start: Callable[..., threading.Thread]) -> None:
    instance = make(module)
    start(instance.exports.often_then_spin, 5000)
    wait_for(lambda: ticks(instance))
    stop(instance)
    start(make(module, abs).exports.often, 200_000)  # a builtin, which never lets others run by itself


def test_the_store_is_for_one_thread_at_a_time(module: Module, start: Callable[..., threading.Thread]) -> None:
    instance = make(module)
    running = start(instance.exports.spin)
    wait_for(lambda: ticks(instance))
    with pytest.raises(Timeout), deadline(0.05):
        instance.exports.add(1, 2)
    with pytest.raises(Timeout), deadline(0.05):
        instance.exports.many(1)
    assert running.is_alive()
    results: list[object] = []
    start(lambda: results.append(instance.exports.add(1, 2)))
    start(lambda: results.append(instance.exports.many(10)))
    time.sleep(0.02)
    assert not results
    stop(instance)
    wait_for(lambda: len(results) == 2)
    assert sorted(results, key=str) == [(1, 2, 3, 4), 3]


def test_ctrl_c_ends_waiting_for_a_store(module: Module, start: Callable[..., threading.Thread]) -> None:
    instance = make(module)
    start(instance.exports.spin)
    wait_for(lambda: ticks(instance))
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        instance.exports.add(1, 2)
    timer.join()
    stop(instance)


def test_a_host_function_lets_others_into_the_store(module: Module, start: Callable[..., threading.Thread]) -> None:
    inside, leave = threading.Event(), threading.Event()

    def f(value: int) -> int:
        if value == 1:
            inside.set()
            assert leave.wait(20)
        return value

    instance = make(module, f)
    results: list[object] = []
    start(lambda: results.append(instance.exports.host(1)))
    assert inside.wait(20)
    assert (instance.exports.add(1, 2), instance.exports.host(7), instance.exports.many(5)) == (3, 7, (1, 2, 3, 4))
    running = start(instance.exports.spin)
    wait_for(lambda: ticks(instance) > 100)
    leave.set()
    time.sleep(0.02)
    assert not results, "it waits for its turn"
    stop(instance)
    running.join(20)
    wait_for(lambda: results == [1])


def test_exceptions_stay_in_their_threads(module: Module, start: Callable[..., threading.Thread]) -> None:
    def f(value: int) -> int:
        if value % 3:
            raise KeyError(value)
        return value

    instance = make(module, f)
    wrong: list[object] = []

    def work(number: int) -> None:
        for turn in range(200):
            try:
                instance.exports.host(number + 4 * turn)
                wrong.extend([number + 4 * turn] * bool((number + 4 * turn) % 3))
            except KeyError as error:
                wrong.extend(error.args * (error.args != (number + 4 * turn,)))
            try:
                instance.exports.fails(1 + number)
                wrong.append("no trap")
            except Trap as error:
                wrong.extend([error] * (error.message != "unreachable"))

    for thread in [start(work, number) for number in range(4)]:
        thread.join(20)
    assert not wrong


def test_deadlines_stop_a_thread_without_the_gil(module: Module, start: Callable[..., threading.Thread]) -> None:
    found: list[object] = []

    def work() -> None:
        instance = make(module)
        try:
            with deadline(0.05):
                instance.exports.spin()
        except Timeout:
            found.append(instance.exports.add(1, 2))

    for thread in [start(work) for _ in range(4)]:
        thread.join(20)
    assert found == [3] * 4


def test_handlers_of_signals_run_while_threads_compute(module: Module, start: Callable[..., threading.Thread]) -> None:
    other = make(module)
    start(other.exports.spin)
    wait_for(lambda: ticks(other))
    seen: list[int] = []

    def handler(number: int, frame: object) -> None:
        seen.append(other.exports.memory.read(0, 1)[0])
        if len(seen) == 3:
            raise InterruptedError

    before = signal.signal(signal.SIGALRM, handler)
    own = make(module)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with pytest.raises(InterruptedError):
            own.exports.spin()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        stop(other)
    assert len(seen) == 3


def test_calls_from_destructors_and_handlers_of_the_collector(module: Module) -> None:
    instance = make(module)
    results: list[object] = []

    class Late:
        def __init__(self) -> None:
            self.own = self

        def __del__(self) -> None:
            results.append(instance.exports.many(3))

    def f(value: int) -> int:
        Late()
        gc.collect()
        return value

    outer = make(module, f)
    assert outer.exports.host(5) == 5
    assert (1, 2, 3, 4) in results
    inner = make(module, lambda value: value and inner.exports.host(value - 1))
    assert inner.exports.host(20) == 0, "re-entrant"


def test_dead_instances(module: Module, start: Callable[..., threading.Thread]) -> None:
    memory = make(module).exports.memory
    view = memoryview(memory)
    add = make(module).exports.add
    running = start(make(module).exports.often, 100)
    gc.collect()
    view[0] = 7
    assert (memory.read(0, 1), add(1, 2)) == (b"\7", 3)
    running.join(20)


OBJECTS = """(module (import "env" "f" (func $f (param i32) (result i32))) (tag)
  (type $s (struct (field i32) (field (ref null $s))))
  (func (export "spin") (loop $again (br $again)))
  (func (export "make") (local $last (ref null $s)) (local $first (ref $s))
    (local.set $first (struct.new $s (i32.const 42) (ref.null $s)))
    (loop $again
      (local.set $last (struct.new $s (i32.const 1) (local.get $first)))
      (br_if $again (i32.eq (struct.get $s 0 (struct.get $s 1 (local.get $last))) (i32.const 42))))
    unreachable)
  (func (export "call") (loop $again (drop (call $f (i32.const 1))) (br $again)))
  (func (export "sum") (param i32) (result i32) (local $s (ref null $s))
    (loop $again
      (local.set $s (struct.new $s (local.get 0) (local.get $s)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (loop $next
      (local.set 0 (i32.add (local.get 0) (struct.get $s 0 (local.get $s))))
      (br_if $next (i32.eqz (ref.is_null (local.tee $s (struct.get $s 1 (local.get $s)))))))
    (local.get 0)))"""


@pytest.mark.parametrize("name", ["spin", "make", "call"])
@pytest.mark.parametrize("engine", ["llvm", "stencil"])
def test_code_with_a_heap_gives_way(name: str, engine: str) -> None:
    instance = make(Module(OBJECTS, engine=engine), abs)
    turns = []

    def work() -> None:
        while len(turns) < 10:
            turns.append(instance.exports.sum(1000))  # in the same store
            time.sleep(0.001)
        instance.interrupt()

    thread = threading.Thread(target=work)
    thread.start()
    with pytest.raises(Interrupted), deadline(20):
        while True:
            instance.exports[name]()
    thread.join(20)
    assert turns == [500500] * 10


FILLS = """(module (import "env" "f" (func $f)) (memory 1)
  (func (export "go") (param i32)
    (loop $l (call $f) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (loop $m (memory.fill (i32.const 0) (i32.const 0) (i32.const 60000)) (br $m))))"""


@pytest.mark.parametrize("engine", ["llvm", "stencil"])
def test_bulk_operations_give_the_gil_away(engine: str) -> None:
    """After many host calls the thread keeps the GIL, and is nearly always in `memory.fill` when it is asked for it."""
    instance = make(Module(FILLS, engine=engine), lambda: None)

    def work() -> None:
        time.sleep(0.1)
        instance.interrupt()

    thread = threading.Thread(target=work)
    thread.start()
    with pytest.raises(Interrupted), deadline(5):
        instance.exports.go(1000)
    thread.join(20)


def test_growing_while_another_thread_runs(start: Callable[..., threading.Thread]) -> None:
    instance = make(Module(SOURCE))
    view = memoryview(instance.exports.memory)
    start(instance.exports.spin)
    wait_for(lambda: ticks(instance))
    assert instance.exports.memory.grow(1) == 1
    assert bytes(view[:4]) != b"\0\0\0\0"
    instance.exports.memory.write(65536, b"x")
    stop(instance)


FORK = """
import os, threading, time
from bembix import Module, ResourceError, Timeout, deadline
module = Module('''(module (memory (export "m") 1)
  (func (export "spin") (loop
    (i32.atomic.store (i32.const 0) (i32.const 1))
    (br_if 0 (i32.eqz (i32.atomic.load (i32.const 8))))))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))''')
one, two = module.instantiate(), module.instantiate()
thread = threading.Thread(target=one.exports.spin)
thread.start()
while not one.exports.m.read(0, 1)[0]:
    time.sleep(0.001)
child = os.fork()
if not child:
    code = 1
    try:
        assert two.exports.add(1, 2) == 3
        try:
            with deadline(0.05):
                two.exports.spin()
        except Timeout:
            pass
        try:
            one.exports.add(1, 2)
        except ResourceError as error:
            code = 0 if "forked" in str(error) else 2
    finally:
        os._exit(code)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
one.exports.m.write(8, b"x")
thread.join()
print(one.exports.add(1, 2))
"""

EXIT = """
import threading, time, atexit
from bembix import Module
SOURCE = '''(module (import "" "f" (func $f)) (memory 1)
  (func (export "spin") (loop (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (br 0)))
  (func (export "host") (loop (call $f) (br 0))))'''
begun = threading.Semaphore(0)
def body(name):
    exports = Module(SOURCE).instantiate({"": {"f": time.time}}).exports
    begun.release()
    exports[name]()
for name in ("spin", "host", "spin", "host"):
    threading.Thread(target=body, args=(name,), daemon=True).start()
    begun.acquire()
time.sleep(0.05)
atexit.register(print, "at exit")
print("end")
"""


@pytest.mark.parametrize(("program", "output"), [(FORK, "0\n3\n"), (EXIT, "end\nat exit\n")], ids=["fork", "exit"])
def test_processes(program: str, output: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == (output, 0), done.stderr


def test_brief_functions_are_known() -> None:
    module = Module(SOURCE)
    names = ("add", "spin", "host", "often", "many", "fails")
    indices: dict[str, Any] = {e.name: e.index for e in module._definition.exports}
    assert [name for name in names if module.compiled.brief(indices[name] - 1)] == ["add"]
    nested = Module(
        """(module (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
          (func (export "some") (result i32) (call $leaf (call $leaf (i32.const 1))))
          (func $a (drop (call $leaf (i32.const 1))) (call $b))
          (func $b (call $a))
          (func $x (call $y) (call $y)) (func $y (call $z) (call $z)) (func $z (call $w) (call $w))
          (func $w (call $v) (call $v)) (func $v (call $u) (call $u)) (func $u (call $t) (call $t))
          (func $t (call $s) (call $s)) (func $s (drop (call $leaf (i32.const 1)))))"""
    )
    assert [nested.compiled.brief(index) for index in range(5)] == [True, True, False, False, False]
