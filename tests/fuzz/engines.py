"""Run a generated program under Bembix, at any level, and under wasmtime, and say what can be seen of it from outside.

What an engine does is a list of events: for each instantiation and call how it ended, what the host functions were
told, and what memories, tables and globals look like afterwards.  Every NaN counts as equal.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from generator import FUEL, Argument, Call, Program

import bembix
from bembix.binary.decode import decode
from bembix.compile import plan
from bembix.spec.module import ExternKind
from bembix.spec.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, FuncType, ValType

try:
    import wasmtime
except ImportError:  # the oracle is an extra
    wasmtime = None  # type: ignore[assignment]

#: How something ended, with what, and what the host and the state of the instances are then.
Event = tuple[object, ...]
_FUEL = 200

#: The kinds of traps by what either engine calls them.
KINDS = {
    "unreachable": "UNREACHABLE",
    "out of bounds memory access": "MEMORY_OUT_OF_BOUNDS",
    "out of bounds table access": "TABLE_OUT_OF_BOUNDS",
    "undefined element": "TABLE_OUT_OF_BOUNDS",
    "uninitialized element": "INDIRECT_CALL_TO_NULL",
    "indirect call type mismatch": "BAD_SIGNATURE",
    "integer divide by zero": "INTEGER_DIVISION_BY_ZERO",
    "integer overflow": "INTEGER_OVERFLOW",
    "invalid conversion to integer": "BAD_CONVERSION_TO_INTEGER",
    "call stack exhausted": "STACK_OVERFLOW",
    "null reference": "NULL_REFERENCE",
    "null function reference": "NULL_REFERENCE",
    "null exception reference": "NULL_REFERENCE",
    "unaligned atomic": "HEAP_MISALIGNED",
}
OUT_OF_BOUNDS = ("trap", "MEMORY_OUT_OF_BOUNDS")


class HostError(Exception):
    """What a host function raises."""


def _plain(value: object) -> object:
    """Return what compares equal where the specification says so, and otherwise not."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value).hex()
    if value is None or isinstance(value, int | str):
        return value
    return "reference"


def _to_python(argument: Argument, valtype: ValType) -> object:
    if valtype in (F32, F64):
        assert isinstance(argument, int)
        code = ("<I", "<f") if valtype is F32 else ("<Q", "<d")
        return struct.unpack(code[1], struct.pack(code[0], argument))[0]
    return argument


class Host:
    """Host functions that do the same whatever the engine, and remember what they were told."""

    def __init__(self) -> None:
        self.log: list[object] = []

    def function(self, name: str, functype: FuncType) -> Callable[..., object]:
        """Return a host function."""

        def call(*arguments: object) -> object:
            seen = [_plain(argument) for argument in arguments]
            self.log.append((name, seen))
            mixed = zlib.crc32(repr((name, seen)).encode())
            if mixed % 13 == 0:
                raise HostError(name)
            results = [_result(valtype, mixed, arguments) for valtype in functype.results]
            return results[0] if len(results) == 1 else tuple(results) or None

        return call

    def take(self) -> tuple[object, ...]:
        """Return what was said since the last time."""
        log, self.log = self.log, []
        return tuple(log)


def _result(valtype: ValType, mixed: int, arguments: tuple[object, ...]) -> object:
    if valtype == EXTERNREF:
        return next((a for a in arguments if isinstance(a, str)), None)
    if valtype in (F32, F64):
        return float(mixed % 1000 - 500) / 8
    return (mixed if mixed % 3 else mixed % 7) - (1 << 31) if valtype is I32 else mixed * 0x9E3779B1 - (1 << 40)


@dataclass
class Memory:
    """What is in a memory."""

    size: int
    content: bytes

    def __repr__(self) -> str:
        return f"<{self.size} bytes, checksum {zlib.crc32(self.content):#x}>"


@dataclass(frozen=True)
class Level:
    """A way to compile: what `Module` is told, and numbers of `compile/plan.py`."""

    name: str
    optimize: bool = False
    engine: str = "llvm"
    policy: tuple[tuple[str, int], ...] = ()


_NEVER = (("EAGER_OPTIMIZE_BYTES", 0), ("HOT_LEAST", 1 << 30))
STENCIL = Level("stencil", engine="stencil")
CHEAP = Level("cheap", policy=_NEVER)
OPTIMIZED = Level("O2", optimize=True)
#: Stencils that LLVM's code takes the place of while the program runs.
REPLACED = Level(
    "replaced",
    engine="auto",
    policy=(("EAGER_OPTIMIZE_BYTES", 0), ("HOT_LEAST", 3), ("HOT_PER_BYTE", 0), ("STENCIL_PATIENCE", 1)),
)


@contextmanager
def policy(level: Level) -> Iterator[None]:
    """Have other numbers in `compile/plan.py`."""
    saved = {name: getattr(plan, name) for name, _ in level.policy}
    try:
        for name, number in level.policy:
            setattr(plan, name, number)
        yield
    finally:
        for name, number in saved.items():
            setattr(plan, name, number)


class BembixRunner:
    """Runs a program under Bembix; to be used within `policy(level)`."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.host = Host()
        self.instances: dict[str, Any] = {}

    def instantiate(self, name: str, binary: bytes, program: Program) -> None:
        """Make an instance."""
        module = bembix.Module(binary, engine=self.level.engine, optimize=self.level.optimize)
        host = {n: self.host.function(n, t) for n, t in program.host.items()}
        self.instances[name] = module.instantiate({"host": host, **self.instances})

    def call(self, call: Call, functype: FuncType) -> list[object]:
        """Call an export."""
        arguments = [_to_python(a, t) for a, t in zip(call.arguments, functype.params, strict=True)]
        result = self.instances[call.module].exports[call.name](*arguments)
        if not functype.results:
            assert result is None
            return []
        return list(result) if len(functype.results) > 1 else [result]

    def refuel(self) -> None:
        """Fill up."""
        for instance in self.instances.values():
            instance.exports[FUEL].value = _FUEL

    def state(self) -> Iterator[tuple[str, object]]:
        """Yield what can be seen of the instances."""
        for name, instance in self.instances.items():
            for export in instance.module.definition.exports:
                found = instance.exports[export.name]
                where = f"{name}.{export.name}"
                if export.kind is ExternKind.MEMORY:
                    yield where, Memory(found.size, found.read(0, found.size))
                elif export.kind is ExternKind.GLOBAL:
                    yield where, _plain(found.value)
                elif export.kind is ExternKind.TABLE:
                    yield where, [_plain(element) for element in found]

    def ending(self, error: Exception) -> Event:
        """Say how something ended that raised."""
        if isinstance(error, bembix.WasmException):
            return ("exception",)
        if isinstance(error, bembix.Trap):
            return ("trap", KINDS[error.message])
        if isinstance(error, HostError):
            return ("host error", str(error))
        raise error


class WasmtimeRunner:
    """Runs a program under wasmtime."""

    engine: Any = None

    def __init__(self) -> None:
        if WasmtimeRunner.engine is None:
            config = wasmtime.Config()
            config.wasm_exceptions = True
            config.wasm_function_references = True
            config.wasm_gc = True
            config.wasm_threads = True
            config.wasm_wide_arithmetic = True
            WasmtimeRunner.engine = wasmtime.Engine(config)
        self.store = wasmtime.Store(self.engine)
        self.host = Host()
        self.instances: dict[str, Any] = {}
        self.definitions: dict[str, Any] = {}

    def instantiate(self, name: str, binary: bytes, program: Program) -> None:
        """Make an instance."""
        module = wasmtime.Module(self.engine, binary)
        imports = []
        for entry in module.imports:
            if entry.module == "host":
                imports.append(self._function(str(entry.name), program.host[str(entry.name)]))
            else:
                imports.append(self.instances[entry.module][entry.name])
        self.instances[name] = wasmtime.Instance(self.store, module, imports).exports(self.store)
        self.definitions[name] = decode(binary)

    def _function(self, name: str, functype: FuncType) -> Any:
        kinds = {
            I32: wasmtime.ValType.i32,
            I64: wasmtime.ValType.i64,
            F32: wasmtime.ValType.f32,
            F64: wasmtime.ValType.f64,
            EXTERNREF: wasmtime.ValType.externref,
            FUNCREF: wasmtime.ValType.funcref,
        }
        params, results = ([kinds[t]() for t in types] for types in (functype.params, functype.results))
        return wasmtime.Func(self.store, wasmtime.FuncType(params, results), self.host.function(name, functype))

    def call(self, call: Call, functype: FuncType) -> list[object]:
        """Call an export."""
        arguments = [_to_python(a, t) for a, t in zip(call.arguments, functype.params, strict=True)]
        result = self.instances[call.module][call.name](self.store, *arguments)
        if not functype.results:
            return []
        return list(result) if len(functype.results) > 1 else [result]

    def refuel(self) -> None:
        """Fill up."""
        for exports in self.instances.values():
            exports[FUEL].set_value(self.store, _FUEL)

    def state(self) -> Iterator[tuple[str, object]]:
        """Yield what can be seen of the instances."""
        for name, exports in self.instances.items():
            for export in self.definitions[name].exports:
                found = exports[export.name]
                where = f"{name}.{export.name}"
                if export.kind is ExternKind.MEMORY:
                    size = found.data_len(self.store)
                    yield where, Memory(size, bytes(found.read(self.store, 0, size)))
                elif export.kind is ExternKind.GLOBAL:
                    yield where, _plain(self._unwrap(found.value(self.store)))
                elif export.kind is ExternKind.TABLE:
                    elements = [self._unwrap(found.get(self.store, i)) for i in range(found.size(self.store))]
                    yield where, [_plain(element) for element in elements]

    @staticmethod
    def _unwrap(value: object) -> object:
        return value.value if isinstance(value, wasmtime.Val) else value

    def ending(self, error: Exception) -> Event:
        """Say how something ended that raised."""
        if isinstance(error, wasmtime.Trap) and error.trap_code is not None:
            return ("trap", error.trap_code.name)
        if isinstance(error, (wasmtime.Trap, wasmtime.WasmtimeError)) and "thrown Wasm exception" in str(error):
            return ("exception",)  # of a start function it is no Trap
        if isinstance(error, HostError):
            return ("host error", str(error))
        raise error


Runner = BembixRunner | WasmtimeRunner


def run(program: Program, runner: Runner) -> list[Event]:
    """Return what happens: how each step ended, what the host heard, and the state after it."""
    events: list[Event] = []

    def step(action: Callable[[], object], *what: object) -> bool:
        ending: Event
        try:
            result = action()
            ending = ("done", *([_plain(r) for r in result] if isinstance(result, list) else []))
        except Exception as error:  # what is none of an engine's ways to end is raised again
            ending = runner.ending(error)
        events.append((*what, ending, runner.host.take(), dict(runner.state())))
        return ending[0] == "done"

    for name, binary in program.modules.items():
        if not step(lambda name=name, binary=binary: runner.instantiate(name, binary, program), "instantiate", name):  # type: ignore[misc]
            return events
    for call in program.calls:
        runner.refuel()
        step(lambda call=call: runner.call(call, program.types[call.module][call.name]), call)  # type: ignore[misc]
    return events


def difference(given: list[Event], wanted: list[Event], *, exact: bool) -> str | None:
    """Say where two runs differ, or None.

    exact: compare all.  Otherwise stop at the first access out of bounds: optimised code does not have to see it where
    nothing comes of the value that is loaded, and may have moved a store across it (docs/rationale.md).
    """
    for number, (one, other) in enumerate(zip(given, wanted, strict=False)):
        if not exact and other[-3] == OUT_OF_BOUNDS:
            return None
        if one[:-1] != other[:-1]:
            return f"step {number}: {one[:-1]}\ninstead of {other[:-1]}"
        for where in other[-1]:  # type: ignore[attr-defined]
            a, b = one[-1][where], other[-1][where]  # type: ignore[index]
            if a != b:
                return f"step {number} {one[:-1]}: {where} is {_show(a, b)}"
    if len(given) != len(wanted):
        return f"{len(given)} steps instead of {len(wanted)}"
    return None


def check(program: Program) -> str | None:
    """Run a program everywhere and say where a run differs from wasmtime's, or None."""
    wanted = run(program, WasmtimeRunner())
    for level in (STENCIL, CHEAP, OPTIMIZED, REPLACED):
        with policy(level):
            found = difference(run(program, BembixRunner(level)), wanted, exact=level in (STENCIL, CHEAP))
        if found is not None:
            return f"{level.name}: {found}"
    return None


def _show(given: object, wanted: object) -> str:
    if isinstance(given, Memory) and isinstance(wanted, Memory):
        if given.size != wanted.size:
            return f"{given.size} bytes long instead of {wanted.size}"
        pairs = zip(given.content, wanted.content, strict=True)
        at = next(i for i, (a, b) in enumerate(pairs) if a != b)
        return f"{given.content[at : at + 16].hex()} instead of {wanted.content[at : at + 16].hex()} at {at:#x}"
    return f"{given} instead of {wanted}"
