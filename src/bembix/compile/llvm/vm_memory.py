"""The slots of the type of memories, as LLVM IR; `native/memtype.py` makes the type.

They do what is common and in bounds.  The rest, errors among it, is for the class's Python methods: `_get`, `_set`,
`_read` and `_write`.  Source: Python C API, "Buffer Protocol", "Mapping Protocol", "Supporting Cyclic Garbage
Collection".
"""

from __future__ import annotations

from typing import Final

_LIFE: Final = """
@memobj_stop = text "stop"
@four_message = text "bind_memory takes exactly four arguments"
@three_message = text "keep_view takes exactly three arguments"
@bound_message = text "a memory is set up once"
@unbound_message = text "the memory was not set up"

define i32 @memobj_traverse(ptr %self, ptr %visitor, ptr %arg) #0 {
  %store = get ptr %self MemoryObject.STORE
  %inst = get ptr %self MemoryObject.INST
  %whole = get ptr %self MemoryObject.WHOLE
  %type = get ptr %self MemoryObject.TYPE
  %a = call i32 @visit(ptr %store, ptr %visitor, ptr %arg)
  %a.stop = icmp ne i32 %a, 0
  br i1 %a.stop, label %stop, label %second
second:
  %b = call i32 @visit(ptr %inst, ptr %visitor, ptr %arg)
  %b.stop = icmp ne i32 %b, 0
  br i1 %b.stop, label %stop, label %third
third:
  %c = call i32 @visit(ptr %whole, ptr %visitor, ptr %arg)
  %c.stop = icmp ne i32 %c, 0
  br i1 %c.stop, label %stop, label %fourth
fourth:
  %d = call i32 @visit(ptr %type, ptr %visitor, ptr %arg)
  br label %stop
stop:
  %answer = phi i32 [ %a, %0 ], [ %b, %second ], [ %c, %third ], [ %d, %fourth ]
  ret i32 %answer
}

define void @memobj_dealloc(ptr %self) #0 {
  call void @PyObject_GC_UnTrack(ptr %self)
  %type = get ptr %self MemoryObject.TYPE
  %weak = get ptr %self MemoryObject.WEAK
  %seen = icmp ne ptr %weak, null
  br i1 %seen, label %clear, label %free
clear:
  call void @PyObject_ClearWeakRefs(ptr %self)
  br label %free
free:
  %whole = get ptr %self MemoryObject.WHOLE
  call void @Py_DecRef(ptr %whole)
  %inst = get ptr %self MemoryObject.INST
  call void @Py_DecRef(ptr %inst)
  %store = get ptr %self MemoryObject.STORE
  call void @Py_DecRef(ptr %store)
  call void @PyObject_GC_Del(ptr %self)
  call void @Py_DecRef(ptr %type)
  ret void
}

define internal ptr @fail(ptr %kind, ptr %message) #0 {
  %type = load ptr, ptr %kind
  call void @PyErr_SetString(ptr %type, ptr %message)
  ret ptr null
}

; bind_memory(memory, inst, store, address of the block), a builtin.
define ptr @memobj_bind(ptr %module, ptr %args, i64 %count) #0 {
  %four = icmp eq i64 %count, 4
  br i1 %four, label %look, label %wrong
wrong:
  %a = call ptr @fail(ptr @PyExc_TypeError, ptr @four_message)
  ret ptr null
look:
  %self = load ptr, ptr %args
  %before = get ptr %self MemoryObject.BLOCK
  %fresh = icmp eq ptr %before, null
  br i1 %fresh, label %bind, label %twice
twice:
  %b = call ptr @fail(ptr @PyExc_RuntimeError, ptr @bound_message)
  ret ptr null
bind:
  %block.at = getelementptr ptr, ptr %args, i64 3
  %block.object = load ptr, ptr %block.at
  %block = call ptr @PyLong_AsVoidPtr(ptr %block.object)
  %failed = icmp eq ptr %block, null
  br i1 %failed, label %bad, label %fill
bad:
  ret ptr null
fill:
  %inst.at = getelementptr ptr, ptr %args, i64 1
  %inst = load ptr, ptr %inst.at
  call void @Py_IncRef(ptr %inst)
  put ptr %inst, %self MemoryObject.INST
  %store.at = getelementptr ptr, ptr %args, i64 2
  %store = load ptr, ptr %store.at
  call void @Py_IncRef(ptr %store)
  put ptr %store, %self MemoryObject.STORE
  put ptr %block, %self MemoryObject.BLOCK
  call void @Py_IncRef(ptr @_Py_NoneStruct)
  ret ptr @_Py_NoneStruct
}

; keep_view(memory, whole view, its length), a builtin.
define ptr @memobj_keep(ptr %module, ptr %args, i64 %count) #0 {
  %three = icmp eq i64 %count, 3
  br i1 %three, label %keep, label %wrong
wrong:
  %a = call ptr @fail(ptr @PyExc_TypeError, ptr @three_message)
  ret ptr null
keep:
  %self = load ptr, ptr %args
  %view.at = getelementptr ptr, ptr %args, i64 1
  %view = load ptr, ptr %view.at
  %length.at = getelementptr ptr, ptr %args, i64 2
  %length.object = load ptr, ptr %length.at
  %length = call i64 @PyLong_AsSsize_t(ptr %length.object)
  call void @Py_IncRef(ptr %view)
  %before = get ptr %self MemoryObject.WHOLE
  put ptr %view, %self MemoryObject.WHOLE
  put i64 %length, %self MemoryObject.WHOLE_LENGTH
  call void @Py_DecRef(ptr %before)
  call void @Py_IncRef(ptr @_Py_NoneStruct)
  ret ptr @_Py_NoneStruct
}
"""

_PARTS: Final = """
@get_name = text "_get"
@set_name = text "_set"
@read_name = text "_read"
@write_name = text "_write"
@one_format = text "(O)"
@two_format = text "(OO)"
@delete_message = text "bytes of a memory can't be deleted"

; Bytes that there are now; none in an object that was never set up.
define i64 @memobj_len(ptr %self) #0 {
  %block = get ptr %self MemoryObject.BLOCK
  %none = icmp eq ptr %block, null
  br i1 %none, label %empty, label %some
some:
  %at = getelementptr i8, ptr %block, i64 $Block.LENGTH
  %length = load atomic i64, ptr %at monotonic, align 8
  ret i64 %length
empty:
  ret i64 0
}

; The place of a byte, of an object that was set up.
define internal ptr @memobj_at(ptr %self, i64 %index) #0 {
  %block = get ptr %self MemoryObject.BLOCK
  %base = get ptr %block Block.BASE
  %place = getelementptr i8, ptr %base, i64 %index
  ret ptr %place
}

; Whether bytes are inside; a number that is negative is too large.
define internal i1 @memobj_inside(ptr %self, i64 %start, i64 %count) #0 {
  %length = call i64 @memobj_len(ptr %self)
  %begins = icmp ule i64 %start, %length
  %room = sub i64 %length, %start
  %ends = icmp ule i64 %count, %room
  %inside = and i1 %begins, %ends
  ret i1 %inside
}

; An int that is one exactly, or -1 for anything else, without an exception.
define internal i64 @plain_index(ptr %object) #0 {
  %type = get ptr %object MemoryObject.TYPE
  %plain = icmp eq ptr %type, @PyLong_Type
  br i1 %plain, label %int, label %other
int:
  %value = call i64 @PyLong_AsSsize_t(ptr %object)
  %odd = icmp eq i64 %value, -1
  br i1 %odd, label %clear, label %good
good:
  ret i64 %value
clear:
  call void @PyErr_Clear()
  ret i64 -1
other:
  ret i64 -1
}

; Start and count of a slice without a step that is inside; whether it is one.
define internal i1 @plain_slice(ptr %self, ptr %key, ptr %start.at, ptr %count.at) #0 {
  %stop.at = alloca i64
  %step.at = alloca i64
  %type = get ptr %key MemoryObject.TYPE
  %plain = icmp eq ptr %type, @PySlice_Type
  br i1 %plain, label %slice, label %no
slice:
  %status = call i32 @PySlice_Unpack(ptr %key, ptr %start.at, ptr %stop.at, ptr %step.at)
  %failed = icmp ne i32 %status, 0
  br i1 %failed, label %clear, label %bounds
clear:
  call void @PyErr_Clear()
  ret i1 false
bounds:
  %start = load i64, ptr %start.at
  %named = load i64, ptr %stop.at
  %step = load i64, ptr %step.at
  %open = icmp eq i64 %named, 9223372036854775807
  br i1 %open, label %ask, label %sized
ask:  ; that may stand for none, or for a stop beyond all
  %given = call ptr @PyObject_GetAttrString(ptr %key, ptr @memobj_stop)
  %unknown = icmp eq ptr %given, null
  br i1 %unknown, label %clear, label %told
told:
  call void @Py_DecRef(ptr %given)
  %none = icmp eq ptr %given, @_Py_NoneStruct
  br i1 %none, label %sized, label %no
sized:
  %length = call i64 @memobj_len(ptr %self)
  %stop = select i1 %open, i64 %length, i64 %named
  %ordered = icmp ule i64 %start, %stop
  %ends = icmp ule i64 %stop, %length
  %single = icmp eq i64 %step, 1
  %inside = and i1 %ordered, %ends
  %good = and i1 %inside, %single
  %count = sub i64 %stop, %start
  store i64 %count, ptr %count.at
  ret i1 %good
no:
  ret i1 false
}

; Copies the bytes of an object to a place inside if there are as many as wanted; a negative number wants any that fit.
; Whether that could be done; no exception is left.
define internal i1 @memobj_fill(ptr %self, i64 %start, i64 %wanted, ptr %value) #0 {
  %buffer = alloca i8, i64 $PyBuffer.SIZE, align 8
  %type = get ptr %value MemoryObject.TYPE
  %bytes = icmp eq ptr %type, @PyBytes_Type
  br i1 %bytes, label %plain, label %other
plain:
  %plain.count = call i64 @PyBytes_Size(ptr %value)
  %plain.data = call ptr @PyBytes_AsString(ptr %value)
  %plain.good = call i1 @memobj_copy_in(ptr %self, i64 %start, i64 %wanted, ptr %plain.data, i64 %plain.count)
  ret i1 %plain.good
other:
  %status = call i32 @PyObject_GetBuffer(ptr %value, ptr %buffer, i32 0)
  %failed = icmp ne i32 %status, 0
  br i1 %failed, label %clear, label %copy
clear:
  call void @PyErr_Clear()
  ret i1 false
copy:
  %data = get ptr %buffer PyBuffer.BUF
  %count = get i64 %buffer PyBuffer.LEN
  %good = call i1 @memobj_copy_in(ptr %self, i64 %start, i64 %wanted, ptr %data, i64 %count)
  call void @PyBuffer_Release(ptr %buffer)
  ret i1 %good
}

define internal i1 @memobj_copy_in(ptr %self, i64 %start, i64 %wanted, ptr %data, i64 %count) #0 {
  %any = icmp slt i64 %wanted, 0
  %same = icmp eq i64 %wanted, %count
  %fits = or i1 %any, %same
  %inside = call i1 @memobj_inside(ptr %self, i64 %start, i64 %count)
  %good = and i1 %fits, %inside
  br i1 %good, label %copy, label %no
copy:
  %some = icmp ne i64 %count, 0
  br i1 %some, label %move, label %done
move:
  %place = call ptr @memobj_at(ptr %self, i64 %start)
  call void @llvm.memmove.p0.p0.i64(ptr %place, ptr %data, i64 %count, i1 false)
  br label %done
done:
  ret i1 true
no:
  ret i1 false
}
"""

_SLOTS: Final = """
define i32 @memobj_buffer(ptr %self, ptr %view, i32 %flags) #0 {
  %block = get ptr %self MemoryObject.BLOCK
  %none = icmp eq ptr %block, null
  br i1 %none, label %unbound, label %fill
unbound:
  %a = call ptr @fail(ptr @PyExc_BufferError, ptr @unbound_message)
  put ptr null, %view PyBuffer.OBJ
  ret i32 -1
fill:
  %place = call ptr @memobj_at(ptr %self, i64 0)
  %length = call i64 @memobj_len(ptr %self)
  %status = call i32 @PyBuffer_FillInfo(ptr %view, ptr %self, ptr %place, i64 %length, i32 0, i32 %flags)
  ret i32 %status
}

define ptr @memobj_get(ptr %self, ptr %key) #0 {
  %start.at = alloca i64
  %count.at = alloca i64
  %index = call i64 @plain_index(ptr %key)
  %length = call i64 @memobj_len(ptr %self)
  %inside = icmp ult i64 %index, %length
  br i1 %inside, label %byte, label %other
byte:
  %place = call ptr @memobj_at(ptr %self, i64 %index)
  %small = load i8, ptr %place
  %wide = zext i8 %small to i64
  %number = call ptr @PyLong_FromLong(i64 %wide)
  ret ptr %number
other:
  %whole = get ptr %self MemoryObject.WHOLE
  %there = icmp ne ptr %whole, null
  %whole.length = get i64 %self MemoryObject.WHOLE_LENGTH
  %current = icmp eq i64 %whole.length, %length
  %usable = and i1 %there, %current
  br i1 %usable, label %slice, label %slow
slice:
  %good = call i1 @plain_slice(ptr %self, ptr %key, ptr %start.at, ptr %count.at)
  br i1 %good, label %view, label %slow
view:
  call void @Py_IncRef(ptr %whole)
  %part = call ptr @PyObject_GetItem(ptr %whole, ptr %key)
  call void @Py_DecRef(ptr %whole)
  ret ptr %part
slow:
  %answer = call ptr (ptr, ptr, ptr, ...) @PyObject_CallMethod(ptr %self, ptr @get_name, ptr @one_format, ptr %key)
  ret ptr %answer
}

define i32 @memobj_set(ptr %self, ptr %key, ptr %value) #0 {
  %start.at = alloca i64
  %count.at = alloca i64
  %delete = icmp eq ptr %value, null
  br i1 %delete, label %refuse, label %look
refuse:
  %a = call ptr @fail(ptr @PyExc_TypeError, ptr @delete_message)
  ret i32 -1
look:
  %index = call i64 @plain_index(ptr %key)
  %length = call i64 @memobj_len(ptr %self)
  %inside = icmp ult i64 %index, %length
  br i1 %inside, label %byte, label %slice
byte:
  %number = call i64 @plain_index(ptr %value)
  %fits = icmp ule i64 %number, 255
  br i1 %fits, label %store, label %slow
store:
  %place = call ptr @memobj_at(ptr %self, i64 %index)
  %small = trunc i64 %number to i8
  store i8 %small, ptr %place
  ret i32 0
slice:
  %plain = call i1 @plain_slice(ptr %self, ptr %key, ptr %start.at, ptr %count.at)
  br i1 %plain, label %fill, label %slow
fill:
  %start = load i64, ptr %start.at
  %count = load i64, ptr %count.at
  %done = call i1 @memobj_fill(ptr %self, i64 %start, i64 %count, ptr %value)
  br i1 %done, label %good, label %slow
good:
  ret i32 0
slow:
  %answer = call ptr (ptr, ptr, ptr, ...) @PyObject_CallMethod(
    ptr %self, ptr @set_name, ptr @two_format, ptr %key, ptr %value)
  %failed = icmp eq ptr %answer, null
  br i1 %failed, label %bad, label %drop
drop:
  call void @Py_DecRef(ptr %answer)
  ret i32 0
bad:
  ret i32 -1
}

define internal ptr @in_python(ptr %self, ptr %name, ptr %args, i64 %count, ptr %names) #0 {
  %method = call ptr @PyObject_GetAttrString(ptr %self, ptr %name)
  %none = icmp eq ptr %method, null
  br i1 %none, label %bad, label %call
call:
  %answer = call ptr @PyObject_Vectorcall(ptr %method, ptr %args, i64 %count, ptr %names)
  call void @Py_DecRef(ptr %method)
  ret ptr %answer
bad:
  ret ptr null
}

define ptr @memobj_read(ptr %self, ptr %args, i64 %given, ptr %names) #0 {
  %two = icmp eq i64 %given, 2
  %unnamed = icmp eq ptr %names, null
  %plain = and i1 %two, %unnamed
  br i1 %plain, label %look, label %slow
look:
  %start.object = load ptr, ptr %args
  %start = call i64 @plain_index(ptr %start.object)
  %count.at = getelementptr ptr, ptr %args, i64 1
  %count.object = load ptr, ptr %count.at
  %count = call i64 @plain_index(ptr %count.object)
  %bound = call i64 @memobj_len(ptr %self)
  %some = icmp ne i64 %bound, 0
  %inside = call i1 @memobj_inside(ptr %self, i64 %start, i64 %count)
  %good = and i1 %some, %inside
  br i1 %good, label %copy, label %slow
copy:
  %place = call ptr @memobj_at(ptr %self, i64 %start)
  %bytes = call ptr @PyBytes_FromStringAndSize(ptr %place, i64 %count)
  ret ptr %bytes
slow:
  %answer = call ptr @in_python(ptr %self, ptr @read_name, ptr %args, i64 %given, ptr %names)
  ret ptr %answer
}

define ptr @memobj_write(ptr %self, ptr %args, i64 %given, ptr %names) #0 {
  %two = icmp eq i64 %given, 2
  %unnamed = icmp eq ptr %names, null
  %plain = and i1 %two, %unnamed
  br i1 %plain, label %look, label %slow
look:
  %start.object = load ptr, ptr %args
  %start = call i64 @plain_index(ptr %start.object)
  %value.at = getelementptr ptr, ptr %args, i64 1
  %value = load ptr, ptr %value.at
  %begins = call i1 @memobj_inside(ptr %self, i64 %start, i64 0)
  br i1 %begins, label %fill, label %slow
fill:
  %done = call i1 @memobj_fill(ptr %self, i64 %start, i64 -1, ptr %value)
  br i1 %done, label %good, label %slow
good:
  call void @Py_IncRef(ptr @_Py_NoneStruct)
  ret ptr @_Py_NoneStruct
slow:
  %answer = call ptr @in_python(ptr %self, ptr @write_name, ptr %args, i64 %given, ptr %names)
  ret ptr %answer
}
"""

IR: Final = _LIFE + _PARTS + _SLOTS
