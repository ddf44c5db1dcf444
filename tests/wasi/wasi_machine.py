"""A program reduced to its memory: calls WASI functions by name, as compiled code does, and says what they answered."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from bembix.wasi import Wasi
from bembix.wasi.preview1.errno import Errno

PAGES = 2
READ, WRITE = 1 << 1, 1 << 6
CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
APPEND, NONBLOCK = 1, 4

#: Where the helpers put things; the tests use what is below.
OUT, STAT, VECTORS, TEXT, TEXT2, BUFFER = 8, 64, 512, 1024, 8192, 16384


class FakeMemory:
    """A memory that fails loudly where WASI did not check."""

    def __init__(self, size: int = PAGES * 65536) -> None:
        self.data = bytearray(size)

    def __len__(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > len(self.data):
            raise AssertionError(f"unchecked read of {length} at {offset}")
        return bytes(self.data[offset : offset + length])

    def write(self, offset: int, data: bytes) -> None:
        if offset < 0 or offset + len(data) > len(self.data):
            raise AssertionError(f"unchecked write of {len(data)} at {offset}")
        self.data[offset : offset + len(data)] = data


def signed(value: int, bits: int) -> int:
    """Return an integer as compiled code passes it."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


class Calls:
    """Helpers over `call`, `put` and `get`, whatever is behind those."""

    def call(self, name: str, *args: int) -> str:
        raise NotImplementedError

    def put(self, offset: int, data: bytes) -> None:
        raise NotImplementedError

    def get(self, offset: int, length: int) -> bytes:
        raise NotImplementedError

    def u32(self, offset: int = OUT) -> int:
        return int.from_bytes(self.get(offset, 4), "little")

    def u64(self, offset: int = OUT) -> int:
        return int.from_bytes(self.get(offset, 8), "little")

    def text(self, text: str | bytes, at: int = TEXT) -> tuple[int, int]:
        """Write a path; return its two arguments."""
        data = text.encode() if isinstance(text, str) else text
        self.put(at, data)
        return at, len(data)

    def open(
        self, path: str | bytes, oflags: int = 0, rights: int = READ, *, fdflags: int = 0, follow: int = 1, fd: int = 3
    ) -> int | str:
        """Open a path; return the descriptor, or the error."""
        inheriting = (1 << 30) - 1
        answer = self.call("path_open", fd, follow, *self.text(path), oflags, rights, inheriting, fdflags, OUT)
        return self.u32() if answer == "SUCCESS" else answer

    def opened(self, path: str | bytes, oflags: int = 0, rights: int = READ, **more: int) -> int:
        """Open a path that must open."""
        fd = self.open(path, oflags, rights, **more)
        assert isinstance(fd, int), fd
        return fd

    def vectors(self, *vectors: tuple[int, int]) -> tuple[int, int]:
        """Write an array of buffers; return its two arguments."""
        self.put(VECTORS, b"".join(struct.pack("<II", *vector) for vector in vectors))
        return VECTORS, len(vectors)

    def write(self, fd: int, data: bytes) -> int | str:
        """Write bytes; return how many were written, or the error."""
        self.put(BUFFER, data)
        answer = self.call("fd_write", fd, *self.vectors((BUFFER, len(data))), OUT)
        return self.u32() if answer == "SUCCESS" else answer

    def read(self, fd: int, length: int = 4096) -> bytes | str:
        """Read up to `length` bytes; return them, or the error."""
        answer = self.call("fd_read", fd, *self.vectors((BUFFER, length)), OUT)
        return self.get(BUFFER, self.u32()) if answer == "SUCCESS" else answer

    def by_path(self, name: str, path: str | bytes, fd: int = 3) -> str:
        """Call a function that takes a directory and a path."""
        return self.call(name, fd, *self.text(path))

    def between(self, name: str, path: str | bytes, new: str | bytes, fd: int = 3, new_fd: int = 3) -> str:
        """Call path_rename or path_link."""
        flags = (0,) if name == "path_link" else ()
        return self.call(name, fd, *flags, *self.text(path), new_fd, *self.text(new, TEXT2))

    def symlink(self, target: str | bytes, path: str | bytes, fd: int = 3) -> str:
        return self.call("path_symlink", *self.text(target), fd, *self.text(path, TEXT2))

    def readlink(self, path: str | bytes, size: int = 1000, fd: int = 3) -> bytes | str:
        answer = self.call("path_readlink", fd, *self.text(path), BUFFER, size, OUT)
        return self.get(BUFFER, self.u32()) if answer == "SUCCESS" else answer

    def seek(self, fd: int, offset: int, whence: int = 0) -> int | str:
        answer = self.call("fd_seek", fd, offset, whence, OUT)
        return self.u64() if answer == "SUCCESS" else answer

    def stat(self, path: str | bytes, *, follow: int = 1, fd: int = 3) -> dict[str, int] | str:
        answer = self.call("path_filestat_get", fd, follow, *self.text(path), STAT)
        return self._stat() if answer == "SUCCESS" else answer

    def fstat(self, fd: int) -> dict[str, int] | str:
        answer = self.call("fd_filestat_get", fd, STAT)
        return self._stat() if answer == "SUCCESS" else answer

    def _stat(self) -> dict[str, int]:
        names = ("device", "inode", "type", "links", "size", "accessed", "modified", "changed")
        return dict(zip(names, struct.unpack("<QQB7xQQQQQ", self.get(STAT, 64)), strict=True))

    def fdstat(self, fd: int) -> tuple[int, int, int, int] | str:
        """Return type, flags, rights and inheriting rights."""
        answer = self.call("fd_fdstat_get", fd, STAT)
        if answer != "SUCCESS":
            return answer
        kind, flags, base, inheriting = struct.unpack("<BxH4xQQ", self.get(STAT, 24))
        return kind, flags, base, inheriting

    def readdir(self, fd: int, cookie: int = 0, size: int = 4096) -> list[tuple[int, int, bytes]] | str:
        """Return the whole entries that fit in `size`: next, type and name."""
        answer = self.call("fd_readdir", fd, BUFFER, size, cookie, OUT)
        if answer != "SUCCESS":
            return answer
        data, found, at = self.get(BUFFER, self.u32()), [], 0
        while at + 24 <= len(data):
            after, _, length, kind = struct.unpack_from("<QQIB", data, at)
            if at + 24 + length > len(data):
                break
            found.append((after, kind, data[at + 24 : at + 24 + length]))
            at += 24 + length
        return found


class Machine(Calls):
    """Our WASI over a fake memory."""

    def __init__(self, *args: Any, module: str = "wasi_snapshot_preview1", pages: int = PAGES, **kwargs: Any) -> None:
        self.wasi = Wasi(*args, **kwargs)
        self.memory = FakeMemory(pages * 65536)
        self.functions = self.wasi.imports(lambda: self.memory)[module]

    def call(self, name: str, *args: int) -> str:
        function = self.functions[name]
        bits = [32 if param.name == "I32" else 64 for param in function.type.params]
        answer = function.callable(*[signed(arg, width) for arg, width in zip(args, bits, strict=True)])
        assert type(answer) is int
        return Errno(answer).name

    def put(self, offset: int, data: bytes) -> None:
        self.memory.write(offset, data)

    def get(self, offset: int, length: int) -> bytes:
        return self.memory.read(offset, length)


def make_tree(root: Path) -> Path:
    """Make a directory to hand over, with something outside that must not be reached; return it."""
    inside = root / "inside"
    (inside / "dir" / "sub").mkdir(parents=True, exist_ok=True)
    (root / "secret").write_text("secret")
    (root / "outside").mkdir(exist_ok=True)
    (root / "outside" / "secret").write_text("secret")
    (inside / "file").write_text("hello world")
    (inside / "dir" / "f2").write_text("x")
    for name, target in {
        "lfile": "file",
        "ldir": "dir",
        "lldir": "ldir/",
        "dangling": "nope",
        "loop": "loop",
        "abs": "/etc",
        "absin": str(inside / "file"),
        "up": "..",
        "upf": "../secret",
        "dir/back": "../file",
        "dir/out": "../../secret",
        "dir/in": "../dir/../file",
    }.items():
        (inside / name).symlink_to(target)
    return inside
