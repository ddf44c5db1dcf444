"""Standard input, output and error: a host's descriptor, a Python file object, bytes, or nothing.

Source: WASI snapshot_preview1, `fd_read` and `fd_write`.  No stream can be positioned, even where the host's descriptor
could: a log that the host appends to is not the program's to rewrite.
"""

# ruff: noqa: D102 - what the methods of a descriptor do is said once, at Descriptor

from __future__ import annotations

import codecs
import enum
import errno
import io
import os
import select
import stat as modes
import sys
from collections.abc import Callable
from typing import Protocol, TypeAlias, runtime_checkable

from bembix import deadlines
from bembix.wasi.descriptor import Descriptor, Stat, fail


class Stdio(enum.Enum):
    """A way to set up a standard stream that is not an object."""

    INHERIT = "the host's own stream"
    NULL = "always at its end; takes what is written and forgets it"


INHERIT = Stdio.INHERIT
NULL = Stdio.NULL


@runtime_checkable
class Readable(Protocol):
    """A binary file object, as far as standard input needs it."""

    def read(self, length: int, /) -> bytes | None:
        """Return up to `length` bytes; None where there are none yet."""


@runtime_checkable
class Writable(Protocol):
    """A file object, as far as standard output needs it."""

    def write(self, data: bytes, /) -> int | None:
        """Write; return how many bytes were written, None for all."""


Source: TypeAlias = "Stdio | bytes | bytearray | memoryview | int | Readable | io.TextIOBase | None"
Sink: TypeAlias = "Stdio | int | Writable | io.TextIOBase | None"


class Stream(Descriptor):
    """What all standard streams have in common."""

    is_stream = True

    append: bool
    nonblocking: bool

    def seek(self, offset: int, whence: int) -> int:
        raise fail(errno.ESPIPE)

    def read_at(self, length: int, offset: int) -> bytes:
        raise fail(errno.ESPIPE if self.readable else errno.EBADF)

    def write_at(self, data: bytes, offset: int) -> int:
        raise fail(errno.ESPIPE if self.writable else errno.EBADF)

    def stat(self) -> Stat:
        return Stat(0)

    def sync(self, metadata: bool) -> None:
        raise fail(errno.EINVAL)

    def set_flags(self, append: bool, nonblocking: bool) -> None:
        # Only noted: the host's flag would change the stream for everyone who shares it.
        self.append, self.nonblocking = append, nonblocking


class HostStream(Stream):
    """A descriptor of the host, which stays open when the program closes its own."""

    def __init__(self, number: int, *, readable: bool = False, writable: bool = False) -> None:
        super().__init__(readable=readable, writable=writable)
        self._number = number

    def read(self, length: int) -> bytes:
        if not self.readable:
            raise fail(errno.EBADF)
        while True:
            if self.nonblocking and not _ready(self._number, reading=True, timeout=0):
                raise fail(errno.EAGAIN)
            self._await(reading=True)
            try:
                return os.read(self._number, length)
            except BlockingIOError:  # someone else made it non-blocking
                _ready(self._number, reading=True, timeout=None)

    def write(self, data: bytes) -> int:
        """Write all of `data`, at once: nothing is kept back."""
        if not self.writable:
            raise fail(errno.EBADF)
        if self.nonblocking and not _ready(self._number, reading=False, timeout=0):
            raise fail(errno.EAGAIN)
        done = 0
        patient = not deadlines.impatient()
        while done < len(data):
            at_once = len(data) if patient or self._await(reading=False) else select.PIPE_BUF
            try:
                done += os.write(self._number, data[done : done + at_once] if done or at_once < len(data) else data)
            except BlockingIOError:
                if self.nonblocking and done:
                    break
                _ready(self._number, reading=False, timeout=None)
        return done

    def _await(self, *, reading: bool) -> bool:
        """Wait until something can be read or a little be written; return True where a write may as well take long.

        Errors: Stop.
        """
        if not hasattr(select, "poll") or not (reading or deadlines.impatient()):
            return True
        poller = select.poll()
        poller.register(self._number, select.POLLIN if reading else select.POLLOUT)
        while not deadlines.poll(poller, None):
            continue
        return False

    def stat(self) -> Stat:
        """Say whether it is a terminal, and nothing else of where it leads."""
        return Stat(modes.S_IFCHR if os.isatty(self._number) else 0)

    def pollable(self) -> int | None:
        return self._number


class InputObject(Stream):
    """Standard input from a Python file object."""

    def __init__(self, file: Readable) -> None:
        super().__init__(readable=True)
        # What is there already, rather than wait until `length` bytes are; raw and other files know only `read`.
        self._read = getattr(file, "read1", file.read)

    def read(self, length: int) -> bytes:
        data = self._read(length)
        if data is None:  # a raw file object that is non-blocking and has nothing
            raise fail(errno.EAGAIN)
        if not isinstance(data, bytes) or len(data) > length:
            raise TypeError(f"stdin: read() gave {type(data).__name__}, wanted up to {length} bytes")
        return data


class OutputObject(Stream):
    """Standard output to a Python file object.

    first: called before each write, to get out what lies in a text layer above `file`.
    """

    def __init__(self, file: Writable, first: Callable[[], object] | None = None) -> None:
        super().__init__(writable=True)
        self._file = file
        self._first = first
        self._flush: Callable[[], object] | None = getattr(file, "flush", None)

    def write(self, data: bytes) -> int:
        """Write all of `data`, at once: nothing is kept back."""
        if self._first is not None:
            self._first()
        done = 0
        while done < len(data):
            try:
                count = self._file.write(data[done:] if done else data)
            except OSError:
                if not done:
                    raise
                break  # the next call will meet it again
            if count == 0:
                raise fail(errno.EAGAIN)
            done = len(data) if count is None else done + count
        if self._flush is not None:
            self._flush()
        return done


class Utf8Writer:
    """A binary file above a text file that has no bytes below it, such as io.StringIO; wrong bytes become U+FFFD."""

    def __init__(self, file: io.TextIOBase) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.flush: Callable[[], None] = file.flush

    def write(self, data: bytes, /) -> int:
        self._file.write(self._decoder.decode(data))
        return len(data)


class Capture:
    """A binary file that keeps what is written to it, up to `limit` bytes (None: as long as there is memory)."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self._data = bytearray()

    def write(self, data: bytes, /) -> int:
        """Append `data`, or the part of it that there is room for.  Errors: ENOSPC no room at all."""
        taken = data if self.limit is None else data[: max(0, self.limit - len(self._data))]
        if data and not taken:
            raise fail(errno.ENOSPC)
        self._data += taken
        return len(taken)

    def getvalue(self) -> bytes:
        """Return what was written so far."""
        return bytes(self._data)


class NullStream(Stream):
    """Nothing to read, nowhere to write."""

    def read(self, length: int) -> bytes:
        if not self.readable:
            raise fail(errno.EBADF)
        return b""

    def write(self, data: bytes) -> int:
        if not self.writable:
            raise fail(errno.EBADF)
        return len(data)


def input_stream(source: Source) -> Descriptor:
    """Return the descriptor for standard input.  Errors: TypeError `source` is nothing of what `Source` allows."""
    if source is None or source is NULL:
        return NullStream(readable=True)
    if source is INHERIT:
        return HostStream(0, readable=True) if _is_open(0) else NullStream(readable=True)
    if isinstance(source, int):
        return HostStream(source, readable=True)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return InputObject(io.BytesIO(source))
    file: object = getattr(source, "buffer", None) if isinstance(source, io.TextIOBase) else source
    if not isinstance(file, Readable):
        raise TypeError(f"stdin: wanted bytes, a descriptor or a binary file, got {type(source).__name__}")
    return InputObject(file)


def output_stream(sink: Sink, inherited: int) -> Descriptor:
    """Return the descriptor for standard output or error.

    inherited: the host's descriptor that `INHERIT` means, 1 or 2.
    Errors: TypeError `sink` is nothing of what `Sink` allows.
    """
    if sink is None or sink is NULL:
        return NullStream(writable=True)
    if sink is INHERIT:
        return _inherited_output(inherited)
    if isinstance(sink, int):
        return HostStream(sink, writable=True)
    if isinstance(sink, io.TextIOBase):
        below = getattr(sink, "buffer", None)
        return OutputObject(Utf8Writer(sink)) if below is None else OutputObject(below, sink.flush)
    if not isinstance(sink, Writable):
        raise TypeError(f"stdout, stderr: wanted a descriptor or a file, got {type(sink).__name__}")
    return OutputObject(sink)


def _inherited_output(number: int) -> Descriptor:
    """Return the host's stream, after getting out what Python has written to it so far."""
    stream = sys.stdout if number == 1 else sys.stderr
    if stream is not None and not stream.closed:
        stream.flush()
    return HostStream(number, writable=True) if _is_open(number) else NullStream(writable=True)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _ready(number: int, *, reading: bool, timeout: float | None) -> bool:
    """Wait until the host's descriptor can be read or written; timeout: s, None for ever."""
    waiting = [number]
    try:
        found = select.select(waiting if reading else [], [] if reading else waiting, [], timeout)
    except (OSError, ValueError):  # a host that can only wait for sockets, or a number that select cannot take
        return True
    return any(found)
