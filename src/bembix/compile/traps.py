"""Why compiled code stops: the traps of the specification and the other ways out, by the number that the code passes.

Source: core 3.0, 4.4 and the messages that the official scripts expect.
"""

from __future__ import annotations

import enum


class Reason(enum.IntEnum):
    """Why control left compiled code for the innermost entry."""

    def __new__(cls, number: int, message: str) -> Reason:
        """Make a member that is a number and has a message."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.message = message
        return member

    message: str

    PYTHON_ERROR = 1, "a Python exception is set"
    WASM_EXCEPTION = 2, "an exception of Wasm is pending"
    UNREACHABLE = 3, "unreachable"
    MEMORY_BOUNDS = 4, "out of bounds memory access"
    TABLE_BOUNDS = 5, "out of bounds table access"
    DIVIDE_BY_ZERO = 6, "integer divide by zero"
    OVERFLOW = 7, "integer overflow"
    INVALID_CONVERSION = 8, "invalid conversion to integer"
    UNDEFINED_ELEMENT = 9, "undefined element"
    UNINITIALIZED_ELEMENT = 10, "uninitialized element"
    INDIRECT_TYPE = 11, "indirect call type mismatch"
    STACK_EXHAUSTED = 12, "call stack exhausted"
    NULL_REFERENCE = 13, "null reference"
    NULL_FUNCTION = 14, "null function reference"
    NULL_EXCEPTION = 15, "null exception reference"
    NULL_STRUCTURE = 16, "null structure reference"
    NULL_ARRAY = 17, "null array reference"
    NULL_I31 = 18, "null i31 reference"
    ARRAY_BOUNDS = 19, "out of bounds array access"
    CAST_FAILURE = 20, "cast failure"
    UNALIGNED_ATOMIC = 21, "unaligned atomic"
    EXPECTED_SHARED = 22, "expected shared memory"
    EXPIRED = 23, "a deadline passed"
    HEAP_EXHAUSTED = 24, "out of memory: the garbage-collected heap is full"
    INTERRUPTED = 25, "interrupted"
    OUT_OF_FUEL = 26, "all fuel consumed"
