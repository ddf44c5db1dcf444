"""What WASI programs are given, and WASI's functions for instances of a store."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, Final, NoReturn

from bembix.compat.wasmtime.errors import ExitTrap, WasmtimeError
from bembix.compat.wasmtime.managed import Managed
from bembix.spec.host import HostFunction
from bembix.spec.types import FuncType
from bembix.wasi import INHERIT, NULL, Wasi
from bembix.wasi.descriptor import HostDescriptor
from bembix.wasi.directory import Directory
from bembix.wasi.preview1 import MODULES
from bembix.wasi.preview1.types import MemoryLike

MODULE: Final = "wasi_snapshot_preview1"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_CODES: Final = 126  #: wasmtime takes exit codes below this only


class DirPerms(Enum):
    """What may be done with entries of a directory."""

    READ_ONLY = 1
    WRITE_ONLY = 2
    READ_WRITE = 3


class FilePerms(Enum):
    """What may be done with files in a directory."""

    READ_ONLY = 1
    WRITE_ONLY = 2
    READ_WRITE = 3


class _Custom:
    """A file that gives what is written to a callable of the program."""

    def __init__(self, callback: Callable[[bytes], object]) -> None:
        self._callback = callback

    def write(self, data: bytes, /) -> int | None:
        try:
            written = self._callback(data)
        except Exception as error:
            print(f"failed custom output, required to catch exception: {error}", file=sys.stderr)
            raise OSError(errno.EIO, "custom output failed") from None
        return written if isinstance(written, int) and 0 <= written <= len(data) else None


class _File:
    """A file of the host, open as long as the program may use it."""

    def __init__(self, number: int) -> None:
        self._host = HostDescriptor(number)

    def read(self, length: int, /) -> bytes:
        return os.read(self._host.number, length)

    def write(self, data: bytes, /) -> int:
        return os.write(self._host.number, data)


def _strings(values: Iterable[Any]) -> list[str]:
    """Return texts, each up to its first NUL, as C has them.  Errors: AttributeError for what is no str."""
    return [value.encode().partition(b"\0")[0].decode() for value in values]


class WasiConfig(Managed):
    """Arguments, environment, streams and directories of a program; without any, all are empty or lead nowhere."""

    def __init__(self) -> None:
        self._argv: list[str] = []
        self._env: dict[str, str] = {}
        self._directories: list[tuple[str, str, bool]] = []
        self._streams: dict[str, Any] = {"stdin": NULL, "stdout": NULL, "stderr": NULL}

    # -- arguments and environment -------------------------------------------------------------------------------------

    def _set_argv(self, argv: Sequence[str]) -> None:
        self.check_open()
        self._argv = _strings(argv)

    def _set_env(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.check_open()
        found = [(name, value) for name, value in pairs]
        self._env = dict(zip(_strings(n for n, _ in found), _strings(v for _, v in found), strict=True))

    argv: property = property(None, _set_argv)
    env: property = property(None, _set_env)

    def inherit_argv(self) -> None:
        """Give the program this process's arguments."""
        self._set_argv(sys.orig_argv)

    def inherit_env(self) -> None:
        """Give the program this process's environment."""
        self._set_env(os.environ.items())

    # -- streams -------------------------------------------------------------------------------------------------------

    def _file(self, stream: str, path: str | bytes | os.PathLike[str], flags: int = _NEW) -> None:
        self.check_open()
        try:
            self._streams[stream] = _File(os.open(path, flags | os.O_CLOEXEC, 0o666))
        except OSError:
            raise WasmtimeError(f"failed to set {stream} file") from None

    def _custom(self, stream: str, callback: Callable[[bytes], object]) -> None:
        self.check_open()
        self._streams[stream] = _Custom(callback)

    def _inherit(self, stream: str) -> None:
        self.check_open()
        self._streams[stream] = INHERIT

    stdin_file: property = property(None, lambda self, path: self._file("stdin", path, os.O_RDONLY))
    stdout_file: property = property(None, lambda self, path: self._file("stdout", path))
    stderr_file: property = property(None, lambda self, path: self._file("stderr", path))
    stdout_custom: property = property(None, lambda self, callback: self._custom("stdout", callback))
    stderr_custom: property = property(None, lambda self, callback: self._custom("stderr", callback))

    def inherit_stdin(self) -> None:
        """Give the program this process's standard input."""
        self._inherit("stdin")

    def inherit_stdout(self) -> None:
        """Give the program this process's standard output."""
        self._inherit("stdout")

    def inherit_stderr(self) -> None:
        """Give the program this process's standard error."""
        self._inherit("stderr")

    # -- directories ---------------------------------------------------------------------------------------------------

    def preopen_dir(
        self,
        path: str,
        guest_path: str,
        dir_perms: DirPerms | bool = DirPerms.READ_WRITE,
        file_perms: FilePerms = FilePerms.READ_WRITE,
        *,
        fs_mutable: bool = True,
    ) -> None:
        """Hand a directory over, under the name that the program knows it by.

        dir_perms, file_perms: as up to wasmtime-py 47; fs_mutable, which may come third: as in 50.
        Where either forbids writing, nothing in the directory can be changed.
        Errors: WasmtimeError where it can't be opened.
        """
        self.check_open()
        host, guest = _strings((path, guest_path))
        if DirPerms.WRITE_ONLY is dir_perms or FilePerms.WRITE_ONLY is file_perms:
            raise WasmtimeError("directories that can only be written are not offered by bembix.compat.wasmtime")
        mutable = fs_mutable and dir_perms in (True, DirPerms.READ_WRITE) and file_perms is FilePerms.READ_WRITE
        self._opened(host, guest, mutable)
        self._directories.append((host, guest, mutable))

    def _opened(self, host: str, guest: str, mutable: bool) -> Directory:
        try:
            return Directory.handed_over(host, guest, readonly=not mutable)
        except (OSError, ValueError, NotImplementedError):
            raise WasmtimeError("failed to add preopen dir") from None

    def make(self) -> Wasi:
        """Return the capabilities as Bembix has them; for the store.  Errors: WasmtimeError."""
        try:
            made = Wasi(self._argv, self._env, {}, *self._streams.values())
        except (ValueError, OSError) as error:
            raise WasmtimeError(str(error)) from None
        for host, guest, mutable in self._directories:
            made.fds.add(self._opened(host, guest, mutable))
        return made


def _proc_exit(code: int) -> NoReturn:
    """End a program as wasmtime does.  Errors: ExitTrap; WasmtimeError for a code of 126 and above."""
    code &= 0xFFFF_FFFF
    if code >= _CODES:
        raise WasmtimeError("exit with invalid exit status outside of [0..126)")
    raise ExitTrap.of(code)


def has_function(module: str, name: str) -> bool:
    """Tell whether it is a function of WASI."""
    return module == MODULE and name in MODULES[MODULE]


def function(wasi: Wasi | None, name: str, memory: Callable[[], MemoryLike]) -> HostFunction:
    """Return a function of WASI for an instance.

    wasi: None where the store was given none.  memory: returns the memory of whoever calls.
    """
    functype = MODULES[MODULE][name].type
    if name == "proc_exit":
        return HostFunction(_proc_exit, functype, name)
    if wasi is None:
        return HostFunction(_missing, functype, name)
    return wasi.imports(memory, [(MODULE, name, functype)])[MODULE][name]


def _missing(*arguments: object) -> NoReturn:
    raise WasmtimeError("the store has no WASI: see Store.set_wasi")


def function_type(name: str) -> FuncType:
    """Return the type of a function of WASI."""
    return MODULES[MODULE][name].type
