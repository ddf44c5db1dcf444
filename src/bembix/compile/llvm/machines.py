"""What the IR of the runtime has of its own for each machine.

Where code can do without assembly, it does: LLVM assembles only for the machine that it runs on, and
`tools/prebuild.py` is to compile for all of them on any.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Machine(NamedTuple):
    """A machine's own IR.

    kept: registers that a function must keep; naming them as changed has them saved in its frame.
    lazy_entry: where a call of a function that is not compiled yet comes to from its stub (`Platform.stub`), which says
    which one it is.  All argument registers are kept while Python compiles it, and the call goes on as if it had gone
    there.
    clock: the functions `ticks`, a clock that costs next to nothing, and `was_soon`, whether so many are at most 4 us.
    """

    kept: tuple[str, ...]
    lazy_entry: str
    clock: str


_X86_64: Final = Machine(
    kept=("rbx", "r12", "r13", "r14", "r15"),
    lazy_entry="".join(
        f'module asm "{line}"\n'
        for line in """
.globl lazy_entry
.type lazy_entry, @function
lazy_entry:
    popq %r11
    pushq %rbp
    movq %rsp, %rbp
    subq $192, %rsp
    andq $-16, %rsp
    movups %xmm0, (%rsp)
    movups %xmm1, 16(%rsp)
    movups %xmm2, 32(%rsp)
    movups %xmm3, 48(%rsp)
    movups %xmm4, 64(%rsp)
    movups %xmm5, 80(%rsp)
    movups %xmm6, 96(%rsp)
    movups %xmm7, 112(%rsp)
    movq %rdi, 128(%rsp)
    movq %rsi, 136(%rsp)
    movq %rdx, 144(%rsp)
    movq %rcx, 152(%rsp)
    movq %r8, 160(%rsp)
    movq %r9, 168(%rsp)
    movq %r11, %rsi
    callq lazy_resolve
    movq %rax, %r11
    movups (%rsp), %xmm0
    movups 16(%rsp), %xmm1
    movups 32(%rsp), %xmm2
    movups 48(%rsp), %xmm3
    movups 64(%rsp), %xmm4
    movups 80(%rsp), %xmm5
    movups 96(%rsp), %xmm6
    movups 112(%rsp), %xmm7
    movq 128(%rsp), %rdi
    movq 136(%rsp), %rsi
    movq 144(%rsp), %rdx
    movq 152(%rsp), %rcx
    movq 160(%rsp), %r8
    movq 168(%rsp), %r9
    leave
    jmpq *%r11
""".strip().split("\n")
    ),
    # About 3 ticks a ns.
    clock="""
declare i64 @llvm.readcyclecounter()
define internal i64 @ticks() alwaysinline #0 {
  %now = call i64 @llvm.readcyclecounter()
  ret i64 %now
}
define internal i1 @was_soon(i64 %ticks) alwaysinline #0 {
  %soon = icmp ult i64 %ticks, 12000
  ret i1 %soon
}
""",
)

# The stub has put its own address where a nested function finds its data.  The jump at the end is a call in tail
# position, which has no arguments on the stack.
_AARCH64: Final = Machine(
    kept=(*(f"x{k}" for k in range(19, 29)), *(f"d{k}" for k in range(8, 16))),
    lazy_entry="""
define $CC $RESULT @lazy_entry(ptr nest %stub, ptr %ctx, $REGISTERS) #0 {
  %after = ptrtoint ptr %stub to i64
  %code = call ptr @lazy_resolve(ptr %ctx, i64 %after)
  %result = tail call $CC $RESULT %code(ptr %ctx, $REGISTERS)
  ret $RESULT %result
}
""",
    # The clock's own rate is in another register: 24 million to a thousand million ticks a second.
    clock="""
declare i64 @llvm.read_volatile_register.i64(metadata)
!clock = !{!0, !1}
!0 = !{!"cntvct_el0"}
!1 = !{!"cntfrq_el0"}
define internal i64 @ticks() alwaysinline #0 {
  %now = call i64 @llvm.read_volatile_register.i64(metadata !0)
  ret i64 %now
}
define internal i1 @was_soon(i64 %ticks) alwaysinline #0 {
  %rate = call i64 @llvm.read_volatile_register.i64(metadata !1)
  %scaled = mul i64 %ticks, 250000
  %soon = icmp ult i64 %scaled, %rate
  ret i1 %soon
}
""",
)

#: By `platform.machine()`.
MACHINES: Final = {"x86_64": _X86_64, "aarch64": _AARCH64}
