"""What generated runtime code uses of the C library and of Python's C API: types and addresses.

Compiled Wasm functions use none of them.
"""

from __future__ import annotations

from typing import Final

_LIBRARY: Final = """
declare i32 @_setjmp(ptr) #2
declare void @_longjmp(ptr, i32) #1
declare ptr @pthread_getspecific(i32) #2
declare ptr @calloc(i64, i64) #2
declare void @free(ptr) #2
declare ptr @realloc(ptr, i64) #2
declare i32 @mprotect(ptr, i64, i32) #2
declare i32 @madvise(ptr, i64, i32) #2
declare i32 @sigaction(i32, ptr, ptr) #2
declare i32 @raise(i32) #2
declare ptr @__errno_location() #2
declare i32 @clock_gettime(i32, ptr) #2
declare i32 @getpid() #2
declare i64 @syscall(i64, ...) #2
"""

_PYTHON: Final = """
declare void @Py_IncRef(ptr) #2
declare void @Py_DecRef(ptr) #2
declare i64 @PyLong_AsLongLong(ptr) #2
declare ptr @PyLong_AsVoidPtr(ptr) #2
declare i64 @PyLong_AsSsize_t(ptr) #2
declare ptr @PyLong_FromLong(i64) #2
declare ptr @PyLong_FromLongLong(i64) #2
declare double @PyFloat_AsDouble(ptr) #2
declare ptr @PyFloat_FromDouble(double) #2
declare ptr @PyBytes_AsString(ptr) #2
declare ptr @PyBytes_FromStringAndSize(ptr, i64) #2
declare i64 @PyBytes_Size(ptr) #2
declare ptr @PyTuple_New(i64) #2
declare i64 @PyTuple_Size(ptr) #2
declare i32 @PyDict_SetItem(ptr, ptr, ptr) #2
declare ptr @PyTuple_GetItem(ptr, i64) #2
declare i32 @PyTuple_SetItem(ptr, i64, ptr) #2
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr) #2
declare ptr @PyObject_CallFunction(ptr, ptr, ...) #2
declare ptr @PyObject_CallMethod(ptr, ptr, ptr, ...) #2
declare ptr @PyObject_GetAttrString(ptr, ptr) #2
declare ptr @PyObject_GetItem(ptr, ptr) #2
declare i32 @PyObject_GetBuffer(ptr, ptr, i32) #2
declare i32 @PyBuffer_FillInfo(ptr, ptr, ptr, i64, i32, i32) #2
declare void @PyBuffer_Release(ptr) #2
declare i32 @PySlice_Unpack(ptr, ptr, ptr, ptr) #2
declare void @PyObject_ClearWeakRefs(ptr) #2
declare void @PyObject_GC_UnTrack(ptr) #2
declare void @PyObject_GC_Del(ptr) #2
declare ptr @PyType_GenericAlloc(ptr, i64) #2
declare ptr @PyErr_Occurred() #2
declare i32 @PyErr_CheckSignals() #2
declare ptr @PyEval_SaveThread() #2
declare void @PyEval_RestoreThread(ptr) #2
declare void @PyErr_Clear() #2
declare ptr @PyErr_NoMemory() #2
declare void @PyErr_SetString(ptr, ptr) #2
declare i32 @PyErr_ExceptionMatches(ptr) #2
declare void @PyErr_Fetch(ptr, ptr, ptr) #2
declare void @PyErr_Restore(ptr, ptr, ptr) #2
declare void @PyErr_NormalizeException(ptr, ptr, ptr) #2
declare i32 @PyException_SetTraceback(ptr, ptr) #2
@_Py_NoneStruct = external global i8
@PyLong_Type = external global i8
@PySlice_Type = external global i8
@PyBytes_Type = external global i8
@PyTuple_Type = external global i8
@PyExc_BufferError = external global ptr
@PyExc_RuntimeError = external global ptr
@PyExc_SystemError = external global ptr
@PyExc_TypeError = external global ptr
"""

_LLVM: Final = """
declare ptr @llvm.frameaddress.p0(i32)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""

#: Functions keep frame pointers; those of libraries are called through the GOT, without a jump in between.
_ATTRIBUTES: Final = """
attributes #0 = { nounwind "frame-pointer"="all" }
attributes #1 = { nounwind noreturn cold noinline "frame-pointer"="all" }
attributes #2 = { nounwind nonlazybind }
"""

DECLARATIONS: Final = f"@state = external global i8\n{_LIBRARY}{_PYTHON}{_LLVM}{_ATTRIBUTES}"
