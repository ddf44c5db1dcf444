"""The cell magic, in a real IPython shell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bembix import Instance

interactiveshell = pytest.importorskip("IPython.core.interactiveshell")

ADD = """(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (memory (export "memory") 1) (func (export "not-a-name")))"""


@pytest.fixture
def shell(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    made = interactiveshell.InteractiveShell(colors="nocolor")
    made.history_manager.enabled = False
    made.run_cell("%load_ext bembix.notebook").raise_error()
    yield made
    made.run_cell("%unload_ext bembix.notebook").raise_error()
    made.history_manager.end_session()


def run(shell: Any, cell: str) -> Any:
    done = shell.run_cell(cell)
    done.raise_error()
    return done.result


def test_exports_become_variables(shell: Any) -> None:
    instance = run(shell, f"%%wat\n{ADD}")
    assert isinstance(instance, Instance)
    assert run(shell, "add(20, 22)") == 42
    assert run(shell, "memory.pages") == 1
    assert "not-a-name" not in shell.user_ns


def test_an_instance_by_name(shell: Any) -> None:
    run(shell, f"%%wat adder\n{ADD}")
    assert run(shell, "adder.exports.add(1, 2)") == 3
    assert "add" not in shell.user_ns
    assert run(shell, "adder.module.name") == "adder"


def test_imports_are_variables(shell: Any) -> None:
    run(shell, "import math")
    run(shell, "class host: scale = 3")
    run(shell, """%%wat
      (module (import "math" "sqrt" (func $sqrt (param f64) (result f64))) (import "host" "scale" (global i32))
        (func (export "root") (param f64) (result f64)
          (f64.mul (call $sqrt (local.get 0)) (f64.convert_i32_s (global.get 0)))))
    """)  # fmt: skip
    assert run(shell, "root(4.0)") == 6.0


def test_imports_from_an_expression(shell: Any) -> None:
    run(
        shell,
        '%%wat -i {"m": {"f": lambda: 5}}\n(module (import "m" "f" (func $f (result i32))) (export "five" (func $f)))',
    )
    assert run(shell, "five()") == 5


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%wat\n(modul)", "UnknownOperator: .*unknown operator modul"),
        ("%%wat\n(module (func (result i32)))", "ValidationError: .*type mismatch"),
        ('%%wat\n(module (import "a" "b" (func)))', "LinkError: unknown import 'a' 'b': wanted func"),
        ("%%wat a-b\n(module)", "ValueError: %%wat: 'a-b' can't be the name of a variable"),
        ("%%wat a b\n(module)", "ValueError: %%wat: unrecognized arguments: b"),
    ],
)
def test_what_is_wrong(shell: Any, capsys: pytest.CaptureFixture[str], cell: str, message: str) -> None:
    done = shell.run_cell(cell)
    with pytest.raises(Exception, match=message) as caught:
        done.raise_error()
    assert caught.type.__name__ == "UsageError"
    shown = capsys.readouterr()
    assert "UsageError" in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err


def test_traps_are_themselves(shell: Any) -> None:
    from bembix import Trap

    with pytest.raises(Trap, match="unreachable"):
        run(shell, "%%wat\n(module (func unreachable) (start 0))")


def test_what_a_notebook_shows(shell: Any) -> None:
    instance = run(shell, f"%%wat\n{ADD}")
    data, _ = shell.display_formatter.format(instance)
    assert "<table>" in data["text/html"]
    assert data["text/plain"] == "<bembix.Instance of a module with 3 exports>"


def test_unloading(shell: Any) -> None:
    run(shell, "%unload_ext bembix.notebook")
    assert "wat" not in shell.magics_manager.magics["cell"]
    run(shell, "%load_ext bembix.notebook")
