"""Functions around functions for exceptions, of every type, as LLVM IR; `compile/prebuilt/wrappers.py` makes them.

Their data is the address of the function inside.  Source: core 3.0, 4.6.8.9 (throw).
"""

from __future__ import annotations

from typing import Final

from bembix.compile.llvm.generic import REGISTERS, RESULT

_IR: Final = """
; Around a function that returns with an exception pending, for callers that do not look.
define $CC $RESULT @plain_wrapper(ptr nest %data, ptr %ctx, REGISTERS) #0 {
  %target = load ptr, ptr %data
  %result = call $CC $RESULT %target(ptr %ctx, REGISTERS)
  %store = get ptr %ctx Context.STORE
  %pending = get ptr %store Store.PENDING
  %none = icmp eq ptr %pending, null
  br i1 %none, label %done, label %thrown
done:
  ret $RESULT %result
thrown:
  call $CC void @unwind_exception(ptr %ctx)
  unreachable
}

; Around a function that leaves by `unwind_exception`, for callers that look: an activation where that arrives.
define $CC $RESULT @bridge_wrapper(ptr nest %data, ptr %ctx, REGISTERS) #0 {
  %activation = alloca [$Activation.SIZE x i8], align 16
  %target = load ptr, ptr %data
  %store = get ptr %ctx Context.STORE
  %thread = call ptr @current_thread()
  %outer = get ptr %thread Thread.TOP
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  put ptr %outer, %activation Activation.PREVIOUS
  put ptr %store, %activation Activation.STORE
  put i64 $Activation.BRIDGE, %activation Activation.KIND
  put ptr null, %activation Activation.HOST
  put ptr %frame, %activation Activation.FRAME
  put ptr %activation, %thread Thread.TOP
  %jumped = call i32 @_setjmp(ptr %activation) #3
  %first = icmp eq i32 %jumped, 0
  br i1 %first, label %run, label %landing
run:
  %result = call $CC $RESULT %target(ptr %ctx, REGISTERS)
  put ptr %outer, %thread Thread.TOP
  ret $RESULT %result
landing:
  put ptr %outer, %thread Thread.TOP
  ret $RESULT zeroinitializer
}
"""

IR: Final = _IR.replace("$RESULT", RESULT).replace("REGISTERS", REGISTERS)
