"""What compiled code has Python do for it, as LLVM IR: compile a function, grow a memory or a table, meet a new thread.

Source: the Python C API; only what it documents is used.
"""

from __future__ import annotations

from typing import Final

IR: Final = """
@format_attach = text ""
@format_two = text "KK"
@format_three = text "KKK"
@format_four = text "KKKK"

; This thread's block, made now; null with an exception set where that fails.
define ptr @attach() noinline #0 {
  %service = get ptr @state State.ATTACH
  %object = python(ptr %service, ptr @format_attach)
  %failed = icmp eq ptr %object, null
  br i1 %failed, label %bad, label %good
good:
  %address = call ptr @PyLong_AsVoidPtr(ptr %object)
  call void @Py_DecRef(ptr %object)
  ret ptr %address
bad:
  ret ptr null
}

; Back to Wasm from Python; what waiting for the store raises leaves Wasm.
define void @resume(ptr %thread) #0 {
  %good = call i32 @proceed(ptr %thread)
  %fine = icmp ne i32 %good, 0
  br i1 %fine, label %look, label %bad
look:
  call void @attend(ptr %thread)
  ret void
bad:
  call void @unwind_python()
  unreachable
}

; The number that a service gave to a thread that had paused for it; its exception leaves Wasm.
define internal i64 @answer(ptr %thread, ptr %object) #0 {
  %failed = icmp eq ptr %object, null
  br i1 %failed, label %bad, label %read
read:
  %value = call i64 @PyLong_AsLongLong(ptr %object)
  call void @Py_DecRef(ptr %object)
  %doubtful = icmp eq i64 %value, -1
  br i1 %doubtful, label %check, label %good
check:
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %good, label %bad
good:
  call void @resume(ptr %thread)
  ret i64 %value
bad:
  call void @unwind_python()
  unreachable
}

define $CC i64 @memory_grow(ptr %ctx, i64 %index, i64 %delta) #0 {
  spill
  %thread = call ptr @current_thread()
  call void @pause(ptr %thread)
  %service = get ptr @state State.MEMORY_GROW
  %object = python(ptr %service, ptr @format_three, ptr %ctx, i64 %index, i64 %delta)
  %value = call i64 @answer(ptr %thread, ptr %object)
  ret i64 %value
}

define $CC i64 @table_grow(ptr %ctx, i64 %index, ptr %init, i64 %delta) #0 {
  spill
  %thread = call ptr @current_thread()
  call void @pause(ptr %thread)
  %service = get ptr @state State.TABLE_GROW
  %object = python(ptr %service, ptr @format_four, ptr %ctx, i64 %index, ptr %init, i64 %delta)
  %value = call i64 @answer(ptr %thread, ptr %object)
  ret i64 %value
}

define $CC void @hot(ptr %ctx, i64 %index) #0 {
  spill
  %thread = call ptr @current_thread()
  call void @pause(ptr %thread)
  %service = get ptr @state State.HOT
  %object = python(ptr %service, ptr @format_two, ptr %ctx, i64 %index)
  %value = call i64 @answer(ptr %thread, ptr %object)
  ret void
}

; Called by the lazy entry: compile the function whose stub gives %after, return its code.  Those parameters of the
; call that are not in registers are in the store, which Python may use meanwhile.
define ptr @lazy_resolve(ptr %ctx, i64 %after) #0 {
  %kept = alloca [$Store.SIZE x i8], align 16
  %store = get ptr %ctx Context.STORE
  %values = getelementptr i8, ptr %store, i64 $Store.VALUES
  %size = shl i64 $Store.MAX_VALUES, 4
  call void @llvm.memcpy.p0.p0.i64(ptr %kept, ptr %values, i64 %size, i1 false)
  %stubs = get i64 %ctx Context.STUBS
  %first = add i64 %stubs, $Platform.stub_return
  %distance = sub i64 %after, %first
  %index = udiv exact i64 %distance, $Platform.stub_size
  spill
  %thread = call ptr @current_thread()
  call void @pause(ptr %thread)
  %service = get ptr @state State.COMPILE
  %object = python(ptr %service, ptr @format_two, ptr %ctx, i64 %index)
  %value = call i64 @answer(ptr %thread, ptr %object)
  call void @llvm.memcpy.p0.p0.i64(ptr %values, ptr %kept, i64 %size, i1 false)
  %code = inttoptr i64 %value to ptr
  ret ptr %code
}
"""
