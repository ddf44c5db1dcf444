"""A loop, compiled with the optimiser from the start."""

from pathlib import Path

import bembix

fib = bembix.Module.from_file(Path(__file__).with_suffix(".wat"), optimize=True).instantiate().exports.fib
print([fib(n) for n in range(10)])
print(fib(90))
