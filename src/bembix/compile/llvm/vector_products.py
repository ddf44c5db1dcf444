"""Sums of products of 16 bit lanes, as x86-64 has them: one instruction multiplies eight lanes and adds neighbours.

Compilers to Wasm extend four lanes at a time and add the products.  LLVM multiplies those four at a time; here two
products that go to one sum are put together, with their lanes interleaved.  FAST: bench/run.py --simd, kernel dot:
1.1 -> 0.6 of native.

What the sink knows of a vector: a *half* is the four lanes of 16 bits that it extends, a *product* the two halves that
it is the product of, a *sum* a product and what was added to it.  Source: core 3.0, 4.6.12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bembix.compile.llvm import vector_memory  # noqa: F401  (it enters the writers that are wrapped here)
from bembix.compile.llvm.sink import OPERATIONS, LlvmSink, Operation, Product
from bembix.compile.llvm.types import BYTES
from bembix.native import platform
from bembix.spec.instructions import BY_NAME

#: Instructions whose result has one half behind it, and the name of that.
_HALVES: Final = {
    "v128.load16x4_s": ".l",
    "i32x4.extend_low_i16x8_s": ".h",
    "i32x4.extend_high_i16x8_s": ".h",
}
#: Instructions whose result is the product of two halves, named .a and .b.
_PRODUCTS: Final = ("i32x4.extmul_low_i16x8_s", "i32x4.extmul_high_i16x8_s")

_INTERLEAVE: Final = "<8 x i32> <i32 0, i32 4, i32 1, i32 5, i32 2, i32 6, i32 3, i32 7>"


def _after(name: str, note: Callable[[LlvmSink, str, list[str]], None]) -> Operation:
    """Return a writer that takes note of the result and of the two operands on top."""
    inner = OPERATIONS[BY_NAME[name].code]

    def write(sink: LlvmSink, *immediates: object) -> None:
        operands = sink.values[-2:]
        inner(sink, *immediates)
        if sink.group.optimize:
            note(sink, sink.values[-1], operands)

    return write


def _note_half(suffix: str) -> Callable[[LlvmSink, str, list[str]], None]:
    def note(sink: LlvmSink, result: str, _operands: list[str]) -> None:
        sink.halves[result] = result + suffix

    return note


def _note_product(sink: LlvmSink, result: str, _operands: list[str]) -> None:
    sink.products[result] = f"{result}.a", f"{result}.b"


def _note_multiplication(sink: LlvmSink, result: str, operands: list[str]) -> None:
    left, right = map(sink.halves.get, operands)
    if left and right:
        sink.products[result] = left, right


def _add() -> Operation:
    inner = OPERATIONS[BY_NAME["i32x4.add"].code]

    def write(sink: LlvmSink) -> None:
        left, right = sink.values[-2:]
        if left not in sink.products:
            left, right = right, left
        product = sink.products.get(left)
        if product is None:
            inner(sink)
            return
        other = sink.products.get(right)
        waiting = (other, "zeroinitializer") if other else sink.sums.get(right)
        if waiting is not None:
            _add_pair(sink, product, *waiting)
            return
        inner(sink)
        sink.sums[sink.values[-1]] = product, right

    return write


def _add_pair(sink: LlvmSink, first: Product, second: Product, rest: str) -> None:
    """Replace the two operands on top by the sum of two products and the rest."""
    name = sink.name()
    for side, one, two in zip("ab", first, second, strict=True):
        sink.out.append(_side(f"{name}.{side}", one, two))
    sink.out.append(
        f"{name}.m = call <4 x i32> @llvm.x86.sse2.pmadd.wd(<8 x i16> {name}.a, <8 x i16> {name}.b)\n"
        f"{name}.r = bitcast {BYTES} {rest} to <4 x i32>\n{name}.v = add <4 x i32> {name}.m, {name}.r\n"
        f"{name} = bitcast <4 x i32> {name}.v to {BYTES}"
    )
    right, left = sink.values.pop(), sink.values.pop()
    if sink.exact_traps:
        sink.flow(name, left, right)
    sink.push(name)


def _side(name: str, one: str, two: str) -> str:
    """Interleave two halves, as words of 64 bits first: so LLVM makes one load of two neighbours."""
    return (
        f"{name}1 = bitcast <4 x i16> {one} to i64\n{name}2 = bitcast <4 x i16> {two} to i64\n"
        f"{name}3 = insertelement <2 x i64> poison, i64 {name}1, i64 0\n"
        f"{name}4 = insertelement <2 x i64> {name}3, i64 {name}2, i64 1\n"
        f"{name}5 = bitcast <2 x i64> {name}4 to <8 x i16>\n"
        f"{name} = shufflevector <8 x i16> {name}5, <8 x i16> poison, {_INTERLEAVE}"
    )


def _enter_all() -> None:
    writers = {name: _after(name, _note_half(suffix)) for name, suffix in _HALVES.items()}
    writers |= {name: _after(name, _note_product) for name in _PRODUCTS}
    writers |= {"i32x4.mul": _after("i32x4.mul", _note_multiplication), "i32x4.add": _add()}
    OPERATIONS.update({BY_NAME[name].code: write for name, write in writers.items()})


if platform.require().machine == "x86_64":
    _enter_all()
