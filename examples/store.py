"""Look into a module's memory, write to it, and what happens at its end."""

from pathlib import Path

import bembix

exports = bembix.Module.from_file(Path(__file__).with_suffix(".wat")).instantiate().exports
exports.put(8, 0x01020304)
print(exports.memory.read(8, 4))
exports.memory.write(8, b"\xff\xff\xff\xff")
print(exports.get(8))
try:
    exports.put(65533, 0)
except bembix.Trap as trap:
    print("trap:", trap.message)
