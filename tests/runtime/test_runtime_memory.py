"""Memories: access from Python, growth, limits, views that stay valid."""

from __future__ import annotations

import pytest

from bembix import Limits, Memory, Module, ResourceError, Store, Trap

PAGE = 65536

GROWING = """(module (memory $m (export "memory") 1 4)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) memory.size)
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1))))"""


def test_read_and_write() -> None:
    memory = Memory(1)
    assert (len(memory), memory.size, memory.pages) == (PAGE, PAGE, 1)
    memory.write(10, b"abc")
    memory.write(13, bytearray(b"de"))
    memory.write(15, memoryview(b"xfx")[1:2])
    assert memory.read(9, 8) == b"\0abcdef\0"
    assert memory.read(PAGE, 0) == b""


@pytest.mark.parametrize(("offset", "length"), [(PAGE, 1), (PAGE - 1, 2), (-1, 1), (0, PAGE + 1), (2**40, 1), (0, -1)])
def test_out_of_bounds(offset: int, length: int) -> None:
    memory = Memory(1)
    with pytest.raises(IndexError, match="out of bounds memory access"):
        memory.read(offset, length)
    with pytest.raises(IndexError, match="out of bounds memory access"):
        memory.view("u8", offset, length)
    if length >= 0:
        with pytest.raises(IndexError, match="out of bounds memory access"):
            memory.write(offset, bytes(length))


def test_offsets_that_would_wrap_around() -> None:
    class Narrow(int):
        def __add__(self, other: int) -> int:
            return 0

    with pytest.raises(IndexError, match="out of bounds memory access"):
        Memory(1).read(Narrow(2**40), Narrow(5))


def test_wasm_and_python_see_the_same_bytes() -> None:
    exports = Module(GROWING).instantiate().exports
    exports.memory.write(5, b"\xfe")
    assert exports.load(5) == 0xFE
    exports.store(6, 7)
    assert exports.memory.read(6, 1) == b"\7"


def test_grow_from_either_side() -> None:
    exports = Module(GROWING).instantiate().exports
    assert exports.grow(1) == 1
    assert exports.memory.grow(1) == 2
    assert (exports.size(), exports.memory.pages) == (3, 3)
    exports.store(3 * PAGE - 1, 9)
    with pytest.raises(Trap, match="out of bounds memory access"):
        exports.store(3 * PAGE, 9)


def test_grow_beyond_the_maximum() -> None:
    exports = Module(GROWING).instantiate().exports
    assert exports.grow(4) == -1
    assert exports.grow(-1) == -1
    with pytest.raises(ResourceError, match=r"a memory of 1 pages \(maximum 4\) can't grow by 4"):
        exports.memory.grow(4)
    with pytest.raises(ValueError, match="can't grow by -1 pages"):
        exports.memory.grow(-1)
    assert exports.size() == 1


def test_views_stay_valid() -> None:
    memory = Memory(1, 3)
    view = memory.view(count=4)
    memory.grow(2)
    memory.write(0, b"abcd")
    assert bytes(view) == b"abcd"
    view[0] = 0x7A
    assert memory.read(0, 4) == b"zbcd"
    del memory
    view[1] = 0x79
    assert bytes(view) == b"zycd"


def test_view_of_all() -> None:
    memory = Memory(1)
    assert len(memory.view()) == PAGE
    assert len(memory.view(offset=PAGE)) == 0
    assert memory.view(offset=1).format == "B"
    assert not memory.view().readonly


def test_no_memory_at_all() -> None:
    memory = Memory(0)
    assert memory.size == 0
    assert memory.read(0, 0) == b""
    assert len(memory.view()) == 0
    assert memory.grow(1) == 0


@pytest.mark.parametrize(("minimum", "maximum"), [(-1, None), (2, 1), (65537, None), (0, 65537)])
def test_wrong_sizes(minimum: int, maximum: int | None) -> None:
    with pytest.raises(ValueError, match="minimum <= maximum"):
        Memory(minimum, maximum)


def test_store_limit() -> None:
    store = Store(limits=Limits(memory=3 * PAGE))
    exports = Module(GROWING).instantiate(store=store).exports
    other = Memory(1, store=store)
    assert store.memory_used == 2 * PAGE
    assert exports.grow(2) == -1
    assert exports.grow(1) == 1
    with pytest.raises(ResourceError):
        other.grow(1)
    with pytest.raises(ResourceError):
        Memory(1, store=store)
    del other
    assert store.memory_used == 2 * PAGE
    assert exports.grow(1) == 2


def test_store_limit_counts_objects_that_join() -> None:
    store = Store(limits=Limits(memory=PAGE))
    module = Module('(module (import "m" "memory" (memory 1)))')
    with pytest.raises(ResourceError):
        module.instantiate({"m": {"memory": Memory(2)}}, store=store)
    memory = Memory(1)
    module.instantiate({"m": {"memory": memory}}, store=store)
    assert store.memory_used == PAGE
    with pytest.raises(ResourceError):
        memory.grow(1)


def test_memory_with_64_bit_addresses() -> None:
    exports = (
        Module("""(module (memory (export "memory") i64 1)
      (func (export "load") (param i64) (result i32) (i32.load8_u (local.get 0)))
      (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0))))""")
        .instantiate()
        .exports
    )
    exports.memory.write(PAGE - 1, b"\5")
    assert exports.load(PAGE - 1) == 5
    for address in (PAGE, 2**40, 2**63, 2**64 - 1):
        with pytest.raises(Trap, match="out of bounds memory access"):
            exports.load(address)
    assert exports.grow(1) == 1
    assert exports.load(PAGE) == 0
    assert exports.grow(2**40) == -1


def test_several_memories() -> None:
    exports = (
        Module("""(module (memory $a (export "a") 1) (memory $b (export "b") 2)
      (func (export "copy") (memory.copy $b $a (i32.const 3) (i32.const 0) (i32.const 2)))
      (func (export "size") (result i32) memory.size $b))""")
        .instantiate()
        .exports
    )
    exports.a.write(0, b"xy")
    exports.copy()
    assert exports.b.read(2, 4) == b"\0xy\0"
    assert exports.size() == 2


def test_exported_memory_is_one_object() -> None:
    exports = Module('(module (memory (export "a") 1) (export "b" (memory 0)))').instantiate().exports
    assert exports.a is exports.b
