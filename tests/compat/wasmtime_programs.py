"""Small programs for wasmtime-py's interface; each gets the library and says what it sees.

What is seen is comparable between libraries: objects of a library are their class's name, an exception is its classes,
trap code, exit code and, for traps, message.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

Seen = list[tuple[str, Any]]
Program = Callable[[ModuleType, Callable[[str, Callable[[], Any]], Any]], None]

#: wasmtime says where a memory access went, which the drop-in does not know.
_FAULT: Final = re.compile(r"0: memory fault at wasm address \S+ in linear memory of size \S+\n\s*1: ")
_OURS: Final = ("wasmtime", "bembix")
_SHARED: Final = ("Managed", "Generic", "object")

PROGRAMS: Final[dict[str, Program]] = {}


def program(function: Program) -> Program:
    """Add a program."""
    PROGRAMS[function.__name__] = function
    return function


def run(program: Program, library: ModuleType) -> Seen:
    """Run a program and return what it saw."""
    seen: Seen = []

    def see(label: str, action: Callable[[], Any]) -> Any:
        try:
            found = action()
        except Exception as error:
            seen.append((label, shown_error(error)))
            return None
        seen.append((label, shown(found)))
        return found

    program(library, see)
    return seen


def shown(value: Any) -> Any:
    """Return a value in a form that can be compared between libraries."""
    if isinstance(value, (list, tuple)):
        return type(value)(shown(item) for item in value)
    if type(value).__module__.split(".")[0] in _OURS:
        return type(value).__name__
    return repr(value)


def shown_error(error: BaseException) -> tuple[Any, ...]:
    """Return an exception in a form that can be compared between libraries."""
    classes = [cls.__name__ for cls in type(error).__mro__ if cls.__name__ not in _SHARED]
    code = getattr(error, "trap_code", None)
    message = _FAULT.sub("", str(error)) if classes[0] == "Trap" else None
    return (*classes, code and code.name, getattr(error, "code", None), message)


ALL = """
(module $m
  (memory (export "memory") 1 3) (table (export "t") 4 10 funcref)
  (global (export "g") (mut i32) (i32.const 7)) (global (export "c") i64 (i64.const 9)) (tag (export "tag") (param i32))
  (func $add (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "extern") (param externref) (result externref) (local.get 0))
  (func (export "func") (param funcref) (result funcref) (local.get 0))
  (func (export "two") (result i32 f64) (i32.const 1) (f64.const 2))
  (func $un (export "unreachable") unreachable)
  (func (export "nested") (call $un))
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "trunc") (param f32) (result i32) (i32.trunc_f32_s (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "call") (param i32) (result i32)
    (call_indirect (param i32 i32) (result i32) (i32.const 1) (i32.const 2) (local.get 0)))
  (func (export "get") (param i32) (result funcref) (table.get 0 (local.get 0)))
  (func (export "fill") (memory.fill (i32.const 65530) (i32.const 1) (i32.const 10)))
  (elem (i32.const 0) $add $un) (data (i32.const 16) "hello"))"""


def _made(w: ModuleType, text: str = ALL) -> tuple[Any, Any]:
    engine = w.Engine()
    store = w.Store(engine)
    return store, w.Instance(store, w.Module(engine, text), []).exports(store)


@program
def calls(w, see):
    store, exports = _made(w)
    add = exports["add"]
    for arguments in [(1, 2), (1,), (1, 2, 3), (2**31, 1), (2**32, 1), (-(2**31) - 1, 0), ("x", 1), (1.5, 1), (None, 1),
                      (True, 1)]:  # fmt: skip
        see(f"add {arguments}", lambda arguments=arguments: add(store, *arguments))
    see("val", lambda: add(store, w.Val.i32(3), 1))
    see("wrong val", lambda: add(store, w.Val.i64(3), 1))
    for value in (2**63, 2**64, -(2**63) - 1, 1.0):
        see(f"i64 {value}", lambda value=value: exports["i64"](store, value))
    for value in (1, 0.1, 1e300, "x", None, float("nan"), True):
        see(f"f32 {value}", lambda value=value: exports["f32"](store, value))
        see(f"f64 {value}", lambda value=value: exports["f64"](store, value))
    for value in (None, 1, "s", [1]):
        see("extern", lambda value=value: exports["extern"](store, value) is value)
    see("func", lambda: exports["func"](store, add)(store, 3, 4))
    see("no func", lambda: exports["func"](store, None))
    see("wrong func", lambda: exports["func"](store, 3))
    see("two", lambda: exports["two"](store))


@program
def exports(w, see):
    _, found = _made(w)
    see("names", lambda: list(found))
    see("kinds", lambda: list(found.values()))
    see("by index", lambda: found.by_index)
    see("same", lambda: found["add"] is found.by_index[5])
    see("missing", lambda: found["nope"])
    see("number", lambda: found[0])
    see("get", lambda: found.get("nope"))
    see("in", lambda: ("add" in found, "nope" in found, len(found)))


@program
def traps(w, see):
    store, exports = _made(w)
    for name, *arguments in [
        ("unreachable",), ("nested",), ("div", 1, 0), ("div", -(2**31), -1), ("trunc", 1e30), ("trunc", float("nan")),
        ("load", 65536), ("load", 65533), ("call", 0), ("call", 1), ("call", 2), ("call", 99), ("get", 99), ("fill",),
    ]:  # fmt: skip
        see(f"{name} {arguments}", lambda name=name, arguments=arguments: exports[name](store, *arguments))

    def frames() -> object:
        try:
            exports["nested"](store)
        except w.Trap as trap:
            return [(f.func_index, f.func_name, f.module_name, f.func_offset, f.module_offset) for f in trap.frames]
        return None

    see("frames", frames)
    see("own", lambda: (str(w.Trap("x")), w.Trap("x").message, w.Trap("x").frames, w.Trap("x").trap_code))
    see("start", lambda: _made(w, "(module (func $main unreachable) (start $main))"))
    see("data", lambda: _made(w, '(module (memory 1) (data (i32.const 65536) "x"))'))
    see("elem", lambda: _made(w, "(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))"))


@program
def recursion(w, see):
    store, exports = _made(w, '(module (func $deep (export "deep") (call $deep)))')

    def code() -> object:
        try:
            exports["deep"](store)
        except w.Trap as trap:
            return trap.trap_code.name, len(trap.frames)
        return None

    see("deep", code)


@program
def memories(w, see):
    store, exports = _made(w)
    memory = exports["memory"]
    see("size", lambda: (memory.size(store), memory.data_len(store), memory.page_size(store)))
    for bounds in [(16, 21), (-5,), (65530, 70000), (70000, 70010), (None, 3)]:
        see(f"read {bounds}", lambda bounds=bounds: memory.read(store, *bounds))
    see("read all", lambda: len(memory.read(store)))
    for arguments in [(b"abc", 100), (bytearray(b"xy"),), (b"abc", 65535), (b"abc", 80000), (b"abc", -3), ("abc",)]:
        see(f"write {arguments}", lambda arguments=arguments: memory.write(store, *arguments))
    see("written", lambda: (memory.read(store, 100, 103), memory.read(store, 0, 2), memory.read(store, -3)))
    for pages in (1, 5, -1):
        see(f"grow {pages}", lambda pages=pages: memory.grow(store, pages))
    see("pointer", lambda: memory.data_ptr(store)[16])
    see("array", lambda: (len(memory.get_buffer_ptr(store)), bytes(memory.get_buffer_ptr(store, 5, 16))))
    see("type", lambda: (memory.type(store).limits.min, memory.type(store).limits.max, memory.type(store).is_64))
    see("new", lambda: w.Memory(store, w.MemoryType(w.Limits(1, 2))).size(store))
    see("shared", lambda: w.SharedMemory(w.Engine(), w.MemoryType(w.Limits(1, 2), shared=True)))


@program
def globals_and_tables(w, see):
    store, exports = _made(w)
    g, c, table, tag = (exports[name] for name in ("g", "c", "t", "tag"))
    see("value", lambda: (g.value(store), g.type(store).mutable, str(g.type(store).content)))
    see("set", lambda: (g.set_value(store, 8), g.value(store)))
    see("set wrong", lambda: g.set_value(store, "x"))
    see("set constant", lambda: c.set_value(store, 8))
    see("new", lambda: w.Global(store, w.GlobalType(w.ValType.i32(), True), 5).value(store))
    see("null", lambda: w.Global(store, w.GlobalType(w.ValType.funcref(), True), None).value(store))
    see("table", lambda: (table.size(store), table.type(store).limits.max, str(table.type(store).element)))
    see("element", lambda: table.get(store, 0)(store, 1, 2))
    see("null element", lambda: (table.get(store, 3), table.get(store, 3).value))
    see("no element", lambda: table.get(store, 30))
    see("set element", lambda: (table.set(store, 3, exports["add"]), table.get(store, 3)(store, 5, 6)))
    see("set null", lambda: table.set(store, 3, None))
    see("set far", lambda: table.set(store, 30, None))
    see("set wrong element", lambda: table.set(store, 3, 4))
    see("grow", lambda: (table.grow(store, 2, None), table.size(store)))
    see("grow far", lambda: table.grow(store, 20, None))
    externs = w.Table(store, w.TableType(w.ValType.externref(), w.Limits(2, 3)), "hi")
    see("externs", lambda: (externs.get(store, 0), externs.set(store, 0, [5]), externs.get(store, 0)))
    see("tag", lambda: ([str(p) for p in tag.type(store).functype.params], tag.eq(store, tag)))
    see("another tag", lambda: tag.eq(store, w.Tag(store, w.TagType(w.FuncType([w.ValType.i32()], [])))))
    see("tag with results", lambda: w.Tag(store, w.TagType(w.FuncType([], [w.ValType.i32()]))))


HOST = """
(module
  (import "env" "f" (func $f (param i32 i64) (result i32))) (memory (export "memory") 1)
  (global (export "global") i32 (i32.const 4))
  (func (export "run") (result i32) (call $f (i32.const -1) (i64.const -2)))
  (func (export "other") (result i32) (i32.const 42)))"""


@program
def host_functions(w, see):
    engine = w.Engine()
    store, module = w.Store(engine), w.Module(engine, HOST)
    functype = w.FuncType([w.ValType.i32(), w.ValType.i64()], [w.ValType.i32()])

    def run(function: Any, **options: bool) -> Any:
        instance = w.Instance(store, module, [w.Func(store, functype, function, **options)])
        return instance.exports(store)["run"](store)

    see("arguments", lambda: run(lambda a, b: 10 * a + b))
    for result in (None, "x", 2**40, 1.5, [1, 2], True, w.Val.i32(9)):
        see(f"returns {type(result).__name__}", lambda result=result: run(lambda a, b: result))
    see("arity", lambda: run(lambda a: 1))
    see("raises", lambda: run(lambda a, b: 1 // 0))
    see("direct", lambda: w.Func(store, functype, lambda a, b: a - b)(store, 3, 4))
    starting = w.Module(
        engine,
        """
      (module (import "" "f" (func $f)) (memory (export "memory") 1) (data (i32.const 5) "data") (start $f))""",
    )

    def at_start(caller: Any) -> None:
        see("exports at the start", lambda: caller["memory"].read(caller, 5, 9))

    see("start", lambda: w.Instance(store, starting, [w.Func(store, w.FuncType([], []), at_start, access_caller=True)]))
    kept = []

    def with_caller(caller: Any, a: int, b: int) -> int:
        kept.append(caller)
        see("export", lambda: (caller.get("memory"), caller.get("nope"), caller["other"](caller), caller["global"]))
        see("no export", lambda: caller["nope"])
        return caller["memory"].write(caller, b"hey", 0)

    see("caller", lambda: run(with_caller, access_caller=True))
    see("caller is gone", lambda: kept[0].get("memory"))
    see("caller is no store", lambda: w.Memory(kept[0], w.MemoryType(w.Limits(1, 2))))
    for results in ((1, 2), [1, 2, 3], 1, None):
        pair = w.Func(store, w.FuncType([], [w.ValType.i32(), w.ValType.i64()]), lambda results=results: results)
        see(f"pair {results}", lambda pair=pair: pair(store))
    see("returns too much", lambda: w.Func(store, w.FuncType([], []), lambda: 1)(store))
    see("trap", lambda: w.Func(store, w.FuncType([], []), _raiser(w.Trap("mine")))(store))
    see("no type", lambda: w.Func(store, 3, len))
    see("no store", lambda: w.Func(3, functype, len))
    see("no store for a memory", lambda: w.Memory(3, w.MemoryType(w.Limits(1, 2))))
    see("no type of a memory", lambda: w.Memory(store, 3))
    see("no type of a global", lambda: w.Global(store, 3, 1))
    see("no type of a tag", lambda: w.Tag(store, 3))


def _raiser(error: BaseException) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


@program
def linking(w, see):
    engine = w.Engine()
    store, module = w.Store(engine), w.Module(engine, HOST)
    functype = w.FuncType([w.ValType.i32(), w.ValType.i64()], [w.ValType.i32()])
    function = w.Func(store, functype, lambda a, b: 5)
    _, exports = _made(w)
    memory = w.Memory(store, w.MemoryType(w.Limits(1, 2)))
    wrong = {"none": [], "two": [function] * 2, "kind": [memory], "another store": [exports["add"]], "nonsense": [3]}
    for label, imports in wrong.items():
        see(label, lambda imports=imports: w.Instance(store, module, imports))
    see("another engine", lambda: w.Instance(store, w.Module(w.Engine(), HOST), [function]))
    linker = w.Linker(engine)
    see("undefined", lambda: linker.instantiate(store, module))
    see("define", lambda: linker.define_func("env", "f", functype, lambda a, b: 6))
    see("define again", lambda: linker.define_func("env", "f", functype, lambda a, b: 7))
    linker.allow_shadowing = True
    see("shadow", lambda: linker.define_func("env", "f", functype, lambda a, b: 8))
    instance = see("instance", lambda: linker.instantiate(store, module))
    see("run", lambda: instance.exports(store)["run"](store))
    see("define instance", lambda: linker.define_instance(store, "made", instance))
    see("get", lambda: linker.get(store, "made", "run")(store))
    see("get nothing", lambda: linker.get(store, "made", "nope"))
    see("default", lambda: linker.get_default(store, "made")(store))
    see("define module", lambda: linker.define_module(store, "module", module))
    see("module", lambda: linker.get(store, "module", "run")(store))
    see("pre", lambda: linker.instantiate_pre(module).instantiate(store).exports(store)["run"](store))
    linker = w.Linker(engine)
    see("traps", lambda: linker.define_unknown_imports_as_traps(module))
    see("trap", lambda: linker.instantiate(store, module).exports(store)["run"](store))
    linker = w.Linker(engine)
    see("defaults", lambda: linker.define_unknown_imports_as_default_values(store, module))
    see("default value", lambda: linker.instantiate(store, module).exports(store)["run"](store))


@program
def modules(w, see):
    engine = w.Engine()
    module = w.Module(engine, ALL)
    see("exports", lambda: [(e.name, e.type) for e in module.exports])
    see("imports", lambda: [(i.module, i.name, i.type) for i in w.Module(engine, HOST).imports])
    for text in ("(module (func", "(module (func (result i32)))"):
        see(text, lambda text=text: w.Module(engine, text))
        see(f"wat2wasm {text}", lambda text=text: w.wat2wasm(text))
    for binary in (b"", b"\0asm\1\0\0\0\xff", b"\0asm\1\0\0\0\1"):
        see(repr(binary), lambda binary=binary: w.Module(engine, binary))
        see(f"validate {binary!r}", lambda binary=binary: w.Module.validate(engine, binary))
    see("wat2wasm", lambda: w.wat2wasm("(module)"))
    see("nonsense", lambda: w.Module(engine, 3))
    see("no file", lambda: w.Module.from_file(engine, "/nonexistent"))
    see("serialize", lambda: len(w.Module.deserialize(engine, module.serialize()).exports))
    see("damaged", lambda: w.Module.deserialize(engine, module.serialize()[:-1]))
    see("not serialized", lambda: w.Module.deserialize(engine, b"nope"))
    see("no serialized file", lambda: w.Module.deserialize_file(engine, "/nonexistent"))
    see("close", lambda: (module.close(), module.close()))
    see("closed", lambda: module.imports)


@program
def types(w, see):
    see("names", lambda: [str(getattr(w.ValType, n)()) for n in ("i32", "i64", "f32", "f64", "externref", "funcref")])
    see("equal", lambda: (w.ValType.i32() == w.ValType.i32(), w.ValType.i32() == w.ValType.i64()))
    see("hash", lambda: hash(w.ValType.i32()))
    see("direct", lambda: w.ValType())
    see("limits", lambda: (w.Limits(1, 2) == w.Limits(1, 2), w.Limits(1, None).max))
    see("bad limits", lambda: w.MemoryType(w.Limits(5, 2)))
    see("too large", lambda: w.MemoryType(w.Limits(65537, None)))
    see("wide", lambda: w.MemoryType(w.Limits(65537, None), is_64=True).is_64)
    see("page size", lambda: w.MemoryType(w.Limits(1, None), page_size_log2=3))
    see("no reference", lambda: w.TableType(w.ValType.i32(), w.Limits(1, 2)))
    see("no types", lambda: w.FuncType([3], []))
    see("no global", lambda: w.GlobalType(3, True))
    see(
        "values",
        lambda: (w.Val.i32(2**40).value, w.Val.f32(1.1).value, w.Val.i32(3).as_i64(), w.Val.externref("x").value),
    )
    see("equal values", lambda: (w.Val.i32(3) == w.Val.i32(3), w.Val.i32(3) == w.Val.i64(3), w.Val.i32(3) == 3))
    see("bad value", lambda: w.Val.i32("x"))
    see("null", lambda: w.Val.ref_null(w.ValType.i32()))


@program
def configuration(w, see):
    config = w.Config()
    see("read", lambda: config.consume_fuel)
    see("bool", lambda: setattr(config, "consume_fuel", 3))
    for name in ("cranelift_opt_level", "strategy", "profiler"):
        see(name, lambda name=name: setattr(config, name, "x"))
    see("anything", lambda: setattr(config, "nonexistent", 1))
    see("engine", lambda: w.Engine(config))
    see("again", lambda: w.Engine(config))
    engine = w.Engine()
    engine.close()
    see("closed", lambda: w.Store(engine))
    store = w.Store(data=[1])
    see("data", lambda: (store.data(), w.Store().data()))
    see("no fuel", lambda: store.get_fuel())
    see("no fuel to set", lambda: store.set_fuel(3))
    store.close()
    see("closed store", lambda: w.Memory(store, w.MemoryType(w.Limits(1, 2))))


@program
def limits(w, see):
    engine = w.Engine()
    module = w.Module(
        engine,
        """
      (module (memory (export "m") 1) (table (export "t") 3 funcref)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "tgrow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))""",
    )
    store = w.Store(engine)
    store.set_limits(memory_size=2 * 65536, table_elements=5, instances=1, memories=1, tables=1)
    exports = w.Instance(store, module, []).exports(store)
    for name, count in (("grow", 1), ("grow", 1), ("tgrow", 2), ("tgrow", 1)):
        see(f"{name} {count}", lambda name=name, count=count: exports[name](store, count))
    see("memory", lambda: exports["m"].grow(store, 1))
    see("table", lambda: exports["t"].grow(store, 1, None))
    see("instances", lambda: w.Instance(store, module, []))
    for limit in ({"memory_size": 6553}, {"table_elements": 2}, {"memories": 0}, {"instances": 0}, {"tables": 0},
                  {"memory_size": -5}):  # fmt: skip
        store = w.Store(engine)
        store.set_limits(**limit)
        see(f"{limit}", lambda store=store: w.Instance(store, module, []))
    store = w.Store(engine)
    store.set_limits(memory_size=65536)
    see("each memory", lambda: w.Instance(store, w.Module(engine, "(module (memory 1) (memory 1))"), []))


@program
def fuel(w, see):
    config = w.Config()
    config.consume_fuel = True
    engine = w.Engine(config)
    store = w.Store(engine)
    module = w.Module(
        engine,
        """
      (module (func (export "loop") (loop (br 0)))
        (func (export "count") (param i32)
          (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))""",
    )
    exports = w.Instance(store, module, []).exports(store)

    def call(name: str, *arguments: int) -> object:
        try:
            return exports[name](store, *arguments)
        except w.Trap as trap:
            return trap.trap_code.name, str(trap).strip().splitlines()[-1]

    see("at first", store.get_fuel)
    see("without", lambda: call("count", 10))
    store.set_fuel(10_000)
    see("enough", lambda: (call("count", 100), 9000 < store.get_fuel() < 9600))
    before = store.get_fuel()
    see(
        "twice is twice as much", lambda: (call("count", 100), 9900 < store.get_fuel() + 10_000 - before < 10_000 - 400)
    )
    see("too much", lambda: call("count", 10_000))
    store.set_fuel(10_000)
    see("endless", lambda: (call("loop"), store.get_fuel() < 10))
    for amount in (2**64 - 1, 2**64, -1, 2**63):
        see(f"{amount}", lambda amount=amount: (store.set_fuel(amount), store.get_fuel()))
    see("plenty", lambda: call("count", 10))


@program
def epochs(w, see):
    config = w.Config()
    config.epoch_interruption = True
    engine = w.Engine(config)
    store = w.Store(engine)
    module = w.Module(
        engine, '(module (func (export "loop") (param i32) (loop (br_if 0 (local.get 0)))) (func (export "return")))'
    )
    exports = w.Instance(store, module, []).exports(store)

    def call(name: str, *arguments: int) -> object:
        try:
            return exports[name](store, *arguments)
        except w.Trap as trap:
            lines = str(trap).splitlines()
            return trap.trap_code.name, [line for line in lines if " - " not in line and " 0: " not in line]

    see("no deadline yet", lambda: call("return"))
    store.set_epoch_deadline(1)
    see("deadline", lambda: call("return"))
    call("loop", 0)  # compiles it
    timer = threading.Timer(0.1, engine.increment_epoch)
    timer.start()
    see("loop", lambda: call("loop", 1))
    timer.join()
    see("afterwards", lambda: call("return"))
    store.set_epoch_deadline(2)
    for _ in range(3):
        see("return", lambda: call("return"))
        engine.increment_epoch()
    store.set_epoch_deadline(0)
    see("none left", lambda: call("return"))
    see("a host function", lambda: w.Func(store, w.FuncType([], []), lambda: None)(store))
    see("not configured", lambda: w.Store(w.Engine()).set_epoch_deadline(1))


WASI = r"""
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\10\00\00\00\06\00\00\00") (data (i32.const 16) "hello\n")
  (func (export "hello") (param i32) (result i32)
    (call $write (local.get 0) (i32.const 0) (i32.const 1) (i32.const 8)))
  (func (export "exit") (param i32) (call $exit (local.get 0)))
  (func (export "args") (result i32 i32 i32)
    (call $args (i32.const 100) (i32.const 104)) (i32.load (i32.const 100)) (i32.load (i32.const 104)))
  (func (export "env") (result i32 i32 i32)
    (call $environ (i32.const 100) (i32.const 104)) (i32.load (i32.const 100)) (i32.load (i32.const 104)))
  (func (export "pre") (param i32) (result i32) (call $prestat (local.get 0) (i32.const 100)))
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""


@program
def wasi(w, see):
    engine = w.Engine()
    linker, module = w.Linker(engine), w.Module(engine, WASI)
    see("define", linker.define_wasi)
    see("define again", linker.define_wasi)

    def made(**settings: Any) -> Any:
        config, store = w.WasiConfig(), w.Store(engine)
        for name, value in settings.items():
            setattr(config, name, value)
        store.set_wasi(config)
        exports = linker.instantiate(store, module).exports(store)
        return lambda name, *arguments: exports[name](store, *arguments)

    call = made()
    for number in (0, 1, 7):
        see(f"hello {number}", lambda number=number: call("hello", number))
    for code in (0, 3, 125, 126, 256, -1):
        see(f"exit {code}", lambda code=code: call("exit", code))
    see("nothing", lambda: (call("args"), call("env"), call("pre", 3)))
    written: list[object] = []
    call = made(stdout_custom=lambda data: written.append(data), stderr_custom=lambda data: written.append(data))
    see("custom", lambda: (call("hello", 1), call("hello", 2), written))
    call = made(argv=["a", "bc"], env=[("A", "1"), ("B", "22")])
    see("given", lambda: (call("args"), call("env")))
    call = made(argv=["a\0bc"])
    see("NUL", lambda: call("args"))
    for name, value in [("argv", [1]), ("env", {"A": "1"}), ("env", [("A", 1)]), ("stdin_file", "/nonexistent/x"),
                        ("stdout_file", "/nonexistent/x")]:  # fmt: skip
        see(f"{name} {value}", lambda name=name, value=value: made(**{name: value}) and None)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out")
        call = made(stdout_file=path)
        see("file", lambda: (call("_start"), Path(path).read_text()))
        config = w.WasiConfig()
        see("directory", lambda: config.preopen_dir(folder, "/data"))
        see("no directory", lambda: config.preopen_dir("/nonexistent", "/data"))
        see("file", lambda: config.preopen_dir(path, "/data"))
        store = w.Store(engine)
        store.set_wasi(config)
        see("used up", lambda: store.set_wasi(config))
        linker.define_module(store, "app", module)
        exports = linker.instantiate(store, module).exports(store)
        see("preopened", lambda: (exports["pre"](store, 3), exports["pre"](store, 4)))
        see("default", lambda: linker.get_default(store, "app")(store))
        see("no default", lambda: linker.get_default(store, "nope")(store))
    see("get", lambda: len(linker.get(store, "wasi_snapshot_preview1", "fd_write").type(store).params))
    see("older", lambda: linker.get(store, "wasi_unstable", "fd_write"))


@program
def threads_of_calls(w, see):
    store, exports = _made(w)
    caught: list[object] = []

    def work() -> None:
        caught.append(exports["add"](store, 1, 2))
        try:
            exports["unreachable"](store)
        except w.Trap as trap:
            caught.append(trap.trap_code.name)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    see("in a thread", lambda: caught)
