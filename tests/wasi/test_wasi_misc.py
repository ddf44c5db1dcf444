"""Arguments, environment, clocks, random numbers, ending, sockets, and the older module."""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any

import pytest
from wasi_machine import BUFFER, OUT, PAGES, STAT, Machine

import bembix
from bembix.errors import Exit
from bembix.wasi import Wasi
from bembix.wasi.clocks import Clocks
from bembix.wasi.preview1 import context

END = PAGES * 65536


@pytest.mark.parametrize(
    ("name", "strings"),
    [("args", [b"prog", b"", b"caf\xc3\xa9", b"\xff"]), ("environ", [b"A=1", b"B=", "C=x=\N{SNOWMAN}".encode()])],
)
def test_strings(name: str, strings: list[bytes]) -> None:
    machine = Machine(["prog", "", "caf\xe9", b"\xff"], {"A": "1", "B": "", "C": "x=\N{SNOWMAN}"})
    assert machine.call(f"{name}_sizes_get", OUT, OUT + 4) == "SUCCESS"
    text = b"".join(string + b"\0" for string in strings)
    assert struct.unpack("<II", machine.get(OUT, 8)) == (len(strings), len(text))
    assert machine.call(f"{name}_get", STAT, BUFFER) == "SUCCESS"
    assert machine.get(BUFFER, len(text)) == text
    pointers = struct.unpack(f"<{len(strings)}I", machine.get(STAT, 4 * len(strings)))
    assert [machine.get(at, len(string) + 1) for at, string in zip(pointers, strings, strict=True)] == [
        string + b"\0" for string in strings
    ]


@pytest.mark.parametrize("name", ["args", "environ"])
def test_strings_out_of_bounds(name: str) -> None:
    machine = Machine(["abc"], {"K": "v"})
    for outputs in ((OUT, END - 3), (END - 3, OUT), (0xFFFF_FFFF, OUT)):
        assert machine.call(f"{name}_sizes_get", *outputs) == "FAULT"
        assert machine.call(f"{name}_get", *outputs) == "FAULT"


@pytest.mark.parametrize("wrong", [{"args": ["a\0b"]}, {"env": {"A": "\0"}}, {"env": {"A=B": ""}}, {"env": {"": "x"}}])
def test_strings_that_cannot_be_passed(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"NUL|name"):
        Machine(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"args": "text"}, "args must be a sequence of arguments, not one str"),
        ({"args": [1]}, "argument must be str or bytes, not int"),
        ({"env": ["A=1"]}, "env must be a mapping, not list"),
        ({"env": {"A": 1}}, "environment variable 'A' must be str, not int"),
        ({"dirs": ["/"]}, "dirs must be a mapping, not list"),
    ],
)
def test_what_is_of_another_type(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        bembix.run(b'(module (memory (export "memory") 1) (func (export "_start")))', **wrong)


def test_environment_is_not_shown_by_accident() -> None:
    assert "password" not in repr(Wasi(env={"SECRET": "password"}))


def test_clocks() -> None:
    machine = Machine()
    before = time.time_ns()
    assert machine.call("clock_time_get", 0, 0, OUT) == "SUCCESS"
    assert before <= machine.u64() <= time.time_ns()
    times = []
    for clock in (1, 2, 3):
        assert machine.call("clock_time_get", clock, 1000, OUT) == "SUCCESS"
        first = machine.u64()
        machine.call("clock_time_get", clock, 0, OUT)
        assert 0 < first <= machine.u64()
        times.append(first)
        assert machine.call("clock_res_get", clock, OUT) == "SUCCESS"
        assert 1 <= machine.u64() <= 100_000_000
    assert times[0] < 60 * 10**9  # the host has been running for longer, which is not told
    for clock in (4, 0xFFFF_FFFF):
        assert machine.call("clock_time_get", clock, 0, OUT) == machine.call("clock_res_get", clock, OUT) == "INVAL"
    assert machine.call("clock_time_get", 0, 0, END - 7) == machine.call("clock_res_get", 0, END - 7) == "FAULT"


def test_clocks_can_be_others() -> None:
    class Stopped(Clocks):
        def realtime(self) -> int:
            return -1

    machine = Machine(clocks=Stopped())
    assert machine.call("clock_time_get", 0, 0, OUT) == "SUCCESS"
    assert machine.u64() == (1 << 64) - 1


def test_random(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    assert machine.call("random_get", BUFFER, 1000) == "SUCCESS"
    assert len(set(machine.get(BUFFER, 1000))) > 100
    assert machine.get(BUFFER + 1000, 100) == bytes(100)
    assert machine.call("random_get", END, 0) == "SUCCESS"
    for offset, size in ((END - 9, 10), (0, 0xFFFF_FFFF), (0xFFFF_FFFF, 0xFFFF_FFFF)):
        assert machine.call("random_get", offset, size) == "FAULT"
    sizes: list[int] = []
    monkeypatch.setattr("bembix.wasi.preview1.process.CHUNK", 1000)
    machine = Machine(random=lambda size: sizes.append(size) or b"r" * size)
    assert machine.call("random_get", BUFFER, 2500) == "SUCCESS"
    assert sizes == [1000, 1000, 500]
    assert machine.get(BUFFER - 1, 2502) == b"\0" + b"r" * 2500 + b"\0"
    assert context.CHUNK <= 1 << 20


@pytest.mark.parametrize(("code", "kept"), [(0, 0), (3, 3), (255, 255), (256, 0), (-1, 255)])
def test_exit(code: int, kept: int) -> None:
    with pytest.raises(Exit) as raised:
        Machine().functions["proc_exit"].callable(code)
    assert raised.value.code == kept


def test_small_ones() -> None:
    machine = Machine()
    assert machine.call("sched_yield") == "SUCCESS"
    assert machine.call("proc_raise", 6) == "NOTSUP"


def test_nothing_is_a_socket(tmp_path: Path) -> None:
    machine = Machine(dirs={"/": tmp_path})
    for name, rest in (("accept", 2), ("recv", 5), ("send", 4), ("shutdown", 1)):
        assert machine.call(f"sock_{name}", 3, *[0] * rest) == machine.call(f"sock_{name}", 0, *[0] * rest) == "NOTSOCK"
        assert machine.call(f"sock_{name}", 9, *[0] * rest) == "BADF"


@pytest.fixture
def unstable(tmp_path: Path) -> Machine:
    (tmp_path / "file").write_bytes(b"hello world")
    return Machine(dirs={"/": tmp_path}, module="wasi_unstable")


def test_unstable_filestat(unstable: Machine, tmp_path: Path) -> None:
    real = (tmp_path / "file").stat()
    fd = unstable.opened("file")
    for name, args in (("fd_filestat_get", (fd,)), ("path_filestat_get", (3, 1, *unstable.text("file")))):
        unstable.put(STAT, b"\xaa" * 64)
        assert unstable.call(name, *args, STAT) == "SUCCESS"
        device, inode, kind, links, size, _, modified, _ = struct.unpack("<QQB3xIQQQQ", unstable.get(STAT, 56))
        assert (device, inode, kind, links, size) == (real.st_dev, real.st_ino, 4, 1, 11)
        assert modified == real.st_mtime_ns
        assert unstable.get(STAT + 56, 8) == b"\xaa" * 8
        assert unstable.call(name, *args, END - 55) == "FAULT"


def test_unstable_seek(unstable: Machine) -> None:
    fd = unstable.opened("file")
    assert [unstable.seek(fd, 3, 2), unstable.seek(fd, 2, 0), unstable.seek(fd, -1, 1)] == [3, 5, 10]
    assert unstable.seek(fd, 0, 3) == "INVAL"


def test_unstable_poll(unstable: Machine) -> None:
    subscription = struct.pack("<QB7xQI4xQQH6x", 77, 0, 1234, 1, 1000, 0, 0)
    assert len(subscription) == 56
    unstable.put(BUFFER, subscription + struct.pack("<QB7xI36x", 78, 1, 0))
    assert unstable.call("poll_oneoff", BUFFER, 4096, 2, OUT) == "SUCCESS"
    assert struct.unpack("<QHB", unstable.get(4096, 11)) == (78, 0, 1)
    assert unstable.call("poll_oneoff", BUFFER, 4096, 1, OUT) == "SUCCESS"
    assert struct.unpack("<QHB", unstable.get(4096, 11)) == (77, 0, 0)
