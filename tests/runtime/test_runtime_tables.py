"""Tables, globals and references from the Python side."""

from __future__ import annotations

import pytest

from bembix import Global, Memory, Module, ResourceError, Table

FUNCTIONS = """(module (table (export "table") 3 6 funcref)
  (func (export "one") (result i32) i32.const 1) (func (export "two") (result i32) i32.const 2)
  (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
  (func (export "grow") (param funcref i32) (result i32) (table.grow (local.get 0) (local.get 1)))
  (func (export "size") (result i32) table.size))"""


def test_python_fills_a_table() -> None:
    exports = Module(FUNCTIONS).instantiate().exports
    exports.table[0] = exports.one
    exports.table[-1] = exports.two
    assert (exports.call(0), exports.call(2)) == (1, 2)
    assert list(exports.table) == [exports.one, None, exports.two]
    exports.table[0] = None
    assert exports.table[0] is None


def test_grow_from_either_side() -> None:
    exports = Module(FUNCTIONS).instantiate().exports
    assert exports.grow(exports.two, 1) == 3
    assert exports.call(3) == 2
    assert exports.table.grow(1, exports.one) == 4
    assert exports.call(4) == 1
    assert exports.grow(None, 2) == -1
    with pytest.raises(ResourceError, match=r"a table of 5 elements \(maximum 6\) can't grow by 2"):
        exports.table.grow(2)
    assert (exports.size(), len(exports.table)) == (5, 5)


@pytest.mark.parametrize("index", [3, -4, 10**9])
def test_out_of_bounds(index: int) -> None:
    table = Module(FUNCTIONS).instantiate().exports.table
    with pytest.raises(IndexError, match="out of bounds table access"):
        table[index]
    with pytest.raises(IndexError, match="out of bounds table access"):
        table[index] = None


def test_only_functions_of_the_store_fit() -> None:
    exports = Module(FUNCTIONS).instantiate().exports
    with pytest.raises(TypeError, match="table element must be funcref"):
        exports.table[0] = print
    foreign = Module(FUNCTIONS).instantiate().exports.one
    with pytest.raises(ValueError, match="table element belongs to another store"):
        exports.table[0] = foreign
    with pytest.raises(ValueError, match=r"grow\(\) argument 1 belongs to another store"):
        exports.grow(foreign, 1)


def test_table_of_a_function_type() -> None:
    exports = (
        Module("""(module (type $t (func (result i32))) (table (export "table") 1 (ref null $t))
      (func (export "right") (type $t) i32.const 5) (func (export "wrong")))""")
        .instantiate()
        .exports
    )
    exports.table[0] = exports.right
    with pytest.raises(TypeError, match="not the function wrong"):
        exports.table[0] = exports.wrong
    assert exports.table[0]() == 5


def test_table_of_host_objects() -> None:
    table = Table(2, element="externref", init="x")
    module = Module("""(module (import "m" "t" (table $t 2 externref))
      (func (export "get") (param i32) (result externref) (table.get $t (local.get 0)))
      (func (export "set") (param i32 externref) (table.set $t (local.get 0) (local.get 1))))""")
    exports = module.instantiate({"m": {"t": table}}).exports
    assert exports.get(1) == "x"
    thing = ["kept"]
    exports.set(0, thing)
    del thing
    assert table[0] == ["kept"]
    assert exports.get(0) == ["kept"]


def test_table_made_by_python_takes_functions() -> None:
    exports = Module(FUNCTIONS).instantiate().exports
    table = Table(2, 5, init=exports.one)
    assert table.store == exports.one.store
    assert [f() for f in table] == [1, 1]


def test_wrong_tables() -> None:
    with pytest.raises(ValueError, match="unknown type 'funcreff'"):
        Table(1, element="funcreff")
    with pytest.raises(ValueError, match="a table holds references, not i32"):
        Table(1, element="i32")
    with pytest.raises(ValueError, match="minimum <= maximum"):
        Table(2, 1)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("i32", -5),
        ("i64", 2**62),
        ("f32", 0.5),
        ("f64", 0.1),
        ("v128", bytes(range(16))),
        ("externref", {}),
        ("funcref", None),
    ],
)
def test_global(type_: str, value: object) -> None:
    variable = Global(type_, mutable=True)
    assert variable.value in (0, None, bytes(16))
    variable.value = value
    assert variable.value == value
    assert Global(type_, value).value == value


def test_global_errors() -> None:
    with pytest.raises(AttributeError, match="not mutable"):
        Global("i32", 1).value = 2
    with pytest.raises(OverflowError, match="global value: 4294967296 does not fit i32"):
        Global("i32", 2**32)
    with pytest.raises(TypeError, match=r"global value must be v128 \(16 bytes\), not int"):
        Global("v128", 1)
    with pytest.raises(ValueError, match=r"global value must be v128 \(16 bytes\), not 3 bytes"):
        Global("v128", b"abc")
    with pytest.raises(TypeError, match="global value must be f64"):
        Global("f64", "1")


def test_representations() -> None:
    assert repr(Global("i32", 5, mutable=True)) == "<bembix.Global mutable i32 5>"
    assert repr(Table(2)) == "<bembix.Table of 2 funcref>"
    assert repr(Memory(2)) == "<bembix.Memory of 2 pages>"
