"""Memories that begin with an image of their data segments: the same as copying them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import bembix
from bembix import Module
from bembix.runtime import initial


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(initial, "_SEGMENTS", 1)
    return


def test_segments_are_mapped() -> None:
    module = Module("""
      (module (memory (export "a") 1 2) (memory (export "b") 3)
        (data (i32.const 5) "hello") (data (i32.const 8) "LO!") (data (memory 1) (i32.const 150000) "far")
        (data "passive") (data (i32.const 65536) "")
        (func (export "init") (memory.init 0 3 (i32.const 0) (i32.const 0) (i32.const 7))))""")
    images = module.initial_images
    assert images is not None
    assert [(image.memory, image.start) for image in images] == [(0, 0), (1, 147456)]
    first, second = module.instantiate().exports, module.instantiate().exports
    for exports in (first, second):
        assert exports.a.read(0, 12) == b"\0\0\0\0\0helLO!\0"
        assert exports.b.read(149_999, 5) == b"\0far\0"
    first.a.write(5, b"mine")
    first.init()
    assert second.a.read(5, 6) == b"helLO!"
    assert module.instantiate().exports.a.read(0, 7) == b"\0\0\0\0\0he"
    assert second.a.grow(1) == 1
    assert second.a.read(65536, 4) == bytes(4)


@pytest.mark.parametrize(
    "text",
    [
        '(module (memory 1) (data (i32.const 0) "a") (data (i32.const 65536) "b"))',
        '(module (import "" "m" (memory 1)) (data (i32.const 0) "a"))',
        '(module (import "" "g" (global i32)) (memory 1) (data (global.get 0) "a"))',
        '(module (memory 1) (data (i32.add (i32.const 1) (i32.const 2)) "a"))',
        '(module (memory 1 1 shared) (data (i32.const 0) "a"))',
        '(module (memory i64 1) (data (i64.const 0) "a"))',
        '(module (memory 1) (data (i32.const -1) "a"))',
        "(module (memory 1))",
    ],
)
def test_what_an_instance_is_needed_for_is_copied(text: str) -> None:
    assert not Module(text).initial_images


def test_a_segment_that_does_not_fit_still_traps() -> None:
    memory = bembix.Memory(1)
    module = Module("""
      (module (import "" "m" (memory 1)) (data (i32.const 0) "first") (data (i32.const 65533) "behind"))""")
    with pytest.raises(bembix.Trap, match="out of bounds memory access"):
        module.instantiate({"": {"m": memory}})
    assert memory.read(0, 5) == b"first"


def test_without_descriptors_segments_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> int:
        raise OSError(24, "too many open files")

    monkeypatch.setattr("bembix.native.images._unnamed_file", none)
    module = Module('(module (memory (export "m") 1) (data (i32.const 3) "abc"))')
    assert module.initial_images is None
    assert module.instantiate().exports.m.read(0, 7) == b"\0\0\0abc\0"


def test_small_modules_take_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert Module('(module (memory 1) (data (i32.const 3) "abc"))').initial_images is None
    before = len(os.listdir("/proc/self/fd"))
    large = Module(f'(module (memory (export "m") 9) (data (i32.const 3) "{"x" * 300_000}"))')
    instance = large.instantiate()
    assert len(os.listdir("/proc/self/fd")) == before + 1
    view = instance.exports.m[3:6]
    del large, instance
    assert len(os.listdir("/proc/self/fd")) == before
    assert bytes(view) == b"xxx"  # the mapping outlives the image
