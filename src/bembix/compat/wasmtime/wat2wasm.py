"""From the text form of modules to the binary form."""

from __future__ import annotations

from bembix.compat.wasmtime.errors import translated


def wat2wasm(wat: str | bytes) -> bytearray:
    """Return the binary form of a module in text form; one in binary form comes out as it is.

    Nothing is checked that the format does not ask for.  Errors: WasmtimeError where it is malformed.
    """
    from bembix.binary.encode import encode
    from bembix.text.parse import parse

    if isinstance(wat, bytes) and wat.startswith(b"\0asm"):
        return bytearray(wat)
    with translated():
        return bytearray(encode(parse(wat, None)))
