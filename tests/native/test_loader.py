"""From IR to code in place: objects, relocations, jumps to what is far, line tables."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bembix.compile.llvm.emit import emit
from bembix.errors import InternalError
from bembix.native import code, elf, lines, platform
from bembix.native.code import CodeArena
from bembix.native.ranges import CODES

ADD = "define i32 @add(i32 %a, i32 %b) { %r = add i32 %a, %b ret i32 %r }"


def call(address: int, *args: int) -> int:
    return int(ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * len(args))(address)(*args))


@pytest.mark.parametrize("level", [0, 1, 2])
def test_levels(level: int) -> None:
    arena = CodeArena()
    loaded = arena.load(emit(ADD, level))
    assert call(loaded.symbols["add"], 2, 40) == 42
    assert loaded.start <= loaded.symbols["add"] < loaded.end
    assert arena.contains(loaded.start)


@pytest.mark.parametrize("text", ["define i32 @f() { ret i64 0 }", "define void @f() {\n  %a = get\n  ret void\n}"])
def test_bad_ir_is_our_fault(text: str) -> None:
    with pytest.raises(InternalError, match="line"):
        emit(text, 0)


TABLES = """
@numbers = internal constant [4 x i64] [i64 3, i64 1, i64 4, i64 1]
@functions = internal constant [3 x ptr] [ptr @one, ptr @two, ptr @one]
@visible = constant i64 77
@half = internal constant double 0.5
define i64 @one() noinline { ret i64 1 }
define i64 @two() noinline { ret i64 2 }
define i64 @number(i64 %k) {
  %p = getelementptr i64, ptr @numbers, i64 %k
  %v = load i64, ptr %p
  ret i64 %v
}
define i64 @through(i64 %k) {
  %p = getelementptr ptr, ptr @functions, i64 %k
  %f = load volatile ptr, ptr %p
  %v = call i64 %f()
  %w = load volatile i64, ptr @visible
  %s = add i64 %v, %w
  ret i64 %s
}
define i64 @jumps(i64 %k) {
  switch i64 %k, label %other [
    i64 0, label %a i64 1, label %b i64 2, label %c i64 3, label %d i64 4, label %e i64 5, label %f
  ]
a:
  %x = call i64 @one()
  ret i64 %x
b:
  %y = call i64 @two()
  ret i64 %y
c:
  ret i64 333
d:
  %w = call i64 @number(i64 2)
  ret i64 %w
e:
  ret i64 555
f:
  %z = call i64 @through(i64 0)
  ret i64 %z
other:
  ret i64 -1
}
define i64 @halved(i64 %k) {
  %d = sitofp i64 %k to double
  %h = fmul double %d, 0x3FD3333333333333
  %r = fptosi double %h to i64
  ret i64 %r
}
"""


@pytest.mark.parametrize("level", [0, 2])
def test_constants_tables_and_calls(level: int) -> None:
    symbols = CodeArena().load(emit(TABLES, level)).symbols
    kept = CodeArena(1 << 16)
    symbols = kept.load(emit(TABLES, level)).symbols
    assert [call(symbols["number"], k) for k in range(4)] == [3, 1, 4, 1]
    assert [call(symbols["through"], k) for k in range(3)] == [78, 79, 78]
    assert [call(symbols["jumps"], k) for k in range(7)] == [1, 2, 333, 4, 555, 78, -1]
    assert call(symbols["halved"], 100) == 30


@pytest.mark.parametrize("how", ["", "nonlazybind"])
def test_externals_out_of_reach(how: str) -> None:
    seen: list[int] = []

    def outside(value: int) -> int:
        seen.append(value)
        return value + 1

    callback = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long)(outside)
    address = ctypes.cast(callback, ctypes.c_void_p).value or 0
    ir = f"""
declare i64 @outside(i64) {how}
@thing = external global i8
define i64 @f(i64 %a) {{
  %b = call i64 @outside(i64 %a)
  %c = call i64 @outside(i64 %b)
  ret i64 %c
}}
define i64 @address() {{ ret i64 ptrtoint (ptr @thing to i64) }}
"""
    arena = CodeArena()
    loaded = arena.load(emit(ir, 1), {"outside": address, "thing": 2**62 + 1})
    assert call(loaded.symbols["f"], 5) == 7
    assert seen == [5, 6]
    assert call(loaded.symbols["address"]) == 2**62 + 1


def test_unknown_symbol() -> None:
    with pytest.raises(InternalError, match="'nowhere'"):
        CodeArena().load(emit("declare void @nowhere()\ndefine void @f() { call void @nowhere() ret void }", 0))


@pytest.mark.parametrize("variable", ["@v = global i32 5", "@v = global i32 0", "@v = common global i32 0"])
def test_writable_data_is_refused(variable: str) -> None:
    with pytest.raises(InternalError):
        CodeArena().load(emit(f"{variable}\ndefine ptr @f() {{ ret ptr @v }}", 0))


def test_library_functions_that_llvm_calls() -> None:
    ir = """
define void @f(ptr %a, i64 %n) { call void @llvm.memset.p0.i64(ptr %a, i8 5, i64 %n, i1 false) ret void }
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""
    arena, buffer = CodeArena(), ctypes.create_string_buffer(100)
    call(arena.load(emit(ir, 2)).symbols["f"], ctypes.addressof(buffer), 99)
    assert buffer.raw == b"\5" * 99 + b"\0"


def test_not_an_object() -> None:
    for data in (b"", b"\x7fELF", bytes(200)):
        with pytest.raises(InternalError):
            elf.parse(data)


def test_arena_extends_and_is_freed() -> None:
    arena = CodeArena(1)
    obj = emit(ADD, 0)
    loads = [arena.load(obj) for _ in range(50)]
    assert len(arena.ranges) == 50
    assert [call(loaded.symbols["add"], 1, k) for k, loaded in enumerate(loads)] == list(range(1, 51))
    addresses = [loaded.start for loaded in loads]
    assert all(address in CODES for address in addresses)
    del arena
    gc.collect()
    assert not any(address in CODES for address in addresses)


def test_big_load_in_a_small_arena() -> None:
    bodies = "".join(f"define i64 @f{k}(i64 %a) {{ %r = add i64 %a, {k * 1000003} ret i64 %r }}\n" for k in range(2000))
    arena = CodeArena(4096)
    loaded = arena.load(emit(bodies, 0))
    assert call(loaded.symbols["f1999"], 1) == 1999 * 1000003 + 1


def test_nothing_is_writable_and_executable() -> None:
    # In a process of its own, and but for the callbacks of ctypes, which llvmlite and other tests use.
    program = """
from pathlib import Path
import llvmlite.binding

def bad():
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {line for line in lines if {"w", "x"} <= set(line.split()[1])}

before = bad()
from bembix.compile.prebuilt import boundary, vm
from bembix.native import code
from bembix.spec.types import FuncType
vm.ensure_handlers()
boundary.make_func(boundary.entry_stub(FuncType()), 0, 0, None, None)
code.lazy_stubs(10)
print(bad() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"


def test_lazy_stubs() -> None:
    stub = platform.require().stub
    few = code.lazy_stubs(3)
    assert ctypes.string_at(few.start, 2 * len(stub)) == stub + stub
    many = code.lazy_stubs(100_000)
    assert ctypes.string_at(many[99_999], len(stub)) == stub
    assert ctypes.string_at(few[2], len(stub)) == stub
    assert code.lazy_stubs(5) == many[:5]


LINES = """
declare i32 @outside(i32)
define i32 @f(i32 %a) "frame-pointer"="all" !dbg !5 {{
  %x = call i32 @outside(i32 %a), !dbg !10
  %y = mul i32 %x, 7, !dbg !11
  %z = call i32 @outside(i32 %y), !dbg !12
  ret i32 %z, !dbg !13
}}
!llvm.module.flags = !{{!0, !1}}
!llvm.dbg.cu = !{{!2}}
!0 = !{{i32 2, !"Dwarf Version", i32 {version}}}
!1 = !{{i32 2, !"Debug Info Version", i32 3}}
!2 = distinct !DICompileUnit(language: DW_LANG_C, file: !3, isOptimized: false, emissionKind: LineTablesOnly)
!3 = !DIFile(filename: "m", directory: "d")
!4 = !DISubroutineType(types: !{{}})
!5 = distinct !DISubprogram(name: "f", file: !3, line: 1, type: !4, unit: !2, spFlags: DISPFlagDefinition)
!10 = !DILocation(line: 100, scope: !5)
!11 = !DILocation(line: 90, scope: !5)
!12 = !DILocation(line: 5000000, scope: !5)
!13 = !DILocation(line: 131, scope: !5)
"""


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_return_addresses_are_found_in_the_line_table(version: int, level: int) -> None:
    found: list[int | None] = []
    arena = CodeArena()

    def record(value: int, address: int) -> int:
        found.append(lines.offset_at(loaded, address - 1))
        return value

    # The function that is called passes its return address on to Python.
    callback: Callable[..., Any] = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_uint64)(record)
    helper = """
declare ptr @llvm.returnaddress(i32)
declare i32 @record(i32, i64)
define i32 @outside(i32 %v) {
  %r = call ptr @llvm.returnaddress(i32 0)
  %n = ptrtoint ptr %r to i64
  %x = call i32 @record(i32 %v, i64 %n)
  ret i32 %x
}
"""
    address = ctypes.cast(callback, ctypes.c_void_p).value or 0
    outside = arena.load(emit(helper, 1), {"record": address}).symbols["outside"]
    loaded = arena.load(emit(LINES.format(version=version), level), {"outside": outside})
    assert call(loaded.symbols["f"], 6) == 42
    assert found[-1] in (5_000_000, None)
    assert found[0] == 100
    if level == 0:
        assert found == [100, 5_000_000]
    assert lines.offset_at(loaded, loaded.start - 1) is None
    assert lines.offset_at(loaded, loaded.end + 100) is None


def test_no_line_table() -> None:
    loaded = CodeArena().load(emit(ADD, 0))
    assert lines.offset_at(loaded, loaded.start) is None
