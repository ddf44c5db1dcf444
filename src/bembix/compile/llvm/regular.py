"""Writers of regular instructions: from the row's types and operation, and the template of that operation."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from bembix.compile.llvm.addresses import checked_pointer
from bembix.compile.llvm.quiet import quieted
from bembix.compile.llvm.sink import OPERATIONS, LlvmSink, Operation
from bembix.compile.llvm.templates import COMPARISONS, LOADS, STORES, TEMPLATES
from bembix.compile.llvm.types import llvm_type
from bembix.compile.traps import Reason
from bembix.errors import CompileError
from bembix.spec.instructions import TABLE, Imm, Instr
from bembix.spec.types import I64, V128

_MANGLED: Final = {"float": "f32", "double": "f64"}  #: as names of LLVM's intrinsics have it


def _fill(template: str, row: Instr) -> str:
    """Put the row's types into a template; leave {0} for the result and {1}, {2} for the operands."""
    operand, result = row.params[0], row.results[0]
    assert operand is not None
    t, u = llvm_type(operand), llvm_type(result)
    for mark in "tu":
        template = template.replace(f".{{{mark}}}(", f".{{{mark}{mark}}}(")
    return (
        template.replace("{tt}", _MANGLED.get(t, t))
        .replace("{uu}", _MANGLED.get(u, u))
        .replace("{m}", _MANGLED.get(t, t))
        .replace("{t}", t)
        .replace("{u}", u)
        .replace("{w}", "63" if operand is I64 else "31")
        .replace("{r}", "{0}")
        .replace("{a}", "{1}")
        .replace("{b}", "{2}")
    )


def _text(row: Instr) -> str:
    return _fill(TEMPLATES[row.operation or ""], row)


def _unary(row: Instr, text: str = "") -> Operation:
    text = text or _text(row)

    def write(sink: LlvmSink) -> None:
        values = sink.values
        sink.number += 1
        name = f"%v{sink.number}"
        value = values[-1]
        sink.out.append(text.format(name, value))
        if sink.exact_traps:
            sink.flow(name, value)
        if value[0] != "%" or value in sink.computed:
            sink.computed.add(name)
        values[-1] = name

    return write


def _binary(row: Instr) -> Operation:
    text = _text(row)

    def write(sink: LlvmSink) -> None:
        values = sink.values
        sink.number += 1
        name = f"%v{sink.number}"
        right = values.pop()
        left = values[-1]
        sink.out.append(text.format(name, left, right))
        if sink.exact_traps:
            sink.flow(name, left, right)
        if (left[0] != "%" or left in sink.computed) and (right[0] != "%" or right in sink.computed):
            sink.computed.add(name)
        values[-1] = name

    return write


def _compare(row: Instr) -> Operation:
    inner = _binary(row)

    def write(sink: LlvmSink) -> None:
        inner(sink)
        sink.bools.add(sink.values[-1])

    return write


def _eqz(row: Instr) -> Operation:
    text = _fill("{r}.b = icmp eq {t} {a}, 0\n{r} = zext i1 {r}.b to i32", row)

    def write(sink: LlvmSink) -> None:
        value = sink.values.pop()
        name = sink.name()
        sink.flow(name, value)
        if value in sink.bools:
            sink.out.append(f"{name}.b = xor i1 {value}.b, true\n{name} = zext i1 {name}.b to i32")
        else:
            sink.out.append(text.format(name, value))
        sink.bools.add(name)
        sink.push(name)

    return write


def _const(row: Instr) -> Operation:
    kind = row.results[0]
    if kind is V128:
        raise CompileError("vectors are not compiled yet")
    if row.immediates[0] in (Imm.I32, Imm.I64):
        return lambda sink, value: sink.values.append(str(value))
    whole, width = llvm_type(kind), row.name[1:3]
    return lambda sink, bits: sink.values.append(f"bitcast (i{width} {bits} to {whole})")


# -- signalling NaNs: optimised code -----------------------------------------------------------------------------------
#
# Arithmetic makes a signalling NaN quiet; `quiet.py` says how it does that although LLVM does not care.


def _arithmetic(row: Instr) -> Operation:
    cheap, kind, text = _cheap_arithmetic(row), llvm_type(row.results[0]), _text(row)
    quiet = quieted(text, "{0}.q" if row.operation in ("fmin", "fmax") else "{0}", kind)

    def write(sink: LlvmSink) -> None:
        if not sink.group.optimize:
            cheap(sink)
            return
        values, name = sink.values, sink.name()
        right, left = values.pop(), values.pop()
        condition = sink.nans.condition((left, right))
        if condition:
            sink.nans.decide_later(len(sink.out), quiet.format(name, left, right), condition)
        sink.out.append((quiet if condition is None else text).format(name, left, right))
        sink.nans.quiet(name)
        sink.flow(name, left, right)
        values.append(name)

    return write


def _calculation(row: Instr) -> Operation:
    """An operation that LLVM never takes for its operand, or not where that is a NaN."""
    inner = _unary(row)

    def write(sink: LlvmSink) -> None:
        inner(sink)
        sink.nans.quiet(sink.values[-1])

    return write


# -- signalling NaNs: cheap code ---------------------------------------------------------------------------------------
#
# Here LLVM only knows what stands in the same stretch of code; a fence hides constants from it, and what was promoted.

#: Constants (as floats) that make an operation look like none, or like a negation.
_NEUTRAL: Final = {"fadd": (0.0, -0.0), "fsub": (0.0, -0.0), "fmul": (1.0, -1.0), "fdiv": (1.0, -1.0)}
_NEUTRAL_MINIMUM: Final = (0.0, -0.0)  #: the templates of min and max add


def _constant_text(kind: str, value: float) -> str:
    bits = {"float": "<f", "double": "<d"}[kind]
    content = struct.pack(bits, value)
    return f"bitcast (i{8 * len(content)} {int.from_bytes(content, 'little')} to {kind})"


def _fence(sink: LlvmSink, kind: str, value: str) -> str:
    """Return a value that LLVM knows nothing of."""
    name = sink.name()
    sink.out.append(f"{name} = call {kind} @llvm.arithmetic.fence.{_MANGLED[kind]}({kind} {value})")
    return name


def _cheap_arithmetic(row: Instr) -> Operation:
    inner, kind = _binary(row), llvm_type(row.results[0])
    neutral = frozenset(_constant_text(kind, value) for value in _NEUTRAL.get(row.operation or "", _NEUTRAL_MINIMUM))

    def write(sink: LlvmSink) -> None:
        values = sink.values
        if values[-1] in neutral or values[-1] in sink.computed:
            values[-1] = _fence(sink, kind, values[-1])
        if values[-2] in neutral or values[-2] in sink.computed:
            values[-2] = _fence(sink, kind, values[-2])
        inner(sink)

    return write


def _promote(row: Instr) -> Operation:
    cheap, quiet = _unary(row), _unary(row, quieted(_text(row), "{0}", "double"))

    def write(sink: LlvmSink) -> None:
        (quiet if sink.group.optimize else cheap)(sink)
        sink.promoted.add(sink.values[-1])
        sink.nans.quiet(sink.values[-1])

    return write


def _sign(row: Instr) -> Operation:
    inner = _unary(row) if len(row.params) == 1 else _binary(row)
    depth = len(row.params)

    def write(sink: LlvmSink) -> None:
        value = sink.values[-depth]
        promoted = value in sink.promoted
        inner(sink)
        sink.nans.passes(sink.values[-1], (value,))
        if promoted:
            sink.promoted.add(sink.values[-1])

    return write


def _demote(row: Instr) -> Operation:
    inner = _unary(row)

    def write(sink: LlvmSink) -> None:
        if sink.values[-1] in sink.promoted and not sink.group.optimize:
            sink.values[-1] = _fence(sink, "double", sink.values[-1])
        inner(sink)
        sink.nans.quiet(sink.values[-1])

    return write


# -- division and conversion that can trap -----------------------------------------------------------------------------


def _divide(row: Instr) -> Operation:
    whole = llvm_type(row.results[0])
    least = -(1 << int(row.name[1:3]) - 1)
    name = row.operation or ""
    instruction = {"div_s": "sdiv", "div_u": "udiv", "rem_s": "srem", "rem_u": "urem"}[name]

    def write(sink: LlvmSink) -> None:
        right, left, result = sink.pop(), sink.values.pop(), sink.name()
        sink.flow(result, left)
        sink.out.append(f"{result}.z = icmp eq {whole} {right}, 0")
        sink.trap_if(f"{result}.z", Reason.DIVIDE_BY_ZERO)
        if name == "div_s":
            sink.out.append(
                f"{result}.l = icmp eq {whole} {left}, {least}\n{result}.m = icmp eq {whole} {right}, -1\n"
                f"{result}.o = and i1 {result}.l, {result}.m"
            )
            sink.trap_if(f"{result}.o", Reason.OVERFLOW)
        if name == "rem_s":  # the remainder by -1 is 0, and undefined in LLVM where the quotient overflows
            sink.out.append(
                f"{result}.m = icmp eq {whole} {right}, -1\n"
                f"{result}.d = select i1 {result}.m, {whole} 1, {whole} {right}"
            )
            right = f"{result}.d"
        sink.out.append(f"{result} = {instruction} {whole} {left}, {right}")
        sink.push(result)

    return write


def _limits(source: str, bits: int, signed: bool) -> tuple[str, str, str]:
    """Return comparison and bound below, and bound above (exclusive), of what converts without overflow, as doubles."""
    above = 2.0 ** (bits - signed)
    if not signed:
        return "ogt", (-1.0).hex(), above.hex()
    exact = bits == 32 and source == "double"  # only there the number below the least integer exists
    return ("ogt", (-above - 1).hex(), above.hex()) if exact else ("oge", (-above).hex(), above.hex())


def _float_text(value: str) -> str:
    return f"0x{struct.unpack('<Q', struct.pack('<d', float.fromhex(value)))[0]:016X}"


def _truncate(row: Instr) -> Operation:
    operand, result_type = row.params[0], row.results[0]
    assert operand is not None
    source, whole, signed = llvm_type(operand), llvm_type(result_type), (row.operation or "").endswith("_s")
    compare, low, high = _limits(source, 64 if result_type is I64 else 32, signed)
    low, high = _float_text(low), _float_text(high)
    instruction = "fptosi" if signed else "fptoui"

    def write(sink: LlvmSink) -> None:
        value, name = sink.pop(), sink.name()
        sink.out.append(f"{name}.n = fcmp uno {source} {value}, 0.0")
        sink.trap_if(f"{name}.n", Reason.INVALID_CONVERSION)
        sink.out.append(
            f"{name}.l = fcmp {compare} {source} {value}, {low}\n{name}.h = fcmp olt {source} {value}, {high}\n"
            f"{name}.i = and i1 {name}.l, {name}.h\n{name}.o = xor i1 {name}.i, true"
        )
        sink.trap_if(f"{name}.o", Reason.OVERFLOW)
        sink.out.append(f"{name} = {instruction} {source} {value} to {whole}")
        sink.push(name)

    return write


# -- memory ------------------------------------------------------------------------------------------------------------


def pointer_to(sink: LlvmSink, index: int, offset: int, name: str, address: str) -> str:
    """Write the address of a memory access; the guard region makes the check."""
    if not sink.guarded[index]:
        return checked_pointer(sink, index, offset, name, address)
    pointer = sink.pointers.get((index, address))
    if pointer is None:
        sink.memories.add(index)
        pointer = sink.pointers[index, address] = f"{name}.p"
        sink.out.append(
            f"{name}.z = zext i32 {address} to i64\n{pointer} = getelementptr i8, ptr %m{index}, i64 {name}.z"
        )
    if offset:
        sink.out.append(f"{name}.q = getelementptr i8, ptr {pointer}, i64 {offset}")
        return f"{name}.q"
    return pointer


def _load(row: Instr) -> Operation:
    whole = llvm_type(row.results[0])
    narrow, extend = LOADS[row.operation or ""]
    natural: str = narrow or whole

    def write(sink: LlvmSink, index: int, offset: int) -> None:
        values, out = sink.values, sink.out
        sink.number += 1
        name = f"%v{sink.number}"
        pointer = pointer_to(sink, index, offset, name, values[-1])
        loaded = f"{name}.l" if extend else name
        if sink.racy and sink.context.memories[index].shared:
            loaded = f"{name}.r"
        if sink.group.optimize:
            sink.flow(name, values[-1])
            sink.pending.setdefault(name, []).append(len(out))
        out.append(f"{loaded} = {sink.load} {natural}, ptr {pointer}, align 1{sink.linear}{sink.place()}")
        if loaded == f"{name}.r":  # the value is what it is, also where another thread writes meanwhile
            loaded = f"{name}.l" if extend else name
            out.append(f"{loaded} = freeze {natural} {name}.r")
        if extend:
            out.append(f"{name} = {extend} {natural} {loaded} to {whole}")
        values[-1] = name

    return write


def _store(row: Instr) -> Operation:
    kind = row.params[1]
    assert kind is not None
    whole, narrow = llvm_type(kind), STORES[row.operation or ""]

    def write(sink: LlvmSink, index: int, offset: int) -> None:
        value, name = sink.pop(), sink.name()
        pointer = pointer_to(sink, index, offset, name, sink.pop())
        if narrow:
            sink.out.append(f"{name}.n = trunc {whole} {value} to {narrow}")
            value = f"{name}.n"
        sink.out.append(f"store {narrow or whole} {value}, ptr {pointer}, align 1{sink.linear}{sink.place()}")

    return write


#: Makers by operation; every other operation has a template.
_MAKERS: Final[dict[str, Callable[[Instr], Operation]]] = {
    "const": _const,
    "eqz": _eqz,
    **dict.fromkeys(("div_s", "div_u", "rem_s", "rem_u"), _divide),
    **dict.fromkeys(("trunc_s", "trunc_u"), _truncate),
    **dict.fromkeys(LOADS, _load),
    **dict.fromkeys(STORES, _store),
    **dict.fromkeys(COMPARISONS, _compare),
    **dict.fromkeys((*_NEUTRAL, "fmin", "fmax"), _arithmetic),
    **dict.fromkeys(("fabs", "fneg", "fcopysign"), _sign),
    "promote": _promote,
    "demote": _demote,
    **dict.fromkeys(("fsqrt", "fceil", "ffloor", "ftrunc", "fnearest", "convert_s", "convert_u"), _calculation),
}


def _enter_all() -> None:
    for row in TABLE:
        if not row.regular or V128 in row.params + row.results or not isinstance(row.operation, str):
            continue
        maker = _MAKERS.get(row.operation)
        if maker is None and row.operation in TEMPLATES:
            maker = _unary if len(row.params) == 1 else _binary
        if maker is not None:
            OPERATIONS[row.code] = maker(row)


_enter_all()
