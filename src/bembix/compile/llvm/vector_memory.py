"""Writers of vector loads and stores.  Source: core 3.0, 4.6.9."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from bembix.compile.llvm.regular import pointer_to
from bembix.compile.llvm.sink import OPERATIONS, LlvmSink, Operation
from bembix.compile.llvm.types import BYTES
from bembix.compile.llvm.vectors import at_first_use, vector
from bembix.spec.instructions import TABLE, Imm, Instr
from bembix.spec.types import V128

#: What follows a load: {l} is what was loaded, {t} its type, {u} the whole vector's, {n} counts its lanes, {first} is
#: the operand.
_EXTEND: Final = "{r}.w = {extend} {t} {l} to {u}"
_SPLAT: Final = (
    "{r}.i = insertelement {u} poison, {t} {l}, i64 0\n"
    "{r}.w = shufflevector {u} {r}.i, {u} poison, <{n} x i32> zeroinitializer"
)
_ZERO: Final = "{r}.w = insertelement {u} zeroinitializer, {t} {l}, i64 0"
_LANE: Final = "{r}.c = bitcast {bytes} {first} to {u}\n{r}.w = insertelement {u} {r}.c, {t} {l}, i64 {lane}"
_CAST: Final = "\n{r} = bitcast {u} {r}.w to {bytes}"


def _load_types(operation: str) -> tuple[str, str, int]:
    """Return the type that is loaded, that of the vector, and the number of its lanes."""
    bits, _, count = operation.removeprefix("load").partition("_")[0].partition("x")
    if count:
        return vector(f"i{bits}", int(count)), vector(f"i{2 * int(bits)}", int(count)), int(count)
    return f"i{bits}", vector(f"i{bits}", 128 // int(bits)), 128 // int(bits)


def _template(operation: str) -> str:
    loaded, whole, count = _load_types(operation)
    kind = operation.rpartition("_")[2]
    text = {"s": _EXTEND, "u": _EXTEND, "splat": _SPLAT, "zero": _ZERO, "lane": _LANE}[kind] + _CAST
    words = {
        "r": "{0}", "l": "{0}.l", "t": loaded, "u": whole, "n": str(count), "bytes": BYTES, "first": "{1}",
        "extend": "sext" if kind == "s" else "zext",
    }  # fmt: skip
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), text)


def _load(row: Instr) -> Operation:
    operation = row.operation or ""
    is_whole = operation == "load"
    loaded = BYTES if is_whole else _load_types(operation)[0]
    text = "" if is_whole else _template(operation)
    has_lane = Imm.LANE in row.immediates

    def write(sink: LlvmSink, index: int, offset: int, lane: int = 0) -> None:
        values, out, name = sink.values, sink.out, sink.name()
        first = values.pop() if has_lane else ""
        pointer = pointer_to(sink, index, offset, name, values[-1])
        if sink.group.optimize:
            sink.flow(name, values[-1], first)
            sink.pending.setdefault(name, []).append(len(out))
        into = name if is_whole else f"{name}.l"
        racy = sink.racy and sink.context.memories[index].shared
        read = f"{name}.r" if racy else into
        out.append(f"{read} = {sink.load} {loaded}, ptr {pointer}, align 1{sink.linear}{sink.place()}")
        if racy:  # the value is what it is, also where another thread writes meanwhile
            out.append(f"{into} = freeze {loaded} {read}")
        if text:
            out.append(text.format(name, first, lane=lane))
        values[-1] = name

    return write


def _store(row: Instr) -> Operation:
    bits = (row.operation or "").removeprefix("store").partition("_")[0]
    lane_type, whole = f"i{bits}", vector(f"i{bits}", 128 // int(bits)) if bits else BYTES

    def write(sink: LlvmSink, index: int, offset: int, lane: int = 0) -> None:
        value, name = sink.pop(), sink.name()
        pointer = pointer_to(sink, index, offset, name, sink.pop())
        stored = f"{BYTES} {value}"
        if bits:
            sink.out.append(
                f"{name}.c = bitcast {BYTES} {value} to {whole}\n{name}.l = extractelement {whole} {name}.c, i64 {lane}"
            )
            stored = f"{lane_type} {name}.l"
        sink.out.append(f"store {stored}, ptr {pointer}, align 1{sink.linear}{sink.place()}")

    return write


def _enter_all() -> None:
    for row in TABLE:
        if V128 in row.params + row.results and Imm.MEMARG in row.immediates:
            maker: Callable[[Instr], Operation] = _load if row.results else _store
            OPERATIONS[row.code] = at_first_use(maker, row)


_enter_all()
