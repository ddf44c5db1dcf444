"""Time whole processes: one WASI command under `bembix run` and under wasmtime-py, interleaved.

Example: python bench/startup.py --cold -- python.wasm -c "print(6 * 7)"

What stands after `--` is handed to both. With --cold every run starts with an empty cache folder; without it the
first run of each engine fills the cache and is not counted. The exit code is 1 when the two disagree.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

from tables import render

PEER = Path(__file__).parent / "wasmtime_run.py"
Outcome = tuple[bytes, int]  # standard output and exit code


@dataclass(frozen=True, slots=True)
class Sample:
    """One process: seconds until its first byte of output, until its end, of CPU; its largest size."""

    first_output: float
    wall: float
    user: float
    system: float
    megabytes: float


def run(command: Sequence[str], cache: str) -> tuple[Sample, bytes, int]:
    """Start a command with its caches in that folder; give its times, output and exit code."""
    environment = os.environ | {"XDG_CACHE_HOME": cache}
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment) as process:
        assert process.stdout is not None  # it was asked for
        first = process.stdout.read(1)
        first_output = time.perf_counter() - start
        output = first + process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    sample = Sample(first_output, wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024)
    return sample, output, process.returncode


def commands(options: argparse.Namespace) -> dict[str, list[str]]:
    """Give the command line of each engine."""
    cached = [] if options.cold else ["--cache"]
    return {
        "bembix": [sys.executable, "-m", "bembix", "run", *options.command],
        "wasmtime": [sys.executable, str(options.peer), *cached, *options.command],
    }


def measure(options: argparse.Namespace) -> tuple[dict[str, list[Sample]], dict[Outcome, str]]:
    """Run the engines in turn; give the samples, and for each distinct outcome the engine that had it first."""
    engines = commands(options)
    samples: dict[str, list[Sample]] = {name: [] for name in engines}
    outcomes: dict[Outcome, str] = {}
    with tempfile.TemporaryDirectory(prefix="bembix-bench-") as warm:
        for turn in range(options.rounds + (0 if options.cold else 1)):
            for name, command in engines.items():
                with tempfile.TemporaryDirectory(prefix="bembix-bench-") as empty:
                    sample, output, code = run(command, empty if options.cold else warm)
                outcomes.setdefault((output, code), name)
                if options.cold or turn:
                    samples[name].append(sample)
    return samples, outcomes


def medians(samples: Sequence[Sample]) -> dict[str, float]:
    return {field.name: median(asdict(sample)[field.name] for sample in samples) for field in fields(Sample)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="empty the caches before every run")
    parser.add_argument("--peer", type=Path, default=PEER, help="script to run instead of wasmtime_run.py")
    parser.add_argument("--json", action="store_true", help="print seconds as JSON")
    parser.add_argument("command", nargs="+", help="what follows `bembix run`: options, file, arguments")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    samples, outcomes = measure(options)
    table = {name: medians(taken) for name, taken in samples.items()}
    if options.json:
        print(json.dumps(table, indent=2))
    else:
        header = ["median", "first output ms", "wall ms", "user ms", "system ms", "MB"]
        rows = [
            [name, *(f"{value if key == 'megabytes' else value * 1e3:,.0f}" for key, value in row.items())]
            for name, row in table.items()
        ]
        print(render(header, rows))
    if len(outcomes) > 1:
        for (output, code), name in outcomes.items():
            print(f"{name}: exit code {code}, output {output[:200]!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
