"""How threads take turns, as LLVM IR: the GIL, which Wasm runs without, and stores, which one thread at a time runs in.

Compiled code runs without the GIL unless the function is brief (`FuncRecord.BRIEF`), the store has a heap, or the
thread would be back for it soon.  `Store.OWNER` is the thread that runs in a store without the GIL.  All that sets or
looks at it has the GIL; so a thread that has the GIL and sees no owner may use the store until it next lets go of it.

On the way to Python (host functions, services, signal handlers) a thread takes the GIL and gives the store to others:
`pause`; on the way back, `proceed`.  Where there is a heap, it leaves word where on its stack references are.

A thread that comes back for the GIL within 4 us, 16 times in a row, keeps it ("stays"), until a timer of 8 ms ends
that: giving it away and taking it back costs more than a call of a host function.  The same timer has code that keeps
the GIL because of its heap give way to others every 8 ms.

Source: the Python C API, "Thread State and the Global Interpreter Lock"; only what it documents is used.
"""

from __future__ import annotations

from typing import Final

IR: Final = """
@format_wait_for_store = text "KK"
@format_wake = text "K"
@format_keeper = text ""
; Longer than Python's switch interval, after which those that wait for the GIL ask for it: they get it for sure then.
@soon = internal constant [4 x i64] [i64 0, i64 8000000, i64 0, i64 8000000]

; Wait until a store has no other owner; 0 where that raised.  The GIL is not let go of after the last look.
define i32 @claim(ptr %thread, ptr %store) noinline #0 {
start:
  br label %look
look:
  %tries = phi i64 [ 0, %start ], [ %more, %again ]
  %owner = get ptr %store Store.OWNER
  %mine = icmp eq ptr %owner, %thread
  br i1 %mine, label %done, label %see
see:  ; who comes later lets those go first that wait
  %waiters = get i64 %store Store.WAITERS
  %queue = icmp ne i64 %waiters, 0
  %late = icmp eq i64 %tries, 0
  %behind = and i1 %queue, %late
  %taken = icmp ne ptr %owner, null
  %wait = or i1 %behind, %taken
  br i1 %wait, label %ask, label %done
ask:
  %service = get ptr @state State.WAIT_FOR_STORE
  %object = python(ptr %service, ptr @format_wait_for_store, ptr %store, i64 %tries)
  %failed = icmp eq ptr %object, null
  br i1 %failed, label %bad, label %again
again:
  call void @Py_DecRef(ptr %object)
  %more = add i64 %tries, 1
  br label %look
bad:
  ret i32 0
done:
  ret i32 1
}

; Let others into a store: its owner is %before again.
define internal void @let_in(ptr %store, ptr %before) #0 {
  put ptr %before, %store Store.OWNER
  %waiters = get i64 %store Store.WAITERS
  %some = icmp ne i64 %waiters, 0
  %free = icmp eq ptr %before, null
  %both = and i1 %some, %free
  br i1 %both, label %wake, label %done
wake:  ; there may be an exception on its way
  %type.at = alloca ptr
  %value.at = alloca ptr
  %trace.at = alloca ptr
  call void @PyErr_Fetch(ptr %type.at, ptr %value.at, ptr %trace.at)
  %service = get ptr @state State.WAKE_FOR_STORE
  %object = python(ptr %service, ptr @format_wake, ptr %store)
  call void @Py_DecRef(ptr %object)
  %type = load ptr, ptr %type.at
  %value = load ptr, ptr %value.at
  %trace = load ptr, ptr %trace.at
  call void @PyErr_Restore(ptr %type, ptr %value, ptr %trace)
  ret void
done:
  ret void
}

; Run without the GIL from now on.
define void @release(ptr %thread, ptr %store) #0 {
  call void @watch(ptr %thread)
  put ptr %thread, %store Store.OWNER
  %now = call i64 @ticks()
  put i64 %now, %thread Thread.SINCE
  %saved = call ptr @PyEval_SaveThread()
  put ptr %saved, %thread Thread.SAVED
  ret void
}

; Take the GIL, and note whether that was soon.
define internal void @take(ptr %thread, ptr %saved) #0 {
  %now = call i64 @ticks()
  put ptr null, %thread Thread.SAVED
  call void @PyEval_RestoreThread(ptr %saved)
  %since = get i64 %thread Thread.SINCE
  %passed = sub i64 %now, %since
  %short = call i1 @was_soon(i64 %passed)
  %streak = get i64 %thread Thread.STREAK
  %longer = add i64 %streak, 1
  %new = select i1 %short, i64 %longer, i64 0
  put i64 %new, %thread Thread.STREAK
  %often = icmp uge i64 %new, 16
  br i1 %often, label %stay, label %done
stay:
  put i64 0, %thread Thread.STREAK
  call void @stay(ptr %thread)
  ret void
done:
  ret void
}

; Keep the GIL for 8 ms, if there is a timer for that.
define internal void @stay(ptr %thread) noinline #0 {
  %known = get i64 %thread Thread.KEEPER
  %missing = icmp eq i64 %known, 0
  br i1 %missing, label %make, label %start
make:
  %service = get ptr @state State.KEEPER
  %object = python(ptr %service, ptr @format_keeper)
  %failed = icmp eq ptr %object, null
  br i1 %failed, label %forget, label %made
forget:  ; without one, the GIL is given away each time
  call void @PyErr_Clear()
  ret void
made:
  call void @Py_DecRef(ptr %object)
  %new = get i64 %thread Thread.KEEPER
  %none = icmp eq i64 %new, 0
  br i1 %none, label %done, label %start
start:
  call void @stay_on(ptr %thread)
  ret void
done:
  ret void
}

; Have the timer's signal come in 8 ms, and again; where there is no timer, the thread does not stay.
define internal void @stay_on(ptr %thread) #0 {
  put i64 1, %thread Thread.STAY
  %plus = get i64 %thread Thread.KEEPER
  %timer = sub i64 %plus, 1
  %failed = call i64 (i64, ...) @syscall(i64 $Platform.timer_settime, i64 %timer, i64 0, ptr @soon, ptr null)
  %good = icmp eq i64 %failed, 0
  br i1 %good, label %done, label %forget
forget:
  put i64 0, %thread Thread.STAY
  br label %done
done:
  ret void
}

; A call begins that keeps the GIL because of the heap, whose objects it may have as arguments.  Making the timer runs
; Python, and that others in the store.
define void @take_turns(ptr %thread, ptr %store) noinline #0 {
  call void @add_hold(ptr %store, i64 1)
  call void @stay(ptr %thread)
  call void @add_hold(ptr %store, i64 -1)
  %limit = get i64 %thread Thread.STACK_LIMIT
  put i64 %limit, %store Store.STACK_LIMIT
  ret void
}

; In the middle of compiled code, which may just be taking a cell: nobody else gets cells of its runs, and nothing is
; collected, until @resume_code.
define internal void @stop_code(ptr %store, ptr %runs) #0 {
start:
  %heap = get ptr %store Store.HEAP
  %none = icmp eq ptr %heap, null
  br i1 %none, label %done, label %hold
hold:
  call void @add_hold(ptr %store, i64 1)
  %classes = getelementptr i8, ptr %heap, i64 $Heap.CLASSES
  br label %look
look:
  %k = phi i64 [ 0, %hold ], [ %more, %step ]
  %some = icmp ult i64 %k, $Heap.CLASS_COUNT
  br i1 %some, label %step, label %done
step:
  %offset = mul i64 %k, $SizeClass.SIZE
  %class = getelementptr i8, ptr %classes, i64 %offset
  %run = getelementptr [2 x i64], ptr %runs, i64 %k
  call void @llvm.memcpy.p0.p0.i64(ptr %run, ptr %class, i64 16, i1 false)
  call void @llvm.memset.p0.i64(ptr %class, i8 0, i64 16, i1 false)
  %more = add i64 %k, 1
  br label %look
done:
  ret void
}

define internal void @resume_code(ptr %store, ptr %runs, i64 %stopped) #0 {
start:
  %had = icmp ne i64 %stopped, 0
  br i1 %had, label %give, label %done
give:
  %heap = get ptr %store Store.HEAP
  call void @add_hold(ptr %store, i64 -1)
  %classes = getelementptr i8, ptr %heap, i64 $Heap.CLASSES
  br label %look
look:
  %k = phi i64 [ 0, %give ], [ %more, %step ]
  %some = icmp ult i64 %k, $Heap.CLASS_COUNT
  br i1 %some, label %step, label %done
step:
  %offset = mul i64 %k, $SizeClass.SIZE
  %class = getelementptr i8, ptr %classes, i64 %offset
  %run = getelementptr [2 x i64], ptr %runs, i64 %k
  call void @llvm.memcpy.p0.p0.i64(ptr %class, ptr %run, i64 16, i1 false)
  %more = add i64 %k, 1
  br label %look
done:
  ret void
}

; Let others have the GIL, in the middle of compiled code; they may run Wasm of this store, which must find no
; exception, and leave its parameters as they are.
define internal void @give_way(ptr %thread) noinline #0 {
  %runs = alloca [$Heap.CLASS_COUNT x [2 x i64]], align 16
  %top = get ptr %thread Thread.TOP
  %store = get ptr %top Activation.STORE
  call void @stop_code(ptr %store, ptr %runs)
  %good = call i32 @yield(ptr %thread)
  call void @resume_code(ptr %store, ptr %runs, i64 1)
  %fine = icmp ne i32 %good, 0
  br i1 %fine, label %done, label %bad
done:
  ret void
bad:
  call void @unwind_python()
  unreachable
}

; The same where compiled code has called; 0 where that raised.
define i32 @yield(ptr %thread) noinline #0 {
  %kept = alloca [$Store.SIZE x i8], align 16
  %top = get ptr %thread Thread.TOP
  %store = get ptr %top Activation.STORE
  %state = getelementptr i8, ptr %store, i64 $Store.PENDING
  %values = shl i64 $Store.MAX_VALUES, 4
  %size = add i64 %values, $Store.VALUES
  %rest = sub i64 %size, $Store.PENDING
  call void @llvm.memcpy.p0.p0.i64(ptr %kept, ptr %state, i64 %rest, i1 false)
  put ptr null, %store Store.PENDING
  spill
  call void @pause(ptr %thread)
  %own = call ptr @PyEval_SaveThread()
  call void @PyEval_RestoreThread(ptr %own)
  %in = call i32 @proceed(ptr %thread)
  %good = icmp ne i32 %in, 0
  br i1 %good, label %back, label %bad
back:
  call void @llvm.memcpy.p0.p0.i64(ptr %state, ptr %kept, i64 %rest, i1 false)
  ret i32 1
bad:
  ret i32 0
}

; After a call from Python whose thread has no GIL.
define void @retake(ptr %thread, ptr %activation) noinline #0 {
  %saved = get ptr %thread Thread.SAVED
  call void @take(ptr %thread, ptr %saved)
  %store = get ptr %activation Activation.STORE
  %before = get ptr %activation Activation.BEFORE
  call void @let_in(ptr %store, ptr %before)
  ret void
}

; After a jump to an entry, from Wasm or from Python.
define void @landed(ptr %thread, ptr %activation) noinline #0 {
  %saved = get ptr %thread Thread.SAVED
  %has_gil = icmp eq ptr %saved, null
  br i1 %has_gil, label %look, label %take
take:
  call void @retake(ptr %thread, ptr %activation)
  br label %look
look:
  call void @unpark(ptr %activation)
  ret void
}

; What the collector is told of a thread that is on its way to Python: its stack between %low and its entry may have
; references.  The list is changed by those who have the GIL.
define internal void @park(ptr %store, ptr %entry, ptr %low) #0 {
  %old = get ptr %entry Activation.LOW
  %parked = icmp ne ptr %old, null
  br i1 %parked, label %done, label %link
link:
  put ptr %low, %entry Activation.LOW
  %head = getelementptr i8, ptr %store, i64 $Store.PARKED
  %first = load ptr, ptr %head
  put ptr %first, %entry Activation.NEXT
  put ptr %head, %entry Activation.LINK
  store ptr %entry, ptr %head
  %last = icmp eq ptr %first, null
  br i1 %last, label %done, label %back
back:
  %next.at = getelementptr i8, ptr %entry, i64 $Activation.NEXT
  put ptr %next.at, %first Activation.LINK
  ret void
done:
  ret void
}

define internal void @unpark(ptr %entry) #0 {
  %low = get ptr %entry Activation.LOW
  %parked = icmp ne ptr %low, null
  br i1 %parked, label %unlink, label %done
unlink:
  put ptr null, %entry Activation.LOW
  %next = get ptr %entry Activation.NEXT
  %link = get ptr %entry Activation.LINK
  store ptr %next, ptr %link
  %last = icmp eq ptr %next, null
  br i1 %last, label %done, label %back
back:
  put ptr %link, %next Activation.LINK
  ret void
done:
  ret void
}

; On the way from compiled code to Python.  The caller has saved the registers that the code before it may use.
define void @pause(ptr %thread) noinline #0 {
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %entry = call ptr @innermost_entry(ptr %thread)
  %store = get ptr %entry Activation.STORE
  %saved = get ptr %thread Thread.SAVED
  %has_gil = icmp eq ptr %saved, null
  br i1 %has_gil, label %look, label %take
take:
  call void @take(ptr %thread, ptr %saved)
  br label %look
look:
  %heap = get ptr %store Store.HEAP
  %none = icmp eq ptr %heap, null
  br i1 %none, label %leave, label %tell
tell:
  call void @park(ptr %store, ptr %entry, ptr %frame)
  br label %leave
leave:
  br i1 %has_gil, label %done, label %give
give:
  %before = get ptr %entry Activation.BEFORE
  call void @let_in(ptr %store, ptr %before)
  br label %done
done:
  ret void
}

; On the way back, with the GIL; 0 where waiting for the store raised, so that the thread is still on its way out.
define i32 @proceed(ptr %thread) noinline #0 {
  %entry = call ptr @innermost_entry(ptr %thread)
  %store = get ptr %entry Activation.STORE
  %owner = get ptr %store Store.OWNER
  %free = icmp eq ptr %owner, null
  br i1 %free, label %in, label %wait
wait:
  %got = call i32 @claim(ptr %thread, ptr %store)
  %good = icmp ne i32 %got, 0
  br i1 %good, label %in, label %bad
in:
  %flags = get i64 %entry Activation.FLAGS
  %brief = and i64 %flags, $FuncRecord.BRIEF
  %stay = get i64 %thread Thread.STAY
  %heap = get i64 %store Store.HEAP
  %either = or i64 %brief, %stay
  %short = icmp ne i64 %either, 0
  %alone = icmp eq i64 %heap, 0
  %ready = or i1 %short, %alone
  br i1 %ready, label %return, label %turns
turns:
  call void @stay(ptr %thread)
  br label %return
return:
  call void @unpark(ptr %entry)
  %limit = get i64 %thread Thread.STACK_LIMIT
  put i64 %limit, %store Store.STACK_LIMIT
  %why = or i64 %either, %heap
  %keep = icmp ne i64 %why, 0
  br i1 %keep, label %done, label %give
give:
  call void @release(ptr %thread, ptr %store)
  br label %done
done:
  ret i32 1
bad:
  ret i32 0
}

; The timer's signal found a thread in compiled code that stays: it stays no longer, or gives way where there is a heap.
define internal void @end_stay(ptr %thread) #0 {
  put i64 0, %thread Thread.STAY
  put i64 0, %thread Thread.STREAK
  %saved = get ptr %thread Thread.SAVED
  %has_gil = icmp eq ptr %saved, null
  br i1 %has_gil, label %look, label %done
look:
  %entry = call ptr @innermost_entry(ptr %thread)
  %store = get ptr %entry Activation.STORE
  %heap = get i64 %store Store.HEAP
  %flags = get i64 %entry Activation.FLAGS
  %brief = and i64 %flags, $FuncRecord.BRIEF
  %short = icmp ne i64 %brief, 0
  br i1 %short, label %done, label %why
why:
  %alone = icmp eq i64 %heap, 0
  br i1 %alone, label %give, label %objects
give:
  call void @release(ptr %thread, ptr %store)
  ret void
objects:
  call void @give_way(ptr %thread)
  ret void
done:
  ret void
}
"""
