"""Work on a module's memory in place: slices, numbers and `struct`, without copying."""

import struct
from pathlib import Path

import bembix

exports = bembix.Module.from_file(Path(__file__).with_suffix(".wat")).instantiate().exports
memory: bembix.Memory = exports.memory

# A memory is a buffer: whatever writes into one writes where Wasm sees it.
for number, (red, green, blue) in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
    struct.pack_into("4B", memory, 4 * number, red, green, blue, 255)

pixels = memory.view("u32", count=3)  # a view: it changes with the memory
print([f"{pixel:08x}" for pixel in pixels])
exports.grey(3)
print([f"{pixel:08x}" for pixel in pixels])

# A slice is a view, too; `read` makes a copy.
before = memory.read(0, 4)
memory[0:3] = b"\x01\x02\x03"
print(before.hex(), memory[0:4].hex())

# What lies outside is an error, never another program's memory.
try:
    memory[65534:65540]
except IndexError as error:
    print(error)
