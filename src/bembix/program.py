"""Run WASI programs.  Source: WASI snapshot_preview1, its application ABI (commands and reactors)."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import nullcontext
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from bembix.errors import Exit, LinkError
from bembix.records import dataclass, replace
from bembix.runtime.deadline import deadline
from bembix.runtime.limits import Limits
from bembix.runtime.module import Module
from bembix.runtime.store import Store
from bembix.spec.types import FuncType
from bembix.wasi import Capture, Wasi
from bembix.wasi.context import several
from bembix.wasi.linking import INITIALIZE, linked

if TYPE_CHECKING:
    from bembix.wasi.context import Dir, StrPath
    from bembix.wasi.stdio import Sink, Source

P = ParamSpec("P")
T = TypeVar("T")

#: The exports that a program is entered by: of a command, and of a reactor, which only sets itself up.
_ENTRIES: Final = ("_start", INITIALIZE)
#: How many exports of what is no program are named.
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Completed:
    """What a program that ended left.

    exit_code: 0 - 255.  stdout, stderr: what it wrote, or None where that went elsewhere.
    """

    exit_code: int
    stdout: bytes | None
    stderr: bytes | None


def run(
    program: str | os.PathLike[str] | bytes | Module,
    args: Sequence[str | bytes] = (),
    *,
    env: Mapping[str, str] | None = None,
    dirs: Mapping[str, StrPath | Dir] | None = None,
    stdin: Source = None,
    stdout: Sink = None,
    stderr: Sink = None,
    imports: Mapping[str, Mapping[str, object]] | None = None,
    memory: int | str | None = None,
    timeout: float | None = None,
    fuel: int | None = None,
    limits: Limits | None = None,
    engine: str | None = None,
    optimize: bool = False,
) -> Completed:
    """Run a WASI program to its end; it sees nothing of the host but what is given here.

    program: path of a .wasm or .wat file, its bytes, or a `Module`.
    args: what follows the program's name on its command line.  env: its variables.
    dirs: directories of the host, by the path that the program knows each by; `bembix.wasi.Dir` makes one read-only.
    stdin: bytes, a file, or `bembix.wasi.INHERIT`; None is empty.
    stdout, stderr: a file or `bembix.wasi.INHERIT`; None collects what is written.
    imports: what it imports apart from WASI.
    memory: what its memories may have together, in bytes or as a string such as "256 MiB".
    timeout: seconds after which it is stopped, with all that it needs until it runs and all that it waits for.
    fuel: how much it may execute; each instruction takes some.
    limits: what else it may use, and what is given neither as `memory` nor as `fuel`; see `Limits`.
    engine, optimize: as for `Module`.

    Errors: those of `Module` and `Module.instantiate`; Trap where the program traps; LinkError where it is none;
    LimitExceeded, such as `Timeout`, where it reached a limit.
    """
    store = Store(limits=limits_of(limits, memory, fuel))
    with nullcontext() if timeout is None else deadline(timeout):
        module = program if isinstance(program, Module) else _module(program, engine=engine, optimize=optimize)
        output, errors = (Capture() if stream is None else stream for stream in (stdout, stderr))
        argv = [_name(program, module), *several(args)]
        with Wasi(argv, env or {}, dirs or {}, stdin, output, errors) as wasi:
            code = execute(module, wasi, imports=imports, store=store)
        return Completed(code, _collected(output), _collected(errors))


def _in_a_worker(
    function: Callable[P, T],
) -> Callable[[Callable[[], None]], Callable[P, Coroutine[Any, Any, T]]]:
    """Decorate what describes the asynchronous form of a function: its name and its docstring."""

    def decorate(described: Callable[[], None]) -> Callable[P, Coroutine[Any, Any, T]]:
        @wraps(function)
        async def call(*arguments: P.args, **options: P.kwargs) -> T:
            from bembix.runtime.asynchronous import Call

            return await Call(partial(function, *arguments, **options)).result()

        call.__name__, call.__qualname__, call.__doc__ = described.__name__, described.__qualname__, described.__doc__
        return call

    return decorate


@_in_a_worker(run)
def run_async() -> None:
    """Run a WASI program in another thread, while this event loop goes on; arguments as for `run`.

    Functions among its imports may be asynchronous: they are awaited on this loop.  Where the task is cancelled, the
    program is interrupted, and this returns when it has stopped.

    Errors: as for `run`; CancelledError.
    """


def limits_of(limits: Limits | None, memory: int | str | None, fuel: int | None) -> Limits:
    """Return limits in which what is given apart from them takes the place of theirs."""
    given = {name: value for name, value in (("memory", memory), ("fuel", fuel)) if value is not None}
    return replace(limits or Limits(), **given)  # sizes may be strings


def execute(
    module: Module,
    wasi: Wasi,
    *,
    imports: Mapping[str, Mapping[str, object]] | None = None,
    store: Store | None = None,
) -> int:
    """Run a program with the capabilities of `wasi`, and return its exit code.

    Errors: as for `run`.
    """
    entry = _entry(module)
    try:
        with linked(module, wasi, imports=imports, store=store) as instance:
            instance.exports[entry]()
    except Exit as exit:
        return exit.code
    return 0


def _entry(module: Module) -> str:
    """Return the name of the function that a program is entered by.  Errors: LinkError where there is none."""
    exports = {export.name: export.type for export in module.exports}
    found = [name for name in _ENTRIES if name in exports]
    if not found:
        others = f", only {', '.join([*exports][:_SHOWN])}{', ...' if len(exports) > _SHOWN else ''}" if exports else ""
        raise LinkError(f"not a WASI program: it exports neither _start nor _initialize{others}")
    if exports[found[0]] != FuncType((), ()):
        raise LinkError(f"not a WASI program: {found[0]} must be a function () -> (), not {exports[found[0]]}")
    return found[0]


def _module(program: str | os.PathLike[str] | bytes, *, engine: str | None, optimize: bool) -> Module:
    if isinstance(program, bytes):
        return Module(program, engine=engine, optimize=optimize)
    return Module.from_file(program, engine=engine, optimize=optimize)


def _name(program: object, module: Module) -> str:
    """Return what the program finds in its first argument."""
    return os.path.basename(program) if isinstance(program, (str, os.PathLike)) else module.name or "program"


def _collected(stream: object) -> bytes | None:
    return stream.getvalue() if isinstance(stream, Capture) else None
