"""The ways out of compiled code, as LLVM IR: traps, exceptions, faults.

Each records what happened in the thread block and jumps to an activation.  Nothing is unwound: Wasm frames own nothing,
and no frame of the host lies between compiled code and its innermost entry.

Source: core 3.0, 4.2.13 and 4.4 (traps, exceptions); sigaction(2).
"""

from __future__ import annotations

from typing import Final

WAYS_OUT: Final = """
define ptr @current_thread() #0 {
  %key = get i32 @state State.KEY
  %thread = call ptr @pthread_getspecific(i32 %key)
  ret ptr %thread
}

define internal ptr @innermost_entry(ptr %thread) #0 {
start:
  %top = get ptr %thread Thread.TOP
  br label %look
look:
  %at = phi ptr [ %top, %start ], [ %outer, %pass ]
  %kind = get i64 %at Activation.KIND
  %is_entry = icmp eq i64 %kind, $Activation.ENTRY
  br i1 %is_entry, label %found, label %pass
pass:
  %outer = get ptr %at Activation.PREVIOUS
  br label %look
found:
  ret ptr %at
}

; Write return addresses to the trace from entry %first on, following the frame pointers up to the entry stub's frame.
define internal void @record(ptr %thread, ptr %entry, ptr %frame, i64 %first) #0 {
start:
  %end = get ptr %entry Activation.FRAME
  %trace = getelementptr i8, ptr %thread, i64 $Thread.TRACE
  br label %look
look:
  %at = phi ptr [ %frame, %start ], [ %next, %step ]
  %n = phi i64 [ %first, %start ], [ %more, %step ]
  %below = icmp ult ptr %at, %end
  %room = icmp ult i64 %n, $Thread.MAX_TRACE
  %go = and i1 %below, %room
  br i1 %go, label %step, label %done
step:
  %return.at = getelementptr i8, ptr %at, i64 8
  %return = load i64, ptr %return.at
  %slot = getelementptr i64, ptr %trace, i64 %n
  store i64 %return, ptr %slot
  %more = add i64 %n, 1
  %next = load ptr, ptr %at
  %up = icmp ugt ptr %next, %at
  br i1 %up, label %look, label %done
done:
  %count = phi i64 [ %n, %look ], [ %more, %step ]
  put i64 %count, %thread Thread.TRACE_LENGTH
  ret void
}

define internal void @leave(ptr %thread, ptr %activation, i64 %reason, i64 %offset) #1 {
  put i64 %reason, %thread Thread.REASON
  put i64 %offset, %thread Thread.OFFSET
  call void @_longjmp(ptr %activation, i32 1)
  unreachable
}

define $CC void @trap(ptr %ctx, i64 %reason, i64 %offset) #1 {
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %thread = call ptr @current_thread()
  %entry = call ptr @innermost_entry(ptr %thread)
  call void @record(ptr %thread, ptr %entry, ptr %frame, i64 0)
  call void @leave(ptr %thread, ptr %entry, i64 %reason, i64 %offset)
  unreachable
}

define $CC void @unwind_exception(ptr %ctx) #1 {
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  %thread = call ptr @current_thread()
  %top = get ptr %thread Thread.TOP
  call void @record(ptr %thread, ptr %top, ptr %frame, i64 0)
  call void @leave(ptr %thread, ptr %top, i64 $Reason.WASM_EXCEPTION, i64 -1)
  unreachable
}

; A Python exception leaves Wasm.  One by which a host function says that Wasm is to stop is raised anew, with a
; backtrace.
define void @unwind_python() #1 {
  %thread = call ptr @current_thread()
  %class = get ptr @state State.STOP
  %matches = call i32 @PyErr_ExceptionMatches(ptr %class)
  %stops = icmp ne i32 %matches, 0
  br i1 %stops, label %stop, label %go
stop:
  call void @PyErr_Clear()
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  call void @stop_if_wanted(ptr %thread, i64 0, ptr %frame)
  call void @give_up(ptr %thread, i64 0, ptr %frame, i64 $Reason.EXPIRED)
  unreachable
go:
  %entry = call ptr @innermost_entry(ptr %thread)
  put i64 0, %thread Thread.TRACE_LENGTH
  call void @leave(ptr %thread, ptr %entry, i64 $Reason.PYTHON_ERROR, i64 -1)
  unreachable
}
"""

FAULTS: Final = """
; Whether an address is in one of the ranges of a table (native/ranges.py), which another thread may be changing.
define internal i1 @within(ptr %head, i64 %address) #0 {
start:
  %array = load atomic ptr, ptr %head acquire, align 8
  %count = load i64, ptr %array
  br label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %next ]
  %some = icmp ult i64 %k, %count
  br i1 %some, label %compare, label %done
compare:
  %entry = getelementptr [2 x i64], ptr %array, i64 %k
  %low.at = getelementptr i8, ptr %entry, i64 8
  %high.at = getelementptr i8, ptr %entry, i64 16
  %high = load atomic i64, ptr %high.at acquire, align 8
  %low = load atomic i64, ptr %low.at acquire, align 8
  %above = icmp uge i64 %address, %low
  %below = icmp ult i64 %address, %high
  %inside = and i1 %above, %below
  br i1 %inside, label %done, label %next
next:
  %more = add i64 %k, 1
  br label %look
done:
  %found = phi i1 [ false, %look ], [ true, %compare ]
  ret i1 %found
}

define void @on_fault(i32 %signal, ptr %info, ptr %context) #0 {
  %pc = get i64 %context Platform.context_pc
  %codes = get ptr @state State.CODES
  %in_code = call i1 @within(ptr %codes, i64 %pc)
  br i1 %in_code, label %wasm, label %foreign
wasm:
  %address = get i64 %info Platform.siginfo_address
  %guards = get ptr @state State.GUARDS
  %in_guard = call i1 @within(ptr %guards, i64 %address)
  br i1 %in_guard, label %memory, label %foreign
memory:
  %thread = call ptr @current_thread()
  %attached = icmp ne ptr %thread, null
  br i1 %attached, label %entered, label %foreign
entered:
  %top = get ptr %thread Thread.TOP
  %inside = icmp ne ptr %top, null
  br i1 %inside, label %ours, label %foreign
ours:
  %entry = call ptr @innermost_entry(ptr %thread)
  %after = add i64 %pc, 1
  put i64 %after, %thread Thread.TRACE
  %frame = get ptr %context Platform.context_fp
  call void @record(ptr %thread, ptr %entry, ptr %frame, i64 1)
  call void @leave(ptr %thread, ptr %entry, i64 $Reason.MEMORY_BOUNDS, i64 -1)
  unreachable
foreign:
  call void @hand_on(i32 %signal, ptr %info, ptr %context)
  ret void
}

; Give a fault to the handler that was there before.  A signal that was sent, rather than caused, has a code <= 0: it
; does not come again by itself.  Where another handler was installed after ours, and ours put before it again, a sent
; signal is that handler ending the process: the default action does it.
define internal void @hand_on(i32 %signal, ptr %info, ptr %context) noinline #0 {
  %code = get i32 %info Platform.siginfo_code
  %sent = icmp sle i32 %code, 0
  %is_segv = icmp eq i32 %signal, $Platform.sigsegv
  %segv = get ptr @state State.PREVIOUS_SEGV
  %bus = get ptr @state State.PREVIOUS_BUS
  %action = select i1 %is_segv, ptr %segv, ptr %bus
  %handler = load i64, ptr %action
  %reinstalled = get i64 @state State.REINSTALLED
  %again = icmp ne i64 %reinstalled, 0
  %ending = and i1 %sent, %again
  br i1 %ending, label %default, label %choose
choose:
  switch i64 %handler, label %call [ i64 0, label %default i64 1, label %ignore ]
call:
  %function = inttoptr i64 %handler to ptr
  %flags = get i32 %action Platform.sigaction_flags
  %bit = and i32 %flags, $Platform.sa_siginfo
  %long = icmp ne i32 %bit, 0
  br i1 %long, label %three, label %one
three:
  call void %function(i32 %signal, ptr %info, ptr %context)
  ret void
one:
  call void %function(i32 %signal)
  ret void
ignore:
  br i1 %sent, label %done, label %default
default:
  %zero = alloca [$Platform.sigaction_size x i8], align 16
  call void @llvm.memset.p0.i64(ptr %zero, i8 0, i64 $Platform.sigaction_size, i1 false)
  %set = call i32 @sigaction(i32 %signal, ptr %zero, ptr null)
  br i1 %sent, label %raise, label %done
raise:
  %raised = call i32 @raise(i32 %signal)
  ret void
done:
  ret void
}
"""
