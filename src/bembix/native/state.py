"""The words that generated runtime code reads: one block a process, never freed.

The objects in it are owned by it: a replaced one is released, the last ones stay for the life of the process.
"""

from __future__ import annotations

import ctypes
from typing import Final

from bembix.native.libc import api, immortal
from bembix.native.ranges import CODES, GUARDS


class State:
    """Offsets in the block, in bytes."""

    KEY: Final = 0  #: of the thread block (pthread_key_t)
    CODES: Final = 8  #: head of the range table
    GUARDS: Final = 16  #: head of the range table
    PREVIOUS_SEGV: Final = 24  #: address of the struct sigaction that was there before ours
    PREVIOUS_BUS: Final = 32
    REINSTALLED: Final = 40  #: 1 where a handler came after ours and ours was put before it
    FUNC_TYPE: Final = 48  #: the type of exported functions
    EXCEPTION_CLASS: Final = 56  #: exceptions that Wasm can catch
    ATTACH: Final = 64  #: Python callables from here on
    COMPILE: Final = 72
    MEMORY_GROW: Final = 80
    TABLE_GROW: Final = 88
    ARGUMENTS: Final = 96
    RESULTS: Final = 104
    RAISE: Final = 112
    FUNCREF: Final = 120
    REFERENCE: Final = 128
    TO_EXCEPTION: Final = 136
    HOT: Final = 144
    ATOMIC_NOTIFY: Final = 152
    ATOMIC_WAIT: Final = 160
    STOP: Final = 168  #: the exception by which a host function says that Wasm is to stop
    ACTIONS: Final = 176  #: by signal: the handler before ours, and 1 where it takes three arguments
    INTERRUPT_SIGNAL: Final = 184  #: ours; sent to the thread that is to look
    MAIN_THREAD: Final = 192  #: the block of the thread that runs Python's signal handlers, or 0
    MAIN_NUMBER: Final = 200  #: its number in the system
    INTERRUPT_TIMER: Final = 208  #: sends it our signal again and again
    ARMED: Final = 216  #: 1 while that timer sends it, WATCHING while it only looks, else 0
    KEEPER: Final = 224  #: a Python callable
    I31_TYPE: Final = 232  #: the types of Python's references to objects
    STRUCT_TYPE: Final = 240
    ARRAY_TYPE: Final = 248
    SHIELD: Final = 256  #: how many things go on that no Python handler must run in
    DEFERRED: Final = 264  #: the signals that came meanwhile, as bits
    LIMITED: Final = 272  #: a Python callable
    CTRL_C: Final = 280  #: 1 where a SIGINT came that Python has a handler for
    AFTER_SIGNALS: Final = 288  #: a Python callable
    WAIT_FOR_STORE: Final = 296  #: Python callables
    WAKE_FOR_STORE: Final = 304
    PYTHON_HANDLER: Final = 312  #: address of CPython's own handler of signals, once one was found
    REPAIR: Final = 320  #: 1 where a signal goes straight to that one
    SIZE: Final = 328
    WATCHING: Final = 2  #: ARMED while the timer only looks whether handlers were set


ADDRESS: Final = immortal(State.SIZE)


def _word(offset: int) -> ctypes.c_uint64:
    return ctypes.c_uint64.from_address(ADDRESS + offset)


def set_word(offset: int, value: int) -> None:
    """Set a word that is a number."""
    _word(offset).value = value


def word(offset: int) -> int:
    """Return a word that is a number."""
    return _word(offset).value


def set_object(offset: int, value: object) -> None:
    """Set a word that is a Python object."""
    api.Py_IncRef(ctypes.py_object(value))
    previous = _word(offset).value
    _word(offset).value = id(value)
    if previous:
        api.Py_DecRef(ctypes.c_void_p(previous))


def keep(value: object) -> None:
    """Keep an object for the rest of the process's life."""
    api.Py_IncRef(ctypes.py_object(value))


set_word(State.CODES, CODES.head)
set_word(State.GUARDS, GUARDS.head)
