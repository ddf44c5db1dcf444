"""Deadlines: `bembix.deadline`, `bembix.run(timeout=...)`, `bembix run --timeout`."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bembix
from bembix import BembixError, Module, Timeout, deadline

SOURCE = """(module $demo
  (import "env" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 32)
  (tag $t)
  (func $inner (loop $l (i32.store (i32.const 0) (i32.const 1)) (br $l)))
  (func (export "outer") (call $inner) (i32.store (i32.const 0) (i32.const 2)))
  (func (export "tight") (loop $l (br $l)))
  (func (export "host") (loop $l (drop (call $f (i32.const 1))) (br $l)))
  (func (export "once") (result i32) (call $f (i32.const 1)))
  (func (export "fill") (loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 2000000)) (br $l)))
  (func $throw (throw $t))
  (func (export "throwing") (loop $l (block $b (try_table (catch $t $b) (call $throw))) (br $l)))
  (func (export "catch") (result i32) (block $b (try_table (catch $t $b) (call $throw)) unreachable) (i32.const 5))
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
WRITE = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 1000000))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 50)))))"""
ENDLESS = '(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'


@pytest.fixture(params=[False, True], ids=["cheap", "optimized"])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    module = Module(SOURCE, optimize=request.param)
    return lambda f=abs: module.instantiate({"env": {"f": f}}).exports


@pytest.mark.parametrize("name", ["outer", "tight", "host", "fill", "throwing"])
def test_a_deadline_stops_a_loop(make: Callable[..., Any], name: str) -> None:
    exports = make()
    for _ in range(3):
        with pytest.raises(Timeout, match=r"not done after 0\.03 s"), deadline(0.03):
            exports[name]()
    assert exports.add(1) == 2
    assert exports.catch() == 5


def test_the_exception(make: Callable[..., Any]) -> None:
    exports = make()
    exports.add(1)
    with deadline(60), pytest.raises(Timeout) as caught, deadline(1.5):
        exports.outer()
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, BembixError)
    assert str(caught.value) == "not done after 1.5 s"
    names = [frame.function for frame in caught.value.backtrace]
    assert names[-1] == "outer"  # where it was not inlined, `inner` is before it
    assert caught.value.describe().startswith("not done after 1.5 s\n    0: demo!")


def test_backtrace_of_a_host_function(make: Callable[..., Any]) -> None:
    with pytest.raises(Timeout) as caught, deadline(0.5):
        make(lambda _: time.sleep(0.001) or 0).host()
    assert [frame.function for frame in caught.value.backtrace] == ["host"]


def test_wasm_that_ends_in_time(make: Callable[..., Any]) -> None:
    exports = make()
    with deadline(30):
        assert exports.add(1) == 2
    assert exports.add(2) == 3


def test_what_begins_after_the_deadline_stops_at_once(make: Callable[..., Any]) -> None:
    exports = make()
    with deadline(0.01):
        time.sleep(0.03)
        for _ in range(3):
            with pytest.raises(Timeout):
                exports.add(1)
    assert exports.add(1) == 2
    with deadline(0), pytest.raises(Timeout):
        exports.add(1)
    assert exports.add(1) == 2


def test_the_earliest_deadline_counts(make: Callable[..., Any]) -> None:
    exports = make()
    with deadline(30):
        with pytest.raises(Timeout, match=r"0\.02"), deadline(0.02):
            exports.tight()
        assert exports.add(1) == 2
    with pytest.raises(Timeout, match=r"0\.05"), deadline(0.05), deadline(30):
        exports.tight()
    with pytest.raises(Timeout, match=r"0\.1 "), deadline(0.1):
        with pytest.raises(Timeout, match=r"0\.02"), deadline(0.02):
            exports.tight()
        exports.tight()
    with deadline(0.02):
        with pytest.raises(Timeout), deadline(0.01):
            time.sleep(0.05)
            exports.add(1)
        with pytest.raises(Timeout):  # the outer one passed meanwhile
            exports.add(1)
    assert exports.add(1) == 2


def test_a_deadline_is_a_number() -> None:
    with pytest.raises(TypeError, match="a deadline is a number of seconds, not str"), deadline("1"):  # type: ignore[arg-type]
        pass


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_no_deadline(seconds: float) -> None:
    with pytest.raises(ValueError, match="0 or more seconds"), deadline(seconds):
        pass


def test_endless_and_very_late_deadlines(make: Callable[..., Any]) -> None:
    for seconds in (float("inf"), 1e30):
        with deadline(seconds):
            assert make().add(1) == 2


def test_nested_calls(make: Callable[..., Any]) -> None:
    inner, seen = make(), []

    def host(_: int) -> int:
        try:
            inner.outer()
        except Timeout as error:
            seen.append(error)
            raise
        return 0

    outer = make(host)  # compiling is no part of it
    with pytest.raises(Timeout) as caught, deadline(0.5):
        outer.host()
    assert caught.value is seen[0]


def test_a_host_function_may_have_a_deadline_of_its_own(make: Callable[..., Any]) -> None:
    inner = make()

    def host(_: int) -> int:
        with pytest.raises(Timeout), deadline(0.01):
            inner.tight()
        return 7

    assert make(host).once() == 7


def test_a_host_function_is_waited_for(make: Callable[..., Any]) -> None:
    seen = []

    def host(_: int) -> int:
        time.sleep(0.4 * len(seen))
        seen.append(1)
        return 7

    exports = make(host)
    exports.once()
    with pytest.raises(Timeout), deadline(0.2):
        exports.once()
    assert seen == [1, 1]


def test_threads(make: Callable[..., Any]) -> None:
    exports, found = make(), []

    def work() -> None:
        try:
            with deadline(0.05):
                exports.outer()
        except Timeout as error:
            found.append(str(error))
        found.append(exports.add(1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, found)) == ["2"] * 4 + ["not done after 0.05 s"] * 4
    with deadline(30):  # that of one thread is nothing to another
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(found) == 10


def timers() -> int:
    return Path("/proc/self/timers").read_text().count("ID:")


@pytest.mark.slow
def test_a_thousand_timeouts_leave_nothing(make: Callable[..., Any]) -> None:
    exports = make()

    def some(count: int) -> None:
        for _ in range(count):
            with pytest.raises(Timeout), deadline(0.0002):
                exports.outer()

    some(100)
    gc.collect()
    before, memory = timers(), resident()
    some(1000)
    gc.collect()
    assert timers() == before
    assert resident() - memory < 4 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_run_with_a_timeout() -> None:
    with pytest.raises(Timeout):
        bembix.run(Module(ENDLESS), timeout=0.05)


def test_sleeping_wasi_functions_give_up() -> None:
    start = time.monotonic()
    with pytest.raises(Timeout) as caught:
        bembix.run(Module(POLL), timeout=0.1)
    assert time.monotonic() - start < 30
    assert type(caught.value) is Timeout
    assert [frame.index for frame in caught.value.backtrace] == [1]


@pytest.mark.parametrize("source", [READ, WRITE], ids=["read", "write"])
def test_pipes_give_up(source: str) -> None:
    out, into = os.pipe()
    try:
        with pytest.raises(Timeout) as caught:
            bembix.run(Module(source), stdin=out, stdout=into, timeout=0.1)
    finally:
        os.close(out)
        os.close(into)
    assert type(caught.value) is Timeout
    assert caught.value.backtrace


def test_a_forked_child_has_the_deadline_too(make: Callable[..., Any]) -> None:
    exports = make()
    with deadline(0.2):
        child = os.fork()
        if not child:
            try:
                exports.tight()
            except Timeout:
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "endless.wat").write_text(ENDLESS)
    line = [sys.executable, "-m", "bembix", "run", "--timeout", "0.5", str(tmp_path / "endless.wat")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert done.returncode == 124
    assert done.stderr.startswith("bembix: stopped by --timeout: not done after 0.5 s")
