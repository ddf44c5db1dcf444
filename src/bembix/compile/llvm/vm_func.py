"""The slots of the type of exported functions, as LLVM IR; `native/functype.py` makes the type.

Source: Python C API, "Supporting Cyclic Garbage Collection", "Heap Types".
"""

from __future__ import annotations

from typing import Final

IR: Final = """
@five_message = text "make_func takes exactly five arguments"
@gone_message = text "the function's store is gone"

define internal i32 @visit(ptr %object, ptr %visitor, ptr %arg) #0 {
  %none = icmp eq ptr %object, null
  br i1 %none, label %done, label %some
some:
  %answer = call i32 %visitor(ptr %object, ptr %arg)
  ret i32 %answer
done:
  ret i32 0
}

define i32 @func_traverse(ptr %self, ptr %visitor, ptr %arg) #0 {
  %owner = get ptr %self FuncObject.OWNER
  %info = get ptr %self FuncObject.INFO
  %type = get ptr %self FuncObject.TYPE
  %a = call i32 @visit(ptr %owner, ptr %visitor, ptr %arg)
  %a.stop = icmp ne i32 %a, 0
  br i1 %a.stop, label %stop, label %second
second:
  %b = call i32 @visit(ptr %info, ptr %visitor, ptr %arg)
  %b.stop = icmp ne i32 %b, 0
  br i1 %b.stop, label %stop, label %third
third:
  %c = call i32 @visit(ptr %type, ptr %visitor, ptr %arg)
  br label %stop
stop:
  %answer = phi i32 [ %a, %0 ], [ %b, %second ], [ %c, %third ]
  ret i32 %answer
}

; What a function does whose owner the collector took away.
define internal ptr @gone(ptr %self, ptr %args, i64 %count, ptr %names) #0 {
  %type = load ptr, ptr @PyExc_RuntimeError
  call void @PyErr_SetString(ptr %type, ptr @gone_message)
  ret ptr null
}

define i32 @func_clear(ptr %self) #0 {
  put ptr @gone, %self FuncObject.VECTORCALL
  %owner = get ptr %self FuncObject.OWNER
  put ptr null, %self FuncObject.OWNER
  call void @Py_DecRef(ptr %owner)
  %info = get ptr %self FuncObject.INFO
  put ptr null, %self FuncObject.INFO
  call void @Py_DecRef(ptr %info)
  ret i32 0
}

define void @func_dealloc(ptr %self) #0 {
  call void @PyObject_GC_UnTrack(ptr %self)
  %type = get ptr %self FuncObject.TYPE
  %weak = get ptr %self FuncObject.WEAK
  %seen = icmp ne ptr %weak, null
  br i1 %seen, label %clear, label %free
clear:
  call void @PyObject_ClearWeakRefs(ptr %self)
  br label %free
free:
  %cleared = call i32 @func_clear(ptr %self)
  call void @PyObject_GC_Del(ptr %self)
  call void @Py_DecRef(ptr %type)
  ret void
}

; make_func(stub, record, store, owner, info), a builtin.
define ptr @func_make(ptr %module, ptr %args, i64 %count) #0 {
  %five = icmp eq i64 %count, 5
  br i1 %five, label %make, label %wrong
wrong:
  %error_type = load ptr, ptr @PyExc_TypeError
  call void @PyErr_SetString(ptr %error_type, ptr @five_message)
  ret ptr null
make:
  %type = get ptr @state State.FUNC_TYPE
  %self = call ptr @PyType_GenericAlloc(ptr %type, i64 0)
  %failed = icmp eq ptr %self, null
  br i1 %failed, label %bad, label %fill
fill:
  %stub.object = load ptr, ptr %args
  %stub = call ptr @PyLong_AsVoidPtr(ptr %stub.object)
  put ptr %stub, %self FuncObject.VECTORCALL
  %record.at = getelementptr ptr, ptr %args, i64 1
  %record.object = load ptr, ptr %record.at
  %record = call ptr @PyLong_AsVoidPtr(ptr %record.object)
  put ptr %record, %self FuncObject.RECORD
  %store.at = getelementptr ptr, ptr %args, i64 2
  %store.object = load ptr, ptr %store.at
  %store = call ptr @PyLong_AsVoidPtr(ptr %store.object)
  put ptr %store, %self FuncObject.STORE
  %owner.at = getelementptr ptr, ptr %args, i64 3
  %owner = load ptr, ptr %owner.at
  call void @Py_IncRef(ptr %owner)
  put ptr %owner, %self FuncObject.OWNER
  %info.at = getelementptr ptr, ptr %args, i64 4
  %info = load ptr, ptr %info.at
  call void @Py_IncRef(ptr %info)
  put ptr %info, %self FuncObject.INFO
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %good, label %drop
good:
  ret ptr %self
drop:
  call void @Py_DecRef(ptr %self)
  br label %bad
bad:
  ret ptr null
}
"""
