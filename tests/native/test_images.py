"""Images of memory: mapped copy-on-write, sealed, read back."""

from __future__ import annotations

import os

import pytest

from bembix.errors import ResourceError
from bembix.native.images import CHUNK, Image, is_zero, runs
from bembix.native.memory import PAGE, read_bytes, reserve, write_bytes


def test_each_mapping_has_its_own_copy() -> None:
    image = Image(2 * PAGE + 1, lambda address: write_bytes(address + PAGE, b"content"))
    assert image.size == 3 * PAGE
    first, second = reserve(8 * PAGE), reserve(8 * PAGE)
    for target in (first, second):
        image.map(target, 2 * PAGE, PAGE, 2 * PAGE)
    write_bytes(first.base + 2 * PAGE, b"C")
    assert read_bytes(first.base + 2 * PAGE, 7) == b"Content"
    assert read_bytes(second.base + 2 * PAGE, 7) == b"content"
    assert image.read(PAGE, 7) == b"content"
    first.clear(2 * PAGE, PAGE)
    assert read_bytes(first.base + 2 * PAGE, 7) == bytes(7)


def test_nobody_changes_it() -> None:
    image = Image(PAGE, lambda address: None)
    for change in (lambda: os.pwrite(image._number, b"x", 0), lambda: os.ftruncate(image._number, 0)):
        with pytest.raises(PermissionError):
            change()


def test_only_whole_pages_of_it_are_mapped() -> None:
    image, target = Image(PAGE, lambda address: None), reserve(4 * PAGE)
    for start, length in ((1, PAGE), (0, PAGE + 1), (0, 2 * PAGE), (PAGE, PAGE)):
        with pytest.raises(ResourceError):
            image.map(target, 0, start, length)
    with pytest.raises(ResourceError):
        image.map(target, 4 * PAGE, 0, PAGE)
    with pytest.raises(ResourceError):
        image.read(0, PAGE + 1)


def test_what_fill_raises_comes_out() -> None:
    def fail(address: int) -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        Image(PAGE, fail)


def test_an_empty_image() -> None:
    assert Image(0, lambda address: None).read(0, 0) == b""


def test_parts_that_are_not_zero() -> None:
    size = 64 * CHUNK + 100
    target = reserve(size)
    target.commit(0, size)
    assert [*runs(target.base, size)] == []
    for at in (CHUNK, 2 * CHUNK - 1, 20 * CHUNK, size - 1):
        write_bytes(target.base + at, b"x")
    assert [*runs(target.base, size, gap=2 * CHUNK)] == [(CHUNK, CHUNK), (20 * CHUNK, CHUNK), (64 * CHUNK, 100)]
    assert [*runs(target.base, size, gap=1 << 40)] == [(CHUNK, 63 * CHUNK + 100)]
    assert is_zero(target.base, CHUNK)
    assert not is_zero(target.base + CHUNK, 1)
    assert is_zero(target.base + CHUNK + 1, 1)
