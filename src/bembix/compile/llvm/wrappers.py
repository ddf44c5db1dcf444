"""Functions around functions for exceptions, as LLVM IR for the code generator to add to its modules.

Code that looks for pending exceptions calls a function's THROWING_CODE, other code its CODE.  A function is compiled in
one of the two forms; a wrapper is the other.  They reach everything through the context.

Source: core 3.0, 4.6.8.9 (throw).
"""

from __future__ import annotations

from bembix.compile.llvm import vm
from bembix.compile.llvm.emit import ATTRIBUTES
from bembix.compile.llvm.ir import expand
from bembix.compile.llvm.types import CC, in_registers, llvm_type, parameters, results_type, zero
from bembix.spec.types import FuncType


def _call(target: str, functype: FuncType) -> tuple[str, str]:
    """Return the call of the function inside, and the return of its result."""
    type_ = results_type(functype)
    where = in_registers(functype)
    arguments = "".join(f", {llvm_type(t)} %p{k}" for k, t in enumerate(functype.params) if where[k])
    call = f"call {CC} {type_} {target}(ptr %ctx{arguments})"
    return (call, "ret void") if type_ == "void" else (f"%result = {call}", f"ret {type_} %result")


def plain_wrapper(name: str, target: str, functype: FuncType) -> str:
    """Return a function that calls `target`, which returns with an exception pending, for callers that do not look."""
    call, leave = _call(target, functype)
    text = f"""
define {CC} {results_type(functype)} @{name}({parameters(functype)}) {ATTRIBUTES} {{
  {call}
  %store = get ptr %ctx Context.STORE
  %pending = get ptr %store Store.PENDING
  %none = icmp eq ptr %pending, null
  br i1 %none, label %done, label %thrown
done:
  {leave}
thrown:
  %runtime = get ptr %ctx Context.RUNTIME
  %unwind.at = getelementptr i8, ptr %runtime, i64 {vm.RUNTIME["unwind_exception"]}
  %unwind = load ptr, ptr %unwind.at
  call {CC} void %unwind(ptr %ctx)
  unreachable
}}
"""
    return expand(text)


def bridge_wrapper(name: str, target: str, functype: FuncType) -> str:
    """Return a function that calls `target`, which leaves by `unwind_exception`, for callers that look.

    Like an entry stub it is an activation; it lands with zeros and the exception still pending.
    """
    call, leave = _call(target, functype)
    type_ = results_type(functype)
    text = f"""
define {CC} {type_} @{name}({parameters(functype)}) {ATTRIBUTES} {{
  %activation = alloca [$Activation.SIZE x i8], align 16
  %store = get ptr %ctx Context.STORE
  %runtime = get ptr %ctx Context.RUNTIME
  %thread.at = getelementptr i8, ptr %runtime, i64 {vm.RUNTIME["thread"]}
  %thread.function = load ptr, ptr %thread.at
  %thread = call ptr %thread.function()
  %jump.at = getelementptr i8, ptr %runtime, i64 {vm.RUNTIME["set_jump"]}
  %jump = load ptr, ptr %jump.at
  %outer = get ptr %thread Thread.TOP
  %frame = getelementptr i8, ptr %activation, i64 $Activation.SIZE
  put ptr %outer, %activation Activation.PREVIOUS
  put ptr %store, %activation Activation.STORE
  put i64 $Activation.BRIDGE, %activation Activation.KIND
  put ptr %frame, %activation Activation.FRAME
  put ptr %activation, %thread Thread.TOP
  %jumped = call i32 %jump(ptr %activation) returns_twice
  %first = icmp eq i32 %jumped, 0
  br i1 %first, label %run, label %landing
run:
  {call}
  put ptr %outer, %thread Thread.TOP
  {leave}
landing:
  put ptr %outer, %thread Thread.TOP
  ret {type_}{"" if type_ == "void" else " " + zero(type_)}
}}
"""
    return expand(text)
