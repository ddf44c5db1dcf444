"""Wasm modules by `import`: found, linked to Python and to each other, reloaded; what is wrong is an ImportError."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from bembix import LinkError, Memory, Module, ParseError, Store, Trap, hook
from bembix.wasi import Capture, Wasi

ADD = """(module (func (export "add") (param $a i32) (param $b i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (memory (export "memory") 1) (global (export "_private") i32 (i32.const 3)) (func (export "not-python")))"""

Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Writes files, and imports the first one."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def write(files: dict[str, str | bytes], name: str | None = None) -> ModuleType:
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content if isinstance(content, bytes) else content.encode())
        importlib.invalidate_caches()
        return importlib.import_module(name or next(iter(files)).partition(".")[0])

    hook.install()
    yield write
    hook.install()
    for name in set(sys.modules) - before:
        if isinstance(getattr(sys.modules[name], "__loader__", None), hook.WasmLoader):
            del sys.modules[name]


def test_text(load: Load, tmp_path: Path) -> None:
    module = load({"add_text.wat": ADD})
    assert module.add(1, 2) == 3
    assert isinstance(module.memory, Memory)
    assert module.add is module.__instance__.exports.add
    assert (module.__name__, module.__file__) == ("add_text", str(tmp_path / "add_text.wat"))
    assert module.__all__ == ["add", "memory"]
    assert getattr(module, "not-python")() is None
    assert {"add", "memory", "_private", "not-python", "__name__"} <= set(dir(module))
    assert module.__doc__ is not None and "add: func (i32 i32) -> (i32)" in module.__doc__
    with pytest.raises(AttributeError, match="module 'add_text' has no attribute 'sub'"):
        module.sub  # noqa: B018


def test_binary(load: Load) -> None:
    assert load({"add_binary.wasm": Module(ADD).to_bytes()}).add(3, 4) == 7


def test_star(load: Load) -> None:
    load({"add_star.wat": ADD})
    names: dict[str, object] = {}
    exec("from add_star import *", names)
    assert {"add", "memory"} <= names.keys()
    assert "_private" not in names


def test_imports_from_python(load: Load) -> None:
    module = load(
        {
            "root.wat": """(module (import "math" "sqrt" (func $sqrt (param f64) (result f64)))
              (import "tools_of_root" "limit" (global $limit i32))
              (import "tools_of_root" "seen" (func $seen (param i32)))
              (func (export "run") (param f64) (result f64)
                (call $seen (global.get $limit)) (call $sqrt (local.get 0))))""",
            "tools_of_root.py": "limit = 7\nnumbers = []\nseen = numbers.append\n",
        }
    )
    assert module.run(16) == 4
    assert sys.modules["tools_of_root"].numbers == [7]


def test_imports_from_each_other(load: Load) -> None:
    module = load(
        {
            "outer.wat": """(module (import "inner" "memory" (memory 1))
              (import "inner" "next" (func $next (result i32)))
              (func (export "run") (result i32) (i32.store (i32.const 8) (i32.const 5)) (call $next)))""",
            "inner.wat": """(module (memory (export "memory") 1)
              (func (export "next") (result i32) (i32.add (i32.load (i32.const 8)) (i32.const 1))))""",
        }
    )
    inner = importlib.import_module("inner")
    assert module.run() == 6
    assert inner.memory.read_int(8) == 5
    assert inner.__instance__.store == module.__instance__.store


def test_packages(load: Load) -> None:
    leaf = '(module (func (export "f") (result i32) (i32.const {})))'
    module = load(
        {
            "pack/__init__.py": "",
            "pack/a.wat": """(module (import ".b" "f" (func $b (result i32)))
              (import "pack.sub.c" "f" (func $c (result i32)))
              (func (export "f") (result i32) (i32.add (call $b) (call $c))))""",
            "pack/b.wat": leaf.format(30),
            "pack/sub/__init__.wat": leaf.format(500),
            "pack/sub/c.wat": leaf.format(12),
        },
        "pack.a",
    )
    assert module.f() == 42
    assert module.__package__ == "pack"
    assert (sys.modules["pack"].a, sys.modules["pack.sub"].f()) == (module, 500)
    for name in ("pack.a", "pack"):
        sys.modules.pop(name)


def test_a_folder_of_the_name_is_in_nobody_s_way(load: Load) -> None:
    assert load({"folder.wat": ADD, "folder/note.txt": "x"}).add(1, 1) == 2


def test_a_python_module_of_the_name_comes_first(load: Load) -> None:
    module = load({"both.wat": ADD, "both.py": "here = 1"})
    assert module.here == 1
    del sys.modules["both"]


def test_reload(load: Load, tmp_path: Path) -> None:
    module = load(
        {"again.wat": '(module (global $g (mut i32) (i32.const 0)) (export "g" (global $g)) (func (export "f")))'}
    )
    module.g.value = 9
    old = module.f
    (tmp_path / "again.wat").write_text('(module (global (export "g") i32 (i32.const 1)) (func (export "h")))')
    assert importlib.reload(module) is module
    assert module.g.value == 1
    assert not hasattr(module, "f")
    assert module.h() is old() is None
    (tmp_path / "again.wat").write_text("(module")
    with pytest.raises(ImportError):
        importlib.reload(module)
    assert module.g.value == 1


@pytest.mark.parametrize(
    ("files", "cause", "message"),
    [
        ({"wrong1.wat": "(module (func"}, ParseError, "cannot import 'wrong1': .*unclosed|cannot import 'wrong1'"),
        ({"wrong2.wasm": b"no wasm"}, ParseError, "cannot import 'wrong2'"),
        (
            {"wrong3.wat": '(module (import "math" "cube" (func)) (import "not_there_at_all" "f" (func (param i32))))'},
            LinkError,
            r"(?s)cannot import 'wrong3': 2 imports don't fit:.*'math' 'cube'.*_at_all' 'f': wanted func \(i32\)",
        ),
        (
            {"wrong4.wat": '(module (import "math" "pi" (memory 1)))'},
            LinkError,
            "wanted memory 1, given the number 3.14",
        ),
        ({"wrong5.wat": "(module (func unreachable) (start 0))"}, Trap, "cannot import 'wrong5': unreachable"),
        (
            {"wrong6.wat": '(module (import "../x" "f" (func)) (import "" "" (func)))'},
            LinkError,
            r"unknown import '\.\./x'",
        ),
        ({"wrong7.wat": '(module (import ".b" "f" (func)))'}, LinkError, r"unknown import '\.b' 'f'"),
        ({"wrong8.wat": '(module (import "os.nothing" "f" (func)))'}, LinkError, r"unknown import 'os\.nothing' 'f'"),
        (
            {
                "wrong9.wat": '(module (import "circle" "f" (func)))',
                "circle.wat": '(module (import "wrong9" "f" (func)))',
            },
            None,
            "cannot import 'circle': it and 'wrong9' import from each other in a circle",
        ),
        (
            {"wrong10.wat": '(module (import "wrong10b" "f" (func)))', "wrong10b.py": "import nothing_of_this_name"},
            None,
            "No module named 'nothing_of_this_name'",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong(load: Load, files: dict[str, str | bytes], cause: type | None, message: str) -> None:
    name = next(iter(files)).partition(".")[0]
    with pytest.raises(ImportError, match=message) as caught:
        load(files)
    assert name not in sys.modules
    if cause is not None:
        assert type(caught.value.__cause__) is cause
        assert caught.value.name == name
        assert str(caught.value.path).endswith(next(iter(files)))


def test_no_such_module(load: Load) -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named 'nothing_at_all'"):
        load({"unused.wat": ADD}, "nothing_at_all")
    assert importlib.util.find_spec("nothing_at_all") is None


WRITER = """(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\06\\00\\00\\00") (data (i32.const 16) "wasps\\n")
  (global (export "ready") (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set 0 (i32.const 1)))
  (func (export "write") (result i32) (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"""


def test_wasi(load: Load) -> None:
    out, store = Capture(), Store()
    hook.install(store=store, wasi=Wasi(["test"], stdout=out))
    module = load({"writer.wat": WRITER})
    assert module.ready.value == 1
    assert module.write() == 0
    assert out.getvalue() == b"wasps\n"
    assert module.__instance__.store == store


def test_wasi_in_a_start_function(load: Load) -> None:
    out = Capture()
    hook.install(wasi=Wasi(["test"], stdout=out))
    load({"writes_at_start.wat": WRITER.removesuffix(")") + "(func $begin (drop (call 2))) (start $begin))"})
    assert out.getvalue() == b"wasps\n"


def test_wasi_without_a_memory(load: Load) -> None:
    module = load({"blind.wat": WRITER.replace('(export "memory")', "")})
    with pytest.raises(LinkError, match="blind uses WASI without exporting a memory called 'memory'"):
        module.write()


def test_wasi_writes_to_our_output(tmp_path: Path) -> None:
    (tmp_path / "writer.wat").write_text(WRITER)
    code = "import bembix.hook, writer; writer.write()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"wasps\n", b"")


def test_install_once_and_uninstall() -> None:
    first = hook.install()
    second = hook.install()
    assert [finder for finder in sys.meta_path if isinstance(finder, hook.WasmFinder)] == [second]
    assert first is not second
    hook.uninstall()
    assert not any(isinstance(finder, hook.WasmFinder) for finder in sys.meta_path)
    hook.install()
