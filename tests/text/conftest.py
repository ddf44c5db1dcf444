"""Puts the strategies of the binary tests on the path: the text tests draw the same immediates and modules."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "binary"))
