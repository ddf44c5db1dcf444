"""Where calls between Python and Wasm leave the fast path, as LLVM IR: conversions that a helper does, and exceptions.

Source: the Python C API; only what it documents is used.
"""

from __future__ import annotations

from typing import Final

IR: Final = """
@format_arguments = text "KOOO"
@format_limited = text "OKOO"
@format_results = text "KKO"
@format_raise = text "OKK"
@format_exception = text "O"
@no_exception = text "bembix: nothing was raised here"

; Copy what a conversion helper packed (n cells as a bytes object, which is consumed); 0 where it raised.
define internal i32 @take_cells(ptr %packed, ptr %cells, i64 %n) #0 {
  %failed = icmp eq ptr %packed, null
  br i1 %failed, label %bad, label %read
read:
  %bytes = call ptr @PyBytes_AsString(ptr %packed)
  %none = icmp eq ptr %bytes, null
  br i1 %none, label %drop, label %copy
copy:
  %size = shl i64 %n, 4
  call void @llvm.memcpy.p0.p0.i64(ptr %cells, ptr %bytes, i64 %size, i1 false)
  call void @Py_DecRef(ptr %packed)
  ret i32 1
drop:
  call void @Py_DecRef(ptr %packed)
  br label %bad
bad:
  ret i32 0
}

; The arguments of a vectorcall as a tuple, those with names last; null where that fails.
define internal ptr @gather(ptr %args, i64 %flagged, ptr %names) #0 {
start:
  %positional = and i64 %flagged, 9223372036854775807
  %no_names = icmp eq ptr %names, null
  br i1 %no_names, label %make, label %named
named:
  %named.count = call i64 @PyTuple_Size(ptr %names)
  br label %make
make:
  %extra = phi i64 [ 0, %start ], [ %named.count, %named ]
  %count = add i64 %positional, %extra
  %tuple = call ptr @PyTuple_New(i64 %count)
  %failed = icmp eq ptr %tuple, null
  br i1 %failed, label %done, label %look
look:
  %k = phi i64 [ 0, %make ], [ %more, %step ]
  %some = icmp ult i64 %k, %count
  br i1 %some, label %step, label %done
step:
  %object.at = getelementptr ptr, ptr %args, i64 %k
  %object = load ptr, ptr %object.at
  call void @Py_IncRef(ptr %object)
  %set = call i32 @PyTuple_SetItem(ptr %tuple, i64 %k, ptr %object)
  %more = add i64 %k, 1
  br label %look
done:
  ret ptr %tuple
}

; Hold off collections %count times more, or less: one step for all that has the GIL.
define void @add_hold(ptr %store, i64 %count) #0 {
  %holds = get i64 %store Store.HOLD
  %new = add i64 %holds, %count
  put i64 %new, %store Store.HOLD
  ret void
}

; Arguments that the fast path does not take: a helper raises, or converts them into cells.  Nothing is collected
; meanwhile, because the addresses it makes are only in Python objects until they are in the cells.
define i32 @convert_arguments(i64 %shape, ptr %self, ptr %args, i64 %flagged, ptr %names, ptr %cells, i64 %n) #0 {
  call void @PyErr_Clear()
  %tuple = call ptr @gather(ptr %args, i64 %flagged, ptr %names)
  %failed = icmp eq ptr %tuple, null
  br i1 %failed, label %bad, label %ask
ask:
  %no_names = icmp eq ptr %names, null
  %names.object = select i1 %no_names, ptr @_Py_NoneStruct, ptr %names
  %store = get ptr %self FuncObject.STORE
  call void @add_hold(ptr %store, i64 1)
  %helper = get ptr @state State.ARGUMENTS
  %packed = python(ptr %helper, ptr @format_arguments, i64 %shape, ptr %self, ptr %tuple, ptr %names.object)
  call void @Py_DecRef(ptr %tuple)
  %taken = call i32 @take_cells(ptr %packed, ptr %cells, i64 %n)
  call void @add_hold(ptr %store, i64 -1)
  ret i32 %taken
bad:
  ret i32 0
}

; The call slot of functions whose store limits each call: a helper does it.
define ptr @limited_call(ptr %self, ptr %args, i64 %flagged, ptr %names) #0 {
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %tuple = call ptr @gather(ptr %args, i64 %flagged, ptr %names)
  %failed = icmp eq ptr %tuple, null
  br i1 %failed, label %bad, label %ask
ask:
  %no_names = icmp eq ptr %names, null
  %names.object = select i1 %no_names, ptr @_Py_NoneStruct, ptr %names
  %helper = get ptr @state State.LIMITED
  %result = python(ptr %helper, ptr @format_limited, ptr %self, ptr %frame, ptr %tuple, ptr %names.object)
  call void @Py_DecRef(ptr %tuple)
  ret ptr %result
bad:
  ret ptr null
}

; The same for what a host function returned.
define i32 @convert_results(i64 %shape, i64 %handle, ptr %result, ptr %cells, i64 %n) noinline #0 {
  call void @PyErr_Clear()
  %thread = call ptr @current_thread()
  %top = get ptr %thread Thread.TOP
  %store = get ptr %top Activation.STORE
  call void @add_hold(ptr %store, i64 1)
  %helper = get ptr @state State.RESULTS
  %packed = python(ptr %helper, ptr @format_results, i64 %shape, i64 %handle, ptr %result)
  %taken = call i32 @take_cells(ptr %packed, ptr %cells, i64 %n)
  call void @add_hold(ptr %store, i64 -1)
  ret i32 %taken
}

; Set the Python exception for the way out that the thread block tells of.  An exception of Wasm goes from the store to
; the thread first: Python may switch to a thread that runs in the same store and looks there.
define ptr @raise_reason(ptr %self, ptr %thread, i64 %reason) noinline #0 {
  %thrown = icmp eq i64 %reason, $Reason.WASM_EXCEPTION
  br i1 %thrown, label %take, label %ask
take:
  %store = get ptr %self FuncObject.STORE
  %exception = get ptr %store Store.PENDING
  put ptr null, %store Store.PENDING
  put ptr %exception, %thread Thread.OFFSET
  br label %ask
ask:
  %helper = get ptr @state State.RAISE
  %owner = get ptr %self FuncObject.STORE
  call void @add_hold(ptr %owner, i64 1)
  %object = python(ptr %helper, ptr @format_raise, ptr %self, i64 %reason, ptr %thread)
  call void @add_hold(ptr %owner, i64 -1)
  %raised = icmp eq ptr %object, null
  br i1 %raised, label %done, label %wrong
wrong:
  call void @Py_DecRef(ptr %object)
  %type = load ptr, ptr @PyExc_SystemError
  call void @PyErr_SetString(ptr %type, ptr @no_exception)
  br label %done
done:
  ret ptr null
}

; A stack too deep to begin: nothing ran, nothing is recorded.
define ptr @raise_exhausted(ptr %self, ptr %thread) noinline #0 {
  put i64 $Reason.STACK_EXHAUSTED, %thread Thread.REASON
  put i64 -1, %thread Thread.OFFSET
  put i64 0, %thread Thread.TRACE_LENGTH
  %null = call ptr @raise_reason(ptr %self, ptr %thread, i64 $Reason.STACK_EXHAUSTED)
  ret ptr null
}

; The Wasm exception that the Python exception which is set stands for (then it is no longer set), or null.
define internal ptr @caught() #0 {
  %type.at = alloca ptr
  %value.at = alloca ptr
  %trace.at = alloca ptr
  call void @PyErr_Fetch(ptr %type.at, ptr %value.at, ptr %trace.at)
  call void @PyErr_NormalizeException(ptr %type.at, ptr %value.at, ptr %trace.at)
  %type = load ptr, ptr %type.at
  %value = load ptr, ptr %value.at
  %trace = load ptr, ptr %trace.at
  %traced = icmp ne ptr %trace, null
  br i1 %traced, label %attach, label %ask
attach:
  %set = call i32 @PyException_SetTraceback(ptr %value, ptr %trace)
  br label %ask
ask:
  %helper = get ptr @state State.TO_EXCEPTION
  %object = python(ptr %helper, ptr @format_exception, ptr %value)
  %failed = icmp eq ptr %object, null
  br i1 %failed, label %forget, label %read
read:
  %exception = call ptr @PyLong_AsVoidPtr(ptr %object)
  call void @Py_DecRef(ptr %object)
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %decide, label %forget
decide:
  %foreign = icmp eq ptr %exception, null
  br i1 %foreign, label %restore, label %take
restore:
  call void @PyErr_Restore(ptr %type, ptr %value, ptr %trace)
  ret ptr null
forget:
  br label %take
take:
  %result = phi ptr [ %exception, %decide ], [ null, %forget ]
  call void @Py_DecRef(ptr %type)
  call void @Py_DecRef(ptr %value)
  call void @Py_DecRef(ptr %trace)
  ret ptr %result
}

; A host function raised, for which the thread had paused:
; leave for the innermost entry, or, where Wasm can catch it and the caller looks (%throwing),
; return with the exception pending.
define void @host_failed(i64 %throwing) noinline #0 {
  %class = get ptr @state State.EXCEPTION_CLASS
  %matches = call i32 @PyErr_ExceptionMatches(ptr %class)
  %maybe = icmp ne i32 %matches, 0
  br i1 %maybe, label %convert, label %python
convert:
  %thread = call ptr @current_thread()
  %top = get ptr %thread Thread.TOP
  %store = get ptr %top Activation.STORE
  call void @add_hold(ptr %store, i64 1)
  %exception = call ptr @caught()
  %is_wasm = icmp ne ptr %exception, null
  br i1 %is_wasm, label %wasm, label %foreign
foreign:
  call void @add_hold(ptr %store, i64 -1)
  br label %python
wasm:
  %good = call i32 @proceed(ptr %thread)
  call void @add_hold(ptr %store, i64 -1)
  %in = icmp ne i32 %good, 0
  br i1 %in, label %throw, label %python
throw:
  put ptr %exception, %store Store.PENDING
  %looks = icmp ne i64 %throwing, 0
  br i1 %looks, label %return, label %unwind
return:
  call void @attend(ptr %thread)
  ret void
unwind:
  call $CC void @unwind_exception(ptr null)
  unreachable
python:
  call void @unwind_python()
  unreachable
}
"""
