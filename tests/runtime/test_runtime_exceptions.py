"""Exceptions that cross between Wasm and Python, both ways."""

from __future__ import annotations

import pickle

import pytest

from bembix import Module, Tag, WasmException

SOURCE = """(module $m (import "env" "fail" (func $fail (param i32)))
  (import "env" "given" (tag $given (param i64))) (tag $t (export "tag") (param i32 externref))
  (func (export "throw") (param i32 externref) (throw $t (local.get 0) (local.get 1)))
  (func (export "catch") (param i32) (result i32 externref)
    (block $caught (result i32 externref)
      (try_table (catch $t $caught) (call $fail (local.get 0)))
      i32.const -1 ref.null extern))
  (func (export "catch_given") (result i64)
    (block $caught (result i64)
      (try_table (catch $given $caught) (call $fail (i32.const 0)))
      i64.const -1))
  (func (export "catch_all") (param i32) (result i32)
    (block $caught (try_table (catch_all $caught) (call $fail (local.get 0))) (return (i32.const 0)))
    i32.const 1)
  (func (export "keep") (param i32) (result exnref)
    (block $caught (result exnref) (try_table (catch_all_ref $caught) (call $fail (local.get 0))) ref.null exn))
  (func (export "again") (param exnref) (throw_ref (local.get 0))))"""


def no_fail(number: int) -> None:
    pass


def test_uncaught_exception() -> None:
    exports = Module(SOURCE).instantiate({"env": {"fail": no_fail, "given": Tag(["i64"])}}).exports
    thing = object()
    with pytest.raises(WasmException) as caught:
        exports.throw(5, thing)
    assert caught.value.tag is exports.tag
    assert caught.value.payload == (5, thing)
    assert exports.catch_all(0) == 0  # nothing is left behind


def test_a_pickled_exception_says_the_same() -> None:
    exports = Module(SOURCE).instantiate({"env": {"fail": no_fail, "given": Tag(["i64"])}}).exports
    with pytest.raises(WasmException) as caught:
        exports.throw(5, "thing")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.message) == (str(caught.value), caught.value.message)
    assert (copy.payload, copy.backtrace, copy.tag) == ((5, "thing"), caught.value.backtrace, None)


def test_host_function_throws() -> None:
    def fail(number: int) -> None:
        raise WasmException(exports.tag, (number + 1, "payload"))

    exports = Module(SOURCE).instantiate({"env": {"fail": fail, "given": Tag(["i64"])}}).exports
    assert exports.catch(5) == (6, "payload")
    assert exports.catch_all(5) == 1


def test_host_function_throws_its_own_tag() -> None:
    tag = Tag(["i64"])

    def fail(number: int) -> None:
        raise WasmException(tag, (-7,))

    exports = Module(SOURCE).instantiate({"env": {"fail": fail, "given": tag}}).exports
    assert exports.catch_given() == -7
    with pytest.raises(WasmException) as caught:
        exports.catch(0)
    assert caught.value.tag is tag
    assert caught.value.payload == (-7,)


def test_exception_passes_through_python() -> None:
    def fail(number: int) -> None:
        exports.throw(number, None)

    exports = Module(SOURCE).instantiate({"env": {"fail": fail, "given": Tag(["i64"])}}).exports
    assert exports.catch(9) == (9, None)


def test_tag_of_another_store_is_not_caught() -> None:
    stranger = Module('(module (tag (export "tag")))').instantiate().exports.tag

    def fail(number: int) -> None:
        raise WasmException(stranger, ())

    exports = Module(SOURCE).instantiate({"env": {"fail": fail, "given": Tag(["i64"])}}).exports
    with pytest.raises(WasmException) as caught:
        exports.catch_all(0)
    assert caught.value.tag is stranger


def test_python_errors_are_not_caught() -> None:
    def fail(number: int) -> None:
        raise KeyError(number)

    exports = Module(SOURCE).instantiate({"env": {"fail": fail, "given": Tag(["i64"])}}).exports
    with pytest.raises(KeyError):
        exports.catch_all(0)


@pytest.mark.parametrize(
    ("payload", "error", "message"),
    [
        ((1,), TypeError, "has 2 values, not 1"),
        (("1", None), TypeError, r"payload 1 of <bembix.Tag \(i32 externref\)> must be i32"),
        ((2**40, None), OverflowError, "does not fit i32"),
    ],
)
def test_wrong_payload(payload: tuple[object, ...], error: type[Exception], message: str) -> None:
    def fail(number: int) -> None:
        raise WasmException(exports.tag, payload)

    exports = Module(SOURCE).instantiate({"env": {"fail": fail, "given": Tag(["i64"])}}).exports
    with pytest.raises(error, match=message):
        exports.catch(0)


def test_exnref_goes_to_python_and_back() -> None:
    def fail(number: int) -> None:
        raise WasmException(exports.tag, (number, "kept"))

    exports = Module(SOURCE).instantiate({"env": {"fail": fail, "given": Tag(["i64"])}}).exports
    kept = exports.keep(3)
    for _ in range(2):
        with pytest.raises(WasmException) as caught:
            exports.again(kept)
        assert caught.value.payload == (3, "kept")
    with pytest.raises(TypeError, match=r"again\(\) argument 1 must be exnref \(an ExnRef\), not int"):
        exports.again(5)
    foreign = Module(SOURCE).instantiate({"env": {"fail": no_fail, "given": Tag(["i64"])}}).exports
    with pytest.raises(ValueError, match="belongs to another store"):
        foreign.again(kept)


def test_exception_in_a_start_function() -> None:
    with pytest.raises(WasmException):
        Module("(module (tag $t) (func $s (throw $t)) (start $s))").instantiate()


def test_many_exceptions() -> None:
    exports = Module(SOURCE).instantiate({"env": {"fail": no_fail, "given": Tag(["i64"])}}).exports
    for number in range(1000):
        with pytest.raises(WasmException):
            exports.throw(number, None)
