"""The handler of memory faults: installed before whatever was there, which gets every fault that is not Wasm's.

Source: sigaction(2).
"""

from __future__ import annotations

import ctypes
import threading
from typing import Final

from bembix.errors import ResourceError
from bembix.native import memory, platform, state
from bembix.native.libc import immortal, libc
from bembix.native.state import State

_lock: Final = threading.RLock()
#: Where the state block points to: the actions that were there before ours.
_saved: Final[dict[int, int]] = {}


def install(handler: int) -> None:
    """Make the function at `handler` the one that faults go to, if it is not already.

    Another library may have put its handler before ours since: ours goes first again, and hands on to it.
    """
    constants = platform.require()
    with _lock:
        for signal, word in ((constants.sigsegv, State.PREVIOUS_SEGV), (constants.sigbus, State.PREVIOUS_BUS)):
            current = ctypes.create_string_buffer(constants.sigaction_size)
            _sigaction(signal, None, current)
            if int.from_bytes(current.raw[:8], "little") != handler:
                _put(signal, word, handler, current.raw)


def _put(signal: int, word: int, handler: int, previous: bytes) -> None:
    """Put the handler first and remember the one before."""
    constants = platform.require()
    if signal in _saved:
        state.set_word(State.REINSTALLED, 1)
    # A new block each time: the handler may be reading the old one.
    _saved[signal] = immortal(constants.sigaction_size)
    memory.write_bytes(_saved[signal], previous)
    state.set_word(word, _saved[signal])
    action = bytearray(constants.sigaction_size)
    action[:8] = handler.to_bytes(8, "little")
    flags = constants.sa_siginfo | constants.sa_nodefer | constants.sa_onstack
    action[constants.sigaction_flags : constants.sigaction_flags + 4] = flags.to_bytes(4, "little")
    _sigaction(signal, ctypes.create_string_buffer(bytes(action), len(action)), None)


def _sigaction(signal: int, new: ctypes.Array[ctypes.c_char] | None, old: ctypes.Array[ctypes.c_char] | None) -> None:
    if libc.sigaction(signal, new, old):
        raise ResourceError(f"the system does not let us handle signal {signal}")
