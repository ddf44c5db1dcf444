"""Look at what there is: modules, types, objects, the bytes of a memory.  In a notebook, all of them are tables."""

from pathlib import Path

import bembix

module = bembix.Module.from_file(Path(__file__).with_name("data.wat"))
print(module)
for export in module.exports:
    print(f"{export.name}: {export.type!r}")

exports = module.instantiate().exports
print(exports.capitals)
print(exports.memory)
print(exports.memory.dump(64, 32))
