"""Call a function of a module; numbers wrap around as in WebAssembly."""

from pathlib import Path

import bembix

add = bembix.Module.from_file(Path(__file__).with_suffix(".wat")).instantiate().exports.add
print(add(2, 3))
print(add(2**31 - 1, 1))
