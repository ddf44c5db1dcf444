"""The collector of the heap, as LLVM IR: mark what can be reached, free the rest; nothing moves.

Roots are the words of the native stack from here to the thread's outermost entry, whatever they mean; the store's
block; and the pairs (address, number of words) that the runtime registers: globals, tables, segments, what Python
holds.  On the stack an address inside an object counts, also the one right behind it: optimised code may keep no other.

Source: H. Boehm, M. Weiser, "Garbage Collection in an Uncooperative Environment" (1988).
"""

from __future__ import annotations

from typing import Final

MARKING: Final = """
; Mark the object that a word points to or into, if it does.
define internal void @mark(ptr %heap, i64 %word) #0 {
  %base = get i64 %heap Heap.BASE
  %extent = get i64 %heap Heap.EXTENT
  %distance = sub i64 %word, %base
  %in_region = icmp ult i64 %distance, %extent
  br i1 %in_region, label %block, label %done
block:
  %spans = get ptr %heap Heap.SPANS
  %number = lshr i64 %distance, $Size.BLOCK_LOG2
  %offset = mul i64 %number, $Span.SIZE
  %given = getelementptr i8, ptr %spans, i64 %offset
  %owner = get ptr %given Span.OWNER
  %is_ours = icmp eq ptr %owner, %heap
  br i1 %is_ours, label %ours, label %done
ours:
  %span = get ptr %given Span.HEAD
  %begin = get i64 %span Span.START
  %size = get i64 %span Span.CELL
  %reciprocal = get i64 %span Span.RECIPROCAL
  %cells = get i64 %span Span.CELLS
  %inner = sub i64 %word, %begin
  %scaled = mul i64 %inner, %reciprocal
  %index = lshr i64 %scaled, 32
  %is_cell = icmp ult i64 %index, %cells
  br i1 %is_cell, label %cell, label %done
cell:
  %bit = and i64 %index, 63
  %mask = shl i64 1, %bit
  %word.number = lshr i64 %index, 6
  %allocated = getelementptr i8, ptr %span, i64 $Span.ALLOCATED
  %allocated.at = getelementptr i64, ptr %allocated, i64 %word.number
  %allocated.word = load i64, ptr %allocated.at
  %allocated.bit = and i64 %allocated.word, %mask
  %is_allocated = icmp ne i64 %allocated.bit, 0
  br i1 %is_allocated, label %object, label %done
object:
  %marked = getelementptr i8, ptr %span, i64 $Span.MARKED
  %marked.at = getelementptr i64, ptr %marked, i64 %word.number
  %marked.word = load i64, ptr %marked.at
  %marked.bit = and i64 %marked.word, %mask
  %is_new = icmp eq i64 %marked.bit, 0
  br i1 %is_new, label %new, label %done
new:
  %before = mul i64 %index, %size
  %address = add i64 %begin, %before
  %place = inttoptr i64 %address to ptr
  %type = get i32 %place Object.TYPE
  %is_used = icmp ne i32 %type, 0
  br i1 %is_used, label %used, label %done
used:
  %more = or i64 %marked.word, %mask
  store i64 %more, ptr %marked.at
  call void @push(ptr %heap, ptr %place)
  br label %done
done:
  ret void
}

; Have the references of an object followed.
define internal void @push(ptr %heap, ptr %object) #0 {
  %count = get i64 %heap Heap.STACK_COUNT
  %capacity = get i64 %heap Heap.STACK_CAPACITY
  %room = icmp ult i64 %count, %capacity
  br i1 %room, label %put, label %grow
grow:
  %doubled = shl i64 %capacity, 1
  %wanted = call i64 @llvm.umax.i64(i64 %doubled, i64 4096)
  %bytes = shl i64 %wanted, 3
  %old = get ptr %heap Heap.STACK
  %new = call ptr @realloc(ptr %old, i64 %bytes)
  %full = icmp eq ptr %new, null
  br i1 %full, label %fail, label %larger
larger:
  put ptr %new, %heap Heap.STACK
  put i64 %wanted, %heap Heap.STACK_CAPACITY
  br label %put
put:
  %stack = get ptr %heap Heap.STACK
  %place = getelementptr ptr, ptr %stack, i64 %count
  store ptr %object, ptr %place
  %after = add i64 %count, 1
  put i64 %after, %heap Heap.STACK_COUNT
  ret void
fail:
  put i64 1, %heap Heap.FAILED
  ret void
}

; Mark from words, each an address of an object or something else.
define internal void @mark_words(ptr %heap, ptr %words, i64 %n) noinline #0 {
start:
  br label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %place = getelementptr i64, ptr %words, i64 %k
  %word = load i64, ptr %place
  call void @mark(ptr %heap, i64 %word)
  %more = add i64 %k, 1
  br label %look
done:
  ret void
}

; The same for a stack, where addresses inside objects and right behind them count.
define internal void @mark_stack(ptr %heap, ptr %low, ptr %high) noinline #0 {
start:
  br label %look
look:
  %at = phi ptr [ %low, %start ], [ %next, %step ]
  %some = icmp ult ptr %at, %high
  br i1 %some, label %step, label %done
step:
  %word = load i64, ptr %at
  call void @mark(ptr %heap, i64 %word)
  %before = sub i64 %word, 1
  call void @mark(ptr %heap, i64 %before)
  %next = getelementptr i8, ptr %at, i64 8
  br label %look
done:
  ret void
}

define internal void @mark_fields(ptr %heap, ptr %object, ptr %info) #0 {
start:
  %offsets = get ptr %info TypeInfo.REFS
  %count = get i32 %info TypeInfo.COUNT
  %n = zext i32 %count to i64
  br label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %offset.at = getelementptr i32, ptr %offsets, i64 %k
  %offset = load i32, ptr %offset.at
  %distance = zext i32 %offset to i64
  %place = getelementptr i8, ptr %object, i64 %distance
  %word = load i64, ptr %place
  call void @mark(ptr %heap, i64 %word)
  %more = add i64 %k, 1
  br label %look
done:
  ret void
}

; Follow the references of all objects on the stack, and of those found by that.
define internal void @follow(ptr %heap) noinline #0 {
start:
  %types = get ptr %heap Heap.TYPES
  br label %look
look:
  %count = get i64 %heap Heap.STACK_COUNT
  %empty = icmp eq i64 %count, 0
  br i1 %empty, label %done, label %pop
pop:
  %left = sub i64 %count, 1
  put i64 %left, %heap Heap.STACK_COUNT
  %stack = get ptr %heap Heap.STACK
  %place = getelementptr ptr, ptr %stack, i64 %left
  %object = load ptr, ptr %place
  %type = get i32 %object Object.TYPE
  %wide = zext i32 %type to i64
  %offset = mul i64 %wide, $TypeInfo.SIZE
  %info = getelementptr i8, ptr %types, i64 %offset
  %trace = get i32 %info TypeInfo.TRACE
  switch i32 %trace, label %look [
    i32 $Trace.FIELDS, label %fields
    i32 $Trace.ELEMENTS, label %elements
    i32 $Trace.ANYWHERE, label %anywhere
  ]
fields:
  call void @mark_fields(ptr %heap, ptr %object, ptr %info)
  br label %look
elements:
  %length = get i32 %object Object.LENGTH
  %n = zext i32 %length to i64
  %words = getelementptr i8, ptr %object, i64 $Object.CONTENT
  call void @mark_words(ptr %heap, ptr %words, i64 %n)
  br label %look
anywhere:
  %values = get i64 %object Exception_.COUNT
  %value.words = shl i64 %values, 1
  %payload = getelementptr i8, ptr %object, i64 $Exception_.PAYLOAD
  call void @mark_words(ptr %heap, ptr %payload, i64 %value.words)
  br label %look
done:
  ret void
}
"""

COLLECTING: Final = """
define internal void @mark_roots(ptr %heap) #0 {
start:
  %store = get ptr %heap Heap.STORE
  %has_store = icmp ne ptr %store, null
  br i1 %has_store, label %values, label %pairs
values:
  %pending = getelementptr i8, ptr %store, i64 $Store.PENDING
  call void @mark_words(ptr %heap, ptr %pending, i64 1)
  %kept = getelementptr i8, ptr %store, i64 $Store.VALUES
  %count.values = shl i64 $Store.MAX_VALUES, 1
  call void @mark_words(ptr %heap, ptr %kept, i64 %count.values)
  br label %pairs
pairs:
  %roots = get ptr %heap Heap.ROOTS
  %n = get i64 %heap Heap.ROOT_COUNT
  br label %look
look:
  %k = phi i64 [ 0, %pairs ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %pair.at = getelementptr ptr, ptr %roots, i64 %k
  %pair = load ptr, ptr %pair.at
  %words = get ptr %pair Segment.BASE
  %count = get i64 %pair Segment.LENGTH
  call void @mark_words(ptr %heap, ptr %words, i64 %count)
  %more = add i64 %k, 1
  br label %look
done:
  ret void
}

; Where the stack of a thread's outermost entry begins, or null.
define internal ptr @stack_end(ptr %thread) #0 {
start:
  %known = icmp ne ptr %thread, null
  br i1 %known, label %first, label %nothing
first:
  %top = get ptr %thread Thread.TOP
  %entered = icmp ne ptr %top, null
  br i1 %entered, label %look, label %nothing
look:
  %at = phi ptr [ %top, %first ], [ %outer, %look ]
  %outer = get ptr %at Activation.PREVIOUS
  %last = icmp eq ptr %outer, null
  br i1 %last, label %found, label %look
found:
  %end = get ptr %at Activation.FRAME
  ret ptr %end
nothing:
  ret ptr null
}

; Mark from the stacks of threads that are in Python on behalf of this store, as far as their entries into it reach.
define internal void @mark_parked(ptr %heap) #0 {
start:
  %store = get ptr %heap Heap.STORE
  %has_store = icmp ne ptr %store, null
  br i1 %has_store, label %list, label %done
list:
  %first = get ptr %store Store.PARKED
  br label %look
look:
  %entry = phi ptr [ %first, %list ], [ %next, %see ]
  %end = icmp eq ptr %entry, null
  br i1 %end, label %done, label %see
see:
  %low = get ptr %entry Activation.LOW
  %high = get ptr %entry Activation.FRAME
  call void @mark_stack(ptr %heap, ptr %low, ptr %high)
  %next = get ptr %entry Activation.NEXT
  br label %look
done:
  ret void
}

; No class has a run: what is left of them is free, unless it is reached.
define internal void @reset_class(ptr %class) #0 {
  put ptr null, %class SizeClass.CURSOR
  put ptr null, %class SizeClass.LIMIT
  put ptr null, %class SizeClass.PARTIAL
  put ptr null, %class SizeClass.CURRENT
  put i64 0, %class SizeClass.POSITION
  ret void
}

define internal void @reset(ptr %heap) #0 {
start:
  br label %classes
classes:
  %at = phi i64 [ $Heap.CLASSES, %start ], [ %next, %classes ]
  %class = getelementptr i8, ptr %heap, i64 %at
  call void @reset_class(ptr %class)
  %next = add i64 %at, $SizeClass.SIZE
  %some = icmp ule i64 %next, $Heap.BOXES
  br i1 %some, label %classes, label %spans
spans:
  %first = get ptr %heap Heap.BLOCKS
  br label %look
look:
  %span = phi ptr [ %first, %spans ], [ %after, %clear ]
  %end = icmp eq ptr %span, null
  br i1 %end, label %done, label %clear
clear:
  %bits = getelementptr i8, ptr %span, i64 $Span.MARKED
  call void @llvm.memset.p0.i64(ptr %bits, i8 0, i64 $Span.BITMAP, i1 false)
  %after = get ptr %span Span.NEXT
  br label %look
done:
  ret void
}

; Boxes that were not reached go to the list of the dead, and their cells are kept for it.
define internal void @bury(ptr %heap, ptr %span) #0 {
start:
  %allocated = getelementptr i8, ptr %span, i64 $Span.ALLOCATED
  %marked = getelementptr i8, ptr %span, i64 $Span.MARKED
  %begin = get ptr %span Span.START
  %cells = get i64 %span Span.CELLS
  br label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %next ]
  %some = icmp ult i64 %k, %cells
  br i1 %some, label %see, label %done
see:
  %word = lshr i64 %k, 6
  %bit = and i64 %k, 63
  %mask = shl i64 1, %bit
  %allocated.at = getelementptr i64, ptr %allocated, i64 %word
  %marked.at = getelementptr i64, ptr %marked, i64 %word
  %a = load i64, ptr %allocated.at
  %m = load i64, ptr %marked.at
  %not_marked = xor i64 %m, -1
  %dead = and i64 %a, %not_marked
  %one = and i64 %dead, %mask
  %is_dead = icmp ne i64 %one, 0
  br i1 %is_dead, label %check, label %next
check:
  %distance = mul i64 %k, $Box.SIZE
  %box = getelementptr i8, ptr %begin, i64 %distance
  %type = get i32 %box Object.TYPE
  %is_box = icmp ne i32 %type, 0
  br i1 %is_box, label %link, label %next
link:
  put i32 0, %box Object.TYPE
  %others = get ptr %heap Heap.DEAD
  put ptr %others, %box Box.NEXT
  put ptr %box, %heap Heap.DEAD
  %kept = or i64 %m, %mask
  store i64 %kept, ptr %marked.at
  br label %next
next:
  %more = add i64 %k, 1
  br label %look
done:
  ret void
}

; The dead that nobody has looked at yet keep their cells.
define internal void @keep_dead(ptr %heap) #0 {
start:
  %first = get ptr %heap Heap.DEAD
  br label %look
look:
  %box = phi ptr [ %first, %start ], [ %after, %keep ]
  %end = icmp eq ptr %box, null
  br i1 %end, label %done, label %keep
keep:
  put i32 $Size.BOX_TYPE, %box Object.TYPE
  %word = ptrtoint ptr %box to i64
  call void @mark(ptr %heap, i64 %word)
  put i32 0, %box Object.TYPE
  %after = get ptr %box Box.NEXT
  br label %look
done:
  put i64 0, %heap Heap.STACK_COUNT
  ret void
}

; How many cells of a block are marked.
define internal i64 @count_marked(ptr %span) #0 {
start:
  %bits = getelementptr i8, ptr %span, i64 $Span.MARKED
  br label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %look ]
  %sum = phi i64 [ 0, %start ], [ %total, %look ]
  %place = getelementptr i64, ptr %bits, i64 %k
  %word = load i64, ptr %place
  %ones = call i64 @llvm.ctpop.i64(i64 %word)
  %total = add i64 %sum, %ones
  %more = add i64 %k, 1
  %some = icmp ult i64 %more, 32
  br i1 %some, label %look, label %done
done:
  ret i64 %total
}

; Free what was not reached, and list the blocks with room anew.
define internal void @sweep(ptr %heap) #0 {
start:
  %first = get ptr %heap Heap.BLOCKS
  put ptr null, %heap Heap.BLOCKS
  %boxes = getelementptr i8, ptr %heap, i64 $Heap.BOXES
  br label %look
look:
  %span = phi ptr [ %first, %start ], [ %after, %free ], [ %after, %keep ], [ %after, %list ]
  %end = icmp eq ptr %span, null
  br i1 %end, label %done, label %see
see:
  %after = get ptr %span Span.NEXT
  %class = get ptr %span Span.CLASS
  %has_boxes = icmp eq ptr %class, %boxes
  br i1 %has_boxes, label %grave, label %count
grave:
  call void @bury(ptr %heap, ptr %span)
  br label %count
count:
  %live = call i64 @count_marked(ptr %span)
  %is_empty = icmp eq i64 %live, 0
  br i1 %is_empty, label %free, label %some
free:
  call void @free_blocks(ptr %heap, ptr %span)
  br label %look
some:
  %bits = getelementptr i8, ptr %span, i64 $Span.ALLOCATED
  %marks = getelementptr i8, ptr %span, i64 $Span.MARKED
  call void @llvm.memcpy.p0.p0.i64(ptr %bits, ptr %marks, i64 $Span.BITMAP, i1 false)
  %others = get ptr %heap Heap.BLOCKS
  put ptr %others, %span Span.NEXT
  put ptr %span, %heap Heap.BLOCKS
  %cells = get i64 %span Span.CELLS
  %is_full = icmp eq i64 %live, %cells
  br i1 %is_full, label %keep, label %list
keep:
  br label %look
list:
  %partial = get ptr %class SizeClass.PARTIAL
  put ptr %partial, %span Span.LINK
  put ptr %span, %class SizeClass.PARTIAL
  br label %look
done:
  ret void
}

; The next collection is due when the heap has grown by as much as is in use, but not for less than 8 MiB.
define internal void @set_threshold(ptr %heap) #0 {
  %used = get i64 %heap Heap.USED
  %growth = call i64 @llvm.umax.i64(i64 %used, i64 256)
  %goal = add i64 %used, %growth
  %limit = get i64 %heap Heap.LIMIT
  %threshold = call i64 @llvm.umin.i64(i64 %goal, i64 %limit)
  put i64 %threshold, %heap Heap.THRESHOLD
  ret void
}

define internal void @collect(ptr %heap, ptr %low) noinline #0 {
  %region = get ptr %heap Heap.REGION
  %base = get ptr %region Region.BASE
  %top = get i64 %region Region.TOP
  %extent = shl i64 %top, $Size.BLOCK_LOG2
  %spans = get ptr %region Region.SPANS
  put ptr %base, %heap Heap.BASE
  put i64 %extent, %heap Heap.EXTENT
  put ptr %spans, %heap Heap.SPANS
  put i64 0, %heap Heap.FAILED
  put i64 0, %heap Heap.STACK_COUNT
  call void @reset(ptr %heap)
  call void @keep_dead(ptr %heap)
  call void @mark_roots(ptr %heap)
  %thread = call ptr @current_thread()
  %high = call ptr @stack_end(ptr %thread)
  call void @mark_stack(ptr %heap, ptr %low, ptr %high)
  call void @mark_parked(ptr %heap)
  call void @follow(ptr %heap)
  %failed = get i64 %heap Heap.FAILED
  %good = icmp eq i64 %failed, 0
  br i1 %good, label %free, label %done
free:
  call void @sweep(ptr %heap)
  br label %done
done:
  call void @set_threshold(ptr %heap)
  %times = get i64 %heap Heap.COLLECTIONS
  %more = add i64 %times, 1
  put i64 %more, %heap Heap.COLLECTIONS
  ret void
}

; Collect; not while a conversion has addresses where only Python sees them.
define void @gc_collect(ptr %heap) noinline #0 {
start:
  %registers = alloca [$Activation.PREVIOUS x i8], align 16
  %store = get ptr %heap Heap.STORE
  %has_store = icmp ne ptr %store, null
  br i1 %has_store, label %ask, label %run
ask:
  %holds = get i64 %store Store.HOLD
  %held = icmp ne i64 %holds, 0
  br i1 %held, label %done, label %run
run:
  %saved = call i32 @_setjmp(ptr %registers) #3
  call void @collect(ptr %heap, ptr %registers)
  br label %done
done:
  ret void
}

; Collect if the heap has grown to where it should.
define void @gc_poll(ptr %heap) noinline #0 {
  %used = get i64 %heap Heap.USED
  %threshold = get i64 %heap Heap.THRESHOLD
  %due = icmp uge i64 %used, %threshold
  br i1 %due, label %collect, label %done
collect:
  call void @gc_collect(ptr %heap)
  ret void
done:
  ret void
}

; The heap goes: give back all that it has.
define void @gc_release(ptr %heap) #0 {
start:
  %first = get ptr %heap Heap.BLOCKS
  br label %look
look:
  %span = phi ptr [ %first, %start ], [ %after, %step ]
  %end = icmp eq ptr %span, null
  br i1 %end, label %done, label %step
step:
  %after = get ptr %span Span.NEXT
  %place = get ptr %span Span.START
  %n = get i64 %span Span.BLOCKS
  %bytes = shl i64 %n, $Size.BLOCK_LOG2
  %advice = call i32 @madvise(ptr %place, i64 %bytes, i32 4)
  call void @free_blocks(ptr %heap, ptr %span)
  br label %look
done:
  %stack = get ptr %heap Heap.STACK
  call void @free(ptr %stack)
  ret void
}
attributes #3 = { nounwind returns_twice }
"""
