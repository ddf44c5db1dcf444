"""What most classes of wasmtime-py have in common: `close`, and being a context manager that closes."""

from __future__ import annotations

from typing import NoReturn, TypeVar

M = TypeVar("M", bound="Managed")


class Managed:
    """Something that can be closed, after which it can't be used."""

    _closed: bool = False

    def close(self) -> None:
        """Let go of it; once more does nothing."""
        self._closed = True

    def ptr(self) -> NoReturn:
        """Raise: behind an object of Bembix there is none of wasmtime's C API.  Errors: NotImplementedError always."""
        self.check_open()
        raise NotImplementedError(f"{type(self).__name__}.ptr(): bembix.compat.wasmtime has no objects of the C API")

    def check_open(self) -> None:
        """Raise if it was closed.  Errors: ValueError."""
        if self._closed:
            raise ValueError("already closed")

    def __enter__(self: M) -> M:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
