"""Parse the scripts of the test suite (`.wast`).  Source: the specification's interpreter, README, "Scripts"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bembix.binary.decode import decode as decode_binary
from bembix.errors import ParseError
from bembix.spec.module import ModuleDef
from bembix.text.commands import (
    Action,
    AssertException,
    AssertExhaustion,
    AssertInvalid,
    AssertMalformed,
    AssertReturn,
    AssertTrap,
    AssertUnlinkable,
    Command,
    Get,
    InstanceCommand,
    Invoke,
    ModuleCommand,
    Register,
    Thread,
    Unreadable,
    Wait,
)
from bembix.text.declare import FIELDS
from bembix.text.lexer import Words, decode
from bembix.text.parse import parse, parse_fields, parse_module
from bembix.text.scope import Context
from bembix.text.values import result, value


def parse_script(source: str | bytes, filename: str | None = None) -> list[Command]:
    """Parse a script.

    Modules are read when they are asked for, so a malformed one spoils only its own command.  A command that can't be
    read is an `Unreadable`; where nothing can be read after it, it is the last one.
    """
    try:
        return _commands(Context(Words(decode(source, filename), filename)))
    except ParseError as error:
        before, after = _split(source, error)
        return [*(parse_script(before, filename) if before else []), Unreadable("", error, after)]


def _split(source: str | bytes, error: ParseError) -> tuple[bytes, int]:
    """Return the lines of a source before the one that can't be cut into words, and the number of that one."""
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    line = error.line or 1
    return b"".join(data.splitlines(keepends=True)[: line - 1]), line


def _commands(c: Context) -> list[Command]:
    """Read all commands, or one module that is written without its parentheses."""
    if c.words[c.at] == "(" and c.words[c.at + 1] in FIELDS:
        source = c.source
        return [ModuleCommand(None, "text", b"", False, source.line(c.at), lambda: _load_fields(source))]
    found: list[Command] = []
    while c.words[c.at]:
        start = c.at
        try:
            if c.words[start] != "(":
                raise c.unexpected("a command")
            end = c.source.closing(start)
        except ParseError as error:
            return [*found, _unreadable(c, start, error)]
        try:
            found.append(_command(c))
        except ParseError as error:
            found.append(_unreadable(c, start, error))
            c.at = end + 1
    return found


def _unreadable(c: Context, at: int, error: ParseError) -> Unreadable:
    return Unreadable(c.words[at + 1], error, c.source.line(at))


def _command(c: Context) -> Command:
    """Read one command."""
    start = c.at
    line = c.source.line(start)
    c.at += 1
    read = _COMMANDS.get(c.words[c.at])
    if read is None:
        raise c.unexpected("a command")
    c.at += 1
    found = read(c, line)
    c.close()
    return found


def _string(c: Context) -> str:
    """Read a message: it may quote what is no UTF-8."""
    return c.string().decode("utf-8", "replace")


def _module(c: Context, line: int) -> ModuleCommand | InstanceCommand:
    """Read a module after its keyword, without its closing parenthesis."""
    start = c.at - 2
    if c.takes("instance"):
        return InstanceCommand(c.identifier(), c.identifier(), line)
    is_definition = c.takes("definition")
    after = c.at
    name = c.identifier()
    source, filename = c.source, c.source.filename
    if c.takes("binary"):
        content = c.strings()
        return ModuleCommand(name, "binary", content, is_definition, line, lambda: decode_binary(content, filename))
    if c.takes("quote"):
        content = c.strings()
        return ModuleCommand(name, "quote", content, is_definition, line, lambda: parse(content, filename))
    c.at = source.closing(start)
    return ModuleCommand(name, "text", b"", is_definition, line, lambda: _load_text(source, after))


def _load_text(source: Words, at: int) -> ModuleDef:
    return parse_module(Context(source, at))


def _load_fields(source: Words) -> ModuleDef:
    c = Context(source)
    found = parse_fields(c)
    if c.words[c.at]:
        raise c.unexpected("the end")
    return found


def _inner_module(c: Context) -> ModuleCommand:
    """Read a module inside of an assertion."""
    line = c.source.line(c.at)
    if not c.opens("module"):
        raise c.unexpected("a module")
    found = _module(c, line)
    if isinstance(found, InstanceCommand):
        raise c.unexpected("a module")
    c.close()
    return found


def _invoke(c: Context, line: int) -> Invoke:
    module, name = c.identifier(), c.name()
    arguments = []
    while c.words[c.at] == "(":
        arguments.append(value(c))
    return Invoke(module, name, tuple(arguments), line)


def _get(c: Context, line: int) -> Get:
    return Get(c.identifier(), c.name(), line)


def _action(c: Context) -> Action:
    """Read an action inside of an assertion."""
    line = c.source.line(c.at)
    found: Action
    if c.opens("invoke"):
        found = _invoke(c, line)
    elif c.opens("get"):
        found = _get(c, line)
    else:
        raise c.unexpected("an action")
    c.close()
    return found


def _register(c: Context, line: int) -> Register:
    return Register(c.name(), c.identifier(), line)


def _assert_return(c: Context, line: int) -> AssertReturn:
    action = _action(c)
    results = []
    while c.words[c.at] == "(":
        results.append(result(c))
    return AssertReturn(action, tuple(results), line)


def _assert_trap(c: Context, line: int) -> AssertTrap:
    action = _inner_module(c) if c.sees("module") else _action(c)
    return AssertTrap(action, _string(c), line)


def _thread(c: Context, line: int) -> Thread:
    name = c.identifier()
    shared = []
    while c.opens("shared"):
        c.expect("(")
        c.expect("module")
        shared.append(c.identifier() or "")
        c.close()
        c.close()
    commands = []
    while c.words[c.at] == "(":
        if c.sees("thread"):
            raise c.unexpected("a command")
        commands.append(_command(c))
    return Thread(name, tuple(shared), tuple(commands), line)


#: Reads a command after its keyword, without its closing parenthesis.
_COMMANDS: Final[dict[str, Callable[[Context, int], Command]]] = {
    "module": _module,
    "register": _register,
    "invoke": _invoke,
    "get": _get,
    "assert_return": _assert_return,
    "assert_trap": _assert_trap,
    "assert_exhaustion": lambda c, line: AssertExhaustion(_action(c), _string(c), line),
    "assert_exception": lambda c, line: AssertException(_action(c), line),
    "assert_malformed": lambda c, line: AssertMalformed(_inner_module(c), _string(c), False, line),
    "assert_malformed_custom": lambda c, line: AssertMalformed(_inner_module(c), _string(c), True, line),
    "assert_invalid": lambda c, line: AssertInvalid(_inner_module(c), _string(c), False, line),
    "assert_invalid_custom": lambda c, line: AssertInvalid(_inner_module(c), _string(c), True, line),
    "assert_unlinkable": lambda c, line: AssertUnlinkable(_inner_module(c), _string(c), line),
    "thread": _thread,
    "wait": lambda c, line: Wait(c.identifier() or "", line),
}
