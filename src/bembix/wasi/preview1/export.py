"""How a WASI function is offered: its name, core type, documentation and trace line come from its own annotations.

Source: `docs` of the WASI preview 1 witx files for the mapping of types to core types.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar, get_type_hints

from bembix.records import dataclass
from bembix.spec.host import HostFunction
from bembix.spec.types import I32, FuncType
from bembix.wasi.preview1.context import Context
from bembix.wasi.preview1.errno import Errno, WasiError, from_os_error
from bembix.wasi.preview1.types import CORE_TYPES, Text

#: What an implementation looks like; the parameters after the context are its own.
Implementation: TypeAlias = "Callable[..., Errno]"
F = TypeVar("F", bound=Callable[..., object])

#: Annotations whose values are easier to read in hexadecimal.
_IN_HEX: Final = frozenset(("Ptr", "Text", "Out32", "Out64", "Bits32", "Rights"))


@dataclass(frozen=True, slots=True)
class Export:
    """A function and what its annotations say.

    parameters: name and annotation of each, without the context.
    """

    name: str
    function: Implementation
    parameters: tuple[tuple[str, object], ...]
    type: FuncType

    @classmethod
    def of(cls, function: Callable[..., object]) -> Export:
        """Read the annotations of `function`."""
        hints = get_type_hints(function)
        answers = hints.pop("return") is Errno
        parameters = tuple((name, hint) for name, hint in hints.items() if hint is not Context)
        core = tuple(CORE_TYPES[hint][0] for _, hint in parameters)
        return cls(function.__name__, function, parameters, FuncType(core, (I32,) if answers else ()))  # type: ignore[arg-type]

    @property
    def documentation(self) -> str:
        """What the function does, its parameters with their units, its errors."""
        import inspect

        return inspect.getdoc(self.function) or ""

    def bind(self, context: Context) -> HostFunction:
        """Return the function for one program: takes signed integers, answers an error number."""
        return HostFunction(_wrapper(self, context), self.type, self.name)

    def trace_line(self, context: Context, arguments: tuple[int, ...], answer: str) -> str:
        """Return a call in words: names of parameters, pointers in hexadecimal, text as what it points to."""
        shown = [
            f"{name}={_show(context, hint, arguments, index)}" for index, (name, hint) in enumerate(self.parameters)
        ]
        return f"{self.name}({', '.join(shown)}) -> {answer}"


class Registry(dict[str, Export]):
    """The functions of one import module by name."""

    def export(self, function: F) -> F:
        """Offer `function` under its own name; for use as a decorator."""
        self[function.__name__] = Export.of(function)
        return function


PREVIEW1: Final = Registry()
export: Final = PREVIEW1.export

# FAST: the masks and the translation of errors are source text: a loop over the arguments would cost as much as the
# rest of a small call (bench/wasi_calls.py, "fd_close").
_WRAPPER: Final = """
def make(function, context):
    def call({parameters}):
        try:
            return function(context, {arguments})._value_
        except WasiError as error:
            return error.errno._value_
        except OSError as error:
            return from_os_error(error)._value_
    return call
"""


@cache
def _maker(masks: tuple[int | None, ...]) -> Callable[[Implementation, Context], Callable[..., int]]:
    """Compile what makes functions that make unsigned what is meant unsigned, and numbers of errors."""
    arguments = [f"a{at}" if mask is None else f"a{at} & {mask:#x}" for at, mask in enumerate(masks)]
    parameters = ", ".join(f"a{at}" for at in range(len(masks)))
    scope: dict[str, Any] = {"WasiError": WasiError, "from_os_error": from_os_error}
    exec(_WRAPPER.format(parameters=parameters, arguments=", ".join(arguments)), scope)  # no text but our own
    maker: Callable[[Implementation, Context], Callable[..., int]] = scope["make"]
    return maker


def _wrapper(export: Export, context: Context) -> Callable[..., int]:
    """Return `export` for one program, with the core type's signed integers as parameters."""
    wrapper = _maker(tuple(CORE_TYPES[hint][1] for _, hint in export.parameters))(export.function, context)
    wrapper.__name__ = wrapper.__qualname__ = export.name
    return wrapper


def traced(export: Export, context: Context, write: Callable[[str], object]) -> HostFunction:
    """Return the function for one program, with a line for `write` after each call."""
    bound = export.bind(context)

    def call(*arguments: int) -> object:
        try:
            answer = bound.callable(*arguments)
        except BaseException as error:
            write(export.trace_line(context, arguments, type(error).__name__))
            raise
        write(export.trace_line(context, arguments, Errno(answer).name if isinstance(answer, int) else "()"))
        return answer

    return HostFunction(call, export.type, export.name)


def _show(context: Context, hint: object, arguments: tuple[int, ...], index: int) -> str:
    mask = CORE_TYPES[hint][1]
    value = arguments[index] if mask is None else arguments[index] & mask
    if hint is Text:
        memory = context.memory()
        length = arguments[index + 1] & 0xFFFF_FFFF
        if value + length <= len(memory):
            return repr(memory.read(value, min(length, 4096)).decode(errors="replace"))
    return f"{value:#x}" if getattr(hint, "__name__", "") in _IN_HEX else str(value)


def unknown(module: str, name: str, type: FuncType) -> HostFunction:
    """Return a stand-in for a function that WASI does not have: answers NOSYS, and says so on stderr the first time.

    type: what the program imports it as; its result is one i32.
    """
    told = False

    def answer(*arguments: object) -> int:
        nonlocal told
        if not told and sys.stderr is not None:
            print(f"bembix: {module}.{name} is not provided: answering NOSYS", file=sys.stderr)
        told = True
        return Errno.NOSYS.value

    return HostFunction(answer, type, name)
