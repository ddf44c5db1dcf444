"""Values on their way between programs and Wasm, converted as wasmtime-py does: ints wrap, floats must be floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bembix.compat.wasmtime.errors import WasmtimeError
from bembix.compat.wasmtime.types import ValType
from bembix.runtime.cells import round_f32
from bembix.runtime.func import is_func
from bembix.spec import types as spec
from bembix.spec.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, RefType

_BITS: Final = {I32: 32, I64: 64}


def wrap(value: int, bits: int) -> int:
    """Return the signed number of the lowest bits of `value`."""
    half = 1 << bits - 1
    return value if -half <= value < half else ((value + half) & ((1 << bits) - 1)) - half


def _f32(value: float) -> float:
    import struct

    found: float = struct.unpack("<f", round_f32(value))[0]
    return found


class Val:
    """A value with its type; wasmtime-py gives null references of tables and globals in this form."""

    def __init__(self, kind: spec.ValType, val: Any) -> None:
        self._kind = kind
        self._val = val

    @classmethod
    def i32(cls, val: int) -> Val:
        """Return an i32; wraps."""
        return cls(I32, wrap(_integer(val), 32))

    @classmethod
    def i64(cls, val: int) -> Val:
        """Return an i64; wraps."""
        return cls(I64, wrap(_integer(val), 64))

    @classmethod
    def f32(cls, val: float) -> Val:
        """Return an f32; rounds."""
        return cls(F32, _f32(_real(val)))

    @classmethod
    def f64(cls, val: float) -> Val:
        """Return an f64."""
        return cls(F64, _real(val))

    @classmethod
    def externref(cls, extern: object) -> Val:
        """Return a reference to any object; None is null."""
        return cls(EXTERNREF, extern)

    @classmethod
    def funcref(cls, f: object) -> Val:
        """Return a reference to a `Func`, or null.  Errors: TypeError."""
        if f is not None and not is_wrapped_func(f):
            raise TypeError("expected a Func")
        return cls(FUNCREF, f)

    @classmethod
    def ref_null(cls, ty: ValType) -> Val:
        """Return the null of a reference type.  Errors: WasmtimeError for other types."""
        if not isinstance(ty.spec, RefType):
            raise WasmtimeError(f"Invalid reference type for `ref_null`: {ty}")
        return cls(ty.spec, None)

    @property
    def type(self) -> ValType:
        """Its type."""
        return ValType.of(self._kind)

    @property
    def value(self) -> Any:
        """It as Python has it."""
        return self._val

    def _as(self, kind: spec.ValType) -> Any:
        return self._val if self._kind == kind else None

    def as_i32(self) -> int | None:
        """Return it, or None where it is no i32."""
        found: int | None = self._as(I32)
        return found

    def as_i64(self) -> int | None:
        """Return it, or None where it is no i64."""
        found: int | None = self._as(I64)
        return found

    def as_f32(self) -> float | None:
        """Return it, or None where it is no f32."""
        found: float | None = self._as(F32)
        return found

    def as_f64(self) -> float | None:
        """Return it, or None where it is no f64."""
        found: float | None = self._as(F64)
        return found

    def as_externref(self) -> Any:
        """Return it, or None where it is no externref."""
        return self._as(EXTERNREF)

    def as_funcref(self) -> Any:
        """Return it, or None where it is no funcref."""
        return self._as(FUNCREF)

    def __eq__(self, rhs: object) -> bool:
        if isinstance(rhs, Val):
            return bool(self._kind == rhs._kind and self._val == rhs._val)
        return bool(self._val == rhs)

    def __repr__(self) -> str:
        return f"<Val {self.type} {self._val!r}>"


def is_wrapped_func(value: object) -> bool:
    """Tell whether something is a `Func` of this package."""
    from bembix.compat.wasmtime.func import Func

    return isinstance(value, Func)


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("expected an integer")
    return value


def _real(value: object) -> float:
    if not isinstance(value, float):
        raise TypeError("expected a float")
    return value


def _unknown(value: object, valtype: spec.ValType) -> TypeError:
    return TypeError(f"don't know how to convert {value!r} to {ValType.of(valtype)}")


def _from_int(valtype: spec.ValType) -> Callable[[Any], object]:
    bits = _BITS[valtype]  # type: ignore[index]  # only called for these

    def convert(value: Any) -> object:
        if isinstance(value, int):
            return wrap(value, bits)
        raise _unknown(value, valtype)

    return convert


def _from_float(valtype: spec.ValType) -> Callable[[Any], object]:
    def convert(value: Any) -> object:
        if isinstance(value, float):
            return value
        raise _unknown(value, valtype)

    return convert


def _from_func(valtype: spec.ValType) -> Callable[[Any], object]:
    def convert(value: Any) -> object:
        if value is None:
            return None
        if is_wrapped_func(value):
            return value.bembix
        raise _unknown(value, valtype)

    return convert


def _as_it_is(valtype: spec.ValType) -> Callable[[Any], object]:
    return lambda value: value


_CONVERTERS: Final[dict[spec.ValType, Callable[[spec.ValType], Callable[[Any], object]]]] = {
    I32: _from_int,
    I64: _from_int,
    F32: _from_float,
    F64: _from_float,
    FUNCREF: _from_func,
}


def to_bembix(valtype: spec.ValType) -> Callable[[Any], object]:
    """Return what converts values of a type for Bembix; it raises TypeError for what is none."""
    convert = _CONVERTERS.get(valtype, _as_it_is)(valtype)

    def converted(value: Any) -> object:
        if isinstance(value, Val):
            if value._kind != valtype:
                raise TypeError("wrong type of `Val` provided")
            value = value._val
        return convert(value)

    return converted


def from_bembix(value: object) -> Any:
    """Return what a program gets for a value of Bembix."""
    if is_func(value):
        from bembix.compat.wasmtime.func import Func

        return Func.of(value)
    return value


def boxed(value: object, valtype: spec.ValType) -> Any:
    """Return a value from a table or a global: null as a `Val`."""
    if value is None and isinstance(valtype, RefType):
        return Val(valtype, None)
    return from_bembix(value)
