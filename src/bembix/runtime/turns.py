"""Threads take turns in a store: those that wait until the one that runs in it without the GIL leaves it.

Compiled code decides (`compile/llvm/vm_threads.py`); here threads sleep.  Who waits longest is next.  Waiting ends with
Ctrl-C and with the thread's deadline.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bembix import deadlines
from bembix.compile.layout import Activation, Store, Thread
from bembix.errors import ResourceError
from bembix.native import state, threads
from bembix.native.memory import read_u64, write_u64
from bembix.runtime import registry

#: Those that wait, by the address of the store's block, the first to come first.  Releasing a lock wakes its owner.
_waiting: Final[dict[int, list[threading.Lock]]] = {}
#: Held while `_waiting` changes.  Reentrant: a collection may run a finalizer that comes here.
_lock: Final = threading.RLock()


def wait(store: int, tries: int) -> None:
    """Wait until a store has no owner and this thread is next; the caller looks again, because others may be faster.

    store: address of its block.  tries: how often that happened; then the thread goes before those that came later.
    Errors: Stop; whatever a signal handler raises; ResourceError where the owner will never leave.
    """
    own = threading.Lock()
    own.acquire()
    with _lock:
        queue = _waiting.setdefault(store, [])
        queue.insert(0 if tries else len(queue), own)
        write_u64(store + Store.WAITERS, len(queue))
    try:
        with deadlines.waking(lambda: deadlines.release(own)):
            while not _is_next(store, own):
                _check_owner(store)
                deadlines.check()
                seconds = deadlines.remaining()
                own.acquire(timeout=-1 if seconds is None else min(seconds, threading.TIMEOUT_MAX))
    finally:
        _leave(store, own)


@contextmanager
def alone(store: int) -> Iterator[None]:
    """Let no other thread run in a store meanwhile, though this one lets go of the GIL; waits for its turn.

    store: address of its block.  Errors: as for `wait`.
    """
    thread, owner, tries = threads.attach(), store + Store.OWNER, 0
    while read_u64(owner) not in (0, thread):
        wait(store, tries)
        tries += 1
    before = read_u64(owner)
    write_u64(owner, thread)  # nothing since the last look has let go of the GIL
    try:
        yield
    finally:
        write_u64(owner, before)
        if not before:
            wake(store)


def _is_next(store: int, own: threading.Lock) -> bool:
    return not read_u64(store + Store.OWNER) and _waiting[store][0] is own


def _check_owner(store: int) -> None:
    if read_u64(store + Store.OWNER) == Store.GONE:
        raise ResourceError("another thread ran in this store when the process forked: it can't be used in the child")
    if sys.is_finalizing():
        raise ResourceError("another thread runs in this store, and Python is shutting down")


def _leave(store: int, own: threading.Lock) -> None:
    """Wait no longer; who is next now may look whether the store is free."""
    with _lock:
        queue = _waiting[store]
        queue.remove(own)
        write_u64(store + Store.WAITERS, len(queue))
        if not queue:
            del _waiting[store]
    wake(store)


def wake(store: int) -> None:
    """Wake the thread that has waited longest for a store."""
    with _lock:
        queue = _waiting.get(store)
        if queue:
            deadlines.release(queue[0])


def _after_fork() -> None:
    """There is only one thread left: it runs in no store without the GIL, and others that did never leave."""
    own = threads.current()
    threads.forget_others()
    _waiting.clear()
    for address in list(registry.stores):
        if read_u64(address + Store.OWNER) not in (0, own):
            write_u64(address + Store.OWNER, Store.GONE)
        write_u64(address + Store.WAITERS, 0)
        write_u64(address + Store.PARKED, 0)
    if own:
        _park_again(read_u64(own + Thread.TOP))


def _park_again(activation: int) -> None:
    """Enter those activations into the lists of their stores that were in them."""
    while activation:
        if read_u64(activation + Activation.KIND) == Activation.ENTRY and read_u64(activation + Activation.LOW):
            head = read_u64(activation + Activation.STORE) + Store.PARKED
            first = read_u64(head)
            write_u64(activation + Activation.NEXT, first)
            write_u64(activation + Activation.LINK, head)
            if first:
                write_u64(first + Activation.LINK, activation + Activation.NEXT)
            write_u64(head, activation)
        activation = read_u64(activation + Activation.PREVIOUS)


def _at_exit() -> None:
    """Python does not wait for daemon threads, and frees what it can: not what they may be running."""
    if threads.are_others():
        for store in list(registry.stores.values()):
            state.keep(store)


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork)
