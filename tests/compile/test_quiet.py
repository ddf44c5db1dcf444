"""Arithmetic makes signalling NaNs quiet, wherever its operands come from, on every engine.

LLVM takes x * 1 for x, and what was promoted and demoted for itself.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

import pytest

import bembix
from bembix.compile.llvm.quiet import quieted, settle
from bembix.spec.instructions import BY_NAME, TABLE, Instr

ENGINES = pytest.mark.parametrize(
    ("engine", "optimize"), [("stencil", False), ("llvm", False), ("llvm", True)], ids=["stencil", "cheap", "O2"]
)
#: Constants for which LLVM might not calculate.
_BINARY = {
    "fadd": ("0", "-0"), "fsub": ("0", "-0"), "fmul": ("1", "-1"), "fdiv": ("1", "-1"),
    "fmin": ("-0", "inf", "-inf"), "fmax": ("-0", "inf", "-inf"),
}  # fmt: skip
_BINARY |= {"relaxed_min": _BINARY["fmin"], "relaxed_max": _BINARY["fmax"]}
_UNARY = ("fsqrt", "fceil", "ffloor", "ftrunc", "fnearest")
ROWS = [row for row in TABLE if row.operation in (*_BINARY, *_UNARY)]

#: Where a constant comes from: what is before the operation, and the operand.  TYPE and K stand for type and constant.
ORIGINS = {
    "literal": ("", "K"),
    "local": ("(local.set $k K)", "(local.get $k)"),
    "join": ("(local.set $k K) (block (br_if 0 (local.get $n)) (local.set $n (i32.const 1)))", "(local.get $k)"),
    "arms": ("(if (local.get $n) (then (local.set $k K)) (else (local.set $k K)))", "(local.get $k)"),
    "argument": ("", "(call $same (local.get $n) K)"),
    "result": ("", "(call $k)"),
    "select": ("", "(select K (local.get $x) (i32.eqz (i32.const 0)))"),
    "choice": ("", "(select K (local.get $k) (SCALAR.eq (local.get $m) (local.get $m)))"),
    "block": ("", "(block (result TYPE) (br_if 0 K (local.get $n)))"),
    "loop": (
        "(local.set $k K) (loop $l (local.set $n (i32.add (local.get $n) (i32.const 1)))"
        " (br_if $l (i32.lt_u (local.get $n) (i32.const 3))))",
        "(local.get $k)",
    ),
    "memory": ("(TYPE.store (i32.const 16) K)", "(TYPE.load (i32.const 16))"),
    "global": ("(global.set $g K)", "(global.get $g)"),
}  # fmt: skip
#: The same for scalars only.
SCALAR_ORIGINS = {
    "sum": ("(local.set $k (TYPE.const 7)) (block (br_if 0 (local.get $n)))",
            "(TYPE.sub (local.get $k) (TYPE.sub (TYPE.const 7) K))"),
    "compared": ("(br_if $out (TYPE.ne (local.get $m) K))", "(local.get $m)"),
    "bits": ("(local.set $b (INT.reinterpret_TYPE K)) (block (br_if 0 (local.get $n)))",
             "(TYPE.reinterpret_INT (local.get $b))"),
    "integer": ("(local.set $n (i32.trunc_sat_TYPE_s K)) (block (br_if 0 (local.get $n)))",
                "(TYPE.convert_i32_s (local.get $n))"),
    "lane": ("(local.set $v (SHAPE.splat K)) (block (br_if 0 (local.get $n)))",
             "(SHAPE.extract_lane 1 (local.get $v))"),
}  # fmt: skip
VECTOR_ORIGINS = {
    "splat": ("(local.set $s (SCALAR.const NUMBER)) (block (br_if 0 (local.get $n)))", "(SHAPE.splat (local.get $s))"),
    "mask": (
        "",
        "(v128.bitselect K (local.get $x) (SHAPE.eq (SHAPE.splat (local.get $m)) (SHAPE.splat (local.get $m))))",
    ),
    "integers": ("(local.set $k K) (block (br_if 0 (local.get $n)))", "(v128.or (local.get $k) (local.get $k))"),
}


#: Operations that LLVM might leave out without a constant.
ALONE = {
    "zero": "(OP (local.get $x) (local.get $k))",
    "equal": "(OP (local.get $x) (local.get $x))",
    "nested": "(OP (OP (local.get $x) (local.get $x)) (local.get $x))",
    "nested in itself": "(OP (local.get $x) (OP (local.get $x) (local.get $k)))",
}
#: Chains whose first operation might be undone by the last, by type.
CHAINS = {
    "f32": {
        "promoted": ("", "(f32.demote_f64 (f64.promote_f32 (local.get $x)))"),
        "negated": ("", "(f32.demote_f64 (f64.neg (f64.abs (f64.promote_f32 (local.get $x)))))"),
        "sign": ("", "(f32.demote_f64 (f64.copysign (f64.promote_f32 (local.get $x)) (f64.const -2)))"),
        "chosen": (
            "(local.set $d (f64.promote_f32 (local.get $x)))"
            " (if (local.get $n) (then (local.set $d (f64.neg (local.get $d)))))",
            "(f32.demote_f64 (local.get $d))",
        ),
        "stored": (
            "(f64.store (i32.const 16) (f64.promote_f32 (local.get $x)))",
            "(f32.demote_f64 (f64.load (i32.const 16)))",
        ),
        "multiplied": ("(local.set $d (f64.const 1)) (block (br_if 0 (local.get $n)))",
                       "(f32.demote_f64 (f64.mul (f64.promote_f32 (local.get $x)) (local.get $d)))"),
        "root": ("", "(f32.demote_f64 (f64.sqrt (f64.promote_f32 (local.get $x))))"),
    },
    "f64": {
        "negations": ("", "(f64.mul (f64.const -1) (f64.mul (f64.const -1) (local.get $x)))"),
        "halves": ("", "(f64.mul (f64.const 2) (f64.mul (f64.const 0.5) (f64.neg (f64.neg (local.get $x)))))"),
        "difference": ("", "(f64.sub (f64.const -0) (f64.sub (f64.const -0) (local.get $x)))"),
        "first round": (
            "(local.set $d (local.get $x)) (loop $l (local.set $d (f64.mul (f64.abs (local.get $d))"
            " (f64.convert_i32_u (i32.add (local.get $n) (i32.const 1))))) (br_if $l (i32.lt_u"
            " (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1))))",
            "(local.get $d)",
        ),
        "sum": (
            "(loop $l (local.set $d (f64.add (local.get $d) (f64.abs (local.get $x)))) (br_if $l (i32.lt_u"
            " (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 2))))",
            "(local.get $d)",
        ),
        "nothing": ("", "(f64.sub (local.get $x) (f64.convert_i64_s (i64.sub (local.get 0) (local.get 0))))"),
        "limits": ("", "(f64.min (f64.max (local.get $x) (f64.const -inf)) (f64.const inf))"),
        "lane": (
            "",
            "(f64x2.extract_lane 0 (f64x2.mul (f64x2.splat (local.get $x)) (v128.const f64x2 1 3)))",
        ),
        "swapped": (
            "",
            "(f64x2.extract_lane 1 (f64x2.mul (v128.const f64x2 5 1)"
            " (f64x2.replace_lane 1 (f64x2.splat (f64.const 3)) (local.get $x))))",
        ),
    },
    "f32x4": {
        "nothing": ("", "(f32x4.sub (local.get $x) (v128.xor (local.get $x) (local.get $x)))"),
        "nothing, negative": ("", "(f32x4.sub (f32x4.neg (i32x4.sub (local.get $x) (local.get $x))) (local.get $x))"),
        "shuffled": (
            "(local.set $k (f32x4.add (local.get $x) (v128.const f32x4 2 2 2 2)))",
            "(f32x4.mul (i8x16.shuffle 4 5 6 7 0 1 2 3 20 21 22 23 16 17 18 19 (local.get $k) (local.get $x))"
            " (f32x4.splat (f32.convert_i32_s (i32.eqz (local.get $n)))))",
        ),
        "promoted": ("", "(f32x4.demote_f64x2_zero (f64x2.promote_low_f32x4 (local.get $x)))"),
        "madd": ("", "(f32x4.relaxed_madd (local.get $x) (v128.const f32x4 1 1 1 1) (v128.const f32x4 -0 -0 -0 -0))"),
        "nmadd": ("", "(f32x4.relaxed_nmadd (v128.const f32x4 1 1 1 1) (local.get $x) (local.get $k))"),
    },
}  # fmt: skip


def _fill(text: str, row: Instr, constant: str) -> str:
    """Put instruction, types and constant into a text."""
    scalar, is_vector = row.name[:3], "x" in row.name[:5]
    shape = {"f32": "f32x4", "f64": "f64x2"}[scalar]
    many = f"{shape} {' '.join([constant] * int(shape[-1]))}"
    words = {
        "OP": row.name, "NUMBER": constant, "SCALAR": scalar, "SHAPE": shape, "INT": f"i{scalar[1:]}",
        "TYPE": "v128" if is_vector else scalar,
        "K": f"(v128.const {many})" if is_vector else f"({scalar}.const {constant})",
    }  # fmt: skip
    return re.sub("|".join(words), lambda found: words[found[0]], text)


def _function(name: str, type_: str, before: str, operation: str) -> str:
    """Return a function from bits to bits, or vectors: the operation is done with $x."""
    scalar, is_vector = type_[:3], "x" in type_
    bits = "v128" if is_vector else f"i{scalar[1:]}"
    kind = "v128" if is_vector else scalar
    get = "(local.get 0)" if is_vector else f"({kind}.reinterpret_{bits} (local.get 0))"
    result = operation if is_vector else f"({bits}.reinterpret_{kind} {operation})"
    return (
        f'(func (export "{name}") (param {bits}) (param $m {scalar}) (result {bits})'
        f" (local $x {kind}) (local $k {kind}) (local $b {bits}) (local $s {scalar}) (local $n i32) (local $v v128)"
        " (local $d f64)"
        f" (local.set $x {get}) (block $out {before} (return {result})) (unreachable))"
    )


def _signalling(
    cases: Mapping[str, tuple[str, str]], row: Instr, constant: str, engine: str, optimize: bool
) -> list[str]:
    """Return the names of the cases (what is before, the operation) whose results are signalling NaNs."""
    type_ = row.name.partition(".")[0]
    texts = [_function(name, type_, *(_fill(text, row, constant) for text in case)) for name, case in cases.items()]
    shared = """(memory 1) (global $g (mut TYPE) K) (func $same (param i32 TYPE) (result TYPE) (local.get 1))
        (func $k (result TYPE) K)"""
    text = f"(module {_fill(shared, row, constant)} {' '.join(texts)})"
    exports = bembix.Module(text, engine=engine, optimize=optimize).instantiate().exports
    code, quiet, given = {
        "f32": ("<4I", 1 << 22, (0x7F800001, 0xFFA00000)),
        "f64": ("<2Q", 1 << 51, (0x7FF0000000000001, 0xFFF4 << 48)),
    }[type_[:3]]
    wrong = []
    for name in cases:
        for bits in given:
            if "x" in type_:
                whole = exports[name](struct.pack(code, *[bits] * int(type_[-1])), 0)
                lanes = [lane for lane in struct.unpack(code, whole) if lane]
            else:
                lanes = [exports[name](bits, float(constant))]
            if not all(lane & quiet for lane in lanes):
                wrong.append(f"{name}: {bits:#x}")
    return wrong


@ENGINES
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_arithmetic(row: Instr, engine: str, optimize: bool) -> None:
    if row.operation in _UNARY:
        cases = {"": ("", "(OP (local.get $x))"), "twice": ("", "(OP (OP (local.get $x)))")}
    else:
        cases = {name: ("", operation) for name, operation in ALONE.items()}
    assert _signalling(cases, row, "0", engine, optimize) == []


@ENGINES
@pytest.mark.parametrize(
    ("row", "constant"),
    [pytest.param(row, k, id=f"{row.name} {k}") for row in ROWS for k in _BINARY.get(row.operation or "", ())],
)
def test_constants(row: Instr, constant: str, engine: str, optimize: bool) -> None:
    scalar, cases = row.name.partition(".")[0], {}
    for name, (before, operand) in (ORIGINS | (VECTOR_ORIGINS if "x" in row.name[:5] else SCALAR_ORIGINS)).items():
        if name == "integer" and "inf" in constant:
            continue
        cases[name] = before, f"(OP (local.get $x) {operand})"
        cases[f"{name}, left"] = before, f"(OP {operand} ({scalar}.abs (local.get $x)))"
    assert _signalling(cases, row, constant, engine, optimize) == []


@ENGINES
@pytest.mark.parametrize("type_", CHAINS)
def test_chains(type_: str, engine: str, optimize: bool) -> None:
    assert _signalling(CHAINS[type_], BY_NAME[f"{type_}.add"], "0", engine, optimize) == []


# -- what is left of `canonicalize` ------------------------------------------------------------------------------------

_BODY = """\
define <2 x double> @f(<2 x double> %x, <2 x double> %y, double %z, float %s) {{
  {lines}
  ret <2 x double> %c
}}
"""


@pytest.mark.parametrize(
    ("lines", "stays"),
    [
        (["%a = fmul VEC %x, %y"], False),
        (["%a = fmul VEC %x, splat (double 2.000000e+00)"], False),
        (["%a = fmul VEC %x, <double 1.000000e+00, double 3.000000e+00>"], True),
        (["%a = fdiv VEC ONE, %x"], False),
        (["%a = fdiv VEC %x, ONE"], True),
        (["%a = fsub VEC %x, zeroinitializer"], True),
        (["%a = fneg VEC %x"], True),
        (["%m = fmul VEC %x, %y", "%a = fneg VEC %m"], False),
        (["%m = fmul VEC %x, %y", "%a = shufflevector VEC %m, VEC %x, <2 x i32> <i32 0, i32 2>"], True),
        (["%m = fmul VEC %x, %y", "%a = shufflevector VEC %m, VEC poison, <2 x i32> zeroinitializer"], False),
        (["%k = insertelement VEC ONE, double %z, i64 0", "%a = fmul VEC %x, %k"], True),
        (["%k = insertelement VEC ONE, double %z, i64 0", "%a = fadd VEC %x, %k"], False),
        (["%m = fmul VEC %x, %y", "%b = bitcast VEC %m to <4 x float>", "%a = bitcast <4 x float> %b to VEC"], True),
    ],
)
def test_canonicalize_stays_where_there_is_no_operation(lines: list[str], stays: bool) -> None:
    whole = "\n  ".join([*lines, "%c = tail call VEC @llvm.canonicalize.v2f64(VEC %a)"])
    whole = whole.replace("VEC", "<2 x double>").replace("ONE", "splat (double 1.000000e+00)")
    text = settle(_BODY.format(lines=whole))
    assert ("%c = fmul <2 x double> %a, %one.c" in text) is stays
    assert ("%c = bitcast <2 x double> %a to <2 x double>" in text) is not stays


def test_what_was_promoted_stays_so_only_where_it_might_be_undone() -> None:
    lines = [
        "%p = fpext float %s to double",
        "%q = call double @llvm.canonicalize.f64(double %p)",
        "%n = fneg double %q",
    ]
    assert "%q = bitcast" in settle(_BODY.format(lines="\n  ".join([*lines, "%t = fptrunc double %z to float"])))
    assert "%q = fmul" in settle(_BODY.format(lines="\n  ".join([*lines, "%t = fptrunc double %n to float"])))


def test_text_without_care_is_left_alone() -> None:
    text = _BODY.format(lines="%c = fadd <2 x double> %x, %y")
    assert settle(text) == text


def test_a_line_of_a_template_is_quieted() -> None:
    assert quieted("{0}.1 = x\n{0} = fadd float {1}, {2}\n{0}.3 = y", "{0}", "float").splitlines() == [
        "{0}.1 = x",
        "{0}.raw = fadd float {1}, {2}",
        "{0} = call float @llvm.canonicalize.f32(float {0}.raw)",
        "{0}.3 = y",
    ]
