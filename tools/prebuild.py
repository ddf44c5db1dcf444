"""Compiles the machine code that Bembix ships, for every machine and kind of Python: `python tools/prebuild.py`.

Needs llvmlite.  Do it after every change of the IR or of a layout; the files are checked in, and a merge that touched
them on both sides is settled by doing it again.  With --check it writes nothing, and fails where the files were made
from other IR than there is now, or by another linker.
"""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import version
from pathlib import Path

import image_linker

from bembix.compile.llvm import emit, ir, runtime
from bembix.compile.prebuilt.image import file_name
from bembix.compile.prebuilt.shapes import shape
from bembix.native.image import read_manifest
from bembix.native.platform import PLATFORMS, Platform
from bembix.wasi.preview1 import MODULES

FOLDER = Path(__file__).parents[1] / "src" / "bembix" / "compile" / "prebuilt"

#: The oldest CPU that the code runs on, by machine.
TARGETS = {
    "x86_64": emit.Target("x86_64-unknown-linux-gnu", "x86-64", ""),
    "aarch64": emit.Target("aarch64-unknown-linux-gnu", "generic", ""),
}
#: Bytes of the head of every Python object: as usual, and without the global interpreter lock.
HEADS = (16, 32)
LEVEL = 2


def sources(target: Platform, head: int) -> dict[str, str]:
    """Return the IR of all parts."""
    shapes = {shape(export.type) for module in MODULES.values() for export in module.values()}
    with ir.targeting(target, head):
        return runtime.parts(shapes)


def digest(parts: dict[str, str], target: emit.Target) -> str:
    """Return a hash of all that the code is made from, but for the version of LLVM."""
    text = "\0".join((*(f"{name}\0{part}" for name, part in parts.items()), *target, str(LEVEL)))
    linker = Path(image_linker.__file__).read_bytes()
    return hashlib.sha256(text.encode() + linker).hexdigest()


def build(parts: dict[str, str], platform: Platform) -> bytes:
    """Return a file."""
    target = TARGETS[platform.machine]
    objects = {name: emit.emit(part, LEVEL, target) for name, part in parts.items()}
    notes = {
        "for": f"{target.triple}, {target.cpu}",
        "by": f"llvmlite {version('llvmlite')}",
        "from": digest(parts, target),
    }
    return image_linker.Linker(platform.machine, objects, platform.fill).link(notes)


def main() -> int:
    """Write or check the files."""
    emit.prepare_all_targets()
    wrong = 0
    for (system, machine), platform in PLATFORMS.items():
        for head in HEADS:
            path, parts = FOLDER / file_name(system, machine, head), sources(platform, head)
            if "--check" in sys.argv:
                known = read_manifest(path.read_bytes()).notes["from"] if path.exists() else ""
                if known != digest(parts, TARGETS[machine]):
                    print(f"{path.name} was made from other IR: run python tools/prebuild.py", file=sys.stderr)
                    wrong = 1
            else:
                path.write_bytes(build(parts, platform))
    return wrong


if __name__ == "__main__":
    sys.exit(main())
