"""The script runner: what it counts as passed, and what it says of the rest."""

from __future__ import annotations

import json

import pytest

from bembix.script.count import assertion_lines, count_assertions
from bembix.script.result import Result
from bembix.script.runner import run_script, says

ADD = '(module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))\n'


@pytest.fixture
def script(tmp_path):
    def run(text: str, **options: object) -> Result:
        path = tmp_path / "test.wast"
        path.write_text(text)
        return run_script(path, **options)

    return run


def holds(result: Result, total: int) -> bool:
    return (result.passed, result.total, [str(f) for f in result.failures], result.ok) == (total, total, [], True)


@pytest.mark.parametrize("optimize", [False, True])
def test_results(script, optimize: bool) -> None:
    text = ADD + '(assert_return (invoke "add" (i32.const 1) (i32.const -2)) (i32.const 0xffffffff))'
    assert holds(script(text, optimize=optimize), 1)


def test_a_wrong_result_says_what_came_out(script) -> None:
    result = script(ADD + '(assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const 4))')
    assert (result.passed, result.total) == (0, 1)
    assert str(result.failures[0]) == "line 2: expected i32 4, got i32 3"


def test_the_number_of_results_counts(script) -> None:
    result = script(ADD + '(assert_return (invoke "add" (i32.const 1) (i32.const 2)))')
    assert [f.expected for f in result.failures] == ["nothing"]


def test_every_kind_of_assertion(script) -> None:
    result = script(
        """
        (module $lib
          (global (export "g") i64 (i64.const 42))
          (tag $t (param i32))
          (func (export "throw") (throw $t (i32.const 1)))
          (func (export "trap") (unreachable))
          (func $deep (export "deep") (result i32) (i32.add (i32.const 1) (call $deep)))
          (func (export "two") (result i32 f32) (i32.const 1) (f32.const nan))
          (func (export "same") (param externref) (result externref) (local.get 0))
          (func $f (export "func") (result funcref) (ref.func $f)))
        (register "lib" $lib)
        (assert_return (get "g") (i64.const 42))
        (assert_return (get $lib "g") (i64.const 42))
        (assert_return (invoke "two") (i32.const 1) (f32.const nan:canonical))
        (assert_return (invoke "same" (ref.extern 7)) (ref.extern 7))
        (assert_return (invoke "same" (ref.null extern)) (ref.null extern))
        (assert_return (invoke "func") (ref.func))
        (assert_return (invoke "func") (either (ref.null) (ref.func)))
        (assert_exception (invoke "throw"))
        (assert_trap (invoke "trap") "unreachable")
        (assert_trap (module (func $s (unreachable)) (start $s)) "unreachable")
        (assert_exhaustion (invoke "deep") "call stack exhausted")
        (assert_malformed (module quote "(func (i32.nonsense))") "unknown operator")
        (assert_malformed (module binary "\\00asm\\02\\00\\00\\00") "unknown binary version")
        (assert_invalid (module (func (result i32))) "type mismatch")
        (assert_unlinkable (module (import "lib" "g" (func))) "incompatible import type")
        (assert_unlinkable (module (import "lib" "nothing" (func))) "unknown import")
        (module (import "lib" "two" (func $two (result i32 f32))) (import "spectest" "print_i32" (func $p (param i32)))
          (func (export "go") (call $two) (drop) (call $p)))
        (assert_return (invoke "go"))
        """
    )
    assert holds(result, 17)


def test_definitions_and_instances(script) -> None:
    result = script(
        """
        (module definition $counter
          (global $n (mut i32) (i32.const 0))
          (func (export "next") (result i32)
            (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))
        (module instance $a $counter)
        (module instance $b $counter)
        (assert_return (invoke $a "next") (i32.const 1))
        (assert_return (invoke $a "next") (i32.const 2))
        (assert_return (invoke $b "next") (i32.const 1))
        """
    )
    assert holds(result, 3)


def test_threads_are_counted_when_they_end(script) -> None:
    result = script(
        '(module $m (func (export "f")))'
        '(thread $t (shared (module $m)) (assert_return (invoke $m "f")) (assert_trap (invoke $m "f") "x"))'
        "(wait $t)"
    )
    assert (result.passed, result.total) == (1, 2)


def test_nans_of_32_bits_keep_every_bit(script) -> None:
    result = script(
        """
        (module
          (func (export "bits") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
          (func (export "same") (param f32 f64 i32) (result i32 f32) (local.get 2) (local.get 0)))
        (assert_return (invoke "bits" (f32.const nan:0x200000)) (i32.const 0x7fa00000))
        (assert_return
          (invoke "same" (f32.const -nan:0x1) (f64.const 1) (i32.const 5))
          (i32.const 5) (f32.const -nan:0x1))
        """
    )
    assert holds(result, 2)


@pytest.mark.parametrize(
    "broken",
    [
        "(module (func (result i32)))",
        "(module (func i32.nonsense))",
        '(module (import "no" "thing" (func)))',
        "(module",
    ],
)
def test_assertions_behind_a_broken_module_fail(script, broken: str) -> None:
    result = script(f'{ADD}{broken}\n(assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const 3))')
    assert (result.passed, result.total) == (0, 1)
    assert result.failures[0].line == 2


def test_a_named_instance_survives_a_broken_module(script) -> None:
    result = script(
        f'{ADD}(module (func (result i32)))(assert_trap (invoke $m "add" (i32.const 1) (i32.const 2)) "no")'
    )
    assert (result.passed, result.total, [f.got for f in result.failures][1:]) == (0, 1, ["i32 3"])


@pytest.mark.parametrize(
    ("assertion", "got"),
    [
        ('(assert_trap (invoke "f") "unreachable")', "nothing"),
        ('(assert_trap (invoke "t") "out of bounds")', "Trap: unreachable"),
        ('(assert_exhaustion (invoke "t") "unreachable")', "Trap: unreachable"),
        ('(assert_exception (invoke "t"))', "Trap: unreachable"),
        ('(assert_return (invoke "t"))', "Trap: unreachable"),
        ('(assert_return (invoke "gone"))', "none"),
        ('(assert_return (invoke $gone "f"))', "none: it failed before"),
        ('(assert_invalid (module) "type mismatch")', "a valid module"),
        ('(assert_malformed (module (func (result i32))) "type mismatch")', "ValidationError"),
        ('(assert_invalid (module quote "(nonsense)") "type mismatch")', "unknown operator nonsense"),
        ('(assert_unlinkable (module) "unknown import")', "Instance"),
        ('(assert_bogus (invoke "f"))', "unknown operator assert_bogus"),
    ],
)
def test_what_does_not_hold(script, assertion: str, got: str) -> None:
    result = script(f'(module (func (export "f")) (func (export "t") (unreachable)))\n{assertion}')
    assert (result.passed, result.total) == (0, 1)
    assert got in result.failures[0].got


def test_counting_skips_comments_and_strings() -> None:
    text = '(assert_a)\n;; (assert_b)\n(; (assert_c) (; " ;) (assert_d) ;)\n( assert_e "(assert_f) \\"" (assert_g))'
    assert assertion_lines(text) == [1, 4, 4]
    assert count_assertions("(; (assert_a)") == 0


def test_an_index_in_a_message_may_be_left_out() -> None:
    assert says("uninitialized element", "uninitialized element 2")
    assert says("out of bounds memory access at 3", "out of bounds memory access")
    assert not says("undefined element", "uninitialized element 2")


def test_json(script) -> None:
    result = script(ADD + '(assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const 4))')
    line = json.loads(result.to_json())
    assert sorted(line) == ["failures", "file", "passed", "seconds", "total"]
    assert line["failures"] == [{"line": 2, "expected": "i32 4", "got": "i32 3"}]


class TestCommand:
    """`bembix wast`."""

    @pytest.fixture
    def folder(self, tmp_path):
        inner = tmp_path / "suite" / "inner"
        inner.mkdir(parents=True)
        (inner.parent / "good.wast").write_text(
            ADD + '(assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const 3))'
        )
        (inner / "bad.wast").write_text(
            ADD + '(assert_return (invoke "add" (i32.const 1) (i32.const 2)) (i32.const 4))'
        )
        return inner.parent

    def call(self, capsys, *arguments: object) -> tuple[int, list[str]]:
        from bembix.cli.main import main

        code = main(["wast", *map(str, arguments)])
        return code, capsys.readouterr().out.splitlines()

    def test_totals_by_file_and_folder(self, capsys, folder) -> None:
        assert self.call(capsys, folder) == (
            1,
            [
                f"{folder}/good.wast: 1 / 1",
                f"{folder}/inner/bad.wast: 0 / 1",
                "  line 2: expected i32 4, got i32 3",
                f"{folder}/: 1 / 1",
                f"{folder}/inner/: 0 / 1",
                "all: 1 / 2",
            ],
        )

    def test_success(self, capsys, folder) -> None:
        code, lines = self.call(capsys, "-O", "--engine", "llvm", folder / "good.wast")
        assert (code, lines[0]) == (0, f"{folder}/good.wast: 1 / 1")

    def test_json_is_a_line_a_file(self, capsys, folder) -> None:
        code, lines = self.call(capsys, "--json", folder)
        assert code == 1
        assert [json.loads(line)["passed"] for line in lines] == [1, 0]

    def test_a_missing_script(self, capsys, folder) -> None:
        assert self.call(capsys, folder / "none.wast")[0] == 1
