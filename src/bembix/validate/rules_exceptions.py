"""Rules: throwing and catching.  Source: core 3.0, 3.4.1."""

from __future__ import annotations

from typing import Final

from bembix.binary.immediates import Catch, read_catches
from bembix.spec.canonical import match_val
from bembix.spec.types import EXNREF, AbsHeap, ValType, ref
from bembix.validate.rules_control import blocktype
from bembix.validate.walker import Walker, rule

_CAUGHT: Final = ref(False, AbsHeap.EXN)


@rule("throw")
def throw(walker: Walker, pos: int) -> int:
    """Hand over the tag and its type."""
    index, pos = walker.index(pos, walker.context.tags, "tag")
    functype = walker.context.tag_type(index)
    walker.pop_all(functype.params)
    walker.context.catches = True
    walker.emit[0x08](index, functype)
    walker.stop()
    return pos


@rule("throw_ref")
def throw_ref(walker: Walker, pos: int) -> int:
    """Hand over nothing."""
    walker.pop(EXNREF)
    walker.context.catches = True
    walker.emit[0x0A]()
    walker.stop()
    return pos


def _check_catch(walker: Walker, catch: Catch) -> None:
    given: tuple[ValType, ...] = ()
    if catch.tag is not None:
        if catch.tag >= len(walker.context.tags):
            raise walker.error(f"unknown tag {catch.tag}")
        given = walker.context.tag_type(catch.tag).params
    if catch.kind.endswith("_ref"):
        given = (*given, _CAUGHT)
    wanted = walker.target(catch.label).targets
    if len(given) != len(wanted) or not all(map(match_val, given, wanted)):
        wants, has = " ".join(map(str, wanted)), " ".join(map(str, given))
        raise walker.error(f"type mismatch: label takes [{wants}] but {catch.kind} gives [{has}]")


@rule("try_table")
def try_table(walker: Walker, pos: int) -> int:
    """Hand over the label, the catch clauses and the label that each goes to."""
    params, results, pos = blocktype(walker, pos)
    catches, pos = read_catches(walker.code, pos)
    walker.pop_all(params)
    for catch in catches:
        _check_catch(walker, catch)
    targets = [walker.target(catch.label) for catch in catches]
    walker.context.catches = True
    label = walker.open(0x1F, params, results)
    walker.emit[0x1F](label, catches, targets)
    return pos
