"""Fields of modules: every abbreviation means what it abbreviates, and every module reads back from what is printed."""

from __future__ import annotations

import dataclasses

import pytest
from binary_strategies import modules
from hypothesis import HealthCheck, given, settings
from text_helpers import check_round_trip, nameless, reprinted

from bembix.binary.decode import decode
from bembix.binary.encode import encode
from bembix.spec.module import Code, Expr, ModuleDef, Names, Table
from bembix.spec.types import I32, I64, Limits, MemoryType, TableType
from bembix.text.parse import parse
from bembix.text.print import print_module

SAME = {
    "no parentheses": ("(func) (memory 1)", "(module (func) (memory 1))"),
    "identifier": ("(module $m (func $f) (start $f))", "(func) (start 0)"),
    "binary": ('(module binary "\\00asm" "\\01\\00\\00\\00")', "(module)"),
    "quote": ('(module $m quote "(func)" "(memory 1)")', "(func) (memory 1)"),
    "inline export": (
        '(func (export "a") (export "b"))',
        '(func) (export "a" (func 0)) (export "b" (func 0))',
    ),
    "inline imports": (
        '(func (export "f") (import "m" "f") (param i32)) (table (import "m" "t") 1 funcref)'
        '(memory (import "m" "m") i64 1 2) (global (import "m" "g") (mut i32)) (tag (import "m" "e") (param i32))',
        '(import "m" "f" (func (param i32))) (import "m" "t" (table 1 funcref)) (import "m" "m" (memory i64 1 2))'
        '(import "m" "g" (global (mut i32))) (import "m" "e" (tag (param i32))) (export "f" (func 0))',
    ),
    "inline elements": (
        "(func $f) (table $t funcref (elem $f $f)) (table i64 funcref (elem (ref.null func)))",
        "(func) (table 2 2 funcref) (table i64 1 1 funcref) (elem (i32.const 0) func 0 0)"
        "(elem (table 1) (i64.const 0) funcref (item ref.null func))",
    ),
    "inline elements of a type": (
        "(type $t (func)) (func $f) (table (ref null $t) (elem $f))",
        "(type (func)) (func) (table 1 1 (ref null 0)) (elem (i32.const 0) (ref null 0) (ref.func 0))",
    ),
    "inline data": (
        '(memory (data "a" "b")) (memory i64 (data)) (memory (pagesize 1) (data "abc"))',
        '(memory 1 1) (memory i64 0 0) (memory 3 3 (pagesize 1)) (data (i32.const 0) "ab")'
        '(data (memory 1) (offset i64.const 0)) (data (memory 2) (i32.const 0) "abc")',
    ),
    "elements": (
        "(func $f) (table $t 1 funcref) (elem (i32.const 0) $f) (elem declare func $f) (elem func $f)"
        "(elem (table $t) (offset (i32.const 1)) func 0) (elem 0 (i32.const 0) $f)",
        "(func) (table 1 funcref) (elem (offset i32.const 0) func 0) (elem declare func 0) (elem func 0)"
        "(elem (i32.const 1) func 0) (elem (i32.const 0) func 0)",
    ),
    "implicit types": (
        "(func (param i32)) (func (block (param i32 i32))) (func (type 0)) (type $t (func (param i32 i64))) (func)",
        "(type (func (param i32 i64))) (type (func (param i32))) (type (func)) (type (func (param i32 i32)))"
        "(func (type 1)) (func (type 2) (block (type 3))) (func (type 0)) (func (type 2))",
    ),
    "types in groups": (
        "(rec (type $a (func (param (ref $b)))) (type $b (struct (field $x i32) (field i64 (mut i8)))))",
        "(rec (type (func (param (ref 1)))) (type (struct (field i32) (field i64) (field (mut i8)))))",
    ),
    "several parameters": (
        "(type (func (param) (param $x i32) (param i64 f32) (result) (result i32) (result i64)))",
        "(type (func (param i32 i64 f32) (result i32 i64)))",
    ),
    "identifiers in all spaces": (
        "(type $t (func)) (table $t 1 funcref) (memory $t 1) (tag $t) (global $t i32 (i32.const 0)) (func $t (type $t))"
        '(elem $t func $t) (data $t "") (export "a" (tag $t)) (export "b" (global $t)) (export "c" (memory $t))'
        "(func (elem.drop $t) (data.drop $t) (throw $t) (call_indirect $t (type $t)))",
        '(type (func)) (table 1 funcref) (memory 1) (tag) (global i32 i32.const 0) (func) (elem func 0) (data "")'
        '(export "a" (tag 0)) (export "b" (global 0)) (export "c" (memory 0))'
        "(func (elem.drop 0) (data.drop 0) (throw 0) (call_indirect 0 (type 0)))",
    ),
    "segments inside count": (
        "(table funcref (elem)) (elem $e func) (memory (data)) (data $d) (func elem.drop $e data.drop $d)",
        "(table 0 0 funcref) (elem (i32.const 0) func) (elem func) (memory 0 0) (data (i32.const 0)) (data)"
        "(func elem.drop 1 data.drop 1)",
    ),
    "shared": ("(memory 1 2 shared)", "(memory i32 1 2 shared (pagesize 65536))"),
    "table with a first value": ("(table 1 funcref (ref.null func))", "(table 1 funcref ref.null func)"),
}


@pytest.mark.parametrize("case", SAME)
def test_abbreviations(case: str) -> None:
    short, long = SAME[case]
    assert nameless(short) == nameless(long)
    check_round_trip(parse(short))
    check_round_trip(parse(long))


def test_names_come_from_identifiers() -> None:
    names = parse(
        "(module $m (type $t (struct (field $x i32))) (func $f (param $p i32) (local i32) (local $l i32)"
        '  block block $b end end) (table $t 1 funcref) (memory $"two words" 1)'
        '  (global $g (@name "other") i32 i32.const 0) (tag $e) (elem $s func) (data $d))'
    ).names
    assert names == Names(
        "m", {0: "f"}, {0: {0: "p", 2: "l"}}, {0: {1: "b"}}, {0: "t"}, {0: "t"}, {0: "two words"}, {0: "other"},
        {0: "s"}, {0: "d"}, {0: {0: "x"}}, {0: "e"},
    )  # fmt: skip


def test_data_count_is_set_where_a_body_needs_it() -> None:
    assert parse('(memory 1) (data "")').data_count is None
    assert parse('(memory 1) (data "") (data "") (func data.drop 0)').data_count == 2


def test_names_that_are_no_identifiers_read_back() -> None:
    names = Names("", functions={0: "same", 1: "same", 2: "", 3: 'quote " and ) space', 4: "ünïcode", 5: "\0\n\u2028"})
    module = parse("(func) " * 6)
    module.names = names
    assert reprinted(module).names == names
    assert "(@name" in print_module(module)


def adapted(module: ModuleDef) -> ModuleDef:
    """Leave out what text can't say: sizes beyond the address type, a needless data count, names of nothing."""
    body = b"\0\x0b"
    module.code = [Code(body, 0, len(body)) for _ in module.code]
    module.memories = [dataclasses.replace(m, limits=fitting(m)) for m in module.memories]
    module.tables = [
        Table(dataclasses.replace(t.type, limits=fitting(t.type)), t.init if t.init != Expr(b"\x0b") else None)
        for t in module.tables
    ]
    module.imports = [
        dataclasses.replace(i, type=dataclasses.replace(i.type, limits=fitting(i.type)))
        if isinstance(i.type, MemoryType | TableType)
        else i
        for i in module.imports
    ]
    module.data_count = None
    module.names = Names(module.names.module)
    return module


def fitting(type_: MemoryType | TableType) -> Limits:
    mask = 2**32 - 1 if type_.address is I32 else 2**64 - 1
    assert type_.address in (I32, I64)
    high = type_.limits.maximum
    return Limits(type_.limits.minimum & mask, None if high is None else high & mask)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(modules().map(adapted))
def test_any_module_reads_back(module: ModuleDef) -> None:
    printed = print_module(module)
    once = encode(parse(printed))
    assert print_module(decode(once)) == print_module(parse(printed))
    module.customs = parse(printed).customs  # text puts them after sections that are there
    assert once == encode(module)
