"""Errors, traps and backtraces under wasmtime-py's names, and how those of Bembix become them.

Rule 1: every call into Bembix that may fail goes through `translated` or `translate`, so that no exception class
but those of this file (and what host functions raise, as it is) reaches a program.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Final, TypeAlias

from bembix.compat.wasmtime.managed import Managed
from bembix.compile.traps import Reason
from bembix.errors import BembixError, Exit, Interrupted, OutOfFuel, Timeout, WasmException
from bembix.errors import Frame as BembixFrame
from bembix.errors import Trap as BembixTrap


class TrapCode(enum.Enum):
    """Why Wasm trapped."""

    STACK_OVERFLOW = 0
    MEMORY_OUT_OF_BOUNDS = 1
    HEAP_MISALIGNED = 2
    TABLE_OUT_OF_BOUNDS = 3
    INDIRECT_CALL_TO_NULL = 4
    BAD_SIGNATURE = 5
    INTEGER_OVERFLOW = 6
    INTEGER_DIVISION_BY_ZERO = 7
    BAD_CONVERSION_TO_INTEGER = 8
    UNREACHABLE = 9
    INTERRUPT = 10
    OUT_OF_FUEL = 11
    ATOMIC_WAIT_NON_SHARED_MEMORY = 12
    NULL_REFERENCE = 13
    ARRAY_OUT_OF_BOUNDS = 14
    ALLOCATION_TOO_LARGE = 15
    CAST_FAILURE = 16
    CANNOT_ENTER_COMPONENT = 17
    NO_ASYNC_RESULT = 18
    UNHANDLED_TAG = 19
    CONTINUATION_ALREADY_CONSUMED = 20
    DISABLED_OPCODE = 21
    ASYNC_DEADLOCK = 22
    CANNOT_LEAVE_COMPONENT = 23
    CANNOT_BLOCK_SYNC_TASK = 24
    INVALID_CHAR = 25
    DEBUG_ASSERT_STRING_ENCODING_FINISHED = 26
    DEBUG_ASSERT_EQUAL_CODE_UNITS = 27
    DEBUG_ASSERT_POINTER_ALIGNED = 28
    DEBUG_ASSERT_UPPER_BITS_UNSET = 29
    STRING_OUT_OF_BOUNDS = 30
    LIST_OUT_OF_BOUNDS = 31
    INVALID_DISCRIMINANT = 32
    UNALIGNED_POINTER = 33
    TASK_CANCEL_NOT_CANCELLED = 34
    TASK_CANCEL_OR_RETURN_TWICE = 35
    SUBTASK_CANCEL_AFTER_TERMINAL = 36
    TASK_RETURN_INVALID = 37
    WAITABLE_SET_DROP_HAS_WAITERS = 38
    SUBTASK_DROP_NOT_RESOLVED = 39
    THREAD_NEW_INDIRECT_INVALID_TYPE = 40
    THREAD_NEW_INDIRECT_UNINITIALIZED = 41
    BACKPRESSURE_OVERFLOW = 42
    UNSUPPORTED_CALLBACK_CODE = 43
    CANNOT_RESUME_THREAD = 44
    CONCURRENT_FUTURE_STREAM_OP = 45
    REFERENCE_COUNT_OVERFLOW = 46
    STREAM_OP_TOO_BIG = 47
    WAITABLE_SYNC_AND_ASYNC = 48
    UNCAUGHT_EXCEPTION = 49


#: What each of our traps is to wasmtime: its code and its words.
_TRAPS: Final[dict[str, tuple[TrapCode, str]]] = {
    Reason.UNREACHABLE.message: (TrapCode.UNREACHABLE, "wasm `unreachable` instruction executed"),
    Reason.MEMORY_BOUNDS.message: (TrapCode.MEMORY_OUT_OF_BOUNDS, "out of bounds memory access"),
    Reason.TABLE_BOUNDS.message: (
        TrapCode.TABLE_OUT_OF_BOUNDS, "undefined element: out of bounds table access"),
    Reason.UNDEFINED_ELEMENT.message: (
        TrapCode.TABLE_OUT_OF_BOUNDS, "undefined element: out of bounds table access"),
    Reason.UNINITIALIZED_ELEMENT.message: (TrapCode.INDIRECT_CALL_TO_NULL, "uninitialized element"),
    Reason.DIVIDE_BY_ZERO.message: (TrapCode.INTEGER_DIVISION_BY_ZERO, "integer divide by zero"),
    Reason.OVERFLOW.message: (TrapCode.INTEGER_OVERFLOW, "integer overflow"),
    Reason.INVALID_CONVERSION.message: (TrapCode.BAD_CONVERSION_TO_INTEGER, "invalid conversion to integer"),
    Reason.INDIRECT_TYPE.message: (TrapCode.BAD_SIGNATURE, "indirect call type mismatch"),
    Reason.STACK_EXHAUSTED.message: (TrapCode.STACK_OVERFLOW, "call stack exhausted"),
    Reason.ARRAY_BOUNDS.message: (TrapCode.ARRAY_OUT_OF_BOUNDS, "out of bounds array access"),
    Reason.CAST_FAILURE.message: (TrapCode.CAST_FAILURE, "cast failure"),
    Reason.UNALIGNED_ATOMIC.message: (TrapCode.HEAP_MISALIGNED, "unaligned atomic"),
    Reason.EXPECTED_SHARED.message: (
        TrapCode.ATOMIC_WAIT_NON_SHARED_MEMORY, "atomic wait on non-shared memory"),
    Reason.HEAP_EXHAUSTED.message: (TrapCode.ALLOCATION_TOO_LARGE, "allocation size too large"),
    **{
        reason.message: (TrapCode.NULL_REFERENCE, "null reference")
        for reason in (
            Reason.NULL_REFERENCE, Reason.NULL_FUNCTION, Reason.NULL_EXCEPTION, Reason.NULL_STRUCTURE,
            Reason.NULL_ARRAY, Reason.NULL_I31,
        )
    },
}  # fmt: skip
#: What stops a program from outside.
_STOPS: Final = {
    TrapCode.INTERRUPT: "interrupt",
    TrapCode.OUT_OF_FUEL: "all fuel consumed by WebAssembly",
}
Stop: TypeAlias = "BembixTrap | WasmException | Timeout | Interrupted"
_MAX_FRAMES: Final = 20  #: wasmtime tells no more
_UNKNOWN_OFFSET: Final = (1 << 64) - 1  #: what wasmtime gives for an offset that it does not know


class Frame(Managed):
    """A function on the stack when Wasm trapped."""

    def __init__(self, frame: BembixFrame) -> None:
        self._frame = frame

    @property
    def func_index(self) -> int:
        """Function index in its module."""
        return self._frame.index

    @property
    def func_name(self) -> str | None:
        """The name that the module has for it in its name section, if any."""
        return None if self._frame.exported else self._frame.function

    @property
    def module_name(self) -> str | None:
        """The module's name, if it has one."""
        return self._frame.module or None

    @property
    def module_offset(self) -> int:
        """Byte offset in the module, or 2**64 - 1 where it is not known."""
        return _UNKNOWN_OFFSET if self._frame.offset is None else self._frame.offset

    @property
    def func_offset(self) -> int:
        """Byte offset in the function's body, or 2**64 - 1 where it is not known."""
        offset, start = self._frame.offset, self._frame.start
        return _UNKNOWN_OFFSET if offset is None or start is None else offset - start


def _line(number: int, frame: Frame) -> str:
    """Return a line of a backtrace."""
    where = "" if frame.module_offset == _UNKNOWN_OFFSET else f"{frame.module_offset:#8x} - "
    name = f"<wasm function {frame.func_index}>" if frame.func_name is None else frame.func_name
    return f"  {number:>3}: {where}{frame.module_name or '<unknown>'}!{name}"


def report(frames: Sequence[Frame], cause: str) -> str:
    """Return the message of something that stopped Wasm, as wasmtime words it."""
    if not frames:
        return cause
    lines = [_line(number, frame) for number, frame in enumerate(frames)]
    return "\n".join(["error while executing at wasm backtrace:", *lines, "", "Caused by:", f"    {cause}", ""])


class Trap(Exception, Managed):
    """The program did what it must not, or was stopped.  message: why."""

    def __init__(self, message: str) -> None:
        if not isinstance(message, str):
            raise TypeError("expected a string")
        super().__init__(message)
        self._cause: tuple[TrapCode | None, str] = None, message
        self._frames: Callable[[], Sequence[BembixFrame]] | None = None

    @classmethod
    def because(cls, code: TrapCode, frames: Callable[[], Sequence[BembixFrame]]) -> Trap:
        """Return a trap of Wasm that Wasm did not get to by itself.  frames: returns the stack."""
        made = cls("")
        made._cause = code, f"wasm trap: {_STOPS[code]}"
        made._frames = frames
        return made

    @classmethod
    def of(cls, error: Stop) -> Trap:
        """Return what stands for an error of Bembix; its message is worked out when it is read."""
        made = cls("")
        made._cause = _cause_of(error)
        made._frames = lambda: error.backtrace
        return made

    @cached_property
    def frames(self) -> list[Frame]:
        """The Wasm stack, innermost first."""
        return [Frame(frame) for frame in self._frames()[:_MAX_FRAMES]] if self._frames is not None else []

    @property
    def message(self) -> str:
        """What `str` gives."""
        return report(self.frames, self._cause[1])

    @property
    def trap_code(self) -> TrapCode | None:
        """Why it trapped, or None where this is none of Wasm's own traps."""
        return self._cause[0]

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"Trap({self.message!r})"


class WasmtimeError(Exception, Managed):
    """Anything that is wrong but a trap."""

    def __init__(self, message: str) -> None:
        if not isinstance(message, str):
            raise TypeError("expected a string")
        super().__init__(message)
        self._message = message

    def __str__(self) -> str:
        return self._message


class ExitTrap(WasmtimeError):
    """A WASI program ended itself.  code: its exit code, 0 - 125."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code: int = 0

    @classmethod
    def of(cls, code: int) -> ExitTrap:
        """Return what stands for an exit."""
        made = cls(f"Exited with i32 exit status {code}")
        made.code = code
        return made


def _cause_of(error: Stop) -> tuple[TrapCode | None, str]:
    """Return the code and the words for something that stopped Wasm."""
    if isinstance(error, WasmException):
        return None, "thrown Wasm exception"
    if isinstance(error, (Interrupted, Timeout, OutOfFuel)):
        code = TrapCode.OUT_OF_FUEL if isinstance(error, OutOfFuel) else TrapCode.INTERRUPT
        return code, f"wasm trap: {_STOPS[code]}"
    known = _TRAPS.get(error.message.partition(": it may have")[0])
    return (known[0], f"wasm trap: {known[1]}") if known is not None else (None, error.message)


def translate(error: BembixError) -> Exception:
    """Return the exception that wasmtime-py would raise for one of Bembix."""
    match error:
        case BembixTrap() | WasmException() | Timeout() | Interrupted():
            return Trap.of(error)
        case Exit(code=code):
            return ExitTrap.of(code)
    return WasmtimeError(str(error))


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of Bembix in the block as those of wasmtime-py."""
    try:
        yield
    except BembixError as error:
        raise translate(error) from None
