"""Reservations, blocks and access by address."""

from __future__ import annotations

import gc

import pytest

from bembix.errors import ResourceError
from bembix.native import memory
from bembix.native.ranges import GUARDS, RangeTable


def test_commit_gives_zeroed_memory_and_keeps_contents() -> None:
    held = memory.reserve(1 << 20)
    held.commit(0, 100)
    assert memory.read_bytes(held.base, memory.PAGE) == bytes(memory.PAGE)
    memory.write_bytes(held.base + 5, b"wasp")
    held.commit(0, 3 * memory.PAGE)
    assert memory.read_bytes(held.base + 4, 6) == b"\0wasp\0"


def test_protect_none_forgets() -> None:
    held = memory.reserve(1 << 20)
    held.commit(0, 2 * memory.PAGE)
    memory.fill(held.base, 7, 2 * memory.PAGE)
    held.protect_none(memory.PAGE, memory.PAGE)
    held.commit(memory.PAGE, memory.PAGE)
    assert memory.read_bytes(held.base + memory.PAGE - 1, 2) == b"\7\0"


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, (1 << 20) + 1), (1 << 20, 1), (5, -3)])
def test_outside_of_a_reservation(offset: int, length: int) -> None:
    held = memory.reserve(1 << 20)
    with pytest.raises(ResourceError, match="outside"):
        held.commit(offset, length)


def test_address_space_is_limited() -> None:
    with pytest.raises(ResourceError, match="address space"):
        memory.reserve(1 << 60)


def test_guard_is_registered_until_the_last_reference_goes() -> None:
    held = memory.reserve(8 << 30, guard=True)
    base = held.base
    assert base + (5 << 30) in GUARDS
    held.close()
    held.close()
    assert base not in GUARDS
    with pytest.raises(ResourceError):
        held.commit(0, 1)


def test_a_finalizer_in_the_same_cycle_still_has_its_memory() -> None:
    seen = []

    class Holder:
        def __del__(self) -> None:
            seen.append(memory.read_bytes(self.held.base, 2) + memory.read_bytes(self.block.address, 1))

    for _ in range(3):
        holder = Holder()
        holder.held, holder.block = memory.reserve(memory.PAGE, guard=True), memory.Block(8)  # type: ignore[attr-defined]
        holder.held.commit(0, 2)  # type: ignore[attr-defined]
        memory.write_bytes(holder.held.base, b"ok")  # type: ignore[attr-defined]
        base = holder.held.base  # type: ignore[attr-defined]
        holder.me = holder  # type: ignore[attr-defined]
        del holder
        gc.collect()
    assert seen == [b"ok\0"] * 3
    assert base not in GUARDS


def test_block_is_aligned_and_zero() -> None:
    blocks = [memory.Block(size) for size in (0, 1, 7, 100, 5000)]
    for block in blocks:
        assert block.address % 16 == 0
        assert memory.read_bytes(block.address, block.size) == bytes(block.size)


def test_numbers() -> None:
    block = memory.Block(16)
    at = block.address
    memory.write_u64(at, -2)
    assert (memory.read_u64(at), memory.read_i64(at), memory.read_u32(at), memory.read_i32(at)) == (
        2**64 - 2,
        -2,
        2**32 - 2,
        -2,
    )
    memory.write_f32(at, 0.1)
    memory.write_f64(at + 8, 0.1)
    assert memory.read_f32(at) == 0.10000000149011612
    assert memory.read_f64(at + 8) == 0.1
    memory.write_u32(at + 4, 2**33 + 5)
    memory.move(at, at + 4, 4)
    assert memory.read_u32(at) == 5


def test_view_keeps_its_owner() -> None:
    class Owner:
        gone = False

        def __del__(self) -> None:
            Owner.gone = True

    block = memory.Block(8)
    seen = memory.view(block.address, 8, Owner())
    seen[2] = 9
    assert memory.read_bytes(block.address, 3) == b"\0\0\x09"
    assert (seen.format, seen.readonly, Owner.gone) == ("B", False, False)
    part = seen[1:3]
    del seen
    assert not Owner.gone
    del part
    assert Owner.gone


@pytest.mark.parametrize("owner", [None, "owner"])
def test_readonly_view(owner: object) -> None:
    block = memory.Block(8)
    seen = memory.view(block.address, 8, owner, readonly=True)
    with pytest.raises(TypeError):
        seen[0] = 1


def test_range_table_grows_and_reuses() -> None:
    table = RangeTable()
    for start in range(0, 20_000, 100):
        table.add(start, start + 50)
    assert 19_949 in table
    assert 19_950 not in table
    for start in range(0, 20_000, 200):
        table.remove(start)
    assert (len(table), 25 in table, 125 in table) == (100, False, True)
    head = memory.read_u64(table.head)
    for start in range(0, 20_000, 200):
        table.add(start, start + 50)
    assert (memory.read_u64(table.head), 25 in table) == (head, True)
