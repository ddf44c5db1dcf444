"""Why Wasm stopped, as a Python exception whose backtrace is worked out when it is read.  Source: core 3.0, 4.4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from bembix import deadlines
from bembix.compile.traps import Reason
from bembix.errors import Frame, HeapExhausted, InternalError, Interrupted, OutOfFuel, StackExhausted, Trap
from bembix.native import threads
from bembix.runtime.exceptions import thrown_exception
from bembix.runtime.func import store_of
from bembix.runtime.storeinst import StoreInst

_NO_OFFSET: Final = -1
_REASONS: Final = {int(reason): reason for reason in Reason}


def raise_(func: object, reason: int, thread: int) -> NoReturn:
    """Raise what a call of `func` came to.

    reason: a `Reason`.  thread: address of the thread's block, which holds the trace.
    """
    store = store_of(func)
    if reason == Reason.WASM_EXCEPTION:
        frames = backtrace(store, threads.trace(thread), _NO_OFFSET)
        raise thrown_exception(store, threads.exception(thread), frames)
    frames = backtrace(store, threads.trace(thread), threads.offset(thread))
    match _REASONS[reason]:
        case Reason.STACK_EXHAUSTED as found:
            raise StackExhausted(found.message, frames)
        case Reason.EXPIRED:
            raise deadlines.error(frames)
        case Reason.INTERRUPTED as found:
            raise Interrupted(found.message, frames)
        case Reason.OUT_OF_FUEL as found:
            raise OutOfFuel(found.message, frames)
        case Reason.HEAP_EXHAUSTED as found:
            raise HeapExhausted(f"{found.message}: it may have {store.heap_limit} bytes (Limits.heap)", frames)
        case Reason.PYTHON_ERROR:
            raise InternalError("a host function failed without saying why")
        case found:
            raise Trap(found.message, frames)


def backtrace(store: StoreInst, addresses: Sequence[int], offset: int) -> Callable[[], Sequence[Frame]]:
    """Return what resolves code addresses to functions.

    addresses: innermost first, each one past what was executed.  offset: of the innermost in its module, or -1.
    """

    def resolve() -> list[Frame]:
        # The store is kept until then: what ran is code of its modules.
        offsets = [None if offset == _NO_OFFSET else offset, *[None] * len(addresses)]
        found = [_frame(store, address - 1, known) for address, known in zip(addresses, offsets, strict=False)]
        frames = [frame for frame in found if frame is not None]
        if len(frames) > 1 and offset != _NO_OFFSET and frames[0].index == frames[1].index and frames[1].offset is None:
            del frames[1]  # its call of the helper that traps
        return frames

    return resolve


def _frame(store: StoreInst, address: int, offset: int | None) -> Frame | None:
    for module in store.modules:
        frame = module.frame(address, offset)
        if frame is not None:
            return frame
    return None
