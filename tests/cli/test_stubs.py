"""`stubs`: what type checkers are told about a module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bembix import Module
from bembix.cli.stubs import stub


def of(fields: str) -> str:
    text = stub(Module(f"(module {fields})"), "x.wat")
    ast.parse(text)
    return text


def test_file(bembix, tmp_path: Path) -> None:
    (tmp_path / "gcd.wat").write_text(
        """(module (func (export "gcd") (param $a i32) (param $b i32) (result i32) unreachable)
          (memory (export "m") 1 2))"""
    )
    assert bembix("stubs", tmp_path / "gcd.wat").code == 0
    assert (
        (tmp_path / "gcd.pyi").read_text()
        == '''"""gcd.wat for type checkers, written by `bembix stubs`."""

import bembix

def gcd(a: int, b: int, /) -> int:
    """func (i32 i32) -> (i32)"""

m: bembix.Memory
"""memory 1 2"""
'''
    )
    assert bembix("stubs", tmp_path / "gcd.wat", "-o", "-").out == (tmp_path / "gcd.pyi").read_text()


@pytest.mark.parametrize(
    ("type", "signature"),
    [
        ("", "() -> None"),
        ("(param i64 f32) (result f64)", "(p0: int, p1: float, /) -> float"),
        ("(param v128) (result v128 i32)", "(p0: bytes, /) -> tuple[bytes, int]"),
        ("(param externref anyref) (result externref)", "(p0: object, p1: object, /) -> Any"),
        (
            "(param funcref (ref func)) (result funcref)",
            "(p0: bembix.Func | None, p1: bembix.Func, /) -> bembix.Func | None",
        ),
        ("(param exnref) (result i31ref)", "(p0: bembix.ExnRef | None, /) -> Any"),
        ("(param $a i32) (param $from i32) (param $a.b i32)", "(a: int, p1: int, p2: int, /) -> None"),
    ],
)
def test_functions(type: str, signature: str) -> None:
    assert f"\ndef f{signature}:\n" in of(f'(func (export "f") {type} unreachable)')


def test_all_kinds() -> None:
    text = of("""(table (export "t") 1 funcref) (global (export "g") (mut i64) (i64.const 1))
      (tag (export "e") (param i32)) (memory (export "m") i64 1)""")
    assert [line for line in text.splitlines() if ": bembix." in line] == [
        "t: bembix.Table", "g: bembix.Global", "e: bembix.Tag", "m: bembix.Memory",
    ]  # fmt: skip


def test_names_that_are_none() -> None:
    text = of(
        r"""(func (export "a-b")) (func (export "class")) (func (export "")) (func (export "x\n\"\"\"y"))
          (func (export "ok"))"""
    )
    assert [line for line in text.splitlines() if not line.startswith("#") and "def" in line] == ["def ok() -> None:"]
    assert "# No identifier, so getattr() it: a-b, func () -> ()" in text


def test_names_that_hide_types() -> None:
    text = of("""(func (export "int") (param i32) (result i32 f32) unreachable) (memory (export "bembix") 1)
      (func (export "_int") (result externref) unreachable) (func (export "Any")) (func (export "tuple"))""")
    assert text.split("\n\n", 1)[1].startswith(
        "from builtins import int as __int\nfrom builtins import tuple as _tuple\nfrom typing import Any as _Any\n\n"
        "import bembix as _bembix\n\n"
        "def int(p0: __int, /) -> _tuple[__int, float]:\n"
    )
    assert "\nbembix: _bembix.Memory\n" in text


def test_nothing_exported() -> None:
    assert of("") == '"""x.wat for type checkers, written by `bembix stubs`."""\n'
