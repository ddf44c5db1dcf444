"""The public face of a global.  Source: core 3.0, 4.2.10; WebAssembly JavaScript API, 5.5."""

from __future__ import annotations

from bembix.runtime import cells
from bembix.runtime.extern import SlottedExtern, store_for
from bembix.runtime.globalinst import GlobalInst
from bembix.runtime.heapinst import is_traced
from bembix.runtime.store import Store
from bembix.runtime.values import default, to_python, to_wasm, valtype_of
from bembix.spec.types import GlobalType, ValType

_NOT_GIVEN = object()


class Global(SlottedExtern[GlobalInst]):
    """A global variable that instances share with Python.

    type: a value type, such as "i32".  value: its first value; without one, zero or null.
    mutable: whether it may be assigned to.  store: see `Store`.
    Errors: TypeError and OverflowError where the value is none of the type.

    Source: core 3.0, 4.2.10.
    """

    __slots__ = ()

    def __init__(
        self, type: ValType | str, value: object = _NOT_GIVEN, *, mutable: bool = False, store: Store | None = None
    ) -> None:
        valtype = valtype_of(type)
        owner = store_for(store)
        first = default(valtype) if value is _NOT_GIVEN else value
        with owner.converting(valtype):
            bits = cells.bits_of(to_wasm(first, valtype, "global value", owner), valtype)
            self._bind(GlobalInst.alone(GlobalType(valtype, mutable), bits), owner)
            if is_traced(valtype):
                owner.own(self._inst)
        self.store_inst.public(self._inst.address, lambda: self)

    def __repr__(self) -> str:
        return f"<bembix.Global {'mutable ' if self.type.mutable else ''}{self.type.value} {self.value!r}>"

    @property
    def type(self) -> GlobalType:
        """Its value type and whether it is mutable."""
        return self._inst.type

    @property
    def value(self) -> object:
        """Its value.  Errors, at assignment: AttributeError where it is not mutable; TypeError, OverflowError."""
        with self.store_inst.converting(self.type.value):
            return to_python(cells.read(self._inst.address, self.type.value), self.type.value, self.store_inst)

    @value.setter
    def value(self, value: object) -> None:
        if not self.type.mutable:
            raise AttributeError("this global is not mutable")
        with self.store_inst.converting(self.type.value):
            plain = to_wasm(value, self.type.value, "global value", self.store_inst)
            cells.write(self._inst.address, plain, self.type.value)
