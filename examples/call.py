"""Calls within Wasm; a call through a table can trap."""

from pathlib import Path

import bembix

exports = bembix.Module.from_file(Path(__file__).with_suffix(".wat")).instantiate().exports
print(exports.sum_of_squares(3, 4))
print([exports.calculate(operation, 7, 5) for operation in range(3)])
try:
    exports.calculate(3, 7, 5)
except bembix.Trap as trap:
    print("trap:", trap.message)
