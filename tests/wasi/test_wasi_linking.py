"""Libraries that import WASI: `Wasi.instantiate`."""

from __future__ import annotations

import gc
import weakref

import pytest

import bembix
from bembix.wasi import Capture, Wasi

LIBRARY = bembix.Module("""
  (module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "host" "number" (func $number (result i32)))
    (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (func (export "_initialize")
      (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 6))
      (i64.store (i32.const 16) (i64.const 0x0a6f6c6c6568))
      (global.set $calls (i32.add (global.get $calls) (call $number))))
    (func (export "calls") (result i32) (global.get $calls))
    (func (export "exit") (call $exit (i32.const 7)))
    (func (export "hello") (result i32) (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
""")
IMPORTS = {"host": {"number": lambda: 5}}
BADF = 8


def test_it_is_set_up_once() -> None:
    output = Capture()
    instance = Wasi(stdout=output).instantiate(LIBRARY, IMPORTS)
    assert instance.exports.calls() == 5
    assert instance.exports.hello() == 0
    assert output.getvalue() == b"hello\n"
    fork = Wasi(stdout=output).instantiate(LIBRARY, IMPORTS, snapshot=instance.snapshot())
    assert fork.exports.calls() == 5
    assert fork.exports.hello() == 0
    assert output.getvalue() == b"hello\nhello\n"


def test_it_is_closed_with_its_capabilities() -> None:
    with Wasi(stdout=Capture()) as wasi:
        instance = wasi.instantiate(LIBRARY, IMPORTS)
    assert instance.exports.hello() == BADF


def test_it_may_end_itself() -> None:
    with pytest.raises(bembix.Exit) as caught:
        Wasi().instantiate(LIBRARY, IMPORTS).exports.exit()
    assert caught.value.code == 7


def test_it_lives_in_a_store_with_limits() -> None:
    store = bembix.Store(limits=bembix.Limits(memory="32 KiB"))
    with pytest.raises(bembix.MemoryExceeded):
        Wasi().instantiate(LIBRARY, IMPORTS, store=store)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(bembix.LinkError, match="unknown import 'host' 'number'"):
        Wasi().instantiate(LIBRARY)


def test_it_goes_when_nobody_has_it() -> None:
    instance = Wasi().instantiate(LIBRARY, IMPORTS)
    gone = weakref.ref(instance)
    del instance
    gc.collect()
    assert gone() is None
