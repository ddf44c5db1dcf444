"""WASI: programs that use files, clocks and standard streams, and see only what they were handed.

The capabilities (`stdio`, `file`, `directory`, `clocks`) are the host's; `preview1` offers them under its names.
Source: WASI snapshot_preview1.
"""

from __future__ import annotations

from bembix.wasi.context import Dir, Wasi
from bembix.wasi.stdio import INHERIT, NULL, Capture

__all__ = ["INHERIT", "NULL", "Capture", "Dir", "Wasi"]
