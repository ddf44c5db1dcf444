"""Opening, making, removing, renaming and linking by path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from wasi_machine import (
    BUFFER,
    CREAT,
    DIRECTORY,
    EXCL,
    OUT,
    PAGES,
    READ,
    TRUNC,
    WRITE,
    Machine,
    make_tree,
)

END = PAGES * 65536


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


@pytest.fixture
def machine(inside: Path) -> Machine:
    return Machine(dirs={"/data": inside})


@pytest.mark.parametrize(
    "path", ["file", "./file", "dir/../file", "dir//../file", "lfile", "dir/back", "dir/in", "ldir/sub/../../file"]
)
def test_ways_to_a_file(machine: Machine, path: str) -> None:
    assert machine.read(machine.opened(path)) == b"hello world"
    assert machine.stat(path)["size"] == 11


@pytest.mark.parametrize("path", [".", "./", "dir/..", "dir/sub/../..", "dir/.", "ldir", "ldir/", "lldir", "dir/sub/"])
def test_ways_to_a_directory(machine: Machine, path: str) -> None:
    fd = machine.opened(path, DIRECTORY)
    assert machine.fdstat(fd)[0] == 3
    assert machine.stat(path)["type"] == 3
    assert machine.open(path, 0, READ | WRITE) == "ISDIR"


@pytest.mark.parametrize(
    ("path", "oflags", "rights", "answer"),
    [
        ("", 0, READ, "NOENT"),
        ("nope", 0, READ, "NOENT"),
        ("nope/x", CREAT, WRITE, "NOENT"),
        ("file/x", 0, READ, "NOTDIR"),
        ("file/", 0, READ, "NOTDIR"),
        ("file/.", 0, READ, "NOTDIR"),
        ("file", DIRECTORY, READ, "NOTDIR"),
        ("new/", CREAT, WRITE, "ISDIR"),
        ("dir", CREAT, WRITE, "ISDIR"),
        ("dir", TRUNC, READ, "ISDIR"),
        ("file", CREAT | EXCL, WRITE, "EXIST"),
        ("dangling", CREAT | EXCL, WRITE, "EXIST"),
        ("dangling", 0, READ, "NOENT"),
        ("loop", 0, READ, "LOOP"),
        ("loop/x", 0, READ, "LOOP"),
        ("dir", CREAT | DIRECTORY, READ, "INVAL"),
        ("file", 16, READ, "INVAL"),
        ("x" * 256, 0, READ, "NAMETOOLONG"),
        ("x/" * 2048, 0, READ, "NAMETOOLONG"),
        ("a\0b", 0, READ, "INVAL"),
        (b"\xff", 0, READ, "ILSEQ"),
        (b"\xed\xa0\x80", 0, READ, "ILSEQ"),
    ],
)
def test_open_errors(machine: Machine, path: str | bytes, oflags: int, rights: int, answer: str) -> None:
    assert machine.open(path, oflags, rights) == answer


def test_open_creates_and_cuts(machine: Machine, inside: Path) -> None:
    assert machine.write(machine.opened("new", CREAT | EXCL, WRITE), b"abc") == 3
    assert machine.read(machine.opened("new", CREAT, READ)) == b"abc"
    assert machine.write(machine.opened("new", TRUNC, WRITE), b"x") == 1
    assert (inside / "new").read_bytes() == b"x"
    assert machine.write(machine.opened("dangling", CREAT, WRITE), b"through") == 7
    assert (inside / "nope").read_bytes() == b"through"


@pytest.mark.parametrize("path", ["lfile", "ldir", "dangling", "loop", "abs", "up", "upf"])
@pytest.mark.parametrize("oflags", [0, DIRECTORY, CREAT, TRUNC])
def test_links_are_not_followed_unasked(machine: Machine, path: str, oflags: int) -> None:
    assert machine.open(path, oflags, READ, follow=0) == "LOOP"
    assert machine.stat(path, follow=0)["type"] == 7


def test_open_from_an_opened_directory(machine: Machine) -> None:
    fd = machine.opened("dir", DIRECTORY)
    assert machine.read(machine.opened("f2", fd=fd)) == b"x"
    assert machine.open("../file", fd=fd) == "PERM"
    assert machine.open("back", fd=fd) == "PERM"
    assert machine.open("f2", fd=machine.opened("file")) == "NOTDIR"
    assert machine.open("f2", fd=0) == "NOTDIR"
    assert machine.open("f2", fd=99) == "BADF"


def test_deep_and_linked_paths_end(machine: Machine, inside: Path) -> None:
    for number in range(41):
        (inside / f"l{number}").symlink_to(f"l{number + 1}")
    (inside / "l41").touch()
    assert isinstance(machine.open("l1"), int)
    assert machine.open("l0") == "LOOP"
    machine.call("path_create_directory", 3, *machine.text("d"))
    assert machine.open("dir/../" * 500 + "file") == 5
    fd = 3
    for _ in range(300):
        assert machine.by_path("path_create_directory", "d", fd) in ("SUCCESS", "EXIST")
        below = machine.opened("d", fd=fd)
        if fd != 3:
            machine.call("fd_close", fd)
        fd = below
    assert machine.open("d/" * 250 + "nope") == "NOENT"
    assert machine.open("d/" * 300 + "nope") == "NAMETOOLONG"


def test_directories_come_and_go(machine: Machine, inside: Path) -> None:
    assert machine.by_path("path_create_directory", "new") == "SUCCESS"
    assert machine.by_path("path_create_directory", "new/below/") == "SUCCESS"
    assert machine.by_path("path_create_directory", "new") == "EXIST"
    assert machine.by_path("path_create_directory", "file") == "EXIST"
    assert machine.by_path("path_create_directory", "no/new") == "NOENT"
    assert machine.by_path("path_create_directory", "dangling/") == "EXIST"
    assert machine.by_path("path_create_directory", ".") == "EXIST"
    assert machine.by_path("path_remove_directory", "new") == "NOTEMPTY"
    assert machine.by_path("path_remove_directory", "new/below/") == "SUCCESS"
    assert machine.by_path("path_remove_directory", "new") == "SUCCESS"
    assert machine.by_path("path_remove_directory", "new") == "NOENT"
    assert machine.by_path("path_remove_directory", "file") == "NOTDIR"
    assert machine.by_path("path_remove_directory", "ldir") == "NOTDIR"
    assert machine.by_path("path_remove_directory", ".") == "INVAL"
    assert not (inside / "new").exists()


def test_unlink(machine: Machine, inside: Path) -> None:
    assert machine.by_path("path_unlink_file", "lfile") == "SUCCESS"
    assert (inside / "file").exists()
    assert machine.by_path("path_unlink_file", "file/") == "NOTDIR"
    assert machine.by_path("path_unlink_file", "file") == "SUCCESS"
    assert machine.by_path("path_unlink_file", "file") == "NOENT"
    assert machine.by_path("path_unlink_file", "dir") == "ISDIR"
    assert machine.by_path("path_unlink_file", "dir/") == "ISDIR"
    assert machine.by_path("path_unlink_file", "abs") == "SUCCESS"
    assert Path("/etc").exists()


def test_rename(machine: Machine, inside: Path) -> None:
    assert machine.between("path_rename", "file", "dir/file") == "SUCCESS"
    assert machine.between("path_rename", "dir/file", "dir/f2") == "SUCCESS"
    assert (inside / "dir" / "f2").read_text() == "hello world"
    assert machine.between("path_rename", "lfile", "link") == "SUCCESS"
    assert os.readlink(inside / "link") == "file"
    assert machine.between("path_rename", "dir/", "moved/") == "SUCCESS"
    assert machine.between("path_rename", "nope", "x") == "NOENT"
    assert machine.between("path_rename", "link/", "x") in ("NOTDIR", "NOENT")
    assert machine.between("path_rename", "moved/f2", "x/") == "NOTDIR"
    assert machine.between("path_rename", "moved/f2", "moved/sub") == "ISDIR"
    assert machine.between("path_rename", "moved", "moved/sub/x") == "INVAL"
    assert machine.between("path_rename", "moved", "link") == "NOTDIR"
    assert machine.between("path_rename", "moved/sub", "moved") == "NOTEMPTY"


def test_rename_between_directories(machine: Machine, inside: Path, tmp_path: Path) -> None:
    both = Machine(dirs={"/a": inside, "/b": tmp_path / "outside"})
    assert both.between("path_rename", "file", "file", 3, 4) == "SUCCESS"
    assert (tmp_path / "outside" / "file").read_text() == "hello world"


def test_link(machine: Machine, inside: Path) -> None:
    assert machine.between("path_link", "file", "dir/hard") == "SUCCESS"
    assert (inside / "dir" / "hard").samefile(inside / "file")
    assert machine.between("path_link", "file", "dir/hard") == "EXIST"
    assert machine.between("path_link", "lfile", "hardlink") == "SUCCESS"
    assert (inside / "hardlink").is_symlink()
    assert machine.call("path_link", 3, 1, *machine.text("lfile"), 3, *machine.text("hard2", 2048)) == "SUCCESS"
    assert (inside / "hard2").samefile(inside / "file")
    assert machine.between("path_link", "dir", "x") == "PERM"
    assert machine.between("path_link", "nope", "x") == "NOENT"
    assert machine.between("path_link", "file", "x/") == "NOENT"
    assert machine.between("path_link", "file", "dir/") == "EXIST"


def test_symlink(machine: Machine, inside: Path) -> None:
    assert machine.symlink("dir/f2", "s") == "SUCCESS"
    assert machine.readlink("s") == b"dir/f2"
    assert machine.read(machine.opened("s")) == b"x"
    assert machine.symlink("x", "s") == "EXIST"
    assert machine.symlink("x", "no/s") == "NOENT"
    assert machine.symlink("x", "new/") == "NOENT"
    assert machine.symlink("", "empty") == "NOENT"
    assert machine.symlink("/etc", "e") == "PERM"
    assert machine.symlink(b"\xff", "e") == "ILSEQ"


def test_readlink(machine: Machine) -> None:
    assert machine.readlink("lfile", 2) == b"fi"
    assert machine.readlink("lfile", 0) == b""
    assert machine.readlink("ldir/back") == b"../file"
    assert machine.readlink("up") == b".."
    assert machine.readlink("file") == machine.readlink("dir") == machine.readlink("ldir/") == "INVAL"
    assert machine.readlink("nope") == "NOENT"
    assert machine.call("path_readlink", 3, *machine.text("lfile"), END - 3, 4, OUT) == "FAULT"
    assert machine.call("path_readlink", 3, *machine.text("lfile"), BUFFER, 4, END - 3) == "FAULT"


@pytest.mark.parametrize("path", [(END - 3, 4), (0xFFFF_FFFF, 1), (0, 0xFFFF_FFFF), (0xFFFF_FFFF, 0xFFFF_FFFF)])
def test_paths_out_of_bounds(machine: Machine, path: tuple[int, int]) -> None:
    fine = machine.text("file")
    for name in ("path_create_directory", "path_remove_directory", "path_unlink_file"):
        assert machine.call(name, 3, *path) == "FAULT"
    for one, other in ((path, fine), (fine, path)):
        assert machine.call("path_rename", 3, *one, 3, *other) == "FAULT"
        assert machine.call("path_link", 3, 0, *one, 3, *other) == "FAULT"
        assert machine.call("path_symlink", *one, 3, *other) == "FAULT"
    assert machine.call("path_open", 3, 0, *path, 0, READ, 0, 0, OUT) == "FAULT"
    assert machine.call("path_filestat_get", 3, 0, *path, OUT) == "FAULT"
    assert machine.call("path_filestat_set_times", 3, 0, *path, 0, 0, 0) == "FAULT"
    assert machine.call("path_readlink", 3, *path, BUFFER, 9, OUT) == "FAULT"


def test_open_checks_its_output_first(machine: Machine, inside: Path) -> None:
    assert machine.call("path_open", 3, 0, *machine.text("new"), CREAT, WRITE, 0, 0, END - 3) == "FAULT"
    assert not (inside / "new").exists()
