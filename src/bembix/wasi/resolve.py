"""Find what a path names without ever leaving the directory that it starts from.

Source: POSIX.1-2017, 4.13 "Pathname Resolution", cut down to what lies below a directory.

Rule 1: the host never sees a path, only one name at a time, relative to an open directory, and never follows a symbolic
link for us.  So whatever is renamed or replaced under way, a step goes to an entry of a directory that was reached by
such steps, or fails.  Rule 2: ".." goes back to the directory that we came from, which is open still; the host's ".."
is never used.
"""

from __future__ import annotations

import errno
import os
from types import TracebackType
from typing import Final

from bembix.wasi.descriptor import fail

MAX_LINKS: Final = 40  #: symbolic links expanded on the way, as on Linux
MAX_PATH: Final = 4095  #: bytes, as on Linux
MAX_DEPTH: Final = 256  #: directories open at once on the way

_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)

#: For directories on the way: O_PATH, where there is one, opens them without reading them.
_STEP: Final = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW | _CLOEXEC

#: For what is opened in the end.
FINAL: Final = _NOFOLLOW | _CLOEXEC | getattr(os, "O_NOCTTY", 0)

#: How hosts say that O_NOFOLLOW | O_DIRECTORY met a symbolic link.
MAYBE_LINK: Final = frozenset((errno.ENOTDIR, errno.ELOOP, errno.EMLINK))

#: What hosts must offer for all this.
_BY_DIRECTORY: Final = {os.open, os.stat, os.mkdir, os.unlink, os.rename, os.readlink}
SUPPORTED: Final = bool(_NOFOLLOW) and os.supports_dir_fd >= _BY_DIRECTORY


class Place:
    """A single name in an open directory: all that the host is told.

    directory: descriptor of the host, valid until the `with` block ends.  name: never with a slash; "." is the
    directory itself.  slash: the path ended in a slash, so only a directory will do.
    """

    __slots__ = ("_opened", "directory", "name", "slash")

    def __init__(self, directory: int, name: bytes, slash: bool, opened: list[int]) -> None:
        self.directory: int = directory
        self.name: bytes = name
        self.slash: bool = slash
        self._opened = opened

    def __enter__(self) -> Place:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number in self._opened:
            os.close(number)


def resolve(root: int, path: bytes, *, follow: bool) -> Place:
    """Find the place of something to use: open it, ask for it.

    root: descriptor of the directory to start from, and to stay below.
    follow: expand a symbolic link at the end too.
    Errors: ENOENT `path` is empty, or a directory on the way is missing; EPERM it leads out; ELOOP too many links.
    """
    _check(path)
    return _walk(root, [*_names(path), b"."] if path.endswith(b"/") else _names(path), follow, False)


def resolve_entry(root: int, path: bytes) -> Place:
    """Find the place of an entry to make, remove or rename: a link at the end is the entry, whatever slashes follow it.

    Errors: as of `resolve`.
    """
    _check(path)
    return _walk(root, _names(path), False, path.endswith(b"/"))


def _check(path: bytes) -> None:
    if not path:
        raise fail(errno.ENOENT)
    if len(path) > MAX_PATH:
        raise fail(errno.ENAMETOOLONG)
    if path.startswith(b"/"):
        raise fail(errno.EPERM)


def _names(path: bytes) -> list[bytes]:
    return [name for name in path.split(b"/") if name]


def _walk(root: int, names: list[bytes], follow: bool, slash: bool) -> Place:
    opened: list[int] = []
    try:
        name = _steps(root, names, follow, opened)
    except BaseException:
        for number in opened:
            os.close(number)
        raise
    return Place(opened[-1] if opened else root, name, slash, opened)


def _steps(root: int, names: list[bytes], follow: bool, opened: list[int]) -> bytes:
    """Open directories into `opened` until one name is left, and return that."""
    todo = names[::-1]
    links = 0
    while todo:
        name = todo.pop()
        here = opened[-1] if opened else root
        if name == b".":
            continue
        if name == b"..":
            if not opened:
                raise fail(errno.EPERM)
            os.close(opened.pop())
            continue
        if todo:
            target = _enter(here, name, opened)
        elif follow:
            target = link_target(here, name)
            if target is None:
                return name
        else:
            return name
        if target is not None:
            links += 1
            if links > MAX_LINKS:
                raise fail(errno.ELOOP)
            todo += _expanded(target)[::-1]
    return b"."


def _enter(here: int, name: bytes, opened: list[int]) -> bytes | None:
    """Open directory `name`; return None, or where it is a symbolic link, its target."""
    if len(opened) == MAX_DEPTH:
        raise fail(errno.ENAMETOOLONG)
    try:
        opened.append(os.open(name, _STEP, dir_fd=here))
    except OSError as error:
        target = link_target(here, name) if error.errno in MAYBE_LINK else None
        if target is None:
            raise
        return target
    return None


def link_target(here: int, name: bytes) -> bytes | None:
    """Return what symbolic link `name` holds, or None where it is something else or nothing."""
    try:
        return os.readlink(name, dir_fd=here)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise


def _expanded(target: bytes) -> list[bytes]:
    """Return the names that a link stands for.  Errors: EPERM an absolute one; ENOENT an empty one."""
    if target.startswith(b"/"):
        raise fail(errno.EPERM)
    if not target:
        raise fail(errno.ENOENT)
    return [*_names(target), b"."] if target.endswith(b"/") else _names(target)
