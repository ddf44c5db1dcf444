"""What a store has left after calls that did not return."""

from __future__ import annotations

from typing import Any

import pytest

import bembix
from bembix import Limits, Module, Store

TIERS: dict[str, dict[str, Any]] = {
    "stencil": {"engine": "stencil"},
    "cheap": {"engine": "llvm"},
    "O2": {"engine": "llvm", "optimize": True},
}
FUEL = 10**12


@pytest.fixture(params=TIERS.values(), ids=TIERS)
def tier(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


@pytest.mark.parametrize(
    "body", ["(loop (br 0))", "(loop (loop (br 1)))", "(loop (drop (i32.load (i32.const 0))) (br 0))"]
)
def test_a_call_that_is_stopped_has_used_what_it_executed(tier: dict[str, Any], body: str) -> None:
    store = Store(limits=Limits(fuel=FUEL))
    spin = Module(f'(module (memory 1) (func (export "spin") {body}))', **tier).instantiate(store=store).exports.spin
    left = [FUEL]
    for _ in range(2):
        with pytest.raises(bembix.Timeout), bembix.deadline(0.3):
            spin()
        left.append(store.fuel)
    assert left[0] > left[1] > left[2]


TRAPS = {
    "unreachable": "(unreachable)",
    "load": "(drop (i32.load (i32.add (local.get 0) (i32.const 0x7fff_ffff))))",
    "store": "(v128.store (i32.const 0x7fff_ffff) (v128.const i64x2 0 0))",
    "divide": "(drop (i32.div_u (local.get 0) (i32.const 0)))",
    "truncate": "(drop (i32.trunc_f64_s (f64.const 1e30)))",
    "fill": "(memory.fill (i32.const 65535) (i32.const 1) (i32.const 100))",
    "call": "(call_indirect (i32.const 100))",
    "null": "(drop (struct.get $s 0 (ref.null $s)))",
    "cast": "(drop (ref.cast (ref i31) (struct.new $s (i32.const 1))))",
    "host": "(call $raise)",
}


def left_by(body: str, tier: dict[str, Any]) -> int | None:
    def fail() -> None:
        raise ZeroDivisionError

    store = Store(limits=Limits(fuel=FUEL))
    module = Module(
        f"""(module
          (import "host" "raise" (func $raise)) (type $s (struct (field i32)))
          (memory 1) (table 1 funcref)
          (func (export "f") (param i32)
            (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            {body}
            (loop $again (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))""",
        **tier,
    )
    with pytest.raises((bembix.Trap, ZeroDivisionError)):
        module.instantiate({"host": {"raise": fail}}, store=store).exports.f(1000)
    return store.fuel


@pytest.mark.parametrize("body", TRAPS.values(), ids=TRAPS)
def test_a_call_that_traps_has_used_the_same_everywhere(body: str) -> None:
    assert len({left_by(body, tier) for tier in TIERS.values()}) == 1
