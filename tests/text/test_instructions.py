"""Instructions: every row of the table reads back, and every abbreviation means what it abbreviates."""

from __future__ import annotations

from typing import Any

import pytest
from binary_strategies import IMMEDIATES
from hypothesis import given
from hypothesis import strategies as st
from text_helpers import check_round_trip, entry, failure

from bembix.binary.immediates import MemArg, read_locals
from bembix.binary.instructions import instructions, write_instruction
from bembix.spec.instructions import BY_NAME, TABLE, Imm, Instr
from bembix.spec.module import Code, ModuleDef, Names
from bembix.spec.types import AbsHeap, FuncType, RecType, SubType, ref
from bembix.text.blocks import CLAUSES, OPENERS, PLAIN
from bembix.text.parse import parse

END = write_instruction(BY_NAME["end"])


def function(body: bytes, names: Names | None = None) -> ModuleDef:
    """Return a module of one function."""
    types = [RecType((SubType(FuncType()),))]
    used = any(Imm.DATA in row.immediates for row in rows_of(body))
    code = [Code(body, 0, len(body))]
    return ModuleDef(types, functions=[0], code=code, data_count=0 if used else None, names=names or Names())


def rows_of(body: bytes) -> list[Instr]:
    _, start = read_locals(body, 0)
    return [row for _, row, _ in instructions(body, start, len(body))]


def written(row: Instr, immediates: list[Any]) -> bytes:
    """Return a body that has this instruction, with blocks around it as it needs them."""
    code = write_instruction(row, immediates)
    if row.keyword in OPENERS:
        return b"\0" + code + END + END
    if row.keyword in CLAUSES - {"end"}:
        opener = BY_NAME["if" if row.keyword == "else" else "try"]
        return b"\0" + write_instruction(opener, [None]) + code + (END if row.keyword != "delegate" else b"") + END
    return b"\0" + END if row.keyword == "end" else b"\0" + code + END


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_row_reads_back(row: Instr) -> None:
    examples: dict[Imm, Any] = {
        **dict.fromkeys(Imm, 0),
        Imm.BLOCKTYPE: None,
        Imm.LABELS: (0, 0),
        Imm.CATCHES: (),
        Imm.HEAPTYPE: 0,
        Imm.CAST: (0, ref(True, AbsHeap.ANY), ref(False, 0)),
        Imm.VALTYPES: (),
        Imm.MEMARG: MemArg(0, 0, 0),
        Imm.LANES: bytes(range(16)),
        Imm.V128: bytes(range(16)),
    }
    check_round_trip(function(written(row, [examples[kind] for kind in row.immediates])))


def test_every_keyword_is_read() -> None:
    assert {row.keyword for row in TABLE} == set(PLAIN) | set(OPENERS) | set(CLAUSES) - {"then", "do"}


PLAIN_ROWS = [row for row in TABLE if row.keyword in PLAIN]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Draw instructions with any immediates, in blocks."""
    out = bytearray(draw(st.sampled_from([b"\0", b"\x02\x01\x7f\x02\x7e"])))
    depth = 0
    for row in draw(st.lists(st.sampled_from([*PLAIN_ROWS, *OPENERS.values(), BY_NAME["end"]]), max_size=12)):
        if row.keyword == "end" and not depth:
            continue
        depth += (row.keyword in OPENERS) - (row.keyword == "end")
        out += write_instruction(row, [draw(IMMEDIATES[kind]) for kind in row.immediates])
    return bytes(out) + END * (depth + 1)


SHORT = st.text('ab" \0é$', max_size=2)
NAMES = st.builds(
    Names,
    functions=st.dictionaries(st.just(0), SHORT),
    locals=st.dictionaries(st.just(0), st.dictionaries(st.integers(0, 2), SHORT, min_size=1)),
    labels=st.dictionaries(st.just(0), st.dictionaries(st.just(0), SHORT, min_size=1)),
)


@given(bodies(), NAMES)
def test_any_instructions_read_back(body: bytes, names: Names) -> None:
    if not read_locals(body, 0)[0]:
        names.locals = {}
    if not any(row.keyword in OPENERS for row in rows_of(body)):
        names.labels = {}
    check_round_trip(function(body, names))


SAME = [
    ("(i32.add (i32.const 1) (i32.const 2))", "i32.const 1 i32.const 2 i32.add"),
    ("(block $a (br $a))", "block br 0 end"),
    ("(loop (result i32) i32.const 1)", "loop (result i32) i32.const 1 end"),
    ("(if (local.get 0) (then nop) (else drop))", "local.get 0 if nop else drop end"),
    ("(if $a (i32.eqz (i32.const 0)) (then (br $a)))", "i32.const 0 i32.eqz if $a br $a end"),
    ("(if (then))", "if end"),
    (
        "block $a block $b br $a br $b br_table $a $b 1 0 end $b end $a",
        "block block br 1 br 0 br_table 1 0 1 0 end end",
    ),
    ("block $a block $a br $a end br $a end", "block block br 0 end br 0 end"),
    ("(try (do nop) (catch 0 drop) (catch_all rethrow 0))", "try nop catch 0 drop catch_all rethrow 0 end"),
    ("(try $a (do (try (do) (delegate $a))))", "try try delegate 0 end"),
    ("(try_table $a (catch 0 0) (catch_all_ref 0) nop)", "try_table (catch 0 0) (catch_all_ref 0) nop end"),
    ("block $a (try_table (catch_all $a)) end", "block try_table (catch_all 0) end end"),
    ("(memory.size) memory.copy (memory.init 0)", "memory.size 0 memory.copy 0 0 memory.init 0 0"),
    ("table.get call_indirect (type 0)", "table.get 0 call_indirect 0 (type 0)"),
    ("call_indirect (param) (result)", "call_indirect (type 0)"),
    ("(v128.load8_lane 3)", "v128.load8_lane 0 offset=0 align=1 3"),
    ("(i32.load) i64.store8", "i32.load offset=0 align=4 i64.store8 align=1"),
    ("select (result i32) (result i64)", "select (result i32 i64)"),
    ("ref.test funcref ref.cast (ref null func)", "ref.test (ref null func) ref.cast funcref"),
    ("v128.const i8x16 1 0 0 0 2 0 0 0 -1 -1 255 0xff 0 0 0 0", "v128.const i32x4 1 2 -1 0"),
    ("v128.const f32x4 1 -0 nan inf", "v128.const i32x4 0x3f800000 0x80000000 0x7fc00000 0x7f800000"),
    ("i32.const 0xffff_ffff i64.const -1", "i32.const -1 i64.const 0xffffffffffffffff"),
    ('block $"a" br $a end $"\\61"', "block br 0 end"),
]


@pytest.mark.parametrize(("short", "long"), SAME, ids=[short for short, _ in SAME])
def test_abbreviations(short: str, long: str) -> None:
    before = "(type (func)) (memory 1) (data) (table 1 funcref) (tag)"
    assert entry(short, before) == entry(long, before)


def test_locals_are_written_in_runs() -> None:
    assert entry("(param i32) (local i32 i32) (local $x i64) (local i64) local.get $x") == bytes.fromhex(
        "02027f027e20030b"
    )


def test_two_memories() -> None:
    body = entry("i32.load $b offset=8 memory.copy $b $a memory.init $b 0", "(memory $a 1) (memory $b 1) (data)")
    assert body == bytes.fromhex("0028420108fc0a0100fc0800010b")


def test_fields_are_found_in_their_type() -> None:
    types = "(type $a (struct (field $x i32))) (type $b (struct (field i32) (field $x i32)))"
    assert entry("struct.get $a $x struct.get $b $x", types) == bytes.fromhex("00fb020000fb0201010b")
    assert "unknown field" in failure(f"{types} (func struct.get 0 $y)").message


def test_branch_hints() -> None:
    hint = '(@metadata.code.branch_hint "\\01")'
    module = parse(
        f"(func (local i32) (br_if 0 (i32.const 1)) {hint} (br_if 0 (i32.const 1)) nop {hint} if end)"
        f"(func {hint} (if (i32.const 1) (then)))"
    )
    assert [(custom.name, custom.content.hex(), custom.after) for custom in module.customs] == [
        ("metadata.code.branch_hint", "02" + "00" + "02" + "090101" + "0c0101" + "01" + "01" + "030101", 3)
    ]
