"""The seam between the runtime and the code generators: what a compiled module offers, and who makes one.

Nothing else of a tier is known above this file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from bembix.compile.layout import ContextLayout
from bembix.errors import CompileError, Frame
from bembix.spec.module import ModuleDef
from bembix.validate.context import ModuleContext

#: Engines by name; "auto" is both of them.
ENGINES: Final = ("stencil", "llvm")
#: Engines that are planned; asking for one is an error that says so.
PLANNED: Final = ("python",)


class CompiledModule(Protocol):
    """A module's code: compiled function by function as it is called.

    Indices are those of the functions that the module defines, from 0.
    """

    layout: ContextLayout

    def code(self, index: int) -> int:
        """Return the address for FuncRecord.CODE, after compiling the function where that is needed."""

    def throwing_code(self, index: int) -> int:
        """Return the address for FuncRecord.THROWING_CODE, likewise."""

    def validate_all(self) -> None:
        """Validate all bodies.  Errors: ParseError, ValidationError."""

    def frame(self, address: int) -> Frame | None:
        """Return what runs at an address of code (for a return address, the one before), or None if it is not ours."""

    def frame_at(self, offset: int) -> Frame | None:
        """Return what is at a byte offset of the module."""

    def contains(self, address: int) -> bool:
        """Tell whether an address is one of this module's code."""

    def brief(self, index: int) -> bool:
        """Tell whether a function certainly runs so shortly that calls of it should keep the GIL; cheap."""

    def improve(self, index: int) -> None:
        """Compile a function better that runs much; `on_recompile` tells of it."""

    def on_recompile(self, callback: Callable[[int, int, bool], None]) -> None:
        """Have `callback(index, code, throwing)` called when a function gets better code under way.

        throwing: whether the address is one for FuncRecord.THROWING_CODE.
        """


def compile_module(
    definition: ModuleDef,
    context: ModuleContext,
    *,
    engine: str = "auto",
    optimize: bool = False,
    exact_traps: bool = False,
    metered: bool = False,
) -> CompiledModule:
    """Return a module's code, of which nothing is compiled yet.

    engine: "llvm", "stencil" or "auto".  optimize: optimise everything, not only what loops.  exact_traps: let no load
    be left out or moved that could trap.  The stencil engine has one level, whose traps are exact.  metered: whether
    code uses up fuel, as `validate/meter.py` says.
    Errors: CompileError where the engine is not to be had; ValueError where there is none of that name.
    """
    if engine in PLANNED:
        raise CompileError(f"the engine {engine!r} is not in this version; there is: {', '.join(ENGINES)}")
    if engine not in (*ENGINES, "auto"):
        raise ValueError(f"no engine is called {engine!r}; there is: {', '.join(ENGINES)}, auto")
    from bembix.compile.llvm.emit import available

    has_llvm = available()
    if engine == "llvm" and definition.code and not has_llvm:
        raise CompileError("the engine 'llvm' needs llvmlite: pip install 'bembix[llvm]'")
    if engine == "llvm" or (engine == "auto" and optimize and has_llvm):
        from bembix.compile.llvm.tier import LlvmModule

        return LlvmModule(definition, context, optimize=optimize, exact_traps=exact_traps, metered=metered)
    if engine == "stencil":
        from bembix.compile.stencil.tier import StencilModule

        return StencilModule(definition, context, metered=metered)
    from bembix.compile.tiered import TieredModule

    return TieredModule(definition, context, exact_traps=exact_traps, metered=metered)
