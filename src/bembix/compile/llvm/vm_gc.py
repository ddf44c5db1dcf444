"""The garbage-collected heap, as LLVM IR: allocation.  Its layout is in `compile/heap.py`; `vm_mark.py` collects.

A cell is handed out with all bytes 0; whoever asked for it writes the header before anything else can happen.  A size
class has a run of free cells, from which compiled code takes the next one by itself; here is what goes beyond.

Source: S. Blackburn, K. McKinley, "Immix" (2008), for runs of free cells instead of lists.
"""

from __future__ import annotations

from typing import Final

DECLARATIONS: Final = """
declare $CC void @trap(ptr, i64, i64) #1
declare ptr @current_thread() #0
declare i32 @yield(ptr) #0
declare void @unwind_python() #1
declare void @resume(ptr) #0
declare i64 @llvm.cttz.i64(i64, i1)
declare i64 @llvm.ctpop.i64(i64)
declare i64 @llvm.umin.i64(i64, i64)
declare i64 @llvm.umax.i64(i64, i64)
"""

BLOCKS: Final = """
define internal void @lock(ptr %region) #0 {
start:
  %place = getelementptr i8, ptr %region, i64 $Region.LOCK
  br label %try
try:
  %found = cmpxchg ptr %place, i64 0, i64 1 acquire monotonic
  %ours = extractvalue { i64, i1 } %found, 1
  br i1 %ours, label %done, label %try
done:
  ret void
}

define internal void @unlock(ptr %region) #0 {
  %place = getelementptr i8, ptr %region, i64 $Region.LOCK
  store atomic i64 0, ptr %place release, align 8
  ret void
}

; The first of %n free blocks in a row, counted from 0, which are taken then; -1 where there are none.
define internal i64 @take_blocks(ptr %region, i64 %n) #0 {
start:
  call void @lock(ptr %region)
  %taken = get ptr %region Region.TAKEN
  %top = get i64 %region Region.TOP
  %hint = get i64 %region Region.HINT
  br label %look
look:  ; %at: the next byte to look at; %free: how many before it are free
  %at = phi i64 [ %hint, %start ], [ %after, %count ], [ %after, %busy ]
  %free = phi i64 [ 0, %start ], [ %more, %count ], [ 0, %busy ]
  %enough = icmp uge i64 %free, %n
  br i1 %enough, label %found, label %within
within:
  %inside = icmp ult i64 %at, %top
  br i1 %inside, label %see, label %extend
see:
  %byte.at = getelementptr i8, ptr %taken, i64 %at
  %byte = load i8, ptr %byte.at
  %after = add i64 %at, 1
  %is_free = icmp eq i8 %byte, 0
  br i1 %is_free, label %count, label %busy
count:
  %more = add i64 %free, 1
  br label %look
busy:
  br label %look
extend:  ; those at the end that are free are the first of what is taken
  %begin = sub i64 %at, %free
  %end = add i64 %begin, %n
  %capacity = get i64 %region Region.CAPACITY
  %fits = icmp ule i64 %end, %capacity
  br i1 %fits, label %commit, label %fail
commit:
  %committed = get i64 %region Region.COMMITTED
  %there = icmp ule i64 %end, %committed
  br i1 %there, label %raise, label %access
access:
  %good = call i1 @commit(ptr %region, i64 %committed, i64 %end)
  br i1 %good, label %raise, label %fail
raise:
  put i64 %end, %region Region.TOP
  br label %take
found:
  %first.found = sub i64 %at, %free
  br label %take
take:
  %first = phi i64 [ %begin, %raise ], [ %first.found, %found ]
  %bytes = getelementptr i8, ptr %taken, i64 %first
  call void @llvm.memset.p0.i64(ptr %bytes, i8 1, i64 %n, i1 false)
  %at_hint = icmp eq i64 %first, %hint
  %next = add i64 %first, %n
  %new_hint = select i1 %at_hint, i64 %next, i64 %hint
  put i64 %new_hint, %region Region.HINT
  call void @unlock(ptr %region)
  ret i64 %first
fail:
  call void @unlock(ptr %region)
  ret i64 -1
}

; Make blocks up to %end accessible, and some more.
define internal i1 @commit(ptr %region, i64 %from, i64 %end) #0 {
  %capacity = get i64 %region Region.CAPACITY
  %padded = add i64 %end, 127
  %rounded = and i64 %padded, -128
  %to = call i64 @llvm.umin.i64(i64 %rounded, i64 %capacity)
  %n = sub i64 %to, %from
  %base = get ptr %region Region.BASE
  %start = shl i64 %from, $Size.BLOCK_LOG2
  %bytes = shl i64 %n, $Size.BLOCK_LOG2
  %place = getelementptr i8, ptr %base, i64 %start
  %a = call i32 @mprotect(ptr %place, i64 %bytes, i32 3)
  %spans = get ptr %region Region.SPANS
  %span = mul i64 %from, $Span.SIZE
  %span.bytes = mul i64 %n, $Span.SIZE
  %span.at = getelementptr i8, ptr %spans, i64 %span
  %b = call i32 @mprotect(ptr %span.at, i64 %span.bytes, i32 3)
  %both = or i32 %a, %b
  %good = icmp eq i32 %both, 0
  br i1 %good, label %done, label %fail
done:
  put i64 %to, %region Region.COMMITTED
  ret i1 true
fail:
  ret i1 false
}

; Give the blocks of a span back.
define internal void @free_blocks(ptr %heap, ptr %span) #0 {
start:
  %region = get ptr %heap Heap.REGION
  %spans = get ptr %region Region.SPANS
  %n = get i64 %span Span.BLOCKS
  %span.number = ptrtoint ptr %span to i64
  %spans.number = ptrtoint ptr %spans to i64
  %distance = sub i64 %span.number, %spans.number
  %first = udiv exact i64 %distance, $Span.SIZE
  %large = icmp ugt i64 %n, 32
  br i1 %large, label %return, label %release
return:  ; the system may have the memory of large objects
  %place = get ptr %span Span.START
  %bytes = shl i64 %n, $Size.BLOCK_LOG2
  %advice = call i32 @madvise(ptr %place, i64 %bytes, i32 4)
  br label %release
release:
  call void @lock(ptr %region)
  br label %look
look:
  %k = phi i64 [ 0, %release ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %offset = mul i64 %k, $Span.SIZE
  %one = getelementptr i8, ptr %span, i64 %offset
  put ptr null, %one Span.OWNER
  %more = add i64 %k, 1
  br label %look
done:
  %taken = get ptr %region Region.TAKEN
  %byte = getelementptr i8, ptr %taken, i64 %first
  call void @llvm.memset.p0.i64(ptr %byte, i8 0, i64 %n, i1 false)
  %hint = get i64 %region Region.HINT
  %lower = call i64 @llvm.umin.i64(i64 %hint, i64 %first)
  put i64 %lower, %region Region.HINT
  call void @unlock(ptr %region)
  %used = get i64 %heap Heap.USED
  %left = sub i64 %used, %n
  put i64 %left, %heap Heap.USED
  ret void
}

; %n blocks for %cells cells of %cell bytes, or null where that is more than %bound blocks in all.
define internal ptr @new_span(ptr %heap, i64 %bound, i64 %n, i64 %cell, i64 %cells, i64 %reciprocal, ptr %class) #0 {
start:
  %used = get i64 %heap Heap.USED
  %after = add i64 %used, %n
  %within = icmp ule i64 %after, %bound
  br i1 %within, label %take, label %none
take:
  %region = get ptr %heap Heap.REGION
  %first = call i64 @take_blocks(ptr %region, i64 %n)
  %failed = icmp eq i64 %first, -1
  br i1 %failed, label %none, label %fill
fill:
  put i64 %after, %heap Heap.USED
  %spans = get ptr %region Region.SPANS
  %offset = mul i64 %first, $Span.SIZE
  %span = getelementptr i8, ptr %spans, i64 %offset
  call void @llvm.memset.p0.i64(ptr %span, i8 0, i64 640, i1 false)
  %base = get ptr %region Region.BASE
  %distance = shl i64 %first, $Size.BLOCK_LOG2
  %place = getelementptr i8, ptr %base, i64 %distance
  put ptr %place, %span Span.START
  put i64 %cell, %span Span.CELL
  put i64 %cells, %span Span.CELLS
  put i64 %reciprocal, %span Span.RECIPROCAL
  put ptr %class, %span Span.CLASS
  put i64 %n, %span Span.BLOCKS
  %next = get ptr %heap Heap.BLOCKS
  put ptr %next, %span Span.NEXT
  put ptr %span, %heap Heap.BLOCKS
  br label %look
look:
  %k = phi i64 [ 0, %fill ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %own = mul i64 %k, $Span.SIZE
  %one = getelementptr i8, ptr %span, i64 %own
  put ptr %heap, %one Span.OWNER
  put ptr %span, %one Span.HEAD
  %more = add i64 %k, 1
  br label %look
done:
  ret ptr %span
none:
  ret ptr null
}
"""

CELLS: Final = """
; The first cell from %from on whose bit, flipped where %flip is -1, is 1; %cells where there is none.
define internal i64 @find(ptr %bits, i64 %from, i64 %cells, i64 %flip) #0 {
start:
  %word.first = lshr i64 %from, 6
  %skip = and i64 %from, 63
  %mask.first = shl i64 -1, %skip
  br label %look
look:
  %word = phi i64 [ %word.first, %start ], [ %next, %empty ]
  %mask = phi i64 [ %mask.first, %start ], [ -1, %empty ]
  %begin = shl i64 %word, 6
  %inside = icmp ult i64 %begin, %cells
  br i1 %inside, label %see, label %none
see:
  %place = getelementptr i64, ptr %bits, i64 %word
  %raw = load i64, ptr %place
  %flipped = xor i64 %raw, %flip
  %value = and i64 %flipped, %mask
  %nothing = icmp eq i64 %value, 0
  br i1 %nothing, label %empty, label %found
empty:
  %next = add i64 %word, 1
  br label %look
found:
  %bit = call i64 @llvm.cttz.i64(i64 %value, i1 true)
  %cell = add i64 %begin, %bit
  %limited = call i64 @llvm.umin.i64(i64 %cell, i64 %cells)
  ret i64 %limited
none:
  ret i64 %cells
}

define internal void @set_bits(ptr %bits, i64 %from, i64 %to) #0 {
start:
  br label %look
look:
  %at = phi i64 [ %from, %start ], [ %end, %step ]
  %some = icmp ult i64 %at, %to
  br i1 %some, label %step, label %done
step:
  %word = lshr i64 %at, 6
  %next = add i64 %word, 1
  %border = shl i64 %next, 6
  %end = call i64 @llvm.umin.i64(i64 %border, i64 %to)
  %count = sub i64 %end, %at
  %surplus = sub i64 64, %count
  %ones = lshr i64 -1, %surplus
  %skip = and i64 %at, 63
  %mask = shl i64 %ones, %skip
  %place = getelementptr i64, ptr %bits, i64 %word
  %old = load i64, ptr %place
  %new = or i64 %old, %mask
  store i64 %new, ptr %place
  br label %look
done:
  ret void
}

; Find the next run of free cells, of at most 4 KiB or one cell, and clear it; false where no block has one.
define internal i1 @next_run(ptr %class) #0 {
start:
  br label %again
again:
  %current = get ptr %class SizeClass.CURRENT
  %none = icmp eq ptr %current, null
  br i1 %none, label %fetch, label %scan
fetch:
  %partial = get ptr %class SizeClass.PARTIAL
  %empty = icmp eq ptr %partial, null
  br i1 %empty, label %fail, label %begin
begin:
  %rest = get ptr %partial Span.LINK
  put ptr %rest, %class SizeClass.PARTIAL
  put ptr %partial, %class SizeClass.CURRENT
  put i64 0, %class SizeClass.POSITION
  br label %again
scan:
  %bits = getelementptr i8, ptr %current, i64 $Span.ALLOCATED
  %cells = get i64 %current Span.CELLS
  %position = get i64 %class SizeClass.POSITION
  %first = call i64 @find(ptr %bits, i64 %position, i64 %cells, i64 -1)
  %full = icmp uge i64 %first, %cells
  br i1 %full, label %leave, label %run
leave:
  put ptr null, %class SizeClass.CURRENT
  br label %again
run:
  %used = call i64 @find(ptr %bits, i64 %first, i64 %cells, i64 0)
  %cell = get i64 %current Span.CELL
  %fitting = udiv i64 4096, %cell
  %most = call i64 @llvm.umax.i64(i64 %fitting, i64 1)
  %bound = add i64 %first, %most
  %end = call i64 @llvm.umin.i64(i64 %used, i64 %bound)
  call void @set_bits(ptr %bits, i64 %first, i64 %end)
  put i64 %end, %class SizeClass.POSITION
  %place = get ptr %current Span.START
  %before = mul i64 %first, %cell
  %cursor = getelementptr i8, ptr %place, i64 %before
  %count = sub i64 %end, %first
  %bytes = mul i64 %count, %cell
  call void @llvm.memset.p0.i64(ptr %cursor, i8 0, i64 %bytes, i1 false)
  %limit = getelementptr i8, ptr %cursor, i64 %bytes
  put ptr %cursor, %class SizeClass.CURSOR
  put ptr %limit, %class SizeClass.LIMIT
  ret i1 true
fail:
  ret i1 false
}

; A cell, or null where the heap would have more than %bound blocks.
define ptr @gc_cell(ptr %heap, ptr %class, i64 %bound) #0 {
start:
  br label %again
again:
  %cursor = get ptr %class SizeClass.CURSOR
  %limit = get ptr %class SizeClass.LIMIT
  %room = icmp ult ptr %cursor, %limit
  br i1 %room, label %bump, label %search
bump:
  %cell = get i64 %class SizeClass.CELL
  %next = getelementptr i8, ptr %cursor, i64 %cell
  put ptr %next, %class SizeClass.CURSOR
  ret ptr %cursor
search:
  %found = call i1 @next_run(ptr %class)
  br i1 %found, label %again, label %grow
grow:
  %size = get i64 %class SizeClass.CELL
  %cells = udiv i64 $Size.BLOCK, %size
  %almost = add i64 %size, 4294967295
  %reciprocal = udiv i64 %almost, %size
  %span = call ptr @new_span(ptr %heap, i64 %bound, i64 1, i64 %size, i64 %cells, i64 %reciprocal, ptr %class)
  %full = icmp eq ptr %span, null
  br i1 %full, label %fail, label %use
use:
  put ptr %span, %class SizeClass.CURRENT
  put i64 0, %class SizeClass.POSITION
  br label %again
fail:
  ret ptr null
}

; An object of %size bytes that has blocks of its own.
define internal ptr @large(ptr %heap, i64 %size, i64 %bound) #0 {
  %padded = add i64 %size, 32767
  %n = lshr i64 %padded, $Size.BLOCK_LOG2
  %bytes = shl i64 %n, $Size.BLOCK_LOG2
  %span = call ptr @new_span(ptr %heap, i64 %bound, i64 %n, i64 %bytes, i64 1, i64 0, ptr null)
  %full = icmp eq ptr %span, null
  br i1 %full, label %fail, label %good
good:
  put i64 1, %span Span.ALLOCATED
  %place = get ptr %span Span.START
  call void @llvm.memset.p0.i64(ptr %place, i8 0, i64 %size, i1 false)
  ret ptr %place
fail:
  ret ptr null
}

; An object of any size, or null.
define ptr @gc_take(ptr %heap, i64 %size, i64 %bound) #0 {
  %is_small = icmp ule i64 %size, $Size.MAX_SMALL
  br i1 %is_small, label %small, label %big
small:
  %is_near = icmp ule i64 %size, 256
  br i1 %is_near, label %near, label %far
near:
  %more = add i64 %size, 7
  %eights = lshr i64 %more, 3
  %at_least = call i64 @llvm.umax.i64(i64 %eights, i64 2)
  %near.number = sub i64 %at_least, 2
  br label %classed
far:
  %padded = add i64 %size, 63
  %step = lshr i64 %padded, 6
  %table = getelementptr i8, ptr %heap, i64 $Heap.SIZE_TABLE
  %byte.at = getelementptr i8, ptr %table, i64 %step
  %byte = load i8, ptr %byte.at
  %far.number = zext i8 %byte to i64
  br label %classed
classed:
  %number = phi i64 [ %near.number, %near ], [ %far.number, %far ]
  %offset = mul i64 %number, $SizeClass.SIZE
  %classes = getelementptr i8, ptr %heap, i64 $Heap.CLASSES
  %class = getelementptr i8, ptr %classes, i64 %offset
  %cell = call ptr @gc_cell(ptr %heap, ptr %class, i64 %bound)
  ret ptr %cell
big:
  %object = call ptr @large(ptr %heap, i64 %size, i64 %bound)
  ret ptr %object
}
"""

BOXING: Final = """
; Hold off collections %count times more, or less: one step for all that has the GIL.
define void @gc_hold(ptr %heap, i64 %count) #0 {
  %store = get ptr %heap Heap.STORE
  %none = icmp eq ptr %store, null
  br i1 %none, label %done, label %add
add:
  %holds = get i64 %store Store.HOLD
  %new = add i64 %holds, %count
  put i64 %new, %store Store.HOLD
  br label %done
done:
  ret void
}

; A box for a host object, or null where Python has to see to it: nothing is collected here, as the caller's addresses
; are not on the stack of any entry yet.
define ptr @gc_box(ptr %heap, ptr %host) #0 {
  %left = get i64 %heap Heap.BOXES_LEFT
  %due = icmp eq i64 %left, 0
  br i1 %due, label %slow, label %take
take:
  %boxes = getelementptr i8, ptr %heap, i64 $Heap.BOXES
  %threshold = get i64 %heap Heap.THRESHOLD
  %box = call ptr @gc_cell(ptr %heap, ptr %boxes, i64 %threshold)
  %full = icmp eq ptr %box, null
  br i1 %full, label %slow, label %keep
keep:
  %number = ptrtoint ptr %box to i64
  %key = call ptr @PyLong_FromLongLong(i64 %number)
  %no_key = icmp eq ptr %key, null
  br i1 %no_key, label %error, label %enter
enter:
  %hosts = get ptr %heap Heap.HOSTS
  %failed = call i32 @PyDict_SetItem(ptr %hosts, ptr %key, ptr %host)
  call void @Py_DecRef(ptr %key)
  %good = icmp eq i32 %failed, 0
  br i1 %good, label %fill, label %error
fill:
  put i32 $Size.BOX_TYPE, %box Object.TYPE
  put ptr %host, %box Box.OBJECT
  %fewer = sub i64 %left, 1
  put i64 %fewer, %heap Heap.BOXES_LEFT
  ret ptr %box
error:
  call void @PyErr_Clear()
  br label %slow
slow:
  ret ptr null
}
"""

FROM_WASM: Final = """
; Collect, for compiled code.  Where a thread that was interrupted holds that off, it gets its turn before: it may go on
; to where it collects itself.
define internal void @collect_or_wait(ptr %heap) noinline #0 {
  %store = get ptr %heap Heap.STORE
  %none = icmp eq ptr %store, null
  br i1 %none, label %run, label %ask
ask:
  %holds = get i64 %store Store.HOLD
  %free = icmp eq i64 %holds, 0
  br i1 %free, label %run, label %wait
wait:
  spill
  %thread = call ptr @current_thread()
  %good = call i32 @yield(ptr %thread)
  %fine = icmp ne i32 %good, 0
  br i1 %fine, label %run, label %bad
run:
  call void @gc_collect(ptr %heap)
  ret void
bad:
  call void @unwind_python()
  unreachable
}

; Called by compiled code where a size class has no run left.
define $CC ptr @gc_new(ptr %ctx, ptr %heap, ptr %class) #0 {
  %threshold = get i64 %heap Heap.THRESHOLD
  %cell = call ptr @gc_cell(ptr %heap, ptr %class, i64 %threshold)
  %none = icmp eq ptr %cell, null
  br i1 %none, label %collect, label %good
good:
  ret ptr %cell
collect:
  call void @collect_or_wait(ptr %heap)
  %limit = get i64 %heap Heap.LIMIT
  %second = call ptr @gc_cell(ptr %heap, ptr %class, i64 %limit)
  %full = icmp eq ptr %second, null
  br i1 %full, label %fail, label %done
done:
  ret ptr %second
fail:
  call $CC void @trap(ptr %ctx, i64 $Reason.HEAP_EXHAUSTED, i64 -1)
  unreachable
}

; An array of %length elements of 2 ** %shift bytes, with its header.
define $CC ptr @gc_new_array(ptr %ctx, ptr %heap, i64 %type, i64 %length, i64 %shift) #0 {
  %bytes = shl i64 %length, %shift
  %size = add i64 %bytes, $Object.CONTENT
  %threshold = get i64 %heap Heap.THRESHOLD
  %first = call ptr @gc_take(ptr %heap, i64 %size, i64 %threshold)
  %none = icmp eq ptr %first, null
  br i1 %none, label %collect, label %good
collect:
  call void @collect_or_wait(ptr %heap)
  %limit = get i64 %heap Heap.LIMIT
  %second = call ptr @gc_take(ptr %heap, i64 %size, i64 %limit)
  %full = icmp eq ptr %second, null
  br i1 %full, label %fail, label %good
good:
  %object = phi ptr [ %first, %0 ], [ %second, %collect ]
  %high = shl i64 %length, 32
  %header = or i64 %high, %type
  store i64 %header, ptr %object
  ret ptr %object
fail:
  call $CC void @trap(ptr %ctx, i64 $Reason.HEAP_EXHAUSTED, i64 -1)
  unreachable
}
"""
