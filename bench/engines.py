"""The engines that the benchmarks compare, each behind one function that loads a kernel.

To add an engine, write a function that imports it (raising `Unavailable` where it can't) and returns a loader,
and name it in `ENGINES`. Engines are imported by name, so that none of them is needed to run the others.
"""

import ctypes
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal

KERNELS = Path(__file__).parent / "kernels"
COMPILERS = ("clang-19", "clang")
# No contraction to FMA and no errno: what Wasm computes, bit for bit.
NATIVE_FLAGS = ("-O2", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC")

Number = int | float
Run = Callable[[int], Number]


class Unavailable(Exception):
    """This engine can't be used here; the message says why."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One benchmark program: a C source, its two Wasm builds and the argument of its `run`."""

    name: str
    n: int
    result: Literal["i64", "f64"]

    @property
    def source(self) -> Path:
        """The C file."""
        return KERNELS / f"{self.name}.c"

    def wasm(self, simd: bool) -> Path:
        """The Wasm file, built with SIMD instructions or without."""
        return KERNELS / ("simd" if simd else "wasm") / f"{self.name}.wasm"


Loader = Callable[[Kernel, bool], Run]


def kernels() -> dict[str, Kernel]:
    """Read `kernels.toml`."""
    table = tomllib.loads((KERNELS / "kernels.toml").read_text())
    return {name: Kernel(name, row["n"], row["result"]) for name, row in table.items()}


def optional(name: str) -> ModuleType:
    """Import a package that may be missing or, in a work tree, broken.

    Errors: Unavailable, with the reason.
    """
    try:
        return import_module(name)
    except Exception as error:  # whatever is wrong with it, the other columns are wanted
        raise Unavailable(f"{name}: {type(error).__name__}: {error}") from error


def open_native() -> Loader:
    """Kernels compiled by clang and called through ctypes: the reference of every ratio."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise Unavailable(f"native: none of {', '.join(COMPILERS)} is installed")
    folder = tempfile.TemporaryDirectory(prefix="bembix-bench-")
    results = {"i64": ctypes.c_int64, "f64": ctypes.c_double}

    def load(kernel: Kernel, simd: bool) -> Run:
        library = Path(folder.name) / f"{kernel.name}.so"
        subprocess.run([compiler, *NATIVE_FLAGS, str(kernel.source), "-o", str(library)], check=True)
        function = ctypes.CDLL(str(library)).run
        function.argtypes = [ctypes.c_int32]
        function.restype = results[kernel.result]
        run: Run = function
        return run

    return load


def open_bembix() -> Loader:
    """Bembix, everything optimised before the first call."""
    bembix = optional("bembix")

    def load(kernel: Kernel, simd: bool) -> Run:
        module = bembix.Module.from_file(kernel.wasm(simd), optimize=True, engine="llvm")
        run: Run = module.instantiate().exports["run"]
        return run

    return load


def open_stencil() -> Loader:
    """Bembix without LLVM."""
    bembix = optional("bembix")

    def load(kernel: Kernel, simd: bool) -> Run:
        run: Run = bembix.Module.from_file(kernel.wasm(simd), engine="stencil").instantiate().exports["run"]
        return run

    return load


def open_wasmtime() -> Loader:
    """wasmtime-py with its default configuration."""
    wasmtime = optional("wasmtime")
    engine = wasmtime.Engine()

    def load(kernel: Kernel, simd: bool) -> Run:
        store = wasmtime.Store(engine)
        module = wasmtime.Module.from_file(engine, str(kernel.wasm(simd)))
        function = wasmtime.Instance(store, module, []).exports(store)["run"]

        def run(n: int) -> Number:
            result: Number = function(store, n)
            return result

        return run

    return load


ENGINES: dict[str, Callable[[], Loader]] = {
    "native": open_native,
    "bembix": open_bembix,
    "stencil": open_stencil,
    "wasmtime": open_wasmtime,
}
