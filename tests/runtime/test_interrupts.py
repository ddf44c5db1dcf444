"""Signals with Python handlers while Wasm runs in the main thread."""

from __future__ import annotations

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
from bembix import Module
from bembix.native import interrupts

SOURCE = """(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 32)
  (func $turn (param $x i32) (result i32)
    (loop $l
      (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
      (br $l))
    unreachable)
  (func (export "spin") (result i32) (i32.add (call $turn (i32.const 1)) (i32.const 0)))
  (func (export "tight") (loop $l (br $l)))
  (func (export "host") (loop $l (drop (call $f (i32.const 1))) (br $l)))
  (func (export "fill") (loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 2000000)) (br $l)))
  (func (export "grow") (loop $l (drop (memory.grow (i32.const 0))) (br $l)))
  (func $leaf (param i64 i64) (result i64) (i64.mul (local.get 0) (i64.add (local.get 1) (i64.const 3))))
  (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64 i64 i64)
    (call $leaf (local.get 8) (local.get 0)) (i64.add (local.get 6) (local.get 7)) (local.get 5))
  (func (export "sum") (param $n i64) (result i64) (local $s i64) (local $a i64) (local $b i64) (local $c i64)
    (loop $l
      (call $many (local.get $n) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
        (i64.const 7) (local.get $n))
      (local.set $c) (local.set $b) (local.set $a)
      (local.set $s (i64.add (local.get $s) (i64.add (local.get $a) (i64.xor (local.get $b) (local.get $c)))))
      (br_if $l (i64.ne (local.tee $n (i64.sub (local.get $n) (i64.const 1))) (i64.const 0))))
    (local.get $s)))"""


def total(n: int) -> int:
    value = sum(k * (k + 3) + (13 ^ 5) for k in range(1, n + 1)) % 2**64
    return value - 2**64 if value >= 2**63 else value


class Rang(Exception):
    pass


def ring(*_: object) -> None:
    raise Rang


@contextmanager
def handling(number: int, handler: Any) -> Iterator[None]:
    gc.disable()  # what a handler raises in a callback of the garbage collector is lost, in any Python program
    before = signal.signal(number, handler)
    interrupts.repair(everything=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(number, before)
        gc.enable()


@contextmanager
def alarm(after: float, every: float = 0.0, handler: Any = ring) -> Iterator[None]:
    with handling(signal.SIGALRM, handler):
        signal.setitimer(signal.ITIMER_REAL, after, every)
        yield


@pytest.fixture(params=[False, True], ids=["cheap", "optimized"])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    module = Module(SOURCE, optimize=request.param)
    return lambda f=abs: module.instantiate({"env": {"f": f}}).exports


def test_the_handlers_are_put_before_those_of_python_only(make: Callable[..., Any]) -> None:
    make()
    found = interrupts._interrupts
    assert found is not None
    assert not found.handlers.foreign(64) & (1 << (signal.SIGINT - 1))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL
    with handling(signal.SIGUSR2, signal.SIG_IGN):
        assert signal.getsignal(signal.SIGUSR2) == signal.SIG_IGN


@pytest.mark.parametrize("name", ["spin", "tight", "host", "fill", "grow"])
def test_an_exception_of_a_handler_stops_a_loop(make: Callable[..., Any], name: str) -> None:
    exports = make()
    for _ in range(3):
        with pytest.raises(Rang), alarm(0.02):
            exports[name]()
    assert exports.sum(10) == total(10)


def test_interrupt_from_another_thread(make: Callable[..., Any]) -> None:
    # Wasm keeps the GIL: whoever sends must not be a Python thread of this process.
    exports = make()
    line = f"sleep 0.1; kill -INT {os.getpid()}"
    with subprocess.Popen(["sh", "-c", line]), pytest.raises(KeyboardInterrupt):
        exports.spin()
    assert exports.sum(10) == total(10)


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM, signal.SIGRTMIN], ids=["USR1", "TERM", "RTMIN"])
def test_other_signals(make: Callable[..., Any], number: int) -> None:
    exports = make()
    command = ["sh", "-c", f"sleep 0.05; kill -{int(number)} {os.getpid()}"]
    with handling(number, ring), subprocess.Popen(command), pytest.raises(Rang):
        exports.spin()


def test_a_handler_that_returns_changes_nothing(make: Callable[..., Any]) -> None:
    exports, seen = make(), []
    n = 200_000

    def handler(*_: object) -> None:
        seen.append(exports.sum(7))

    exports.sum(n)  # so that it is compiled: a handler that takes longer than until the next signal never ends
    with alarm(0.001, 0.001, handler):
        while len(seen) < 100:
            assert exports.sum(n) == total(n)
    assert set(seen) == {total(7)}


def test_a_host_function_sees_it_first(make: Callable[..., Any]) -> None:
    def wait(_: int) -> int:
        time.sleep(30)
        return 0

    with pytest.raises(Rang), alarm(0.5):
        make(wait).host()


def test_nested_calls_stop_one_by_one(make: Callable[..., Any]) -> None:
    inner, seen = make(), []

    def host(_: int) -> int:
        try:
            inner.spin()
        except Rang:
            seen.append("inner")
            raise
        return 0

    with pytest.raises(Rang), alarm(0.5):
        make(host).host()
    assert seen == ["inner"]


def test_nested_calls_go_on_where_the_host_function_does(make: Callable[..., Any]) -> None:
    inner, seen = make(), []

    def host(_: int) -> int:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        try:
            inner.tight()
        except Rang:
            seen.append(1)
        if len(seen) == 5:
            raise LookupError
        return 0

    with handling(signal.SIGALRM, ring), pytest.raises(LookupError):
        make(host).host()
    assert len(seen) == 5


def test_compiling_is_not_interrupted() -> None:
    # 200 functions, each compiled at its first call, under a rain of signals.
    functions = "".join(
        f'(func $f{k} (export "f{k}") (param i32) (result i32) (i32.add (local.get 0) (i32.const {k})))'
        for k in range(200)
    )
    calls = "".join(f"(local.set 0 (call $f{k} (local.get 0)))" for k in range(200))
    module = Module(f'(module {functions} (func (export "all") (param i32) (result i32) {calls} (local.get 0)))')
    count = [0]

    def handler(*_: object) -> None:
        count[0] += 1

    with alarm(0.001, 0.001, handler):
        assert module.instantiate().exports.all(1) == 1 + sum(range(200))
    assert count[0] > 0


def test_an_exception_while_compiling_leaves_the_function_to_be_compiled_again() -> None:
    module = Module('(module (func $g (loop $l (br $l))) (func (export "f") (call $g)))')
    exports = module.instantiate().exports
    for delay in (0.0001, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016):
        with pytest.raises(Rang), alarm(delay, 0.2):
            exports.f()


@pytest.mark.slow
def test_exceptions_never_reach_into_llvm(capfd: pytest.CaptureFixture[str]) -> None:
    # Its Python side would free memory twice, or tell of attributes that its objects do not have.
    for turn in range(40):
        module = Module(SOURCE, engine="llvm", optimize=bool(turn % 2))
        exports = module.instantiate({"env": {"f": abs}}).exports
        with pytest.raises(Rang), alarm(0.0005 * (turn + 1), 0.2):
            exports.spin()
    assert "Exception ignored" not in capfd.readouterr().err


def test_a_signal_just_before_wasm_is_not_lost(make: Callable[..., Any]) -> None:
    # `map` calls without a look at signals in between.
    exports = make()
    for turn in range(50):
        with pytest.raises(Rang), alarm(0.0001 + turn * 0.00001):
            list(map(lambda f: f(), [exports.tight]))  # noqa: C417


def test_other_threads_have_no_handlers(make: Callable[..., Any]) -> None:
    exports, n = make(), 50_000
    found: list[int] = []
    seen: list[int] = []
    with alarm(0.001, 0.001, lambda *_: seen.append(threading.get_ident())):
        threads = [threading.Thread(target=lambda: found.append(exports.sum(n))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [total(n)] * 4
    assert set(seen) <= {threading.get_ident()}


IN_CHILD = """
import bembix, faulthandler, os, signal, sys, time
{before}
exports = bembix.Module('(module (func (export "spin") (loop $l (br $l))))').instantiate().exports
{after}
"""


def child(before: str, after: str) -> subprocess.CompletedProcess[str]:
    source = IN_CHILD.format(before=before, after=after)
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)


def test_a_forked_child_is_interrupted_too() -> None:
    after = """
def stop(*_): raise LookupError
def run():
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try: exports.spin()
    except LookupError: return 0
    return 1
signal.signal(signal.SIGALRM, stop)
run()
import threading
def fork():
    pid = os.fork()
    if not pid:
        bembix.Module('(module)').instantiate()
        os._exit(run())
    codes.append(os.waitpid(pid, 0)[1])
codes = []
fork()
thread = threading.Thread(target=fork); thread.start(); thread.join()
print(codes)
"""
    done = child("", after)
    assert (done.stdout, done.returncode) == ("[0, 0]\n", 0), done.stderr


def test_faulthandler_still_works() -> None:
    done = child("faulthandler.enable(); faulthandler.register(signal.SIGUSR1)", "os.kill(os.getpid(), signal.SIGUSR1)")
    assert done.returncode == 0
    assert "most recent call first" in done.stderr
    done = child("faulthandler.enable()", "import ctypes; ctypes.string_at(0)")
    assert done.returncode == -signal.SIGSEGV
    assert "Segmentation fault" in done.stderr


def test_a_python_handler_on_an_alternate_stack() -> None:
    # faulthandler gives the main thread a small one, where no Python could run.
    after = """
def handler(*_):
    def deep(n): return deep(n - 1) if n else seen.append(1)
    deep(300)
    if len(seen) == 10: raise LookupError
seen = []
signal.signal(signal.SIGALRM, handler)
bembix.Module('(module)').instantiate()
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
try: exports.spin()
except LookupError: signal.setitimer(signal.ITIMER_REAL, 0)
print(len(seen))
"""
    done = child("faulthandler.enable()", after)
    assert (done.stdout, done.returncode) == ("10\n", 0), done.stderr


def test_default_and_ignored_signals_stay_so() -> None:
    done = child("signal.signal(signal.SIGINT, signal.SIG_DFL)", "os.kill(os.getpid(), signal.SIGINT); time.sleep(9)")
    assert done.returncode == -signal.SIGINT
    after = "os.kill(os.getpid(), signal.SIGINT); print(1)"
    assert child("signal.signal(signal.SIGINT, signal.SIG_IGN)", after).stdout == "1\n"


def test_handler_and_deadline_together(make: Callable[..., Any]) -> None:
    exports, seen = make(), []
    with alarm(0.002, 0.002, lambda *_: seen.append(1)), pytest.raises(bembix.Timeout), bembix.deadline(0.2):
        exports.spin()
    assert seen
