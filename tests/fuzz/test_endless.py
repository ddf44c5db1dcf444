"""Loops without an effect are loops: no level takes them away, or what would come behind them would happen.

Each runs in a process of its own that is ended after a while; one that ends by itself is wrong.
"""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

_FUNCTIONS = {
    "loop": '(func (export "run") (loop (br 0)))',
    "guarded": '(func (export "run") (loop (br_if 0 (i32.const 1))) unreachable)',
    "called": '(func $f (loop (br 0))) (func (export "run") (call $f) unreachable)',
    "unused": '(func $f (result i32) (loop (br 0)) (i32.const 1)) (func (export "run") (drop (call $f)) unreachable)',
    "counting": """(func (export "run") (local i64)
        (loop (local.set 0 (i64.add (local.get 0) (i64.const 2))) (br_if 0 (i64.ne (local.get 0) (i64.const 1))))
        unreachable)""",
    "tail": '(func $f (export "run") (return_call $f))',
    "through memory": """(memory 1) (func (export "run")
        (loop (br_if 0 (i32.eqz (i32.load (i32.const 0))))) unreachable)""",
}
_SECONDS = 1.0


@pytest.mark.slow
@pytest.mark.parametrize("optimize", [False, True], ids=["cheap", "O2"])
def test_endless_loops_do_not_end(optimize: bool) -> None:
    script = (
        "import bembix, sys; i = bembix.Module(sys.argv[1], optimize={}).instantiate(); print(); i.exports['run']()"
    )
    ended = []
    running = {
        name: subprocess.Popen(
            [sys.executable, "-c", script.format(optimize), f"(module {text})"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, text in _FUNCTIONS.items()
    }
    try:
        for process in running.values():
            assert process.stdout is not None
            process.stdout.readline()  # it is about to run
        time.sleep(_SECONDS)
        for name, process in running.items():
            if process.poll() is not None:
                assert process.stderr is not None
                ended.append((name, process.returncode, process.stderr.read()[-500:]))
    finally:
        for process in running.values():
            with process:
                process.kill()
    assert ended == []
