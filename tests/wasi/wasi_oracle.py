"""The same calls made to wasmtime's WASI, as the oracle of differential tests."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import wasmtime
from wasi_machine import PAGES, Calls, signed

from bembix.wasi.preview1 import functions
from bembix.wasi.preview1.errno import Errno


def _text() -> str:
    """Return a module that exports every imported function again, and a memory."""
    imports, exports = [], []
    for name, (_, type) in functions().items():
        params = "".join(f" (param {param})" for param in type.params)
        results = "".join(f" (result {result})" for result in type.results)
        arguments = " ".join(f"(local.get {index})" for index in range(len(type.params)))
        imports.append(f'(import "wasi_snapshot_preview1" "{name}" (func ${name}{params}{results}))')
        exports.append(f'(func (export "{name}"){params}{results} (call ${name} {arguments}))')
    return f'(module {" ".join(imports)} (memory (export "memory") {PAGES}) {" ".join(exports)})'


_ENGINE = wasmtime.Engine()
_MODULE = wasmtime.Module(_ENGINE, _text())


class WasmtimeMachine(Calls):
    """wasmtime's WASI over a real memory; a trap is answered as "TRAP"."""

    def __init__(
        self, args: tuple[str, ...] = (), dirs: dict[str, Path] | None = None, *, readonly: bool = False
    ) -> None:
        config = wasmtime.WasiConfig()
        config.argv = list(args)
        for name, path in (dirs or {}).items():
            config.preopen_dir(str(path), name, not readonly)
        self.store = wasmtime.Store(_ENGINE)
        self.store.set_wasi(config)
        linker = wasmtime.Linker(_ENGINE)
        linker.define_wasi()
        self.exports: Any = linker.instantiate(self.store, _MODULE).exports(self.store)

    def call(self, name: str, *args: int) -> str:
        function = self.exports[name]
        params = function.type(self.store).params
        values = [signed(arg, 32 if str(param) == "i32" else 64) for arg, param in zip(args, params, strict=True)]
        with contextlib.suppress(wasmtime.WasmtimeError, wasmtime.Trap):
            return Errno(function(self.store, *values)).name
        return "TRAP"

    def put(self, offset: int, data: bytes) -> None:
        self.exports["memory"].write(self.store, data, offset)

    def get(self, offset: int, length: int) -> bytes:
        return bytes(self.exports["memory"].read(self.store, offset, offset + length))
