"""`python -m bembix`: the command."""

from __future__ import annotations

import sys

from bembix.cli.process import run

if __name__ == "__main__":
    sys.exit(run())
