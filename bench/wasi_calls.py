"""Measure what a WASI function costs in the host, in ns of CPU time a call, the loop around it included.

The row "masks in a loop" is `fd_close` behind a wrapper that loops over its arguments rather than be made for its type.
"""

import os
import sys
import tempfile
from pathlib import Path
from time import process_time

from bembix.wasi import Wasi
from bembix.wasi.preview1.context import Context
from bembix.wasi.preview1.errno import WasiError, from_os_error
from bembix.wasi.preview1.export import PREVIEW1

TURNS = 50_000
OUT, VECTORS, TEXT, BUFFER = 8, 512, 1024, 16384


class Memory:
    """A memory of one page, with no check of its own."""

    def __init__(self) -> None:
        self.data = bytearray(65536)

    def __len__(self) -> int:
        return 65536

    def read(self, offset: int, length: int) -> bytes:
        """Return a copy of a range."""
        return bytes(self.data[offset : offset + length])

    def write(self, offset: int, data: bytes) -> None:
        """Replace a range."""
        self.data[offset : offset + len(data)] = data


def looped(context: Context):
    """Return `fd_close` behind a wrapper that works for any type."""
    function, masks = PREVIEW1["fd_close"].function, (0xFFFF_FFFF,)

    def call(*arguments):
        try:
            return function(context, *[value & mask for value, mask in zip(arguments, masks, strict=True)])._value_
        except WasiError as error:
            return error.errno._value_
        except OSError as error:
            return from_os_error(error)._value_

    return call


def measure(name: str, function, *arguments: int) -> None:
    """Print a row."""
    function(*arguments)
    start = process_time()
    for _ in range(TURNS):
        function(*arguments)
    print(f"{name:30}{(process_time() - start) / TURNS * 1e9:8.0f}")


def main() -> None:
    """Print all rows."""
    memory = Memory()
    with tempfile.TemporaryDirectory() as directory, Path(os.devnull).open("r+b", buffering=0) as null:
        (Path(directory) / "file").write_bytes(b"hello world")
        with Wasi(dirs={"/": directory}, stdin=null.fileno(), stdout=null.fileno()) as wasi:
            functions = {name: f.callable for name, f in wasi.imports(lambda: memory)["wasi_snapshot_preview1"].items()}
            memory.write(VECTORS, BUFFER.to_bytes(4, "little") + (10).to_bytes(4, "little"))
            memory.write(TEXT, b"file")
            measure("clock_time_get", functions["clock_time_get"], 0, 0, OUT)
            measure("fd_write, 10 bytes", functions["fd_write"], 1, VECTORS, 1, OUT)
            measure("fd_read, at the end", functions["fd_read"], 0, VECTORS, 1, OUT)
            measure("path_filestat_get", functions["path_filestat_get"], 3, 1, TEXT, 4, BUFFER)
            measure("random_get, 16 bytes", functions["random_get"], BUFFER, 16)
            measure("fd_close, BADF", functions["fd_close"], 99)
            context = Context((), (), wasi.fds, wasi.clocks, os.urandom, lambda: memory)
            measure("fd_close, masks in a loop", looped(context), 99)
            measure("os.write, 10 bytes", os.write, null.fileno(), b"x" * 10)


if __name__ == "__main__":
    sys.exit(main())
