"""Branch hints of a module become branch weights of LLVM."""

from __future__ import annotations

import pytest

import bembix
from bembix.binary.hints import SECTION, branch_hints
from bembix.compile.llvm.tier import LlvmModule
from bembix.spec.module import Custom, ModuleDef

TEXT = """(module
  (func (export "f") (param i32) (result i32)
    (@metadata.code.branch_hint "{if_}") (if (local.get 0) (then (return (i32.const 1))))
    (block (@metadata.code.branch_hint "{br_if}") (br_if 0 (local.get 0)) (return (i32.const 2)))
    i32.const 3))"""


def text_of(module: bembix.Module) -> str:
    compiled = module.compiled
    assert isinstance(compiled, LlvmModule)
    return compiled.text((0,), optimize=True, places=False)


@pytest.mark.parametrize(("if_", "br_if", "weights"), [("\\00", "\\01", ["!6", "!5"]), ("\\01", "\\00", ["!5", "!6"])])
def test_hints_become_weights(if_: str, br_if: str, weights: list[str]) -> None:
    module = bembix.Module(TEXT.format(if_=if_, br_if=br_if), engine="llvm")
    branches = [line for line in text_of(module).splitlines() if line.startswith("br i1 ") and "!prof" in line]
    assert [line.rpartition(" ")[2] for line in branches] == weights
    assert module.instantiate().exports.f(0) == 2


def test_a_malformed_section_is_none() -> None:
    assert branch_hints(ModuleDef(customs=[Custom(SECTION, b"\x01\x00\x05")])) == {}
