"""Waiting for times and descriptors.

Source: WASI snapshot_preview1, `poll_oneoff`.  A subscription is 48 bytes, an event 32:

    subscription  +0 user data (8)   +8 kind (1): 0 a clock, 1 reading, 2 writing
      a clock     +16 clock (4)   +24 timeout in ns (8)   +32 precision (8)   +40 flags (2): 1 a time, not a duration
      others      +16 descriptor (4)
    event         +0 user data (8)   +8 error (2)   +10 kind (1)   +16 bytes there (8)
                  +24 flags (2): 1 closed by the other end
"""

from __future__ import annotations

import os
import select
import stat as modes
import struct
from collections.abc import Callable
from typing import Final

from bembix import deadlines
from bembix.records import dataclass
from bembix.wasi.descriptor import Descriptor
from bembix.wasi.preview1.clock import method_of
from bembix.wasi.preview1.context import Context, check, check_out, put_u32
from bembix.wasi.preview1.errno import SUCCESS, Errno, WasiError, from_os_error
from bembix.wasi.preview1.export import export
from bembix.wasi.preview1.types import HANGUP, SUBCLOCK_ABSTIME, Clock, EventType, Out32, Ptr, Size

MAX_SUBSCRIPTIONS: Final = 4096
_LONGEST_WAIT: Final = 3600 * 1000  #: ms; longer waits are made of several, hosts refuse some that 64 bits can ask for

#: Layout of a subscription: struct format for kind 0, and for the others; size in bytes.
Layout = tuple[struct.Struct, struct.Struct, int]
PREVIEW1_LAYOUT: Final[Layout] = (struct.Struct("<QB7xI4xQ8xH"), struct.Struct("<QB7xI"), 48)


@dataclass(frozen=True, slots=True)
class Timer:
    """A subscription to a time; left: returns the ns that are left."""

    userdata: int
    left: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Readiness:
    """A subscription to a descriptor; kind: FD_READ or FD_WRITE."""

    userdata: int
    kind: int
    descriptor: Descriptor


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    userdata: int
    kind: int
    error: Errno = Errno.SUCCESS
    available: int = 0
    flags: int = 0

    def packed(self) -> bytes:
        """Return the 32 bytes that the program sees."""
        return struct.pack("<QHB5xQH6x", self.userdata, self.error, self.kind, self.available, self.flags)


@export
def poll_oneoff(ctx: Context, subscriptions: Ptr, events: Ptr, count: Size, out: Out32) -> Errno:
    """Wait until at least one of `count` subscriptions has something to tell.

    events: room for `count` of them.  out: 4 bytes, how many were written.
    Errors: INVAL `count` is 0 or more than 4096, or an unknown kind; FAULT.  An event of its own reports BADF, INVAL
    (an unknown clock) and NOTSUP (a clock that cannot be waited for).
    """
    return poll(ctx, subscriptions, events, count, out, PREVIEW1_LAYOUT)


def poll(ctx: Context, subscriptions: int, events: int, count: int, out: int, layout: Layout) -> Errno:
    """Do what `poll_oneoff` does, for subscriptions of this layout."""
    memory = ctx.memory()
    check_out(memory, out)
    check(memory, subscriptions, layout[2] * count)
    check(memory, events, 32 * count)
    if not 0 < count <= MAX_SUBSCRIPTIONS:
        raise WasiError(Errno.INVAL)
    data = memory.read(subscriptions, layout[2] * count)
    happened = _wait(ctx, [_subscription(ctx, data, at, layout) for at in range(0, len(data), layout[2])])
    memory.write(events, b"".join([event.packed() for event in happened]))
    put_u32(memory, out, len(happened))
    return SUCCESS


def _subscription(ctx: Context, data: bytes, at: int, layout: Layout) -> Timer | Readiness | Event:
    """Read a subscription; one that is wrong is an event already."""
    userdata, kind, number = layout[1].unpack_from(data, at)
    if kind == EventType.CLOCK:
        _, _, clock, timeout, flags = layout[0].unpack_from(data, at)
        return _timer(ctx, userdata, clock, timeout, flags)
    if kind not in (EventType.FD_READ, EventType.FD_WRITE):
        raise WasiError(Errno.INVAL)
    try:
        descriptor = ctx.fds[number]
    except OSError as error:
        return Event(userdata, kind, from_os_error(error))
    if not (descriptor.readable if kind == EventType.FD_READ else descriptor.writable):
        return Event(userdata, kind, Errno.BADF)
    return Readiness(userdata, kind, descriptor)


def _timer(ctx: Context, userdata: int, clock: int, timeout: int, flags: int) -> Timer | Event:
    if clock not in (Clock.REALTIME, Clock.MONOTONIC):
        known = clock in (Clock.PROCESS_CPUTIME, Clock.THREAD_CPUTIME)
        return Event(userdata, EventType.CLOCK, Errno.NOTSUP if known else Errno.INVAL)
    absolute = flags & SUBCLOCK_ABSTIME
    # A duration is counted on the monotonic clock, so that setting the host's clock does not change it.
    now: Callable[[], int] = getattr(ctx.clocks, method_of(clock)) if absolute else ctx.clocks.monotonic
    end = timeout if absolute else now() + timeout
    return Timer(userdata, lambda: end - now())


def _wait(ctx: Context, subscriptions: list[Timer | Readiness | Event]) -> list[Event]:
    """Return what happened, at least one event, in the order of the subscriptions."""
    wrong = [s for s in subscriptions if isinstance(s, Event)]
    timers = [s for s in subscriptions if isinstance(s, Timer)]
    waits = [s for s in subscriptions if isinstance(s, Readiness) and s.descriptor.pollable() is not None]
    ready = [_ready(s) for s in subscriptions if isinstance(s, Readiness) and s.descriptor.pollable() is None]
    while True:
        expired = [Event(timer.userdata, EventType.CLOCK) for timer in timers if timer.left() <= 0]
        found = wrong + ready + expired
        left = 0 if found else min([timer.left() for timer in timers], default=None)
        if waits:
            found += _poll_host(waits, left)
        elif not found and left is not None:
            ctx.clocks.sleep(max(0, left))
        if found:
            return found


def _poll_host(waits: list[Readiness], left: int | None) -> list[Event]:
    """Wait for descriptors of the host; left: ns, or None for ever (in parts: an empty answer is no event)."""
    if not hasattr(select, "poll"):  # a host that can wait only for sockets
        return [_ready(wait) for wait in waits]
    poller = select.poll()
    masks: dict[int, int] = {}
    for wait in waits:
        number = wait.descriptor.pollable()
        if number is not None:
            masks[number] = masks.get(number, 0) | (select.POLLIN if wait.kind == EventType.FD_READ else select.POLLOUT)
    for number, mask in masks.items():
        poller.register(number, mask)
    milliseconds = _LONGEST_WAIT if left is None else min(_LONGEST_WAIT, max(0, -(-left // 1_000_000)))
    answers = deadlines.poll(poller, milliseconds)
    found = []
    for wait in waits:
        answer = answers.get(wait.descriptor.pollable() or 0, 0)
        wanted = select.POLLIN if wait.kind == EventType.FD_READ else select.POLLOUT
        if answer & (wanted | select.POLLHUP | select.POLLERR | select.POLLNVAL):
            found.append(_ready(wait, HANGUP if answer & (select.POLLHUP | select.POLLERR) else 0))
    return found


def _ready(wait: Readiness, flags: int = 0) -> Event:
    """Return the event that a descriptor can be read or written; for a file, with what is left of it."""
    available = 1
    if wait.kind == EventType.FD_READ and wait.descriptor.fills_buffers:
        stat = wait.descriptor.stat()
        if modes.S_ISREG(stat.mode):
            available = max(0, stat.size - wait.descriptor.seek(0, os.SEEK_CUR))
    return Event(wait.userdata, wait.kind, Errno.SUCCESS, available, flags)
