"""Floats and integers in, floats and integers out."""

from pathlib import Path

import bembix

exports = bembix.Module.from_file(Path(__file__).with_suffix(".wat")).instantiate().exports
print(exports.root(-3.0, 2.0))
print(exports.root(0.0, 1.0))
print(exports.twice_square(7))
