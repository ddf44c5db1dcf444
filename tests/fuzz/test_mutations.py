"""Damaged modules end in a clear error or in a run, never in a crash or a hang.

pytest tests/fuzz/test_mutations.py                       # 500 cases
pytest tests/fuzz/test_mutations.py -m long               # all 10,000
BEMBIX_PROGRAMS=folder pytest tests/fuzz/test_mutations.py -m long   # with larger programs, too
"""

from __future__ import annotations

from pathlib import Path

import pytest
from mutations import MODULES, mutation
from supervise import supervise

_WORKER = Path(__file__).with_name("mutations.py")
_LIMIT = 4.0  #: seconds; an endless loop of a damaged program is stopped by then, and counts as a run


def _run(first: int, count: int, folder: Path) -> None:
    tally = supervise(_WORKER, first, count, _LIMIT, hang="stopped while it ran")
    print(tally)
    for number, outcome, words in tally.bad:
        path = folder / f"mutation-{number}.wasm"
        path.write_bytes(mutation(number))
        print(f"case {number}, {outcome}, saved as {path}: {words}")
    assert not tally.bad, f"{len(tally.bad)} of {tally}: cases {[number for number, _, _ in tally.bad]}"


def test_the_modules_are_there() -> None:
    assert [path.name for path in MODULES if not path.is_file()] == []
    assert len(MODULES) == 10


@pytest.mark.slow
def test_500_damaged_modules(tmp_path: Path) -> None:
    _run(0, 500, tmp_path)


@pytest.mark.long
def test_10000_damaged_modules(tmp_path: Path) -> None:
    _run(500, 9_500, tmp_path)
