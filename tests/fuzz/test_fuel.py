"""Fuel is the same on every engine, at every level, wherever the host looks; see `fuel.py`."""

from __future__ import annotations

import pytest
from fuel import main


@pytest.mark.slow
def test_30_seeds() -> None:
    assert main(0, 30) == 0
