"""Nothing leads out of a directory that was handed over."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wasi_machine import CREAT, DIRECTORY, READ, TRUNC, WRITE, Machine, make_tree

from bembix.wasi import Dir, resolve

#: Paths that lead out of `make_tree`, in every way that a path can.
ESCAPES = [
    "..",
    "../",
    "../secret",
    "../outside",
    "../outside/secret",
    "../inside/file",
    "./../secret",
    "dir/../../secret",
    "dir/sub/../../../secret",
    "ldir/../../secret",
    ".//..//secret",
    "/",
    "/etc/passwd",
    "//etc/passwd",
    "/file",
    "abs",
    "abs/",
    "abs/passwd",
    "absin",
    "up",
    "up/",
    "up/.",
    "up/secret",
    "up/outside/secret",
    "up/inside/file",
    "upf",
    "dir/out",
    "ldir/out",
]


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    return make_tree(tmp_path)


@pytest.fixture
def machine(inside: Path) -> Machine:
    return Machine(dirs={"/data": inside})


def snapshot(root: Path) -> list[tuple[object, ...]]:
    """Return everything below `root` and in it, but for what is in its directory `inside`."""
    found: list[tuple[object, ...]] = []
    for at, below, files in os.walk(root):
        if Path(at) == root:
            below.remove("inside")
        for name in files:
            path = Path(at, name)
            found.append((path, path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_nlink))
        found.append((at, tuple(sorted(below)), tuple(sorted(files))))
    return sorted(found, key=repr)


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_works_outside(machine: Machine, tmp_path: Path, path: str) -> None:
    before = snapshot(tmp_path)
    last = path.rstrip("/").rsplit("/", 1)[-1]
    final_link = last in ("abs", "absin", "up", "upf", "out") and not path.endswith("/")
    for oflags in (0, CREAT, TRUNC, DIRECTORY):
        for rights in (READ, WRITE):
            slash = oflags == CREAT and path.endswith("/")
            assert machine.open(path, oflags, rights) in ("PERM", "ISDIR" if slash else "PERM"), (oflags, rights)
    assert machine.stat(path) == "PERM"
    assert machine.call("path_filestat_set_times", 3, 1, *machine.text(path), 5, 6, 5) == "PERM"
    assert machine.call("path_link", 3, 1, *machine.text(path), 3, *machine.text("n", 4096)) == "PERM"
    if not final_link:  # else it is the link that is asked about, removed and renamed, which is inside
        assert machine.stat(path, follow=0) == machine.readlink(path) == "PERM"
        for name in ("path_create_directory", "path_remove_directory", "path_unlink_file"):
            assert machine.by_path(name, path) in ("PERM", "NOTDIR", "EXIST")
        for name in ("path_rename", "path_link"):
            assert machine.between(name, path, "new") in ("PERM", "NOTDIR")
            assert machine.between(name, "file", path) in ("PERM", "NOTDIR")
        assert machine.symlink("x", path) == "PERM"
    assert snapshot(tmp_path) == before


def test_links_that_a_program_makes_lead_nowhere_either(machine: Machine) -> None:
    assert machine.symlink("../secret", "mine") == "SUCCESS"
    assert machine.open("mine") == "PERM"
    assert machine.symlink("..", "dir/sub/one") == machine.symlink("one/..", "dir/sub/two") == "SUCCESS"
    assert machine.read(machine.opened("dir/sub/two/file")) == b"hello world"
    assert machine.open("dir/sub/two/..") == machine.open("dir/sub/two/../secret") == "PERM"


def test_directory_that_moves_out_of_its_own_way(machine: Machine) -> None:
    """A ".." goes where the path came from, not where the directory is by now."""
    sub = machine.opened("dir/sub", DIRECTORY)
    assert machine.between("path_rename", "dir/sub", "sub") == "SUCCESS"
    assert machine.open("..", fd=sub) == machine.open("../file", fd=sub) == "PERM"


def at_call(number: int, original: Callable[..., object], change: Callable[[], None]) -> Callable[..., object]:
    """Return `original`, with `change` made just before its call of this number."""
    calls = 0

    def wrapped(*args: object, **kwargs: object) -> object:
        nonlocal calls
        calls += 1
        if calls == number:
            change()
        return original(*args, **kwargs)

    return wrapped


@pytest.mark.parametrize("number", [1, 2, 3])
def test_directory_swapped_for_a_link_under_way(
    machine: Machine, inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (inside / "dir" / "secret").write_text("mine")

    def swap() -> None:
        (inside / "dir").rename(inside / "old")
        (inside / "dir").symlink_to(tmp_path / "outside")

    monkeypatch.setattr(os, "open", at_call(number, os.open, swap))
    fd = machine.open("dir/secret")
    monkeypatch.undo()
    assert fd == "PERM" if isinstance(fd, str) else machine.read(fd) == b"mine"


@pytest.mark.parametrize("function", ["open", "readlink"])
def test_file_swapped_for_a_link_under_way(
    machine: Machine, inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def swap() -> None:
        (inside / "file").unlink()
        (inside / "file").symlink_to(tmp_path / "secret")

    monkeypatch.setattr(os, function, at_call(1, getattr(os, function), swap))
    answers = machine.open("file")
    monkeypatch.undo()
    assert answers in ("LOOP", "PERM")


def test_races_against_another_thread(machine: Machine, inside: Path, tmp_path: Path) -> None:
    (inside / "mine").mkdir()
    (inside / "mine" / "secret").write_text("mine")
    (inside / "out").symlink_to(tmp_path / "outside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for one, other in (("mine", "tmp"), ("out", "mine"), ("mine", "out"), ("tmp", "mine")):
                os.rename(inside / one, inside / other)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        seen = set()
        for _ in range(500):
            fd = machine.open("mine/secret")
            if isinstance(fd, int):
                seen.add(machine.read(fd))
                machine.call("fd_close", fd)
            else:
                seen.add(fd)
        assert seen <= {b"mine", "PERM", "NOENT", "NOTDIR"}
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this host has no /proc")
def test_proc_shows_nothing_of_this_process() -> None:
    machine = Machine(dirs={"/": Dir("/", readonly=True), "/rw": "/proc", "/self": "/proc/self"})
    secret = os.open("/etc/hostname", os.O_RDONLY)
    try:
        for fd, start in ((3, "proc/self/"), (4, "self/"), (5, "")):
            for name in ("environ", "mem", "maps", "cmdline", "status"):
                for rights in (READ, WRITE):
                    assert machine.open(start + name, 0, rights, fd=fd) in ("ACCES", "PERM")
            for name in (f"fd/{secret}", "root", "cwd", "exe", "root/etc/hostname", "cwd/x", f"fd/{secret}/x"):
                assert machine.open(start + name, fd=fd) in ("PERM", "ACCES")
                assert machine.open(start + name, fd=fd, follow=0) in ("LOOP", "PERM")
                assert machine.readlink(start + name, fd=fd) == "PERM"
    finally:
        os.close(secret)


def test_hard_links_stay_between_directories_that_were_handed_over(machine: Machine, tmp_path: Path) -> None:
    assert machine.between("path_link", "../secret", "mine") == "PERM"
    assert machine.between("path_link", "upf", "mine") == "SUCCESS"  # of the link itself
    assert machine.open("mine") == "PERM"


def test_name_of_a_directory_is_no_path(inside: Path) -> None:
    """What a program sees a directory as says nothing of where it is."""
    machine = Machine(dirs={"/etc": inside, "..": inside})
    assert isinstance(machine.open("file", fd=3), int)
    assert isinstance(machine.open("file", fd=4), int)
    assert machine.open("../secret", fd=4) == "PERM"


NAMES = ["..", ".", *"dir sub file ldir lldir up out in back abs loop inside secret".split()]  # noqa: SIM905
PATHS = st.one_of(
    st.lists(st.sampled_from([*NAMES, ""]), max_size=8).map("/".join),
    st.text(alphabet=st.sampled_from("./adirfleup\\\0\n"), max_size=12),
    st.text(max_size=12),
).map(lambda text: text.encode(errors="surrogatepass"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Path]:
    inside = make_tree(tmp_path_factory.mktemp("tree"))
    return Machine(dirs={"/": inside}, max_open_files=20), inside


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS)
def test_any_path_reaches_only_what_is_inside(shared: tuple[Machine, Path], path: bytes) -> None:
    """Against the host: what opens is what the host finds at that path below the directory, and lies there."""
    machine, inside = shared
    fd = machine.open(path)
    if isinstance(fd, str):
        assert fd in {"PERM", "NOENT", "NOTDIR", "LOOP", "INVAL", "ILSEQ", "NAMETOOLONG"}
        if fd == "ILSEQ":
            with pytest.raises(UnicodeDecodeError):
                path.decode()
        elif fd == "NOENT":
            assert not os.path.exists(os.fsencode(inside) + b"/" + path) or not path
        return
    real = os.path.realpath(os.fsencode(inside) + b"/" + path)
    assert real == os.fsencode(inside) or real.startswith(os.fsencode(inside) + b"/")
    assert machine.fstat(fd)["inode"] == os.stat(real).st_ino
    machine.call("fd_close", fd)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS.filter(bool), entry=st.booleans(), follow=st.booleans())
def test_the_host_is_told_single_names(shared: tuple[Machine, Path], path: bytes, entry: bool, follow: bool) -> None:
    _, inside = shared
    root = os.open(inside, os.O_RDONLY)
    try:
        with resolve.resolve_entry(root, path) if entry else resolve.resolve(root, path, follow=follow) as place:
            assert b"/" not in place.name
            assert place.name not in (b"", b"..")
            where = os.readlink(f"/proc/self/fd/{place.directory}")
            assert where == str(inside) or where.startswith(f"{inside}/")
    except (OSError, ValueError):
        pass
    finally:
        os.close(root)
