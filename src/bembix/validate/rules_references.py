"""Rules: references.  Source: core 3.0, 3.4.2 and 3.4.1 (branches on null)."""

from __future__ import annotations

from bembix.binary.immediates import read_heaptype
from bembix.binary.leb import read_u32
from bembix.spec.types import RefType, ref
from bembix.validate.walker import OPEN_REF, Walker, rule


@rule("ref.null")
def ref_null(walker: Walker, pos: int) -> int:
    """Hand over nothing."""
    heap, pos = read_heaptype(walker.code, pos)
    walker.push(walker.context.valtype(ref(True, heap), walker.offset))
    walker.emit[0xD0]()
    return pos


@rule("ref.is_null")
def ref_is_null(walker: Walker, pos: int) -> int:
    """Hand over nothing."""
    from bembix.spec.types import I32

    walker.pop_ref()
    walker.push(I32)
    walker.emit[0xD1]()
    return pos


@rule("ref.func")
def ref_func(walker: Walker, pos: int) -> int:
    """Hand over the function."""
    index, pos = walker.index(pos, walker.context.functions, "function")
    if walker.function >= 0 and index not in walker.context.declared:
        raise walker.error(f"undeclared function reference {index}")
    walker.push(ref(False, walker.context.ids[walker.context.functions[index]]))
    walker.emit[0xD2](index)
    return pos


@rule("ref.as_non_null")
def ref_as_non_null(walker: Walker, pos: int) -> int:
    """Hand over nothing."""
    given = walker.pop_ref()
    walker.push(ref(False, given.heap) if given else OPEN_REF)
    walker.emit[0xD4]()
    return pos


@rule("br_on_null")
def br_on_null(walker: Walker, pos: int) -> int:
    """Hand over the label; the reference stays, above the label's values, where it is not null."""
    depth, pos = read_u32(walker.code, pos)
    given = walker.pop_ref()
    label = walker.target(depth)
    walker.pop_all(label.targets)
    walker.stack += label.targets
    walker.push(ref(False, given.heap) if given else OPEN_REF)
    walker.emit[0xD5](label)
    return pos


@rule("br_on_non_null")
def br_on_non_null(walker: Walker, pos: int) -> int:
    """Hand over the label, whose last value is the reference."""
    depth, pos = read_u32(walker.code, pos)
    label = walker.target(depth)
    if not label.targets or not isinstance(label.targets[-1], RefType):
        raise walker.error("type mismatch: the label takes no reference")
    walker.pop(ref(True, label.targets[-1].heap))
    walker.pop_all(label.targets[:-1])
    walker.stack += label.targets[:-1]
    walker.emit[0xD6](label)
    return pos
