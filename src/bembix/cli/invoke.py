"""What `bembix run --invoke` does: read arguments as an export's type wants them, call it, print what comes out."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from difflib import get_close_matches
from typing import Final

from bembix.errors import BembixError, Exit
from bembix.program import limits_of
from bembix.runtime.module import Module
from bembix.runtime.store import Store
from bembix.spec.types import EXTERNREF, F32, F64, I32, I64, FuncType, RefType, ValType
from bembix.text.numbers import NumberError, integer
from bembix.wasi import INHERIT, Wasi
from bembix.wasi.linking import INITIALIZE, linked


class InvokeError(BembixError):
    """The export is not there, or the arguments are not what it takes."""


def invoke_export(file: str, name: str, words: list[str], options: Namespace) -> int:
    """Call the export `name` of the module in `file` and return the exit code."""
    module = Module.from_file(file, engine=options.engine, optimize=options.optimize)
    functype = _function(module, name)
    arguments = _arguments(name, words, functype)
    store = Store(limits=limits_of(None, options.memory, options.fuel))
    with Wasi([file], dict(options.env), dict(options.dirs), INHERIT, INHERIT, INHERIT) as wasi:
        try:
            with linked(module, wasi, store=store) as instance:
                if INITIALIZE in instance.exports and name != INITIALIZE:
                    instance.exports[INITIALIZE]()
                result = instance.exports[name](*arguments)
        except Exit as exit:
            return exit.code
    values = () if not functype.results else (result,) if len(functype.results) == 1 else result
    for value in values:
        print("null" if value is None else value)
    return 0


def _function(module: Module, name: str) -> FuncType:
    """Return the type of an exported function."""
    found = {export.name: export.type for export in module.exports if isinstance(export.type, FuncType)}
    if name not in found:
        near = get_close_matches(name, found, n=1)
        known = f"did you mean {near[0]}?" if near else f"there are: {', '.join(list(found)[:20]) or 'none'}"
        raise InvokeError(f"no function is exported as {name!r}; {known}")
    return found[name]


def _arguments(name: str, words: list[str], functype: FuncType) -> list[object]:
    if len(words) != len(functype.params):
        raise InvokeError(f"{name} takes {len(functype.params)} arguments {functype}, not {len(words)}")
    return [parse(word, type_) for word, type_ in zip(words, functype.params, strict=True)]


def parse(word: str, type_: ValType) -> object:
    """Return a word of the command line as a value.  Errors: InvokeError."""
    read = _READERS.get(type_)
    if word == "null" and isinstance(type_, RefType) and type_.nullable:
        return None
    try:
        value = read(word) if read else None
    except (ValueError, OverflowError) as error:
        detail = f": {error}" if isinstance(error, NumberError) else ""
        raise InvokeError(f"{word!r} is no {type_}{detail}") from None
    if value is None:
        raise InvokeError(f"{word!r} is no {type_}")
    return value


def _float(word: str) -> float:
    return float.fromhex(word) if "0x" in word.lower() else float(word)


_READERS: Final[dict[ValType, Callable[[str], object]]] = {
    I32: lambda word: integer(word, 32),
    I64: lambda word: integer(word, 64),
    F32: _float,
    F64: _float,
    EXTERNREF: lambda word: word,
}
