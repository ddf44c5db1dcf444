"""Rules: locals, globals and constants.  Source: core 3.0, 3.4.6."""

from __future__ import annotations

from bembix.binary.leb import read_u32
from bembix.validate.walker import Walker, rule


def _local(walker: Walker, pos: int) -> tuple[int, int]:
    index = walker.code[pos]
    if index < 0x80:  # FAST: bench/compile.py, one byte
        pos += 1
    else:
        index, pos = read_u32(walker.code, pos)
    if index >= len(walker.locals):
        raise walker.error(f"unknown local {index}")
    return index, pos


@rule("local.get")
def local_get(walker: Walker, pos: int) -> int:
    """Hand over the index."""
    index = walker.code[pos]
    if index < 0x80 and index < len(walker.locals):  # FAST: bench/compile.py, a third of all instructions
        pos += 1
    else:
        index, pos = _local(walker, pos)
    if walker.unset and index in walker.unset:
        raise walker.error(f"uninitialized local {index}")
    walker.stack.append(walker.locals[index])
    walker.emit[0x20](index)
    return pos


def _set(walker: Walker, index: int) -> None:
    if index in walker.unset:
        walker.unset.discard(index)
        walker.initialised.append(index)


@rule("local.set")
def local_set(walker: Walker, pos: int) -> int:
    """Hand over the index."""
    index, pos = _local(walker, pos)
    walker.pop(walker.locals[index])
    if walker.unset:
        _set(walker, index)
    walker.emit[0x21](index)
    return pos


@rule("local.tee")
def local_tee(walker: Walker, pos: int) -> int:
    """Hand over the index."""
    index, pos = _local(walker, pos)
    valtype = walker.locals[index]
    walker.pop(valtype)
    walker.stack.append(valtype)
    if walker.unset:
        _set(walker, index)
    walker.emit[0x22](index)
    return pos


@rule("global.get")
def global_get(walker: Walker, pos: int) -> int:
    """Hand over the index."""
    index, pos = walker.index(pos, walker.context.globals, "global")
    found = walker.context.globals[index]
    if walker.function < 0 and (index >= walker.context.visible_globals or found.mutable):
        if index >= walker.context.visible_globals:
            raise walker.error(f"unknown global {index}: it is defined later")
        raise walker.error(f"constant expression required: global {index} is mutable")
    walker.stack.append(found.value)
    walker.emit[0x23](index)
    return pos


@rule("global.set")
def global_set(walker: Walker, pos: int) -> int:
    """Hand over the index."""
    index, pos = walker.index(pos, walker.context.globals, "global")
    found = walker.context.globals[index]
    if not found.mutable:
        raise walker.error(f"immutable global {index}")
    walker.pop(found.value)
    walker.emit[0x24](index)
    return pos
