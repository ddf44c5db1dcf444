"""Threads that wait at an address of a shared memory until another notifies them.

Each waits for a lock of its own, which releases the GIL and which Ctrl-C interrupts in the main thread.  Both
operations let other threads run, whatever comes of them: where the GIL is kept, nothing else does.

Source: threads proposal, "Wait and notify operators".
"""

from __future__ import annotations

import threading
import time
from typing import Final

from bembix import deadlines
from bembix.native.memory import read_u32, read_u64
from bembix.runtime import registry

_OK: Final = 0
_NOT_EQUAL: Final = 1
_TIMED_OUT: Final = 2

#: Bytes that are compared: how they are read, and which bits of the expected value count.
_READERS: Final = {4: (read_u32, 0xFFFF_FFFF), 8: (read_u64, 0xFFFF_FFFF_FFFF_FFFF)}

#: Those that wait, by the native address that they wait at, the first to come first.  Releasing a lock wakes its owner.
_waiting: Final[dict[int, list[threading.Lock]]] = {}
#: Held while `_waiting` changes.  Reentrant: a collection may run a finalizer that comes here.
_lock: Final = threading.RLock()


def wait(context: int, index: int, address: int, expected: int, timeout: int, width: int) -> int:
    """Do `memory.atomic.wait`: return 0 when notified, 1 where the value is another, 2 when the time is up.

    address: in the memory; it has been checked.  timeout: ns, none where negative.  width: bytes to compare, 4 or 8.
    """
    place = registry.module_of_context(context).externs.memories[index].base + address
    read, mask = _READERS[width]
    own = threading.Lock()
    own.acquire()
    with _lock:  # a notifier changes the value before it comes here
        if read(place) != expected & mask:
            found = _NOT_EQUAL
        else:
            _waiting.setdefault(place, []).append(own)
            found = _OK
    if found is _NOT_EQUAL:
        time.sleep(0)
        return found
    return _sleep(place, own, timeout)


def _sleep(place: int, own: threading.Lock, timeout: int) -> int:
    """Wait to be notified, at most `timeout` ns."""
    notified = False
    try:
        notified = _acquire(place, own, timeout)
    finally:
        if not notified:  # or interrupted
            with _lock:
                notified = not _forget(place, own)
    return _OK if notified else _TIMED_OUT


def _acquire(place: int, own: threading.Lock, timeout: int) -> bool:
    end = None if timeout < 0 else time.monotonic() + timeout / 1e9
    with deadlines.waking(lambda: deadlines.release(own)):
        while True:
            deadlines.check()
            left = threading.TIMEOUT_MAX if end is None else end - time.monotonic()
            seconds = deadlines.at_most(min(max(left, 0), threading.TIMEOUT_MAX))
            if own.acquire(timeout=-1 if seconds is None else seconds):
                with _lock:
                    if own not in _waiting.get(place, []):
                        return True
            elif left <= 0:
                return False


def _forget(place: int, own: threading.Lock) -> bool:
    """Take a lock off the list; return False where a notifier was faster."""
    queue = _waiting.get(place, [])
    if own not in queue:
        return False
    queue.remove(own)
    if not queue:
        del _waiting[place]
    return True


def notify(context: int, index: int, address: int, count: int) -> int:
    """Do `memory.atomic.notify`: wake at most `count` threads, return how many."""
    place = registry.module_of_context(context).externs.memories[index].base + address
    with _lock:
        queue = _waiting.pop(place, [])
        woken, rest = queue[:count], queue[count:]
        if rest:
            _waiting[place] = rest
        for lock in woken:
            deadlines.release(lock)
    time.sleep(0)
    return len(woken)
