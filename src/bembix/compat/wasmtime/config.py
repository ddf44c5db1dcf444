"""How an engine is configured: what has a meaning for Bembix is kept, everything else accepted and without effect.

Settings can only be written, as in wasmtime-py.  `docs/howto/migrating-from-wasmtime.md` says what each does here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from bembix.compat.wasmtime.errors import WasmtimeError
from bembix.compat.wasmtime.managed import Managed

#: Checks a value.  Errors: TypeError, WasmtimeError.
_Check = Callable[[Any], object]


def _bool(value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError("expected an bool")


def _int(value: object) -> None:
    if not isinstance(value, int):
        raise TypeError("expecting an integer")


def _stack(value: object) -> None:
    _int(value)
    if not value:
        raise WasmtimeError("max_wasm_stack size cannot be zero")


def _one_of(what: str, *words: str) -> _Check:
    def check(value: object) -> None:
        if value not in words:
            raise WasmtimeError(f"unknown {what}: {value}")

    return check


def _cache(value: object) -> None:
    if not isinstance(value, bool) and not os.path.isfile(str(value)):
        raise WasmtimeError(f"failed to read cache configuration: {value}")


#: Of targets, the names that wasmtime knows.
_ARCHITECTURES: Final = ("x86_64", "aarch64", "riscv64", "s390x", "pulley32", "pulley64", "pulley32be", "pulley64be")


def _target(value: object) -> None:
    if str(value).partition("-")[0] not in _ARCHITECTURES:
        raise WasmtimeError(f"Unrecognized architecture: {value}")


class Setting:
    """A setting.  check: of its values.  feature: what it switches, by the keyword of `bembix.Features`."""

    def __init__(self, check: _Check = _bool, *, feature: str | None = None) -> None:
        self._check = check
        self._name = ""
        self.feature = feature

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, config: object, owner: type) -> Setting:
        if config is None:
            return self
        raise AttributeError(f"property {self._name!r} of 'Config' object has no getter")

    def __set__(self, config: Config, value: Any) -> None:
        config.check_open()
        self._check(value)
        config.settings[self._name] = value


class Config(Managed):
    """Settings of an engine; making the engine uses them up."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}  #: for the other files of this package

    consume_fuel: Setting = Setting()
    epoch_interruption: Setting = Setting()
    shared_memory: Setting = Setting()

    wasm_bulk_memory: Setting = Setting(feature="bulk_memory_operations")
    wasm_custom_page_sizes: Setting = Setting(feature="custom_page_sizes")
    wasm_exceptions: Setting = Setting(feature="exception_handling")
    wasm_function_references: Setting = Setting(feature="function_references")
    wasm_gc: Setting = Setting(feature="gc")
    wasm_memory64: Setting = Setting(feature="memory64")
    wasm_multi_memory: Setting = Setting(feature="multi_memory")
    wasm_multi_value: Setting = Setting(feature="multi_value")
    wasm_reference_types: Setting = Setting(feature="reference_types")
    wasm_relaxed_simd: Setting = Setting(feature="relaxed_simd")
    wasm_simd: Setting = Setting(feature="simd")
    wasm_tail_call: Setting = Setting(feature="tail_call")
    wasm_threads: Setting = Setting(feature="threads")
    wasm_wide_arithmetic: Setting = Setting(feature="wide_arithmetic")

    # From here on: without effect.
    cache: Setting = Setting(_cache)
    cranelift_debug_verifier: Setting = Setting()
    cranelift_nan_canonicalization: Setting = Setting()
    cranelift_opt_level: Setting = Setting(_one_of("opt level", "none", "speed", "speed_and_size"))
    debug_info: Setting = Setting()
    gc_support: Setting = Setting()
    macos_use_mach_ports: Setting = Setting()
    max_wasm_stack: Setting = Setting(_stack)
    memory_guard_size: Setting = Setting(_int)
    memory_init_cow: Setting = Setting()
    memory_may_move: Setting = Setting()
    memory_reservation: Setting = Setting(_int)
    memory_reservation_for_growth: Setting = Setting(_int)
    native_unwind_info: Setting = Setting()
    parallel_compilation: Setting = Setting()
    profiler: Setting = Setting(_one_of("profiler", "none", "jitdump", "vtune", "perfmap", "pulley"))
    signals_based_traps: Setting = Setting()
    strategy: Setting = Setting(_one_of("strategy", "auto", "cranelift", "winch"))
    target: Setting = Setting(_target)
    wasm_component_model: Setting = Setting()
    wasm_component_model_implements: Setting = Setting()
    wasm_component_model_map: Setting = Setting()
    wasm_relaxed_simd_deterministic: Setting = Setting()
    wasm_stack_switching: Setting = Setting()

    def cranelift_flag_enable(self, flag: str) -> None:
        """Accept a flag of wasmtime's code generator; does nothing."""

    def cranelift_flag_set(self, key: str, value: str) -> None:
        """Accept a flag of wasmtime's code generator; does nothing."""

    def switches(self) -> dict[str, bool]:
        """Return what was said about proposals, as keywords of `bembix.Features`."""
        features = {name: setting.feature for name, setting in vars(Config).items() if isinstance(setting, Setting)}
        return {features[name] or "": value for name, value in self.settings.items() if features[name]}
