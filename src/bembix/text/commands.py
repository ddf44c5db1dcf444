"""What a script of the test suite says: commands, actions, and what results must look like.

Source: the specification's interpreter, README, "Scripts"; threads proposal for `thread` and `wait`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from bembix.errors import ParseError
from bembix.records import dataclass, field
from bembix.spec.module import ModuleDef
from bembix.spec.types import HeapType, NumType


@dataclass(frozen=True, slots=True)
class Const:
    """A number or vector.  bits: without sign, as many as the type has; the first lane of a vector lowest."""

    type: NumType
    bits: int


@dataclass(frozen=True, slots=True)
class RefNull:
    """A null reference.  heap: of which type; None where any will do."""

    heap: HeapType | None = None


@dataclass(frozen=True, slots=True)
class RefValue:
    """A reference that is not null.

    kind: "extern", "host", "func", "i31", "struct", "array", "eq", "any" or "exn".
    value: the number that stands for a value of the host; None where any reference of the kind will do.
    """

    kind: str
    value: int | None = None


@dataclass(frozen=True, slots=True)
class NaN:
    """Any NaN with the payload of the canonical one, or (arithmetic) with at least its highest bit."""

    type: NumType
    kind: Literal["canonical", "arithmetic"]


@dataclass(frozen=True, slots=True)
class Lanes:
    """A vector some of whose lanes are patterns.  shape: such as "f32x4"."""

    shape: str
    lanes: tuple[Const | NaN, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any one of several results."""

    options: tuple[Result, ...]


Value: TypeAlias = "Const | RefNull | RefValue"
Result: TypeAlias = "Value | NaN | Lanes | Either"


@dataclass(frozen=True, slots=True)
class Invoke:
    """Call an export.  module: identifier of an instance; None is the last one."""

    module: str | None
    name: str
    arguments: tuple[Value, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Get:
    """Read an exported global."""

    module: str | None
    name: str
    line: int


Action: TypeAlias = "Invoke | Get"


@dataclass(frozen=True, slots=True)
class ModuleCommand:
    """A module, to be instantiated unless it is only a definition.

    name: its identifier.  form: how it is written.  content: the bytes of a binary or quoted one.
    """

    name: str | None
    form: Literal["text", "binary", "quote"]
    content: bytes
    is_definition: bool
    line: int
    _load: Callable[[], ModuleDef] = field(repr=False, compare=False)

    def load(self) -> ModuleDef:
        """Parse or decode the module.

        Errors: ParseError where it is malformed.
        """
        return self._load()


@dataclass(frozen=True, slots=True)
class InstanceCommand:
    """Instantiate a definition.  name: of the instance; module: of the definition, None is the last one."""

    name: str | None
    module: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Register:
    """Let later modules import from an instance under a name."""

    name: str
    module: str | None
    line: int


@dataclass(frozen=True, slots=True)
class AssertReturn:
    """The action gives these results."""

    action: Action
    results: tuple[Result, ...]
    line: int


@dataclass(frozen=True, slots=True)
class AssertTrap:
    """The action, or instantiating the module, traps with a message that begins like this."""

    action: Action | ModuleCommand
    message: str
    line: int


@dataclass(frozen=True, slots=True)
class AssertExhaustion:
    """The action uses up the stack."""

    action: Action
    message: str
    line: int


@dataclass(frozen=True, slots=True)
class AssertException:
    """The action throws an exception that nothing catches."""

    action: Action
    line: int


@dataclass(frozen=True, slots=True)
class AssertMalformed:
    """The module can't be read.  custom: because of an annotation or a custom section."""

    module: ModuleCommand
    message: str
    custom: bool
    line: int


@dataclass(frozen=True, slots=True)
class AssertInvalid:
    """The module can be read but is not valid.  custom: because of an annotation or a custom section."""

    module: ModuleCommand
    message: str
    custom: bool
    line: int


@dataclass(frozen=True, slots=True)
class AssertUnlinkable:
    """The module is valid but its imports do not match."""

    module: ModuleCommand
    message: str
    line: int


@dataclass(frozen=True, slots=True)
class Thread:
    """Run commands in a thread of their own.  shared: identifiers of the instances that it can use."""

    name: str | None
    shared: tuple[str, ...]
    commands: tuple[Command, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a thread to end."""

    thread: str
    line: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A command that could not be read.  keyword: what it begins with."""

    keyword: str
    error: ParseError
    line: int


Command: TypeAlias = (
    ModuleCommand
    | InstanceCommand
    | Register
    | Invoke
    | Get
    | AssertReturn
    | AssertTrap
    | AssertExhaustion
    | AssertException
    | AssertMalformed
    | AssertInvalid
    | AssertUnlinkable
    | Thread
    | Wait
    | Unreadable
)
