"""Traps: messages of the specification, backtraces, and that Wasm goes on working afterwards."""

from __future__ import annotations

import pickle
import threading
import traceback

import pytest

from bembix import Module, StackExhausted, Trap

SOURCE = """(module $traps
  (memory 1) (table $t 2 funcref) (elem (table $t) (i32.const 1) func $nothing)
  (type $takes (func (param i32)))
  (func $nothing)
  (func (export "unreachable") unreachable)
  (func $divide (export "divide") (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_s)
  (func (export "outer") (param i32) (result i32) (i32.add (i32.const 1) (call $divide (i32.const 1) (local.get 0))))
  (func (export "truncate") (param f64) (result i32) local.get 0 i32.trunc_f64_s)
  (func (export "load") (param i32) (result i32) local.get 0 i32.load)
  (func (export "store") (param i32) local.get 0 i32.const 0 i32.store offset=4294967295)
  (func (export "fill") (memory.fill (i32.const 65536) (i32.const 0) (i32.const 1)))
  (func (export "get") (param i32) (result funcref) local.get 0 table.get $t)
  (func (export "indirect") (param i32) local.get 0 call_indirect $t)
  (func (export "mismatch") i32.const 0 i32.const 1 call_indirect $t (type $takes))
  (func $recurse (export "recurse") (param i32) (result i32)
    (i32.add (i32.const 1) (call $recurse (i32.add (local.get 0) (i32.const 1))))))"""


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("unreachable", (), "unreachable"),
        ("divide", (1, 0), "integer divide by zero"),
        ("divide", (-(2**31), -1), "integer overflow"),
        ("truncate", (float("nan"),), "invalid conversion to integer"),
        ("truncate", (1e10,), "integer overflow"),
        ("load", (65533,), "out of bounds memory access"),
        ("load", (-1,), "out of bounds memory access"),
        ("store", (-1,), "out of bounds memory access"),
        ("fill", (), "out of bounds memory access"),
        ("get", (2,), "out of bounds table access"),
        ("indirect", (2,), "undefined element"),
        ("indirect", (0,), "uninitialized element"),
        ("mismatch", (), "indirect call type mismatch"),
    ],
)
def test_message(name: str, arguments: tuple[object, ...], message: str) -> None:
    exports = Module(SOURCE).instantiate().exports
    with pytest.raises(Trap) as caught:
        exports[name](*arguments)
    assert caught.value.message == message
    assert exports.divide(6, 3) == 2
    assert [frame.function for frame in caught.value.backtrace][:1] == [name]


def test_backtrace_names_callers_and_offsets() -> None:
    module = Module(SOURCE)
    with pytest.raises(Trap) as caught:
        module.instantiate().exports.outer(0)
    frames = caught.value.backtrace
    assert [(frame.module, frame.function) for frame in frames] == [("traps", "divide"), ("traps", "outer")]
    binary = module.to_bytes()
    offset = frames[0].offset
    assert offset is not None
    assert binary[offset] == 0x6D  # i32.div_s
    assert caught.value.describe().splitlines()[0] == "integer divide by zero"


def test_the_traceback_shows_the_backtrace() -> None:
    with pytest.raises(Trap) as caught:
        Module(SOURCE).instantiate().exports.outer(0)
    caught.value.add_note("and a note")
    offset = caught.value.backtrace[0].offset
    shown = "".join(traceback.format_exception(caught.value)).splitlines()
    start = shown.index("bembix.errors.Trap: integer divide by zero")
    assert shown[start + 1 : start + 3] == ["WebAssembly, innermost call first:", f"    0: traps!divide at {offset:#x}"]
    assert shown[-1] == "and a note"


def test_recursion_is_shown_short() -> None:
    with pytest.raises(StackExhausted) as caught:
        Module(SOURCE).instantiate().exports.recurse(0)
    assert len(caught.value.describe().splitlines()) < 10
    assert "more times]" in caught.value.describe()


def test_traps_can_be_pickled() -> None:
    with pytest.raises(Trap) as caught:
        Module(SOURCE).instantiate().exports.outer(0)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy)) == (Trap, "integer divide by zero")
    assert copy.backtrace == caught.value.backtrace


def test_stack_exhaustion() -> None:
    exports = Module(SOURCE).instantiate().exports
    with pytest.raises(StackExhausted, match="call stack exhausted") as caught:
        exports.recurse(0)
    assert len(caught.value.backtrace) > 10
    assert exports.divide(4, 2) == 2


def test_stack_exhaustion_in_a_thread() -> None:
    exports = Module(SOURCE).instantiate().exports
    found: list[BaseException] = []

    def body() -> None:
        try:
            exports.recurse(0)
        except StackExhausted as error:
            found.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert len(found) == 1


def test_trap_through_a_host_function() -> None:
    inner = Module(SOURCE).instantiate()
    module = Module('(module (import "env" "f" (func $f)) (func (export "call") call $f))')
    exports = module.instantiate({"env": {"f": lambda: inner.exports.unreachable()}}).exports
    with pytest.raises(Trap, match="unreachable"):
        exports.call()


def test_backtrace_outlives_the_instance() -> None:
    try:
        Module(SOURCE).instantiate().exports.outer(0)
    except Trap as trap:
        kept = trap
    assert [frame.function for frame in kept.backtrace] == ["divide", "outer"]
