"""A directory that was handed over, or one below it: everything that a program does by path.

Source: WASI snapshot_preview1, "path_*" and `fd_readdir`; POSIX.1-2017.
"""

# ruff: noqa: D102 - what the methods of a descriptor do is said once, at Descriptor

from __future__ import annotations

import errno
import os
import stat as modes
from typing import Final

from bembix.records import dataclass
from bembix.wasi.descriptor import Descriptor, HostDescriptor, Stat, fail
from bembix.wasi.file import File, chosen_times, set_times, sync
from bembix.wasi.resolve import FINAL, MAYBE_LINK, SUPPORTED, Place, link_target, resolve, resolve_entry


def _device_of(path: str) -> int | None:
    try:
        return os.stat(path).st_dev
    except OSError:
        return None


#: The device of /proc.  Its files show and change this very process: its memory, environment and descriptors.  They
#: stay closed even to a program that was handed the whole of "/".
_PROCESSES: Final = _device_of("/proc/self")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a directory holds under a name.  mode: the host's type bits."""

    name: bytes
    inode: int
    mode: int


class Directory(Descriptor):
    """An open directory.

    name: what the program knows it by where it was handed over, else None.
    readonly: nothing in it or below it can be changed.
    """

    is_directory = True

    def __init__(self, host: HostDescriptor, *, readonly: bool, name: bytes | None = None) -> None:
        super().__init__(readable=True)
        self._host = host
        self.readonly = readonly
        self.name = name
        self._listing: list[Entry] | None = None

    @classmethod
    def handed_over(cls, path: str | os.PathLike[str], name: str, *, readonly: bool) -> Directory:
        """Open the host's directory `path`, which the program shall see as `name`.

        Errors: OSError it is not a directory that can be opened; NotImplementedError the host cannot open a name
        relative to a directory, without which nothing keeps a program inside.
        """
        if not SUPPORTED:
            raise NotImplementedError("directories cannot be handed over safely on this platform")
        number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return cls(HostDescriptor(number), readonly=readonly, name=name.encode())

    def _for_change(self) -> int:
        if self.readonly:
            raise fail(errno.EPERM)
        return self._host.number

    def stat(self) -> Stat:
        return Stat.of(os.fstat(self._host.number))

    def set_times(self, accessed: int | None, modified: int | None) -> None:
        set_times(self._for_change(), accessed, modified)

    def sync(self, metadata: bool) -> None:
        sync(self._host.number, metadata)

    def entries(self, start: int, count: int) -> list[Entry]:
        """Return up to `count` entries from number `start` on, "." and ".." first, then by name.

        The list is made when it is read from the start, so that numbers stay what they are while entries come and go.
        Names that are not UTF-8 are left out: no path can reach them.
        """
        if self._listing is None or start == 0:
            itself = self.stat()
            dots = [Entry(name, itself.inode, modes.S_IFDIR) for name in (b".", b"..")]  # the inode above is not told
            self._listing = dots + sorted(self._scan(), key=lambda entry: entry.name)
        return self._listing[start : start + count]

    def _scan(self) -> list[Entry]:
        found = []
        with os.scandir(self._host.number) as listing:
            for item in listing:
                name = os.fsencode(item.name)
                if _is_utf8(name):
                    found.append(Entry(name, item.inode(), _mode_of(item)))
        return found

    def open(self, path: bytes, flags: int, *, follow: bool, readable: bool) -> Descriptor:
        """Open `path` with the host's `flags`: a `File` or a `Directory`.

        follow: a symbolic link at the end too.  readable: whether the program may read what it opened.
        Errors: ENOENT, EEXIST, ENOTDIR, EISDIR, ELOOP, EPERM the path leads out or the directory is handed over for
        reading; EACCES.
        """
        writable = bool(flags & (os.O_WRONLY | os.O_RDWR))
        if self.readonly and (writable or flags & (os.O_CREAT | os.O_TRUNC)):
            raise fail(errno.EPERM)
        if flags & os.O_CREAT and path.endswith(b"/") and not path.startswith(b"/"):
            raise fail(errno.EISDIR)
        exclusive = flags & os.O_CREAT and flags & os.O_EXCL
        with resolve(self._host.number, path, follow=follow and not exclusive) as place:
            host = HostDescriptor(_open(place, flags))
        stat = os.fstat(host.number)
        if modes.S_ISDIR(stat.st_mode):
            return Directory(host, readonly=self.readonly)
        if stat.st_dev == _PROCESSES:
            raise fail(errno.EACCES)
        return File(host, readable=readable, writable=writable, readonly=self.readonly, flags=flags)

    def stat_at(self, path: bytes, *, follow: bool) -> Stat:
        """Return what is known of the file at `path`."""
        with resolve(self._host.number, path, follow=follow) as place:
            return Stat.of(os.stat(place.name, dir_fd=place.directory, follow_symlinks=False))

    def set_times_at(self, path: bytes, accessed: int | None, modified: int | None, *, follow: bool) -> None:
        """Set the times of the file at `path`, in ns since 1970; None leaves one as it is."""
        with resolve(self._for_change(), path, follow=follow) as place:
            before = os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
            times = chosen_times(before, accessed, modified)
            os.utime(place.name, ns=times, dir_fd=place.directory, follow_symlinks=False)

    def make_directory(self, path: bytes) -> None:
        """Make a directory."""
        with resolve_entry(self._for_change(), path) as place:
            os.mkdir(place.name, 0o777, dir_fd=place.directory)

    def remove_directory(self, path: bytes) -> None:
        """Remove an empty directory."""
        with resolve_entry(self._for_change(), path) as place:
            os.rmdir(place.name, dir_fd=place.directory)

    def unlink(self, path: bytes) -> None:
        """Remove a file or a symbolic link.  Errors: EISDIR a directory, on every host."""
        self._no_slash(path, errno.EISDIR)
        with resolve_entry(self._for_change(), path) as place:
            try:
                os.unlink(place.name, dir_fd=place.directory)
            except PermissionError:
                if _is_directory(place.directory, place.name):
                    raise fail(errno.EISDIR) from None
                raise

    def rename(self, path: bytes, target: Directory, target_path: bytes) -> None:
        """Give what is at `path` the name `target_path`, below `target`."""
        with (
            resolve_entry(self._for_change(), path) as old,
            resolve_entry(target._for_change(), target_path) as new,
        ):
            if (old.slash or new.slash) and not _is_directory(old.directory, old.name):
                raise fail(errno.ENOTDIR)
            os.replace(old.name, new.name, src_dir_fd=old.directory, dst_dir_fd=new.directory)

    def link(self, path: bytes, target: Directory, target_path: bytes, *, follow: bool) -> None:
        """Give the file at `path` a second name.

        Both directories must be open to change: a link out of one that is not would be a way to write to its file.
        """
        target._no_slash(target_path, errno.EEXIST)
        with (
            resolve(self._for_change(), path, follow=follow) as old,
            resolve_entry(target._for_change(), target_path) as new,
        ):
            os.link(old.name, new.name, src_dir_fd=old.directory, dst_dir_fd=new.directory, follow_symlinks=False)

    def make_symlink(self, contents: bytes, path: bytes) -> None:
        """Make a symbolic link that holds `contents`.  Errors: EPERM an absolute one, which could only lead out."""
        if contents.startswith(b"/"):
            raise fail(errno.EPERM)
        self._no_slash(path, errno.EEXIST)
        with resolve_entry(self._for_change(), path) as place:
            os.symlink(contents, place.name, dir_fd=place.directory)

    def read_symlink(self, path: bytes) -> bytes:
        """Return what a symbolic link holds.

        Errors: EPERM an absolute one: it leads out, and would tell where the host keeps things.
        """
        with resolve(self._host.number, path, follow=False) as place:
            contents = os.readlink(place.name, dir_fd=place.directory)
        if contents.startswith(b"/"):
            raise fail(errno.EPERM)
        return contents

    def _no_slash(self, path: bytes, number: int) -> None:
        """Fail where `path` ends in a slash: as the path does that cannot be a directory, or with `number`."""
        if path.endswith(b"/"):
            with resolve(self._for_change(), path, follow=True):
                raise fail(number)


def _open(place: Place, flags: int) -> int:
    """Open what is at `place`.  Errors: ELOOP a symbolic link, on every host."""
    try:
        return os.open(place.name, flags | FINAL, 0o666, dir_fd=place.directory)
    except OSError as error:
        if error.errno in MAYBE_LINK and link_target(place.directory, place.name) is not None:
            raise fail(errno.ELOOP) from None
        raise


def _is_directory(directory: int, name: bytes) -> bool:
    return modes.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mode_of(item: os.DirEntry[str]) -> int:
    """Return the type bits of an entry, from what the listing says where it does."""
    try:
        if item.is_symlink():
            return modes.S_IFLNK
        if item.is_dir(follow_symlinks=False):
            return modes.S_IFDIR
        if item.is_file(follow_symlinks=False):
            return modes.S_IFREG
        return item.stat(follow_symlinks=False).st_mode
    except OSError:
        return 0  # gone since
