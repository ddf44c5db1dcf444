"""Writers: 128 bit arithmetic on pairs of i64, low half first.  Source: the wide-arithmetic proposal, Overview."""

from __future__ import annotations

from bembix.compile.llvm.sink import LlvmSink, operation


def _join(sink: LlvmSink, low: str, high: str) -> str:
    """Return two halves as an i128."""
    name = sink.name()
    sink.out.append(
        f"{name}.l = zext i64 {low} to i128\n{name}.z = zext i64 {high} to i128\n"
        f"{name}.h = shl i128 {name}.z, 64\n{name} = or i128 {name}.h, {name}.l"
    )
    return name


def _push_halves(sink: LlvmSink, whole: str, operands: list[str]) -> None:
    low, high = sink.name(), sink.name()
    sink.out.append(
        f"{low} = trunc i128 {whole} to i64\n{high}.h = lshr i128 {whole}, 64\n{high} = trunc i128 {high}.h to i64"
    )
    sink.flow(low, *operands)
    if low in sink.pending:  # either half needs the operands
        sink.pending[high] = sink.pending[low]
    sink.values += (low, high)


def _operands(sink: LlvmSink, count: int) -> list[str]:
    taken = sink.values[-count:]
    del sink.values[-count:]
    return taken


def _sum(sink: LlvmSink, instruction: str) -> None:
    operands = _operands(sink, 4)
    left, right = _join(sink, *operands[:2]), _join(sink, *operands[2:])
    name = sink.name()
    sink.out.append(f"{name} = {instruction} i128 {left}, {right}")
    _push_halves(sink, name, operands)


def _product(sink: LlvmSink, extend: str) -> None:
    operands = _operands(sink, 2)
    name = sink.name()
    sink.out.append(
        f"{name}.a = {extend} i64 {operands[0]} to i128\n{name}.b = {extend} i64 {operands[1]} to i128\n"
        f"{name} = mul i128 {name}.a, {name}.b"
    )
    _push_halves(sink, name, operands)


@operation("i64.add128")
def add128(sink: LlvmSink) -> None:
    """Add modulo 2**128."""
    _sum(sink, "add")


@operation("i64.sub128")
def sub128(sink: LlvmSink) -> None:
    """Subtract modulo 2**128."""
    _sum(sink, "sub")


@operation("i64.mul_wide_s")
def mul_wide_s(sink: LlvmSink) -> None:
    """Multiply signed numbers to all 128 bits."""
    _product(sink, "sext")


@operation("i64.mul_wide_u")
def mul_wide_u(sink: LlvmSink) -> None:
    """Multiply unsigned numbers to all 128 bits."""
    _product(sink, "zext")
