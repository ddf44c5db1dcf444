"""The same programs under wasmtime-py and under the drop-in; and what the drop-in does on its own."""

from __future__ import annotations

import inspect
import subprocess
import sys
from enum import Enum

import pytest
from wasmtime_programs import ALL, HOST, PROGRAMS, Program, run, shown_error

import bembix.compat.wasmtime as ours


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_see_the_same(program: Program) -> None:
    wasmtime = pytest.importorskip("wasmtime", reason="the oracle is not installed")
    assert run(program, ours) == run(program, wasmtime)


def test_all_names_are_there() -> None:
    wasmtime = pytest.importorskip("wasmtime", reason="the oracle is not installed")
    for name, value in vars(wasmtime).items():
        if name.startswith("_") or inspect.ismodule(value):
            continue
        assert hasattr(ours, name), name
        if not inspect.isclass(value):
            continue
        wanted = {n for n in vars(value) if not n.startswith("_")} - {"DELETED", "from_trap"}
        if issubclass(value, Enum):
            assert {m.name: m.value for m in value} == {m.name: m.value for m in getattr(ours, name)}
        assert not {n for n in wanted if not hasattr_of(getattr(ours, name), n)}, name


def hasattr_of(cls: type, name: str) -> bool:
    return any(name in vars(base) for base in cls.__mro__)


def test_stands_in_for_the_module() -> None:
    script = """
import sys
import bembix.compat.wasmtime

sys.modules["wasmtime"] = bembix.compat.wasmtime
from wasmtime import Engine, Instance, Module, Store

store = Store(Engine())
module = Module(store.engine, '(module (func (export "run") (result i32) (i32.const 42)))')
print(Instance(store, module, []).exports(store)["run"](store))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "42\n"


def _store() -> ours.Store:
    return ours.Store(ours.Engine())


def test_objects_of_another_store_are_refused() -> None:
    store, other = _store(), _store()
    memory = ours.Memory(store, ours.MemoryType(ours.Limits(1, 2)))
    with pytest.raises(ours.WasmtimeError, match="wrong store"):
        memory.size(other)


def test_no_c_api() -> None:
    with pytest.raises(NotImplementedError, match=r"Engine\.ptr"):
        ours.Engine().ptr()


def test_vectors_are_bytes() -> None:  # wasmtime-py aborts
    store = _store()
    module = ours.Module(store.engine, '(module (func (export "f") (param v128) (result v128) (local.get 0)))')
    assert ours.Instance(store, module, []).exports(store)["f"](store, b"0123456789abcdef") == b"0123456789abcdef"


def test_shared_memories() -> None:  # a size is a ctypes.ArgumentError in wasmtime-py
    config = ours.Config()
    config.shared_memory = True
    engine = ours.Engine(config)
    memory = ours.SharedMemory(engine, ours.MemoryType(ours.Limits(1, 2), shared=True))
    module = ours.Module(
        engine,
        """(module (import "" "m" (memory 1 2 shared))
      (func (export "run") (i32.atomic.store (i32.const 8) (i32.const 77))))""",
    )
    store = ours.Store(engine)
    ours.Instance(store, module, [memory]).exports(store)["run"](store)
    assert memory.data_ptr()[8] == 77
    assert (memory.size(), memory.data_len(), memory.grow(1), memory.size()) == (1, 65536, 1, 2)
    with pytest.raises(ours.WasmtimeError):
        memory.grow(1)


def test_a_serialized_module_is_checked() -> None:
    engine = ours.Engine()
    content = ours.Module(engine, ALL).serialize()
    content[-1] ^= 1
    with pytest.raises(ours.WasmtimeError, match="damaged"):
        ours.Module.deserialize(engine, content)


def test_directories_as_up_to_47_and_from_50_on(tmp_path) -> None:
    for arguments in [(ours.DirPerms.READ_ONLY, ours.FilePerms.READ_ONLY), (False,)]:
        config = ours.WasiConfig()
        config.preopen_dir(str(tmp_path), "/data", *arguments)
        assert config.make().fds.open[3].readonly  # type: ignore[attr-defined]
    config = ours.WasiConfig()
    with pytest.raises(ours.WasmtimeError, match="only be written"):
        config.preopen_dir(str(tmp_path), "/data", ours.DirPerms.WRITE_ONLY)


def test_a_failing_custom_stream_is_an_input_output_error(capsys) -> None:
    from wasmtime_programs import WASI

    def fail(data: bytes) -> None:
        raise ValueError("boom")

    store = _store()
    config = ours.WasiConfig()
    config.stdout_custom = fail
    store.set_wasi(config)
    linker = ours.Linker(store.engine)
    linker.define_wasi()
    exports = linker.instantiate(store, ours.Module(store.engine, WASI)).exports(store)
    assert exports["hello"](store, 1) == 29
    assert "boom" in capsys.readouterr().err


def test_without_wasi_a_call_is_an_error() -> None:  # wasmtime-py aborts
    from wasmtime_programs import WASI

    store = _store()
    linker = ours.Linker(store.engine)
    linker.define_wasi()
    exports = linker.instantiate(store, ours.Module(store.engine, WASI)).exports(store)
    with pytest.raises(ours.WasmtimeError, match="set_wasi"):
        exports["hello"](store, 1)


def test_a_name_may_be_imported_twice() -> None:
    store = _store()
    text = """
      (module (import "" "f" (func $a (result i32))) (import "" "f" (func $b (result i64)))
        (func (export "run") (result i32 i64) (call $a) (call $b)))"""
    functions = [
        ours.Func(store, ours.FuncType([], [kind]), lambda value=value: value)
        for kind, value in ((ours.ValType.i32(), 1), (ours.ValType.i64(), 2))
    ]
    exports = ours.Instance(store, ours.Module(store.engine, text), functions).exports(store)
    assert exports["run"](store) == [1, 2]


def test_a_host_error_keeps_its_identity() -> None:
    store = _store()
    error = ValueError("mine")

    def fail(a: int, b: int) -> int:
        raise error

    functype = ours.FuncType([ours.ValType.i32(), ours.ValType.i64()], [ours.ValType.i32()])
    instance = ours.Instance(store, ours.Module(store.engine, HOST), [ours.Func(store, functype, fail)])
    with pytest.raises(ValueError) as caught:
        instance.exports(store)["run"](store)
    assert caught.value is error
    assert shown_error(error)[0] == "ValueError"


def test_a_store_goes_with_its_last_reference() -> None:
    import gc
    import weakref

    store = _store()
    functype = ours.FuncType([ours.ValType.i32(), ours.ValType.i64()], [ours.ValType.i32()])
    function = ours.Func(store, functype, lambda caller, a, b: 1, access_caller=True)
    instance = ours.Instance(store, ours.Module(store.engine, HOST), [function])
    assert instance.exports(store)["run"](store) == 1
    gone = weakref.ref(store.bembix.inst)
    del store, function, instance
    gc.collect()
    assert gone() is None
