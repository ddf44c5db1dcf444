"""What standard streams can be."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

import pytest
from wasi_machine import BUFFER, NONBLOCK, OUT, Machine

from bembix.wasi import INHERIT, NULL, Capture

SEEK_AND_TELL = (1 << 2) | (1 << 5)


def test_left_alone_they_lead_nowhere() -> None:
    machine = Machine()
    assert machine.read(0) == b""
    assert machine.write(1, b"x") == machine.write(2, b"x") == 1
    assert machine.read(1) == machine.read(2) == machine.write(0, b"x") == "BADF"
    assert machine.call("fd_prestat_get", 3, OUT) == "BADF"


@pytest.mark.parametrize("source", [b"abcdef", bytearray(b"abcdef"), memoryview(b"abcdef"), io.BytesIO(b"abcdef")])
def test_input_from_bytes(source: bytes) -> None:
    machine = Machine(stdin=source)
    assert [machine.read(0, 4), machine.read(0, 4), machine.read(0, 4)] == [b"abcd", b"ef", b""]


def test_input_from_text_with_bytes_below() -> None:
    machine = Machine(stdin=io.TextIOWrapper(io.BytesIO(b"caf\xc3\xa9")))
    assert machine.read(0) == b"caf\xc3\xa9"


@pytest.mark.parametrize("wrong", [io.StringIO("x"), "text", 1.5, object()])
def test_wrong_input(wrong: object) -> None:
    with pytest.raises(TypeError, match="stdin"):
        Machine(stdin=wrong)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_wrong_output(name: str) -> None:
    with pytest.raises(TypeError, match="wanted a descriptor or a file"):
        Machine(**{name: b"bytes"})


def test_input_object_that_breaks_its_promise() -> None:
    class Wrong:
        def read(self, length: int) -> str:
            return "text"

    with pytest.raises(TypeError, match="gave str"):
        Machine(stdin=Wrong()).read(0)


def test_input_object_without_anything_yet() -> None:
    class Nothing:
        def read(self, length: int) -> None:
            return None

    assert Machine(stdin=Nothing()).read(0) == "AGAIN"


def test_output_is_flushed_at_once(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        machine = Machine(stdout=file)
        assert machine.write(1, b"now") == 3
        assert (tmp_path / "out").read_bytes() == b"now"


def test_output_to_raw_file_that_takes_little() -> None:
    class Slow(io.RawIOBase):
        taken = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.taken += data[:3]
            return len(data[:3])

    slow = Slow()
    assert Machine(stdout=slow).write(1, b"abcdefgh") == 8
    assert slow.taken == b"abcdefgh"


def test_output_to_text() -> None:
    text = io.StringIO()
    machine = Machine(stdout=text)
    machine.write(1, b"caf\xc3")
    machine.write(1, b"\xa9 \xff\n")
    assert text.getvalue() == "caf\xe9 \N{REPLACEMENT CHARACTER}\n"


def test_output_keeps_the_order_with_a_text_layer_above() -> None:
    raw = io.BytesIO()
    text = io.TextIOWrapper(raw)
    machine = Machine(stdout=text)
    text.write("1")
    machine.write(1, b"2")
    text.write("3")
    machine.write(1, b"4")
    assert raw.getvalue() == b"1234"


def test_capture_with_a_limit() -> None:
    output = Capture(limit=4)
    machine = Machine(stderr=output)
    assert machine.write(2, b"ab") == 2
    assert machine.write(2, b"cdef") == 2
    assert machine.write(2, b"ef") == "NOSPC"
    assert machine.write(2, b"") == 0
    assert output.getvalue() == b"abcd"


def test_output_to_a_descriptor_is_unbuffered() -> None:
    reading, writing = os.pipe()
    try:
        machine = Machine(stdout=writing, stderr=writing)
        machine.write(1, b"a")
        assert os.read(reading, 10) == b"a"
        machine.write(2, b"b")
        assert os.read(reading, 10) == b"b"
        assert machine.call("fd_close", 1) == "SUCCESS"
        assert machine.write(1, b"a") == "BADF"
        os.fstat(writing)  # the host's stays open
    finally:
        os.close(reading)
        os.close(writing)


def test_output_waits_for_a_pipe_that_someone_made_nonblocking() -> None:
    import threading

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    data = b"x" * 60_000
    got = bytearray()

    def drain() -> None:
        while len(got) < 3 * len(data):
            got.extend(os.read(reading, 65536))

    thread = threading.Thread(target=drain)
    machine = Machine(stdout=writing)
    try:
        machine.put(BUFFER, data)
        assert machine.write(1, data) == len(data)
        thread.start()
        assert machine.write(1, data) == len(data)
        assert machine.write(1, data) == len(data)
        thread.join(10)
        assert got == data * 3
    finally:
        os.close(reading)
        os.close(writing)


def test_inherited(tmp_path: Path) -> None:
    """Checked in a process of its own, whose streams are ours to choose."""
    import subprocess

    program = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from wasi_machine import Machine\n"
        "from bembix.wasi import INHERIT\n"
        "print('first', end='')\n"
        "m = Machine(stdin=INHERIT, stdout=INHERIT, stderr=INHERIT)\n"
        "data = m.read(0)\n"
        "m.write(1, data.upper()); m.write(2, b'error')\n"
    )
    paths = [str(Path(__file__).parent), str(Path(sys.modules["bembix"].__path__[0]).parent)]
    done = subprocess.run([sys.executable, "-c", program, *paths], input=b"in", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"firstIN", b"error")


def test_inherited_but_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(number: int) -> None:
        raise OSError(9, "closed")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", closed)
        machine = Machine(stdin=INHERIT, stdout=INHERIT, stderr=NULL)
    assert machine.read(0) == b""
    assert machine.write(1, b"x") == 1


def test_streams_have_no_position() -> None:
    reading, writing = os.pipe()
    try:
        for machine in (Machine(stdin=b"x", stdout=Capture()), Machine(stdin=reading, stdout=writing)):
            assert machine.seek(0, 0) == machine.seek(1, 0) == "SPIPE"
            assert machine.call("fd_tell", 1, OUT) == "SPIPE"
            assert machine.call("fd_pread", 0, *machine.vectors((BUFFER, 1)), 0, OUT) == "SPIPE"
            assert machine.call("fd_pwrite", 1, *machine.vectors((BUFFER, 1)), 0, OUT) == "SPIPE"
            assert machine.call("fd_pwrite", 0, *machine.vectors((BUFFER, 1)), 0, OUT) == "BADF"
    finally:
        os.close(reading)
        os.close(writing)


def test_redirected_file_cannot_be_rewritten(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"earlier\n")
    with log.open("ab") as file:
        machine = Machine(stdout=file.fileno())
        assert machine.seek(1, 0) == "SPIPE"
        assert machine.call("fd_filestat_set_size", 1, 0) == "BADF"
        assert machine.write(1, b"later\n") == 6
    assert log.read_bytes() == b"earlier\nlater\n"


def test_descriptor_is_only_for_its_direction(tmp_path: Path) -> None:
    (tmp_path / "both").write_bytes(b"abc")
    with (tmp_path / "both").open("r+b") as file:
        machine = Machine(stdin=file.fileno(), stdout=file.fileno())
        assert machine.write(0, b"x") == "BADF"
        assert machine.read(1) == "BADF"


def test_terminal_is_told_from_other_streams() -> None:
    """C libraries take a character device without the right to seek for a terminal."""
    with contextlib.ExitStack() as stack:
        main, terminal = os.openpty()
        null = os.open("/dev/null", os.O_RDWR)
        for number in (main, terminal, null):
            stack.callback(os.close, number)
        machine = Machine(stdin=terminal, stdout=null, stderr=Capture())
        kinds = [machine.fdstat(fd) for fd in (0, 1, 2)]
        assert [kind[0] for kind in kinds] == [2, 0, 0]
        assert all(isinstance(kind[2], int) and not kind[2] & SEEK_AND_TELL for kind in kinds)


def test_flags_of_streams_are_only_noted() -> None:
    machine = Machine()
    assert machine.call("fd_fdstat_set_flags", 1, NONBLOCK) == "SUCCESS"
    stat = machine.fdstat(1)
    assert stat[1] == NONBLOCK
    assert machine.call("fd_fdstat_set_flags", 1, 2) == "INVAL"
    assert machine.call("fd_sync", 1) == machine.call("fd_datasync", 1) == "INVAL"
