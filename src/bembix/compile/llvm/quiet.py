"""Arithmetic makes a signalling NaN quiet, in optimised code too.

LLVM does not care about signalling NaNs: it takes x * 1 for x wherever it finds out that something is 1, whether a
local, an inlined argument or a loop's first round said so.  It does respect `llvm.canonicalize`, whose result is no
signalling NaN.  So an operation whose operand may be signalling, and another operand of which LLVM may find out what it
is, passes through that while LLVM optimises.  Afterwards, where the operation is left, it does by itself what the
specification wants, and `canonicalize` goes; where LLVM has done without the operation, a multiplication stays for it.
Source: core 3.0, 4.3.3 (NaN propagation); the LLVM language reference.
"""

from __future__ import annotations

import re
from typing import Final

CANONICALIZE: Final = " @llvm.canonicalize."
_MANGLED: Final = {"float": "f32", "double": "f64"}  #: as names of LLVM's intrinsics have it


# -- while code is written ---------------------------------------------------------------------------------------------


def _mangled(type_: str) -> str:
    found = re.fullmatch(r"<(\d+) x (\w+)>", type_)
    return f"v{found[1]}{_MANGLED[found[2]]}" if found else _MANGLED[type_]


def quieted(text: str, name: str, type_: str) -> str:
    """Return the text of an operation in which `name`, which one of its lines makes, is no signalling NaN.

    type_: that of the value.
    """
    raw = f"{name}.raw"
    line = f"\n{name} = call {type_}{CANONICALIZE}{_mangled(type_)}({type_} {raw})"
    before, found, after = f"\n{text}".partition(f"\n{name} = ")
    assert found, name
    operation, more, rest = after.partition("\n")
    return f"{before}\n{raw} = {operation}{line}{more}{rest}"[1:]


# -- when it is optimised ----------------------------------------------------------------------------------------------

_FUNCTION: Final = re.compile(r"^define .*?^}", re.M | re.S)
_CANONICALIZE: Final = re.compile(
    r"^  %(\S+) = .*@llvm\.canonicalize\.(\w+)\((<\d+ x \w+>|\w+) (?:noundef )?(.+)\).*$", re.M
)
_MADE: Final = re.compile(
    r"^  (%\S+) = (?:tail )?(fadd|fsub|fmul|fdiv|fptrunc|fpext|[su]itofp|call|fneg|select|bitcast"
    r"|(?:insert|extract)element|shufflevector) (.*?)(?:, !.*)?$",
    re.M,
)
_NAME: Final = re.compile(r"%[^\s,)]+")
_ZERO: Final = re.compile(r"\b0\.0+e\+00|(?:float|double)> zeroinitializer|, zeroinitializer$")
_ONE: Final = re.compile(r"\b1\.0+e\+00")
#: Constants for which the selection of instructions, too, might leave an operation out.
_VISIBLE: Final = {"fadd": _ZERO, "fsub": _ZERO, "fmul": _ONE, "fdiv": _ONE}
#: The same of constants that are only lanes of an operand, or perhaps chosen for them.
_LANES: Final = {
    "fadd": re.compile(r"-0\.0+e\+00"),
    "fsub": re.compile(r"(?<!-)\b0\.0+e\+00|(?:float|double)> zeroinitializer"),
    "fmul": _ONE,
    "fdiv": _ONE,
}
_DIVIDEND: Final = re.compile(r"[^%]*%[^,]+, |.* (?=%\S+$)")
_NUMBER: Final = re.compile(r"(?:float|double)>? (?!%|poison)")
_LIMITS: Final = ("@llvm.minimum.", "@llvm.maximum.")
_SIGNS: Final = ("@llvm.fabs.", "@llvm.copysign.")


def settle(text: str) -> str:
    """Return optimised IR without `canonicalize`: where it is needed, there is a multiplication for it."""
    return _FUNCTION.sub(_settle, text)


def _settle(function: re.Match[str]) -> str:
    text = function[0]
    if CANONICALIZE not in text:
        return text
    operands = _Operands(text)

    def line(found: re.Match[str]) -> str:
        result, mangled, type_, operand = found.groups()
        if operand in operands.quiet:
            return f"  %{result} = bitcast {type_} {operand} to {type_}"
        one = f"splat ({type_.split()[-1][:-1]} 1.0)" if type_[0] == "<" else "1.0"
        return (
            f"  %one.{result} = call {type_} @llvm.arithmetic.fence.{mangled}({type_} {one})\n"
            f"  %{result} = fmul {type_} {operand}, %one.{result}"
        )

    return _CANONICALIZE.sub(line, text)


class _Operands:
    """What is known of the values of a function, by their names.

    quiet: no signalling NaNs, and will stay so.  promoted: what was promoted, also where it is negated or chosen since.
    lanes: those that have lanes which an operation might be left out for, by operation.
    """

    def __init__(self, text: str) -> None:
        self.quiet: set[str] = set()
        self.promoted: set[str] = set()
        self.lanes: dict[str, set[str]] = {operation: set() for operation in _LANES}
        lines, first = _MADE.findall(text), set()
        for name, operation, operands in lines:
            if operation in _VISIBLE:
                self._calculated(name, operation, operands)
            elif operation[1:] == "itofp" or operation == "fptrunc":
                self.quiet.add(name)
            elif operation == "fpext":
                first.add(name)
                self.promoted.add(name)
            elif operation != "call" or CANONICALIZE in operands or any(sign in operands for sign in _SIGNS):
                self._moved(name, operation, operands)
            elif any(limit in operands for limit in _LIMITS):  # only used where no operand is a NaN
                self.quiet.add(name)
        demoted = [operands for _, operation, operands in lines if operation == "fptrunc"]
        if self.promoted.isdisjoint(_NAME.findall(" ".join(demoted))):
            self.quiet |= first

    def _calculated(self, name: str, operation: str, operands: str) -> None:
        deciding = _DIVIDEND.sub("", operands, count=1) if operation == "fdiv" else operands
        stays = not _VISIBLE[operation].search(deciding) and self.lanes[operation].isdisjoint(_NAME.findall(deciding))
        if stays or self.quiet.issuperset(_NAME.findall(operands)):
            self.quiet.add(name)

    def _moved(self, name: str, operation: str, operands: str) -> None:
        if operation == "shufflevector":
            operands = operands.rpartition(", <")[0]  # without the mask
        elif operation == "select":
            operands = operands.partition(", ")[2]  # without the condition
        used = _NAME.findall(operands)
        for which, pattern in _LANES.items():
            if pattern.search(operands) or not self.lanes[which].isdisjoint(used):
                self.lanes[which].add(name)
        if not self.promoted.isdisjoint(used):
            self.promoted.add(name)
            return
        stays = used and self.quiet.issuperset(used) and operation != "bitcast" and not _NUMBER.search(operands)
        if stays or CANONICALIZE in operands:
            self.quiet.add(name)
