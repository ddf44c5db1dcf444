"""The same calls to our WASI and to wasmtime's; where they differ on purpose, `DIFFERENCES` says why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("wasmtime", reason="the oracle is not installed")

from wasi_machine import (
    APPEND,
    BUFFER,
    CREAT,
    DIRECTORY,
    EXCL,
    NONBLOCK,
    OUT,
    READ,
    TEXT2,
    TRUNC,
    WRITE,
    Calls,
    Machine,
    make_tree,
)
from wasi_oracle import WasmtimeMachine

from bembix.wasi import Dir


def words(*lines: str) -> list[str]:
    return " ".join(lines).split()


PATHS: list[str | bytes] = [
    *words(
        ". ./ .. / file file/ file/x file/. file/.. ./file /file dir dir/ dir/.. dir/../.. dir//f2 ../inside",
        "lfile lfile/ ldir ldir/ ldir/f2 ldir/.. lldir lldir/f2 dangling dangling/ loop loop/x",
        "abs abs/ abs/passwd absin up up/ up/secret upf dir/back dir/out dir/in dir/sub/../../file",
        "nope nope/ nope/x nope/..",
    ),
    "",
    "a\0b",
    b"\xff",
    "x" * 300,
]
#: For calls that change the tree, which has to be made anew for each.
FEW_PATHS = ["file", "dir", "upf", "", "file/", "dir/sub", "..", "ldir", "lfile", "nope"]

Call = Callable[[Calls, "str | bytes"], object]

LOOKING: dict[str, Call] = {
    f"open follow={follow} oflags={oflags} rights={rights} fdflags={fdflags}": (
        lambda m, path, follow=follow, oflags=oflags, rights=rights, fdflags=fdflags: opened(
            m, path, oflags, rights, follow=follow, fdflags=fdflags
        )
    )
    for follow in (0, 1)
    for oflags, rights, fdflags in (
        (0, READ, 0),
        (0, WRITE, 0),
        (0, READ | WRITE, 0),
        (0, 0, 0),
        (DIRECTORY, READ, 0),
        (DIRECTORY, READ | WRITE, 0),
        (DIRECTORY | CREAT, READ, 0),
        (0, READ, APPEND),
        (0, READ, NONBLOCK),
    )
} | {
    "stat": lambda m, path: known(m.stat(path)),
    "stat without following": lambda m, path: known(m.stat(path, follow=0)),
    "readlink": lambda m, path: m.readlink(path),
    "readlink of two bytes": lambda m, path: m.readlink(path, 2),
}

CHANGING: dict[str, Call] = {
    "create": lambda m, path: opened(m, path, CREAT, WRITE),
    "create without following": lambda m, path: opened(m, path, CREAT, WRITE, follow=0),
    "create a new one": lambda m, path: opened(m, path, CREAT | EXCL, WRITE),
    "cut": lambda m, path: opened(m, path, TRUNC, READ),
    "set times": lambda m, path: m.call("path_filestat_set_times", 3, 1, *m.text(path), 1000, 2000, 5),
    "make": lambda m, path: m.by_path("path_create_directory", path),
    "remove": lambda m, path: m.by_path("path_remove_directory", path),
    "unlink": lambda m, path: m.by_path("path_unlink_file", path),
    "rename to a new name": lambda m, path: m.between("path_rename", path, "new"),
    "rename over a file": lambda m, path: m.between("path_rename", path, "file"),
    "rename over a directory": lambda m, path: m.between("path_rename", path, "dir/sub"),
    "rename a file": lambda m, path: m.between("path_rename", "file", path),
    "rename a directory": lambda m, path: m.between("path_rename", "dir", path),
    "link": lambda m, path: m.call("path_link", 3, 0, *m.text(path), 3, *m.text("new", TEXT2)),
    "link a file": lambda m, path: m.between("path_link", "file", path),
    "symlink": lambda m, path: m.symlink("../x", path),
    "symlink to": lambda m, path: m.symlink(path, "new"),
}


def opened(machine: Calls, path: str | bytes, oflags: int, rights: int, **more: int) -> object:
    """Open, and close again: numbers of descriptors are compared elsewhere."""
    fd = machine.open(path, oflags, rights, **more)
    return machine.call("fd_close", fd) if isinstance(fd, int) else fd


def known(stat: dict[str, int] | str) -> object:
    return stat if isinstance(stat, str) else (stat["type"], stat["size"], stat["links"], stat["modified"])


def tree(root: Path) -> list[tuple[str, str]]:
    found = []
    for at, below, files in os.walk(root):
        for name in below + files:
            path = Path(at, name)
            text = os.readlink(path) if path.is_symlink() else "" if path.is_dir() else path.read_text()
            found.append((str(path.relative_to(root)), text))
    return sorted(found)


@pytest.mark.parametrize("name", LOOKING)
def test_looking(name: str, tmp_path: Path) -> None:
    inside = make_tree(tmp_path)
    ours, theirs = Machine(dirs={"/": inside}), WasmtimeMachine(dirs={"/": inside})
    answers = {path: (LOOKING[name](ours, path), LOOKING[name](theirs, path)) for path in PATHS}
    assert {path: both for path, both in answers.items() if both[0] != both[1]} == {}


def after_each(machine: Calls, root: Path, call: Call, paths: list[str]) -> list[object]:
    """Return the answers for all paths, and what they left, each from the tree as it was."""
    found: list[object] = []
    for path in paths:
        answer, left = call(machine, path), [entry for entry in tree(root) if not entry[0].endswith("absin")]
        found.append((path, answer, left))
        for at in (root / "inside").iterdir():
            shutil.rmtree(at) if at.is_dir() and not at.is_symlink() else at.unlink()
        make_tree(root)
    return found


@pytest.mark.parametrize("readonly", [False, True], ids=["", "readonly"])
@pytest.mark.parametrize("name", CHANGING)
def test_changing(name: str, readonly: bool, tmp_path: Path) -> None:
    paths = FEW_PATHS[:3] if readonly else FEW_PATHS
    insides = make_tree(tmp_path / "ours"), make_tree(tmp_path / "theirs")
    ours = Machine(dirs={"/": Dir(insides[0], readonly=readonly)})
    theirs = WasmtimeMachine(dirs={"/": insides[1]}, readonly=readonly)
    assert after_each(ours, tmp_path / "ours", CHANGING[name], paths) == after_each(
        theirs, tmp_path / "theirs", CHANGING[name], paths
    )


#: Calls of functions that take a descriptor first: name and the other arguments.
BY_DESCRIPTOR: list[tuple[str, tuple[int, ...]]] = [
    ("fd_read", (512, 1, OUT)),
    ("fd_write", (512, 1, OUT)),
    ("fd_pread", (512, 1, 2, OUT)),
    ("fd_pwrite", (512, 1, 2, OUT)),
    ("fd_pread", (512, 1, 1 << 63, OUT)),
    *(("fd_seek", (offset, whence, OUT)) for offset, whence in ((0, 0), (-1, 0), (5, 1), (-100, 1), (0, 2), (100, 2))),
    ("fd_tell", (OUT,)),
    *(("fd_advise", args) for args in ((0, 0, 0), (0, 0, 5), (-1, -1, 0))),
    ("fd_allocate", (0, 100)),
    ("fd_sync", ()),
    ("fd_datasync", ()),
    ("fd_filestat_set_size", (5,)),
    ("fd_filestat_set_size", (1 << 63,)),
    *(("fd_filestat_set_times", (5, 6, flags)) for flags in (0, 1, 2, 3, 4, 8, 12, 15, 5)),
    *(("fd_fdstat_set_flags", (flags,)) for flags in (0, 1, 4, 5, 2, 8, 16)),
    ("fd_fdstat_set_rights", (0, 0)),
    ("fd_prestat_get", (OUT,)),
    ("fd_prestat_dir_name", (BUFFER, 100)),
    ("fd_prestat_dir_name", (BUFFER, 1)),
    ("fd_readdir", (BUFFER, 100, 0, OUT)),
    ("path_open", (0, 1024, 1, 0, READ, 0, 0, OUT)),
    ("path_filestat_get", (0, 1024, 1, BUFFER)),
    ("path_create_directory", (1024, 0)),
    ("sock_shutdown", (1,)),
    ("sock_accept", (0, OUT)),
    ("sock_recv", (512, 1, 0, OUT, 2048)),
    ("sock_send", (512, 1, 0, OUT)),
    ("fd_renumber", (77,)),
    ("fd_close", ()),
    ("fd_close", ()),
]
STREAMS, DIRECTORIES, FILES = {0, 1}, {3, 4}, {5, 6}
#: Where we differ on purpose: function, descriptors, our answers and the reason.
DIFFERENCES: list[tuple[str, set[int], set[str], str]] = [
    ("fd_fdstat_set_flags", STREAMS, {"SUCCESS", "INVAL"}, "event loops ask that streams do not wait"),
    ("fd_fdstat_set_rights", STREAMS, {"NOTSUP"}, "BADF would say that it is not open"),
    ("fd_sync", STREAMS, {"INVAL"}, "POSIX's answer"),
    ("fd_datasync", STREAMS, {"INVAL"}, "POSIX's answer"),
    ("fd_sync", DIRECTORIES, {"SUCCESS"}, "databases do that"),
    ("fd_datasync", DIRECTORIES, {"SUCCESS"}, "databases do that"),
    ("fd_allocate", {5}, {"BADF"}, "POSIX's answer: it is not open for writing"),
    ("fd_allocate", {6}, {"SUCCESS"}, "hosts can"),
    ("fd_prestat_dir_name", STREAMS | FILES | {4}, {"BADF"}, "as of fd_prestat_get"),
    *(
        (name, STREAMS | FILES, {"NOTDIR"}, "BADF would say that it is not open")
        for name in ("fd_readdir", "path_open", "path_filestat_get", "path_create_directory")
    ),
    *(
        (name, STREAMS | DIRECTORIES, {"INVAL"}, "two things are wrong, and one is told")
        for name in ("fd_pread", "fd_advise", "fd_filestat_set_size", "fd_fdstat_set_flags")
    ),
]


def differs_on_purpose(fd: int, name: str, answer: str) -> bool:
    return any(row[0] == name and fd in row[1] and answer in row[2] for row in DIFFERENCES)


@pytest.mark.parametrize("fd", [0, 1, 3, 4, 5, 6])
def test_by_descriptor(fd: int, tmp_path: Path) -> None:
    answers = []
    for machine_type in (Machine, WasmtimeMachine):
        inside = make_tree(tmp_path)
        machine: Calls = machine_type(dirs={"/data": inside})
        numbers = [machine.opened("dir"), machine.opened("file"), machine.opened("file", 0, READ | WRITE)]
        assert numbers == [4, 5, 6]
        machine.vectors((BUFFER, 3))
        machine.text("x")
        machine.put(BUFFER, b"abc")
        answers.append([(name, machine.call(name, fd, *args), kept(machine, name)) for name, args in BY_DESCRIPTOR])
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
    both = zip(BY_DESCRIPTOR, *answers, strict=True)
    wrong = [row for row in both if row[1] != row[2] and not differs_on_purpose(fd, row[0][0], row[1][1])]
    assert wrong == []


def kept(machine: Calls, name: str) -> object:
    """Return what a call left in the memory that is the same for everyone."""
    if name in ("fd_read", "fd_pread", "fd_prestat_dir_name"):
        return machine.get(BUFFER, 6)
    return machine.get(OUT, 8) if name in ("fd_tell", "fd_seek", "fd_prestat_get") else None


def test_readdir(tmp_path: Path) -> None:
    """The order is the host's there and by name here; everything else is the same."""
    inside = make_tree(tmp_path)
    ours, theirs = (machine(dirs={"/": inside}).readdir(3) for machine in (Machine, WasmtimeMachine))
    assert isinstance(ours, list) and isinstance(theirs, list)
    assert [after for after, _, _ in ours] == [after for after, _, _ in theirs]
    assert sorted(entry[1:] for entry in ours) == sorted(entry[1:] for entry in theirs)


def test_arguments() -> None:
    answers = []
    for machine_type in (Machine, WasmtimeMachine):
        machine: Calls = machine_type(args=("prog", "a b", ""))
        machine.call("args_sizes_get", OUT, OUT + 4)
        machine.call("args_get", 64, 256)
        answers.append((machine.get(OUT, 8), machine.get(64, 16), machine.get(256, 32)))
    assert answers[0] == answers[1]
