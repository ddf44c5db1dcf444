"""The bytes of a memory from Python: buffer, slices, numbers, text; nothing out of bounds, nothing dangling."""

from __future__ import annotations

import array
import gc
import random
import struct
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bembix import Memory, Module

PAGE = 65536


@pytest.fixture
def memory() -> Memory:
    made = Memory(1, 4)
    made.write(0, bytes(range(256)))
    return made


class Index:
    """An int to Python's eyes only."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"Index({self.value})"


def test_buffer(memory: Memory) -> None:
    whole = memoryview(memory)
    assert (len(whole), whole.format, whole.readonly, whole.contiguous) == (PAGE, "B", False, True)
    whole[3] = 77
    assert memory.read(3, 1) == b"M"
    assert bytes(memory) == whole.tobytes()
    assert struct.unpack_from("<H", memory, 4) == (0x0504,)
    struct.pack_into("<H", memory, 4, 0xABCD)
    assert memory.read(4, 2) == b"\xcd\xab"
    assert bytearray(b"x").join([memory[8:10], memory[10:11]]) == b"\x08\x09x\x0a"


def test_readinto(memory: Memory, tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"from a file")
    with (tmp_path / "file").open("rb") as file:
        assert file.readinto(memory[100:200]) == 11
    assert memory.read(100, 11) == b"from a file"


@pytest.mark.parametrize("key", [0, 7, 255, PAGE - 1, -1, -PAGE, True, Index(9), Index(-3)])
def test_bytes(memory: Memory, key: Any) -> None:
    whole = bytes(memory)
    assert memory[key] == whole[key]
    memory[key] = 0x5A
    assert memory[key] == 0x5A
    memory[key] = Index(0xA5)  # type: ignore[assignment, call-overload]
    assert memory[key] == 0xA5


SLICES = [
    slice(None), slice(5), slice(5, None), slice(3, 10), slice(10, 10), slice(PAGE, PAGE), slice(-4, None),
    slice(-8, -4), slice(None, PAGE), slice(10, 3), slice(0, 100, 7), slice(None, None, -1), slice(20, 10, -3),
    slice(Index(2), Index(6)),
]  # fmt: skip


@pytest.mark.parametrize("key", SLICES, ids=str)
def test_slices(memory: Memory, key: slice) -> None:
    model = bytearray(memory)
    for _ in range(2):  # the second one takes another way
        assert memory[key] == model[key]
    data = bytes(byte ^ 0xFF for byte in model[key])
    for content in (data, bytearray(data), memoryview(data)):
        model[key] = content
        memory[key] = content
        assert memory == model or bytes(memory) == bytes(model)
    assert len(memory) == PAGE


def test_a_slice_is_no_copy(memory: Memory) -> None:
    part = memory[16:20]
    part[0] = 99
    memory[17] = 98
    assert (memory[16], part[1], part.tobytes()) == (99, 98, b"cb\x12\x13")


@pytest.mark.parametrize(
    ("access", "message"),
    [
        (lambda m: m[PAGE], "1 bytes at address 65536 of a memory of 65536 bytes"),
        (lambda m: m[-PAGE - 1], "1 bytes at address -65537 of"),
        (lambda m: m[2**70], f"1 bytes at address {2**70} of"),
        (lambda m: m[PAGE - 2 : PAGE + 2], "4 bytes at address 65534 of a memory of 65536 bytes"),
        (lambda m: m[PAGE + 1 :], "0 bytes at address 65537 of"),
        (lambda m: m[: 2**63], f"{2**63} bytes at address 0 of"),
        (lambda m: m[0 : 2 * PAGE : 2], "131072 bytes at address 0 of"),
        (lambda m: m.read(PAGE - 3, 4), "4 bytes at address 65533 of"),
        (lambda m: m.read(-1, 1), "1 bytes at address -1 of"),
        (lambda m: m.read(1, -1), "-1 bytes at address 1 of"),
        (lambda m: m.read(2**64, 1), f"1 bytes at address {2**64} of"),
        (lambda m: m.write(PAGE - 3, b"four"), "4 bytes at address 65533 of"),
        (lambda m: m.write(2**64 - 1, bytearray(2)), f"2 bytes at address {2**64 - 1} of"),
        (lambda m: m.write(PAGE + 1, b""), "0 bytes at address 65537 of"),
        (lambda m: m.__setitem__(PAGE, 1), "1 bytes at address 65536 of"),
        (lambda m: m.__setitem__(slice(0, PAGE + 1), bytes(PAGE + 1)), "65537 bytes at address 0 of"),
        (lambda m: m.unpack("Q", PAGE - 7), "8 bytes at address 65529 of"),
        (lambda m: m.pack("Q", PAGE - 7, 1), "8 bytes at address 65529 of"),
        (lambda m: m.view("i32", PAGE - 8, 3), "12 bytes at address 65528 of"),
        (lambda m: m.view("i32", PAGE + 8), "-8 bytes at address 65544 of"),
        (lambda m: m.fill(PAGE, 1), "1 bytes at address 65536 of"),
        (lambda m: m.find(b"x", 0, PAGE + 1), "65537 bytes at address 0 of"),
        (lambda m: m.read_cstring(PAGE + 1), "0 bytes at address 65537 of"),
        (lambda m: m.write_cstring(PAGE - 3, "abc"), "4 bytes at address 65533 of"),
    ],
)
def test_out_of_bounds(memory: Memory, access: Callable[[Memory], object], message: str) -> None:
    before = bytes(memory)
    for _ in range(2):  # the first access makes what later ones are faster by
        with pytest.raises(IndexError, match=f"out of bounds memory access: {message}"):
            access(memory)
    assert bytes(memory) == before


@pytest.mark.parametrize(
    ("access", "error", "message"),
    [
        (lambda m: m.__setitem__(slice(8, 12), b"abc"), ValueError, "3 bytes given for the 4 at address 8 of a memory"),
        (lambda m: m.__setitem__(slice(8, 12), bytearray(5)), ValueError, "5 bytes given for the 4 at address 8"),
        (lambda m: m.__setitem__(slice(0, 8, 2), b"abc"), ValueError, "3 bytes given for the 4 at address 0"),
        (lambda m: m.__setitem__(0, 256), ValueError, "a byte is from 0 to 255, not 256"),
        (lambda m: m.__setitem__(0, -1), ValueError, "a byte is from 0 to 255, not -1"),
        (lambda m: m.__setitem__(0, 2**80), ValueError, "a byte is from 0 to 255"),
        (lambda m: m.__setitem__(0, b"a"), TypeError, "'bytes' object cannot be interpreted as an integer"),
        (lambda m: m.__setitem__(slice(0, 1), 5), TypeError, "bytes-like object is required, not 'int'"),
        (lambda m: m.__setitem__(slice(0, 1), "a"), TypeError, "bytes-like object is required, not 'str'"),
        (lambda m: m.write(0, "a"), TypeError, "bytes-like object is required, not 'str'"),
        (lambda m: m.write(0), TypeError, "missing 1 required positional argument: 'data'"),
        (lambda m: m.read(), TypeError, "missing 2 required positional arguments"),
        (lambda m: m.read(0, 1, 2), TypeError, "takes 3 positional arguments"),
        (lambda m: m.read(0.5, 1), TypeError, "'float' object cannot be interpreted as an integer"),
        (lambda m: m["a"], TypeError, "'str' object cannot be interpreted as an integer"),
        (lambda m: m[0.5], TypeError, "'float' object cannot be interpreted as an integer"),
        (lambda m: m["a":"b"], TypeError, "'str' object cannot be interpreted as an integer"),
        (lambda m: m[::0], ValueError, "slice step cannot be zero"),
        (lambda m: m.__delitem__(0), TypeError, "bytes of a memory can't be deleted"),
        (lambda m: m.view("i33"), ValueError, "no element is called 'i33'"),
    ],
)
def test_wrong_use(memory: Memory, access: Callable[[Memory], object], error: type[Exception], message: str) -> None:
    before = bytes(memory)
    with pytest.raises(error, match=message):
        access(memory)
    assert bytes(memory) == before


def test_by_keyword(memory: Memory) -> None:
    memory.write(offset=8, data=b"named")
    assert memory.read(offset=8, length=5) == memory.read(8, length=5) == b"named"
    assert memory.read(Index(8), Index(5)) == b"named"  # type: ignore[arg-type]


def test_write_takes_any_buffer(memory: Memory) -> None:
    memory.write(0, array.array("i", [1, -1]))
    assert memory.read(0, 8) == b"\1\0\0\0\xff\xff\xff\xff"
    memory.write(0, memoryview(b"a-b-c")[::2])
    assert memory.read(0, 3) == b"abc"
    memory[0:3] = memoryview(b"x-y-z")[::2]
    assert memory.read(0, 3) == b"xyz"
    other = Memory(1)
    other.write(0, memory)
    assert other.read(0, 3) == b"xyz"


def test_overlapping_copy(memory: Memory) -> None:
    memory[1:9] = memory[0:8]
    assert memory.read(0, 10) == bytes([0, 0, 1, 2, 3, 4, 5, 6, 7, 9])
    memory.write(0, memory[1:9])
    assert memory.read(0, 10) == bytes([0, 1, 2, 3, 4, 5, 6, 7, 7, 9])


def test_views_after_growing() -> None:
    memory = Memory(1, 3)
    old, part = memoryview(memory), memory[0:4]
    memory.grow(1)
    new = memory[:]
    assert (len(old), len(part), len(new), len(memoryview(memory))) == (PAGE, 4, 2 * PAGE, 2 * PAGE)
    new[0:4] = b"grow"
    memory[PAGE] = 1
    assert bytes(old[0:4]) == bytes(part) == b"grow"
    assert memory[PAGE : PAGE + 1] == b"\1"


def test_growing_in_wasm_shows() -> None:
    exports = (
        Module("""(module (memory (export "memory") 1)
      (func (export "grow") (drop (memory.grow (i32.const 1)))))""")
        .instantiate()
        .exports
    )
    assert len(exports.memory[:]) == PAGE
    exports.grow()
    assert len(exports.memory[:]) == len(exports.memory) == 2 * PAGE
    exports.memory[PAGE] = 3
    assert exports.memory[PAGE] == 3


@pytest.mark.parametrize("view", [memoryview, lambda m: m[0:8], lambda m: m.view("i32"), lambda m: m.view()])
def test_a_view_keeps_the_memory(view: Callable[[Memory], memoryview]) -> None:
    exports = Module('(module (memory (export "memory") 1) (data (i32.const 0) "stay"))').instantiate().exports
    seen = view(exports.memory)
    del exports
    gc.collect()
    assert seen.tobytes()[:4] == b"stay"


def test_nothing_is_left_behind() -> None:
    memory = Memory(1)
    gone = weakref.ref(memory)
    memory[0:4]
    view = memoryview(memory)
    del memory
    assert gone() is not None
    del view
    assert gone() is None


def test_cycles_are_collected() -> None:
    class Named(Memory):
        itself: object

    memory = Named(1)
    memory.itself, gone = [memory, memoryview(memory), memory[0:4]], weakref.ref(memory)
    del memory
    gc.collect()
    assert gone() is None


def test_a_cycle_whose_finalizer_reads_the_memory() -> None:
    seen = []

    class Last:
        def __init__(self, memory: Memory) -> None:
            self.memory, self.view, self.cycle = memory, memory[0:3], self

        def __del__(self) -> None:
            seen.append((self.memory.read(0, 3), bytes(self.view)))

    memory = Memory(1)
    memory.write(0, b"end")
    Last(memory)
    del memory
    gc.collect()
    assert seen == [(b"end", b"end")]


def test_an_object_that_was_not_set_up() -> None:
    empty = Memory.__new__(Memory)
    assert len(empty) == 0
    with pytest.raises(BufferError, match="the memory was not set up"):
        memoryview(empty)
    for access in (lambda: empty[0], lambda: empty[0:0], lambda: empty.read(0, 0), lambda: empty.write(0, b"x")):
        with pytest.raises((AttributeError, IndexError)):
            access()


def test_set_up_twice(memory: Memory) -> None:
    view = memory[0:4]
    with pytest.raises(RuntimeError, match="a memory is set up once"):
        memory.__init__(2)  # type: ignore[misc]
    assert bytes(view) == b"\0\1\2\3"


def test_views_of_elements(memory: Memory) -> None:
    floats = memory.view("f64", 512, 4)
    floats[1] = 2.5
    assert (floats.format, len(floats), memory.unpack("d", 520)) == ("d", 4, (2.5,))
    assert memory.view("u16", 1, 2).tolist() == [0x0201, 0x0403]
    assert memory.view("i8", 255, 1).tolist() == [-1]
    assert [len(memory.view(name)) for name in ("u8", "uint16", "I", "i64", "float32")] == [
        PAGE,
        32768,
        16384,
        8192,
        16384,
    ]
    assert len(memory.view("u32", PAGE - 7)) == 1
    assert len(memory.view("u32", PAGE)) == 0


def test_numbers(memory: Memory) -> None:
    memory.write_int(8, -2)
    assert (memory.read_int(8), memory.read_int(8, signed=True), memory.read_int(8, 2)) == (2**32 - 2, -2, 0xFFFE)
    memory.write_int(8, 2**64 - 1, 8)
    assert memory.read(8, 8) == b"\xff" * 8
    with pytest.raises(OverflowError, match="256 does not fit into 1 bytes"):
        memory.write_int(8, 256, 1)
    memory.pack("hI", 8, -1, 7)
    assert (memory.read(8, 6), memory.unpack("hI", 8)) == (b"\xff\xff\7\0\0\0", (-1, 7))
    memory.pack(">H", 8, 1)
    assert memory.read(8, 2) == b"\0\1"


def test_c_strings(memory: Memory) -> None:
    assert memory.write_cstring(1000, "Wespe 🐝") == 11
    assert memory.read_cstring(1000) == "Wespe 🐝"
    assert memory.read_cstring(1000, encoding=None) == "Wespe 🐝".encode()
    assert memory.read_cstring(1006, limit=4) == "🐝"
    with pytest.raises(ValueError, match="no zero byte in the 4 bytes at address 1006"):
        memory.read_cstring(1006, limit=3)
    memory.fill(PAGE - 4, 4, 0x41)
    with pytest.raises(ValueError, match="no zero byte in the 4 bytes at address 65532 of a memory of 65536 bytes"):
        memory.read_cstring(PAGE - 4)
    with pytest.raises(ValueError, match="zero byte at 1 of a C string of 3 bytes"):
        memory.write_cstring(0, b"a\0b")


def test_find(memory: Memory) -> None:
    memory.write(5000, b".*needle.*")
    assert memory.find(b".*needle.*") == 5000
    assert (memory.find(b"needle", 5002), memory.find(b"needle", 5003)) == (5002, -1)
    assert memory.find(b"needle", 5002, 5007) == -1
    assert (b"needle" in memory, 7 in memory, b"neeedle" in memory) == (True, True, False)
    assert list(memory)[:3] == [0, 1, 2]


def test_shared_memory_of_two_threads() -> None:
    memory = Memory(1, 8, shared=True)
    view = memoryview(memory)

    def grow() -> None:
        for _ in range(7):
            memory.grow(1)
            memory[-1] = 5

    thread = threading.Thread(target=grow)
    thread.start()
    while len(memory) < 8 * PAGE:
        assert memory.read(len(memory) - 1, 1) in (b"\0", b"\5")
    thread.join()
    assert (len(view), len(memory[:]), memory[-1]) == (PAGE, 8 * PAGE, 5)


BOUND = st.one_of(st.none(), st.integers(-80, 80), st.integers(-(2**70), 2**70))


@settings(max_examples=200, deadline=None)
@example(key=slice(100, None, 0), fill=b"")
@example(key=slice(None, 2**63 - 1), fill=b"")
@example(key=slice(None, 2**63), fill=b"")
@example(key=slice(2**63, None), fill=b"")
@given(key=st.one_of(st.integers(-80, 80), st.integers(), st.builds(slice, BOUND, BOUND, BOUND)), fill=st.binary())
def test_as_a_bytearray_of_64_bytes(key: int | slice, fill: bytes) -> None:
    """As a bytearray does it, but for ends beyond the memory, and assignments that would change the size."""
    exports = SMALL.instantiate().exports
    memory, model = exports.memory, bytearray(range(64))
    memory[:] = model
    ends = [key.start, key.stop] if isinstance(key, slice) else []
    try:
        expected: int | bytes = model[key]
        if any(end is not None and abs(end) > 64 for end in ends):
            raise IndexError
        data = fill[: len(expected)].ljust(len(expected), b"x") if isinstance(expected, bytearray) else len(fill) % 256
        model[key] = data  # type: ignore[index, assignment]
    except (IndexError, ValueError):
        for _ in range(2):
            with pytest.raises((IndexError, ValueError)):
                memory[key]
        with pytest.raises((IndexError, ValueError)):
            memory[key] = fill if ends else 1
        assert bytes(memory) == bytes(range(64))
        return
    assert memory[key] == memory[key] == expected
    memory[key] = data
    assert bytes(memory) == bytes(model)


SMALL = Module('(module (memory (export "memory") 64 (pagesize 1)))', features={"custom-page-sizes"})


def test_threads_that_do_everything_at_once() -> None:
    memory = Memory(1, 128)
    views: list[memoryview] = []

    def work(seed: int) -> None:
        choices = random.Random(seed)
        for turn in range(2000):
            at = choices.randrange(len(memory) - 64)
            memory[at : at + 64] = bytes(64)
            memory.write(at, b"word")
            views.append(memory[at : at + 64])
            assert len(memory.read(at, 64)) == 64
            if turn % 100 == 0:
                memory.grow(1)
            if turn % 500 == 0:
                views.clear()
                gc.collect()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(memory) > 4 * PAGE


def test_numpy(memory: Memory) -> None:
    numpy = pytest.importorskip("numpy")
    numbers = numpy.frombuffer(memory, "<u4", count=4, offset=512)
    numbers[:] = [1, 2, 3, 4]
    assert memory.unpack("4I", 512) == (1, 2, 3, 4)
    assert memory.view(numpy.float64, 1024, 3).shape == (3,)
    assert memory.read(numpy.uint8(1), numpy.int64(2)) == b"\1\2"
    memory.write(0, numbers[::2])
    assert memory.unpack("2I", 0) == (1, 3)
