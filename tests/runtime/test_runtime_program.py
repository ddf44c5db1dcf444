"""`bembix.run`: commands, reactors, exit codes, streams."""

from __future__ import annotations

from pathlib import Path

import pytest

import bembix
from bembix import Completed, LinkError, Module, ResourceError, Trap

PROGRAMS = Path(__file__).parents[1] / "data" / "programs"

#: Copies standard input to standard output, writes "!" to standard error, and ends with the number of arguments.
ECHO = r"""(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\20\00\00\00\10\00\00\00") (data (i32.const 16) "!")
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 4) (i32.load (i32.const 8)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 1))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (call $exit (i32.load (i32.const 0)))))"""


def test_streams_and_exit_code() -> None:
    assert bembix.run(Module(ECHO), ["a", "b"], stdin=b"hello") == Completed(3, b"hello", b"!")


def test_streams_that_go_elsewhere(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        done = bembix.run(ECHO.encode(), stdin=b"x", stdout=file)
    assert done == Completed(1, None, b"!")
    assert (tmp_path / "out").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["hello-c.wasm", "hello-cpp.wasm", "hello-rust.wasm"])
def test_real_program(name: str, tmp_path: Path) -> None:
    (tmp_path / "input.txt").write_bytes((PROGRAMS / "input.txt").read_bytes())
    done = bembix.run(PROGRAMS / name, env={"GREETING": "hi"}, dirs={"/data": tmp_path})
    assert done.exit_code == 0, done
    assert done.stdout is not None
    assert b"GREETING: hi" in done.stdout


def test_command_returns() -> None:
    assert bembix.run(b'(module (memory (export "memory") 1) (func (export "_start")))').exit_code == 0


def test_reactor() -> None:
    source = b'(module (func (export "_initialize") unreachable))'
    with pytest.raises(Trap, match="unreachable"):
        bembix.run(source)


def test_a_library_is_no_program() -> None:
    with pytest.raises(LinkError, match=r"_initialize, only gcd$"):
        bembix.run(b'(module (func (export "gcd")))')


def test_no_program() -> None:
    with pytest.raises(LinkError, match="not a WASI program: it exports neither _start nor _initialize"):
        bembix.run(b"(module)")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ('(func (export "_start") (param i32))', r"_start must be a function \(\) -> \(\), not \(i32\) -> \(\)"),
        ('(memory (export "_start") 1)', r"_start must be a function \(\) -> \(\), not "),
    ],
)
def test_an_entry_of_another_type(field: str, words: str) -> None:
    with pytest.raises(LinkError, match=f"not a WASI program: {words}"):
        bembix.run(f"(module {field})".encode())


def test_other_imports() -> None:
    seen: list[int] = []
    source = b'(module (import "env" "f" (func $f (param i32))) (func (export "_start") (call $f (i32.const 5))))'
    with pytest.raises(LinkError, match="unknown import 'env' 'f'"):
        bembix.run(source)
    bembix.run(source, imports={"env": {"f": seen.append}})
    assert seen == [5]


def test_memory_limit() -> None:
    with pytest.raises(ResourceError):
        bembix.run(b'(module (memory (export "memory") 2) (func (export "_start")))', memory=65536)


def test_host_exception_passes() -> None:
    def fail() -> None:
        raise KeyError("mine")

    source = b'(module (import "env" "f" (func $f)) (func (export "_start") call $f))'
    with pytest.raises(KeyError, match="mine"):
        bembix.run(source, imports={"env": {"f": fail}})


def test_a_start_function_may_use_wasi() -> None:
    text = r"""
      (module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "\10\00\00\00\06\00\00\00") (data (i32.const 16) "start\n")
        (func $start (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))) (start $start)
        (func (export "_start")))"""
    assert bembix.run(bembix.Module(text)).stdout == b"start\n"
