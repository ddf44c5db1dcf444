"""How threads take turns, as LLVM IR: the GIL, which Wasm runs without, and stores, which one thread at a time runs in.

Compiled code runs without the GIL unless the function is brief (`FuncRecord.BRIEF`), the store has a heap, or the
thread would be back for it soon.  `Store.OWNER` is the thread that runs in a store without the GIL.  All that sets or
looks at it has the GIL; so a thread that has the GIL and sees no owner may use the store until it next lets go of it.

On the way to Python (host functions, services, signal handlers) a thread takes the GIL and gives the store to others:
`pause`; on the way back, `proceed`.  Where there is a heap, it leaves word where on its stack references are.

A thread that comes back for the GIL within 4 us, 16 times in a row, keeps it ("stays"), until a timer of 5 ms ends
that: giving it away and taking it back costs more than a call of a host function.

Source: the Python C API, "Thread State and the Global Interpreter Lock"; only what it documents is used.
"""

from __future__ import annotations

from typing import Final

IR: Final = """
@format_wait_for_store = text "KK"
@format_wake = text "K"
@format_keeper = text ""
@soon = internal constant [4 x i64] [i64 0, i64 0, i64 0, i64 5000000]

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
  %now = call i64 @llvm.readcyclecounter()
  put i64 %now, %thread Thread.SINCE
  %saved = call ptr @PyEval_SaveThread()
  put ptr %saved, %thread Thread.SAVED
  ret void
}

; Take the GIL, and note whether that was soon.
define internal void @take(ptr %thread, ptr %saved) #0 {
  %now = call i64 @llvm.readcyclecounter()
  put ptr null, %thread Thread.SAVED
  call void @PyEval_RestoreThread(ptr %saved)
  %since = get i64 %thread Thread.SINCE
  %cycles = sub i64 %now, %since
  %short = icmp ult i64 %cycles, 12000
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

; Keep the GIL for 5 ms, if there is a timer for that.
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
  %plus = get i64 %thread Thread.KEEPER
  %timer = sub i64 %plus, 1
  put i64 1, %thread Thread.STAY
  call void @set_timer(i64 %timer, ptr @soon)
  ret void
done:
  ret void
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
  call void @unpark(ptr %entry)
  %limit = get i64 %thread Thread.STACK_LIMIT
  put i64 %limit, %store Store.STACK_LIMIT
  %flags = get i64 %entry Activation.FLAGS
  %brief = and i64 %flags, $FuncRecord.BRIEF
  %heap = get i64 %store Store.HEAP
  %stay = get i64 %thread Thread.STAY
  %either = or i64 %brief, %heap
  %why = or i64 %either, %stay
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

; The timer's signal found a thread in compiled code that stays: it stays no longer.
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
  %why = or i64 %heap, %brief
  %keep = icmp ne i64 %why, 0
  br i1 %keep, label %done, label %give
give:
  call void @release(ptr %thread, ptr %store)
  ret void
done:
  ret void
}
"""
