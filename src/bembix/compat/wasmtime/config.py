"""How an engine is configured: what has a meaning for Bembix is kept, everything else accepted and without effect.

Settings can only be written, as in wasmtime-py.  `docs/migrating-from-wasmtime.md` says what each does here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, NoReturn

from bembix.compat.wasmtime.errors import WasmtimeError
from bembix.compat.wasmtime.managed import Managed

#: Settings that allow a proposal, by the keyword that `bembix.Features` has for it.
_FEATURES: Final = {
    "wasm_threads": "threads",
    "wasm_tail_call": "tail_call",
    "wasm_reference_types": "reference_types",
    "wasm_simd": "simd",
    "wasm_relaxed_simd": "relaxed_simd",
    "wasm_bulk_memory": "bulk_memory_operations",
    "wasm_multi_value": "multi_value",
    "wasm_multi_memory": "multi_memory",
    "wasm_memory64": "memory64",
    "wasm_exceptions": "exception_handling",
    "wasm_function_references": "function_references",
    "wasm_gc": "gc",
    "wasm_wide_arithmetic": "wide_arithmetic",
    "wasm_custom_page_sizes": "custom_page_sizes",
}


def _bool(name: str, value: object) -> object:
    if not isinstance(value, bool):
        raise TypeError("expected an bool")
    return value


def _int(name: str, value: object) -> object:
    if not isinstance(value, int):
        raise TypeError("expecting an integer")
    return value


def _cache(name: str, value: object) -> object:
    if not isinstance(value, bool) and not os.path.isfile(str(value)):
        raise WasmtimeError(f"failed to read cache configuration: {value}")
    return value


#: Of targets, the names that wasmtime knows.
_ARCHITECTURES: Final = ("x86_64", "aarch64", "riscv64", "s390x", "pulley32", "pulley64", "pulley32be", "pulley64be")


def _target(name: str, value: object) -> object:
    if str(value).partition("-")[0] not in _ARCHITECTURES:
        raise WasmtimeError(f"Unrecognized architecture: {value}")
    return value


def _one_of(what: str, *words: str) -> Callable[[str, object], object]:
    def check(name: str, value: object) -> object:
        if value not in words:
            raise WasmtimeError(f"unknown {what}: {value}")
        return value

    return check


def _stack(name: str, value: object) -> object:
    if not isinstance(value, int):
        raise TypeError("expecting an integer")
    if value <= 0:
        raise WasmtimeError("max_wasm_stack size cannot be zero")
    return value


#: Every other setting and what is checked of its values.
_OTHERS: Final[dict[str, Callable[[str, object], object]]] = {
    "consume_fuel": _bool,
    "epoch_interruption": _bool,
    "max_wasm_stack": _stack,
    "shared_memory": _bool,
    # From here on: without effect.
    "cache": _cache,
    "cranelift_debug_verifier": _bool,
    "cranelift_nan_canonicalization": _bool,
    "cranelift_opt_level": _one_of("opt level", "none", "speed", "speed_and_size"),
    "debug_info": _bool,
    "gc_support": _bool,
    "macos_use_mach_ports": _bool,
    "memory_guard_size": _int,
    "memory_init_cow": _bool,
    "memory_may_move": _bool,
    "memory_reservation": _int,
    "memory_reservation_for_growth": _int,
    "native_unwind_info": _bool,
    "parallel_compilation": _bool,
    "profiler": _one_of("profiler", "none", "jitdump", "vtune", "perfmap", "pulley"),
    "signals_based_traps": _bool,
    "strategy": _one_of("strategy", "auto", "cranelift", "winch"),
    "target": _target,
    "wasm_component_model": _bool,
    "wasm_component_model_implements": _bool,
    "wasm_component_model_map": _bool,
    "wasm_relaxed_simd_deterministic": _bool,
    "wasm_stack_switching": _bool,
}
_SETTINGS: Final = {**dict.fromkeys(_FEATURES, _bool), **_OTHERS}


def _setting(name: str) -> Any:
    def write(config: Config, value: object) -> None:
        config.check_open()
        config.settings[name] = _SETTINGS[name](name, value)

    def read(config: Config) -> NoReturn:
        raise AttributeError(f"property {name!r} of 'Config' object has no getter")

    return property(read, write)


class Config(Managed):
    """Settings of an engine; making the engine uses them up."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}  #: for the other files of this package

    def cranelift_flag_enable(self, flag: str) -> None:
        """Accept a flag of wasmtime's code generator; does nothing."""

    def cranelift_flag_set(self, key: str, value: str) -> None:
        """Accept a flag of wasmtime's code generator; does nothing."""

    def switches(self) -> dict[str, bool]:
        """Return what was said about proposals, as keywords of `bembix.Features`."""
        return {_FEATURES[name]: value for name, value in self.settings.items() if name in _FEATURES}


for _name in _SETTINGS:
    setattr(Config, _name, _setting(_name))
