"""Files that come with the package, read from wherever the package is: a folder or an archive.

`importlib.resources` does the same, and imports `tempfile`, `pathlib` and more for it (8 ms).
"""

from __future__ import annotations

import os
import sys
from typing import Any


def read(module: str, name: str) -> bytes:
    """Return the contents of the file `name` beside a module, given by its `__name__`.  Errors: OSError."""
    spec: Any = sys.modules[module].__spec__
    return bytes(spec.loader.get_data(os.path.join(os.path.dirname(spec.origin), name)))
