"""The official scripts, and the ways out of compiled code, on aarch64: an arm64 CPython in qemu's emulation of a CPU.

CONTRIBUTING.md says how to set that up; without it this is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bembix.script.count import assertion_lines

pytestmark = pytest.mark.long

SOURCE = Path(__file__).parents[2] / "src"
EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = Path(os.environ.get("BEMBIX_CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance")
SUITES = ("core", "custom", "legacy", "proposals")
PATHS = [path.relative_to(SCRIPTS).as_posix() for suite in SUITES for path in sorted((SCRIPTS / suite).rglob("*.wast"))]
ROOT = Path(os.environ.get("BEMBIX_AARCH64") or "/nowhere")
QEMU = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
ENGINES = ("stencil", "llvm")

if QEMU is None:
    pytest.skip("there is no qemu-aarch64 (Debian's package qemu-user)", allow_module_level=True)
if not (ROOT / "usr/bin/python3.11").exists():
    pytest.skip("BEMBIX_AARCH64 names no folder with an arm64 usr/bin/python3.11", allow_module_level=True)


def python(*arguments: str, timeout: int = 300) -> subprocess.CompletedProcess[str]:
    """Run the emulated Python."""
    command = [str(QEMU), "-L", str(ROOT), str(ROOT / "usr/bin/python3.11"), *arguments]
    environment = {"PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nowhere"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout)


@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
def test_program(engine: str) -> None:
    done = python("-m", "bembix", "run", "--engine", engine, str(EXAMPLES / "hello.wat"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello, World!\n", "")


WAYS_OUT = r'''
import sys
import bembix

module = bembix.Module("""(module
  (type $box (struct (field i32) (field externref)))
  (import "env" "host" (func $host (param i32) (result i32)))
  (import "env" "tag" (tag $tag (param i32)))
  (memory (export "memory") 1 3)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "div") (param i32) (result i32) (i32.div_s (i32.const 8) (local.get 0)))
  (func (export "spin") (loop $l (br $l)))
  (func $deep (export "deep") (result i32) (i32.add (call $deep) (i32.const 1)))
  (func (export "churn") (param $n i32) (result i32) (local $last (ref null $box))
    (loop $l
      (local.set $last (struct.new $box (local.get $n) (ref.null extern)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (struct.get $box 0 (local.get $last)))
  (func (export "catch") (param i32) (result i32)
    (block $caught (result i32)
      (try_table (result i32) (catch $tag $caught) (call $host (local.get 0))) (return))
    (i32.add (i32.const 1000)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))""", engine=sys.argv[1])

tag = bembix.Tag(("i32",))

def host(value):
    if value == 1:
        raise bembix.WasmException(tag, (7,))
    if value == 2:
        raise LookupError("two")
    return value

exports = module.instantiate({"env": {"host": host, "tag": tag}}).exports

def outcome(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]

print(outcome(exports.load, 8), outcome(exports.load, -1), outcome(exports.div, 0), outcome(exports.deep), sep="; ")
try:
    exports.div(0)
except bembix.Trap as error:
    print([frame.function for frame in error.backtrace])
try:
    with bembix.deadline(0.2):
        exports.spin()
except bembix.Timeout as error:
    print(type(error).__name__)
print(exports.churn(500_000))
print([outcome(exports["catch"], value) for value in (0, 1, 2)], exports.grow(1), exports.grow(9))
'''


@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
def test_ways_out(engine: str) -> None:
    done = python("-c", WAYS_OUT, engine)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "0; Trap: out of bounds memory access; Trap: integer divide by zero; StackExhausted: call stack exhausted",
        "['div']",
        "Timeout",
        "1",
        "[0, 1007, 'LookupError: two'] 1 -1",
    ]


BETTER = r"""
import bembix

module = bembix.Module('''(module
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2))))))))''')
print(module.instantiate().exports.fib(30))
print(module.compiled.is_optimized(0))
"""


def test_llvm_makes_better_code_of_what_stencils_began() -> None:
    done = python("-c", BETTER)
    assert (done.stdout, done.stderr) == ("832040\nTrue\n", "")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("script", PATHS)
def test_script(script: str, engine: str) -> None:
    # A process each: qemu keeps a record of every page that was ever reserved, gigabytes for a whole suite.
    done = python("-m", "bembix", "wast", "--engine", engine, "--json", str(SCRIPTS / script), timeout=3000)
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert result["total"] == len(assertion_lines((SCRIPTS / script).read_text("utf-8", "replace")))
    assert result["failures"] == []
