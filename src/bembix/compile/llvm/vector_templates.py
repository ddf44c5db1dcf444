"""What vector instructions become in LLVM IR: one template an operation.

{r} names the result (and what is made on the way: {r}.x), {a} {b} {c} the operands; all vectors among them have their
shapes already.  Types: {t} of the operands, {u} of the result, {i} the integers of the result's shape, {bits} its
comparisons, {half} half as many lanes of {t}, {wide} as many of twice the width, {both} twice as many lanes, {e} a
lane of {t}.  As names of intrinsics have them: {tn}, {un}, {widen}, {bothn}.  {n} counts the lanes of {t}; {w} is the
width of one less one; {x} is a scalar operand as a lane, which {fit} makes.  Constants and lists of lanes have names
that `vectors.py` gives them.  A test leaves its i1 in {r}.b, so that a branch can use that.

Relaxed instructions do what the deterministic profile of the specification says, on every tier.
Source: core 3.0, 4.3.6 and 4.6.12, appendix "Profiles"; the LLVM language reference.
"""

from __future__ import annotations

from typing import Final

from bembix.compile.llvm.templates import COMPARISONS, TEMPLATES

_CALL1: Final = "{r} = call {u} @llvm.{what}.{un}({t} {a})"
_CALL2: Final = "{r} = call {u} @llvm.{what}.{un}({t} {a}, {t} {b})"
_BITSELECT: Final = (
    "{r}.x = and {t} {a}, {c}\n{r}.n = xor {t} {c}, {ones}\n{r}.y = and {t} {b}, {r}.n\n{r} = or {t} {r}.x, {r}.y"
)
_SHIFT: Final = (
    "{r}.m = and i32 {b}, {w}\n{fit}{r}.i = insertelement {t} poison, {e} {x}, i64 0\n"
    "{r}.s = shufflevector {t} {r}.i, {t} poison, <{n} x i32> zeroinitializer\n{r} = {what} {t} {a}, {r}.s"
)
_SPLAT: Final = (
    "{fit}{r}.i = insertelement {u} poison, {e} {x}, i64 0\n"
    "{r} = shufflevector {u} {r}.i, {u} poison, <{n} x i32> zeroinitializer"
)
#: As for scalars, an addition makes NaNs quiet.
_QUIET: Final = (
    "{r}.n = fcmp uno {t} {a}, {b}\n{r}.q = fadd {t} {a}, {b}\n{r}.m = call {u} @llvm.{what}.{un}({t} {a}, {t} {b})\n"
    "{r} = select {bits} {r}.n, {t} {r}.q, {t} {r}.m"
)
#: The lower or higher half of the lanes, extended.
_EXTEND: Final = "{r}.h = shufflevector {t} {a}, {t} poison, {lanes}\n{r} = {extend} {half} {r}.h to {u}"
_EXTMUL: Final = (
    "{r}.a = shufflevector {t} {a}, {t} poison, {lanes}\n{r}.b = shufflevector {t} {b}, {t} poison, {lanes}\n"
    "{r}.x = {extend} {half} {r}.a to {u}\n{r}.y = {extend} {half} {r}.b to {u}\n{r} = mul {u} {r}.x, {r}.y"
)
_PAIRWISE: Final = (
    "{r}.a = shufflevector {t} {a}, {t} poison, {even}\n{r}.b = shufflevector {t} {a}, {t} poison, {odd}\n"
    "{r}.x = {extend} {half} {r}.a to {u}\n{r}.y = {extend} {half} {r}.b to {u}\n{r} = add {u} {r}.x, {r}.y"
)
#: Products of lanes twice as wide, then the sum of each pair.
_PRODUCTS: Final = (
    "{r}.a = sext {t} {a} to {wide}\n{r}.b = sext {t} {b} to {wide}\n{r}.p = mul {wide} {r}.a, {r}.b\n"
    "{r}.x = shufflevector {wide} {r}.p, {wide} poison, {even}\n"
    "{r}.y = shufflevector {wide} {r}.p, {wide} poison, {odd}\n"
)
#: Both operands as one vector, between the limits of the narrow lanes.
_NARROW: Final = (
    "{r}.c = shufflevector {t} {a}, {t} {b}, {concat}\n"
    "{r}.l = call {both} @llvm.smax.{bothn}({both} {r}.c, {both} {least})\n"
    "{r}.m = call {both} @llvm.smin.{bothn}({both} {r}.l, {both} {most})\n{r} = trunc {both} {r}.m to {u}"
)
_Q15: Final = (
    "{r}.a = sext {t} {a} to {wide}\n{r}.b = sext {t} {b} to {wide}\n{r}.p = mul {wide} {r}.a, {r}.b\n"
    "{r}.x = add {wide} {r}.p, {round}\n{r}.y = ashr {wide} {r}.x, {fifteen}\n"
    "{r}.m = call {wide} @llvm.smin.{widen}({wide} {r}.y, {wide} {q15_most})\n{r} = trunc {wide} {r}.m to {u}"
)
_AVERAGE: Final = (
    "{r}.a = zext {t} {a} to {wide}\n{r}.b = zext {t} {b} to {wide}\n{r}.p = add nuw {wide} {r}.a, {r}.b\n"
    "{r}.x = add nuw {wide} {r}.p, {wide_one}\n{r}.y = lshr {wide} {r}.x, {wide_one}\n{r} = trunc {wide} {r}.y to {u}"
)
_ALL_TRUE: Final = (
    "{r}.z = icmp ne {t} {a}, zeroinitializer\n{r}.m = bitcast {bits} {r}.z to i{n}\n"
    "{r}.b = icmp eq i{n} {r}.m, -1\n{r} = zext i1 {r}.b to i32"
)
_BITMASK: Final = (
    "{r}.z = icmp slt {t} {a}, zeroinitializer\n{r}.m = bitcast {bits} {r}.z to i{n}\n{r} = zext i{n} {r}.m to i32"
)
#: A conversion from or to half of a vector, whose other half is zero.
_LOW: Final = "{r}.h = shufflevector {t} {a}, {t} poison, {low}\n{r} = {what} {half} {r}.h to {u}"
_SATURATE_ZERO: Final = (
    "{r}.h = call <2 x i32> @llvm.{what}.v2i32.v2f64({t} {a})\n"
    "{r} = shufflevector <2 x i32> {r}.h, <2 x i32> zeroinitializer, {four}"
)
#: LLVM takes a demoted promoted number for the number itself, which would keep a signalling NaN.
_DEMOTE: Final = (
    "{r}.f = call {t} @llvm.arithmetic.fence.{tn}({t} {a})\n{r}.h = fptrunc {t} {r}.f to <2 x float>\n"
    "{r} = shufflevector <2 x float> {r}.h, <2 x float> zeroinitializer, {four}"
)
_MULTIPLY_ADD: Final = "{r}.p = fmul {t} {factor}, {b}\n{r} = fadd {t} {r}.p, {c}"
#: After the products: the sums of pairs as 16 bits, then those of pairs of them as 32 bits, and the third operand.
_DOT_ADD: Final = (
    "{r}.s = call <8 x i16> @llvm.sadd.sat.v8i16(<8 x i16> {r}.x, <8 x i16> {r}.y)\n"
    "{r}.w = sext <8 x i16> {r}.s to <8 x i32>\n"
    "{r}.e = shufflevector <8 x i32> {r}.w, <8 x i32> poison, <4 x i32> <i32 0, i32 2, i32 4, i32 6>\n"
    "{r}.o = shufflevector <8 x i32> {r}.w, <8 x i32> poison, <4 x i32> <i32 1, i32 3, i32 5, i32 7>\n"
    "{r}.d = add {u} {r}.e, {r}.o\n{r} = add {u} {r}.d, {c}"
)


def _with(template: str, **words: str) -> str:
    for name, word in words.items():
        template = template.replace(f"{{{name}}}", word)
    return template


def _signed(name: str, template: str) -> dict[str, str]:
    return {f"{name}_s": _with(template, extend="sext"), f"{name}_u": _with(template, extend="zext")}


def _halves(name: str, template: str) -> dict[str, str]:
    return _signed(f"{name}_low", _with(template, lanes="{low}")) | _signed(
        f"{name}_high", _with(template, lanes="{high}")
    )


#: swizzle anywhere: each lane for itself.
_SWIZZLE: Final = (
    "{r}.i = and {t} {b}, {fifteens}\n{r}.p0 = freeze {t} poison\n"
    + "".join(
        f"{{r}}.i{k} = extractelement {{t}} {{r}}.i, i64 {k}\n{{r}}.e{k} = extractelement {{t}} {{a}}, i8 {{r}}.i{k}\n"
        f"{{r}}.p{k + 1} = insertelement {{t}} {{r}}.p{k}, i8 {{r}}.e{k}, i64 {k}\n"
        for k in range(16)
    )
    + "{r}.z = icmp ule {t} {b}, {fifteens}\n{r} = select {bits} {r}.z, {t} {r}.p16, {t} zeroinitializer"
)


def _saturating(type_: str, result: str, after: str) -> dict[str, str]:
    """Return templates of saturating conversions to integers of a type: 0 for what does not fit, then the limits."""
    signed = (
        "{r}.l = fcmp olt {t} {a}, {below_s}\n{r}.g = fcmp oge {t} {a}, {above_s}\n"
        "{r}.o = fcmp uge {t} {a}, {above_s}\n{r}.n = or {bits} {r}.l, {r}.o\n"
        "{r}.f = select {bits} {r}.n, {t} zeroinitializer, {t} {a}\n{r}.i = fptosi {t} {r}.f to TYPE\n"
        "{r}.x = select {bits} {r}.l, TYPE {minimum}, TYPE {r}.i\n"
        "RESULT = select {bits} {r}.g, TYPE {maximum}, TYPE {r}.x"
    )
    unsigned = (
        "{r}.g = fcmp oge {t} {a}, {above_u}\n{r}.n = fcmp olt {t} {a}, {above_u}\n"
        "{r}.l = fcmp ogt {t} {a}, {below_u}\n{r}.o = and {bits} {r}.l, {r}.n\n"
        "{r}.f = select {bits} {r}.o, {t} {a}, {t} zeroinitializer\n"
        "{r}.i = fptoui {t} {r}.f to TYPE\nRESULT = select {bits} {r}.g, TYPE {all}, TYPE {r}.i"
    )
    suffix = "_zero" if after else ""
    texts = {f"trunc_sat_s{suffix}": signed, f"trunc_sat_u{suffix}": unsigned}
    return {name: text.replace("TYPE", type_).replace("RESULT", result) + after for name, text in texts.items()}


VECTOR_TEMPLATES: Final[dict[str, str]] = {
    **{
        name: f"{{r}}.z = {what} {{t}} {{a}}, {{b}}\n{{r}} = sext {{bits}} {{r}}.z to {{i}}"
        for name, what in COMPARISONS.items()
    },
    # bits
    "not": "{r} = xor {t} {a}, {ones}",
    **{name: TEMPLATES[name] for name in ("and", "or", "xor")},
    "andnot": "{r}.n = xor {t} {b}, {ones}\n{r} = and {t} {a}, {r}.n",
    "bitselect": _BITSELECT,
    "any_true": "{r}.m = bitcast {t} {a} to i128\n{r}.b = icmp ne i128 {r}.m, 0\n{r} = zext i1 {r}.b to i32",
    "all_true": _ALL_TRUE,
    "bitmask": _BITMASK,
    # lanes
    "splat": _SPLAT,
    "swizzle": _SWIZZLE,
    "shuffle": "{r} = shufflevector {t} {a}, {t} {b}, {lanes}",
    "extract_lane": "{r} = extractelement {t} {a}, i64 {lane}",
    "extract_lane_s": "{r}.x = extractelement {t} {a}, i64 {lane}\n{r} = sext {e} {r}.x to i32",
    "extract_lane_u": "{r}.x = extractelement {t} {a}, i64 {lane}\n{r} = zext {e} {r}.x to i32",
    "replace_lane": "{fit}{r} = insertelement {t} {a}, {e} {x}, i64 {lane}",
    # integers
    **{name: TEMPLATES[name] for name in ("add", "sub", "mul")},
    "abs": "{r} = call {u} @llvm.abs.{un}({t} {a}, i1 false)",
    "neg": "{r} = sub {t} zeroinitializer, {a}",
    "popcnt": _with(_CALL1, what="ctpop"),
    "shl": _with(_SHIFT, what="shl"),
    "shr_s": _with(_SHIFT, what="ashr"),
    "shr_u": _with(_SHIFT, what="lshr"),
    "add_sat_s": _with(_CALL2, what="sadd.sat"),
    "add_sat_u": _with(_CALL2, what="uadd.sat"),
    "sub_sat_s": _with(_CALL2, what="ssub.sat"),
    "sub_sat_u": _with(_CALL2, what="usub.sat"),
    "min_s": _with(_CALL2, what="smin"),
    "min_u": _with(_CALL2, what="umin"),
    "max_s": _with(_CALL2, what="smax"),
    "max_u": _with(_CALL2, what="umax"),
    "avgr_u": _AVERAGE,
    "q15mulr_sat_s": _Q15,
    "dot_s": _PRODUCTS + "{r} = add {u} {r}.x, {r}.y",
    "narrow_s": _with(_NARROW, least="{least_s}", most="{most_s}"),
    "narrow_u": _with(_NARROW, least="zeroinitializer", most="{most_u}"),
    **_halves("extend", _EXTEND),
    **_halves("extmul", _EXTMUL),
    **_signed("extadd_pairwise", _PAIRWISE),
    # floats
    **{name: TEMPLATES[name] for name in ("fadd", "fsub", "fmul", "fdiv", "fneg")},
    "fabs": _with(_CALL1, what="fabs"),
    "fceil": _with(_CALL1, what="ceil"),
    "ffloor": _with(_CALL1, what="floor"),
    "ftrunc": _with(_CALL1, what="trunc"),
    "fnearest": _with(_CALL1, what="roundeven"),
    "fsqrt": _with(_CALL1, what="sqrt"),
    "fmin": _with(_QUIET, what="minimum"),
    "fmax": _with(_QUIET, what="maximum"),
    "fpmin": "{r}.z = fcmp olt {t} {b}, {a}\n{r} = select {bits} {r}.z, {t} {b}, {t} {a}",
    "fpmax": "{r}.z = fcmp olt {t} {a}, {b}\n{r} = select {bits} {r}.z, {t} {b}, {t} {a}",
    # conversions
    "convert_s": TEMPLATES["convert_s"],
    "convert_u": TEMPLATES["convert_u"],
    "convert_low_s": _with(_LOW, what="sitofp"),
    "convert_low_u": _with(_LOW, what="uitofp"),
    "promote_low": _with(_LOW, what="fpext"),
    "demote_zero": _DEMOTE,
    "trunc_sat_s": "{r} = call {u} @llvm.fptosi.sat.{un}.{tn}({t} {a})",
    "trunc_sat_u": "{r} = call {u} @llvm.fptoui.sat.{un}.{tn}({t} {a})",
    "trunc_sat_s_zero": _with(_SATURATE_ZERO, what="fptosi.sat"),
    "trunc_sat_u_zero": _with(_SATURATE_ZERO, what="fptoui.sat"),
    # relaxed
    "relaxed_madd": _with(_MULTIPLY_ADD, factor="{a}"),
    "relaxed_nmadd": "{r}.n = fneg {t} {a}\n" + _with(_MULTIPLY_ADD, factor="{r}.n"),
    "relaxed_dot_s": _PRODUCTS + "{r} = call {u} @llvm.sadd.sat.{un}({u} {r}.x, {u} {r}.y)",
    "relaxed_dot_add_s": _PRODUCTS + _DOT_ADD,
}

#: What a machine has an instruction for and LLVM no name, or where LLVM takes a detour: by the first part of the target
#: triple, then by instruction or operation.  x86 swizzles to 0 where the highest bit is set, else by the lowest four.
MACHINES: Final[dict[str, dict[str, str]]] = {
    "x86_64": {
        "swizzle": (
            "{r}.i = call {u} @llvm.uadd.sat.{un}({t} {b}, {t} {seventy})\n"
            "{r} = call {u} @llvm.x86.ssse3.pshuf.b.128({t} {a}, {t} {r}.i)"
        ),
        "q15mulr_sat_s": (
            "{r}.p = call {u} @llvm.x86.ssse3.pmul.hr.sw.128({t} {a}, {t} {b})\n"
            "{r}.z = icmp eq {u} {r}.p, {least}\n{r}.m = sext {bits} {r}.z to {u}\n{r} = xor {u} {r}.p, {r}.m"
        ),
        "i16x8.extadd_pairwise_i8x16_s": "{r} = call {u} @llvm.x86.ssse3.pmadd.ub.sw.128({t} {one}, {t} {a})",
        "i16x8.extadd_pairwise_i8x16_u": "{r} = call {u} @llvm.x86.ssse3.pmadd.ub.sw.128({t} {a}, {t} {one})",
        "i32x4.extadd_pairwise_i16x8_s": "{r} = call {u} @llvm.x86.sse2.pmadd.wd({t} {a}, {t} {one})",
        **_saturating("{u}", "{r}", ""),
        **_saturating("<2 x i32>", "{r}.y", "\n{r} = shufflevector <2 x i32> {r}.y, <2 x i32> zeroinitializer, {four}"),
    },
    "aarch64": {"swizzle": "{r} = call {u} @llvm.aarch64.neon.tbl1.v16i8({t} {a}, {t} {b})"},
}

#: What is the scalar operand that becomes lanes.
SCALARS: Final = {"splat": "{a}", "replace_lane": "{b}", **dict.fromkeys(("shl", "shr_s", "shr_u"), "{r}.m")}

#: Operations that leave an i1 in {r}.b.
TESTS: Final = ("any_true", "all_true")

#: Relaxed operations that are another one.
SAME: Final = {
    "relaxed_swizzle": "swizzle",
    "relaxed_trunc_s": "trunc_sat_s",
    "relaxed_trunc_u": "trunc_sat_u",
    "relaxed_trunc_s_zero": "trunc_sat_s_zero",
    "relaxed_trunc_u_zero": "trunc_sat_u_zero",
    "relaxed_laneselect": "bitselect",
    "relaxed_min": "fmin",
    "relaxed_max": "fmax",
    "relaxed_q15mulr_s": "q15mulr_sat_s",
}
