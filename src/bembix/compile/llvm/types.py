"""How the types of Wasm are written in LLVM IR, and the calling convention of compiled functions.

A compiled function takes the context and those of its parameters that fit into registers on every platform; parameter k
that does not is left in the store block at VALUES + 16 * k by the caller and taken from there first thing.  No function
has arguments on the native stack, so any can replace any other in a tail call.  No result: void.  One: its type.  Up to
MAX_REGISTER_RESULTS: a literal struct.  More: void, and result k was left in the store block at VALUES + 16 * k.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from bembix.compile import layout
from bembix.compile.prebuilt import shapes
from bembix.spec.types import F32, F64, I32, I64, V128, FuncType, NumType, ValType

CC: Final = layout.CALLING_CONVENTION

_NUMERIC: Final[dict[NumType, str]] = {I32: "i32", I64: "i64", F32: "float", F64: "double", V128: "<16 x i8>"}
_ZERO: Final = {"i32": "0", "i64": "0", "float": "0.0", "double": "0.0", "ptr": "null"}

BYTES: Final = _NUMERIC[V128]  #: how a vector waits on the operand stack


def llvm_type(valtype: ValType) -> str:
    """Return the LLVM type of a value."""
    return _NUMERIC[valtype] if isinstance(valtype, NumType) else "ptr"


def in_store(functype: FuncType) -> bool:
    """Return whether the results are left in the store block."""
    return len(functype.results) > layout.MAX_REGISTER_RESULTS


@lru_cache(maxsize=10_000)
def results_type(functype: FuncType) -> str:
    """Return the LLVM type that a compiled function returns."""
    types = [llvm_type(result) for result in functype.results]
    if not types or in_store(functype):
        return "void"
    return types[0] if len(types) == 1 else f"{{ {', '.join(types)} }}"


@lru_cache(maxsize=10_000)
def in_registers(functype: FuncType) -> tuple[bool, ...]:
    """Return, for each parameter, whether it is passed in a register."""
    return shapes.fits(t in (F32, F64, V128) for t in functype.params)


def letter_types(letters: str) -> list[str]:
    """Return the LLVM types of the letters of a shape."""
    return [_LETTERS.get(one, "ptr") for one in letters]


_LETTERS: Final = {shapes.letter(valtype): llvm for valtype, llvm in _NUMERIC.items()}


def parameters(functype: FuncType) -> str:
    """Return the parameter list of a definition: `%ctx`, then those in registers: `%p0`, `%p1`..."""
    where = in_registers(functype)
    return ", ".join(["ptr %ctx", *(f"{llvm_type(t)} %p{k}" for k, t in enumerate(functype.params) if where[k])])


def signature(functype: FuncType) -> str:
    """Return the function type with its calling convention, as in `ccc i32 (ptr, i32)`."""
    types = [llvm_type(t) for t, there in zip(functype.params, in_registers(functype), strict=True) if there]
    return f"{CC} {results_type(functype)} ({', '.join(['ptr', *types])})"


def zero(llvm: str) -> str:
    """Return the zero constant of an LLVM type."""
    return _ZERO.get(llvm, "zeroinitializer")
