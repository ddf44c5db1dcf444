"""What the fuzzer found, as small modules: each is wrong in some earlier state of the engine."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import pytest
from engines import CHEAP, OPTIMIZED, STENCIL, Level, policy

import bembix

LEVELS = pytest.mark.parametrize("level", [STENCIL, CHEAP, OPTIMIZED], ids=lambda level: level.name)


def exports(text: str, level: Level) -> Mapping[str, Any]:
    with policy(level):
        return bembix.Module(f"(module {text})", engine=level.engine, optimize=level.optimize).instantiate().exports


@LEVELS
@pytest.mark.parametrize(
    "body",
    [
        "(call $f (local.get 0))",
        "(if (result i32) (local.get 0) (then (call $f (local.get 0))) (else (i32.const 1)))",
        "(i32.add (i32.const 1) (call $f (local.get 0)))",
    ],
)
def test_recursion_is_no_loop(level: Level, body: str) -> None:
    """LLVM makes a loop of a call in front of a return, which then runs for ever."""
    f = exports(f'(func $f (export "f") (param i32) (result i32) {body})', level)["f"]
    with pytest.raises(bembix.StackExhausted):
        f(1)


@LEVELS
@pytest.mark.parametrize(
    "body",
    [
        "(f32.mul (local.get $x) (f32.const 1))",
        "(f32.mul (f32.const -1) (local.get $x))",
        "(f32.mul (local.get $x) (f32.convert_i64_u (i64.const 1)))",
        "(f32.div (local.get $x) (f32.const 1))",
        "(f32.sub (local.get $x) (f32.const 0))",
        "(f32.sub (f32.const -0) (local.get $x))",
        "(f32.add (local.get $x) (f32.const -0))",
        "(f32.add (f32.abs (local.get $x)) (f32.const 0))",
        "(f32.min (local.get $x) (f32.const -0))",
        "(f32.max (local.get $x) (local.get $x))",
        "(f32.demote_f64 (f64.promote_f32 (local.get $x)))",
        "(f32.demote_f64 (f64.abs (f64.neg (f64.promote_f32 (local.get $x)))))",
        "(f32.nearest (local.get $x))",
        "(f32.sqrt (local.get $x))",
    ],
)
def test_arithmetic_makes_a_signalling_nan_quiet(level: Level, body: str) -> None:
    """LLVM takes x * 1 for x."""
    f = exports(
        f"""(func (export "f") (param i32) (result i32) (local $x f32)
            (local.set $x (f32.reinterpret_i32 (local.get 0)))
            (i32.reinterpret_f32 {body}))""",
        level,
    )["f"]
    for bits in (0x7F800001, 0x7FA00000, 0xFFBFFFFF):
        assert f(bits) & 0x7FC00000 == 0x7FC00000


@LEVELS
@pytest.mark.parametrize(
    "convert", ["i32.trunc_sat_f64_u", "i32.trunc_sat_f64_s", "i32.trunc_sat_f32_u (f32.demote_f64"]
)
def test_an_integer_made_from_nan_is_zero_in_its_whole_register(level: Level, convert: str) -> None:
    """The stencil of the first one left 2**63 in the register, of which an address or a conversion takes the whole."""
    made = f"({convert} (local.get 0))" + (")" if "demote" in convert else "")
    f = exports(
        f"""(memory 1) (data (i32.const 0) "\\2a") (func (export "f") (param f64) (result i32 f32)
            (i32.load {made}) (f32.convert_i32_u {made}))""",
        level,
    )["f"]
    assert f(float("nan")) == f(float("-nan")) == (42, 0.0)


@LEVELS
def test_other_operations_keep_the_bits_of_a_signalling_nan(level: Level) -> None:
    text = """(memory 1) (global $g (mut f64) (f64.const 0))
        (func $same (param f64) (result f64) (local.get 0))
        (func (export "f") (param i64) (result i64)
          (f64.store (i32.const 8) (f64.reinterpret_i64 (local.get 0)))
          (global.set $g (select (f64.load (i32.const 8)) (f64.const 0) (i32.const 1)))
          (f64.neg (f64.neg (f64.copysign (global.get $g) (f64.load (i32.const 8)))))
          (i64.reinterpret_f64 (call $same)))"""
    f = exports(text, level)["f"]
    for bits in (0x7FF0000000000001, 0x7FF4000000000000, 0xFFF7FFFFFFFFFFFF):
        assert f(bits) & 2**64 - 1 == bits


@LEVELS
@pytest.mark.parametrize(
    "body",
    [
        "(drop (i32.load (local.get 0)))",
        "(local.set $unread (i32.load (local.get 0)))",
        "(local.set $unread (local.tee $unread (i32.load8_s (local.get 0))))",
        "(drop (select (i32.const 1) (i32.load (local.get 0)) (i32.const 1)))",
    ],
)
def test_a_load_without_a_use_traps(level: Level, body: str) -> None:
    """LLVM takes away a load that nothing uses; the second note that it is to stay made the text invalid."""
    f = exports(f'(memory 1) (func (export "f") (param i32) (local $unread i32) {body} {body})', level)["f"]
    f(0)
    with pytest.raises(bembix.Trap, match="out of bounds memory access"):
        f(-1)


def test_a_leaf_with_a_large_frame_exhausts_the_stack() -> None:
    """It looked at the stack only if it called something."""
    blocks = "(local.set 1 (block (result i64) (br_if 0 (i64.const 1) (local.get 0)) drop (i64.const 2)))\n" * 20_000
    text = f"""(func $leaf (param i32) (result i64) (local i64) {blocks} (local.get 1))
        (func $f (export "f") (param i32) (result i64)
          (if (i32.eqz (local.get 0)) (then (return (call $leaf (i32.const 0)))))
          (i64.add (call $f (i32.sub (local.get 0) (i32.const 1))) (i64.const 1)))"""
    f = exports(text, CHEAP)["f"]
    assert f(0) == 2
    deepest, too_deep = 0, 1 << 22
    while too_deep - deepest > 1:
        middle = (deepest + too_deep) // 2
        try:
            deepest = middle if f(middle) else deepest
        except bembix.StackExhausted:
            too_deep = middle


@LEVELS
def test_conversion_at_the_limits(level: Level) -> None:
    text = """(func (export "f") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
        (func (export "g") (param i32) (result i64) (i64.trunc_f32_u (f32.reinterpret_i32 (local.get 0))))"""
    found = exports(text, level)
    assert found["f"](-2147483648.9) == -(2**31)
    with pytest.raises(bembix.Trap, match="integer overflow"):
        found["f"](-2147483649.0)
    below = struct.unpack("<I", struct.pack("<f", 2.0**64 - 2.0**40))[0]
    assert found["g"](below) == -(2**40)
    with pytest.raises(bembix.Trap, match="integer overflow"):
        found["g"](below + 1)
