"""Run a script: its commands one after the other, each checked by a method of its own.

Whatever goes wrong in a command is that command's failure; the next one runs all the same.
Source: the specification's interpreter, README, "Scripts".
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any, Final

from bembix.errors import BembixError, LinkError, ParseError, StackExhausted, Trap, ValidationError, WasmException
from bembix.runtime.limits import UNLIMITED
from bembix.runtime.store import Store
from bembix.script.actions import Actions
from bembix.script.count import count_assertions
from bembix.script.folders import features_for
from bembix.script.result import Failure, Mismatch, Result
from bembix.script.scope import Scope
from bembix.script.values import describe, describe_all, matches
from bembix.text import commands as c
from bembix.text.script import parse_script


def run_script(path: str | Path, *, engine: str | None = None, optimize: bool = False) -> Result:
    """Run the script in a file.  engine, optimize: as for `Module`.  Errors: OSError."""
    source = Path(path).read_bytes()
    started = time.perf_counter()
    runner = Runner(Scope(Store(limits=UNLIMITED), engine=engine, optimize=optimize, features=features_for(path)))
    runner.run(parse_script(source, str(path)))
    total = count_assertions(source.decode("utf-8", "replace"))
    return Result(str(path), runner.passed, total, time.perf_counter() - started, runner.failures)


class Runner:
    """Runs commands and counts the assertions that hold."""

    def __init__(self, scope: Scope) -> None:
        self.passed: int = 0
        self.failures: list[Failure] = []
        self._scope = scope
        self._actions = Actions(scope)
        self._threads: dict[str | None, tuple[Thread, Runner]] = {}

    def run(self, commands: list[c.Command] | tuple[c.Command, ...]) -> None:
        """Run commands and wait for the threads that they started."""
        for command in commands:
            self._execute(command)
        for name in list(self._threads):
            self._join(name)

    def _execute(self, command: c.Command) -> None:
        try:
            _METHODS[type(command)](self, command)
        except Mismatch as error:
            self.failures.append(Failure(command.line, error.expected, error.got))
        except Exception as error:  # also what is none of ours: one bad command must not hide the others
            self.failures.append(Failure(command.line, "it to work", _words(error)))
        else:
            self.passed += isinstance(command, _ASSERTIONS)

    def module(self, command: c.ModuleCommand) -> None:
        """Define or instantiate a module."""
        self._scope.module(command)

    def instance(self, command: c.InstanceCommand) -> None:
        """Instantiate a definition."""
        self._scope.instance(command)

    def register(self, command: c.Register) -> None:
        """Give an instance a name for imports."""
        self._scope.register(command)

    def action(self, command: c.Action) -> None:
        """Do something for its effect."""
        self._actions.do(command)

    def unreadable(self, command: c.Unreadable) -> None:
        """Complain of a command that is none."""
        raise Mismatch("a command", _words(command.error))

    def assert_return(self, command: c.AssertReturn) -> None:
        """The action gives these results."""
        got = self._actions.do(command.action, command.results)
        if len(got) != len(command.results) or not all(map(matches, command.results, got)):
            raise Mismatch(", ".join(map(describe, command.results)) or "nothing", describe_all(got))

    def assert_trap(self, command: c.AssertTrap) -> None:
        """The action, or instantiating the module, traps."""
        if isinstance(command.action, c.ModuleCommand):
            self._instantiation_raises(Trap, command.action, command.message)
        else:
            self._action_raises(Trap, command.action, command.message)

    def assert_exhaustion(self, command: c.AssertExhaustion) -> None:
        """The action uses up the stack."""
        self._action_raises(StackExhausted, command.action, command.message)

    def assert_exception(self, command: c.AssertException) -> None:
        """The action throws."""
        self._action_raises(WasmException, command.action, "")

    def assert_malformed(self, command: c.AssertMalformed) -> None:
        """The module can't be read."""
        _raises(ParseError, command.message, lambda: self._load(command.module), but_not=ValidationError)

    def assert_invalid(self, command: c.AssertInvalid) -> None:
        """The module can be read but is not valid."""
        _raises(ValidationError, command.message, lambda: self._load(command.module))

    def assert_unlinkable(self, command: c.AssertUnlinkable) -> None:
        """The imports of the module do not match."""
        self._instantiation_raises(LinkError, command.module, command.message)

    def _load(self, command: c.ModuleCommand) -> str:
        self._scope.load(command)
        return "a valid module"

    def _action_raises(self, kind: type[BembixError], action: c.Action, message: str) -> None:
        _raises(kind, message, lambda: describe_all(self._actions.do(action)))

    def _instantiation_raises(self, kind: type[BembixError], command: c.ModuleCommand, message: str) -> None:
        module = self._scope.load(command)
        _raises(kind, message, lambda: repr(self._scope.instantiate(module)))

    def thread(self, command: c.Thread) -> None:
        """Start a thread that shares some of the instances."""
        scope = self._scope.fresh()
        scope.instances = {name: self._scope.find(name) for name in command.shared}
        runner = Runner(scope)
        thread = Thread(target=runner.run, args=(command.commands,), daemon=True)
        self._threads[command.name] = thread, runner
        thread.start()

    def wait(self, command: c.Wait) -> None:
        """Wait for a thread and count what it found."""
        if command.thread not in self._threads:
            raise Mismatch(f"a thread {command.thread}", "none")
        self._join(command.thread)

    def _join(self, name: str | None) -> None:
        thread, runner = self._threads.pop(name)
        thread.join()
        self.passed += runner.passed
        self.failures += runner.failures


def _words(error: Exception) -> str:
    """Return an error in a line."""
    words = f"{type(error).__name__}: {error}".partition("\n")[0]
    return words if isinstance(error, BembixError) else f"an error that is none of ours: {words}"


def _raises(
    kind: type[BembixError], message: str, act: Callable[[], str], but_not: type[BembixError] | tuple[()] = ()
) -> None:
    """Check that `act`, which says in words what it did, fails as it should."""
    expected = f'{kind.__name__} "{message}"'
    try:
        got = act()
    except Mismatch:  # what it would act on is not there
        raise
    except Exception as error:
        right = isinstance(error, kind) and not isinstance(error, but_not) and says(str(error.args[0]), message)
        if not right:
            raise Mismatch(expected, _words(error)) from None
    else:
        raise Mismatch(expected, got)


def says(message: str, expected: str) -> bool:
    """Whether a message is the expected one: it holds that, but for an index at its end, which ours leave out."""
    return re.sub(r" \d+$", "", expected) in message


#: What runs each kind of command; the key says what the method takes.
_METHODS: Final[dict[type, Callable[[Runner, Any], None]]] = {
    c.ModuleCommand: Runner.module,
    c.InstanceCommand: Runner.instance,
    c.Register: Runner.register,
    c.Invoke: Runner.action,
    c.Get: Runner.action,
    c.AssertReturn: Runner.assert_return,
    c.AssertTrap: Runner.assert_trap,
    c.AssertExhaustion: Runner.assert_exhaustion,
    c.AssertException: Runner.assert_exception,
    c.AssertMalformed: Runner.assert_malformed,
    c.AssertInvalid: Runner.assert_invalid,
    c.AssertUnlinkable: Runner.assert_unlinkable,
    c.Thread: Runner.thread,
    c.Wait: Runner.wait,
    c.Unreadable: Runner.unreadable,
}

_ASSERTIONS: Final = (
    c.AssertReturn,
    c.AssertTrap,
    c.AssertExhaustion,
    c.AssertException,
    c.AssertMalformed,
    c.AssertInvalid,
    c.AssertUnlinkable,
)
