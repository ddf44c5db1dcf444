"""The code between Python and Wasm for one shape of functions, as LLVM IR.

An *entry stub* is the vectorcall function of exported functions: unbox, enter, box.  A *thunk* is the code of a host
function: box, call Python, unbox.  What is common and no hurry is in `vm_slow.py` and `vm_values.py`.

Source: the Python C API; core 3.0, 4.5.5 (invocation).
"""

from __future__ import annotations

from typing import Final

from bembix.compile import layout
from bembix.compile.llvm.ir import expand
from bembix.compile.llvm.types import CC, letter_types, zero
from bembix.compile.prebuilt.shapes import CELL, in_registers
from bembix.compile.prebuilt.shapes import descriptor as descriptor_bytes

_NUMERIC: Final = "ilfd"
#: Letters of what may be an object of the garbage-collected heap.
_TRACED: Final = frozenset("eEax")

#: Functions of the runtime (`vm.py`) that stubs call.
DECLARATIONS: Final = """
declare ptr @attach() #0
declare void @attend(ptr) #0
declare void @attend_entry(ptr) #0
declare void @watch(ptr) #0
declare void @add_hold(ptr, i64) #0
declare i32 @claim(ptr, ptr) #0
declare void @release(ptr, ptr) #0
declare void @take_turns(ptr, ptr) #0
declare void @retake(ptr, ptr) #0
declare void @landed(ptr, ptr) #0
declare void @pause(ptr) #0
declare i32 @proceed(ptr) #0
declare void @unwind_python() #1
declare ptr @box_reference(i64, ptr) #0
declare ptr @box_tuple(ptr, i64, ptr) #0
declare i32 @unbox(i64, ptr, ptr, ptr) #0
declare i32 @unbox_tuple(ptr, i64, ptr, ptr, ptr) #0
declare i32 @convert_arguments(i64, ptr, ptr, i64, ptr, ptr, i64) #0
declare i32 @convert_results(i64, i64, ptr, ptr, i64) #0
declare ptr @raise_reason(ptr, ptr, i64) #0
declare ptr @raise_exhausted(ptr, ptr) #0
declare void @host_failed(i64) #0
"""


def _results_type(letters: str) -> str:
    types = letter_types(letters)
    if not types or len(types) > layout.MAX_REGISTER_RESULTS:
        return "void"
    return types[0] if len(types) == 1 else f"{{ {', '.join(types)} }}"


def descriptor(shape: str) -> str:
    """Return the constant that tells the conversion helpers the shape."""
    content = descriptor_bytes(shape)
    text = "".join(f"\\{byte:02x}" for byte in content)
    return f'@shape.{shape} = internal constant [{len(content)} x i8] c"{text}", align 8\n'


def _number(shape: str) -> str:
    """Return what tells the conversion helpers the shape: the address of its descriptor."""
    return f"ptrtoint (ptr @shape.{shape} to i64)"


def _result_letters(shape: str) -> str:
    at = layout.Shape.LETTERS + shape.index("_")
    return f"getelementptr (i8, ptr @shape.{shape}, i64 {at})"


def _unbox_number(k: int, letter: str, here: str, there: str, slow: str) -> str:
    """Unbox object %o{k} to %fast{k}, from block `here` to `there` or `slow`; for -1 Python is asked for an error."""
    if letter in "il":
        get = f"  %x{k} = call i64 @PyLong_AsLongLong(ptr %o{k})\n  %m{k} = icmp eq i64 %x{k}, -1\n"
    else:
        get = f"  %x{k} = call double @PyFloat_AsDouble(ptr %o{k})\n  %m{k} = fcmp oeq double %x{k}, -1.0\n"
    check = f"""  br i1 %m{k}, label %{here}.check, label %{here}.fine
{here}.check:
  %e{k} = call ptr @PyErr_Occurred()
  %n{k} = icmp eq ptr %e{k}, null
  br i1 %n{k}, label %{here}.fine, label %{slow}
{here}.fine:
"""
    return get + check + _NARROW[letter].format(k=k, there=there, slow=slow)


_NARROW: Final = {
    "i": """  %s{k} = add i64 %x{k}, 2147483648
  %r{k} = icmp ult i64 %s{k}, 6442450944
  %fast{k} = trunc i64 %x{k} to i32
  br i1 %r{k}, label %{there}, label %{slow}
""",
    "l": "  %fast{k} = add i64 %x{k}, 0\n  br label %{there}\n",
    "f": "  %fast{k} = fptrunc double %x{k} to float\n  br label %{there}\n",
    "d": "  %fast{k} = bitcast double %x{k} to double\n  br label %{there}\n",
}


def _unbox_reference(k: int, letter: str, here: str, there: str, slow: str, store: str) -> str:
    """Unbox object %o{k}, a reference or a vector, to %fast{k} through the runtime."""
    return f"""  %cell{k} = getelementptr i8, ptr %cells, i64 {CELL * k}
  %u{k} = call i32 @unbox(i64 {ord(letter)}, ptr %o{k}, ptr %cell{k}, ptr {store})
  %fast{k} = load {letter_types(letter)[0]}, ptr %cell{k}
  %g{k} = icmp ne i32 %u{k}, 0
  br i1 %g{k}, label %{there}, label %{slow}
"""


def _unbox(k: int, letter: str, here: str, there: str, slow: str, store: str) -> str:
    if letter in _NUMERIC:
        return _unbox_number(k, letter, here, there, slow)
    return _unbox_reference(k, letter, here, there, slow, store)


def _reload(letters: str, name: str) -> str:
    """Load all cells to %{name}{k}."""
    return "".join(
        f"  %{name}{k}.at = getelementptr i8, ptr %cells, i64 {CELL * k}\n  %{name}{k} = load {t}, ptr %{name}{k}.at\n"
        for k, t in enumerate(letter_types(letters))
    )


def _box(value: str, k: int, letter: str) -> str:
    """Box `value` to %b{k}, a new reference or null; the first of %cells is free for that."""
    if letter == "i":
        return f"  %w{k} = sext i32 {value} to i64\n  %b{k} = call ptr @PyLong_FromLong(i64 %w{k})\n"
    if letter == "l":
        return f"  %b{k} = call ptr @PyLong_FromLongLong(i64 {value})\n"
    if letter == "f":
        return f"  %w{k} = fpext float {value} to double\n  %b{k} = call ptr @PyFloat_FromDouble(double %w{k})\n"
    if letter == "d":
        return f"  %b{k} = call ptr @PyFloat_FromDouble(double {value})\n"
    if letter == "v":
        bytes_ = f"call ptr @PyBytes_FromStringAndSize(ptr %cells, i64 {CELL})"
        return f"  store {letter_types(letter)[0]} {value}, ptr %cells\n  %b{k} = {bytes_}\n"
    return f"  %b{k} = call ptr @box_reference(i64 {ord(letter)}, ptr {value})\n"


def entry_name(shape: str) -> str:
    """Return the symbol of a shape's entry stub."""
    return f"entry_{shape}"


def entry(shape: str) -> str:
    """Return the entry stub of a shape, which needs its `descriptor`."""
    params, results = shape.split("_")
    text = _ENTRY_HEAD.format(name=entry_name(shape), n=len(params), cells=max(len(params), len(results), 1))
    text += _entry_arguments(params)
    text += _ENTRY_SLOW.format(number=_number(shape), n=len(params)) + _reload(params, "slow") + "  br label %ready\n"
    text += "ready:\n" + "".join(
        f"  %v{k} = phi {t} [ %fast{k}, %{_last_block(params)} ], [ %slow{k}, %reload ]\n"
        for k, t in enumerate(letter_types(params))
    )
    held = not _TRACED.isdisjoint(params)
    text = enter(text, held=held)
    arguments = _leave_arguments(params, "v")
    type_ = _results_type(results)
    text += (
        f"{arguments[0]}  {'' if type_ == 'void' else '%result = '}call {CC} {type_} %code(ptr %ctx{arguments[1]})\n"
    )
    text += _entry_copy(results) + ENTRY_LEAVE
    boxed = _entry_results(shape, results)
    if not _TRACED.isdisjoint(results):  # boxing may run Python, and that Wasm which collects
        boxed = HOLD + boxed.replace("  ret ptr", LET_GO + "  ret ptr")
    return expand(text + boxed + (LEAVE_HELD if held else "") + ENTRY_TAIL)


#: Around what may collect while an object is known to a stub alone.
HOLD: Final = "  call void @add_hold(ptr %store, i64 1)\n"
LET_GO: Final = "  call void @add_hold(ptr %store, i64 -1)\n"


def enter(unboxing: str, *, held: bool) -> str:
    """Return `unboxing`, which goes on at "ready", and what enters Wasm.

    held: until the stub's objects are on the stack of an entry, nothing is collected: `LEAVE_HELD` goes with that.
    """
    if not held:
        return unboxing + ENTRY_ENTER.replace("PUSHED", "")
    store = "  %store = get ptr %self FuncObject.STORE\n"
    converts, converted = "convert:\n", "  %done = icmp ne i32 %converted, 0\n"
    for begin, more in ((store, store + HOLD), (converts, converts + LET_GO), (converted, HOLD + converted)):
        unboxing = unboxing.replace(begin, more)
    text = unboxing + ENTRY_ENTER.replace("PUSHED", LET_GO)
    return text.replace("label %fail", "label %let.go").replace("  ret ptr null\n", "  br label %let.go\n")


LEAVE_HELD: Final = f"""let.go:
{LET_GO}  br label %fail
"""


def _leave_arguments(params: str, name: str) -> tuple[str, str]:
    """Return the lines that leave arguments in the store block, and the text of those that go in registers."""
    lines, registers = "", ""
    for k, (type_, there) in enumerate(zip(letter_types(params), in_registers(params), strict=True)):
        if there:
            registers += f", {type_} %{name}{k}"
        else:
            at = layout.Store.VALUES + CELL * k
            lines += f"  %left{k} = getelementptr i8, ptr %store, i64 {at}\n  store {type_} %{name}{k}, ptr %left{k}\n"
    return lines, registers


def _last_block(params: str) -> str:
    return "unboxed" if params else "unbox0"


def _entry_arguments(params: str) -> str:
    text = ""
    for k, letter in enumerate(params):
        there = f"unbox{k + 1}" if k + 1 < len(params) else "unboxed"
        text += f"unbox{k}:\n  %o{k}.at = getelementptr ptr, ptr %args, i64 {k}\n  %o{k} = load ptr, ptr %o{k}.at\n"
        text += _unbox(k, letter, f"unbox{k}", there, "convert", "%store")
    return text + f"{_last_block(params)}:\n  br label %ready\n"


_ENTRY_HEAD: Final = """
define ptr @{name}(ptr %self, ptr %args, i64 %flagged, ptr %names) #0 {{
start:
  %activation = alloca [$Activation.SIZE x i8], align 16
  %cells = alloca [{cells} x [16 x i8]], align 16
  %store = get ptr %self FuncObject.STORE
  %count = and i64 %flagged, 9223372036854775807
  %arity = icmp eq i64 %count, {n}
  %plain = icmp eq ptr %names, null
  %simple = and i1 %arity, %plain
  br i1 %simple, label %unbox0, label %convert
"""

_ENTRY_SLOW: Final = """convert:
  %converted = call i32 @convert_arguments(
    i64 {number}, ptr %self, ptr %args, i64 %flagged, ptr %names, ptr %cells, i64 {n}
  )
  %done = icmp ne i32 %converted, 0
  br i1 %done, label %reload, label %fail
reload:
"""

ENTRY_ENTER: Final = """  %key = get i32 @state State.KEY
  %known = call ptr @pthread_getspecific(i32 %key)
  %stranger = icmp eq ptr %known, null
  br i1 %stranger, label %meet, label %enter
meet:
  %met = call ptr @attach()
  %refused = icmp eq ptr %met, null
  br i1 %refused, label %fail, label %enter
enter:
  %thread = phi ptr [ %known, %ready ], [ %met, %meet ]
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %limit = get ptr %thread Thread.STACK_LIMIT
  %deep = icmp ult ptr %frame, %limit
  br i1 %deep, label %exhausted, label %turn
exhausted:
  %null = call ptr @raise_exhausted(ptr %self, ptr %thread)
  ret ptr null
turn:
  %before = get ptr %store Store.OWNER
  %waiting = get i64 %store Store.WAITERS
  %owner = ptrtoint ptr %before to i64
  %others = or i64 %owner, %waiting
  %free = icmp eq i64 %others, 0
  br i1 %free, label %push, label %claim
claim:
  %claimed = call i32 @claim(ptr %thread, ptr %store)
  %ours = icmp ne i32 %claimed, 0
  br i1 %ours, label %own, label %fail
own:
  %owned = get ptr %store Store.OWNER
  br label %push
push:
  %base = phi ptr [ null, %turn ], [ %owned, %own ]
  %outer = get ptr %thread Thread.TOP
  %record = get ptr %self FuncObject.RECORD
  %flags = get i64 %record FuncRecord.FLAGS
  put ptr %outer, %activation Activation.PREVIOUS
  put ptr %store, %activation Activation.STORE
  put i64 $Activation.ENTRY, %activation Activation.KIND
  %asked = get i64 %store Store.INTERRUPTS
  put i64 %asked, %activation Activation.ASKED
  put ptr %frame, %activation Activation.FRAME
  put i64 %flags, %activation Activation.FLAGS
  put ptr %base, %activation Activation.BEFORE
  put ptr null, %activation Activation.LOW
  put ptr null, %activation Activation.HOST
  put ptr %activation, %thread Thread.TOP
  put ptr %limit, %store Store.STACK_LIMIT
PUSHED  %jumped = call i32 @_setjmp(ptr %activation) #3
  %first = icmp eq i32 %jumped, 0
  br i1 %first, label %run, label %landing
run:
  %code = get ptr %record FuncRecord.CODE
  %ctx = get ptr %record FuncRecord.CONTEXT
  %heap = get i64 %store Store.HEAP
  %stay = get i64 %thread Thread.STAY
  %brief = and i64 %flags, $FuncRecord.BRIEF
  %either = or i64 %stay, %brief
  %keep = icmp ne i64 %either, 0
  %has.heap = icmp ne i64 %heap, 0
  br i1 %keep, label %kept.gil, label %share
kept.gil:
  br i1 %has.heap, label %watch, label %ready.to.run
share:
  br i1 %has.heap, label %turns, label %release
turns:
  call void @take_turns(ptr %thread, ptr %store)
  br label %watch
watch:
  call void @watch(ptr %thread)
  br label %ready.to.run
release:
  call void @release(ptr %thread, ptr %store)
  br label %ready.to.run
ready.to.run:
  %wanted = get i64 %thread Thread.WANTED
  %calm = icmp eq i64 %wanted, 0
  br i1 %calm, label %go, label %attend
attend:
  call void @attend_entry(ptr %thread)
  br label %go
go:
"""

#: After the call: results beyond the registers have been copied, because others may run in the store from here on.
ENTRY_LEAVE: Final = """  put ptr %outer, %thread Thread.TOP
  %saved = get ptr %thread Thread.SAVED
  %kept = icmp eq ptr %saved, null
  br i1 %kept, label %finish, label %retake
retake:
  call void @retake(ptr %thread, ptr %activation)
  br label %finish
finish:
"""

ENTRY_TAIL: Final = """landing:
  put ptr %outer, %thread Thread.TOP
  call void @landed(ptr %thread, ptr %activation)
  %reason = get i64 %thread Thread.REASON
  %python = icmp eq i64 %reason, $Reason.PYTHON_ERROR
  br i1 %python, label %fail, label %raise
raise:
  %raised = call ptr @raise_reason(ptr %self, ptr %thread, i64 %reason)
  br label %fail
fail:
  ret ptr null
}
"""


def _entry_copy(results: str) -> str:
    """Copy several results to the cells."""
    if len(results) < 2:
        return ""
    if len(results) > layout.MAX_REGISTER_RESULTS:
        return f"""  %left.at = getelementptr i8, ptr %store, i64 $Store.RESULTS
  call void @llvm.memcpy.p0.p0.i64(ptr %cells, ptr %left.at, i64 {CELL * len(results)}, i1 false)
"""
    return "".join(
        f"  %p{k} = extractvalue {_results_type(results)} %result, {k}\n"
        f"  %c{k} = getelementptr i8, ptr %cells, i64 {CELL * k}\n  store {t} %p{k}, ptr %c{k}\n"
        for k, t in enumerate(letter_types(results))
    )


def _entry_results(shape: str, results: str) -> str:
    """Box the results and return them."""
    if not results:
        return "  call void @Py_IncRef(ptr @_Py_NoneStruct)\n  ret ptr @_Py_NoneStruct\n"
    if len(results) == 1:
        return _box("%result", 0, results) + "  ret ptr %b0\n"
    letters = _result_letters(shape)
    return f"  %tuple = call ptr @box_tuple(ptr {letters}, i64 {len(results)}, ptr %cells)\n  ret ptr %tuple\n"


def thunk_names(shape: str) -> tuple[str, str]:
    """Return the symbols of a shape's thunk: for code that does not look for exceptions, and for code that does."""
    return f"host_{shape}", f"throwing_{shape}"


def thunk(shape: str) -> str:
    """Return the thunk of a shape, which needs its `descriptor`, in both forms.

    The second form sets the lowest bit of the context's address and goes on in the first.
    """
    params, results = shape.split("_")
    type_ = _results_type(results)
    where = in_registers(params)
    parameters = "".join(f", {t} %p{k}" for k, t in enumerate(letter_types(params)) if where[k])
    plain, throwing = thunk_names(shape)
    text = f"\ndefine {CC} {type_} @{plain}(ptr %host{parameters}) #0 {{\nstart:\n"
    text += (
        THUNK_HEAD.format(slots=len(params) + 1, cells=max(len(results), 1))
        + _thunk_take(params)
        + THUNK_PAUSE
        + _thunk_boxes(params)
    )
    text += THUNK_CALL.format(flagged=len(params) - 2**63) + _drop(params) + THUNK_CHECK
    text += _thunk_results(shape, results) + _thunk_return(results, type_)
    text += _THUNK_UNBOXED + _drop(params) + _THUNK_FAIL + f"  {_return_zero(type_)}\n}}\n"
    text += f"\ndefine {CC} {type_} @{throwing}(ptr %host{parameters}) #0 {{\n"
    text += "  %tagged = getelementptr i8, ptr %host, i64 1\n"
    call = f"musttail call {CC} {type_} @{plain}(ptr %tagged{parameters})"
    text += f"  {call}\n  ret void\n}}\n" if type_ == "void" else f"  %r = {call}\n  ret {type_} %r\n}}\n"
    return expand(text)


THUNK_HEAD: Final = """  spill
  %argv = alloca [{slots} x ptr], align 16
  %cells = alloca [{cells} x [16 x i8]], align 16
  %tagged = ptrtoint ptr %host to i64
  %throwing = and i64 %tagged, 1
  %cleared = and i64 %tagged, -2
  %context = inttoptr i64 %cleared to ptr
  %key = get i32 @state State.KEY
  %thread = call ptr @pthread_getspecific(i32 %key)
  %top = get ptr %thread Thread.TOP
  %store = get ptr %top Activation.STORE
"""

#: Before anything of Python's is used.
THUNK_PAUSE: Final = """  %saved = get i64 %thread Thread.SAVED
  %heap.before = get i64 %store Store.HEAP
  %reasons = or i64 %saved, %heap.before
  %light = icmp eq i64 %reasons, 0
  br i1 %light, label %box, label %pause
pause:
  call void @pause(ptr %thread)
  br label %box
box:
"""

THUNK_CALL: Final = """call:
  put ptr %context, %top Activation.HOST
  %callable = get ptr %context HostContext.CALLABLE
  %first = getelementptr ptr, ptr %argv, i64 1
  %object = call ptr @PyObject_Vectorcall(ptr %callable, ptr %first, i64 {flagged}, ptr null)
"""

THUNK_CHECK: Final = """  %raised = icmp eq ptr %object, null
  br i1 %raised, label %fail, label %unbox0
"""

#: On the way back, with the results known: release the object, which may run Python, and get into the store.  With
#: neither a heap nor another thread in the store, a thread that keeps the GIL needs nothing but its limit.
THUNK_BACK: Final = """  call void @Py_DecRef(ptr %object)
  %stay = get i64 %thread Thread.STAY
  %back.turns = icmp eq i64 %stay, 0
  %owner = get i64 %store Store.OWNER
  %heap = get i64 %store Store.HEAP
  %wanted = get i64 %thread Thread.WANTED
  %back.one = or i64 %owner, %heap
  %back.all = or i64 %back.one, %wanted
  %back.some = icmp ne i64 %back.all, 0
  %back.more = or i1 %back.some, %back.turns
  br i1 %back.more, label %proceed, label %straight
straight:
  %limit = get i64 %thread Thread.STACK_LIMIT
  put i64 %limit, %store Store.STACK_LIMIT
  br label %back
proceed:
  %proceeded = call i32 @proceed(ptr %thread)
  %back.in = icmp ne i32 %proceeded, 0
  br i1 %back.in, label %attend, label %leaves
leaves:
  call void @unwind_python()
  unreachable
attend:
  call void @attend(ptr %thread)
  br label %back
back:
"""

_THUNK_UNBOXED: Final = "unboxed:\n"

_THUNK_FAIL: Final = """  br label %fail
fail:
  call void @host_failed(i64 %throwing)
"""


def _thunk_take(params: str) -> str:
    """Take the parameters that did not fit into registers from the store block."""
    where = in_registers(params)
    if all(where):
        return ""
    text = ""
    for k, type_ in enumerate(letter_types(params)):
        if not where[k]:
            at = layout.Store.VALUES + CELL * k
            text += f"  %g{k}.at = getelementptr i8, ptr %store, i64 {at}\n  %p{k} = load {type_}, ptr %g{k}.at\n"
    return text


def _thunk_boxes(params: str) -> str:
    """Box the parameters into the argument vector; go on at `call`, or at `unboxed` where one failed."""
    text = ""
    for k, letter in enumerate(params):
        text += _box(f"%p{k}", k, letter)
        text += f"  %a{k} = getelementptr ptr, ptr %argv, i64 {k + 1}\n  store ptr %b{k}, ptr %a{k}\n"
        text += f"  %z{k} = icmp eq ptr %b{k}, null\n"
        text += f"  %any{k} = or i1 %z{k}, {f'%any{k - 1}' if k else 'false'}\n"
    last = f"%any{len(params) - 1}" if params else "false"
    return text + f"  br i1 {last}, label %unboxed, label %call\n"


def _drop(params: str) -> str:
    return "".join(f"  call void @Py_DecRef(ptr %b{k})\n" for k in range(len(params)))


def _thunk_results(shape: str, results: str) -> str:
    """Unbox the result; go on at `finish` with the values in %v{k}."""
    text = "unbox0:\n" + _thunk_unbox(shape, results)
    text += f"""convert:
  %handle = get i64 %context HostContext.HANDLE
  %converted = call i32 @convert_results(i64 {_number(shape)}, i64 %handle, ptr %object, ptr %cells, i64 {len(results)})
  %done = icmp ne i32 %converted, 0
  br i1 %done, label %reload, label %drop
drop:
  call void @Py_DecRef(ptr %object)
  br label %fail
reload:
"""
    text += (_reload(results, "slow") if len(results) == 1 else "") + "  br label %finish\nfinish:\n"
    if len(results) == 1:
        text += f"  %v0 = phi {letter_types(results)[0]} [ %fast0, %fast ], [ %slow0, %reload ]\n"
    elif len(results) <= layout.MAX_REGISTER_RESULTS:
        text += _reload(results, "v")
    return text


def _thunk_unbox(shape: str, results: str) -> str:
    if not results:
        return "  %none = icmp eq ptr %object, @_Py_NoneStruct\n  br i1 %none, label %finish, label %convert\n"
    if len(results) == 1:
        text = "  %o0 = getelementptr i8, ptr %object, i64 0\n"
        return text + _unbox(0, results, "unbox0", "fast", "convert", "%store") + "fast:\n  br label %finish\n"
    letters = f"ptr {_result_letters(shape)}, i64 {len(results)}"
    return f"""  %all = call i32 @unbox_tuple({letters}, ptr %object, ptr %cells, ptr %store)
  %good = icmp ne i32 %all, 0
  br i1 %good, label %finish, label %convert
"""


def _thunk_return(results: str, type_: str) -> str:
    """Get into the store, put the results there and return to Wasm."""
    text = THUNK_BACK
    name = "v"
    if not _TRACED.isdisjoint(results):  # while the thread waited, the collector knew of what is in the cells only
        name = "late"
        text += _reload(results, name)
    if len(results) > layout.MAX_REGISTER_RESULTS:
        text += f"""  %left = getelementptr i8, ptr %store, i64 $Store.RESULTS
  call void @llvm.memcpy.p0.p0.i64(ptr %left, ptr %cells, i64 {CELL * len(results)}, i1 false)
"""
    if type_ == "void":
        return text + "  ret void\n"
    if len(results) == 1:
        return text + f"  ret {type_} %{name}0\n"
    aggregate = "poison"
    for k, t in enumerate(letter_types(results)):
        text += f"  %r{k} = insertvalue {type_} {aggregate}, {t} %{name}{k}, {k}\n"
        aggregate = f"%r{k}"
    return text + f"  ret {type_} {aggregate}\n"


def _return_zero(type_: str) -> str:
    return "ret void" if type_ == "void" else f"ret {type_} {zero(type_)}"
