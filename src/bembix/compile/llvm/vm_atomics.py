"""How threads of compiled code wait for each other, as LLVM IR: Python does it.  Source: threads proposal."""

from __future__ import annotations

from typing import Final

IR: Final = """
@format_notify = text "KKKK"
@format_wait = text "KKKKLK"

define $CC i64 @atomic_notify(ptr %ctx, i64 %index, i64 %address, i64 %count) #0 {
  spill
  %thread = call ptr @current_thread()
  call void @pause(ptr %thread)
  %service = get ptr @state State.ATOMIC_NOTIFY
  %object = python(ptr %service, ptr @format_notify, ptr %ctx, i64 %index, i64 %address, i64 %count)
  %value = call i64 @answer(ptr %thread, ptr %object)
  ret i64 %value
}

define $CC i64 @atomic_wait(ptr %ctx, i64 %index, i64 %at, i64 %wanted, i64 %timeout, i64 %width) #0 {
  spill
  %thread = call ptr @current_thread()
  call void @pause(ptr %thread)
  %service = get ptr @state State.ATOMIC_WAIT
  %object = python(ptr %service, ptr @format_wait, ptr %ctx, i64 %index, i64 %at, i64 %wanted, i64 %timeout, i64 %width)
  %value = call i64 @answer(ptr %thread, ptr %object)
  ret i64 %value
}
"""
