"""`parse`, `print`, `validate` and `inspect`."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.wat"))

INVALID = '(module\n  (func (export "f") (result i32)\n    i64.const 1))\n'
MALFORMED = "(module\n  (func i32.bogus))\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_parsed_printed_and_parsed_again_is_the_same(bembix, tmp_path, example: Path) -> None:
    first, second, text = tmp_path / "1.wasm", tmp_path / "2.wasm", tmp_path / "1.wat"
    assert bembix("parse", example, "-o", first).code == 0
    assert bembix("print", first, "-o", text).code == 0
    assert bembix("parse", text, "-o", second).code == 0
    assert first.read_bytes() == second.read_bytes()
    assert list(tmp_path.glob("*.tmp")) == []


def test_parse_names_its_output_after_the_input(bembix, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bembix("parse", EXAMPLES[0]).code == 0
    assert (tmp_path / EXAMPLES[0].with_suffix(".wasm").name).read_bytes().startswith(b"\0asm")


def test_parse_refuses_a_binary(bembix, tmp_path) -> None:
    (tmp_path / "a.wasm").write_bytes(b"\0asm\1\0\0\0")
    done = bembix("parse", tmp_path / "a.wasm")
    assert done.code == 1
    assert "binary module already" in done.err


def test_malformed_text_shows_its_line(bembix, tmp_path) -> None:
    file = tmp_path / "bad.wat"
    file.write_text(MALFORMED)
    done = bembix("print", file)
    assert done.code == 1
    assert f"{file}:2:" in done.err
    assert "(func i32.bogus))" in done.err


def test_truncated_binary_names_its_byte(bembix, tmp_path) -> None:
    file = tmp_path / "bad.wasm"
    file.write_bytes(b"\0asm\1\0\0\0\1\x40")
    for command in ("print", "inspect", "validate"):
        done = bembix(command, file)
        assert done.code == 1
        assert str(file) in done.err and "at byte" in done.err


def test_validate_says_nothing_of_good_modules(bembix) -> None:
    done = bembix("validate", *EXAMPLES)
    assert (done.code, done.out, done.err) == (0, "", "")


def test_validate_checks_all_files(bembix, tmp_path) -> None:
    names = [tmp_path / "one.wat", tmp_path / "two.wat"]
    names[0].write_text(INVALID)
    names[1].write_text(MALFORMED)
    done = bembix("validate", *names, EXAMPLES[0])
    assert done.code == 1
    assert "type mismatch" in done.err
    assert all(str(name) in done.err for name in names)


def test_inspect_lists_what_is_there(bembix) -> None:
    hello = next(path for path in EXAMPLES if path.stem == "hello")
    out = bembix("inspect", hello).out
    assert "func    wasi_snapshot_preview1.fd_write  (i32 i32 i32 i32) -> (i32)" in out
    assert "func    _start  () -> ()" in out
    assert "1 function, 2 data segments" in out


def test_inspect_names_features(bembix, tmp_path) -> None:
    file = tmp_path / "features.wat"
    file.write_text(
        """(module
             (memory i64 1) (memory 1) (tag)
             (global i32 (i32.add (i32.const 1) (i32.const 2)))
             (func (result v128 i32)
               (i32.extend8_s (i32.const 1)) (drop)
               (v128.const i32x4 1 2 3 4) (i32.const 0)))"""
    )
    out = bembix("inspect", file).out
    for feature in ("memory64", "multi-memory", "exception-handling", "extended-const", "sign-extension-ops", "simd"):
        assert f"  {feature}: " in out
    assert "multi-value: " in out
    assert "threads" not in out
