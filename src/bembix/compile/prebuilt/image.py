"""The one file of machine code for this machine and this kind of Python, and what it needs from outside.

`tools/prebuild.py` makes it from the IR in `compile/llvm/`.
"""

from __future__ import annotations

import sys
import threading
from typing import Final

from bembix import shipped
from bembix.errors import InternalError, ResourceError
from bembix.native import libc, platform, state
from bembix.native.image import Image

_lock: Final = threading.RLock()
_image: Image | None = None


def file_name(system: str, machine: str, head: int) -> str:
    """Return the name of a file.

    system: as in `sys.platform`.  machine: as in `platform.machine()`.  head: bytes of the head of every Python object.
    """
    return f"{system}-{machine}-{head}.bin"


def load() -> Image:
    """Return the image.  Errors: ResourceError where there is none for this machine; InternalError if it is damaged."""
    global _image
    with _lock:
        if _image is None:
            _image = Image(_read(), _resolve)
        return _image


def _read() -> bytes:
    name = file_name(sys.platform, platform.require().machine, object.__basicsize__)
    try:
        return shipped.read(__name__, name)
    except OSError as error:
        raise ResourceError(f"there is no machine code for this Python on this machine: {error}") from error


def _resolve(names: list[str]) -> list[int]:
    """Return the addresses of functions and objects outside.

    Errors: InternalError where this Python or C library lacks one.
    """
    found = [state.ADDRESS if n == "state" else libc.library_address(n) or libc.api_address(n) for n in names]
    missing = [name for name, address in zip(names, found, strict=True) if not address]
    if missing:
        raise InternalError(f"this Python has no {', '.join(missing)}")
    return found
