"""`python -m bembix`: the command."""

from __future__ import annotations

import sys

from bembix.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
