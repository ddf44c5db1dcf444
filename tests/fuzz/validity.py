"""Modules, most of them invalid, judged by Bembix and by wasmtime: a worker for `supervise.py`.

    python tests/fuzz/validity.py 4711 1 10      # case 4711 alone, ten seconds for it
    python tests/fuzz/validity.py 4711 > x.wasm  # its module

Without the conformance suites a case has another seed, so numbers mean the same only where they are there, or are not.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from damage import Damage
from differences import explanation
from generator import seeded
from supervise import FAILURE, report

from bembix.binary.decode import decode
from bembix.binary.encode import encode
from bembix.errors import BembixError, InternalError
from bembix.spec.features import Features
from bembix.text.commands import AssertInvalid, ModuleCommand
from bembix.text.script import parse_script
from bembix.validate.dispatch import make_walker
from bembix.validate.module import check_module

try:
    import wasmtime
except ImportError:  # the oracle is an extra
    wasmtime = None  # type: ignore[assignment]

ROOT = Path(__file__).parents[2]
CONFORMANCE = Path(os.environ.get("BEMBIX_CONFORMANCE") or ROOT.parent / "shared" / "conformance")
SUITES = ("core", "proposals")
#: Real modules; the large ones come up seldom, as they take long.
SMALL = sorted((ROOT / "bench/kernels/wasm").glob("*.wasm"))
LARGE = [ROOT / "tests/data/programs" / f"hello-{name}.wasm" for name in ("c", "rust", "cpp")]
#: What wasmtime can do; it has no switch for legacy exceptions, so Bembix is compared without them.
FEATURES = Features(legacy_exceptions=False)
SWITCHES = (
    "shared_memory", "wasm_bulk_memory", "wasm_custom_page_sizes", "wasm_exceptions", "wasm_function_references",
    "wasm_gc", "wasm_memory64", "wasm_multi_memory", "wasm_multi_value", "wasm_reference_types", "wasm_relaxed_simd",
    "wasm_simd", "wasm_tail_call", "wasm_threads", "wasm_wide_arithmetic",
)  # fmt: skip
_BLOCK = 50  #: cases in a row that take their seeds from the same script, which is slow to read


@dataclass(frozen=True)
class Case:
    """A module and what is said of it.  ours, theirs: why it is rejected; None where it is accepted."""

    content: bytes
    ours: BembixError | None
    theirs: str | None


# -- seeds -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _scripts() -> list[Path]:
    return [path for suite in SUITES for path in sorted((CONFORMANCE / suite).rglob("*.wast"))]


@lru_cache(maxsize=8)
def _script_modules(path: Path) -> list[bytes]:
    """Return the modules of a script that can be read, also those that it calls invalid: little may be wrong."""
    found = []
    for command in parse_script(path.read_bytes(), str(path)):
        if isinstance(command, AssertInvalid):
            command = command.module
        if isinstance(command, ModuleCommand):
            try:
                found.append(command.content if command.form == "binary" else encode(command.load()))
            except BembixError:
                continue
    return [content for content in found if len(content) < 60_000]


@lru_cache(maxsize=64)
def _content(path: Path) -> bytes:
    return path.read_bytes()


@lru_cache(maxsize=64)
def _generated(seed: int) -> tuple[bytes, ...]:
    return tuple(seeded(seed, 40 if seed % 2 else 15).modules.values())


def seeds(number: int) -> list[bytes]:
    """Return the module that a case damages, and others that it may take pieces from."""
    generated = list(_generated(number // 4))
    if number % 100 == 0:
        return [_content(LARGE[number // 100 % 6 % len(LARGE) if number % 300 == 0 else 0]), *generated]
    if number % 8 == 1:
        return [_content(SMALL[number // 8 % len(SMALL)]), *generated]
    scripts = _scripts()
    if scripts and number % 2:
        modules = _script_modules(scripts[number // _BLOCK * 7 % len(scripts)])
        if modules:
            return [modules[number % len(modules)], *generated, *modules[:3]]
    return generated[::-1] if number % 4 else generated


def module(number: int) -> bytes:
    """Return the damaged module of a case."""
    first, *spare = seeds(number)
    return Damage(number, spare)(first)


# -- verdicts ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _engine() -> Any:
    config = wasmtime.Config()
    for switch in SWITCHES:
        setattr(config, switch, True)
    return wasmtime.Engine(config)


def _theirs(content: bytes) -> str | None:
    try:
        wasmtime.Module.validate(_engine(), content)
    except wasmtime.WasmtimeError as error:
        return str(error)
    return None


def _ours(content: bytes) -> BembixError | None:
    try:
        definition = decode(content)
        context = check_module(definition, FEATURES)
        walker = make_walker(context, None)
        for index, code in enumerate(definition.code):
            walker.walk(context.imported_functions + index, code)
    except InternalError:
        raise
    except BembixError as error:
        return error
    return None


def judge(content: bytes) -> Case:
    """Ask both."""
    return Case(content, _ours(content), _theirs(content))


def outcome(case: Case) -> tuple[str, str]:
    """Return what to report of a case."""
    if (case.ours is None) == (case.theirs is None):
        return ("both reject" if case.theirs else "both accept"), ""
    words = f"bembix: {case.ours or 'accepts'}; wasmtime: {case.theirs or 'accepts'}"
    found = explanation(case)
    return (f"explained: {found.name}", words) if found else (FAILURE, words)


def main(first: int, count: int, limit: float, make: Callable[[int], bytes] = module) -> None:
    """Work on some cases."""
    for number in range(first, first + count):
        faulthandler.dump_traceback_later(limit, exit=True)
        try:
            report(number, *outcome(judge(make(number))))
        except Exception as error:
            report(number, FAILURE, f"{type(error).__name__}: {error}")
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.stdout.buffer.write(module(int(sys.argv[1])))
    else:
        main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
