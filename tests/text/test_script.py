"""Scripts: every command and every form of value, and what happens where one can't be read."""

from __future__ import annotations

from typing import Any

import pytest

from bembix.errors import ParseError
from bembix.spec.types import F32, F64, I32, I64, V128, AbsHeap
from bembix.text.commands import (
    AssertException,
    AssertExhaustion,
    AssertInvalid,
    AssertMalformed,
    AssertReturn,
    AssertTrap,
    AssertUnlinkable,
    Const,
    Either,
    Get,
    InstanceCommand,
    Invoke,
    Lanes,
    ModuleCommand,
    NaN,
    RefNull,
    RefValue,
    Register,
    Result,
    Thread,
    Unreadable,
    Wait,
)
from bembix.text.script import parse_script


def one(source: str) -> Any:
    (command,) = parse_script(source)
    return command


def test_modules_in_three_forms() -> None:
    text, binary, quote = parse_script(
        '(module $a (func))(module $b binary "\\00asm\\01\\00\\00\\00")(module quote "(func)")'
    )
    assert isinstance(text, ModuleCommand) and isinstance(binary, ModuleCommand) and isinstance(quote, ModuleCommand)
    assert [(m.name, m.form) for m in (text, binary, quote)] == [("a", "text"), ("b", "binary"), (None, "quote")]
    assert [len(m.load().functions) for m in (text, binary, quote)] == [1, 0, 1]
    assert text.load().names.module == "a"


def test_definitions_and_instances() -> None:
    definition, instance = parse_script("(module definition $d (func))\n(module instance $i $d)")
    assert isinstance(definition, ModuleCommand) and definition.is_definition and definition.name == "d"
    assert instance == InstanceCommand("i", "d", 2)


def test_a_malformed_module_spoils_only_itself() -> None:
    commands = parse_script('(module (func bla))\n(invoke "f")')
    assert isinstance(commands[0], ModuleCommand)
    with pytest.raises(ParseError, match="unknown operator bla"):
        commands[0].load()
    assert commands[1] == Invoke(None, "f", (), 2)


def test_fields_alone_are_one_module() -> None:
    module = one("(func) (memory 1) ;; comment")
    assert isinstance(module, ModuleCommand)
    assert len(module.load().memories) == 1


INVOKE = Invoke(None, "f", (), 1)


@pytest.mark.parametrize(
    ("source", "command"),
    [
        ('(register "m" $a)', Register("m", "a", 1)),
        ('(register "m")', Register("m", None, 1)),
        ('(invoke $a "f" (i32.const 1))', Invoke("a", "f", (Const(I32, 1),), 1)),
        ('(get $a "g")', Get("a", "g", 1)),
        ('(assert_return (get "g") (i32.const 1))', AssertReturn(Get(None, "g", 1), (Const(I32, 1),), 1)),
        ('(assert_trap (invoke "f") "trap")', AssertTrap(INVOKE, "trap", 1)),
        ('(assert_exhaustion (invoke "f") "stack")', AssertExhaustion(INVOKE, "stack", 1)),
        ('(assert_exception (invoke "f"))', AssertException(INVOKE, 1)),
        (
            '(thread $t (shared (module $m)) (register "m" $m) (invoke "f"))',
            Thread("t", ("m",), (Register("m", "m", 1), INVOKE), 1),
        ),
        ("(wait $t)", Wait("t", 1)),
    ],
)
def test_commands(source: str, command: object) -> None:
    assert one(source) == command


@pytest.mark.parametrize(
    ("keyword", "kind", "custom"),
    [
        ("assert_malformed", AssertMalformed, False),
        ("assert_malformed_custom", AssertMalformed, True),
        ("assert_invalid", AssertInvalid, False),
        ("assert_invalid_custom", AssertInvalid, True),
        ("assert_unlinkable", AssertUnlinkable, None),
        ("assert_trap", AssertTrap, None),
    ],
)
def test_assertions_about_modules(keyword: str, kind: type, custom: bool | None) -> None:
    command = one(f'({keyword} (module (func)) "why")')
    assert type(command) is kind
    assert command.message == "why"
    assert isinstance(getattr(command, "module", None) or command.action, ModuleCommand)
    assert getattr(command, "custom", None) is custom


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("(i32.const -1)", Const(I32, 2**32 - 1)),
        ("(i64.const 0x8000_0000_0000_0000)", Const(I64, 2**63)),
        ("(f32.const -0)", Const(F32, 2**31)),
        ("(f64.const nan:0x1)", Const(F64, 0x7FF0_0000_0000_0001)),
        ("(f32.const nan:canonical)", NaN(F32, "canonical")),
        ("(f64.const nan:arithmetic)", NaN(F64, "arithmetic")),
        ("(v128.const i16x8 1 2 0 0 0 0 0 -1)", Const(V128, 1 | 2 << 16 | 0xFFFF << 112)),
        (
            "(v128.const f64x2 nan:canonical 1)",
            Lanes("f64x2", (NaN(F64, "canonical"), Const(F64, 0x3FF0_0000_0000_0000))),
        ),
        ("(ref.null)", RefNull()),
        ("(ref.null func)", RefNull(AbsHeap.FUNC)),
        ("(ref.extern 7)", RefValue("extern", 7)),
        ("(ref.host 7)", RefValue("host", 7)),
        ("(ref.extern)", RefValue("extern")),
        *[(f"(ref.{kind})", RefValue(kind)) for kind in ("func", "i31", "struct", "array", "eq", "any", "exn")],
        ("(either (i32.const 1) (f32.const nan:canonical))", Either((Const(I32, 1), NaN(F32, "canonical")))),
    ],
)
def test_results(source: str, value: Result) -> None:
    assert one(f'(assert_return (invoke "f") {source})').results == (value,)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('(assert_return (invoke "f" (f32.const nan:canonical)))', "unexpected token"),
        ('(assert_return (invoke "f") (i32.const nan:canonical))', "unexpected token nan:canonical"),
        ('(assert_return (invoke "f") (i33.const 0))', "unknown operator i33.const"),
        ("(assert_return (module) (i32.const 0))", "unexpected token"),
        ('(assert_bla (invoke "f"))', "unknown operator assert_bla"),
        ('(assert_malformed (module instance) "")', "unexpected token"),
    ],
)
def test_a_command_that_cannot_be_read_spoils_only_itself(source: str, message: str) -> None:
    first, second, third = parse_script(f'(wait $a)\n{source}\n(get "g")')
    assert (first, third) == (Wait("a", 1), Get(None, "g", 3))
    assert isinstance(second, Unreadable) and second.line == 2
    assert message in second.error.message


@pytest.mark.parametrize(
    "tail",
    ['(get "g"', ") (wait $b)", '(get "\n")', "(; x", "bla", b'(get "\xff")', "(@x "],
    ids=lambda tail: repr(tail),
)
def test_what_comes_before_a_broken_tail_is_read(tail: str | bytes) -> None:
    source = b'(wait $a)\n(register "m")\n' + (tail.encode() if isinstance(tail, str) else tail)
    commands = parse_script(source, "it.wast")
    assert commands[:2] == [Wait("a", 1), Register("m", None, 2)]
    assert isinstance(commands[2], Unreadable) and commands[2].line == 3 and len(commands) == 3
    assert commands[2].error.filename == "it.wast"
