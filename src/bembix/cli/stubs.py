"""Write a type stub (.pyi) for a module, as the import hook imports it: functions with types, and what else it exports.

Without -o the stub goes beside the file: gcd.wasm gets gcd.pyi, which type checkers and editors find for `import gcd`.
"""

from __future__ import annotations

import keyword
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bembix.runtime.info import ExportInfo
    from bembix.runtime.module import Module
    from bembix.spec.types import FuncType, ValType

_CLASSES: Final = {"memory": "Memory", "table": "Table", "global": "Global", "tag": "Tag"}
#: Python types by the keyword of a value type; a reference's is that of the topmost type that it is below.
_NUMBERS: Final = {"i32": "int", "i64": "int", "f32": "float", "f64": "float", "v128": "bytes"}
#: References, as a function takes and as it gives them.
_REFERENCES: Final = {
    "func": ("bembix.Func", "bembix.Func"),
    "extern": ("object", "Any"),
    "any": ("object", "Any"),
    "exn": ("bembix.ExnRef", "bembix.ExnRef"),
}
_BUILTINS: Final = ("bytes", "float", "int", "object", "tuple")


def add_arguments(parser: ArgumentParser) -> None:
    """Say which arguments there are."""
    parser.add_argument("file", metavar="FILE", help="a module in binary or text form; - reads standard input")
    parser.add_argument("-o", "--output", metavar="FILE", help="where the stub goes; - is standard output")


def execute(options: Namespace) -> int:
    """Write the stub."""
    from bembix.cli.files import STDIN_STDOUT, read_bytes, write_output
    from bembix.runtime.module import Module

    name = options.file
    output = options.output
    if output is None:
        output = STDIN_STDOUT if name == STDIN_STDOUT else str(Path(name).with_suffix(".pyi"))
    text = stub(Module(read_bytes(name)), Path(name).name if name != STDIN_STDOUT else "a module")
    write_output(text.encode(), output)
    return 0


def stub(module: Module, source: str) -> str:
    """Return the text of the stub.  source: what the module is called in it."""
    return _Stub(module).text(source)


class _Stub:
    """One stub on its way: exports may be called like what their types need, which then gets another name."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._names = {export.name for export in module.exports}
        self._aliases: dict[str, str] = {}

    def text(self, source: str) -> str:
        body = [line for export in self._module.exports for line in self._export(export)]
        imports = "\n".join(self._imports()).strip("\n")
        blocks = [
            f'"""{_quoted(source)} for type checkers, written by `bembix stubs`."""',
            imports,
            "\n".join(body).rstrip(),
        ]
        return "\n\n".join(filter(None, blocks)) + "\n"

    def _imports(self) -> Iterator[str]:
        renamed = {name: "" if alias == name else f" as {alias}" for name, alias in sorted(self._aliases.items())}
        yield from [f"from builtins import {name}{renamed[name]}" for name in _BUILTINS if renamed.get(name)]
        if "Any" in renamed:
            yield f"from typing import Any{renamed['Any']}"
        if "bembix" in renamed:
            yield from ["", f"import bembix{renamed['bembix']}"]

    def _use(self, name: str) -> str:
        """Return what to call something that no export may hide, and have it imported."""
        first, dot, rest = name.partition(".")
        alias = first
        while alias in self._names:
            alias = f"_{alias}"
        self._aliases[first] = alias
        return alias + dot + rest

    def _export(self, export: ExportInfo) -> Iterator[str]:
        words = f"{export.kind} {str(export.type).removeprefix(export.kind).strip()}"
        if not export.name.isidentifier() or keyword.iskeyword(export.name):
            yield f"# No identifier, so getattr() it: {_quoted(export.name)}, {words}"
        elif export.kind == "func":
            yield from self._function(export, words)
        else:
            yield f"{export.name}: {self._use(f'bembix.{_CLASSES[export.kind]}')}"
            yield f'"""{words}"""'
        yield ""

    def _function(self, export: ExportInfo, words: str) -> Iterator[str]:
        index = self._module.exports_by_name[export.name].index
        info = self._module.function_info(index)
        taken = [
            f"{name}: {self._type(valtype, given=True)}"
            for name, valtype in zip(info.parameter_names, info.type.params, strict=True)
        ]
        parameters = ", ".join([*taken, "/"] if taken else [])
        yield f"def {export.name}({parameters}) -> {self._results(info.type)}:"
        yield f'    """{words}"""'

    def _results(self, functype: FuncType) -> str:
        results = [self._type(valtype, given=False) for valtype in functype.results]
        if len(results) > 1:
            return f"{self._use('tuple')}[{', '.join(results)}]"
        return results[0] if results else "None"

    def _type(self, valtype: ValType, *, given: bool) -> str:
        from bembix.spec.canonical import top
        from bembix.spec.types import NumType

        if isinstance(valtype, NumType):
            return self._use(_NUMBERS[str(valtype)])
        taken, returned = _REFERENCES[str(top(valtype.heap))]
        name = self._use(taken if given else returned)
        return f"{name} | None" if valtype.nullable and name.partition(".")[2] else name


def _quoted(text: str) -> str:
    """Return a text that can stand in a docstring and in a comment."""
    return ascii(text)[1:-1].replace('"', "'")
