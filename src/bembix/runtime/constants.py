"""Constant expressions, evaluated to bits (see `cells`).  Source: core 3.0, 3.4.2 (which ones), 4.5.4 (when)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from bembix.binary.immediates import Immediate
from bembix.binary.instructions import instructions
from bembix.errors import CompileError
from bembix.runtime.cells import read_bits
from bembix.runtime.moduleinst import Externs
from bembix.spec.module import Expr

_MASK_32: Final = 0xFFFF_FFFF
_MASK_64: Final = 0xFFFF_FFFF_FFFF_FFFF

#: Takes the values so far (bits), the immediates, and what indices refer to.
_Operation = Callable[[list[int], tuple[Immediate, ...], Externs], None]


def _constant(mask: int) -> _Operation:
    return lambda stack, immediates, externs: stack.append(cast(int, immediates[0]) & mask)


def _binary(operation: Callable[[int, int], int], mask: int) -> _Operation:
    def apply(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
        right = stack.pop()
        stack.append(operation(stack.pop(), right) & mask)

    return apply


def _vector(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    stack.append(int.from_bytes(cast(bytes, immediates[0]), "little"))


def _global_get(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    stack.append(read_bits(externs.globals[cast(int, immediates[0])].address))


def _ref_func(stack: list[int], immediates: tuple[Immediate, ...], externs: Externs) -> None:
    stack.append(externs.functions[cast(int, immediates[0])])


_OPERATIONS: Final[dict[str, _Operation]] = {
    "i32.const": _constant(_MASK_32),
    "i64.const": _constant(_MASK_64),
    "f32.const": _constant(_MASK_32),
    "f64.const": _constant(_MASK_64),
    "v128.const": _vector,
    "global.get": _global_get,
    "ref.func": _ref_func,
    "ref.null": lambda stack, immediates, externs: stack.append(0),
    "end": lambda stack, immediates, externs: None,
    **{
        f"i{bits}.{name}": _binary(operation, (1 << bits) - 1)
        for bits in (32, 64)
        for name, operation in (("add", int.__add__), ("sub", int.__sub__), ("mul", int.__mul__))
    },
}


def evaluate(expr: Expr, externs: Externs) -> int:
    """Return the bits of a constant expression that has been validated.

    externs: the index spaces, as far as they are there.
    Errors: CompileError for instructions of GC.
    """
    stack: list[int] = []
    for offset, row, immediates in instructions(expr.code, 0, len(expr.code)):
        operation = _OPERATIONS.get(row.name)
        if operation is None:
            raise CompileError(
                f"at byte {expr.offset + offset:#x}: {row.name} (feature {row.feature.proposal}) in a constant "
                "expression is not in this version"
            )
        operation(stack, immediates, externs)
    return stack[-1]
