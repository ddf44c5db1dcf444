"""`bembix run`, as a process of its own where signals, standard streams or exit codes matter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

#: Writes all strings that a WASI function pair such as args_sizes_get, args_get gives, each ended by a NUL.
ECHO = """
(module
  (import "wasi_snapshot_preview1" "{what}_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "{what}_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $sizes (i32.const 0) (i32.const 12)))
    (drop (call $get (i32.const 1024) (i32.const 8192)))
    (i32.store (i32.const 8) (i32.const 8192))
    (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 4)))))
"""
EXIT = """
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $exit (i32.const {code})) (unreachable)))
"""
TRAP = '(module $demo (memory (export "memory") 1) (func $inner (unreachable)) (func (export "_start") (call $inner)))'
THROW = (
    '(module $demo (memory (export "memory") 1) (tag $t (param i32)) (func (export "_start") (throw $t (i32.const 7))))'
)
ENDLESS = '(module (memory (export "memory") 1) (func (export "_start") (loop $l (br $l))))'
NUMBERS = """
(module
  (func (export "swap") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
  (func (export "float") (param f32) (result f64) (f64.promote_f32 (local.get 0)))
  (func (export "same") (param externref) (result externref) (local.get 0))
  (func (export "nothing")))
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "program.wat") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    line = [sys.executable, "-m", "bembix", "run", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, timeout=60, **options)


def test_hello_in_both_formats(bembix, tmp_path) -> None:
    binary = tmp_path / "hello.wasm"
    assert bembix("parse", EXAMPLES / "hello.wat", "-o", binary).code == 0
    for file in (EXAMPLES / "hello.wat", binary):
        done = run(file)
        assert (done.stdout, done.stderr, done.returncode) == (b"Hello, World!\n", b"", 0)


def test_what_follows_the_file_goes_to_the_program(write) -> None:
    file = write(ECHO.format(what="args"))
    words = ["-O", "--dir", "x", "--", "--invoke", "y", ""]
    assert run("-O", file, *words).stdout.split(b"\0") == [b"program.wat", *(w.encode() for w in words), b""]


def test_a_double_dash_before_the_file_hands_over_invoke_too(write) -> None:
    file = write(ECHO.format(what="args"))
    assert run("--", file, "--invoke", "f").stdout == b"program.wat\0--invoke\0f\0"


def test_the_environment_is_what_is_handed_over(write) -> None:
    file = write(ECHO.format(what="environ"))
    assert run(file).stdout == b""
    done = run("--env", "A=1=2", "--env", "HERE", file, env={**os.environ, "HERE": "yes"})
    assert done.stdout == b"A=1=2\0HERE=yes\0"


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code_is_the_programs(write, code: int) -> None:
    assert run(write(EXIT.format(code=code))).returncode == code


def test_a_trap_shows_where_and_exits_with_134(write) -> None:
    done = run(write(TRAP))
    assert done.returncode == 134
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "bembix: trap: unreachable"
    assert [line.split()[:2] for line in lines[1:]] == [["0:", "demo!inner"], ["1:", "demo!_start"]]


def test_an_exception_that_nothing_catches_exits_with_134(write) -> None:
    done = run(write(THROW))
    assert done.returncode == 134
    assert done.stderr.startswith(b"bembix: exception: ")


def test_interrupt_ends_an_endless_loop(write) -> None:
    line = [sys.executable, "-c", INTERRUPTED, str(write(ENDLESS))]
    with subprocess.Popen(line, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)  # until it loops; the handler is the default one by then, or Python's, which ends it too
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT


INTERRUPTED = """
import sys
from bembix.cli.main import main
import bembix.program, bembix.runtime.instantiate, bembix.compile.llvm.tier
print(flush=True)
main(["run", sys.argv[1]])
"""


def test_a_missing_import_is_named(write) -> None:
    done = run(write('(module (import "env" "f" (func)) (memory (export "memory") 1) (func (export "_start")))'))
    assert done.returncode == 1
    assert b"env" in done.stderr and b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "content", [b"", b"\0asm\1\0\0\0\1", b"garbage\xff", b"(module", b"(module (func (result i32)))"]
)
def test_a_bad_module_is_named(bembix, tmp_path, content: bytes) -> None:
    file = tmp_path / "bad.wasm"
    file.write_bytes(content)
    done = bembix("run", file)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"bembix: {file}:")


def test_a_library_is_no_program() -> None:
    done = run(EXAMPLES / "add.wat")
    assert done.returncode == 1
    assert b"_start" in done.stderr


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["swap", "-1", "0xffff_ffff_ffff_fff0"], "-16\n-1\n"),
        (["swap", "4294967295", "3"], "3\n-1\n"),
        (["float", "0.1"], "0.10000000149011612\n"),
        (["float", "-inf"], "-inf\n"),
        (["float", "0x1.8p1"], "3.0\n"),
        (["same", "null"], "null\n"),
        (["same", "some text"], "some text\n"),
        (["nothing"], ""),
    ],
    ids=" ".join,
)
def test_invoke_prints_the_results(bembix, write, words: list[str], printed: str) -> None:
    file = write(NUMBERS)
    assert bembix("run", file, "--invoke", *words).out == printed
    assert bembix("run", "--invoke", words[0], file, *words[1:]).out == printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["swp"], "did you mean swap?"),
        (["swap", "1"], "takes 2 arguments"),
        (["swap", "x", "1"], "'x' is no i32"),
        (["swap", "4294967296", "1"], "'4294967296' is no i32: i32 constant out of range"),
        (["float", "one"], "'one' is no f32"),
    ],
    ids=" ".join,
)
def test_invoke_refuses_what_does_not_fit(bembix, write, words: list[str], message: str) -> None:
    done = bembix("run", write(NUMBERS), "--invoke", *words)
    assert (done.code, done.out) == (1, "")
    assert message in done.err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--",), ("--env", "=x", "f"), ("--dir", "::g", "f"), ("--engine", "steam", "f")],
    ids=str,
)
def test_wrong_usage(bembix, arguments: tuple[str, ...]) -> None:
    done = bembix("run", *arguments)
    assert (done.code, done.out) == (2, "")


def test_an_engine_that_is_not_there_yet(bembix) -> None:
    done = bembix("run", "--engine", "python", EXAMPLES / "hello.wat")
    assert done.code == 1
    assert "not in this version" in done.err
