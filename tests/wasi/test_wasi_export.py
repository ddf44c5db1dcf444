"""The functions as a whole: names, types, signs, traces, and what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from wasi_machine import OUT, FakeMemory, Machine

from bembix.errors import Exit
from bembix.spec.types import F64, I32, I64, FuncType
from bembix.wasi import Wasi
from bembix.wasi.preview1 import MODULES, functions
from bembix.wasi.preview1.context import Context
from bembix.wasi.preview1.errno import FROM_HOST, Errno, from_os_error
from bembix.wasi.preview1.export import Export
from bembix.wasi.preview1.types import Fd, FileDelta, Rights

#: Core types of all functions, i for i32 and I for i64, as the C header of wasi-libc declares them.
TYPES = {
    "args_get": "ii",
    "args_sizes_get": "ii",
    "clock_res_get": "ii",
    "clock_time_get": "iIi",
    "environ_get": "ii",
    "environ_sizes_get": "ii",
    "fd_advise": "iIIi",
    "fd_allocate": "iII",
    "fd_close": "i",
    "fd_datasync": "i",
    "fd_fdstat_get": "ii",
    "fd_fdstat_set_flags": "ii",
    "fd_fdstat_set_rights": "iII",
    "fd_filestat_get": "ii",
    "fd_filestat_set_size": "iI",
    "fd_filestat_set_times": "iIIi",
    "fd_pread": "iiiIi",
    "fd_prestat_dir_name": "iii",
    "fd_prestat_get": "ii",
    "fd_pwrite": "iiiIi",
    "fd_read": "iiii",
    "fd_readdir": "iiiIi",
    "fd_renumber": "ii",
    "fd_seek": "iIii",
    "fd_sync": "i",
    "fd_tell": "ii",
    "fd_write": "iiii",
    "path_create_directory": "iii",
    "path_filestat_get": "iiiii",
    "path_filestat_set_times": "iiiiIIi",
    "path_link": "iiiiiii",
    "path_open": "iiiiiIIii",
    "path_readlink": "iiiiii",
    "path_remove_directory": "iii",
    "path_rename": "iiiiii",
    "path_symlink": "iiiii",
    "path_unlink_file": "iii",
    "poll_oneoff": "iiii",
    "proc_exit": "i",
    "proc_raise": "i",
    "random_get": "ii",
    "sched_yield": "",
    "sock_accept": "iii",
    "sock_recv": "iiiiii",
    "sock_send": "iiiii",
    "sock_shutdown": "ii",
}
EVERY = [(module, name) for module, registry in MODULES.items() for name in registry]


def test_functions_are_those_of_preview_1() -> None:
    assert {name: found for name, (_, found) in functions().items()} == {
        name: FuncType(tuple(I32 if letter == "i" else I64 for letter in params), () if name == "proc_exit" else (I32,))
        for name, params in TYPES.items()
    }


def test_unstable_has_the_same_but_one() -> None:
    assert set(functions("wasi_unstable")) == set(TYPES) - {"sock_accept"}


@pytest.mark.parametrize(("module", "name"), EVERY)
def test_documentation_says_what_it_does(module: str, name: str) -> None:
    text = MODULES[module][name].documentation
    assert text[0].isupper()
    assert "Errors:" in text or name in ("proc_exit", "sched_yield"), text


@pytest.mark.parametrize(("module", "name"), EVERY)
def test_hostile_arguments_are_answered(module: str, name: str, tmp_path: Path) -> None:
    """No integers make a function raise: all ones, all zeros, the largest and least, in every position alike."""
    machine = Machine(module=module, pages=1, dirs={"/": tmp_path}, max_open_files=5)
    if name in ("proc_exit", "proc_raise"):
        return
    count = len(machine.functions[name].type.params)
    for value in (-1, 0, 1 << 31, (1 << 31) - 1, 1 << 63, (1 << 63) - 1, 65536, 65535, 3, 0xFFFF_FFF8):
        assert machine.call(name, *[value] * count) in Errno.__members__


def test_signs_follow_annotations() -> None:
    seen = []

    def example(ctx: Context, fd: Fd, delta: FileDelta, rights: Rights) -> Errno:
        seen.append((fd, delta, rights))
        return Errno.SUCCESS

    context = Context((), (), Wasi().fds, Wasi().clocks, lambda size: b"", FakeMemory)
    bound = Export.of(example).bind(context)
    assert bound.callable(-1, -1, -1) == 0
    assert seen == [(0xFFFF_FFFF, -1, 0xFFFF_FFFF_FFFF_FFFF)]
    assert bound.type == FuncType((I32, I64, I64), (I32,))


def test_trace_shows_names_text_and_answer() -> None:
    lines: list[str] = []
    machine = Machine(trace=lines.append)
    machine.call("path_unlink_file", 9, *machine.text("a/b"))
    machine.call("clock_time_get", 0, 1, OUT)
    machine.call("fd_seek", 9, -1, 0, OUT)
    machine.call("path_unlink_file", 9, 1, 1 << 31)
    with pytest.raises(Exit):
        machine.call("proc_exit", 3)
    assert lines == [
        "path_unlink_file(fd=9, path='a/b', path_size=3) -> BADF",
        "clock_time_get(clock=0, precision=1, out=0x8) -> SUCCESS",
        "fd_seek(fd=9, offset=-1, whence=0x0, out=0x8) -> BADF",
        "path_unlink_file(fd=9, path=0x1, path_size=2147483648) -> BADF",
        "proc_exit(code=3) -> Exit",
    ]


def test_unknown_function_answers_nosys_and_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [
        ("wasi_snapshot_preview1", "sock_open", FuncType((I32,), (I32,))),
        ("wasi_snapshot_preview1", "no_answer", FuncType((), (F64,))),
        ("wasi_snapshot_preview1", "fd_close", FuncType((I32,), (I32,))),
        ("env", "other", FuncType((), (I32,))),
    ]
    imports = Wasi().imports(FakeMemory, wanted)
    assert set(imports) == {"wasi_snapshot_preview1", "wasi_unstable"}
    found = imports["wasi_snapshot_preview1"]
    assert set(found) == {"fd_close", "sock_open"}
    assert imports["wasi_unstable"] == {}
    assert set(Wasi().imports(FakeMemory)["wasi_snapshot_preview1"]) == set(TYPES)
    assert [found["sock_open"].callable(1), found["sock_open"].callable(2)] == [52, 52]
    assert capsys.readouterr().err == "bembix: wasi_snapshot_preview1.sock_open is not provided: answering NOSYS\n"


def test_memory_is_looked_up_when_it_is_needed() -> None:
    memories: list[FakeMemory] = []
    found = Wasi().imports(lambda: memories[0])["wasi_snapshot_preview1"]
    memories.append(FakeMemory())
    assert found["clock_time_get"].callable(0, 0, 8) == 0
    assert any(memories[0].data)


def test_errors_of_the_host_have_their_names() -> None:
    assert from_os_error(FileNotFoundError(2, "")) is Errno.NOENT
    assert from_os_error(OSError("no number")) is Errno.IO
    assert len(FROM_HOST) > 60


def test_out_of_bounds_outputs_are_found_before_anything_is_done(tmp_path: Path) -> None:
    machine = Machine(stdin=b"abc", pages=1)
    assert machine.call("fd_read", 0, *machine.vectors((2048, 3)), 65533) == "FAULT"
    assert machine.read(0) == b"abc"
