"""WebAssembly text in notebook cells: `%load_ext bembix.notebook`, then a cell that begins with `%%wat`.

    %%wat
    (module (func (export "add") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1))))

What the module exports becomes variables of the notebook: `add(1, 2)`.  With a name behind it, `%%wat NAME`, the
instance becomes that variable, and nothing else does.  What the module imports is taken from the notebook's variables:
`(import "math" "sqrt" ...)` from `math`, once that is imported; or from `--imports`, an expression.

Source: IPython, "Defining custom magics".
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

from bembix.errors import LinkError, ParseError, ValidationError

if TYPE_CHECKING:
    from bembix.runtime.instance import Instance

__all__ = ["Shell", "load_ipython_extension", "unload_ipython_extension", "wat"]


class Shell(Protocol):
    """What is needed of IPython's `InteractiveShell`."""

    user_ns: dict[str, Any]
    magics_manager: Any

    def register_magic_function(self, func: Any, magic_kind: str = "line", magic_name: str | None = None) -> None:
        """Make a function a magic."""


class _Parser(ArgumentParser):
    """One that raises; the usual one would end the notebook."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"%%wat: {message}")


_PARSER: Final = _Parser(prog="%%wat", add_help=False)
_PARSER.add_argument("name", nargs="?")
_PARSER.add_argument("-i", "--imports", nargs="+")


def wat(shell: Shell, line: str, cell: str) -> Instance:
    """Instantiate the module in a cell, and give its exports to the notebook.

    line: what stands behind `%%wat`.
    Errors: ValueError for wrong arguments; those of `Module` and `Module.instantiate`.
    """
    from bembix.runtime.module import Module

    options = _PARSER.parse_args(line.split())
    if options.name is not None and not options.name.isidentifier():
        raise ValueError(f"%%wat: {options.name!r} can't be the name of a variable")
    instance = Module(cell, name=options.name).instantiate(_imports(shell, options))
    if options.name is not None:
        shell.user_ns[options.name] = instance
    else:
        exports = instance.exports
        shell.user_ns.update({name: exports[name] for name in exports if name.isidentifier()})
    return instance


def _imports(shell: Shell, options: Namespace) -> object:
    """Return what imports are taken from."""
    if options.imports is None:
        return shell.user_ns
    return eval(" ".join(options.imports), shell.user_ns)


def load_ipython_extension(shell: Shell) -> None:
    """Do what `%load_ext bembix.notebook` asks for: `%%wat` is there from then on."""

    def magic(line: str, cell: str) -> Instance:
        try:
            return wat(shell, line, cell)
        except (ParseError, ValidationError, LinkError, ValueError) as error:
            # IPython shows the words of these alone; the way through our code is nothing to the user.
            usage_error: type[Exception] = import_module("IPython.core.error").UsageError
            raise usage_error(f"{type(error).__name__}: {error}") from error

    magic.__doc__ = __doc__
    shell.register_magic_function(magic, "cell", "wat")


def unload_ipython_extension(shell: Shell) -> None:
    """Do what `%unload_ext bembix.notebook` asks for."""
    shell.magics_manager.magics["cell"].pop("wat", None)
