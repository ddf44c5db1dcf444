"""How much locals are used, from the bytes of a body."""

from __future__ import annotations

from bembix import Module
from bembix.compile.stencil.weights import weigh


def weights(body: str) -> tuple[dict[int, int], int]:
    text = f"(module (memory 1) (func $f (param i32 i32) (local v128) {body}))"
    code = Module(text, engine="stencil").definition.code[0]
    return weigh(code.entry[3:])  # behind the local's declaration


def test_uses_and_calls_are_counted() -> None:
    assert weights("(drop (i32.add (local.get 0) (local.get 0))) (call $f (local.get 1) (local.get 1))") == (
        {0: 2, 1: 2},
        1,
    )


def test_loops_count_more() -> None:
    assert weights("(drop (local.get 0)) (loop (drop (local.get 1)))")[0] == {0: 1, 1: 8}
    assert weights("(loop (loop (drop (local.get 1))) (drop (local.get 0)))")[0] == {0: 8, 1: 64}


def test_immediates_are_no_instructions() -> None:
    # 32 is the code of local.get, 16 that of call, 3 that of loop.
    for body in (
        "(drop (i32.const 32)) (drop (i32.const 2097184))",
        "(drop (f64.const 1.2e-300)) (drop (f32.const 3.7e-19))",
        "(drop (i32.load offset=4112 (i32.const 16)))",
        "(memory.copy (i32.const 3) (i32.const 3) (i32.const 3))",
        "(local.set 2 (v128.const i8x16 32 0 32 1 16 0 16 0 3 3 3 3 32 0 32 0))",
    ):
        uses, calls = weights(f"{body} (drop (local.get 1))")
        assert (uses.get(0, 0), uses[1], calls) == (0, 1, 0), body


def test_inner_loops_have_registers_first() -> None:
    body = "".join(f"(local.set {k} (i32.const {k}))" for k in range(20))
    loops = "(loop (drop (local.get 20)) (loop (drop (local.get 21)) (loop (drop (local.get 22)))))"
    code = Module(f"(module (func (local {'i32 ' * 23}) {body * 3} {loops}))").definition.code[0]
    uses, calls = weigh(code.entry)
    assert calls == 0
    assert uses[20] < uses[21] < uses[22] == 8**3


def test_what_is_weighed_ends_with_the_body() -> None:
    assert weigh(bytes.fromhex("200029030842017c3703080b")) == ({0: 1}, 0)
    assert weigh(b"") == ({}, 0)
