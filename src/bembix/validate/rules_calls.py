"""Rules: calls and tail calls.  Source: core 3.0, 3.4.1."""

from __future__ import annotations

from bembix.spec.canonical import match_val
from bembix.spec.types import FUNCREF, FuncType, ref
from bembix.validate.rules_tables import table_index
from bembix.validate.walker import Walker, rule


def _finish(walker: Walker, functype: FuncType, tail: bool) -> None:
    """Take the arguments; then give the results, or check that the function's own are those."""
    walker.pop_all(functype.params)
    if not tail:
        walker.stack += functype.results
        return
    own = walker.labels[0].results
    if len(own) != len(functype.results) or not all(map(match_val, functype.results, own)):
        wants, has = " ".join(map(str, own)), " ".join(map(str, functype.results))
        raise walker.error(f"type mismatch: function gives [{wants}] but the tail call gives [{has}]")


def _call(walker: Walker, pos: int, opcode: int, tail: bool) -> int:
    index, pos = walker.index(pos, walker.context.functions, "function")
    functype = walker.context.function_type(index)
    _finish(walker, functype, tail)
    walker.emit[opcode](index, functype)
    return pos


def _call_indirect(walker: Walker, pos: int, opcode: int, tail: bool) -> int:
    type_index, pos = walker.index(pos, walker.context.ids, "type")
    functype = walker.context.functype(type_index, walker.offset)
    index, table, pos = table_index(walker, pos)
    if not match_val(table.element, FUNCREF):
        raise walker.error(f"type mismatch: calls through a table of {table.element}")
    walker.pop(table.address)
    _finish(walker, functype, tail)
    walker.emit[opcode](index, type_index, functype)
    return pos


def _call_ref(walker: Walker, pos: int, opcode: int, tail: bool) -> int:
    type_index, pos = walker.index(pos, walker.context.ids, "type")
    functype = walker.context.functype(type_index, walker.offset)
    walker.pop(ref(True, walker.context.ids[type_index]))
    _finish(walker, functype, tail)
    walker.emit[opcode](functype)
    return pos


@rule("call")
def call(walker: Walker, pos: int) -> int:
    """Hand over the function and its type."""
    return _call(walker, pos, 0x10, tail=False)


@rule("call_indirect")
def call_indirect(walker: Walker, pos: int) -> int:
    """Hand over the table, the type index and the type."""
    return _call_indirect(walker, pos, 0x11, tail=False)


@rule("call_ref")
def call_ref(walker: Walker, pos: int) -> int:
    """Hand over the type."""
    return _call_ref(walker, pos, 0x14, tail=False)


@rule("return_call")
def return_call(walker: Walker, pos: int) -> int:
    """Hand over the function and its type."""
    pos = _call(walker, pos, 0x12, tail=True)
    walker.stop()
    return pos


@rule("return_call_indirect")
def return_call_indirect(walker: Walker, pos: int) -> int:
    """Hand over the table, the type index and the type."""
    pos = _call_indirect(walker, pos, 0x13, tail=True)
    walker.stop()
    return pos


@rule("return_call_ref")
def return_call_ref(walker: Walker, pos: int) -> int:
    """Hand over the type."""
    pos = _call_ref(walker, pos, 0x15, tail=True)
    walker.stop()
    return pos
