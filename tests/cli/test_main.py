from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from bembix.cli.main import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_a_module_and_help(bembix, name: str) -> None:
    module = import_module(f"bembix.cli.{name}")
    assert module.add_arguments and module.execute
    done = bembix(name, "--help")
    assert done.code == 0
    assert done.out.startswith(f"usage: bembix {name}")


def test_no_command_shows_the_usage(bembix) -> None:
    done = bembix()
    assert done.code == 2
    assert all(name in done.err for name in COMMANDS)


def test_help_and_version(bembix) -> None:
    assert "commands:" in bembix("--help").out
    assert bembix("--version").out.startswith("bembix 0")


def test_unknown_command_names_a_near_one(bembix) -> None:
    done = bembix("validat")
    assert (done.code, done.out) == (2, "")
    assert "did you mean `validate`?" in done.err


def test_wrong_usage(bembix) -> None:
    assert bembix("print").code == 2
    assert bembix("print", "--nonsense", "x").code == 2


def test_missing_file_is_one_line(bembix) -> None:
    done = bembix("print", "/nowhere/to/be/found.wasm")
    assert (done.code, done.err) == (1, "bembix: /nowhere/to/be/found.wasm: No such file or directory\n")


def test_a_folder_is_no_module(bembix, tmp_path) -> None:
    done = bembix("inspect", tmp_path)
    assert done.code == 1
    assert "Is a directory" in done.err


def test_a_closed_pipe_is_no_error() -> None:
    line = f"{sys.executable} -m bembix explain {' '.join(['i32.add'])} | true"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


def test_what_waits_for_the_end_of_the_process_is_done(tmp_path: Path) -> None:
    program = tmp_path / "program.wat"
    program.write_text(EXITING)
    code = "import atexit, bembix.cli.process; atexit.register(print, 'the end'); sys.exit(bembix.cli.process.run())"
    code = f"import sys; sys.argv = ['bembix', 'run', {str(program)!r}]; {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\nthe end\n", "")


def test_a_profiler_has_the_last_word(tmp_path: Path) -> None:
    program = tmp_path / "program.wat"
    program.write_text(EXITING)
    command = [sys.executable, "-m", "cProfile", "-m", "bembix", "run", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("out\n")
    assert "cumtime" in done.stdout


EXITING = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\04\\00\\00\\00out\\0a")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
    (call $exit (i32.const 3))))"""
