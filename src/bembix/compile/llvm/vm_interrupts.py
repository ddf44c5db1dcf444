"""Interrupts, as LLVM IR: Python's signal handlers run, and deadlines stop a thread, while compiled code goes on.

Compiled code never looks.  A signal interrupts the thread: where it was in compiled code, no lock is held and no host
frame is on top, so what is wanted is done there and then.  Anywhere else `Thread.WANTED` is set, which is read on every
way into Wasm and back to it, and a timer sends the signal again until one of both has found the thread in Wasm or
outside of it all. What is wanted is not written down: Python knows its signals, and a deadline is compared with the
clock.

Source: signal-safety(7), timer_create(2); the Python C API, `PyErr_CheckSignals`.
"""

from __future__ import annotations

from typing import Final

IR: Final = """
@tick = internal constant [4 x i64] [i64 0, i64 5000000, i64 0, i64 5000000]
@format_word = text "K"
@watching = internal constant [4 x i64] [i64 0, i64 20000000, i64 0, i64 20000000]
@never = internal constant [4 x i64] [i64 0, i64 0, i64 0, i64 0]

define internal void @set_timer(i64 %timer, ptr %when) #0 {
  %result = call i64 (i64, ...) @syscall(i64 $Platform.timer_settime, i64 %timer, i64 0, ptr %when, ptr null)
  ret void
}

; Whether a clock shows %end, which is 0 for never.
define internal i1 @shows(i32 %clock, i64 %end) #0 {
  %time = alloca [2 x i64], align 16
  %none = icmp eq i64 %end, 0
  br i1 %none, label %no, label %ask
ask:
  %failed = call i32 @clock_gettime(i32 %clock, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr i8, ptr %time, i64 8
  %rest = load i64, ptr %rest.at
  %whole = mul i64 %seconds, 1000000000
  %now = add i64 %whole, %rest
  %passed = icmp uge i64 %now, %end
  ret i1 %passed
no:
  ret i1 false
}

; Whether one of this thread's deadlines has passed.
define internal i1 @expired(ptr %thread) #0 {
  %end = get i64 %thread Thread.DEADLINE
  %late = call i1 @shows(i32 1, i64 %end)
  br i1 %late, label %yes, label %ask
ask:
  %cpu.end = get i64 %thread Thread.CPU_DEADLINE
  %cpu.late = call i1 @shows(i32 3, i64 %cpu.end)
  ret i1 %cpu.late
yes:
  ret i1 true
}

; Whether a call is to end, from an activation outwards: any of this thread, or those that somebody asked for after they
; began.
define internal i1 @is_asked(ptr %thread, ptr %activation) #0 {
start:
  %any = get i64 %thread Thread.GIVE_UP
  %all = icmp ne i64 %any, 0
  br label %look
look:
  %at = phi ptr [ %activation, %start ], [ %outer, %next ]
  %none = icmp eq ptr %at, null
  br i1 %none, label %done, label %compare
compare:
  %kind = get i64 %at Activation.KIND
  %entry = icmp eq i64 %kind, $Activation.ENTRY
  %store = get ptr %at Activation.STORE
  %count = get i64 %store Store.INTERRUPTS
  %before = get i64 %at Activation.ASKED
  %later = icmp ne i64 %count, %before
  %meant = and i1 %entry, %later
  %found = or i1 %meant, %all
  br i1 %found, label %done, label %next
next:
  %outer = get ptr %at Activation.PREVIOUS
  br label %look
done:
  %answer = phi i1 [ false, %look ], [ true, %compare ]
  ret i1 %answer
}

; Nobody needs to tell this thread any more that somebody asked.  Who asks next counts first and tells then: so look
; after this.
define internal void @forget_interrupt(ptr %thread) #0 {
  put i64 0, %thread Thread.INTERRUPT
  %known = get i64 %thread Thread.INTERRUPT_TIMER
  %none = icmp eq i64 %known, 0
  br i1 %none, label %done, label %disarm
disarm:
  %timer = sub i64 %known, 1
  call void @set_timer(i64 %timer, ptr @never)
  br label %done
done:
  ret void
}

; Leave for the innermost entry.  %pc, %frame: as for @interrupt.
define internal void @give_up(ptr %thread, i64 %pc, ptr %frame, i64 %reason) #1 {
  %top = get ptr %thread Thread.TOP
  %store = get ptr %top Activation.STORE
  %owner = get ptr %store Store.OWNER
  %free = icmp eq ptr %owner, null
  %mine = icmp eq ptr %owner, %thread
  %ours = or i1 %free, %mine
  br i1 %ours, label %clear, label %go  ; on the way out of Python, another thread may be in the store
clear:
  put ptr null, %store Store.PENDING
  br label %go
go:
  %entry = call ptr @innermost_entry(ptr %thread)
  put i64 %pc, %thread Thread.TRACE
  %known = icmp ne i64 %pc, 0
  %first = zext i1 %known to i64
  call void @record(ptr %thread, ptr %entry, ptr %frame, i64 %first)
  call void @leave(ptr %thread, ptr %entry, i64 %reason, i64 -1)
  unreachable
}

; Leave where a deadline has passed, or somebody asked for it.  %pc, %frame: as for @interrupt.
define internal void @stop_if_wanted(ptr %thread, i64 %pc, ptr %frame) #0 {
  %top = get ptr %thread Thread.TOP
  %late = call i1 @expired(ptr %thread)
  br i1 %late, label %stop, label %look
stop:  ; and so will all that this thread calls until the deadline is taken away
  put i64 1, %thread Thread.WANTED
  call void @give_up(ptr %thread, i64 %pc, ptr %frame, i64 $Reason.EXPIRED)
  unreachable
look:
  %asked = get i64 %thread Thread.INTERRUPT
  %nobody = icmp eq i64 %asked, 0
  br i1 %nobody, label %done, label %heard
heard:
  call void @forget_interrupt(ptr %thread)
  %ends = call i1 @is_asked(ptr %thread, ptr %top)
  br i1 %ends, label %halt, label %done
halt:  ; and so will calls further out, when control comes back to them
  %innermost = call ptr @innermost_entry(ptr %thread)
  %outer = get ptr %innermost Activation.PREVIOUS
  %more = call i1 @is_asked(ptr %thread, ptr %outer)
  br i1 %more, label %again, label %last
again:
  put i64 1, %thread Thread.INTERRUPT
  put i64 1, %thread Thread.WANTED
  br label %end
last:
  put i64 0, %thread Thread.GIVE_UP
  br label %end
end:
  call void @give_up(ptr %thread, i64 %pc, ptr %frame, i64 $Reason.INTERRUPTED)
  unreachable
done:
  ret void
}

define internal void @stop_ticks(ptr %thread) #0 {
  %main = get ptr @state State.MAIN_THREAD
  %ours = icmp eq ptr %main, %thread
  %armed = get i64 @state State.ARMED
  %ticking = icmp ne i64 %armed, 0
  %stop = and i1 %ours, %ticking
  br i1 %stop, label %disarm, label %done
disarm:
  put i64 0, @state State.ARMED
  %timer = get i64 @state State.INTERRUPT_TIMER
  call void @set_timer(i64 %timer, ptr @never)
  ret void
done:
  ret void
}

; While the thread that has Python's handlers runs Wasm, look every 20 ms whether somebody has set a handler since ours
; were put before those of Python.
define void @watch(ptr %thread) #0 {
  %main = get ptr @state State.MAIN_THREAD
  %ours = icmp eq ptr %main, %thread
  %armed = get i64 @state State.ARMED
  %idle = icmp eq i64 %armed, 0
  %start = and i1 %ours, %idle
  br i1 %start, label %arm, label %done
arm:
  put i64 $State.WATCHING, @state State.ARMED
  %timer = get i64 @state State.INTERRUPT_TIMER
  call void @set_timer(i64 %timer, ptr @watching)
  br label %done
done:
  ret void
}

; Whether some signal goes straight to CPython's handler.
define internal i1 @unchained() #0 {
start:
  %action = alloca [$Platform.sigaction_size x i8], align 16
  %python = get ptr @state State.PYTHON_HANDLER
  br label %look
look:
  %signal = phi i32 [ 1, %start ], [ %next, %more ]
  %some = icmp ule i32 %signal, 31
  br i1 %some, label %ask, label %done
ask:
  store i64 0, ptr %action
  %failed = call i32 @sigaction(i32 %signal, ptr null, ptr %action)
  %handler = load ptr, ptr %action
  %same = icmp eq ptr %handler, %python
  %set = icmp ne ptr %handler, null
  %found = and i1 %same, %set
  br i1 %found, label %done, label %more
more:
  %next = add i32 %signal, 1
  br label %look
done:
  %answer = phi i1 [ false, %look ], [ true, %ask ]
  ret i1 %answer
}

; Do what is wanted of a thread that is on its way from or to Wasm, or in it: leave, or run Python's handlers, which it
; takes the GIL for, and return.
; %pc: what was interrupted plus 1, or 0.  %frame: the frame pointer there.
; A signal that comes before PyErr_CheckSignals looks is seen by it; one that comes later finds %WANTED and timer reset.
define void @interrupt(ptr %thread, i64 %pc, ptr %frame) noinline #0 {
start:
  %kept = alloca [$Store.SIZE x i8], align 16
  %runs = alloca [$Heap.CLASS_COUNT x [2 x i64]], align 16
  put i64 0, %thread Thread.WANTED
  call void @stop_ticks(ptr %thread)
  %top = get ptr %thread Thread.TOP
  %store = get ptr %top Activation.STORE
  call void @stop_if_wanted(ptr %thread, i64 %pc, ptr %frame)
  %main = get ptr @state State.MAIN_THREAD
  %is_main = icmp eq ptr %main, %thread
  br i1 %is_main, label %handle, label %done
handle:  ; they may run Wasm of this store, which must find no exception, and leave its parameters as they are
  %state = getelementptr i8, ptr %store, i64 $Store.PENDING
  %values = shl i64 $Store.MAX_VALUES, 4
  %size = add i64 %values, $Store.VALUES
  %rest = sub i64 %size, $Store.PENDING
  call void @llvm.memcpy.p0.p0.i64(ptr %kept, ptr %state, i64 %rest, i1 false)
  put ptr null, %store Store.PENDING
  %heap = get i64 %store Store.HEAP
  %inside = icmp ne i64 %pc, 0
  %objects = icmp ne i64 %heap, 0
  %middle = and i1 %inside, %objects
  %stopped = zext i1 %middle to i64
  br i1 %middle, label %halt, label %run
halt:
  call void @stop_code(ptr %store, ptr %runs)
  br label %run
run:
  spill
  call void @pause(ptr %thread)
  %raised = call i32 @PyErr_CheckSignals()
  %fine = icmp eq i32 %raised, 0
  br i1 %fine, label %handled, label %bad
handled:
  %int = get i64 @state State.CTRL_C
  %unchained = get i64 @state State.REPAIR
  %either = or i64 %int, %unchained
  %other = icmp eq i64 %either, 0
  br i1 %other, label %return, label %after
after:  ; its handler may have left it to an event loop that does not run while we do
  put i64 0, @state State.CTRL_C
  put i64 0, @state State.REPAIR
  %helper = get ptr @state State.AFTER_SIGNALS
  %none = python(ptr %helper, ptr @format_word, i64 %int)
  %refused = icmp eq ptr %none, null
  br i1 %refused, label %bad, label %calm
calm:
  call void @Py_DecRef(ptr %none)
  br label %return
return:
  %in = call i32 @proceed(ptr %thread)
  %back = icmp ne i32 %in, 0
  br i1 %back, label %good, label %bad
good:
  call void @watch(ptr %thread)
  call void @resume_code(ptr %store, ptr %runs, i64 %stopped)
  call void @llvm.memcpy.p0.p0.i64(ptr %state, ptr %kept, i64 %rest, i1 false)
  call void @stop_if_wanted(ptr %thread, i64 %pc, ptr %frame)  ; a handler may have asked for it
  ret void
done:
  ret void
bad:
  call void @resume_code(ptr %store, ptr %runs, i64 %stopped)
  call void @unwind_python()
  unreachable
}

; On the way back to Wasm after something that may have taken long.
define void @attend(ptr %thread) #0 {
  %wanted = get i64 %thread Thread.WANTED
  %calm = icmp eq i64 %wanted, 0
  br i1 %calm, label %done, label %now
now:
  %frame = call ptr @llvm.frameaddress.p0(i32 0)
  call void @interrupt(ptr %thread, i64 0, ptr %frame)
  ret void
done:
  ret void
}

; On the way into Wasm.  Who wanted this thread to give up before the outermost call began did not mean this one.
define void @attend_entry(ptr %thread) #0 {
  %top = get ptr %thread Thread.TOP
  %outer = get ptr %top Activation.PREVIOUS
  %inner = icmp ne ptr %outer, null
  br i1 %inner, label %go, label %fresh
fresh:
  put i64 0, %thread Thread.GIVE_UP
  br label %go
go:
  call void @attend(ptr %thread)
  ret void
}

; The same after a bulk operation on %n bytes or elements.
define internal void @attend_bulk(i64 %n) #0 {
  %short = icmp ult i64 %n, 512
  br i1 %short, label %done, label %long
long:
  %thread = call ptr @current_thread()
  call void @attend(ptr %thread)
  %stay = get i64 %thread Thread.STAY
  %saved = get i64 %thread Thread.SAVED
  %either = or i64 %stay, %saved
  %overstays = icmp eq i64 %either, 0
  br i1 %overstays, label %give, label %done
give:  ; its timer's signals find it in here nearly always, where they can do nothing
  call void @end_stay(ptr %thread)
  ret void
done:
  ret void
}

; The handler of our own signal.
define void @on_interrupt(i32 %signal, ptr %info, ptr %context) #0 {
  %errno.at = call ptr @__errno_location()
  %errno = load i32, ptr %errno.at
  %thread = call ptr @current_thread()
  %stranger = icmp eq ptr %thread, null
  br i1 %stranger, label %done, label %known
known:
  %top = get ptr %thread Thread.TOP
  %why = get i32 %info Platform.siginfo_code
  %timed = icmp eq i32 %why, -2
  %id = get i32 %info Platform.siginfo_timer
  %its = add i32 %id, 1
  %keeper = get i32 %thread Thread.KEEPER
  %same = icmp eq i32 %its, %keeper
  %is_keeper = and i1 %timed, %same
  br i1 %is_keeper, label %stays, label %ticks
ticks:
  %watcher = get i32 @state State.INTERRUPT_TIMER
  %its_tick = icmp eq i32 %id, %watcher
  %mode = get i64 @state State.ARMED
  %watching = icmp eq i64 %mode, $State.WATCHING
  %is_tick = and i1 %timed, %its_tick
  %is_watch = and i1 %is_tick, %watching
  br i1 %is_watch, label %watch, label %wants
watch:
  %left = icmp eq ptr %top, null
  br i1 %left, label %unwatch, label %see
unwatch:
  call void @stop_ticks(ptr %thread)
  br label %done
see:  ; a signal that came while the watch was being set has its ticks taken for those of the watch
  %due = get i64 %thread Thread.WANTED
  %asked = icmp ne i64 %due, 0
  br i1 %asked, label %wants, label %chained
chained:
  %lost = call i1 @unchained()
  br i1 %lost, label %repair, label %done
repair:
  put i64 1, @state State.REPAIR
  br label %wants
stays:  ; nothing is wanted but that others get their turn
  put i64 0, %thread Thread.STAY
  %entered = icmp ne ptr %top, null
  br i1 %entered, label %where, label %stayed
where:
  %its_pc = get i64 %context Platform.context_pc
  %ranges = get ptr @state State.CODES
  %compiled = call i1 @within(ptr %ranges, i64 %its_pc)
  br i1 %compiled, label %give, label %still
give:
  call void @end_stay(ptr %thread)
  br label %still
still:  ; with the GIL it may be on its way into Wasm, having seen that it stays: the timer comes again
  %without = get ptr %thread Thread.SAVED
  %holds = icmp eq ptr %without, null
  br i1 %holds, label %done, label %stayed
stayed:
  %keeper.timer = sub i32 %keeper, 1
  %keeper.number = zext i32 %keeper.timer to i64
  call void @set_timer(i64 %keeper.number, ptr @never)
  br label %done
wants:
  put i64 1, %thread Thread.WANTED
  %outside = icmp eq ptr %top, null
  br i1 %outside, label %idle, label %inside
idle:  ; the next entry looks
  call void @stop_ticks(ptr %thread)
  call void @forget_interrupt(ptr %thread)
  put i64 0, %thread Thread.GIVE_UP
  %end = get i64 %thread Thread.DEADLINE
  %late = call i1 @shows(i32 1, i64 %end)
  br i1 %late, label %disarm, label %cpu
disarm:
  %timer = get i64 %thread Thread.TIMER
  call void @set_timer(i64 %timer, ptr @never)
  br label %cpu
cpu:
  %cpu.end = get i64 %thread Thread.CPU_DEADLINE
  %cpu.late = call i1 @shows(i32 3, i64 %cpu.end)
  br i1 %cpu.late, label %cpu.disarm, label %done
cpu.disarm:
  %cpu.timer = get i64 %thread Thread.CPU_TIMER
  call void @set_timer(i64 %cpu.timer, ptr @never)
  br label %done
inside:
  %pc = get i64 %context Platform.context_pc
  %codes = get ptr @state State.CODES
  %in_code = call i1 @within(ptr %codes, i64 %pc)
  br i1 %in_code, label %now, label %later
now:
  %after = add i64 %pc, 1
  %frame = get ptr %context Platform.context_fp
  call void @interrupt(ptr %thread, i64 %after, ptr %frame)
  br label %done
later:  ; a timer's signal comes again by itself
  %code = get i32 %info Platform.siginfo_code
  %by_timer = icmp eq i32 %code, -2
  %main = get ptr @state State.MAIN_THREAD
  %other = icmp ne ptr %main, %thread
  %enough = or i1 %by_timer, %other
  br i1 %enough, label %done, label %arm
arm:
  put i64 1, @state State.ARMED
  %ticker = get i64 @state State.INTERRUPT_TIMER
  call void @set_timer(i64 %ticker, ptr @tick)
  br label %done
done:
  store i32 %errno, ptr %errno.at
  ret void
}

; The handler of a signal that Python has a handler for: CPython's own, which notes it, comes first.
define void @on_signal(i32 %signal, ptr %info, ptr %context) #0 {
  %errno.at = call ptr @__errno_location()
  %errno = load i32, ptr %errno.at
  %number = zext i32 %signal to i64
  %shield = get i64 @state State.SHIELD
  %open = icmp eq i64 %shield, 0
  br i1 %open, label %note, label %defer
defer:
  %before = sub i64 %number, 1
  %bit = shl i64 1, %before
  %deferred.at = getelementptr i8, ptr @state, i64 $State.DEFERRED
  %deferred = atomicrmw or ptr %deferred.at, i64 %bit monotonic
  br label %done
note:
  %actions = get ptr @state State.ACTIONS
  %action = getelementptr [2 x i64], ptr %actions, i64 %number
  %function = load ptr, ptr %action
  %long.at = getelementptr i8, ptr %action, i64 8
  %long = load i64, ptr %long.at
  %is_long = icmp ne i64 %long, 0
  br i1 %is_long, label %three, label %one
three:
  call void %function(i32 %signal, ptr %info, ptr %context)
  br label %noted
one:
  call void %function(i32 %signal)
  br label %noted
noted:
  %is_int = icmp eq i32 %signal, 2
  br i1 %is_int, label %ring, label %rang
ring:
  put i64 1, @state State.CTRL_C
  br label %rang
rang:
  %main = get ptr @state State.MAIN_THREAD
  %never_ran = icmp eq ptr %main, null
  br i1 %never_ran, label %done, label %whose
whose:
  %thread = call ptr @current_thread()
  %ours = icmp eq ptr %thread, %main
  br i1 %ours, label %here, label %send
here:
  put i64 1, %thread Thread.WANTED
  %top = get ptr %thread Thread.TOP
  %outside = icmp eq ptr %top, null
  br i1 %outside, label %done, label %send
send:  ; it is blocked until this handler has returned, and comes on the thread's own stack then
  %process = call i32 @getpid()
  %to = get i64 @state State.MAIN_NUMBER
  %interrupt = get i64 @state State.INTERRUPT_SIGNAL
  %sent = call i64 (i64, ...) @syscall(i64 $Platform.tgkill, i32 %process, i64 %to, i64 %interrupt)
  br label %done
done:
  store i32 %errno, ptr %errno.at
  ret void
}

; Put our handler before the one that a signal has, with the flags of that one, and its mask with our own signal.
define void @chain_signal(i32 %signal) #0 {
  %action = alloca [$Platform.sigaction_size x i8], align 16
  %failed = call i32 @sigaction(i32 %signal, ptr null, ptr %action)
  %handler = load ptr, ptr %action
  %ours = icmp eq ptr %handler, @on_signal
  %bad = icmp ne i32 %failed, 0
  %leave = or i1 %ours, %bad
  br i1 %leave, label %done, label %put
put:
  %flags = get i32 %action Platform.sigaction_flags
  %bit = and i32 %flags, $Platform.sa_siginfo
  %is_long = icmp ne i32 %bit, 0
  %long = zext i1 %is_long to i64
  %actions = get ptr @state State.ACTIONS
  %number = zext i32 %signal to i64
  %row = getelementptr [2 x i64], ptr %actions, i64 %number
  %long.at = getelementptr i8, ptr %row, i64 8
  store i64 %long, ptr %long.at
  store ptr %handler, ptr %row
  put ptr %handler, @state State.PYTHON_HANDLER
  %more = or i32 %flags, $Platform.sa_siginfo
  put i32 %more, %action Platform.sigaction_flags
  store ptr @on_signal, ptr %action
  %interrupt = get i64 @state State.INTERRUPT_SIGNAL
  %place = sub i64 %interrupt, 1
  %own = shl i64 1, %place
  %mask = get i64 %action Platform.sigaction_mask
  %wider = or i64 %mask, %own
  put i64 %wider, %action Platform.sigaction_mask
  %set = call i32 @sigaction(i32 %signal, ptr %action, ptr null)
  ret void
done:
  ret void
}

; The signals up to %last, a bit each (bit 0: signal 1), that have a handler which is none of ours; and those of
; memory faults
; wherever theirs is not ours.
define i64 @foreign_signals(i32 %last) #0 {
start:
  %action = alloca [$Platform.sigaction_size x i8], align 16
  br label %look
look:
  %signal = phi i32 [ 1, %start ], [ %next, %count ]
  %mask = phi i64 [ 0, %start ], [ %new_mask, %count ]
  %some = icmp ule i32 %signal, %last
  br i1 %some, label %ask, label %done
ask:
  store i64 0, ptr %action
  %failed = call i32 @sigaction(i32 %signal, ptr null, ptr %action)
  %handler = load i64, ptr %action
  %set = icmp ugt i64 %handler, 1
  %on_signal = ptrtoint ptr @on_signal to i64
  %on_interrupt = ptrtoint ptr @on_interrupt to i64
  %other = icmp ne i64 %handler, %on_signal
  %another = icmp ne i64 %handler, %on_interrupt
  %both = and i1 %other, %another
  %foreign = and i1 %both, %set
  %is_segv = icmp eq i32 %signal, $Platform.sigsegv
  %is_bus = icmp eq i32 %signal, $Platform.sigbus
  %is_fault = or i1 %is_segv, %is_bus
  %on_fault = ptrtoint ptr @on_fault to i64
  %lost = icmp ne i64 %handler, %on_fault
  %found = select i1 %is_fault, i1 %lost, i1 %foreign
  br label %count
count:
  %shift.32 = sub i32 %signal, 1
  %shift = zext i32 %shift.32 to i64
  %one = zext i1 %found to i64
  %bit = shl i64 %one, %shift
  %new_mask = or i64 %mask, %bit
  %next = add i32 %signal, 1
  br label %look
done:
  ret i64 %mask
}
"""
