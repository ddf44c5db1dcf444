# ruff: noqa: E501  (a module on one line is easier to compare with its neighbours)
"""The walker: what it accepts, what it says about what it does not, and that nothing breaks it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bembix.binary.leb import u32
from bembix.errors import CompileError, ParseError, ValidationError
from bembix.spec.instructions import TABLE
from bembix.spec.module import Code, ModuleDef
from bembix.spec.types import F64, I32, I64, FuncType, Limits, MemoryType, RecType, SubType
from bembix.text.parse import parse
from bembix.validate.dispatch import CONSTANT, make_walker
from bembix.validate.module import check_module
from bembix.validate.walker import RULES


def check(text: str) -> None:
    definition = parse(text)
    context = check_module(definition)
    walker = make_walker(context)
    for index, code in enumerate(definition.code):
        walker.walk(context.imported_functions + index, code)


VALID = {
    "empty": "(module (func))",
    "results on the stack": "(module (func (result i32 i64) i32.const 1 i64.const 2))",
    "block with parameter": "(module (func (result i32) i32.const 1 (block (param i32) (result i32) i32.const 2 i32.add)))",
    "branch leaves more below": "(module (func (result i32) i32.const 1 i32.const 2 br 0))",
    "unreachable is polymorphic": "(module (func (result i32) unreachable i32.add))",
    "select of unknown": "(module (func unreachable select drop))",
    "loop takes parameters": "(module (func i32.const 3 (loop (param i32) i32.const 1 i32.sub i32.const 0 br_if 0 drop)))",
    "local set first": "(module (type $f (func)) (func (local $r (ref $f)) (local.set $r (ref.func 0)) (drop (local.get $r))) (elem declare func 0))",
}

INVALID = {
    "operand missing": ("(module (func i32.add drop))", "type mismatch"),
    "operand of another type": ("(module (func (drop (i32.add (i32.const 1) (i64.const 1)))))", "type mismatch"),
    "result missing": ("(module (func (result i32)))", "type mismatch"),
    "value left": ("(module (func i32.const 1))", "type mismatch"),
    "if without else": (
        "(module (func (result i32) (if (result i32) (i32.const 1) (then (i32.const 1)))))",
        "type mismatch",
    ),
    "arms differ": (
        "(module (func (drop (if (result i32) (i32.const 1) (then (i32.const 1)) (else (f32.const 1))))))",
        "type mismatch",
    ),
    "unknown label": ("(module (func br 1))", "unknown label"),
    "unknown local": ("(module (func (drop (local.get 0))))", "unknown local"),
    "immutable global": ("(module (global i32 (i32.const 0)) (func (global.set 0 (i32.const 1))))", "immutable global"),
    "no memory": ("(module (func (drop (i32.load (i32.const 0)))))", "unknown memory 0"),
    "alignment": (
        "(module (memory 1) (func (drop (i32.load align=8 (i32.const 0)))))",
        "alignment must not be larger than natural",
    ),
    "undeclared function": ("(module (func (drop (ref.func 0))))", "undeclared function reference"),
    "unset local": ("(module (type $f (func)) (func (local (ref $f)) (drop (local.get 0))))", "uninitialized local"),
    "unset again after a block": (
        "(module (type $f (func)) (elem declare func 0) (func (local $r (ref $f)) (block (local.set $r (ref.func 0))) (drop (local.get $r))))",
        "uninitialized local",
    ),
    "constant": ("(module (global i32 (i32.popcnt (i32.const 1))))", "constant expression required"),
    "start with parameters": ("(module (func (param i32)) (start 0))", "start function"),
    "two exports": ('(module (func (export "a")) (func (export "a")))', "duplicate export name"),
    "tail call result": ("(module (func (result i32) return_call 1) (func))", "type mismatch"),
    "tag result": ("(module (tag (result i32)))", "non-empty tag result type"),
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_accepts(text: str) -> None:
    check(text)


@pytest.mark.parametrize(("text", "message"), INVALID.values(), ids=INVALID)
def test_rejects(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        check(text)
    assert caught.value.offset is not None


def test_every_irregular_row_has_a_rule_or_says_so() -> None:
    """A row without a rule gives a CompileError that names it; there is no rule without a row."""
    names = {row.name for row in TABLE}
    assert names >= set(RULES)
    assert names >= CONSTANT
    assert not [row.name for row in TABLE if row.regular and row.name in RULES]


def body_module(body: bytes) -> ModuleDef:
    functype = SubType(FuncType((I32, I64), (F64,)))
    return ModuleDef(
        types=[RecType((functype,))],
        functions=[0],
        memories=[MemoryType(Limits(1))],
        code=[Code(body, 0, len(body))],
    )


def walk(body: bytes) -> None:
    definition = body_module(body)
    make_walker(check_module(definition)).walk(0, definition.code[0])


@given(st.binary(max_size=60))
def test_any_bytes_end_in_a_clear_error_or_are_valid(body: bytes) -> None:
    with suppress(ParseError, CompileError):
        walk(b"\0" + body)


@given(st.lists(st.sampled_from([row.code for row in TABLE if row.code < 0x100]), max_size=30), st.binary(max_size=4))
def test_any_opcodes_end_in_a_clear_error_or_are_valid(codes: list[int], tail: bytes) -> None:
    with suppress(ParseError, CompileError):
        walk(b"\0" + bytes(codes) + tail + b"\x0b")


def test_nesting_is_bounded() -> None:
    with pytest.raises(CompileError, match="nest deeper"):
        walk(b"\0" + b"\x02\x40" * 60_000 + b"\x0b" * 60_001)


def test_locals_are_bounded() -> None:
    with pytest.raises(ParseError, match="too many locals"):
        walk(b"\x01" + u32(2**32 - 1) + b"\x7f\x00\x0b")
