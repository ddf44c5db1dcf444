"""What a program is given: arguments, environment, directories, standard streams, clocks and random numbers.

Source: WASI snapshot_preview1.  Rule 1: a program sees of the host what is named here and nothing else; left to itself
it has no argument, no variable, no directory, and standard streams that lead nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from bembix.records import dataclass, field
from bembix.spec.host import HostFunction
from bembix.spec.types import I32, FuncType
from bembix.wasi.clocks import Clocks
from bembix.wasi.directory import Directory
from bembix.wasi.preview1 import MODULES
from bembix.wasi.preview1.context import Context
from bembix.wasi.preview1.export import Export, traced, unknown
from bembix.wasi.preview1.types import MemoryLike
from bembix.wasi.stdio import NULL, Sink, Source, input_stream, output_stream
from bembix.wasi.table import FdTable

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from bembix.runtime.instance import Instance
    from bembix.runtime.module import Module
    from bembix.runtime.snapshot import Snapshot
    from bembix.runtime.store import Store

T = TypeVar("T")
StrPath: TypeAlias = "str | os.PathLike[str]"


@dataclass(frozen=True, slots=True)
class Dir:
    """A directory of the host to hand over.

    path: on the host.  readonly: the program can change nothing in it.
    """

    path: StrPath
    _: KW_ONLY
    readonly: bool = False


@dataclass(slots=True)
class Wasi:
    """The capabilities of one program.

    args: command line, the program's name first.
    env: variables by name.
    dirs: directories of the host, by the path that the program knows each by.
    stdin: INHERIT, bytes, a host's descriptor, a binary file object, or NULL (None), which is empty.
    stdout, stderr: INHERIT, a host's descriptor, a file object, `Capture()`, or NULL (None), which forgets.
    clocks, random: where time and random bytes come from.
    max_open_files: how many descriptors the program may have open at once.
    trace: called with a line of text after each call.
    Errors: ValueError an argument or variable holds a NUL, or a variable's name an "="; OSError a directory cannot be
    opened; TypeError a stream is none; NotImplementedError directories on a host where they cannot be made safe.
    """

    args: Sequence[str | bytes] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    dirs: Mapping[str, StrPath | Dir] = field(default_factory=dict)
    stdin: Source = NULL
    stdout: Sink = NULL
    stderr: Sink = NULL
    _: KW_ONLY
    clocks: Clocks = field(default_factory=Clocks)
    random: Callable[[int], bytes] = os.urandom
    max_open_files: int = 512
    trace: Callable[[str], object] | None = None
    fds: FdTable = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.fds = FdTable(self.max_open_files)
        self.fds.add(input_stream(self.stdin))
        self.fds.add(output_stream(self.stdout, 1))
        self.fds.add(output_stream(self.stderr, 2))
        for name, given in _mapping("dirs", self.dirs).items():
            handed = given if isinstance(given, Dir) else Dir(given)
            _bytes("directory", name)
            self.fds.add(Directory.handed_over(handed.path, name, readonly=handed.readonly))

    def instantiate(
        self,
        module: Module,
        imports: Mapping[str, Mapping[str, object]] | None = None,
        *,
        store: Store | None = None,
        snapshot: Snapshot | None = None,
    ) -> Instance:
        """Make an instance of a library that imports WASI, and run its `_initialize` where it has one.

        Its functions may be called until `close`.  `bembix.run` runs whole programs.

        imports: what it imports apart from WASI.  store, snapshot: as for `Module.instantiate`; with a snapshot,
        `_initialize` does not run again.
        Errors: those of `Module.instantiate`; Exit where it ends itself.
        """
        from bembix.wasi.linking import library

        return library(self, module, imports, store, snapshot)

    def imports(
        self, memory: Callable[[], MemoryLike], wanted: Iterable[tuple[str, str, FuncType]] | None = None
    ) -> dict[str, dict[str, HostFunction]]:
        """Return the functions to link a program with, by import module and name.

        memory: returns the program's memory; called when a function is, so that the program can be linked first.
        wanted: what the program imports, as module, name and type; only that is made then.  A function of a WASI module
        that does not exist is provided all the same, and answers NOSYS: programs import more than they call.  One whose
        type leaves no room for an answer is left for the linker to miss.  None: everything that there is.
        Errors: ValueError an argument or variable cannot be passed.
        """
        context = Context(_arguments(self.args), _environment(self.env), self.fds, self.clocks, self.random, memory)
        if wanted is None:
            return {
                module: {name: self._bound(export, context) for name, export in registry.items()}
                for module, registry in MODULES.items()
            }
        found: dict[str, dict[str, HostFunction]] = {module: {} for module in MODULES}
        for module, name, type in wanted:
            export = MODULES.get(module, {}).get(name)
            if export is not None:
                found[module][name] = self._bound(export, context)
            elif module in MODULES and type.results == (I32,):
                found[module][name] = unknown(module, name, type)
        return found

    def _bound(self, export: Export, context: Context) -> HostFunction:
        return traced(export, context, self.trace) if self.trace else export.bind(context)

    def close(self) -> None:
        """Close every descriptor of the program; its functions answer BADF from then on."""
        self.fds.open.clear()

    def __enter__(self) -> Wasi:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _mapping(what: str, given: Mapping[str, T]) -> Mapping[str, T]:
    """Return a mapping as it is.  Errors: TypeError where it is none."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} must be a mapping, not {type(given).__name__}")
    return given


def _bytes(what: str, text: str | bytes) -> bytes:
    """Return text as a C string, without its final NUL."""
    if not isinstance(text, (str, bytes)):
        raise TypeError(f"{what} must be str or bytes, not {type(text).__name__}")
    data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
    if b"\0" in data:
        raise ValueError(f"{what} {text!r} holds a NUL")
    return data


def several(args: Sequence[str | bytes]) -> Sequence[str | bytes]:
    """Return arguments as they are.  Errors: TypeError for a text, which is a sequence, too."""
    if isinstance(args, (str, bytes)):
        raise TypeError(f"args must be a sequence of arguments, not one {type(args).__name__}")
    return args


def _arguments(args: Sequence[str | bytes]) -> list[bytes]:
    return [_bytes("argument", argument) for argument in several(args)]


def _environment(env: Mapping[str, str]) -> list[bytes]:
    for name, value in _mapping("env", env).items():
        if not name or "=" in name:
            raise ValueError(f"environment variable {name!r}: the name is empty or holds an '='")
        if not isinstance(value, str):
            raise TypeError(f"environment variable {name!r} must be str, not {type(value).__name__}")
    return [_bytes("environment variable", f"{name}={value}") for name, value in env.items()]
