"""Real modules with random damage: a worker for `supervise.py` that reads, checks and runs them.

python tests/fuzz/mutations.py 4711 1 10     # case 4711 alone, ten seconds for it
python tests/fuzz/mutations.py 4711 > x.wasm # its module
"""

from __future__ import annotations

import os
import random
import resource
import sys
from functools import lru_cache
from pathlib import Path

from supervise import FAILURE, limited, report

import bembix

ROOT = Path(__file__).parents[2]
#: Ten real modules of different toolchains.
MODULES = [
    *(ROOT / "tests/data/programs" / f"hello-{name}.wasm" for name in ("c", "cpp", "rust")),
    *(
        ROOT / "bench/kernels/wasm" / f"{name}.wasm"
        for name in ("bytecode", "call_indirect", "float_format", "hashmap", "lz", "sha256", "trees")
    ),
]
#: What a module may allocate, whatever its damaged sizes say.
MEMORY = 256 << 20
_DATA = 4 << 30  #: for all of the process
_SMALL = 8_000  #: bytes of a module that is optimised as a whole in no time


def modules() -> list[Path]:
    """Return the modules to damage: the ten, and those below BEMBIX_PROGRAMS."""
    folder = os.environ.get("BEMBIX_PROGRAMS")
    return MODULES + (sorted(Path(folder).rglob("*.wasm")) if folder else [])


@lru_cache(maxsize=64)
def _content(path: Path) -> bytes:
    return path.read_bytes()


def mutation(number: int) -> bytes:
    """Return the damaged module of a case."""
    choose = random.Random(number)
    paths = modules()
    content = bytearray(_content(paths[number % len(paths)]))
    if choose.random() < 0.25:
        del content[choose.randrange(len(content)) :]
        return bytes(content)
    for _ in range(choose.choice([1, 1, 1, 2, 4, 16])):
        # Names and data can be anything; what decides comes first, so half of the damage is done there.
        at = choose.randrange(len(content) if choose.random() < 0.5 else min(len(content), 1 + len(content) // 4))
        content[at] = content[at] ^ 1 << choose.randrange(8) if choose.random() < 0.7 else choose.randrange(256)
    return bytes(content)


def attempt(content: bytes, number: int) -> str:
    """Read, check and run a module; return what came of it."""
    try:
        module = bembix.Module(content, optimize=number % 3 == 0 and len(content) < _SMALL)
        if number % 4 == 0:
            module.validate()
        if number % 8 == 0 and len(content) < _SMALL:
            assert module.to_wat()
        names = {export.name for export in module.exports}
        if "_start" in names:
            bembix.run(module, ["one", "two"], stdin=b"three\nfour\n", memory=MEMORY)
            return "ran"
        exports = module.instantiate(store=bembix.Store(limits=bembix.Limits(memory=MEMORY))).exports
        run = exports.get("run")
        if isinstance(run, bembix.Func) and len(run.type.params) == 1:
            run(3)
        return "ran"
    except bembix.InternalError:
        raise
    except bembix.Trap as error:
        assert str(error) and error.describe()
        return "trapped"
    except bembix.BembixError as error:
        assert str(error)
        return f"{type(error).__name__}"


def main(first: int, count: int, limit: float) -> None:
    """Work on some cases."""
    resource.setrlimit(resource.RLIMIT_DATA, (_DATA, _DATA))
    for number in range(first, first + count):
        try:
            with limited(limit):
                outcome = attempt(mutation(number), number)
            report(number, outcome)
        except Exception as error:
            report(number, FAILURE, f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.stdout.buffer.write(mutation(int(sys.argv[1])))
    else:
        main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
