"""Rules: exceptions as they were before `try_table`.  Source: the proposal of legacy exceptions, "Validation"."""

from __future__ import annotations

from typing import Final

from bembix.binary.leb import read_u32
from bembix.spec.instructions import BY_NAME
from bembix.spec.types import ValType
from bembix.validate.rules_control import blocktype
from bembix.validate.sink import Label
from bembix.validate.walker import Walker, rule

_TRY: Final = BY_NAME["try"].code
_CATCH: Final = BY_NAME["catch"].code
_CATCH_ALL: Final = BY_NAME["catch_all"].code
_DELEGATE: Final = BY_NAME["delegate"].code
_RETHROW: Final = BY_NAME["rethrow"].code


@rule("try")
def try_(walker: Walker, pos: int) -> int:
    """Hand over the label; its opcode becomes that of the clause that is open."""
    params, results, pos = blocktype(walker, pos)
    walker.pop_all(params)
    walker.context.catches = True
    walker.emit[_TRY](walker.open(_TRY, params, results))
    return pos


def _end_clause(walker: Walker, label: Label) -> bool:
    """Take the results of the clause that ends here; return whether its end is reached."""
    there = walker.stack[label.height :]
    walker.pop_all(label.results)
    if len(walker.stack) != label.height:
        wants, has = " ".join(map(str, label.results)), " ".join(map(str, there))
        raise walker.error(f"type mismatch: block requires [{wants}] but stack has [{has}]")
    walker.forget_initialised(label)
    reached = walker.live
    label.targeted = label.targeted or reached
    return reached


def _clause(walker: Walker, opcode: int, types: tuple[ValType, ...]) -> tuple[Label, bool]:
    label = walker.label
    if label.opcode not in (_TRY, _CATCH):
        raise walker.error(f"{'catch' if opcode == _CATCH else 'catch_all'} without try")
    reached = _end_clause(walker, label)
    label.opcode = opcode
    label.polymorphic = False
    walker.stack += types
    walker.set_live(label.live)
    return label, reached


@rule("catch")
def catch(walker: Walker, pos: int) -> int:
    """Hand over the label, the tag, its type and whether the end of the clause before is reached."""
    index, pos = walker.index(pos, walker.context.tags, "tag")
    functype = walker.context.tag_type(index)
    label, reached = _clause(walker, _CATCH, functype.params)
    walker.emit[_CATCH](label, index, functype, reached)
    return pos


@rule("catch_all")
def catch_all(walker: Walker, pos: int) -> int:
    """Hand over the label and whether the end of the clause before is reached."""
    label, reached = _clause(walker, _CATCH_ALL, ())
    walker.emit[_CATCH_ALL](label, reached)
    return pos


@rule("delegate")
def delegate(walker: Walker, pos: int) -> int:
    """Hand over the label, which is closed, how many of those around it are passed by, whether its end is reached."""
    depth, pos = read_u32(walker.code, pos)
    label = walker.label
    if label.opcode != _TRY:
        raise walker.error("delegate without try")
    if depth >= len(walker.labels) - 1:
        raise walker.error(f"unknown label {depth}: {len(walker.labels) - 1} blocks are open")
    reached = walker.live
    walker.close()
    if label.live:
        walker.sink.operations[_DELEGATE](label, depth, reached)
        walker.set_live(reached or label.targeted)
    walker.stack += label.results
    return pos


@rule("rethrow")
def rethrow(walker: Walker, pos: int) -> int:
    """Hand over the label, that of a clause that caught something."""
    depth, pos = read_u32(walker.code, pos)
    if depth >= len(walker.labels):
        raise walker.error(f"unknown label {depth}: {len(walker.labels)} blocks are open")
    label = walker.labels[-1 - depth]
    if label.opcode not in (_CATCH, _CATCH_ALL):
        raise walker.error(f"invalid rethrow label {depth}")
    walker.emit[_RETHROW](label)
    walker.stop()
    return pos
