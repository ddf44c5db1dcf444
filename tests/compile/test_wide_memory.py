"""Memories and tables with 64 bit addresses, pages of one byte, 128 bit arithmetic, at both levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from bembix import Instance, Module, ResourceError, Trap, ValidationError
from bembix.compile.llvm.tier import LlvmModule
from bembix.runtime.meminst import MemInst
from bembix.runtime.storeinst import Budget
from bembix.spec.features import Feature
from bembix.spec.types import I32, I64, Limits, MemoryType

PAGE = 65536
LEVELS = pytest.mark.parametrize("optimize", [False, True], ids=["cheap", "O2"])
WIDTHS = {"i32.load8_u": 1, "i32.load16_u": 2, "i32.load": 4, "i64.load": 8}

Make = Callable[..., Any]


def instance(text: str, optimize: bool) -> Instance:
    return Module(text, optimize=optimize).instantiate()


def loads(memory: str, address: str, offsets: list[int]) -> str:
    functions = [
        f'(func (export "{name} {at}") (param {address}) (result {name[:3]}) ({name} offset={at} (local.get 0)))'
        for name in WIDTHS
        for at in offsets
    ]
    return f"(module (memory {memory}) {' '.join(functions)})"


def traps(function: Make, *arguments: int, message: str = "out of bounds memory access") -> bool:
    try:
        function(*arguments)
    except Trap as trap:
        assert trap.message == message
        return True
    return False


MEMORIES = [
    ("i64 1", "i64", PAGE, (1 << 64) - 1),
    ("i64 0", "i64", 0, (1 << 64) - 1),
    ("i64 100 (pagesize 1)", "i64", 100, (1 << 64) - 1),
    ("i64 0 (pagesize 1)", "i64", 0, (1 << 64) - 1),
    ("100 (pagesize 1)", "i32", 100, (1 << 32) - 1),
    ("7 (pagesize 1)", "i32", 7, (1 << 32) - 1),
    ("1", "i32", PAGE, (1 << 32) - 1),
]
OFFSETS = [0, 1, 8, 96, 65535, 65536, (1 << 32) - 17, (1 << 32) - 16, (1 << 32) - 1, 1 << 32, 1 << 63, (1 << 64) - 1]


@LEVELS
@pytest.mark.parametrize(("memory", "address", "size", "last"), MEMORIES, ids=[m[0] for m in MEMORIES])
def test_bounds_to_the_byte(memory: str, address: str, size: int, last: int, optimize: bool) -> None:
    offsets = [offset for offset in OFFSETS if offset <= last]
    exports = instance(loads(memory, address, offsets), optimize).exports
    for offset in offsets:
        for name, width in WIDTHS.items():
            ends = {size - offset - width, size - offset, size - width, size, -offset}
            starts = {0, last, last - 7, *(end + n for end in ends for n in (-1, 0, 1))}
            for start in sorted(s for s in starts if 0 <= s <= last):
                found = traps(exports[f"{name} {offset}"], start)
                assert found == (start + offset + width > size), (offset, name, start)


@LEVELS
def test_one_check_serves_accesses_with_other_offsets(optimize: bool) -> None:
    exports = instance(
        """(module (memory (export "memory") i64 1)
          (func (export "f") (param i64) (result i32)
            (i32.store8 offset=65535 (local.get 0) (i32.const 7))
            (i32.add (i32.load8_u offset=65535 (local.get 0)) (i32.load8_u offset=65536 (local.get 0)))))""",
        optimize,
    ).exports
    assert traps(exports.f, 0)
    assert exports.memory.read(65535, 1) == b"\7"


@LEVELS
def test_growing_moves_the_bound(optimize: bool) -> None:
    exports = instance(
        """(module (memory i64 1 3)
          (func (export "f") (param i64 i64) (result i64)
            (drop (memory.grow (local.get 1)))
            (i64.store (local.get 0) (i64.const 5))
            (i64.add (i64.mul (i64.const 100) (memory.size)) (i64.load (local.get 0)))))""",
        optimize,
    ).exports
    assert traps(exports.f, PAGE, 0)
    assert exports.f(PAGE, 1) == 205
    assert exports.f(2 * PAGE - 8, 5) == 205
    assert traps(exports.f, 2 * PAGE - 7, 0)


@LEVELS
def test_growing_beyond_the_host(optimize: bool) -> None:
    exports = instance(
        """(module (memory $m i64 1) (memory $b i64 3 (pagesize 1))
          (func (export "wide") (param i64) (result i64) (memory.grow $m (local.get 0)))
          (func (export "bytes") (param i64) (result i64) (memory.grow $b (local.get 0))))""",
        optimize,
    ).exports
    for delta in (1 << 48, (1 << 64) - 1, (1 << 48) - 1, 1 << 30):
        assert (exports.wide(delta), exports.bytes(delta << 16 & (1 << 64) - 1 or delta)) == (-1, -1)
    assert (exports.wide(1), exports.bytes(4), exports.bytes(0)) == (1, 3, 7)


def test_more_than_there_is_address_space_for() -> None:
    with pytest.raises(ResourceError):
        instance("(module (memory i64 0x1000000000))", False)


def test_a_small_memory_reserves_little() -> None:
    small = MemInst(MemoryType(Limits(1, 2), I64), Budget())
    assert small.capacity == 2 * PAGE
    assert MemInst(MemoryType(Limits(1, 10), I32, page_size_log2=0), Budget()).capacity <= PAGE


@LEVELS
def test_bulk_with_mixed_addresses(optimize: bool) -> None:
    exports = instance(
        """(module (memory $a (export "a") 1) (memory $b (export "b") i64 1) (data $d "hello")
          (func (export "to64") (param i64 i32 i32) (memory.copy $b $a (local.get 0) (local.get 1) (local.get 2)))
          (func (export "to32") (param i32 i64 i32) (memory.copy $a $b (local.get 0) (local.get 1) (local.get 2)))
          (func (export "fill") (param i64 i32 i64) (memory.fill $b (local.get 0) (local.get 1) (local.get 2)))
          (func (export "init") (param i64 i32 i32) (memory.init $b $d (local.get 0) (local.get 1) (local.get 2))))""",
        optimize,
    ).exports
    exports.init(10, 1, 4)
    exports.to32(65530, 10, 4)
    exports.to64(PAGE - 4, 65530, 4)
    exports.fill(0, 0x141, 3)
    assert (exports.b.read(0, 14), exports.a.read(65530, 4), exports.b.read(PAGE - 4, 4)) == (
        b"AAA\0\0\0\0\0\0\0ello", b"ello", b"ello",
    )  # fmt: skip
    for name, arguments in (
        ("to64", ((1 << 64) - 1, 0, 2)), ("to64", (PAGE - 1, 0, 2)), ("to32", (0, 1 << 32, 1)), ("fill", (1, 0, -1)),
        ("fill", (1 << 63, 0, 1 << 63)), ("init", (1 << 32, 0, 1)), ("init", (0, 5, 1)),
    ):  # fmt: skip
        assert traps(exports[name], *arguments)


@LEVELS
def test_tables_with_64_bit_addresses(optimize: bool) -> None:
    exports = instance(
        """(module (table $t (export "t") i64 2 9 funcref) (table $s 4 funcref) (elem $e func $one $two)
          (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
          (func (export "init") (param i64 i32 i32) (table.init $t $e (local.get 0) (local.get 1) (local.get 2)))
          (func (export "call") (param i64) (result i32) (call_indirect $t (result i32) (local.get 0)))
          (func (export "grow") (param i64) (result i64) (table.grow $t (ref.func $two) (local.get 0)))
          (func (export "size") (result i64) (table.size $t))
          (func (export "copy") (param i32 i64 i32) (table.copy $s $t (local.get 0) (local.get 1) (local.get 2))))""",
        optimize,
    ).exports
    exports.init(0, 0, 2)
    assert (exports.call(0), exports.call(1), exports.size(), exports.grow(1), exports.call(2)) == (1, 2, 2, 2, 2)
    assert (exports.grow(1 << 32), exports.grow(-1), exports.size()) == (-1, -1, 3)
    assert traps(exports.call, 1 << 32, message="undefined element")
    assert traps(exports.call, -1, message="undefined element")
    assert traps(exports.copy, 0, 1 << 32, 1, message="out of bounds table access")
    assert traps(exports.init, 1 << 61, 0, 1, message="out of bounds table access")


@LEVELS
def test_segments_at_64_bit_addresses(optimize: bool) -> None:
    exports = instance('(module (memory (export "m") i64 1) (data (i64.const 65535) "x"))', optimize).exports
    assert exports.m.read(65535, 1) == b"x"
    for at in (65536, -1, 1 << 32):
        with pytest.raises(Trap, match="out of bounds memory access"):
            instance(f'(module (memory i64 1) (data (i64.const {at}) "x"))', optimize)


MASK = (1 << 64) - 1
NUMBERS = [0, 1, MASK, 1 << 63, (1 << 63) - 1, 0x123456789ABCDEF0]


def signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def halves(value: int) -> tuple[int, int]:
    return signed(value & MASK), signed(value >> 64 & MASK)


@LEVELS
def test_wide_arithmetic(optimize: bool) -> None:
    def function(name: str, count: int) -> str:
        operands = " ".join(f"(local.get {n})" for n in range(count))
        return f'(func (export "{name}") (param {"i64 " * count}) (result i64 i64) (i64.{name} {operands}))'

    names = {"add128": 4, "sub128": 4, "mul_wide_s": 2, "mul_wide_u": 2}
    exports = instance(f"(module {' '.join(function(*item) for item in names.items())})", optimize).exports
    for a in NUMBERS:
        for b in NUMBERS:
            assert exports.mul_wide_u(a, b) == halves(a * b)
            assert exports.mul_wide_s(a, b) == halves(signed(a) * signed(b))
            for c in NUMBERS:
                assert exports.add128(a, b, c, a) == halves((a | b << 64) + (c | a << 64))
                assert exports.sub128(a, b, c, a) == halves((a | b << 64) - (c | a << 64))


@pytest.mark.parametrize(
    ("text", "feature", "message"),
    [
        ("(module (memory i64 1))", Feature.MEMORY64, "64 bit memories"),
        ("(module (table i64 1 funcref))", Feature.MEMORY64, "64 bit tables"),
        ('(module (import "" "" (memory i64 1)))', Feature.MEMORY64, "64 bit memories"),
        ("(module (memory 1 1 shared))", Feature.THREADS, "shared memories"),
        ("(module (func atomic.fence))", Feature.THREADS, "illegal opcode"),
        ("(module (memory 1 (pagesize 1)))", Feature.CUSTOM_PAGE_SIZES, "custom page sizes"),
        ("(module (memory 1) (memory 1))", Feature.MULTI_MEMORY, "multiple memories"),
        (
            "(module (func (drop (drop (i64.mul_wide_s (i64.const 1) (i64.const 1))))))",
            Feature.WIDE_ARITHMETIC,
            "illegal",
        ),
    ],
)
def test_features_that_are_off(text: str, feature: Feature, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Module(text, features=set(Feature) - {feature})


def test_one_comparison_for_all_accesses_through_an_address() -> None:
    module = Module(
        """(module (memory i64 1) (func (export "sum") (param i64) (result i64)
          (i64.store offset=16 (local.get 0) (i64.add (i64.load (local.get 0)) (i64.load offset=8 (local.get 0))))
          (i64.load offset=24 (local.get 0))))""",
        engine="llvm",
    )
    text = cast(LlvmModule, module.compiled).text((0,), optimize=True, places=False)
    assert text.count("icmp ugt i64") == 1
