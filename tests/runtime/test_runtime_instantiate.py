"""Instantiation: order, segments, constant expressions, start functions.  Source: core 3.0, 4.5.4."""

from __future__ import annotations

import pytest

from bembix import Memory, Module, Table, Trap


@pytest.mark.parametrize(
    ("expression", "type_", "value"),
    [
        ("i32.const -3", "i32", -3),
        ("i64.const 0x8000000000000000", "i64", -(2**63)),
        ("f32.const 0.1", "f32", 0.10000000149011612),
        ("f64.const -0x1p-1074", "f64", -5e-324),
        ("ref.null extern", "externref", None),
        ("ref.null func", "funcref", None),
        ("v128.const i32x4 1 2 3 4", "v128", b"\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"),
        ("(i32.add (i32.const 0x7fffffff) (i32.const 1))", "i32", -(2**31)),
        ("(i32.mul (i32.sub (i32.const 2) (i32.const 5)) (i32.const 7))", "i32", -21),
        ("(i64.mul (i64.const 0x100000001) (i64.const 0x100000001))", "i64", 0x200000001),
        ("(i32.add (global.get $before) (global.get $imported))", "i32", 142),
    ],
)
def test_constant_expression(expression: str, type_: str, value: object) -> None:
    source = f"""(module (import "m" "imported" (global $imported i32)) (global $before i32 (i32.const 100))
      (global (export "g") {type_} ({expression.strip("()") if expression[0] != "(" else expression[1:-1]})))"""
    assert Module(source).instantiate({"m": {"imported": 42}}).exports.g.value == value


def test_constant_expression_names_a_function() -> None:
    module = Module('(module (func $f (export "f")) (global (export "g") funcref (ref.func $f)))')
    exports = module.instantiate().exports
    assert exports.g.value is exports.f


def test_mutable_globals() -> None:
    exports = (
        Module("""(module (global $g (export "g") (mut i64) (i64.const 1))
      (func (export "bump") (global.set $g (i64.add (global.get $g) (i64.const 1)))))""")
        .instantiate()
        .exports
    )
    exports.g.value = 2**64 - 2
    exports.bump()
    assert exports.g.value == -1


def test_segments_before_the_bad_one_stay() -> None:
    memory, table = Memory(1), Table(2)
    module = Module("""(module (import "m" "memory" (memory 1)) (import "m" "table" (table 2 funcref))
      (func $f (export "f")) (elem (i32.const 0) func $f) (elem (i32.const 2) func $f)
      (data (i32.const 0) "abc"))""")
    with pytest.raises(Trap, match="out of bounds table access"):
        module.instantiate({"m": {"memory": memory, "table": table}})
    assert table[0] is not None
    assert table[0]() is None
    assert memory.read(0, 3) == b"\0\0\0"


def test_data_segment_out_of_bounds() -> None:
    memory = Memory(1)
    module = Module("""(module (import "m" "memory" (memory 1)) (data (i32.const 1) "abc")
      (data (i32.const 65535) "de") (data (i32.const 9) "f"))""")
    with pytest.raises(Trap, match="out of bounds memory access"):
        module.instantiate({"m": {"memory": memory}})
    assert memory.read(0, 10) == b"\0abc" + bytes(6)


@pytest.mark.parametrize("offset", [0x10000, 0x10001, -1])
def test_empty_segment_out_of_bounds(offset: int) -> None:
    module = Module(f'(module (memory 1) (data (i32.const {offset}) ""))')
    if offset == 0x10000:
        module.instantiate()
    else:
        with pytest.raises(Trap, match="out of bounds memory access"):
            module.instantiate()


def test_passive_and_dropped_segments() -> None:
    module = Module("""(module (memory (export "memory") 1) (table (export "table") 4 funcref) (func $f (export "f"))
      (data $d "hello") (elem $e func $f $f) (data $active (i32.const 100) "x")
      (func (export "copy") (param i32 i32) (memory.init $d (i32.const 8) (local.get 0) (local.get 1)))
      (func (export "drop") data.drop $d elem.drop $e)
      (func (export "elements") (param i32) (table.init $e (local.get 0) (i32.const 0) (i32.const 2)))
      (func (export "active") (memory.init $active (i32.const 0) (i32.const 0) (i32.const 1))))""")
    exports = module.instantiate().exports
    exports.copy(1, 3)
    assert exports.memory.read(8, 3) == b"ell"
    exports.elements(2)
    assert list(exports.table) == [None, None, exports.f, exports.f]
    with pytest.raises(Trap, match="out of bounds memory access"):
        exports.copy(1, 5)
    with pytest.raises(Trap, match="out of bounds memory access"):
        exports.active()
    exports.drop()
    exports.copy(0, 0)
    with pytest.raises(Trap, match="out of bounds memory access"):
        exports.copy(0, 1)
    with pytest.raises(Trap, match="out of bounds table access"):
        exports.elements(0)


def test_table_with_initial_value() -> None:
    module = Module('(module (func $f (export "f")) (table (export "t") 3 funcref (ref.func $f)))')
    exports = module.instantiate().exports
    assert list(exports.t) == [exports.f] * 3


def test_start_function_runs_last() -> None:
    seen: list[bytes] = []
    memory = Memory(1)
    module = Module("""(module (import "m" "see" (func $see)) (import "m" "memory" (memory 1))
      (data (i32.const 0) "ab") (start $see))""")
    module.instantiate({"m": {"see": lambda: seen.append(memory.read(0, 2)), "memory": memory}})
    assert seen == [b"ab"]


def test_start_function_traps() -> None:
    with pytest.raises(Trap, match="unreachable"):
        Module("(module (func $start unreachable) (start $start))").instantiate()


def test_instances_have_their_own_state() -> None:
    module = Module("""(module (memory (export "memory") 1) (global $g (mut i32) (i32.const 0))
      (func (export "next") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) global.get $g))""")
    first, second = module.instantiate(), module.instantiate()
    first.exports.memory.write(0, b"x")
    assert [first.exports.next(), first.exports.next(), second.exports.next()] == [1, 2, 1]
    assert second.exports.memory.read(0, 1) == b"\0"


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        (
            '(memory 1) (data "") (data (i32.const 65535) "xy")',
            "Data segment 1 has 2 bytes for address 65535 of 65536 bytes.",
        ),
        ("(table 1 funcref) (elem (i32.const 2) funcref)", "Element segment 0 has 0 for index 2 of a table of 1."),
    ],
)
def test_which_segment_does_not_fit(fields: str, note: str) -> None:
    with pytest.raises(Trap, match="out of bounds") as caught:
        Module(f"(module {fields})").instantiate()
    assert caught.value.__notes__ == [note]
