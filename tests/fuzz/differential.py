"""Generated programs under every level and wasmtime: a worker for `supervise.py`.

python tests/fuzz/differential.py 4711 1 60   # the program of seed 4711, sixty seconds for it
python tests/fuzz/differential.py 4711        # print it
"""

from __future__ import annotations

import sys
import traceback

from engines import check
from generator import seeded
from supervise import FAILURE, limited, report


def size(seed: int) -> int:
    """Return how large the program of a seed gets: mostly small, as those find most."""
    return 150 if seed % 10 == 0 else 40 if seed % 2 else 20


def main(first: int, count: int, limit: float) -> None:
    """Work on some seeds."""
    for seed in range(first, first + count):
        try:
            with limited(limit):
                found = check(seeded(seed, size(seed)))
            report(seed, "agrees" if found is None else FAILURE, found or "")
        except Exception:
            report(seed, FAILURE, traceback.format_exc()[-1500:])


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(seeded(int(sys.argv[1]), size(int(sys.argv[1]))))
    else:
        main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
