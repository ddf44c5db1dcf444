"""Exceptions on their way between Wasm and Python.  Source: core 3.0, 4.2.15, 4.6.10; JavaScript API, 5.9.

A native exception is an object of the garbage-collected heap, with its tag and payload.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bembix.compile.heap import Size
from bembix.compile.layout import Activation, Thread
from bembix.compile.layout import Exception_ as Layout
from bembix.errors import Frame, InternalError, LinkError, WasmException
from bembix.native import threads
from bembix.native.memory import read_u64, write_u64
from bembix.runtime import cells, registry
from bembix.runtime.extern import public
from bembix.runtime.storeinst import StoreInst, join
from bembix.runtime.tag import Tag
from bembix.runtime.values import to_python, to_wasm


def thrown_exception(store: StoreInst, address: int, frames: Callable[[], Sequence[Frame]]) -> WasmException:
    """Return the exception that left Wasm, by the address of its block, which nobody else has."""
    tag = registry.tags.get(read_u64(address + Layout.TAG)) if address else None
    if tag is None:
        raise InternalError("Wasm threw an exception that has no tag")
    payload = tuple(
        [
            to_python(cells.read(_cell(address, number), valtype), valtype, store)
            for number, valtype in enumerate(tag.type.params)
        ]
    )
    return WasmException(public(Tag, tag, store), payload, frames)


def _cell(address: int, number: int) -> int:
    return address + Layout.PAYLOAD + cells.CELL_SIZE * number


def exception_address(exception: WasmException) -> int:
    """Return the address of a native exception like one that a host function raised, or 0 where Wasm can't catch it.

    Who asks holds off collections.

    Errors: TypeError, OverflowError, ValueError where the payload is none of the tag.
    """
    tag, store = exception.tag, _running_store()
    if not isinstance(tag, Tag):
        return 0
    try:
        join((store, tag.store_inst), "exception")
    except LinkError:
        return 0  # a tag that no code of this store can name
    wanted, payload = tag.type.params, exception.payload
    if len(payload) != len(wanted):
        raise TypeError(f"the payload of {tag!r} has {len(wanted)} values, not {len(payload)}")
    plain = [
        to_wasm(value, valtype, f"payload {number + 1} of {tag!r}", store)
        for number, (value, valtype) in enumerate(zip(payload, wanted, strict=True))
    ]
    address = store.heap.allocate(Layout.PAYLOAD + cells.CELL_SIZE * len(plain), Size.EXCEPTION_TYPE)
    write_u64(address + Layout.TAG, tag.inst.address)
    write_u64(address + Layout.COUNT, len(plain))
    for number, (value, valtype) in enumerate(zip(plain, wanted, strict=True)):
        cells.write(_cell(address, number), value, valtype)
    return address


def _running_store() -> StoreInst:
    """Return the store of the Wasm code that called the host function which this thread runs."""
    top = read_u64(threads.current() + Thread.TOP)
    store = registry.stores.get(read_u64(top + Activation.STORE)) if top else None
    if store is None:
        raise InternalError("a host function runs that no Wasm called")
    return store
