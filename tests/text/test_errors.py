"""What is wrong, and where: messages in the words of the specification's tests."""

from __future__ import annotations

import pytest
from text_helpers import failure

from bembix.errors import ValidationError
from bembix.spec.limits import MAX_TEXT_NESTING
from bembix.text.parse import parse

MESSAGES = {
    "(func (i32.ad))": "unknown operator i32.ad",
    "(func i32.const i32)": "unexpected token i32",
    "(func i32.const 1.5)": "i32 constant out of range",
    "(func i32.const 0x1_0000_0000)": "i32 constant out of range",
    "(func f32.const 1e40)": "f32 constant out of range",
    "(func local.get $x)": "unknown local $x",
    "(func br $x)": "unknown label $x",
    "(func call $x)": "unknown function $x",
    "(func (type $t))": "unknown type $t",
    "(func (type 3) (param i32))": "unknown type 3",
    "(type (struct (field $a i32))) (func struct.get 0 $b)": "unknown field $b",
    "(func block $a end $b)": "mismatching label $b",
    "(func if $a else $b end)": "mismatching label $b",
    "(func (param $a i32) (local $a i32))": "duplicate local $a",
    "(func $a) (func $a)": "duplicate function $a",
    "(type $a (func)) (type $a (func))": "duplicate type $a",
    "(type (struct (field $a i32) (field $a i32)))": "duplicate field $a",
    "(type $t (func)) (func (type $t) (param i32))": "inline function type",
    "(func (result i32) (param i32))": "unexpected token param",
    '(func) (import "" "" (func))': "import after function",
    '(memory 1) (func (import "" ""))': "import after memory",
    "(func) (start 0) (start 0)": "multiple start sections",
    "(memory 1) (func (i32.load align=3 (i32.const 0)))": "alignment must be a power of two",
    "(memory 1) (func (i32.load offset=-1 (i32.const 0)))": "unknown operator offset=-1",
    "(memory 1 (pagesize 3))": "invalid custom page size",
    "(memory 0x1_0000_0000)": "memory size must be at most",
    "(func (v128.const i32x4 1 2 3))": "wrong number of lane literals",
    "(func (i8x16.shuffle 1 2))": "invalid lane length",
    "(func i8x16.extract_lane_s 256)": "i8 constant out of range",
    "(func i8x16.extract_lane_s -1)": "unexpected token -1",
    "(func (i32.add i32.const 1))": "unexpected token i32.const",
    "(func (if (then) (then)))": "unexpected token then",
    "(func (if (i32.const 0)))": "unexpected token )",
    "(func else)": "unexpected token else",
    "(func block)": "unexpected token )",
    "(func (block end))": "unexpected token end",
    "(func end)": "unexpected token end",
    "(func (do))": "unexpected token do",
    "(func (catch_all))": "unexpected token catch_all",
    "(func (try (do) (catch_all) (catch_all)))": "unexpected token catch_all",
    "(func (try (do) (catch_all) (delegate 0)))": "unexpected token delegate",
    "(func (memory.copy 0))": "unexpected token )",
    "(func nop) junk": "unknown operator junk",
    "(module) (module)": "unexpected token (",
    "(bla)": "unknown operator bla",
    "(param)": "unexpected token param",
    "(elem i32 0)": "unexpected token i32",
    '(func (@custom "x"))': "misplaced @custom annotation",
    '(func) (@name "x")': "misplaced @name annotation",
    '(module (@name "a") (@name "b"))': "@name annotation: multiple module",
    "(@custom bla)": "@custom annotation: missing section name",
    '(@custom "a" (before bla))': "@custom annotation: malformed section kind",
    '(@custom "a" bla)': "@custom annotation: unexpected token",
    '(memory 1) (@metadata.code.branch_hint "\\00")': "@metadata.code.branch_hint annotation: not in a function",
}


@pytest.mark.parametrize("source", MESSAGES)
def test_messages(source: str) -> None:
    error = failure(source)
    assert MESSAGES[source] in error.message
    assert error.line == 1
    assert error.source_line == source
    assert error.column is not None and error.column <= len(source) + 1


def test_the_place_is_shown() -> None:
    error = failure("(module\n  (func\n\t(local.get $x)))")
    assert str(error) == "it.wat:3:13: unknown local $x\n    \t(local.get $x)))\n    \t           ^"


def test_places_in_quoted_modules_are_their_own() -> None:
    error = failure('(module quote "(func)\\n(func bla)")')
    assert (error.line, error.column, error.source_line) == (2, 7, "(func bla)")


@pytest.mark.parametrize(
    ("word", "meant"),
    [("i32.addd", "i32.add"), ("get_local", "local.get"), ("f32x4.pmim", "f32x4.pmin"), ("parem", "param")],
)
def test_near_misses_are_suggested(word: str, meant: str) -> None:
    assert f"(did you mean {meant}" in str(failure(f"(func ({word}))")).partition("\n")[0]


def test_a_hint_on_another_instruction_is_invalid_not_malformed() -> None:
    with pytest.raises(ValidationError, match="invalid target"):
        parse('(func (@metadata.code.branch_hint "\\00") nop)')


DEEP = MAX_TEXT_NESTING * 3


@pytest.mark.parametrize(
    "source",
    [
        "(" * DEEP,
        f"(func {'(i32.eqz ' * DEEP}{')' * DEEP})",
        f"(func {'(block ' * DEEP}{')' * DEEP})",
        f"(func {'(if (i32.const 0) (then ' * DEEP}{'))' * DEEP})",
        f"(type (func (param {'(ref null ' * DEEP}{')' * DEEP})))",
    ],
    ids=["open", "operands", "blocks", "ifs", "types"],
)
def test_deep_nesting_is_an_error(source: str) -> None:
    assert "nest too deep" in failure(source).message


def test_nesting_within_the_limit_is_read() -> None:
    depth = MAX_TEXT_NESTING - 2
    parse(f"(func {'(block ' * depth}{')' * depth})")
    parse(f"(func (i32.const 0) {'(i32.eqz ' * depth}{')' * depth} drop)")
    parse(f"(func {'block ' * DEEP} {'end ' * DEEP})")
    parse("(;" * DEEP + ";)" * DEEP + "(@a " + "(" * DEEP + ")" * DEEP + ")")
