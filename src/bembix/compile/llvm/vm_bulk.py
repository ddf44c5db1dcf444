"""Bulk operations on memories and tables, as LLVM IR.

Bounds are checked as a whole before the first byte is written.  Source: core 3.0, 4.6.9.
"""

from __future__ import annotations

from typing import Final

IR: Final = """
; The address of entry %at of a block or segment, or a trap unless %at + %count are within its length.
define internal ptr @span(ptr %ctx, ptr %block, i64 %at, i64 %count, i64 %shift, i64 %reason) #0 {
  %length = get i64 %block Block.LENGTH
  %starts = icmp ule i64 %at, %length
  %rest = sub i64 %length, %at
  %ends = icmp ule i64 %count, %rest
  %fits = and i1 %starts, %ends
  br i1 %fits, label %good, label %bad
good:
  %base = get ptr %block Block.BASE
  %distance = shl i64 %at, %shift
  %place = getelementptr i8, ptr %base, i64 %distance
  ret ptr %place
bad:
  call $CC void @trap(ptr %ctx, i64 %reason, i64 -1)
  unreachable
}

define internal ptr @slot_span(ptr %ctx, i64 %slot, i64 %at, i64 %count, i64 %shift, i64 %reason) #0 {
  %place = getelementptr i8, ptr %ctx, i64 %slot
  %block = get ptr %place Slot.BLOCK
  %start = call ptr @span(ptr %ctx, ptr %block, i64 %at, i64 %count, i64 %shift, i64 %reason)
  ret ptr %start
}

define $CC void @memory_copy(ptr %ctx, i64 %to_slot, i64 %from_slot, i64 %d, i64 %s, i64 %n) #0 {
  %to = call ptr @slot_span(ptr %ctx, i64 %to_slot, i64 %d, i64 %n, i64 0, i64 $Reason.MEMORY_BOUNDS)
  %from = call ptr @slot_span(ptr %ctx, i64 %from_slot, i64 %s, i64 %n, i64 0, i64 $Reason.MEMORY_BOUNDS)
  call void @llvm.memmove.p0.p0.i64(ptr %to, ptr %from, i64 %n, i1 false)
  call void @attend_bulk(i64 %n)
  ret void
}

define $CC void @memory_fill(ptr %ctx, i64 %slot, i64 %d, i32 %value, i64 %n) #0 {
  %to = call ptr @slot_span(ptr %ctx, i64 %slot, i64 %d, i64 %n, i64 0, i64 $Reason.MEMORY_BOUNDS)
  %byte = trunc i32 %value to i8
  call void @llvm.memset.p0.i64(ptr %to, i8 %byte, i64 %n, i1 false)
  call void @attend_bulk(i64 %n)
  ret void
}

define $CC void @memory_init(ptr %ctx, i64 %slot, i64 %segment, i64 %d, i64 %s, i64 %n) #0 {
  %data = getelementptr i8, ptr %ctx, i64 %segment
  %to = call ptr @slot_span(ptr %ctx, i64 %slot, i64 %d, i64 %n, i64 0, i64 $Reason.MEMORY_BOUNDS)
  %from = call ptr @span(ptr %ctx, ptr %data, i64 %s, i64 %n, i64 0, i64 $Reason.MEMORY_BOUNDS)
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %n, i1 false)
  call void @attend_bulk(i64 %n)
  ret void
}

define $CC void @table_copy(ptr %ctx, i64 %to_slot, i64 %from_slot, i64 %d, i64 %s, i64 %n) #0 {
  %to = call ptr @slot_span(ptr %ctx, i64 %to_slot, i64 %d, i64 %n, i64 3, i64 $Reason.TABLE_BOUNDS)
  %from = call ptr @slot_span(ptr %ctx, i64 %from_slot, i64 %s, i64 %n, i64 3, i64 $Reason.TABLE_BOUNDS)
  %bytes = shl i64 %n, 3
  call void @llvm.memmove.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  call void @attend_bulk(i64 %n)
  ret void
}

define $CC void @table_fill(ptr %ctx, i64 %slot, i64 %i, ptr %value, i64 %n) #0 {
start:
  %to = call ptr @slot_span(ptr %ctx, i64 %slot, i64 %i, i64 %n, i64 3, i64 $Reason.TABLE_BOUNDS)
  br label %look
look:
  %k = phi i64 [ 0, %start ], [ %more, %step ]
  %some = icmp ult i64 %k, %n
  br i1 %some, label %step, label %done
step:
  %place = getelementptr ptr, ptr %to, i64 %k
  store ptr %value, ptr %place
  %more = add i64 %k, 1
  br label %look
done:
  call void @attend_bulk(i64 %n)
  ret void
}

define $CC void @table_init(ptr %ctx, i64 %slot, i64 %segment, i64 %d, i64 %s, i64 %n) #0 {
  %elements = getelementptr i8, ptr %ctx, i64 %segment
  %to = call ptr @slot_span(ptr %ctx, i64 %slot, i64 %d, i64 %n, i64 3, i64 $Reason.TABLE_BOUNDS)
  %from = call ptr @span(ptr %ctx, ptr %elements, i64 %s, i64 %n, i64 3, i64 $Reason.TABLE_BOUNDS)
  %bytes = shl i64 %n, 3
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %from, i64 %bytes, i1 false)
  call void @attend_bulk(i64 %n)
  ret void
}
"""
