"""Share a text with a module through its memory."""

from pathlib import Path

import bembix

exports = bembix.Module.from_file(Path(__file__).with_suffix(".wat")).instantiate().exports
place = exports.address.value, exports.length.value
print(exports.memory.read(*place).decode())
exports.capitals(*place)
print(exports.memory.read(*place).decode())

text = b"any text"
exports.memory.write(1024, text)
exports.capitals(1024, len(text))
print(exports.memory.read(1024, len(text)).decode())
