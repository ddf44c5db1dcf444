"""Snapshots as bytes, to keep them on disk or to send them.

    "bembix snapshot 1\\n"   17 + 1 bytes
    SHA-256 of what follows  32 bytes
    length of the header     4 bytes, little-endian
    header                   JSON: "module" (SHA-256 of its binary form), "memories" (pages, and offset and length of
                             each part), "globals", "tables", "dropped_datas", "dropped_elems", as in `Snapshot`
    parts of memories        one after the other, compressed (RFC 1950)

Rule 1: the checksum finds damage, not malice: everything that is read is checked against the module, so that nothing
can come of it that the module's own code could not have done.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from array import array
from collections.abc import Callable
from typing import Any, Final, TypeVar

from bembix.errors import SnapshotError
from bembix.native.images import CHUNK, Image
from bembix.native.memory import round_up, write_bytes
from bembix.runtime.capture import is_function_type
from bembix.runtime.module import Module
from bembix.runtime.snapshot import NULL, MemoryState, Snapshot
from bembix.spec.limits import MAX_TABLE_SIZE
from bembix.spec.module import SegmentMode
from bembix.spec.types import I32, MemoryType, NumType, TableType, ValType

_MAGIC: Final = b"bembix snapshot 1\n"
_FAMILY: Final = b"bembix snapshot "
_DIGEST: Final = 32
_LEVEL: Final = 1  #: of compression: 3 takes twice as long and saves a twentieth
_LENGTH: Final = struct.Struct("<I")

T = TypeVar("T")


def dump(snapshot: Snapshot) -> bytes:
    """Return a snapshot as bytes.  Errors: ResourceError."""
    header = {
        "module": _digest_of(snapshot.module),
        "memories": [{"pages": state.pages, "parts": state.parts} for state in snapshot.memories],
        "globals": snapshot.globals,
        "tables": [table.tolist() for table in snapshot.tables],
        "dropped_datas": sorted(snapshot.dropped_datas),
        "dropped_elems": sorted(snapshot.dropped_elems),
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    packer = zlib.compressobj(_LEVEL)
    pieces = [_LENGTH.pack(len(text)), text]
    for state in snapshot.memories:
        start = 0
        for _, length in state.parts:
            pieces.append(packer.compress(state.image.read(start, length)))
            start += round_up(length)
    pieces.append(packer.flush())
    body = b"".join(pieces)
    return _MAGIC + hashlib.sha256(body).digest() + body


def load(data: bytes, module: Module, limit: int | None) -> Snapshot:
    """Return the snapshot that bytes hold.

    limit: bytes that its memories may have together.  Errors: SnapshotError, ResourceError.
    """
    body = _body(bytes(data))
    try:
        length = _LENGTH.unpack_from(body)[0]
        header = json.loads(body[_LENGTH.size : _LENGTH.size + length])
    except (struct.error, ValueError, RecursionError) as error:
        raise SnapshotError(f"a snapshot is damaged: {error}") from None
    _check(isinstance(header, dict), "it has no header")
    if header.get("module") != _digest_of(module):
        raise SnapshotError(f"a snapshot of another module, or of another version of {module!r}")
    return _Reader(header, body[_LENGTH.size + length :], module).read(limit)


def _body(data: bytes) -> bytes:
    if not data.startswith(_MAGIC):
        if data.startswith(_FAMILY):
            raise SnapshotError("a snapshot of another version of Bembix")
        raise SnapshotError("not a snapshot")
    start = len(_MAGIC) + _DIGEST
    if hashlib.sha256(data[start:]).digest() != data[len(_MAGIC) : start]:
        raise SnapshotError("a snapshot is damaged: its checksum is another one")
    return data[start:]


def _digest_of(module: Module) -> str:
    return hashlib.sha256(module.to_bytes()).hexdigest()


def _check(right: bool, what: str) -> None:
    if not right:
        raise SnapshotError(f"a snapshot is wrong: {what}")


class _Reader:
    """Checks a header against a module, piece by piece."""

    def __init__(self, header: dict[str, Any], packed: bytes, module: Module) -> None:
        self._header = header
        self._packed = packed
        self._module = module
        self._functions = len(module.context.functions)

    def read(self, limit: int | None) -> Snapshot:
        """Return the snapshot."""
        definition, context = self._module.definition, self._module.context
        datas, elems = definition.datas, definition.elems
        globals_ = context.globals[len(context.globals) - len(definition.globals) :]
        tables = context.tables[len(context.tables) - len(definition.tables) :]
        sizes = self._each("memories", definition.memories, self._memory)
        size = sum(pages << kind.page_size_log2 for (pages, _), kind in zip(sizes, definition.memories, strict=True))
        if limit is not None and size > limit:
            raise SnapshotError(f"a snapshot has {size} bytes of memory, more than the limit of {limit}")
        return Snapshot(
            self._module,
            self._memories(sizes),
            self._each("globals", [g.value for g in globals_], self._value),
            self._each("tables", tables, self._table),
            self._dropped("dropped_datas", [data.mode for data in datas]),
            self._dropped("dropped_elems", [elem.mode for elem in elems]),
        )

    def _each(self, name: str, types: list[Any], read: Callable[[Any, Any, str], T]) -> tuple[T, ...]:
        found = self._list(name)
        _check(len(found) == len(types), f"it has other {name} than the module")
        return tuple([read(item, kind, f"{name} {i}") for i, (item, kind) in enumerate(zip(found, types, strict=True))])

    def _list(self, name: str) -> list[Any]:
        found = self._header.get(name)
        if not isinstance(found, list):
            raise SnapshotError(f"a snapshot is wrong: {name} is no list")
        return found

    def _dropped(self, name: str, modes: list[SegmentMode]) -> frozenset[int]:
        found = self._list(name)
        for index in found:
            _check(_is_count(index, len(modes)) and modes[index] is SegmentMode.PASSIVE, f"{name} has {index!r}")
        return frozenset(found)

    def _value(self, value: object, valtype: ValType, where: str) -> int:
        """Return the bits of a value, or a function's index."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise SnapshotError(f"a snapshot is wrong: {where} is no number")
        if isinstance(valtype, NumType):
            _check(0 <= value < 1 << _BITS[valtype], f"{where} does not fit {valtype}")
        elif is_function_type(valtype):
            _check(NULL <= value < self._functions, f"{where} refers to a function {value} that there is not")
        else:
            _check(value == 0 or (value & 1 == 1 and 0 < value < 1 << 32), f"{where} is no i31")
        return value

    def _table(self, found: object, kind: TableType, where: str) -> array[int]:
        if not isinstance(found, list):
            raise SnapshotError(f"a snapshot is wrong: {where} is no list")
        limits = kind.limits
        most = MAX_TABLE_SIZE if limits.maximum is None else min(limits.maximum, MAX_TABLE_SIZE)
        _check(limits.minimum <= len(found) <= most, f"{where} has {len(found)} elements")
        return array("q", [self._value(value, kind.element, where) for value in found])

    def _memory(self, found: object, kind: MemoryType, where: str) -> tuple[int, tuple[tuple[int, int], ...]]:
        """Return pages and parts of a memory."""
        _check(isinstance(found, dict) and set(found) == {"pages", "parts"}, f"{where} has no pages and parts")
        pages, parts = found["pages"], found["parts"]  # type: ignore[index]  # just checked
        top = (1 << ((32 if kind.address is I32 else 48) - kind.page_size_log2)) + 1
        most = top - 1 if kind.limits.maximum is None else min(kind.limits.maximum, top - 1)
        _check(_is_count(pages, top) and kind.limits.minimum <= pages <= most, f"{where} has {pages!r} pages")
        _check(isinstance(parts, list), f"{where} has no parts")
        end, size = 0, pages << kind.page_size_log2
        for part in parts:
            _check(isinstance(part, list) and len(part) == 2 and all(_is_count(n, size + 1) for n in part), where)
            offset, length = part
            fits = offset % CHUNK == 0 and end <= offset and 0 < length <= size - offset
            _check(fits and (length % CHUNK == 0 or offset + length == size), f"{where} has a part at {offset}")
            end = offset + length
        return pages, tuple((offset, length) for offset, length in parts)

    def _memories(self, sizes: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]) -> tuple[MemoryState, ...]:
        unpacker = zlib.decompressobj()
        pending = self._packed

        def fill(address: int, parts: tuple[tuple[int, int], ...]) -> None:
            nonlocal pending
            for _, length in parts:
                done = 0
                while done < length:
                    piece = unpacker.decompress(pending, length - done)
                    pending = unpacker.unconsumed_tail
                    _check(bool(piece), "it ends in the middle of a memory")
                    write_bytes(address + done, piece)
                    done += len(piece)
                address += round_up(length)

        try:
            made = [
                MemoryState(
                    pages,
                    parts,
                    Image(sum(round_up(n) for _, n in parts), lambda address, parts=parts: fill(address, parts)),  # type: ignore[misc]
                )
                for pages, parts in sizes
            ]
            rest = unpacker.decompress(pending, 1)
            _check(not rest and not unpacker.unused_data, "there is more than its memories")
            _check(unpacker.eof, "it ends too early")
        except zlib.error as error:
            raise SnapshotError(f"a snapshot is damaged: {error}") from None
        return tuple(made)


_BITS: Final = {NumType.I32: 32, NumType.I64: 64, NumType.F32: 32, NumType.F64: 64, NumType.V128: 128}


def _is_count(value: object, end: int) -> bool:
    """Tell whether something is an int from 0 to below `end`."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < end
