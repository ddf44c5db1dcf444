"""Where compiled code meets Python objects, as LLVM IR: services that Python does, boxing, unboxing, and the slow paths of both.

A *cell* is 16 bytes that hold one Wasm value.  A *letter* says what it is (`boundary.py`).  Functions that return objects return
a new reference, or null with a Python exception set.

Source: the Python C API; only what it documents is used.
"""

from __future__ import annotations

from typing import Final

SERVICES: Final = """
@format_attach = text ""
@format_two = text "KK"
@format_three = text "KKK"
@format_four = text "KKKK"

; This thread's block, made now; null with an exception set where that fails.
define ptr @attach() noinline #0 {
  %service = get ptr @state State.ATTACH
  %object = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %service, ptr @format_attach)
  %failed = icmp eq ptr %object, null
  br i1 %failed, label %bad, label %good
good:
  %address = call ptr @PyLong_AsVoidPtr(ptr %object)
  call void @Py_DecRef(ptr %object)
  ret ptr %address
bad:
  ret ptr null
}

; A store's stack limit is that of the thread that runs; another one may have run while Python did.
define void @resume(ptr %thread) #0 {
  %top = get ptr %thread Thread.TOP
  %store = get ptr %top Activation.STORE
  %limit = get i64 %thread Thread.STACK_LIMIT
  put i64 %limit, %store Store.STACK_LIMIT
  ret void
}

; The number that a service gave; its exception leaves Wasm.
define internal i64 @answer(ptr %object) #0 {
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
  %thread = call ptr @current_thread()
  call void @resume(ptr %thread)
  ret i64 %value
bad:
  call void @unwind_python()
  unreachable
}

define $CC i64 @memory_grow(ptr %ctx, i64 %index, i64 %delta) #0 {
  %service = get ptr @state State.MEMORY_GROW
  %object = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %service, ptr @format_three, ptr %ctx, i64 %index, i64 %delta)
  %value = call i64 @answer(ptr %object)
  ret i64 %value
}

define $CC i64 @table_grow(ptr %ctx, i64 %index, ptr %init, i64 %delta) #0 {
  %service = get ptr @state State.TABLE_GROW
  %object = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %service, ptr @format_four, ptr %ctx, i64 %index, ptr %init, i64 %delta)
  %value = call i64 @answer(ptr %object)
  ret i64 %value
}

; Called by the lazy entry: compile the function whose stub returns to %after, return its code.  The parameters of the call that
; are not in registers are in the store, which Python may use meanwhile.
define ptr @lazy_resolve(ptr %ctx, i64 %after) #0 {
  %kept = alloca [$Store.SIZE x i8], align 16
  %store = get ptr %ctx Context.STORE
  %values = getelementptr i8, ptr %store, i64 $Store.VALUES
  %size = shl i64 $Store.MAX_VALUES, 4
  call void @llvm.memcpy.p0.p0.i64(ptr %kept, ptr %values, i64 %size, i1 false)
  %stubs = get i64 %ctx Context.STUBS
  %first = add i64 %stubs, $Platform.stub_return
  %distance = sub i64 %after, %first
  %index = lshr i64 %distance, 2
  %service = get ptr @state State.COMPILE
  %object = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %service, ptr @format_two, ptr %ctx, i64 %index)
  %value = call i64 @answer(ptr %object)
  call void @llvm.memcpy.p0.p0.i64(ptr %values, ptr %kept, i64 %size, i1 false)
  %code = inttoptr i64 %value to ptr
  ret ptr %code
}
"""

BOXING: Final = """
@format_funcref = text "K"
@format_reference = text "KK"

define internal ptr @none() #0 {
  call void @Py_IncRef(ptr @_Py_NoneStruct)
  ret ptr @_Py_NoneStruct
}

; The object that a reference stands for.  The helpers are not called while an exception is set.
define ptr @box_reference(i64 %letter, ptr %address) #0 {
  %null = icmp eq ptr %address, null
  br i1 %null, label %as_none, label %some
as_none:
  %nothing = call ptr @none()
  ret ptr %nothing
some:
  switch i64 %letter, label %help [ i64 101, label %extern i64 69, label %extern ]  ; e E
extern:
  call void @Py_IncRef(ptr %address)
  ret ptr %address
help:
  %error = call ptr @PyErr_Occurred()
  %clean = icmp eq ptr %error, null
  br i1 %clean, label %ask, label %fail
ask:
  switch i64 %letter, label %other [ i64 99, label %func i64 67, label %func ]  ; c C
func:
  %by_record = get ptr @state State.FUNCREF
  %function = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %by_record, ptr @format_funcref, ptr %address)
  ret ptr %function
other:
  %by_address = get ptr @state State.REFERENCE
  %object = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %by_address, ptr @format_reference, ptr %address, i64 %letter)
  ret ptr %object
fail:
  ret ptr null
}

define internal ptr @box(i64 %letter, ptr %cell) #0 {
  switch i64 %letter, label %ref [ i64 105, label %i32 i64 108, label %i64 i64 102, label %f32 i64 100, label %f64 ]  ; i l f d
i32:
  %int = load i32, ptr %cell
  %wide = sext i32 %int to i64
  %int.object = call ptr @PyLong_FromLong(i64 %wide)
  ret ptr %int.object
i64:
  %long = load i64, ptr %cell
  %long.object = call ptr @PyLong_FromLongLong(i64 %long)
  ret ptr %long.object
f32:
  %float = load float, ptr %cell
  %exact = fpext float %float to double
  %float.object = call ptr @PyFloat_FromDouble(double %exact)
  ret ptr %float.object
f64:
  %double = load double, ptr %cell
  %double.object = call ptr @PyFloat_FromDouble(double %double)
  ret ptr %double.object
ref:
  %address = load ptr, ptr %cell
  %object = call ptr @box_reference(i64 %letter, ptr %address)
  ret ptr %object
}

; The tuple of several values.
define ptr @box_tuple(ptr %letters, i64 %n, ptr %cells) #0 {
start:
  %tuple = call ptr @PyTuple_New(i64 %n)
  %failed = icmp eq ptr %tuple, null
  br i1 %failed, label %bad, label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %put ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %letter.at = getelementptr i8, ptr %letters, i64 %k
  %byte = load i8, ptr %letter.at
  %letter = zext i8 %byte to i64
  %cell = getelementptr [16 x i8], ptr %cells, i64 %k
  %object = call ptr @box(i64 %letter, ptr %cell)
  %none = icmp eq ptr %object, null
  br i1 %none, label %drop, label %put
put:
  %set = call i32 @PyTuple_SetItem(ptr %tuple, i64 %k, ptr %object)
  %more = add i64 %k, 1
  br label %look
drop:
  call void @Py_DecRef(ptr %tuple)
  br label %bad
bad:
  ret ptr null
done:
  ret ptr %tuple
}
"""

UNBOXING: Final = """
; Put the value of an object into a cell; 0 where that takes the slow path, perhaps with an exception set.
define i32 @unbox(i64 %letter, ptr %object, ptr %cell, ptr %store) #0 {
  switch i64 %letter, label %no [
    i64 105, label %i32 i64 108, label %i64 i64 102, label %f32 i64 100, label %f64  ; i l f d
    i64 101, label %extern i64 99, label %func  ; e c
  ]
i32:
  %int = call i64 @PyLong_AsLongLong(ptr %object)
  %shifted = add i64 %int, 2147483648
  %in_range = icmp ult i64 %shifted, 6442450944
  %narrow = trunc i64 %int to i32
  store i32 %narrow, ptr %cell
  %int.doubt = icmp eq i64 %int, -1
  br i1 %in_range, label %i32.in, label %no
i32.in:
  br i1 %int.doubt, label %check, label %yes
i64:
  %long = call i64 @PyLong_AsLongLong(ptr %object)
  store i64 %long, ptr %cell
  %long.doubt = icmp eq i64 %long, -1
  br i1 %long.doubt, label %check, label %yes
f32:
  %wide = call double @PyFloat_AsDouble(ptr %object)
  %single = fptrunc double %wide to float
  store float %single, ptr %cell
  %wide.doubt = fcmp oeq double %wide, -1.0
  br i1 %wide.doubt, label %check, label %yes
f64:
  %double = call double @PyFloat_AsDouble(ptr %object)
  store double %double, ptr %cell
  %double.doubt = fcmp oeq double %double, -1.0
  br i1 %double.doubt, label %check, label %yes
check:
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %yes, label %no
extern:
  store ptr null, ptr %cell
  %is_none = icmp eq ptr %object, @_Py_NoneStruct
  br i1 %is_none, label %yes, label %no
func:
  store ptr null, ptr %cell
  %no_func = icmp eq ptr %object, @_Py_NoneStruct
  br i1 %no_func, label %yes, label %func.type
func.type:
  %type = get ptr %object FuncObject.TYPE
  %wanted = get ptr @state State.FUNC_TYPE
  %is_func = icmp eq ptr %type, %wanted
  br i1 %is_func, label %func.store, label %no
func.store:
  %record = get ptr %object FuncObject.RECORD
  store ptr %record, ptr %cell
  %its = get ptr %object FuncObject.STORE
  %same = icmp eq ptr %its, %store
  br i1 %same, label %yes, label %no
yes:
  ret i32 1
no:
  ret i32 0
}

; Put the values of an array of objects into cells.
define i32 @unbox_all(ptr %letters, i64 %n, ptr %objects, ptr %cells, ptr %store) #0 {
start:
  br label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %letter.at = getelementptr i8, ptr %letters, i64 %k
  %byte = load i8, ptr %letter.at
  %letter = zext i8 %byte to i64
  %object.at = getelementptr ptr, ptr %objects, i64 %k
  %object = load ptr, ptr %object.at
  %cell = getelementptr [16 x i8], ptr %cells, i64 %k
  %good = call i32 @unbox(i64 %letter, ptr %object, ptr %cell, ptr %store)
  %more = add i64 %k, 1
  %ok = icmp ne i32 %good, 0
  br i1 %ok, label %look, label %done
done:
  %all = phi i32 [ 1, %look ], [ 0, %step ]
  ret i32 %all
}

; The same for the items of an object that should be a tuple of %n.
define i32 @unbox_tuple(ptr %letters, i64 %n, ptr %tuple, ptr %cells, ptr %store) #0 {
start:
  %type = get ptr %tuple FuncObject.TYPE
  %is_tuple = icmp eq ptr %type, @PyTuple_Type
  br i1 %is_tuple, label %count, label %no
count:
  %size = call i64 @PyTuple_Size(ptr %tuple)
  %right = icmp eq i64 %size, %n
  br i1 %right, label %look, label %no
look:
  %k = phi i64 [ 0, %count ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %yes
step:
  %letter.at = getelementptr i8, ptr %letters, i64 %k
  %byte = load i8, ptr %letter.at
  %letter = zext i8 %byte to i64
  %object = call ptr @PyTuple_GetItem(ptr %tuple, i64 %k)
  %cell = getelementptr [16 x i8], ptr %cells, i64 %k
  %good = call i32 @unbox(i64 %letter, ptr %object, ptr %cell, ptr %store)
  %more = add i64 %k, 1
  %ok = icmp ne i32 %good, 0
  br i1 %ok, label %look, label %no
yes:
  ret i32 1
no:
  ret i32 0
}
"""

SLOW_PATHS: Final = """
@format_arguments = text "KOOO"
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

; Arguments that the fast path does not take: a helper raises, or converts them into cells.
define i32 @convert_arguments(i64 %shape, ptr %self, ptr %args, i64 %flagged, ptr %names, ptr %cells, i64 %n) noinline #0 {
start:
  call void @PyErr_Clear()
  %positional = and i64 %flagged, 9223372036854775807
  %no_names = icmp eq ptr %names, null
  br i1 %no_names, label %gather, label %named
named:
  %named.count = call i64 @PyTuple_Size(ptr %names)
  br label %gather
gather:
  %extra = phi i64 [ 0, %start ], [ %named.count, %named ]
  %names.object = phi ptr [ @_Py_NoneStruct, %start ], [ %names, %named ]
  %count = add i64 %positional, %extra
  %tuple = call ptr @PyTuple_New(i64 %count)
  %failed = icmp eq ptr %tuple, null
  br i1 %failed, label %bad, label %look
look:
  %k = phi i64 [ 0, %gather ], [ %more, %step ]
  %some = icmp ult i64 %k, %count
  br i1 %some, label %step, label %ask
step:
  %object.at = getelementptr ptr, ptr %args, i64 %k
  %object = load ptr, ptr %object.at
  call void @Py_IncRef(ptr %object)
  %set = call i32 @PyTuple_SetItem(ptr %tuple, i64 %k, ptr %object)
  %more = add i64 %k, 1
  br label %look
ask:
  %helper = get ptr @state State.ARGUMENTS
  %packed = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %helper, ptr @format_arguments, i64 %shape, ptr %self, ptr %tuple, ptr %names.object)
  call void @Py_DecRef(ptr %tuple)
  %taken = call i32 @take_cells(ptr %packed, ptr %cells, i64 %n)
  ret i32 %taken
bad:
  ret i32 0
}

; The same for what a host function returned.
define i32 @convert_results(i64 %shape, i64 %handle, ptr %result, ptr %cells, i64 %n) noinline #0 {
  call void @PyErr_Clear()
  %helper = get ptr @state State.RESULTS
  %packed = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %helper, ptr @format_results, i64 %shape, i64 %handle, ptr %result)
  %taken = call i32 @take_cells(ptr %packed, ptr %cells, i64 %n)
  ret i32 %taken
}

; Set the Python exception for the way out that the thread block tells of.  An exception of Wasm goes from the store to the thread
; first: Python may switch to a thread that runs in the same store and looks there.
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
  %object = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %helper, ptr @format_raise, ptr %self, i64 %reason, ptr %thread)
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
  %object = call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr %helper, ptr @format_exception, ptr %value)
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

; A host function raised: leave for the innermost entry, or, where Wasm can catch it and the caller looks (%throwing), return with
; the exception pending.
define void @host_failed(i64 %throwing) noinline #0 {
  %class = get ptr @state State.EXCEPTION_CLASS
  %matches = call i32 @PyErr_ExceptionMatches(ptr %class)
  %maybe = icmp ne i32 %matches, 0
  br i1 %maybe, label %convert, label %python
convert:
  %exception = call ptr @caught()
  %is_wasm = icmp ne ptr %exception, null
  br i1 %is_wasm, label %wasm, label %python
wasm:
  %thread = call ptr @current_thread()
  %top = get ptr %thread Thread.TOP
  %store = get ptr %top Activation.STORE
  put ptr %exception, %store Store.PENDING
  %looks = icmp ne i64 %throwing, 0
  br i1 %looks, label %return, label %unwind
return:
  call void @resume(ptr %thread)
  ret void
unwind:
  call $CC void @unwind_exception(ptr null)
  unreachable
python:
  call void @unwind_python()
  unreachable
}
"""
