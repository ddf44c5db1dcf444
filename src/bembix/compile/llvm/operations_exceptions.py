"""Writers: throwing and catching.  Source: core 3.0, 4.6.10.

A throw leaves the exception in the store block and goes to the landing of the innermost `try_table`, or returns; every
call of a module that handles exceptions is followed by a look at the store block (`LlvmSink.check_pending`).
"""

from __future__ import annotations

from collections.abc import Sequence

from bembix.binary.immediates import Catch
from bembix.compile import layout
from bembix.compile.heap import Size
from bembix.compile.llvm.objects import allocate
from bembix.compile.llvm.sink import Frame, LlvmSink, operation
from bembix.compile.llvm.types import llvm_type
from bembix.compile.traps import Reason
from bembix.errors import CompileError
from bembix.spec.types import FuncType
from bembix.validate.sink import Label

_PENDING = layout.Store.PENDING
_EXN = layout.Exception_


def need_checks(sink: LlvmSink) -> None:
    """Fail where this module's code does not look for exceptions."""
    if not sink.checked:
        raise CompileError(
            f"a module that has no tag handles exceptions in a function that compiles late (function {sink.function}): "
            "validate the whole module before running it"
        )


def set_pending(sink: LlvmSink, exception: str) -> None:
    """Let an exception go."""
    sink.settle()
    at = sink.address("%store", _PENDING)
    sink.out.append(f"store ptr {exception}, ptr {at}{sink.own}\nbr label %{sink.landing()}")


@operation("throw")
def throw(sink: LlvmSink, tag: int, functype: FuncType) -> None:
    """Make an exception and let it go."""
    need_checks(sink)
    values = sink.pop_many(len(functype.params))
    identity = sink.context_field(sink.layout.tag(tag))
    exception = allocate(sink, _EXN.PAYLOAD + 16 * len(values), str(Size.EXCEPTION_TYPE))
    for at, word in ((_EXN.TAG, f"ptr {identity}"), (_EXN.COUNT, f"i64 {len(values)}")):
        sink.out.append(f"store {word}, ptr {sink.address(exception, at)}{sink.own}")
    for index, (valtype, value) in enumerate(zip(functype.params, values, strict=True)):
        place = sink.address(exception, _EXN.PAYLOAD + 16 * index)
        sink.out.append(f"store {llvm_type(valtype)} {value}, ptr {place}{sink.own}")
    set_pending(sink, exception)


@operation("throw_ref")
def throw_ref(sink: LlvmSink) -> None:
    """Let an exception go again."""
    need_checks(sink)
    exception, name = sink.pop(), sink.name()
    sink.out.append(f"{name} = icmp eq ptr {exception}, null")
    sink.trap_if(name, Reason.NULL_EXCEPTION)
    set_pending(sink, exception)


@operation("try_table")
def try_table(sink: LlvmSink, label: Label, catches: Sequence[Catch], targets: Sequence[Label]) -> None:
    """A block; its landing is written at its end."""
    need_checks(sink)
    label.data = Frame(f"L{label.number}", catches=catches, targets=targets)


def write_landing(sink: LlvmSink, label: Label) -> None:
    """Write what looks at the catch clauses, behind the function's other code."""
    frame: Frame = label.data
    sink.settle()
    body, sink.out = sink.out, []
    try:
        sink.out.append(f"{frame.name}.landing:")
        exception = sink.field("%store", _PENDING, "ptr", sink.own)
        given = sink.field(exception, _EXN.TAG, "ptr", sink.own)
        for number, (catch, target) in enumerate(zip(frame.catches, frame.targets, strict=True)):
            assert isinstance(catch, Catch)
            if _write_catch(sink, f"{frame.name}.catch{number}", catch, target, exception, given):
                break
        else:
            sink.out.append(f"br label %{sink.landing()}")
        sink.cold += sink.out
    finally:
        sink.out = body


def _write_catch(sink: LlvmSink, name: str, catch: Catch, target: Label, exception: str, given: str) -> bool:
    """Write one clause; return whether it takes every exception."""
    types: tuple[object, ...] = ()
    if catch.tag is not None:
        wanted = sink.context_field(sink.layout.tag(catch.tag))
        sink.out.append(
            f"%{name}.c = icmp eq ptr {given}, {wanted}\nbr i1 %{name}.c, label %{name}, label %{name}.no\n{name}:"
        )
        types = sink.context.tag_type(catch.tag).params
    clear = sink.address("%store", _PENDING)
    sink.out.append(f"store i64 0, ptr {clear}{sink.own}")
    values = [
        sink.field(exception, _EXN.PAYLOAD + 16 * index, llvm_type(valtype), sink.own)  # type: ignore[arg-type]
        for index, valtype in enumerate(types)
    ]
    if catch.kind.endswith("_ref"):
        values.append(exception)
    sink.jump(target, values, sink.out)
    if catch.tag is not None:
        sink.out.append(f"{name}.no:")
    return catch.tag is None
