"""Reading, writing and positioning: fd_read, fd_write, fd_pread, fd_pwrite, fd_seek, fd_tell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from wasi_machine import APPEND, BUFFER, CREAT, NONBLOCK, OUT, PAGES, READ, TRUNC, VECTORS, WRITE, Machine

from bembix.wasi import Capture
from bembix.wasi.preview1 import context

END = PAGES * 65536


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "file").write_bytes(b"hello world")
    return Machine(dirs={"/": tmp_path})


def test_read_fills_buffers_in_order(machine: Machine) -> None:
    fd = machine.opened("file")
    vectors = machine.vectors((BUFFER, 3), (BUFFER, 0), (BUFFER + 100, 4), (BUFFER + 200, 100))
    assert machine.call("fd_read", fd, *vectors, OUT) == "SUCCESS"
    assert machine.u32() == 11
    assert [machine.get(BUFFER + at, 4) for at in (0, 100, 200)] == [b"hel\0", b"lo w", b"orld"]
    assert machine.read(fd) == b""


def test_write_joins_buffers(machine: Machine, tmp_path: Path) -> None:
    fd = machine.opened("new", CREAT, WRITE)
    machine.put(BUFFER, b"abcdef")
    vectors = machine.vectors((BUFFER, 2), (BUFFER, 0), (BUFFER + 4, 2), (BUFFER, 6))
    assert machine.call("fd_write", fd, *vectors, OUT) == "SUCCESS"
    assert machine.u32() == 10
    assert (tmp_path / "new").read_bytes() == b"abefabcdef"


def test_position_is_kept_by_pread_and_pwrite(machine: Machine, tmp_path: Path) -> None:
    fd = machine.opened("file", 0, READ | WRITE)
    assert machine.call("fd_pread", fd, *machine.vectors((BUFFER, 5), (BUFFER + 5, 5)), 6, OUT) == "SUCCESS"
    assert machine.get(BUFFER, machine.u32()) == b"world"
    machine.put(BUFFER, b"WO")
    assert machine.call("fd_pwrite", fd, *machine.vectors((BUFFER, 1), (BUFFER + 1, 1)), 6, OUT) == "SUCCESS"
    assert machine.u32() == 2
    assert machine.read(fd) == b"hello WOrld"
    assert machine.call("fd_pread", fd, *machine.vectors((BUFFER, 5)), 1 << 63, OUT) == "INVAL"
    assert machine.call("fd_pwrite", fd, *machine.vectors((BUFFER, 5)), -1, OUT) == "INVAL"
    assert machine.call("fd_pwrite", fd, *machine.vectors((BUFFER, 5)), (1 << 63) - 1, OUT) in ("INVAL", "FBIG")


def test_append_goes_to_the_end(machine: Machine, tmp_path: Path) -> None:
    fd = machine.opened("file", 0, WRITE, fdflags=APPEND)
    assert machine.seek(fd, 0) == 0
    assert machine.write(fd, b"!") == 1
    assert machine.call("fd_fdstat_set_flags", fd, 0) == "SUCCESS"
    assert machine.seek(fd, 0) == 0
    assert machine.write(fd, b"J") == 1
    assert machine.call("fd_fdstat_set_flags", fd, APPEND) == "SUCCESS"
    assert machine.write(fd, b"!") == 1
    assert (tmp_path / "file").read_bytes() == b"Jello world!!"


@pytest.mark.parametrize(
    ("offset", "whence", "answer"),
    [(5, 0, 5), (2, 1, 7), (-5, 1, 0), (-1, 2, 10), (100, 2, 111), (-1, 0, "INVAL"), (0, 3, "INVAL"), (0, -1, "INVAL")],
)
def test_seek(machine: Machine, offset: int, whence: int, answer: int | str) -> None:
    fd = machine.opened("file")
    machine.seek(fd, 5)
    assert machine.seek(fd, offset, whence) == answer
    if isinstance(answer, int):
        assert machine.call("fd_tell", fd, OUT) == "SUCCESS"
        assert machine.u64() == answer


def test_seek_checks_its_output_first(machine: Machine) -> None:
    fd = machine.opened("file")
    assert machine.call("fd_seek", fd, 5, 0, END - 7) == "FAULT"
    assert machine.call("fd_tell", fd, END - 8) == "SUCCESS"
    assert machine.u64(END - 8) == 0


def test_directions_are_kept(machine: Machine) -> None:
    assert machine.write(machine.opened("file"), b"x") == "BADF"
    assert machine.read(machine.opened("file", 0, WRITE)) == "BADF"
    for name, extra in (("fd_pread", (0,)), ("fd_pwrite", (0,)), ("fd_read", ()), ("fd_write", ())):
        fd = 3  # the directory
        assert machine.call(name, fd, *machine.vectors((BUFFER, 1)), *extra, OUT) == "BADF"
        assert machine.call(name, 77, *machine.vectors((BUFFER, 1)), *extra, OUT) == "BADF"
    assert machine.seek(3, 0) == "BADF"


def test_nothing_to_write_still_fails_where_writing_does(machine: Machine) -> None:
    assert machine.call("fd_write", machine.opened("file"), VECTORS, 0, OUT) == "BADF"
    assert machine.call("fd_write", 0, VECTORS, 0, OUT) == "BADF"
    assert machine.call("fd_write", 1, VECTORS, 0, OUT) == "SUCCESS"
    assert machine.call("fd_read", 0, VECTORS, 0, OUT) == "SUCCESS"


@pytest.mark.parametrize("name", ["fd_read", "fd_write"])
@pytest.mark.parametrize(
    ("vectors", "count", "out"),
    [
        (VECTORS, 0xFFFF_FFFF, OUT),
        (VECTORS, 1 << 29, OUT),
        (END - 7, 1, OUT),
        (0xFFFF_FFF8, 1, OUT),
        (VECTORS, 1, END - 3),
        (VECTORS, 1, 0xFFFF_FFFF),
    ],
)
def test_out_of_bounds_arrays_fault(name: str, vectors: int, count: int, out: int) -> None:
    machine = Machine(stdin=b"abc")
    machine.vectors((BUFFER, 1))
    assert machine.call(name, 0 if name == "fd_read" else 1, vectors, count, out) == "FAULT"


@pytest.mark.parametrize("name", ["fd_read", "fd_write"])
@pytest.mark.parametrize("vector", [(END - 1, 2), (0xFFFF_FFFF, 1), (BUFFER, 0xFFFF_FFFF), (0xFFFF_FFFF, 0xFFFF_FFFF)])
def test_out_of_bounds_buffers_fault_before_anything_moves(name: str, vector: tuple[int, int]) -> None:
    output = Capture()
    machine = Machine(stdin=b"abc", stdout=output)
    vectors = machine.vectors((BUFFER, 1), vector)
    assert machine.call(name, 0 if name == "fd_read" else 1, *vectors, OUT) == "FAULT"
    assert output.getvalue() == b""
    assert machine.read(0) == b"abc"


def test_overlapping_buffers_cannot_ask_for_more_than_the_limits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A whole memory of buffers that each span the whole memory: 16384 * 128 KiB, were they all looked at."""
    assert context.MAX_VECTORS == 1024
    monkeypatch.setattr(context, "MAX_VECTORS", 10)
    machine = Machine(dirs={"/": tmp_path}, stdout=(output := Capture()))
    machine.put(0, (END.to_bytes(4, "little").rjust(8, b"\0")) * (END // 8))
    assert machine.call("fd_write", 1, 0, END // 8, END - 8) == "SUCCESS"
    assert machine.u32(END - 8) == context.MAX_VECTORS * END == len(output.getvalue())


def test_large_transfers_are_cut_in_pieces(monkeypatch: pytest.MonkeyPatch, machine: Machine, tmp_path: Path) -> None:
    monkeypatch.setattr(context, "CHUNK", 1000)
    data = os.urandom(10_000)
    fd = machine.opened("big", CREAT | TRUNC, READ | WRITE)
    machine.put(40_000, data)
    vectors = machine.vectors((40_000, 1), (40_001, 4999), (45_000, 5000))
    assert machine.call("fd_write", fd, *vectors, OUT) == "SUCCESS"
    assert machine.u32() == 10_000
    assert (tmp_path / "big").read_bytes() == data
    machine.seek(fd, 0)
    vectors = machine.vectors((60_000, 1), (70_000, 2999), (80_000, 50_000 - 20_000))
    assert machine.call("fd_read", fd, *vectors, OUT) == "SUCCESS"
    assert machine.u32() == 10_000
    assert machine.get(60_000, 1) + machine.get(70_000, 2999) + machine.get(80_000, 7000) == data


def test_transfer_limit(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> None:
    monkeypatch.setattr(context, "MAX_TRANSFER", 7)
    fd = machine.opened("file")
    vectors = machine.vectors((BUFFER, 4), (BUFFER + 4, 9), (BUFFER + 50, 9))
    assert machine.call("fd_read", fd, *vectors, OUT) == "SUCCESS"
    assert machine.get(BUFFER, machine.u32()) == b"hello w"


def test_error_after_a_part_is_left_for_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CHUNK", 4)
    output = Capture(limit=6)
    machine = Machine(stdout=output)
    assert machine.write(1, b"abcdefghij") == 6
    assert machine.write(1, b"x") == "NOSPC"
    assert output.getvalue() == b"abcdef"


def test_pipe_is_not_waited_for_once_it_gave_something() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"abc")
        machine = Machine(stdin=reading)
        assert machine.call("fd_read", 0, *machine.vectors((BUFFER, 3), (BUFFER + 3, 100)), OUT) == "SUCCESS"
        assert machine.get(BUFFER, machine.u32()) == b"abc"
        assert machine.call("fd_fdstat_set_flags", 0, NONBLOCK) == "SUCCESS"
        assert machine.read(0) == "AGAIN"
        assert os.get_blocking(reading)
    finally:
        os.close(reading)
        os.close(writing)


def test_write_to_a_pipe_without_a_reader() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert Machine(stdout=writing).write(1, b"x") == "PIPE"
    finally:
        os.close(writing)


def test_fifo_in_a_directory(machine: Machine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reading = machine.opened("fifo", 0, READ, fdflags=NONBLOCK)
    writing = machine.opened("fifo", 0, WRITE, fdflags=NONBLOCK)
    assert machine.read(reading) == "AGAIN"
    assert machine.write(writing, b"abc") == 3
    assert machine.read(reading) == b"abc"
    assert machine.seek(reading, 0) == "SPIPE"
