"""The code between Python and Wasm for function types of every shape, as LLVM IR.

What `stubs.py` writes for one shape, these do in loops over the letters of a `layout.Shape`.  They call, and are, the
function that all compiled functions look like from outside: five words and eight vectors in, two of each out, whatever
of it means something.  Their shape comes in the register of nested functions, from the few instructions in front of
them that `compile/prebuilt/shapes.py` puts together.

Source: System V ABI, x86-64 supplement, 3.2.3 (parameter passing); the Python C API.
"""

from __future__ import annotations

from typing import Final

from bembix.compile import layout
from bembix.compile.layout import MAX_REGISTER_FLOATS, MAX_REGISTER_WORDS, Registers
from bembix.compile.llvm import stubs
from bembix.compile.llvm.ir import expand
from bembix.compile.llvm.types import CC

#: What any compiled function returns, and takes.
RESULT: Final = "{ i64, i64, <2 x i64>, <2 x i64> }"
_WORDS: Final = tuple(f"%word{k}" for k in range(MAX_REGISTER_WORDS))
_VECTORS: Final = tuple(f"%vector{k}" for k in range(MAX_REGISTER_FLOATS))
#: The registers of a call, as arguments or as parameters.
REGISTERS: Final = ", ".join([f"i64 {name}" for name in _WORDS] + [f"<2 x i64> {name}" for name in _VECTORS])
ZERO: Final = "zeroinitializer"

#: How many parameters, and how many results, a stub has room for, by the end of its name.
SIZES: Final = {"small": 16, "large": layout.Store.MAX_VALUES}

HELPERS: Final = """
; Put the value of an object where it is passed, all of the register; 0 where that takes the slow path.
define internal i32 @unbox_register(i64 %letter, ptr %object, ptr %place, ptr %store) #0 {
  switch i64 %letter, label %other [
    i64 105, label %i32 i64 108, label %i64 i64 102, label %f32 i64 100, label %f64  ; i l f d
  ]
i32:
  %int = call i64 @PyLong_AsLongLong(ptr %object)
  %shifted = add i64 %int, 2147483648
  %in_range = icmp ult i64 %shifted, 6442450944
  %low = and i64 %int, 4294967295
  store i64 %low, ptr %place
  br i1 %in_range, label %whole, label %no
i64:
  %long = call i64 @PyLong_AsLongLong(ptr %object)
  store i64 %long, ptr %place
  br label %whole
whole:
  %word = phi i64 [ %int, %i32 ], [ %long, %i64 ]
  %word.doubt = icmp eq i64 %word, -1
  br i1 %word.doubt, label %check, label %yes
f32:
  %wide = call double @PyFloat_AsDouble(ptr %object)
  %single = fptrunc double %wide to float
  %single.vector = insertelement <4 x float> zeroinitializer, float %single, i32 0
  store <4 x float> %single.vector, ptr %place, align 16
  br label %broken
f64:
  %double = call double @PyFloat_AsDouble(ptr %object)
  %double.vector = insertelement <2 x double> zeroinitializer, double %double, i32 0
  store <2 x double> %double.vector, ptr %place, align 16
  br label %broken
broken:
  %number = phi double [ %wide, %f32 ], [ %double, %f64 ]
  %number.doubt = fcmp oeq double %number, -1.0
  br i1 %number.doubt, label %check, label %yes
check:
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %yes, label %no
other:
  %good = call i32 @unbox(i64 %letter, ptr %object, ptr %place, ptr %store)
  ret i32 %good
yes:
  ret i32 1
no:
  ret i32 0
}

define internal i64 @letter(ptr %shape, i64 %k) #0 {
  %letters = getelementptr i8, ptr %shape, i64 $Shape.LETTERS
  %at = getelementptr i8, ptr %letters, i64 %k
  %byte = load i8, ptr %at
  %letter = zext i8 %byte to i64
  ret i64 %letter
}

; Where value %k is among the registers at %block.
define internal ptr @place(ptr %shape, i64 %k, ptr %block) #0 {
  %from = get i64 %shape Shape.PLACES
  %places = getelementptr i8, ptr %shape, i64 %from
  %at = getelementptr i16, ptr %places, i64 %k
  %short = load i16, ptr %at
  %offset = zext i16 %short to i64
  %place = getelementptr i8, ptr %block, i64 %offset
  ret ptr %place
}

; Copy %n cells of values, of which the first is number %first of the shape, to their places.
define internal void @scatter(ptr %shape, i64 %first, i64 %n, ptr %cells, ptr %block, i64 %words) #0 {
start:
  br label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %next ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %number = add i64 %first, %k
  %place = call ptr @place(ptr %shape, i64 %number, ptr %block)
  %cell = getelementptr [16 x i8], ptr %cells, i64 %k
  %end = getelementptr i8, ptr %block, i64 %words
  %is_word = icmp ult ptr %place, %end
  br i1 %is_word, label %word, label %vector
word:
  %bits = load i64, ptr %cell
  store i64 %bits, ptr %place
  br label %next
vector:
  %all = load <2 x i64>, ptr %cell, align 16
  store <2 x i64> %all, ptr %place, align 16
  br label %next
next:
  %more = add i64 %k, 1
  br label %look
done:
  ret void
}

define internal void @keep_results(ptr %out, $RESULT %result) #0 {
  %a = extractvalue $RESULT %result, 0
  %b = extractvalue $RESULT %result, 1
  %c = extractvalue $RESULT %result, 2
  %d = extractvalue $RESULT %result, 3
  store i64 %a, ptr %out
  %b.at = getelementptr i8, ptr %out, i64 16
  store i64 %b, ptr %b.at
  %c.at = getelementptr i8, ptr %out, i64 $Registers.RESULT_VECTORS
  store <2 x i64> %c, ptr %c.at, align 16
  %d.at = getelementptr i8, ptr %c.at, i64 16
  store <2 x i64> %d, ptr %d.at, align 16
  ret void
}

define internal $RESULT @give_results(ptr %out) #0 {
  %a = load i64, ptr %out
  %b.at = getelementptr i8, ptr %out, i64 16
  %b = load i64, ptr %b.at
  %c.at = getelementptr i8, ptr %out, i64 $Registers.RESULT_VECTORS
  %c = load <2 x i64>, ptr %c.at, align 16
  %d.at = getelementptr i8, ptr %c.at, i64 16
  %d = load <2 x i64>, ptr %d.at, align 16
  %r0 = insertvalue $RESULT poison, i64 %a, 0
  %r1 = insertvalue $RESULT %r0, i64 %b, 1
  %r2 = insertvalue $RESULT %r1, <2 x i64> %c, 2
  %r3 = insertvalue $RESULT %r2, <2 x i64> %d, 3
  ret $RESULT %r3
}

define internal void @drop(ptr %objects, i64 %n) #0 {
start:
  br label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %at = getelementptr ptr, ptr %objects, i64 %k
  %object = load ptr, ptr %at
  call void @Py_DecRef(ptr %object)
  %more = add i64 %k, 1
  br label %look
done:
  ret void
}
"""

_ENTRY_UNBOX: Final = """
define ptr @entry_NAME(ptr nest %shape, ptr %self, ptr %args, i64 %flagged, ptr %names) #0 {
start:
  %activation = alloca [$Activation.SIZE x i8], align 16
  %cells = alloca [ROOM x [16 x i8]], align 16
  %registers = alloca [REGISTERS x i8], align 16
  %out = alloca [$Registers.RESULT_SIZE x i8], align 16
  %store = get ptr %self FuncObject.STORE
  %n = get i64 %shape Shape.PARAMS
  %count = and i64 %flagged, 9223372036854775807
  %arity = icmp eq i64 %count, %n
  %plain = icmp eq ptr %names, null
  %simple = and i1 %arity, %plain
  br i1 %simple, label %look, label %convert
look:
  %k = phi i64 [ 0, %start ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %ready
step:
  %letter = call i64 @letter(ptr %shape, i64 %k)
  %place = call ptr @place(ptr %shape, i64 %k, ptr %registers)
  %object.at = getelementptr ptr, ptr %args, i64 %k
  %object = load ptr, ptr %object.at
  %unboxed = call i32 @unbox_register(i64 %letter, ptr %object, ptr %place, ptr %store)
  %more = add i64 %k, 1
  %good = icmp ne i32 %unboxed, 0
  br i1 %good, label %look, label %convert
convert:
  %number = ptrtoint ptr %shape to i64
  %converted = call i32 @convert_arguments(
    i64 %number, ptr %self, ptr %args, i64 %flagged, ptr %names, ptr %cells, i64 %n
  )
  %done = icmp ne i32 %converted, 0
  br i1 %done, label %reload, label %fail
reload:
  call void @scatter(ptr %shape, i64 0, i64 %n, ptr %cells, ptr %registers, i64 $Registers.VECTORS)
  br label %ready
ready:
"""

_ENTRY_CALL: Final = """  %spilled = get i64 %shape Shape.SPILLED
  %inside = icmp eq i64 %spilled, 0
  br i1 %inside, label %load, label %spill
spill:
  %spill.from = getelementptr i8, ptr %registers, i64 $Registers.SPILLED
  %spill.to = getelementptr i8, ptr %store, i64 $Store.VALUES
  call void @llvm.memcpy.p0.p0.i64(ptr %spill.to, ptr %spill.from, i64 %spilled, i1 false)
  br label %load
load:
"""

_ENTRY_KEEP: Final = """  call void @keep_results(ptr %out, $RESULT %result)
  %results = get i64 %shape Shape.RESULTS
  %fits = icmp ule i64 %results, MOST
  br i1 %fits, label %kept.all, label %copy
copy:
  %left = getelementptr i8, ptr %store, i64 $Store.RESULTS
  %left.size = shl i64 %results, 4
  call void @llvm.memcpy.p0.p0.i64(ptr %cells, ptr %left, i64 %left.size, i1 false)
  br label %kept.all
kept.all:
"""

_ENTRY_BOX: Final = """  switch i64 %results, label %tuple [ i64 0, label %none i64 1, label %one i64 2, label %two ]
none:
  call void @Py_IncRef(ptr @_Py_NoneStruct)
  br label %boxed
one:
  %only.letter = call i64 @letter(ptr %shape, i64 %n)
  %only.place = call ptr @place(ptr %shape, i64 %n, ptr %out)
  %only = call ptr @box(i64 %only.letter, ptr %only.place)
  br label %boxed
two:
  %second = add i64 %n, 1
  %a.place = call ptr @place(ptr %shape, i64 %n, ptr %out)
  %b.place = call ptr @place(ptr %shape, i64 %second, ptr %out)
  call void @llvm.memcpy.p0.p0.i64(ptr %cells, ptr %a.place, i64 16, i1 false)
  %b.cell = getelementptr i8, ptr %cells, i64 16
  call void @llvm.memcpy.p0.p0.i64(ptr %b.cell, ptr %b.place, i64 16, i1 false)
  br label %tuple
tuple:
  %letters = getelementptr i8, ptr %shape, i64 $Shape.LETTERS
  %result.letters = getelementptr i8, ptr %letters, i64 %n
  %several = call ptr @box_tuple(ptr %result.letters, i64 %results, ptr %cells)
  br label %boxed
boxed:
  %object.out = phi ptr [ @_Py_NoneStruct, %none ], [ %only, %one ], [ %several, %tuple ]
LET_GO  ret ptr %object.out
"""


def _loads() -> str:
    """Load all registers from %registers."""
    text = ""
    for names, first, step, type_ in (
        (_WORDS, Registers.WORDS, 8, "i64"),
        (_VECTORS, Registers.VECTORS, 16, "<2 x i64>"),
    ):
        for k, name in enumerate(names):
            text += f"  {name}.at = getelementptr i8, ptr %registers, i64 {first + step * k}\n"
            text += f"  {name} = load {type_}, ptr {name}.at, align {step}\n"
    return text


def _stores() -> str:
    """Store all registers to %registers."""
    text = ""
    for names, first, step, type_ in (
        (_WORDS, Registers.WORDS, 8, "i64"),
        (_VECTORS, Registers.VECTORS, 16, "<2 x i64>"),
    ):
        for k, name in enumerate(names):
            text += f"  {name}.at = getelementptr i8, ptr %registers, i64 {first + step * k}\n"
            text += f"  store {type_} {name}, ptr {name}.at, align {step}\n"
    return text


def entry(name: str, room: int) -> str:
    """Return the entry stub for up to `room` parameters and results."""
    text = stubs.enter(_ENTRY_UNBOX, held=True) + _ENTRY_CALL + _loads()
    text += f"  %result = call {CC} $RESULT %code(ptr %ctx, {REGISTERS})\n"
    text += _ENTRY_KEEP + stubs.ENTRY_LEAVE + stubs.HOLD + _ENTRY_BOX.replace("LET_GO", stubs.LET_GO)
    return _fill(text + stubs.LEAVE_HELD + stubs.ENTRY_TAIL, name, room)


_THUNK_BOX: Final = """
define $CC $RESULT @host_NAME(ptr nest %shape, ptr %host, PARAMETERS) #0 {
start:
  %registers = alloca [REGISTERS x i8], align 16
  %out = alloca [$Registers.RESULT_SIZE x i8], align 16
"""

_THUNK_TAKE: Final = """  %n = get i64 %shape Shape.PARAMS
  %results = get i64 %shape Shape.RESULTS
  %spilled = get i64 %shape Shape.SPILLED
  %objects = getelementptr ptr, ptr %argv, i64 1
  %letters = getelementptr i8, ptr %shape, i64 $Shape.LETTERS
  %inside = icmp eq i64 %spilled, 0
  br i1 %inside, label %taken, label %take
take:
  %spill.from = getelementptr i8, ptr %store, i64 $Store.VALUES
  %spill.to = getelementptr i8, ptr %registers, i64 $Registers.SPILLED
  call void @llvm.memcpy.p0.p0.i64(ptr %spill.to, ptr %spill.from, i64 %spilled, i1 false)
  br label %taken
taken:
"""

_THUNK_BOXES: Final = """  br label %look
look:
  %k = phi i64 [ 0, %box ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %call
step:
  %letter = call i64 @letter(ptr %shape, i64 %k)
  %place = call ptr @place(ptr %shape, i64 %k, ptr %registers)
  %boxed = call ptr @box(i64 %letter, ptr %place)
  %object.at = getelementptr ptr, ptr %objects, i64 %k
  store ptr %boxed, ptr %object.at
  %more = add i64 %k, 1
  %failed = icmp eq ptr %boxed, null
  br i1 %failed, label %unboxed, label %look
unboxed:
  call void @drop(ptr %objects, i64 %k)
  br label %fail
"""

_THUNK_UNBOX: Final = """unbox0:
  switch i64 %results, label %several [ i64 0, label %nothing i64 1, label %one ]
nothing:
  %none = icmp eq ptr %object, @_Py_NoneStruct
  br i1 %none, label %finish, label %convert
one:
  %only.letter = call i64 @letter(ptr %shape, i64 %n)
  %only.place = call ptr @place(ptr %shape, i64 %n, ptr %out)
  %only = call i32 @unbox_register(i64 %only.letter, ptr %object, ptr %only.place, ptr %store)
  %only.good = icmp ne i32 %only, 0
  br i1 %only.good, label %finish, label %convert
several:
  %result.letters = getelementptr i8, ptr %letters, i64 %n
  %all = call i32 @unbox_tuple(ptr %result.letters, i64 %results, ptr %object, ptr %cells, ptr %store)
  %all.good = icmp ne i32 %all, 0
  br i1 %all.good, label %spread, label %convert
convert:
  %number = ptrtoint ptr %shape to i64
  %handle = get i64 %context HostContext.HANDLE
  %converted = call i32 @convert_results(i64 %number, i64 %handle, ptr %object, ptr %cells, i64 %results)
  %done = icmp ne i32 %converted, 0
  br i1 %done, label %spread, label %undo
undo:
  call void @Py_DecRef(ptr %object)
  br label %fail
spread:
  %few = icmp ule i64 %results, MOST
  br i1 %few, label %scatter, label %finish
scatter:
  call void @scatter(ptr %shape, i64 %n, i64 %results, ptr %cells, ptr %out, i64 $Registers.RESULT_VECTORS)
  br label %finish
finish:
"""

_THUNK_RETURN: Final = """  %fits = icmp ule i64 %results, MOST
  br i1 %fits, label %return, label %leave
leave:
  %left = getelementptr i8, ptr %store, i64 $Store.RESULTS
  %left.size = shl i64 %results, 4
  call void @llvm.memcpy.p0.p0.i64(ptr %left, ptr %cells, i64 %left.size, i1 false)
  br label %return
return:
  %given = call $RESULT @give_results(ptr %out)
  ret $RESULT %given
fail:
  call void @host_failed(i64 %throwing)
  ret $RESULT zeroinitializer
}
"""


def thunk(name: str, room: int) -> str:
    """Return the thunk for up to `room` parameters and results; the lowest bit of %host says that its caller looks."""
    text = _THUNK_BOX + stubs.THUNK_HEAD.format(slots=room + 1, cells=room) + _stores() + _THUNK_TAKE
    text += stubs.THUNK_PAUSE + _THUNK_BOXES
    text += stubs.THUNK_CALL.format(flagged="%flagged").replace(
        "call:\n", "call:\n  %flagged = or i64 %n, -9223372036854775808\n"
    )
    text += "  call void @drop(ptr %objects, i64 %n)\n" + stubs.THUNK_CHECK + _THUNK_UNBOX
    return _fill(text + stubs.THUNK_BACK + _THUNK_RETURN, name, room)


def _fill(text: str, name: str, room: int) -> str:
    numbers = {
        "NAME": name,
        "ROOM": str(room),
        "REGISTERS": str(Registers.SPILLED + 16 * room),
        "PARAMETERS": REGISTERS,
        "MOST": str(layout.MAX_REGISTER_RESULTS),
    }
    for word, value in numbers.items():
        text = text.replace(word, value)
    return expand(text.replace("$RESULT", RESULT))


def source() -> str:
    """Return the IR of all of them."""
    parts = [expand(HELPERS.replace("$RESULT", RESULT))]
    for name, room in SIZES.items():
        parts += [entry(name, room), thunk(name, room)]
    return "".join(parts)
