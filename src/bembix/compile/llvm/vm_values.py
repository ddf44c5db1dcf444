"""From Wasm values to Python objects and back, as LLVM IR.

A *cell* is 16 bytes that hold one value.  A *letter* says what it is (`shapes.py`).  Functions that return objects
return a new reference, or null with a Python exception set.

Source: the Python C API; only what it documents is used.
"""

from __future__ import annotations

from typing import Final

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
extern:  ; a host object in a box, or what has been converted from anyref
  %bits = ptrtoint ptr %address to i64
  %odd = and i64 %bits, 1
  %is_i31 = icmp ne i64 %odd, 0
  br i1 %is_i31, label %help, label %object
object:
  %type = get i32 %address Object.TYPE
  %is_box = icmp eq i32 %type, $Size.BOX_TYPE
  br i1 %is_box, label %box, label %help
box:
  %host = get ptr %address Box.OBJECT
  call void @Py_IncRef(ptr %host)
  ret ptr %host
help:
  %error = call ptr @PyErr_Occurred()
  %clean = icmp eq ptr %error, null
  br i1 %clean, label %ask, label %fail
ask:
  switch i64 %letter, label %other [ i64 99, label %func i64 67, label %func ]  ; c C
func:
  %by_record = get ptr @state State.FUNCREF
  %function = python(ptr %by_record, ptr @format_funcref, ptr %address)
  ret ptr %function
other:
  %by_address = get ptr @state State.REFERENCE
  %made = python(ptr %by_address, ptr @format_reference, ptr %address, i64 %letter)
  ret ptr %made
fail:
  ret ptr null
}

define internal ptr @box(i64 %letter, ptr %cell) #0 {
  switch i64 %letter, label %ref [
    i64 105, label %i32 i64 108, label %i64 i64 102, label %f32 i64 100, label %f64 i64 118, label %v128  ; i l f d v
  ]
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
v128:
  %bytes.object = call ptr @PyBytes_FromStringAndSize(ptr %cell, i64 16)
  ret ptr %bytes.object
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
    i64 118, label %v128 i64 101, label %extern i64 99, label %func  ; v e c
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
v128:
  %class = get ptr %object FuncObject.TYPE
  %is_bytes = icmp eq ptr %class, @PyBytes_Type
  br i1 %is_bytes, label %v128.size, label %no
v128.size:
  %size = call i64 @PyBytes_Size(ptr %object)
  %sixteen = icmp eq i64 %size, 16
  br i1 %sixteen, label %v128.copy, label %no
v128.copy:
  %bytes = call ptr @PyBytes_AsString(ptr %object)
  call void @llvm.memcpy.p0.p0.i64(ptr %cell, ptr %bytes, i64 16, i1 false)
  ret i32 1
extern:
  store ptr null, ptr %cell
  %is_none = icmp eq ptr %object, @_Py_NoneStruct
  br i1 %is_none, label %yes, label %host
host:  ; what stands for an object of the heap is not for a box
  %its.type = get ptr %object FuncObject.TYPE
  %i31.type = get ptr @state State.I31_TYPE
  %struct.type = get ptr @state State.STRUCT_TYPE
  %array.type = get ptr @state State.ARRAY_TYPE
  %is_i31 = icmp eq ptr %its.type, %i31.type
  %is_struct = icmp eq ptr %its.type, %struct.type
  %is_array = icmp eq ptr %its.type, %array.type
  %either = or i1 %is_struct, %is_array
  %is_ours = or i1 %is_i31, %either
  br i1 %is_ours, label %no, label %heap
heap:
  %heap.block = get ptr %store Store.HEAP
  %no_heap = icmp eq ptr %heap.block, null
  br i1 %no_heap, label %no, label %box
box:
  %box.function = get ptr %heap.block Heap.BOX
  %made = call ptr %box.function(ptr %heap.block, ptr %object)
  store ptr %made, ptr %cell
  %has_box = icmp ne ptr %made, null
  br i1 %has_box, label %yes, label %no
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
