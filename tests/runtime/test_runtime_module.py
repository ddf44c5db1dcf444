"""Modules: what they are made of, what they say about themselves, engines and features."""

from __future__ import annotations

import pickle
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest

import bembix
from bembix import CompileError, FuncType, GlobalType, MemoryType, Module, ParseError, TableType, ValidationError
from bembix.spec.types import F64, FUNCREF, I32, I64, Limits

EMPTY = b"\0asm\1\0\0\0"
SOURCE = """(module $shapes
  (import "env" "f" (func (param i32) (result f64))) (import "env" "m" (memory 1 2))
  (table (export "t") 3 funcref) (global (export "g") (mut i64) (i64.const 0)) (tag (export "e") (param f64))
  (func (export "h") (result i32) i32.const 1))"""


SOURCES = [
    EMPTY,
    bytearray(EMPTY),
    memoryview(EMPTY),
    array("B", EMPTY),
    "(module)",
    b"(module)",
    "",
    b"  ;; text\n(module)",
]


@pytest.mark.parametrize("source", SOURCES)
def test_sources(source: Any) -> None:
    assert list(Module(source).instantiate().exports) == []


def test_wrong_sources() -> None:
    with pytest.raises(TypeError, match="a module is made of bytes or str"):
        Module(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"use Module\.from_file for a path"):
        Module(Path("x.wasm"))  # type: ignore[arg-type]
    with pytest.raises(ParseError):
        Module(b"nonsense")
    with pytest.raises(ParseError) as caught:
        Module("(module\n  (func nonsense))")
    assert (caught.value.line, caught.value.offset) == (2, None)


def test_invalid_body_is_found_at_once_in_a_small_module() -> None:
    with pytest.raises(ValidationError, match="type mismatch"):
        Module("(module (func (result i32) i64.const 1))")


def test_invalid_body_of_a_large_module_is_found_when_it_is_called() -> None:
    filler = "(func " + "nop " * 1000 + ")"
    module = Module(f'(module (func (export "bad") (result i32) i64.const 1) (func (export "good")) {filler * 200})')
    exports = module.instantiate().exports
    exports.good()
    with pytest.raises(ValidationError, match="type mismatch"):
        exports.bad()
    with pytest.raises(ValidationError, match="type mismatch"):
        module.validate()


def test_imports_and_exports() -> None:
    module = Module(SOURCE)
    assert [(i.module, i.name, i.kind, i.type) for i in module.imports] == [
        ("env", "f", "func", FuncType((I32,), (F64,))),
        ("env", "m", "memory", MemoryType(Limits(1, 2))),
    ]
    assert [(e.name, e.kind, e.type) for e in module.exports] == [
        ("t", "table", TableType(Limits(3), FUNCREF)),
        ("g", "global", GlobalType(I64, True)),
        ("e", "tag", FuncType((F64,))),
        ("h", "func", FuncType((), (I32,))),
    ]


def test_names(tmp_path: Path) -> None:
    assert Module(SOURCE).name == "shapes"
    assert Module(SOURCE, name="mine").name == "mine"
    assert Module(EMPTY).name == ""
    path = tmp_path / "file.wasm"
    path.write_bytes(EMPTY)
    assert Module.from_file(path).name == "file"
    assert Module.from_file(str(path), name="mine").name == "mine"
    assert repr(Module.from_file(path)) == "<bembix.Module file: 0 imports, 0 exports, 8 bytes>"


def test_from_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "file.wat"
    path.write_text('(module (func (export "f") (result i32) i32.const 3))')
    assert Module.from_file(path).instantiate().exports.f() == 3
    with pytest.raises(FileNotFoundError):
        Module.from_file(tmp_path / "missing.wat")


@pytest.mark.parametrize("content", ["(module (func nonsense))", "(module (func i32.add drop))", "nonsense"])
def test_errors_name_the_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "file.wat"
    path.write_text(content)
    with pytest.raises(ParseError) as caught:
        Module.from_file(path)
    assert str(caught.value).startswith(f"{path}:")


def test_a_file_name_is_no_module() -> None:
    with pytest.raises(ParseError) as caught:
        Module("file.wat")
    assert caught.value.__notes__ == ["A str is the text of a module; Module.from_file(path) reads a file."]


def test_both_forms() -> None:
    module = Module(SOURCE)
    assert Module(module.to_bytes()).to_wat() == module.to_wat()
    assert Module(module.to_wat()).to_bytes() == module.to_bytes()


def test_pickle() -> None:
    module = Module('(module (func (export "f") (result i32) i32.const 3))', name="mine", optimize=True)
    copy = pickle.loads(pickle.dumps(module))
    assert (copy.name, copy.instantiate().exports.f()) == ("mine", 3)


def test_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ("llvm", "auto", None):
        Module(EMPTY, engine=engine)
    with pytest.raises(ValueError, match="unknown engine 'x86'; known are stencil, llvm, python, auto"):
        Module(EMPTY, engine="x86")
    with pytest.raises(CompileError, match="the engine 'python' is not in this version"):
        Module(EMPTY, engine="python")
    monkeypatch.setenv("BEMBIX_ENGINE", "nothing")
    with pytest.raises(ValueError, match=r"unknown engine 'nothing' \(from BEMBIX_ENGINE\)"):
        Module(EMPTY)
    Module(EMPTY, engine="llvm")


def test_features() -> None:
    with pytest.raises(ValueError, match="unknown feature 'simdd'; known are mvp, multi-value"):
        Module(EMPTY, features={"simdd"})
    vector = "(module (func (drop (v128.const i32x4 1 2 3 4))))"
    Module(vector, features={"simd"})
    with pytest.raises((ValidationError, ParseError)):
        Module(vector, features={"bulk-memory-operations"})


def test_optimized_code_does_the_same() -> None:
    source = """(module (func (export "sum") (param i32) (result i32) (local i32)
      (loop $again (local.set 1 (i32.add (local.get 1) (local.get 0)))
        (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) local.get 1))"""
    assert {Module(source, optimize=flag).instantiate().exports.sum(100) for flag in (False, True)} == {5050}


def test_exports_mapping() -> None:
    exports = (
        Module("""(module (func (export "f")) (func (export "get") (result i32) i32.const 1)
      (func (export "with space") (result i32) i32.const 2) (func (export "_Exports__inst")))""")
        .instantiate()
        .exports
    )
    assert sorted(exports) == ["_Exports__inst", "f", "get", "with space"]
    assert (len(exports), "f" in exports, "g" in exports) == (4, True, False)
    assert exports["with space"]() == 2
    assert exports.get() == 1
    assert exports.f is exports["f"]
    assert {"f", "with space"} <= set(dir(exports))
    with pytest.raises(KeyError):
        exports["g"]
    with pytest.raises(AttributeError, match="no export is called 'ff'; did you mean 'f'"):
        getattr(exports, "ff")  # noqa: B009
    assert dict(exports)["f"] is exports.f
    assert dir(exports).count("f") == 1


def test_exports_cannot_be_replaced() -> None:
    instance = Module('(module (func (export "f")) (global (export "g") (mut i32) (i32.const 1)))').instantiate()
    with pytest.raises(AttributeError, match=r"can't be replaced$"):
        instance.exports.f = print
    with pytest.raises(AttributeError, match=r"to set the global, set exports\.g\.value$"):
        instance.exports.g = 2
    instance.exports.g.value = 2
    assert instance.exports.g.value == 2


def test_an_instance_says_where_its_exports_are() -> None:
    instance = Module('(module (func (export "f")))').instantiate()
    with pytest.raises(AttributeError, match=r"has no attribute 'f'; it is an export: exports\.f"):
        instance.f  # noqa: B018
    with pytest.raises(AttributeError, match=r"has no attribute 'g'$"):
        instance.g  # noqa: B018


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_import_loads_nothing() -> None:
    code = "import sys, bembix; print([m for m in sys.modules if m.startswith(('bembix.', 'llvmlite', 'ctypes'))])"
    assert python(code) == "[]"


def test_public_names() -> None:
    for name in bembix.__all__:
        assert getattr(bembix, name) is not None
    assert set(bembix.__all__) <= set(dir(bembix))
    with pytest.raises(AttributeError):
        getattr(bembix, "nonsense")  # noqa: B009


def test_without_llvmlite() -> None:
    code = """
import sys
from array import array

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "llvmlite":
            raise ModuleNotFoundError("No module named 'llvmlite'", name=name)

sys.meta_path.insert(0, Missing())
import bembix
text = '(module (func (export "f") (result i32) (i32.const 7)))'
print(bembix.Module(text, engine="auto").instantiate().exports.f())
try:
    bembix.Module(text, engine="llvm").instantiate()
except bembix.CompileError as error:
    print(error)
"""
    assert python(code).splitlines() == ["7", "the engine 'llvm' needs llvmlite: pip install 'bembix[llvm]'"]
