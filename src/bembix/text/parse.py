"""Parse the text format: two passes over the words of a module.  Source: core 3.0, 6.6.13."""

from __future__ import annotations

from bembix.binary.decode import decode as decode_binary
from bembix.spec.module import ModuleDef
from bembix.text.customs import settle, write_hints
from bembix.text.declare import declare
from bembix.text.fields import FIELDS
from bembix.text.lexer import Words, decode
from bembix.text.scope import Context
from bembix.text.typeuse import define_types


def parse(source: str | bytes, filename: str | None = None) -> ModuleDef:
    """Parse a module.

    source: `(module ...)`, or its fields alone.  filename: for error messages.
    Errors: ParseError with line and column.
    """
    c = Context(Words(decode(source, filename), filename))
    if not c.opens("module"):
        module = parse_fields(c)
    elif _form(c) in ("binary", "quote"):
        module = _other_form(c)
    else:
        module = parse_module(c)
    if c.words[c.at]:
        raise c.unexpected("the end")
    return module


def _form(c: Context) -> str:
    return c.words[c.at + (c.words[c.at][:1] == "$")]


def _other_form(c: Context) -> ModuleDef:
    """Read `(module binary "...")` or `(module quote "...")`."""
    c.identifier()
    c.at += 1
    form = c.words[c.at - 1]
    content = c.strings()
    c.close()
    return parse(content, c.source.filename) if form == "quote" else decode_binary(content, c.source.filename)


def parse_module(c: Context) -> ModuleDef:
    """Parse a module after its keyword, to its closing parenthesis and past it."""
    identifier = c.identifier()
    name = c.name_annotation()
    if name is not None and c.sees_binding():
        raise c.error("@name annotation: multiple module names")
    module = parse_fields(c)
    c.close()
    module.names.module = identifier if name is None else name
    return module


def parse_fields(c: Context) -> ModuleDef:
    """Parse the fields of a module."""
    declared = declare(c)
    end = c.at
    define_types(c, declared.types)
    for place, stop, keyword, index in declared.fields:
        c.at, c.stop = place, stop
        FIELDS[keyword](c, index)
        c.close()
    c.at = end
    if c.uses_data:
        c.module.data_count = len(c.module.datas)
    write_hints(c)
    settle(c.module)
    return c.module
