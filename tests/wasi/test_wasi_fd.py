"""What descriptors are, their flags, sizes and times, listing, renumbering and closing."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path

import pytest
from wasi_machine import (
    APPEND,
    BUFFER,
    CREAT,
    DIRECTORY,
    NONBLOCK,
    OUT,
    PAGES,
    READ,
    STAT,
    WRITE,
    Machine,
    make_tree,
)

from bembix.wasi import Dir
from bembix.wasi.clocks import Clocks
from bembix.wasi.preview1.types import Right

END = PAGES * 65536
OPENING = Right.PATH_OPEN | Right.FD_READDIR


class Noon(Clocks):
    def realtime(self) -> int:
        return 12 * 3600 * 10**9


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


@pytest.fixture
def machine(inside: Path) -> Machine:
    return Machine(dirs={"/data": inside, "": Dir(inside / "dir", readonly=True)}, clocks=Noon())


def test_directories_are_announced_under_their_names(machine: Machine) -> None:
    assert machine.call("fd_prestat_get", 3, OUT) == "SUCCESS"
    assert machine.get(OUT, 8) == bytes([0, 0, 0, 0, 5, 0, 0, 0])
    assert machine.call("fd_prestat_dir_name", 3, BUFFER, 4) == "NAMETOOLONG"
    assert machine.call("fd_prestat_dir_name", 3, BUFFER, 6) == "SUCCESS"
    assert machine.get(BUFFER, 6) == b"/data\0"
    assert machine.call("fd_prestat_dir_name", 3, END - 4, 5) == "FAULT"
    assert machine.call("fd_prestat_get", 3, END - 7) == "FAULT"
    assert machine.call("fd_prestat_get", 4, OUT) == "SUCCESS"
    assert machine.call("fd_prestat_get", 5, OUT) == machine.call("fd_prestat_get", 0, OUT) == "BADF"
    assert machine.call("fd_prestat_get", machine.opened("dir"), OUT) == "BADF"


def test_fdstat(machine: Machine) -> None:
    kind, flags, rights, inheriting = machine.fdstat(3)
    assert (kind, flags) == (3, 0)
    assert rights & OPENING == OPENING
    assert inheriting & (READ | WRITE) == READ | WRITE
    file = machine.opened("file", 0, READ, fdflags=APPEND | NONBLOCK)
    kind, flags, rights, _ = machine.fdstat(file)
    assert (kind, flags, rights & (READ | WRITE)) == (4, APPEND | NONBLOCK, READ)
    assert machine.fdstat(machine.opened("file", 0, WRITE))[2] & (READ | WRITE) == WRITE
    assert machine.fdstat(99) == "BADF"
    assert machine.call("fd_fdstat_get", 3, END - 23) == "FAULT"


@pytest.mark.parametrize("flags", [2, 16, 2 | APPEND])
def test_files_that_write_through_say_so(machine: Machine, flags: int) -> None:
    fd = machine.opened("file", 0, WRITE, fdflags=flags)
    assert machine.fdstat(fd)[1] & flags == flags
    assert machine.write(fd, b"x") == 1
    assert machine.call("fd_fdstat_set_flags", fd, flags) == "INVAL"


def test_rights_are_not_kept(machine: Machine) -> None:
    assert machine.call("fd_fdstat_set_rights", 3, 0, 0) == "NOTSUP"
    assert machine.call("fd_fdstat_set_rights", 99, 0, 0) == "BADF"


def test_filestat(machine: Machine, inside: Path) -> None:
    os.utime(inside / "file", ns=(123, 456_000_000_789))
    real = (inside / "file").stat()
    stat = machine.fstat(machine.opened("file"))
    assert stat == machine.stat("file") == machine.stat("lfile")
    assert stat == {
        "device": real.st_dev,
        "inode": real.st_ino,
        "type": 4,
        "links": 1,
        "size": 11,
        "accessed": 123,
        "modified": 456_000_000_789,
        "changed": real.st_ctime_ns,
    }
    assert machine.stat("lfile", follow=0)["type"] == 7
    assert machine.stat("dir")["type"] == machine.fstat(3)["type"] == 3
    assert machine.fstat(0)["type"] == 0
    assert machine.call("fd_filestat_get", 3, END - 63) == "FAULT"
    assert machine.call("path_filestat_get", 3, 0, *machine.text("file"), END - 63) == "FAULT"


def test_times_before_1970_do_not_break(machine: Machine, inside: Path) -> None:
    os.utime(inside / "file", ns=(-1, -1))
    assert machine.stat("file")["accessed"] == (1 << 64) - 1


def test_set_size(machine: Machine, inside: Path) -> None:
    fd = machine.opened("file", 0, WRITE)
    assert machine.call("fd_filestat_set_size", fd, 5) == "SUCCESS"
    assert machine.call("fd_filestat_set_size", fd, 7) == "SUCCESS"
    assert (inside / "file").read_bytes() == b"hello\0\0"
    assert machine.call("fd_filestat_set_size", fd, 1 << 63) == "INVAL"
    assert machine.call("fd_filestat_set_size", machine.opened("file"), 5) == "INVAL"
    assert machine.call("fd_filestat_set_size", 3, 5) == "BADF"


@pytest.mark.parametrize("by_path", [False, True])
@pytest.mark.parametrize(
    ("flags", "accessed", "modified"),
    [(0, 1, 2), (1, 5, 2), (4, 1, 6), (5, 5, 6), (2, "now", 2), (8, 1, "now"), (9, 5, "now")],
)
def test_set_times(
    machine: Machine, inside: Path, by_path: bool, flags: int, accessed: object, modified: object
) -> None:
    os.utime(inside / "file", ns=(1, 2))
    if by_path:
        assert machine.call("path_filestat_set_times", 3, 1, *machine.text("lfile"), 5, 6, flags) == "SUCCESS"
    else:
        assert machine.call("fd_filestat_set_times", machine.opened("file"), 5, 6, flags) == "SUCCESS"
    noon = 12 * 3600 * 10**9
    real = (inside / "file").stat()
    assert (real.st_atime_ns, real.st_mtime_ns) == tuple(noon if t == "now" else t for t in (accessed, modified))


def test_set_times_of_a_link_itself_and_of_a_directory(machine: Machine, inside: Path) -> None:
    assert machine.call("path_filestat_set_times", 3, 0, *machine.text("lfile"), 5, 6, 5) == "SUCCESS"
    assert (inside / "lfile").lstat().st_mtime_ns == 6
    assert (inside / "file").stat().st_mtime_ns != 6
    assert machine.call("fd_filestat_set_times", 3, 5, 6, 5) == "SUCCESS"
    assert inside.stat().st_mtime_ns == 6


@pytest.mark.parametrize("flags", [3, 12, 15, 16, 0xFFFF_FFFF])
def test_set_times_with_wrong_flags(machine: Machine, flags: int) -> None:
    assert machine.call("fd_filestat_set_times", 3, 5, 6, flags) == "INVAL"
    assert machine.call("path_filestat_set_times", 3, 0, *machine.text("file"), 5, 6, flags) == "INVAL"


def test_set_times_that_no_host_has(machine: Machine) -> None:
    assert machine.call("fd_filestat_set_times", 3, 1 << 63, 0, 1) == "INVAL"
    assert machine.call("path_filestat_set_times", 3, 0, *machine.text("file"), 0, -1, 4) == "INVAL"


def test_advise(machine: Machine) -> None:
    fd = machine.opened("file")
    assert {machine.call("fd_advise", fd, 0, 10, advice) for advice in range(6)} == {"SUCCESS"}
    for wrong in ((0, 0, 6), (1 << 63, 0, 0), (0, -1, 0)):
        assert machine.call("fd_advise", fd, *wrong) == "INVAL"
    assert machine.call("fd_advise", 3, 0, 0, 0) == machine.call("fd_advise", 99, 0, 0, 0) == "BADF"


def test_allocate(machine: Machine, inside: Path) -> None:
    fd = machine.opened("file", 0, WRITE)
    assert machine.call("fd_allocate", fd, 0, 100) == "SUCCESS"
    assert (inside / "file").stat().st_size == 100
    assert machine.call("fd_allocate", fd, 0, 0) == machine.call("fd_allocate", fd, 1 << 63, 1) == "INVAL"
    assert machine.call("fd_allocate", machine.opened("file"), 0, 100) == "BADF"
    assert machine.call("fd_allocate", 3, 0, 100) == "BADF"


def test_sync(machine: Machine) -> None:
    for fd in (3, machine.opened("file")):
        assert machine.call("fd_sync", fd) == machine.call("fd_datasync", fd) == "SUCCESS"
    assert machine.call("fd_sync", 99) == "BADF"


def test_set_flags_of_a_directory(machine: Machine) -> None:
    assert machine.call("fd_fdstat_set_flags", 3, 0) == "BADF"


def test_readdir_lists_everything(machine: Machine, inside: Path) -> None:
    entries = machine.readdir(3)
    assert [name for _, _, name in entries] == [b".", b"..", *sorted(os.listdir(os.fsencode(inside)))]
    assert [after for after, _, _ in entries] == list(range(1, len(entries) + 1))
    kinds = {name: kind for _, kind, name in entries}
    assert (kinds[b"."], kinds[b".."], kinds[b"dir"], kinds[b"file"], kinds[b"lfile"]) == (3, 3, 3, 4, 7)
    assert machine.readdir(machine.opened("dir/sub")) == [(1, 3, b"."), (2, 3, b"..")]


@pytest.mark.parametrize("size", [27, 40, 60, 100])
def test_readdir_goes_on_from_a_cookie(machine: Machine, inside: Path, size: int) -> None:
    whole = machine.readdir(3)
    found: list[tuple[int, int, bytes]] = []
    cookie = 0
    while (some := machine.readdir(3, cookie, size + 10)) and not isinstance(some, str):
        found += some
        cookie = some[-1][0]
    assert found == whole


def test_readdir_fills_the_buffer(machine: Machine) -> None:
    for size in (0, 1, 24, 30):
        assert machine.call("fd_readdir", 3, BUFFER, size, 0, OUT) == "SUCCESS"
        assert machine.u32() == size
    assert machine.call("fd_readdir", 3, BUFFER, 30, 1 << 63, OUT) == "SUCCESS"
    assert machine.u32() == 0


def test_cookies_are_stable_while_entries_come_and_go(machine: Machine, inside: Path) -> None:
    whole = machine.readdir(3)
    assert machine.by_path("path_unlink_file", "file") == "SUCCESS"
    (inside / "added").touch()
    assert machine.readdir(3, 5) == whole[5:]
    names = [name for _, _, name in machine.readdir(3)]
    assert b"added" in names
    assert b"file" not in names


def test_readdir_after_renumber_without_a_beginning(machine: Machine) -> None:
    assert machine.readdir(machine.opened("dir"), 2) == machine.readdir(machine.opened("dir"))[2:]


def test_readdir_leaves_out_what_no_path_can_name(machine: Machine, inside: Path) -> None:
    (inside / "dir" / "sub" / os.fsdecode(b"\xff")).touch()
    assert len(machine.readdir(machine.opened("dir/sub"))) == 2


def test_readdir_errors(machine: Machine) -> None:
    assert machine.readdir(machine.opened("file")) == "NOTDIR"
    assert machine.readdir(99) == "BADF"
    assert machine.call("fd_readdir", 3, END - 10, 11, 0, OUT) == "FAULT"
    assert machine.call("fd_readdir", 3, BUFFER, 11, 0, END - 3) == "FAULT"


def test_inode_of_the_directory_above_is_not_told(machine: Machine, inside: Path) -> None:
    machine.readdir(3)
    data = machine.get(BUFFER, 60)
    above = int.from_bytes(data[25 + 8 : 25 + 16], "little")
    assert above == int.from_bytes(data[8:16], "little") == inside.stat().st_ino != inside.parent.stat().st_ino


def test_numbers_are_given_out_lowest_first(machine: Machine) -> None:
    assert [machine.opened("file") for _ in range(3)] == [5, 6, 7]
    assert machine.call("fd_close", 6) == machine.call("fd_close", 0) == "SUCCESS"
    assert [machine.opened("file") for _ in range(3)] == [0, 6, 8]
    assert machine.call("fd_close", 99) == "BADF"
    assert machine.call("fd_close", 3) == "SUCCESS"
    assert machine.call("fd_close", 3) == "BADF"
    assert machine.open("file") == "BADF"


def test_renumber(machine: Machine) -> None:
    file, other = machine.opened("file"), machine.opened("dir/f2")
    assert machine.call("fd_renumber", file, file) == "SUCCESS"
    assert machine.call("fd_renumber", file, other) == "SUCCESS"
    assert machine.read(other) == b"hello world"
    assert machine.read(file) == "BADF"
    assert machine.call("fd_renumber", other, 99) == machine.call("fd_renumber", 99, other) == "BADF"
    assert machine.call("fd_renumber", 3, other) == "SUCCESS"
    assert machine.call("fd_prestat_get", other, OUT) == "SUCCESS"


def test_too_many_open_files(inside: Path) -> None:
    machine = Machine(dirs={"/": inside}, max_open_files=6)
    assert [machine.open("file") for _ in range(3)] == [4, 5, "MFILE"]
    assert machine.open("new", CREAT, WRITE) == "MFILE"
    assert not (inside / "new").exists()
    machine.call("fd_close", 4)
    assert machine.open("file") == 4


def test_host_descriptors_are_closed(inside: Path) -> None:
    gc.collect()  # what other tests left behind must not be closed in the middle of this one
    before = len(os.listdir("/proc/self/fd"))
    with Machine(dirs={"/": inside, "/2": inside}).wasi as wasi:
        functions = wasi.imports(lambda: machine.memory)["wasi_snapshot_preview1"]
        machine = Machine()
        machine.functions = functions
        for path in ("file", "dir/f2", "dir/sub", "dir/out", "nope", "dir/sub/../sub/x", "loop"):
            machine.open(path)
            machine.stat(path)
        assert len(os.listdir("/proc/self/fd")) == before + 5
        machine.call("fd_close", 5)
        assert len(os.listdir("/proc/self/fd")) == before + 4
    assert len(os.listdir("/proc/self/fd")) == before
    assert machine.open("file") == machine.call("fd_close", 0) == "BADF"


def test_descriptor_in_use_outlives_its_number(machine: Machine) -> None:
    """A thread that reads while another closes must not read from what the host opens next under the same number."""
    fd = machine.opened("file")
    descriptor = machine.wasi.fds[fd]
    assert machine.call("fd_close", fd) == "SUCCESS"
    assert descriptor.read(5) == b"hello"


def test_readonly_directory(inside: Path) -> None:
    (inside / "dir" / "other").symlink_to("f2")
    machine = Machine(dirs={"/": inside, "/ro": Dir(inside / "dir", readonly=True)})

    def state() -> list[object]:
        file = (inside / "dir" / "f2").stat()
        return [file.st_mtime_ns, file.st_size, sorted(os.listdir(inside / "dir")), sorted(os.listdir(inside))]

    before = state()
    for oflags, rights in ((0, WRITE), (CREAT, READ), (8, READ), (8, WRITE), (CREAT, WRITE)):
        for path in ("f2", "new"):
            assert machine.open(path, oflags, rights, fd=4) == "PERM"
    for name in ("path_create_directory", "path_remove_directory", "path_unlink_file"):
        assert machine.by_path(name, "sub", fd=4) == "PERM"
    for name in ("path_rename", "path_link"):
        for fd, new_fd in ((4, 4), (4, 3), (3, 4)):
            assert machine.between(name, "f2" if fd == 4 else "file", "new", fd, new_fd) == "PERM"
    assert machine.symlink("x", "new", fd=4) == "PERM"
    for fd in (4, machine.opened("sub", DIRECTORY, fd=4), machine.opened("f2", fd=4)):
        assert machine.call("fd_filestat_set_times", fd, 5, 6, 5) == "PERM"
    assert machine.call("path_filestat_set_times", 4, 1, *machine.text("f2"), 5, 6, 5) == "PERM"
    file = machine.opened("f2", fd=4)
    assert machine.read(file) == b"x"
    assert machine.call("fd_filestat_set_size", file, 0) == "PERM"
    assert machine.call("fd_allocate", file, 0, 9) == "PERM"
    assert machine.write(file, b"y") == "BADF"
    sub = machine.opened("sub", fd=4)
    assert machine.open("new", CREAT, WRITE, fd=sub) == "PERM"
    assert machine.readlink("other", fd=4) == b"f2"
    assert state() == before


def test_directories_that_cannot_be_handed_over(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotADirectoryError):
        Machine(dirs={"/": inside / "file"})
    with pytest.raises(FileNotFoundError):
        Machine(dirs={"/": inside / "nope"})
    with pytest.raises(ValueError, match="NUL"):
        Machine(dirs={"a\0b": inside})
    monkeypatch.setattr("bembix.wasi.directory.SUPPORTED", False)
    with pytest.raises(NotImplementedError):
        Machine(dirs={"/": inside})


def test_fd_filestat_now_is_the_clock_that_was_given(inside: Path) -> None:
    machine = Machine(dirs={"/": inside})
    before = time.time_ns()
    assert machine.call("fd_filestat_set_times", 3, 0, 0, 10) == "SUCCESS"
    assert before <= machine.fstat(3)["modified"] <= time.time_ns()
    assert machine.get(STAT, 1) is not None
