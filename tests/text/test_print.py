"""What printed modules look like; that they read back is checked in the other tests."""

from __future__ import annotations

import pytest

from bembix.binary.immediates import MemArg
from bembix.binary.instructions import write_instruction
from bembix.errors import ValidationError
from bembix.spec.instructions import BY_NAME
from bembix.spec.module import Code
from bembix.text.parse import parse
from bembix.text.print import print_module

SOURCE = r"""
(module $shown
  (rec (type $list (sub (struct (field $head i32) (field (mut (ref null $list)))))) (type $f (func (param i32))))
  (import "env" "log" (func $log (type $f)))
  (func $sum (export "sum") (param $n i32) (param i64) (result i32) (local f32 f32) (local $acc i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $acc (i32.add (local.get $acc) (local.get $n)))
        (br $next)))
    (if (i32.load offset=8 align=1 (i32.const 0)) (then (call $log (i32.const -1))) (else nop))
    (drop (f32.const 0.1)) (drop (f64.const nan:0x7)) (drop (v128.const i64x2 1 -1))
    (local.get $acc))
  (memory $mem 1 2)
  (table $tab 1 funcref)
  (tag $oops (type $f))
  (global $"a b" (mut i64) (i64.const 7))
  (elem (i32.const 0) $sum)
  (elem $lazy declare (ref null func) (ref.func $sum) (item global.get 0))
  (data (i32.const 0) "ab\00\ff\"\\")
  (@custom "note" (after type) "xyz"))
"""

PRINTED = r"""(module $shown
  (rec
    (type $list (;0;) (sub (struct (field $head i32) (field (mut (ref null $list))))))
    (type $f (;1;) (func (param i32)))
  )
  (type (;2;) (func (param i32 i64) (result i32)))
  (import "env" "log" (func $log (;0;) (type $f) (param i32)))
  (table $tab (;0;) 1 funcref)
  (memory $mem (;0;) 1 2)
  (tag $oops (;0;) (type $f) (param i32))
  (global $"a b" (;0;) (mut i64) (i64.const 7))
  (func $sum (;1;) (type 2) (param $n i32) (param i64) (result i32)
    (local f32 f32) (local $acc i32)
    block $done
      loop $next
        local.get $n
        i32.eqz
        br_if $done
        local.get $acc
        local.get $n
        i32.add
        local.set $acc
        br $next
      end
    end
    i32.const 0
    i32.load offset=8 align=1
    if (;@0;)
      i32.const -1
      call $log
    else
      nop
    end
    f32.const 0.1
    drop
    f64.const nan:0x7
    drop
    v128.const i32x4 0x00000001 0x00000000 0xffffffff 0xffffffff
    drop
    local.get $acc
  )
  (export "sum" (func $sum))
  (elem (;0;) (i32.const 0) func $sum)
  (elem $lazy (;1;) declare funcref (ref.func $sum) (global.get $"a b"))
  (data (;0;) (i32.const 0) "ab\00\ff\22\5c")
  (@custom "note" (after type) "xyz")
)
"""


def test_a_module() -> None:
    assert print_module(parse(SOURCE)) == PRINTED


def test_nothing() -> None:
    assert print_module(parse("")) == "(module\n)\n"


def test_labels_without_a_name_are_counted_from_the_function() -> None:
    printed = print_module(parse("(func block $a block block $a br 2 br 1 br 0 br 3 br 9 end end end)"))
    assert [line.strip() for line in printed.splitlines() if "br" in line] == [
        "br 2 (;@0;)",  # an inner block has its name
        "br 1 (;@1;)",
        "br $a",
        "br 3",
        "br 9",
    ]


def test_long_data_is_cut_into_lines() -> None:
    printed = print_module(parse(f'(data "{"x" * 100}")'))
    assert printed.count("\n") == 6
    assert max(map(len, printed.splitlines())) < 120


def test_deep_blocks_are_not_indented_without_end() -> None:
    depth = 5000
    printed = print_module(parse(f"(func {'block ' * depth} {'end ' * depth})"))
    assert len(printed) < depth * 220
    assert len(parse(printed).code[0].entry) == 3 * depth + 2


@pytest.mark.parametrize("names", [["block"], ["end"], ["else"]])
def test_what_text_cannot_say_is_refused(names: list[str]) -> None:
    module = parse("(func)")
    code = {"block": b"\x02\x40", "end": b"\x0b", "else": b""}
    body = b"\0" + b"".join(code[name] for name in names) + b"\x0b"
    module.code = [Code(body, 0, len(body))]
    if names == ["else"]:
        print_module(module)
        return
    with pytest.raises(ValidationError, match="not balanced"):
        print_module(module)


def test_natural_alignment_is_left_out() -> None:
    module = parse("(memory 1) (func)")
    body = b"\0" + b"".join(
        write_instruction(BY_NAME[name], [MemArg(align, 0, 0)])
        for name, align in [("i64.load32_u", 2), ("i64.load32_u", 3), ("v128.load", 4), ("v128.load64_splat", 3)]
    )
    module.code = [Code(body + b"\x0b", 0, len(body) + 1)]
    lines = [line.strip() for line in print_module(module).splitlines()]
    assert lines[4:8] == ["i64.load32_u", "i64.load32_u align=8", "v128.load", "v128.load64_splat"]
