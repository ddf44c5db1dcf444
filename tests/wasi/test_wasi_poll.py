"""poll_oneoff: times and descriptors."""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from wasi_machine import BUFFER, OUT, PAGES, Machine

from bembix import deadlines
from bembix.wasi.clocks import Clocks
from bembix.wasi.preview1.errno import Errno

END = PAGES * 65536
EVENTS = 65536
READING, WRITING = 1, 2


class FakeClocks(Clocks):
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000
        self.slept: list[int] = []

    def realtime(self) -> int:
        return self.now + 1_000_000

    def monotonic(self) -> int:
        return self.now

    def sleep(self, duration: int) -> None:
        self.slept.append(duration)
        self.now += min(duration, 5_000)


def clock(userdata: int, clock_id: int, timeout: int, *, absolute: bool = False) -> bytes:
    return struct.pack("<QB7xI4xQQH6x", userdata, 0, clock_id, timeout, 0, absolute)


def descriptor(userdata: int, kind: int, fd: int) -> bytes:
    return struct.pack("<QB7xI28x", userdata, kind, fd)


def poll(machine: Machine, *subscriptions: bytes) -> list[tuple[int, str, int, int, int]] | str:
    """Return user data, error, kind, bytes there and flags of each event."""
    assert all(len(subscription) == 48 for subscription in subscriptions)
    machine.put(BUFFER, b"".join(subscriptions))
    answer = machine.call("poll_oneoff", BUFFER, EVENTS, len(subscriptions), OUT)
    if answer != "SUCCESS":
        return answer
    events = struct.iter_unpack("<QHB5xQH6x", machine.get(EVENTS, 32 * machine.u32()))
    return [(userdata, Errno(error).name, *rest) for userdata, error, *rest in events]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_shortest_time_wins() -> None:
    clocks = FakeClocks()
    machine = Machine(clocks=clocks)
    assert poll(machine, clock(1, 1, 9_000), clock(2, 0, 3_000), clock(3, 1, 3_000)) == [
        (2, "SUCCESS", 0, 0, 0),
        (3, "SUCCESS", 0, 0, 0),
    ]
    assert clocks.slept == [3_000]


def test_longest_waits_are_made_of_several() -> None:
    clocks = FakeClocks()
    assert poll(Machine(clocks=clocks), clock(1, 1, 12_000)) == [(1, "SUCCESS", 0, 0, 0)]
    assert clocks.slept == [12_000, 7_000, 2_000]


@pytest.mark.parametrize(("clock_id", "start"), [(0, 1_001_000), (1, 1_000)])
def test_absolute_times(clock_id: int, start: int) -> None:
    clocks = FakeClocks()
    machine = Machine(clocks=clocks)
    assert poll(machine, clock(1, clock_id, start + 200, absolute=True)) == [(1, "SUCCESS", 0, 0, 0)]
    assert clocks.slept == [200]
    assert poll(machine, clock(1, clock_id, 1, absolute=True)) == [(1, "SUCCESS", 0, 0, 0)]
    assert clocks.slept == [200]


def test_real_sleep_takes_its_time() -> None:
    before = time.monotonic()
    assert poll(Machine(), clock(1, 1, 20_000_000)) == [(1, "SUCCESS", 0, 0, 0)]
    assert time.monotonic() - before >= 0.02


def test_sleep_of_the_longest_time_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    durations = []

    def sleep(duration: float) -> None:
        durations.append(duration)
        raise KeyboardInterrupt

    monkeypatch.setattr(deadlines, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        poll(Machine(), clock(1, 1, (1 << 64) - 1))
    assert durations == [3600.0]


def test_other_clocks_are_refused_one_by_one() -> None:
    machine = Machine(clocks=FakeClocks())
    assert poll(machine, clock(1, 2, 5), clock(2, 3, 5), clock(3, 9, 5), clock(4, 1, 5)) == [
        (1, "NOTSUP", 0, 0, 0),
        (2, "NOTSUP", 0, 0, 0),
        (3, "INVAL", 0, 0, 0),
    ]


def test_files_and_python_streams_are_always_ready(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello world")
    machine = Machine(dirs={"/": tmp_path}, stdin=b"abc")
    fd = machine.opened("file")
    machine.seek(fd, 4)
    assert poll(machine, descriptor(1, READING, fd), descriptor(2, READING, 0), descriptor(3, WRITING, 1)) == [
        (1, "SUCCESS", READING, 7, 0),
        (2, "SUCCESS", READING, 1, 0),
        (3, "SUCCESS", WRITING, 1, 0),
    ]


def test_wrong_descriptors_are_events() -> None:
    machine = Machine()
    assert poll(machine, descriptor(1, READING, 99), descriptor(2, READING, 1), descriptor(3, WRITING, 0)) == [
        (1, "BADF", READING, 0, 0),
        (2, "BADF", READING, 0, 0),
        (3, "BADF", WRITING, 0, 0),
    ]


def test_pipe_that_is_empty_then_not_then_closed(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    machine = Machine(stdin=reading, stdout=writing)
    assert poll(machine, descriptor(1, READING, 0), clock(2, 1, 1_000_000)) == [(2, "SUCCESS", 0, 0, 0)]
    assert poll(machine, descriptor(1, READING, 0), descriptor(3, WRITING, 1)) == [(3, "SUCCESS", WRITING, 1, 0)]
    os.write(writing, b"x")
    assert poll(machine, descriptor(1, READING, 0), clock(2, 1, 10**12)) == [(1, "SUCCESS", READING, 1, 0)]
    machine.read(0)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, writing)  # the last writer is gone
    os.close(null)
    assert poll(machine, descriptor(1, READING, 0)) == [(1, "SUCCESS", READING, 1, 1)]


def test_waiting_lets_other_threads_run(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    machine = Machine(stdin=reading)
    thread = threading.Timer(0.02, os.write, (writing, b"x"))
    thread.start()
    assert poll(machine, descriptor(1, READING, 0), clock(2, 1, 10**10)) == [(1, "SUCCESS", READING, 1, 0)]
    thread.join()


def test_two_subscriptions_to_one_descriptor(pipe: tuple[int, int]) -> None:
    machine = Machine(stdout=pipe[1], stderr=pipe[1])
    assert poll(machine, descriptor(1, WRITING, 1), descriptor(2, WRITING, 2)) == [
        (1, "SUCCESS", WRITING, 1, 0),
        (2, "SUCCESS", WRITING, 1, 0),
    ]


def test_wrong_calls() -> None:
    machine = Machine()
    assert poll(machine) == "INVAL"
    assert poll(machine, struct.pack("<QB39x", 1, 3)) == "INVAL"
    machine.put(BUFFER, clock(1, 1, 0))
    for subscriptions, events, count, out in (
        (END - 47, EVENTS, 1, OUT),
        (BUFFER, END - 31, 1, OUT),
        (BUFFER, EVENTS, 1, END - 3),
        (BUFFER, EVENTS, 0xFFFF_FFFF, OUT),
    ):
        assert machine.call("poll_oneoff", subscriptions, events, count, out) == "FAULT"
    assert Machine(pages=10).call("poll_oneoff", 0, 0, 5000, OUT) == "INVAL"
