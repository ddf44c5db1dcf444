"""Modules, and their form on disk.

What `serialize` gives holds no machine code, only the module itself, with a checksum: `deserialize` takes it from
anyone, as it is read and checked like any other.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from bembix.compat.wasmtime.engine import Engine
from bembix.compat.wasmtime.errors import WasmtimeError, translated
from bembix.compat.wasmtime.managed import Managed
from bembix.compat.wasmtime.types import ExportType, ImportType, extern_type
from bembix.runtime.module import Module as BembixModule

_MAGIC: Final = b"\0bembix module 1\n"
_DIGEST: Final = 32  #: bytes of a SHA-256


def check_module(module: object) -> None:
    """Raise for what is no module, or a closed one.  Errors: TypeError, ValueError."""
    if not isinstance(module, Module):
        raise TypeError("expected a `Module`")
    module.check_open()


class Module(Managed):
    """A module.  wasm: its binary or text form.  Errors: WasmtimeError where it is malformed or invalid, TypeError."""

    def __init__(self, engine: Engine, wasm: str | bytes) -> None:
        if not isinstance(engine, Engine):
            raise TypeError("expected Engine")
        engine.check_open()
        if not isinstance(wasm, (str, bytes, bytearray, memoryview)):
            raise TypeError("expected wasm bytes")
        self.engine = engine  #: for the other files of this package, as is the next one
        with translated():
            self.bembix: BembixModule = BembixModule(wasm, features=engine.features)

    @classmethod
    def from_file(cls, engine: Engine, path: str | bytes | os.PathLike[str]) -> Module:
        """Read a module from a file, in either form.  Errors: OSError; as for `Module`."""
        return cls(engine, Path(os.fsdecode(path)).read_bytes())

    @classmethod
    def validate(cls, engine: Engine, wasm: bytes | bytearray) -> None:
        """Check a module in binary form, all of it.  Errors: WasmtimeError, TypeError."""
        if not isinstance(wasm, (bytes, bytearray)):
            raise TypeError("expected wasm bytes")
        with translated():
            BembixModule(bytes(wasm), features=engine.features).validate()

    @property
    def imports(self) -> list[ImportType]:
        """What it imports, in order."""
        self.check_open()
        return [ImportType(i.module, i.name, extern_type(i.kind, i.type)) for i in self.bembix.imports]

    @property
    def exports(self) -> list[ExportType]:
        """What it exports, in order."""
        self.check_open()
        return [ExportType(e.name, extern_type(e.kind, e.type)) for e in self.bembix.exports]

    def serialize(self) -> bytearray:
        """Return a form of it that `deserialize` takes."""
        self.check_open()
        content = self.bembix.to_bytes()
        return bytearray(_MAGIC + hashlib.sha256(content).digest() + content)

    @classmethod
    def deserialize(cls, engine: Engine, encoded: bytes | bytearray) -> Module:
        """Return a module that was serialized.  Errors: WasmtimeError where it is not what `serialize` gave."""
        if not isinstance(encoded, (bytes, bytearray)):
            raise TypeError("expected bytes")
        content = bytes(encoded)
        if not content.startswith(_MAGIC):
            raise WasmtimeError("not a module that bembix.compat.wasmtime serialized")
        start = len(_MAGIC) + _DIGEST
        if hashlib.sha256(content[start:]).digest() != content[len(_MAGIC) : start]:
            raise WasmtimeError("a serialized module is damaged: its checksum is another one")
        return cls(engine, content[start:])

    @classmethod
    def deserialize_file(cls, engine: Engine, path: str | os.PathLike[str]) -> Module:
        """Return a module that was serialized to a file.  Errors: WasmtimeError, also where it can't be read."""
        try:
            return cls.deserialize(engine, Path(path).read_bytes())
        except OSError as error:
            raise WasmtimeError(f"failed to open file\n\nCaused by:\n    {error}") from None
