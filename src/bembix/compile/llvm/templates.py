"""What regular instructions become in LLVM IR: one template an operation.

{r} names the result (and what is made on the way: {r}.x), {a} {b} {c} the operands, {t} the type of the first operand,
{u} that of the result, {w} its width in bits less one.  A comparison leaves its i1 in {r}.b, so that a branch can use
that.
Source: core 3.0, 4.3; the LLVM language reference.
"""

from __future__ import annotations

from typing import Final

COMPARE: Final = "{r}.b = {what} {t} {a}, {b}\n{r} = zext i1 {r}.b to i32"
_CALL1: Final = "{r} = call {u} @llvm.{what}.{u}({t} {a})"
_CALL2: Final = "{r} = call {u} @llvm.{what}.{u}({t} {a}, {t} {b})"
#: minimum and maximum: LLVM hands on a signalling NaN as it is, an addition makes it quiet.
_QUIET: Final = (
    "{r}.n = fcmp uno {t} {a}, {b}\n{r}.q = fadd {t} {a}, {b}\n{r}.m = call {u} @llvm.{what}.{u}({t} {a}, {t} {b})\n"
    "{r} = select i1 {r}.n, {t} {r}.q, {t} {r}.m"
)

#: Comparisons, by operation.
COMPARISONS: Final = {
    "eq": "icmp eq",
    "ne": "icmp ne",
    "lt_s": "icmp slt",
    "lt_u": "icmp ult",
    "gt_s": "icmp sgt",
    "gt_u": "icmp ugt",
    "le_s": "icmp sle",
    "le_u": "icmp ule",
    "ge_s": "icmp sge",
    "ge_u": "icmp uge",
    "feq": "fcmp oeq",
    "fne": "fcmp une",
    "flt": "fcmp olt",
    "fgt": "fcmp ogt",
    "fle": "fcmp ole",
    "fge": "fcmp oge",
}

TEMPLATES: Final[dict[str, str]] = {
    **{name: COMPARE.replace("{what}", what) for name, what in COMPARISONS.items()},
    **{name: f"{{r}} = {name} {{t}} {{a}}, {{b}}" for name in ("add", "sub", "mul", "and", "or", "xor")},
    "clz": "{r} = call {u} @llvm.ctlz.{u}({t} {a}, i1 false)",
    "ctz": "{r} = call {u} @llvm.cttz.{u}({t} {a}, i1 false)",
    "popcnt": _CALL1.replace("{what}", "ctpop"),
    "shl": "{r}.m = and {t} {b}, {w}\n{r} = shl {t} {a}, {r}.m",
    "shr_s": "{r}.m = and {t} {b}, {w}\n{r} = ashr {t} {a}, {r}.m",
    "shr_u": "{r}.m = and {t} {b}, {w}\n{r} = lshr {t} {a}, {r}.m",
    "rotl": "{r} = call {u} @llvm.fshl.{u}({t} {a}, {t} {a}, {t} {b})",
    "rotr": "{r} = call {u} @llvm.fshr.{u}({t} {a}, {t} {a}, {t} {b})",
    "fabs": _CALL1.replace("{what}", "fabs"),
    "fneg": "{r} = fneg {t} {a}",
    "fceil": _CALL1.replace("{what}", "ceil"),
    "ffloor": _CALL1.replace("{what}", "floor"),
    "ftrunc": _CALL1.replace("{what}", "trunc"),
    "fnearest": _CALL1.replace("{what}", "roundeven"),
    "fsqrt": _CALL1.replace("{what}", "sqrt"),
    "fadd": "{r} = fadd {t} {a}, {b}",
    "fsub": "{r} = fsub {t} {a}, {b}",
    "fmul": "{r} = fmul {t} {a}, {b}",
    "fdiv": "{r} = fdiv {t} {a}, {b}",
    "fmin": _QUIET.replace("{what}", "minimum"),
    "fmax": _QUIET.replace("{what}", "maximum"),
    "fcopysign": _CALL2.replace("{what}", "copysign"),
    "wrap": "{r} = trunc {t} {a} to {u}",
    "extend_s": "{r} = sext {t} {a} to {u}",
    "extend_u": "{r} = zext {t} {a} to {u}",
    "extend8_s": "{r}.n = trunc {t} {a} to i8\n{r} = sext i8 {r}.n to {u}",
    "extend16_s": "{r}.n = trunc {t} {a} to i16\n{r} = sext i16 {r}.n to {u}",
    "extend32_s": "{r}.n = trunc {t} {a} to i32\n{r} = sext i32 {r}.n to {u}",
    "convert_s": "{r} = sitofp {t} {a} to {u}",
    "convert_u": "{r} = uitofp {t} {a} to {u}",
    "demote": "{r} = fptrunc {t} {a} to {u}",
    "promote": "{r} = fpext {t} {a} to {u}",
    "reinterpret": "{r} = bitcast {t} {a} to {u}",
    "trunc_sat_s": "{r} = call {u} @llvm.fptosi.sat.{u}.{m}({t} {a})",
    "trunc_sat_u": "{r} = call {u} @llvm.fptoui.sat.{u}.{m}({t} {a})",
}

#: Loads: the type that is read, and how it becomes the value's.
LOADS: Final[dict[str, tuple[str | None, str]]] = {
    "load": (None, ""),
    "load8_s": ("i8", "sext"),
    "load8_u": ("i8", "zext"),
    "load16_s": ("i16", "sext"),
    "load16_u": ("i16", "zext"),
    "load32_s": ("i32", "sext"),
    "load32_u": ("i32", "zext"),
}

#: Stores: the type that is written, None for all of the value.
STORES: Final[dict[str, str | None]] = {"store": None, "store8": "i8", "store16": "i16", "store32": "i32"}
