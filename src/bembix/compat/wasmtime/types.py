"""Types of values, functions, globals, tables, memories and tags, imports and exports, as wasmtime-py has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Generic, Self, TypeAlias, TypeVar

from bembix.compat.wasmtime.errors import WasmtimeError
from bembix.compat.wasmtime.managed import Managed
from bembix.runtime.info import ExternType
from bembix.spec import types as spec
from bembix.spec.types import EXTERNREF, F32, F64, FUNCREF, I32, I64

T = TypeVar("T")


class _OfSpec(Managed, Generic[T]):
    """A type that is one of Bembix in other clothes."""

    spec: T

    @classmethod
    def of(cls, found: T) -> Self:
        """Return what stands for a type of Bembix."""
        made = cls.__new__(cls)
        made.spec = found
        return made


class ValType(_OfSpec[Any]):
    """The type of a value; made by the class methods."""

    def __init__(self) -> None:
        raise WasmtimeError("cannot construct directly")

    @classmethod
    def i32(cls) -> ValType:
        """Return i32."""
        return cls.of(I32)

    @classmethod
    def i64(cls) -> ValType:
        """Return i64."""
        return cls.of(I64)

    @classmethod
    def f32(cls) -> ValType:
        """Return f32."""
        return cls.of(F32)

    @classmethod
    def f64(cls) -> ValType:
        """Return f64."""
        return cls.of(F64)

    @classmethod
    def externref(cls) -> ValType:
        """Return externref, which prints as "anyref", its first name."""
        return cls.of(EXTERNREF)

    @classmethod
    def funcref(cls) -> ValType:
        """Return funcref."""
        return cls.of(FUNCREF)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValType) and self.spec == other.spec

    def __str__(self) -> str:
        return "anyref" if self.spec is EXTERNREF else str(self.spec)

    def __repr__(self) -> str:
        return str(self)


def _valtypes(types: Sequence[ValType]) -> tuple[spec.ValType, ...]:
    found = []
    for valtype in types:
        if not isinstance(valtype, ValType):
            raise TypeError("expected ValType")
        found.append(valtype.spec)
    return tuple(found)


class FuncType(_OfSpec[spec.FuncType]):
    """What a function takes and gives.  Errors: TypeError."""

    def __init__(self, params: Sequence[ValType], results: Sequence[ValType]) -> None:
        self.spec: spec.FuncType = spec.FuncType(_valtypes(params), _valtypes(results))

    @property
    def params(self) -> list[ValType]:
        """The types of its parameters."""
        return [ValType.of(valtype) for valtype in self.spec.params]

    @property
    def results(self) -> list[ValType]:
        """The types of its results."""
        return [ValType.of(valtype) for valtype in self.spec.results]


class Limits:
    """A size from `min` to `max`, in pages or elements; None for no maximum."""

    def __init__(self, min: int, max: int | None) -> None:
        self.min = min
        self.max = max

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limits) and (self.min, self.max) == (other.min, other.max)

    def __repr__(self) -> str:
        return f"Limits(min={self.min}, max={self.max})"


def _limits(limits: Limits, top: int, kind: str, what: str) -> spec.Limits:
    low, high = limits.min, limits.max
    if not (low >= 0 and (high is None or low <= high)):
        raise WasmtimeError(f"maximum {what} size cannot be smaller than the minimum {what} size")
    if low > top:
        raise WasmtimeError(f"minimum size is too large for this {kind} type's index type")
    if high is not None and high > top:
        raise WasmtimeError(f"maximum size is too large for this {kind} type's index type")
    return spec.Limits(low, high)


class GlobalType(_OfSpec[spec.GlobalType]):
    """The type of a global.  Errors: TypeError."""

    def __init__(self, valtype: ValType, mutable: bool) -> None:
        if not isinstance(valtype, ValType):
            raise TypeError("expected valtype")
        self.spec: spec.GlobalType = spec.GlobalType(valtype.spec, bool(mutable))

    @property
    def content(self) -> ValType:
        """The type of its value."""
        return ValType.of(self.spec.value)

    @property
    def mutable(self) -> bool:
        """Whether it can be set."""
        return self.spec.mutable


class TableType(_OfSpec[spec.TableType]):
    """The type of a table.  Errors: TypeError, WasmtimeError."""

    def __init__(self, valtype: ValType, limits: Limits) -> None:
        if not isinstance(valtype, ValType):
            raise TypeError("expected valtype")
        if not isinstance(limits, Limits):
            raise TypeError("expected Limits")
        if not isinstance(valtype.spec, spec.RefType):
            raise WasmtimeError("failed to allocate TableType")
        self.spec: spec.TableType = spec.TableType(_limits(limits, (1 << 32) - 1, "table", "table"), valtype.spec)

    @property
    def element(self) -> ValType:
        """The type of its elements."""
        return ValType.of(self.spec.element)

    @property
    def limits(self) -> Limits:
        """Elements that it has at first and at most."""
        return Limits(self.spec.limits.minimum, self.spec.limits.maximum)


class MemoryType(_OfSpec[spec.MemoryType]):
    """The type of a memory.  Errors: WasmtimeError where it makes no sense."""

    def __init__(self, limits: Limits, is_64: bool = False, shared: bool = False, page_size_log2: int = 16) -> None:
        if page_size_log2 not in (0, 16):
            raise WasmtimeError(f"page size must be 2**16 or 2**0, but was given 2**{page_size_log2}")
        if shared and limits.max is None:
            raise WasmtimeError("shared memories must have a maximum size")
        bits = 64 if is_64 else 32
        top = (1 << bits - page_size_log2) - (0 if page_size_log2 else 1)
        address = I64 if is_64 else I32
        within = _limits(limits, top, "memory", "page")
        self.spec: spec.MemoryType = spec.MemoryType(within, address, bool(shared), page_size_log2)

    @property
    def limits(self) -> Limits:
        """Pages that it has at first and at most."""
        return Limits(self.spec.limits.minimum, self.spec.limits.maximum)

    @property
    def is_64(self) -> bool:
        """Whether addresses have 64 bits."""
        return self.spec.address is I64

    @property
    def is_shared(self) -> bool:
        """Whether threads share it."""
        return self.spec.shared

    @property
    def page_size(self) -> int:
        """Bytes in a page."""
        return 1 << self.spec.page_size_log2

    @property
    def page_size_log2(self) -> int:
        """The logarithm of that."""
        return self.spec.page_size_log2


class TagType(Managed):
    """The type of a tag: a function type whose parameters are the payload.  Errors: TypeError."""

    def __init__(self, functype: FuncType) -> None:
        if not isinstance(functype, FuncType):
            raise TypeError("expected a FuncType")
        self._functype = functype

    @property
    def functype(self) -> FuncType:
        """The function type."""
        return self._functype


AsExternType: TypeAlias = "FuncType | TableType | MemoryType | GlobalType | TagType"

_OF_SPEC: Final = {
    spec.FuncType: FuncType.of,
    spec.TableType: TableType.of,
    spec.MemoryType: MemoryType.of,
    spec.GlobalType: GlobalType.of,
}


def extern_type(kind: str, found: ExternType) -> AsExternType:
    """Return the type of an import or export.  kind: as `bembix.ImportInfo` has it."""
    if kind == "tag":
        return TagType(FuncType.of(found))  # type: ignore[arg-type]  # a tag's type is a function type
    return _OF_SPEC[type(found)](found)  # type: ignore[no-any-return, operator]  # each is given its own


class ImportType(Managed):
    """Something that a module imports."""

    def __init__(self, module: str, name: str, type: AsExternType) -> None:
        self._module, self._name, self._type = module, name, type

    @property
    def module(self) -> str:
        """The module that it is imported from."""
        return self._module

    @property
    def name(self) -> str:
        """Its name there."""
        return self._name

    @property
    def type(self) -> AsExternType:
        """Its type."""
        return self._type


class ExportType(Managed):
    """Something that a module exports."""

    def __init__(self, name: str, type: AsExternType) -> None:
        self._name, self._type = name, type

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def type(self) -> AsExternType:
        """Its type."""
        return self._type
