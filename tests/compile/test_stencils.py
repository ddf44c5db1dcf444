"""The stencil engine: what is its own, besides what all engines do and the conformance suites show."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import bembix
from bembix.compile.stencil.machines import SINKS
from bembix.compile.stencil.tier import StencilModule
from bembix.compile.stencil.x86_64 import encode as x86
from bembix.compile.stencil.x86_64.sink import MAKERS
from bembix.spec.instructions import BY_CODE, BY_NAME

ROOT = Path(__file__).parents[2]


def exports(text: str) -> Any:
    return bembix.Module(text, engine="stencil").instantiate().exports


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stencils", ROOT / "tools" / "stencils_x86_64.py")
    assert spec is not None and spec.loader is not None
    import sys

    module = sys.modules["stencils"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_of_stencils_is_up_to_date() -> None:
    stencils = tool()
    assert f"# sha256 {stencils.fingerprint()}\n" in stencils.FILE.read_text("utf-8"), "run tools/stencils_x86_64.py"


def test_every_instruction_is_written() -> None:
    SINKS["x86_64"]()
    assert [row.name for code, row in BY_CODE.items() if code not in MAKERS] == []


def test_it_needs_no_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "llvmlite", None)
    assert isinstance(bembix.Module("(module)", engine="stencil").compiled, StencilModule)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (x86.MOV64[x86.RAX << 5 | x86.R12], "498bc4"),
        (x86.LOAD32[48 << 5 | x86.R9], "448b4dd0"),
        (x86.STORE64[200 << 5 | x86.RBX], "48899d38ffffff"),
        (x86.CONSTANT[5 << 4 | x86.R8], "41b805000000"),
        (x86.CONSTANT[(2**64 - 1) << 4 | x86.RAX], "48c7c0ffffffff"),
        (x86.rm(b"\x8b", 1, x86.RAX, x86.R12, 0), "498b0424"),
        (x86.rx(b"\x88", 0, x86.RSI, x86.R13, x86.RDI, 0, force=True), "4188743d00"),
    ],
)
def test_encodings(code: bytes, text: str) -> None:
    assert code.hex() == text


BODIES = {
    "many operands at once": (
        "(local i32 i32 i32) "
        + "(local.get 0) " * 20
        + "(i32.add (i32.const 1) (local.get 0)) " * 20
        + "(i32.add) " * 39,
        lambda a, b: 20 * a + 20 * (a + 1),
    ),
    "the quotient and the rest of operands in their registers": (
        "(i32.add (i32.div_s (i32.add (local.get 0) (i32.const 7)) (i32.mul (local.get 1) (i32.const 3))) "
        "(i32.rem_u (i32.add (local.get 0) (i32.const 7)) (i32.add (local.get 1) (i32.const 3))))",
        lambda a, b: (a + 7) // (b * 3) + (a + 7) % (b + 3),
    ),
    "a local that changes while its value waits": (
        "(i32.sub (local.get 0) (local.tee 0 (i32.mul (local.get 1) (local.get 1))))",
        lambda a, b: a - b * b,
    ),
    "a sum that goes to one of its operands": (
        "(local.set 0 (i32.sub (local.get 1) (local.get 0))) (local.get 0)",
        lambda a, b: b - a,
    ),
    "0 less something": ("(i32.sub (i32.const 0) (local.get 0))", lambda a, b: -a),
    "a comparison as a number": (
        "(i32.add (i32.lt_s (local.get 0) (local.get 1)) (i32.const 5))",
        lambda a, b: 5 + (a < b),
    ),
    "not of a comparison, as a branch": (
        "(if (result i32) (i32.eqz (i32.gt_s (local.get 0) (local.get 1))) (then (i32.const 1)) (else (i32.const 2)))",
        lambda a, b: 1 if a <= b else 2,
    ),
    "a block in the middle of an expression": (
        "(i32.add (i32.mul (local.get 0) (i32.const 3)) (block (result i32) "
        "(drop (br_if 0 (i32.const 7) (local.get 1))) (local.set 0 (i32.const 0)) (i32.const 9)))",
        lambda a, b: 3 * a + (7 if b else 9),
    ),
    "shifts by variables": (
        "(i32.or (i32.shl (local.get 0) (local.get 1)) "
        "(i32.shr_u (local.get 0) (i32.sub (i32.const 8) (local.get 1))))",
        lambda a, b: a << b | a >> (8 - b),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_bodies(name: str) -> None:
    body, wanted = BODIES[name]
    assert isinstance(wanted, Callable)  # type: ignore[arg-type]
    run = exports(f'(module (func (export "run") (param i32 i32) (result i32) {body}))').run
    for a, b in ((3, 5), (100, 1), (0, 2), (12345, 7)):
        assert run(a, b) == wanted(a, b)  # type: ignore[operator]


def test_parameters_and_results_of_all_kinds_and_numbers() -> None:
    kinds = ["i32", "f64", "i64", "f32"] * 5
    text = f"""(module
      (func $inner (param {" ".join(kinds)}) (result {" ".join(kinds)})
        {" ".join(f"(local.get {k})" for k in range(20))})
      (func (export "run") (param {" ".join(kinds)}) (result {" ".join(kinds)})
        (call $inner {" ".join(f"(local.get {k})" for k in range(20))})))"""
    values = tuple(float(k) if kind[0] == "f" else k for k, kind in enumerate(kinds))
    assert exports(text).run(*values) == values


def test_a_backtrace_has_the_offset_of_each_call_and_of_a_fault() -> None:
    module = bembix.Module(
        """(module (memory 1) (func $in (param i32) (result i32) (i32.load8_u (i32.add (local.get 0) (i32.const 4))))
        (func (export "out") (param i32) (result i32) nop (i32.mul (call $in (local.get 0)) (i32.const 2))))""",
        engine="stencil",
    )
    with pytest.raises(bembix.Trap) as caught:
        module.instantiate().exports.out(-5)
    offsets = [frame.offset for frame in caught.value.backtrace]
    names = [frame.function for frame in caught.value.backtrace]
    binary = module.to_bytes()
    assert names == ["in", "out"]
    assert [binary[offset] for offset in offsets if offset] == [BY_NAME["i32.load8_u"].code, BY_NAME["call"].code]


def test_functions_of_both_engines_call_each_other() -> None:
    store = bembix.Store()
    leaf = bembix.Module(
        '(module (func (export "f") (param i32 f64) (result f64) '
        "(f64.add (f64.convert_i32_s (local.get 0)) (local.get 1))))",
        engine="llvm",
    )
    text = """(module (import "m" "f" (func $f (param i32 f64) (result f64)))
      (func (export "f") (param i32 f64) (result f64) (call $f (i32.add (local.get 0) (i32.const 1)) (local.get 1))))"""
    first = leaf.instantiate(store=store)
    second = bembix.Module(text, engine="stencil").instantiate({"m": first}, store=store)
    third = bembix.Module(text, engine="llvm").instantiate({"m": second}, store=store)
    assert third.exports.f(5, 0.5) == 7.5


def test_recursion_without_end_is_a_trap() -> None:
    with pytest.raises(bembix.StackExhausted):
        exports(
            '(module (func $f (export "f") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1))))'
        ).f(1)


def test_a_cpu_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bembix.compile.stencil.tier.missing_features", lambda: ("sse4_1",))
    with pytest.raises(bembix.CompileError, match="this one has no sse4_1"):
        bembix.Module("(module)", engine="stencil").instantiate()
