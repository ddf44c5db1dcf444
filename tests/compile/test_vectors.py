"""Vectors: each instruction against Python, their way in and out of Wasm, loads that trap, signalling NaNs."""

from __future__ import annotations

import re
import struct
from functools import cache
from typing import Any

import pytest
import vector_reference as reference
from hypothesis import given, settings
from hypothesis import strategies as st

import bembix
from bembix import Global, Instance, Module, Tag, Trap, WasmException, lanes, v128
from bembix.compile.llvm import tier, vectors  # noqa: F401  (the tier enters all writers)
from bembix.compile.llvm.sink import OPERATIONS
from bembix.spec.instructions import BY_NAME, TABLE, Instr
from bembix.spec.types import I32, I64, V128, NumType

LEVELS = pytest.mark.parametrize("optimize", [False, True], ids=["cheap", "O2"])
ROWS = [row for row in TABLE if row.regular and V128 in row.params + row.results]
#: Those without immediates, which the reference knows.
PLAIN = [row for row in ROWS if not row.immediates]
ONE, ZERO, SNAN = "1", "0", "nan:0x200000"

NUMBERS = [0, 1, 2, 15, 16, 127, 128, 255]
SPECIAL = [
    *(struct.pack("<4f", *four) for four in ((0.0, -0.0, 1.0, -1.5), (2.5, -2.5, 3e9, -3e9))),
    struct.pack("<4f", float("inf"), 0.5, 1e-45, 3e38),
    *(struct.pack("<2d", *two) for two in ((0.0, -0.0), (1e300, -0.5), (float("-inf"), float("nan")), (4e9, -3e9))),
    *(bytes([value] * 16) for value in NUMBERS),
    b"\x00\x80" * 8,
    bytes(range(16)),
]  # fmt: skip
BYTES = st.one_of(st.binary(min_size=16, max_size=16), st.sampled_from(SPECIAL))
SCALARS: dict[NumType, st.SearchStrategy[Any]] = {
    V128: BYTES,
    I32: st.integers(-(2**31), 2**31 - 1),
    I64: st.integers(-(2**63), 2**63 - 1),
}


def instance(text: str, optimize: bool = False, imports: Any = None) -> Instance:
    return Module(text, optimize=optimize).instantiate(imports)


@cache
def everything(optimize: bool) -> Instance:
    """An instance that has every plain instruction as a function."""
    functions = []
    for row in PLAIN:
        params = " ".join(map(str, row.params))
        gets = " ".join(f"(local.get {n})" for n in range(len(row.params)))
        functions.append(f'(func (export "{row.name}") (param {params}) (result {row.results[0]}) ({row.name} {gets}))')
    return instance(f"(module {' '.join(functions)})", optimize)


def same(row: Instr, got: Any, wanted: Any) -> bool:
    """Compare; a NaN is as good as another if it is quiet, or if the instruction only moves bits."""
    name = row.operation or ""
    is_float = row.results == (V128,) and row.shape[0] == "f" and name[1:] not in reference.COMPARISONS
    if not is_float:
        return bool(got == wanted)
    bits, size = (23, 4) if row.shape == "f32x4" else (52, 8)
    infinity = (1 << 8 * size - 1) - (1 << bits)
    for at in range(0, 16, size):
        one, two = (int.from_bytes(x[at : at + size], "little") for x in (got, wanted))
        is_nan = two & ~(1 << 8 * size - 1) > infinity
        quiet = one >> bits - 1 & 1 or name in ("fneg", "fabs", "fpmin", "fpmax")
        if one != two and not (is_nan and one & infinity == infinity and quiet):
            return False
    return True


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_vector_instruction_has_a_writer(row: Instr) -> None:
    assert row.code in OPERATIONS
    if not row.immediates:
        assert "{r}" not in vectors.text_of(row)


@LEVELS
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_instructions_agree_with_python(optimize: bool, data: st.DataObject) -> None:
    exports = everything(optimize).exports
    drawn: dict[NumType, list[Any]] = {kind: [data.draw(values) for _ in range(3)] for kind, values in SCALARS.items()}
    for row in PLAIN:
        if row.name in ("f32x4.splat", "f64x2.splat"):
            continue
        operands = [drawn[kind][n] for n, kind in enumerate(row.params) if kind is not None]
        got, wanted = exports[row.name](*operands), reference.expected(row, operands)
        assert same(row, got, wanted), f"{row.name} {operands}: {got!r}, not {wanted!r}"


def test_swizzle_without_an_instruction_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    row = BY_NAME["i8x16.swizzle"]
    monkeypatch.setattr(vectors, "triple", lambda: "riscv64-unknown-linux-gnu")
    monkeypatch.setitem(OPERATIONS, row.code, vectors._regular(row))
    text = '(module (func (export "f") (param v128 v128) (result v128) (i8x16.swizzle (local.get 0) (local.get 1))))'
    swizzle = instance(text).exports.f
    for index in (bytes(range(16)), bytes(range(8, 24)), bytes([255, 128, 16, 15] * 4)):
        assert swizzle(bytes(range(100, 116)), index) == reference._swizzle(bytes(range(100, 116)), index)


SUMS = {
    "load16x4_s": ("(v128.load16x4_s (i32.const {at}))", "(v128.load16x4_s offset=512 (i32.const {at}))"),
    "extend": (
        "(i32x4.extend_{half}_i16x8_s (v128.load (i32.const {even})))",
        "(i32x4.extend_{half}_i16x8_s (v128.load offset=512 (i32.const {even})))",
    ),
}


def product(form: str, number: int) -> str:
    """The text of a product of four lanes at 8 * number with four lanes 512 bytes on."""
    words = {"at": 8 * number, "even": number // 2 * 16, "half": ("low", "high")[number % 2]}
    if form == "extmul":
        sides = "(v128.load (i32.const {even})) (v128.load offset=512 (i32.const {even}))"
        return "(i32x4.extmul_{half}_i16x8_s SIDES)".replace("SIDES", sides).format(**words)
    return f"(i32x4.mul {' '.join(SUMS[form])})".format(**words)


@LEVELS
@pytest.mark.parametrize("form", ["load16x4_s", "extend", "extmul"])
@pytest.mark.parametrize(
    "tree",
    [
        "(add 0 1)", "(add (add 0 1) 2)", "(add 3 (add 2 (add 1 (add 0 x))))", "(add (add x 0) (add 1 2))",
        "(add (local.tee $t (add x 0)) (local.get $t))", "(add (add 1 (local.tee $t (add x 0))) (local.get $t))",
        "(add (local.tee $t 4) (local.get $t))", "(add (add (local.tee $t 1) x) (local.get $t))",
    ],
)  # fmt: skip
def test_sums_of_products(optimize: bool, form: str, tree: str) -> None:
    """However they are put together."""
    numbers = range(5)
    body = re.sub(r"\b\d\b", lambda found: product(form, int(found[0])), tree).replace("(add", "(i32x4.add")
    text = f"""(module (memory (export "m") 1)
      (func (export "f") (param $x v128) (result v128) (local $t v128) {body.replace(" x", " (local.get $x)")}))"""
    exports = instance(text, optimize).exports
    left, right = ([(k * 12347 + salt) % 65536 - 32768 for k in range(20)] for salt in (5, 40000))
    left[:3] = right[:3] = [-32768, -32768, 32767]
    exports.m.write(0, struct.pack("<20h", *left))
    exports.m.write(512, struct.pack("<20h", *right))
    start = [1, -2, 2**31 - 1, 7]
    values = [[left[4 * n + k] * right[4 * n + k] for k in range(4)] for n in numbers]
    assert reference.read(exports.f(v128("i32x4", *start)), "i32x4") == [
        wrapped(evaluate(tree, [one[k] for one in values], start[k])) for k in range(4)
    ]


def evaluate(tree: str, products: list[int], start: int) -> int:
    """The value of a tree in one lane."""
    kept = 0

    def step(words: list[str]) -> int:
        nonlocal kept
        word = words.pop(0)
        if word != "(":
            return start if word == "x" else products[int(word)]
        name = words.pop(0)
        if name == "add":
            value = step(words) + step(words)
        else:
            words.pop(0)
            kept = value = step(words) if name == "local.tee" else kept
        words.pop(0)
        return value

    return step(re.findall(r"[()]|[^()\s]+", tree))


def wrapped(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


# -- in and out --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [bytes(range(16)), bytearray(16), memoryview(bytes(range(32)))[8:24]])
def test_bytes_like_objects_go_in_and_bytes_come_out(value: Any) -> None:
    identity = instance('(module (func (export "f") (param v128) (result v128) (local.get 0)))').exports.f
    assert identity(value) == bytes(value)
    assert type(identity(value)) is bytes


@pytest.mark.parametrize(
    ("value", "error"), [(b"short", ValueError), (7, TypeError), (None, TypeError), ("x" * 16, TypeError)]
)
def test_what_is_no_vector_is_refused(value: Any, error: type[Exception]) -> None:
    identity = instance('(module (func (export "f") (param v128) (result v128) (local.get 0)))').exports.f
    with pytest.raises(error, match="v128"):
        identity(value)


@LEVELS
@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 12])
def test_many_parameters_and_results(optimize: bool, count: int) -> None:
    """Beyond eight parameters and two results they go through the store."""
    types, swapped = "v128 " * count, " ".join(f"(local.get {n})" for n in reversed(range(count)))
    given = [bytes([n]) * 16 for n in range(count)]
    text = f"""(module
      (type $t (func (param {types}) (result {types})))
      (import "host" "f" (func $host (type $t)))
      (func $swap (type $t) {swapped})
      (func (export "swap") (type $t) (call $swap {" ".join(f"(local.get {n})" for n in range(count))}))
      (func (export "host") (type $t) (call $host {swapped}))
      (func (export "tail") (type $t) (return_call $host {swapped})))"""
    exports = instance(text, optimize, {"host": {"f": lambda *values: values if count > 1 else values[0]}}).exports
    wanted: Any = tuple(reversed(given)) if count > 1 else given[0]
    assert exports.swap(*given) == exports.host(*given) == exports.tail(*given) == wanted


def test_what_a_host_function_returns_is_checked() -> None:
    text = '(module (import "h" "f" (func $f (result v128))) (func (export "f") (result v128) (call $f)))'
    with pytest.raises(ValueError, match="16 bytes"):
        instance(text, imports={"h": {"f": lambda: b"short"}}).exports.f()
    assert instance(text, imports={"h": {"f": lambda: bytearray(b"x" * 16)}}).exports.f() == b"x" * 16


@LEVELS
def test_globals_selects_and_locals(optimize: bool) -> None:
    text = """(module
      (global $imported (import "m" "g") (mut v128))
      (global $own (export "own") (mut v128) (v128.const i32x4 1 2 3 4))
      (global $copy (export "copy") v128 (v128.const i64x2 -1 7))
      (func (export "swap") (local $t v128)
        (local.set $t (global.get $own)) (global.set $own (global.get $imported)) (global.set $imported (local.get $t)))
      (func (export "choose") (param i32) (result v128)
        (select (global.get $own) (global.get $copy) (local.get 0)))
      (func (export "unset") (result v128) (local v128) (local.get 0)))"""
    shared = Global("v128", v128("i8x16", 9), mutable=True)
    made = instance(text, optimize, {"m": {"g": shared}})
    made.exports.swap()
    swapped: Any = shared.value
    assert lanes(swapped, "i32x4") == (1, 2, 3, 4)
    assert made.exports.own.value == made.exports.choose(1) == v128("i8x16", 9)
    assert lanes(made.exports.choose(0), "i64x2") == (-1, 7)
    assert made.exports.unset() == bytes(16)
    shared.value = bytearray(range(16))
    assert shared.value == bytes(range(16))


@LEVELS
def test_payload_of_exceptions(optimize: bool) -> None:
    text = """(module
      (import "h" "f" (func $f))
      (tag $t (export "t") (param i32 v128 v128))
      (func $throw (param v128) (throw $t (i32.const 1) (local.get 0) (i8x16.splat (i32.const 5))))
      (func (export "throw") (param v128) (call $throw (local.get 0)))
      (func (export "catch") (param v128) (result i32 v128 v128)
        (block (result i32 v128 v128) (try_table (catch $t 0) (call $throw (local.get 0))) (unreachable)))
      (func (export "catch_host") (result i32 v128 v128)
        (block (result i32 v128 v128) (try_table (catch $t 0) (call $f)) (unreachable))))"""
    made: list[Tag] = []

    def throw() -> None:
        raise WasmException(made[0], (2, b"a" * 16, b"b" * 16))

    module = Module(text, optimize=optimize)
    module.validate()
    exports = module.instantiate({"h": {"f": throw}}).exports
    made.append(exports.t)
    value = bytes(range(16))
    assert exports.catch(value) == (1, value, bytes([5] * 16))
    assert exports.catch_host() == (2, b"a" * 16, b"b" * 16)
    with pytest.raises(WasmException) as caught:
        exports.throw(value)
    assert caught.value.payload == (1, value, bytes([5] * 16))


# -- memory ------------------------------------------------------------------------------------------------------------


@LEVELS
@pytest.mark.parametrize("row", [row for row in ROWS if row.width], ids=lambda row: row.name)
def test_accesses_trap_at_the_end_of_memory(optimize: bool, row: Instr) -> None:
    lane = "0 " if len(row.immediates) == 2 else ""
    value = "(v128.const i64x2 0 0)" if V128 in row.params else ""
    drop = "(drop)" if row.results else ""
    text = f"""(module (memory 1)
      (func (export "f") (param i32) ({row.name} {lane}(local.get 0) {value}) {drop})
      (func (export "g") (param i32) (local v128) ({row.name} offset=8 {lane}(local.get 0) {value})
        {"(local.set 1)" if row.results else ""}))"""
    exports = instance(text, optimize).exports
    last = 65536 - row.width
    exports.f(last)
    exports.g(last - 8)
    for function, at in ((exports.f, last + 1), (exports.g, last - 7), (exports.f, -1)):
        with pytest.raises(Trap, match="out of bounds memory access"):
            function(at)


# -- signalling NaNs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instruction", "constant"),
    [
        ("f32x4.mul", ONE), ("f32x4.mul", "-1"), ("f32x4.div", ONE), ("f32x4.add", ZERO), ("f32x4.add", "-0"),
        ("f32x4.sub", ZERO), ("f32x4.min", "-0"), ("f32x4.max", ZERO), ("f32x4.relaxed_min", ZERO),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["(v128.const f32x4 {0} {0} {0} {0})", "(f32x4.splat (f32.const {0}))"])
def test_arithmetic_with_neutral_constants_makes_nans_quiet(instruction: str, constant: str, form: str) -> None:
    other = form.format(constant)
    text = f'(module (func (export "f") (param v128) (result v128) ({instruction} (local.get 0) {other})))'
    signalling = struct.pack("<I", 0x7FA00000) * 4
    for four in struct.unpack("<4I", instance(text, optimize=True).exports.f(signalling)):
        assert four & 0x7FC00000 == 0x7FC00000


@LEVELS
def test_demoting_what_was_promoted_makes_nans_quiet(optimize: bool) -> None:
    body = "(f32x4.demote_f64x2_zero (f64x2.promote_low_f32x4 (local.get 0)))"
    function = instance(f'(module (func (export "f") (param v128) (result v128) {body}))', optimize).exports.f
    assert struct.unpack("<4I", function(struct.pack("<I", 0x7FA00000) * 4)) == (0x7FE00000, 0x7FE00000, 0, 0)


def test_a_nan_that_is_only_moved_keeps_its_bits() -> None:
    text = f"""(module
      (func (export "splat") (result v128) (f32x4.splat (f32.const {SNAN})))
      (func (export "lane") (result i32) (i32.reinterpret_f32 (f32x4.extract_lane 1 (v128.const f32x4 0 {SNAN} 0 0))))
      (func (export "pmin") (param v128) (result v128) (f32x4.pmin (local.get 0) (v128.const f32x4 1 1 1 1))))"""
    exports = instance(text, optimize=True).exports
    signalling = struct.pack("<I", 0x7FA00000) * 4
    assert exports.splat() == exports.pmin(signalling) == signalling
    assert exports.lane() == 0x7FA00000


# -- lanes in Python ---------------------------------------------------------------------------------------------------


@given(content=st.binary(min_size=16, max_size=16), shape=st.sampled_from(["i8x16", "i16x8", "i32x4", "i64x2"]))
def test_lanes_and_back(content: bytes, shape: str) -> None:
    assert v128(shape, *lanes(content, shape)) == content
    assert list(lanes(content, shape)) == reference.read(content, shape)


def test_lanes_of_floats_round() -> None:
    assert lanes(v128("f32x4", 0.75, 1e60, -0.0, 1), "f32x4") == (0.75, float("inf"), 0.0, 1.0)
    assert lanes(v128("f32x4", 0.1), "f32x4")[0] == pytest.approx(0.1, rel=1e-7)
    assert lanes(v128("f64x2", 0.1), "f64x2") == (0.1, 0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("i32x2", 1), ValueError, "unknown shape 'i32x2'"),
        (("i32x4", 1, 2), ValueError, "4 lanes; 2 values"),
        (("i8x16", 256), OverflowError, "256 does not fit a lane of i8x16"),
        (("i8x16", 1.5), TypeError, "integer"),
        (("f64x2", "1"), TypeError, "float"),
    ],
)
def test_wrong_lanes_are_refused(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        bembix.v128(*arguments)
    with pytest.raises(ValueError, match="16 bytes, not 3"):
        bembix.lanes(b"abc", "i8x16")
