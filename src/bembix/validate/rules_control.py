"""Rules: blocks, branches and what stands between them.  Source: core 3.0, 3.4.1."""

from __future__ import annotations

from typing import Final

from bembix.binary.immediates import read_blocktype
from bembix.binary.leb import read_u32
from bembix.spec.canonical import match_val
from bembix.spec.instructions import BY_NAME
from bembix.spec.limits import MAX_BR_TABLE
from bembix.spec.types import I32, NumType, RefType, ValType
from bembix.validate.sink import Label
from bembix.validate.walker import Walker, rule

_IF: Final = BY_NAME["if"].code
_ELSE: Final = BY_NAME["else"].code
_END: Final = BY_NAME["end"].code


def blocktype(walker: Walker, pos: int) -> tuple[tuple[ValType, ...], tuple[ValType, ...], int]:
    """Read a block type; return parameters, results and the position behind."""
    if walker.code[pos] == 0x40:  # FAST: bench/compile.py, the empty type
        return (), (), pos + 1
    found, pos = read_blocktype(walker.code, pos)
    if found is None:
        return (), (), pos
    if isinstance(found, int):
        functype = walker.context.functype(found, walker.offset)
        return functype.params, functype.results, pos
    return (), (walker.context.valtype(found, walker.offset),), pos


@rule("unreachable")
def unreachable(walker: Walker, pos: int) -> int:
    """Hand over nothing."""
    walker.emit[0x00]()
    walker.stop()
    return pos


@rule("nop")
def nop(walker: Walker, pos: int) -> int:
    """Hand over nothing, not even itself."""
    return pos


def _open(walker: Walker, pos: int, opcode: int, operands: tuple[ValType, ...] = ()) -> int:
    params, results, pos = blocktype(walker, pos)
    walker.pop_all(operands)
    walker.pop_all(params)
    label = walker.open(opcode, params, results)
    walker.emit[opcode](label)
    return pos


@rule("block")
def block(walker: Walker, pos: int) -> int:
    """Hand over the label."""
    return _open(walker, pos, 0x02)


@rule("loop")
def loop(walker: Walker, pos: int) -> int:
    """Hand over the label."""
    return _open(walker, pos, 0x03)


@rule("if")
def if_(walker: Walker, pos: int) -> int:
    """Hand over the label; the condition is on the stack, above its parameters."""
    return _open(walker, pos, _IF, (I32,))


@rule("else")
def else_(walker: Walker, pos: int) -> int:
    """Hand over the label and whether the first arm's end is reached."""
    label = walker.label
    if label.opcode != _IF or label.has_else:
        raise walker.error("else without if" if label.opcode != _IF else "second else of one if")
    walker.pop_all(label.results)
    if len(walker.stack) != label.height:
        raise walker.error(f"type mismatch: the first arm leaves {len(walker.stack) - label.height} more on the stack")
    walker.forget_initialised(label)
    label.has_else = True
    if label.live:
        label.targeted = label.targeted or walker.live
        walker.sink.operations[_ELSE](label, walker.live)
    walker.stack += label.params
    label.polymorphic = False
    walker.set_live(label.live)
    return pos


def _arms_match(walker: Walker, label: Label) -> None:
    """Without an else, the parameters have to do as results."""
    params, results = label.params, label.results
    if len(params) != len(results) or not all(map(match_val, params, results)):
        wants, has = " ".join(map(str, results)), " ".join(map(str, params))
        raise walker.error(f"type mismatch: if without else gives [{wants}] but has only its parameters [{has}]")


@rule("end")
def end(walker: Walker, pos: int) -> int:
    """Hand over the label and whether the end is reached from above; the function's own end goes to `finish`."""
    reached = walker.live
    label = walker.close()
    if not walker.labels:
        if walker.function >= 0:
            walker.sink.finish(reached)
        return pos
    if label.opcode == _IF and not label.has_else:
        _arms_match(walker, label)
    if label.live:
        walker.sink.operations[_END](label, reached)
        arm = label.opcode == _IF and not label.has_else
        walker.set_live(reached or arm or (label.targeted and label.opcode != 0x03))
    walker.stack += label.results
    return pos


@rule("br")
def br(walker: Walker, pos: int) -> int:
    """Hand over the label."""
    depth, pos = read_u32(walker.code, pos)
    label = walker.target(depth)
    walker.pop_all(label.targets)
    walker.emit[0x0C](label)
    walker.stop()
    return pos


@rule("br_if")
def br_if(walker: Walker, pos: int) -> int:
    """Hand over the label."""
    depth, pos = read_u32(walker.code, pos)
    walker.pop(I32)
    label = walker.target(depth)
    if label.targets:
        walker.pop_all(label.targets)
        walker.stack += label.targets
    walker.emit[0x0D](label)
    return pos


@rule("br_table")
def br_table(walker: Walker, pos: int) -> int:
    """Hand over the list of labels and the default one."""
    count, pos = read_u32(walker.code, pos)
    if count > MAX_BR_TABLE or count > walker.end - pos:
        raise walker.error(f"br_table has {count} labels, the limit is {MAX_BR_TABLE}")
    depths = []
    for _ in range(count + 1):
        depth, pos = read_u32(walker.code, pos)
        depths.append(depth)
    walker.pop(I32)
    labels = [walker.target(depth) for depth in depths]
    default = labels.pop()
    arity = len(default.targets)
    for label in dict.fromkeys(labels):
        if len(label.targets) != arity:
            raise walker.error(f"type mismatch: labels take {len(label.targets)} and {arity} values")
        saved = walker.stack[:]
        walker.pop_all(label.targets)
        walker.stack[:] = saved
    walker.pop_all(default.targets)
    walker.emit[0x0E](labels, default)
    walker.stop()
    return pos


@rule("return")
def return_(walker: Walker, pos: int) -> int:
    """Hand over the outermost label, as `br` does."""
    label = walker.labels[0]
    walker.pop_all(label.results)
    if walker.live:
        label.targeted = True
    walker.emit[0x0C](label)
    walker.stop()
    return pos


@rule("drop")
def drop(walker: Walker, pos: int) -> int:
    """Hand over nothing."""
    walker.pop_any()
    walker.emit[0x1A]()
    return pos


@rule("select")
def select(walker: Walker, pos: int) -> int:
    """Hand over the type of the values."""
    walker.pop(I32)
    second = walker.pop_any()
    first = walker.pop_any()
    if isinstance(first, RefType) or isinstance(second, RefType):
        raise walker.error("type mismatch: select without a type works on numbers only")
    if first is not second and first is not None and second is not None:
        raise walker.error(f"type mismatch: select between {first} and {second}")
    found = first if first is not None else second
    walker.push(found)
    walker.emit[0x1B](found)
    return pos


@rule("select t")
def select_typed(walker: Walker, pos: int) -> int:
    """Hand over the type of the values."""
    from bembix.binary.immediates import read_valtype

    count, pos = read_u32(walker.code, pos)
    if count != 1:
        raise walker.error(f"invalid result arity: select has {count} types instead of one")
    found, pos = read_valtype(walker.code, pos)
    valtype: NumType | RefType = walker.context.valtype(found, walker.offset)
    walker.pop(I32)
    walker.pop(valtype)
    walker.pop(valtype)
    walker.push(valtype)
    walker.emit[0x1C](valtype)
    return pos
