"""Threads that call and are stopped at random: see `stopping.py`."""

from __future__ import annotations

import pytest
from stopping import play


@pytest.mark.slow
def test_five_seconds() -> None:
    assert sum(play(5, 1).values()) > 50


@pytest.mark.long
def test_five_minutes() -> None:
    assert sum(play(300, 2).values()) > 1000
