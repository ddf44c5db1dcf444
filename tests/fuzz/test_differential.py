"""Bembix at its levels and wasmtime do the same: results, traps, what hosts hear, memories, globals and tables.

    pytest tests/fuzz/test_differential.py           # some hundred programs
    pytest tests/fuzz/test_differential.py -m long   # 20,000 programs, in processes that may crash; about an hour

A failure names its seed: `python tests/fuzz/differential.py SEED` prints the program.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from engines import CHEAP, OPTIMIZED, STENCIL, BembixRunner, Level, check, policy, run
from generator import Program, programs, seeded
from hypothesis import HealthCheck, given, settings
from supervise import supervise

import bembix
from bembix.spec.instructions import BY_NAME, TABLE
from bembix.spec.types import NumType

_WORKER = Path(__file__).with_name("differential.py")
_PAGE = 65536


@pytest.fixture(scope="module")
def oracle() -> None:
    pytest.importorskip("wasmtime", reason="wasmtime, the oracle of differential tests, is not installed")


@pytest.mark.slow
@pytest.mark.usefixtures("oracle")
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(program=programs())
def test_programs_do_the_same_everywhere(program: Program) -> None:
    found = check(program)
    assert found is None, found


def _supervised(first: int, count: int) -> None:
    tally = supervise(_WORKER, first, count, 60)
    print(tally)
    for seed, outcome, words in tally.bad:
        print(f"seed {seed}, {outcome}: {words}")
    assert not tally.bad, f"{tally}: seeds {[seed for seed, _, _ in tally.bad]}"


@pytest.mark.slow
@pytest.mark.usefixtures("oracle")
def test_100_seeds() -> None:
    _supervised(0, 100)


@pytest.mark.long
@pytest.mark.usefixtures("oracle")
def test_20000_seeds() -> None:
    _supervised(100, 19_900)


# -- bounds: what the comparison leaves out, as optimised code may miss an access that comes to nothing ----------------


def _accesses() -> bytes | str:
    """Return a module with a function for each access and offset, each of which needs what it accesses."""
    lines = ['(module (memory 1 2) (func (export "grow") (result i32) i32.const 1 memory.grow)']
    for row in TABLE:
        if not row.width or row.name[0] == "v" or "atomic" in row.name:
            continue
        kind = next(t for t in (*row.results, *row.params) if isinstance(t, NumType))
        for offset in _OFFSETS:
            name = f'(func (export "{row.name} {offset}") (param i32)'
            if row.results:
                lines.append(f"{name} (result {kind}) local.get 0 {row.name} offset={offset})")
            else:
                lines.append(f"{name} local.get 0 {kind}.const 0 {row.name} offset={offset})")
    return "\n".join([*lines, ")"])


_OFFSETS = (0, 1, 7, _PAGE - 4, _PAGE, 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1)
_ADDRESSES = (0, 1, 8, *(_PAGE - k for k in (8, 4, 2, 1, 0, -1)), 2**31 - 1, 2**31, 2**32 - 8, 2**32 - 1)


@pytest.mark.parametrize("level", [STENCIL, CHEAP, OPTIMIZED], ids=lambda level: level.name)
def test_every_access_is_checked(level: Level) -> None:
    with policy(level):
        exports = bembix.Module(_accesses(), engine=level.engine, optimize=level.optimize).instantiate().exports
        wrong = []
        for pages in (1, 2):
            for name in exports:
                row, _, offset = name.partition(" ")
                if row == "grow":
                    continue
                for address in _ADDRESSES:
                    inside = address + int(offset) + BY_NAME[row].width <= pages * _PAGE
                    try:
                        exports[name](address)
                        done = True
                    except bembix.Trap as trap:
                        assert trap.message == "out of bounds memory access"
                        done = False
                    if done is not inside:
                        wrong.append((pages, name, address))
            exports["grow"]()
    assert wrong == []


def test_runners_notice_what_happens() -> None:
    """The comparison is worth something: programs end in every way there is, and hosts hear of them."""
    endings, heard = set(), 0
    with policy(CHEAP):
        for seed in range(200):
            for event in run(seeded(seed), BembixRunner(CHEAP)):
                endings.add(event[-3][0])  # type: ignore[index]
                heard += len(event[-2])  # type: ignore[arg-type]
    assert endings == {"done", "trap", "exception", "host error"}
    assert heard > 20
