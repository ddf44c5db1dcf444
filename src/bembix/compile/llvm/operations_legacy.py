"""Writers: exceptions as they were before `try_table`.  Source: the proposal of legacy exceptions, "Execution".

They go the same way as those of `operations_exceptions.py`: a call that returns with one pending branches to the
landing of the innermost `try` that is still in its first part, which looks for the clause.  What a clause caught waits
in a slot of its label for `rethrow`.
"""

from __future__ import annotations

from bembix.compile import layout
from bembix.compile.llvm.operations_control import join_end
from bembix.compile.llvm.operations_exceptions import need_checks, set_pending
from bembix.compile.llvm.sink import Frame, LlvmSink, operation
from bembix.compile.llvm.types import llvm_type
from bembix.spec.types import FuncType
from bembix.validate.sink import Label

_PENDING = layout.Store.PENDING
_EXN = layout.Exception_


@operation("try")
def try_(sink: LlvmSink, label: Label) -> None:
    """A block; its landing is written at its end."""
    need_checks(sink)
    label.data = Frame(f"L{label.number}")


def _caught(label: Label) -> str:
    return f"%{label.data.name}.caught"


def _begin_clause(sink: LlvmSink, label: Label, tag: int | None, reached: bool) -> str:
    """End the clause before, begin the next one; return the exception, which is no longer pending."""
    frame: Frame = label.data
    if reached:
        sink.jump(label, sink.values[label.height :], sink.out)
    del sink.values[label.height :]
    if not frame.catches:
        sink.allocas.append(f"{_caught(label)} = alloca ptr")
    sink.out.append(f"{frame.name}.catch{len(frame.catches)}:")
    frame.catches = [*frame.catches, tag]
    sink.join()
    exception = sink.field("%store", _PENDING, "ptr", sink.own)
    clear = sink.address("%store", _PENDING)
    sink.out.append(f"store ptr null, ptr {clear}{sink.own}\nstore ptr {exception}, ptr {_caught(label)}")
    return exception


@operation("catch")
def catch(sink: LlvmSink, label: Label, tag: int, functype: FuncType, reached: bool) -> None:
    """A clause, which begins with the payload."""
    exception = _begin_clause(sink, label, tag, reached)
    for index, valtype in enumerate(functype.params):
        sink.push(sink.field(exception, _EXN.PAYLOAD + 16 * index, llvm_type(valtype), sink.own))


@operation("catch_all")
def catch_all(sink: LlvmSink, label: Label, reached: bool) -> None:
    """The last clause."""
    _begin_clause(sink, label, None, reached)


@operation("rethrow")
def rethrow(sink: LlvmSink, label: Label) -> None:
    """Let go again what a clause caught."""
    name = sink.name()
    sink.out.append(f"{name} = load ptr, ptr {_caught(label)}")
    set_pending(sink, name)


@operation("delegate")
def delegate(sink: LlvmSink, label: Label, depth: int, reached: bool) -> None:
    """The end of a block whose exceptions go where those of a label around it go."""
    frame: Frame = label.data
    if frame.landing_used:
        sink.settle()
        sink.cold.append(f"{frame.name}.landing:\nbr label %{sink.landing(depth)}")
    join_end(sink, label, reached)


def write_legacy_landing(sink: LlvmSink, label: Label) -> None:
    """Write what looks for the clause, behind the function's other code."""
    frame: Frame = label.data
    sink.settle()
    body, sink.out = sink.out, []
    try:
        sink.out.append(f"{frame.name}.landing:")
        exception = sink.field("%store", _PENDING, "ptr", sink.own)
        given = sink.field(exception, _EXN.TAG, "ptr", sink.own)
        for number, tag in enumerate(frame.catches):
            clause = f"{frame.name}.catch{number}"
            if tag is None:
                sink.out.append(f"br label %{clause}")
                break
            assert isinstance(tag, int)
            wanted = sink.context_field(sink.layout.tag(tag))
            sink.out.append(
                f"%{clause}.c = icmp eq ptr {given}, {wanted}\n"
                f"br i1 %{clause}.c, label %{clause}, label %{clause}.no\n{clause}.no:"
            )
        else:
            sink.out.append(f"br label %{sink.landing()}")
        sink.cold += sink.out
    finally:
        sink.out = body
