"""Integers and other values of fixed shape, both ways: LEB128, floats as bits, lengths, names.

A reader takes the bytes and a position and returns the value and the position after it; positions are absolute offsets
in the module, so that every error says where.  Source: core 3.0, 5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from bembix.errors import ParseError

_MASK: Final = 0x7F
_MORE: Final = 0x80  #: set in every byte of an integer but its last
_SIGN: Final = 0x40
_ONE_BYTE: Final = tuple(bytes((n,)) for n in range(0x80))

T = TypeVar("T")


def unexpected_end(data: bytes, position: int | None = None) -> ParseError:
    """Return the error that the bytes end too early, at `position` (by default where they end)."""
    return ParseError("unexpected end of section or function", offset=len(data) if position is None else position)


def read_byte(data: bytes, pos: int) -> tuple[int, int]:
    """Read one byte."""
    if pos >= len(data):
        raise unexpected_end(data)
    return data[pos], pos + 1


def read_bytes(data: bytes, pos: int, count: int) -> tuple[bytes, int]:
    """Read `count` bytes."""
    end = pos + count
    if end > len(data):
        raise unexpected_end(data)
    return data[pos:end], end


def _read_unsigned(data: bytes, start: int, bits: int) -> tuple[int, int]:
    value = shift = 0
    pos = start
    while shift < bits:
        byte, pos = read_byte(data, pos)
        left = bits - shift
        if left < 7 and (byte & _MASK) >> left:
            raise ParseError(f"integer too large: more than {bits} bits", offset=start)
        value |= (byte & _MASK) << shift
        if byte < _MORE:
            return value, pos
        shift += 7
    raise ParseError(f"integer representation too long: more than {(bits + 6) // 7} bytes", offset=start)


def _read_signed(data: bytes, start: int, bits: int) -> tuple[int, int]:
    value = shift = 0
    pos = start
    while shift < bits:
        byte, pos = read_byte(data, pos)
        left = bits - shift
        if left < 7:  # what lies above the integer's own bits must repeat its sign
            above = (-1 << (left - 1)) & _MASK
            if byte & above not in (0, above):
                raise ParseError(f"integer too large: more than {bits} bits", offset=start)
        value |= (byte & _MASK) << shift
        shift += 7
        if byte < _MORE:
            return (value - (1 << shift) if byte & _SIGN else value), pos
    raise ParseError(f"integer representation too long: more than {(bits + 6) // 7} bytes", offset=start)


def read_u32(data: bytes, pos: int) -> tuple[int, int]:
    """Read an unsigned integer of 32 bits."""
    try:
        byte = data[pos]
        if byte < _MORE:
            return byte, pos + 1
        second = data[pos + 1]  # FAST: a module of 133,000 functions has such indices and sizes
        if second < _MORE:
            return byte & _MASK | second << 7, pos + 2
        third = data[pos + 2]
        if third < _MORE:
            return byte & _MASK | (second & _MASK) << 7 | third << 14, pos + 3
    except IndexError:
        raise unexpected_end(data) from None
    return _read_unsigned(data, pos, 32)


def read_u64(data: bytes, pos: int) -> tuple[int, int]:
    """Read an unsigned integer of 64 bits."""
    try:
        byte = data[pos]
    except IndexError:
        raise unexpected_end(data) from None
    return (byte, pos + 1) if byte < _MORE else _read_unsigned(data, pos, 64)


def read_s32(data: bytes, pos: int) -> tuple[int, int]:
    """Read a signed integer of 32 bits."""
    if pos < len(data) and (byte := data[pos]) < _MORE:
        return (byte - _MORE if byte & _SIGN else byte), pos + 1
    return _read_signed(data, pos, 32)


def read_s33(data: bytes, pos: int) -> tuple[int, int]:
    """Read a signed integer of 33 bits: a type index, or the code of something that takes its place."""
    return _read_signed(data, pos, 33)


def read_s64(data: bytes, pos: int) -> tuple[int, int]:
    """Read a signed integer of 64 bits."""
    if pos < len(data) and (byte := data[pos]) < _MORE:
        return (byte - _MORE if byte & _SIGN else byte), pos + 1
    return _read_signed(data, pos, 64)


def read_u32s(data: bytes, pos: int, count: int) -> tuple[list[int], int]:
    """Read `count` unsigned integers of 32 bits."""
    end = pos + count
    chunk = data[pos:end]
    if len(chunk) == count and chunk.isascii():  # FAST: decoding a module of 133,000 functions
        return list(chunk), end
    values: list[int] = []
    for _ in range(count):
        value, pos = read_u32(data, pos)
        values.append(value)
    return values, pos


def read_length(data: bytes, pos: int) -> tuple[int, int]:
    """Read the length of what follows, in bytes or in items of at least one byte.

    It is never more than the bytes that are left, so a caller may loop over it, and allocate in proportion.
    """
    length, after = read_u32(data, pos)
    if length > len(data) - pos:
        raise ParseError(f"length out of bounds: {length}, but {len(data) - after} bytes are left", offset=pos)
    return length, after


def read_count(data: bytes, pos: int, what: str, limit: int) -> tuple[int, int]:
    """Read the number of items of a list.  what: their plural, for messages.  limit: how many we allow."""
    count, after = read_length(data, pos)
    if count > limit:
        raise ParseError(f"too many {what}: {count}, the limit is {limit}", offset=pos)
    return count, after


def read_list(
    data: bytes, pos: int, what: str, limit: int, read: Callable[[bytes, int], tuple[T, int]]
) -> tuple[list[T], int]:
    """Read a list of items by their reader `read`; `what` and `limit` as for `read_count`."""
    count, pos = read_count(data, pos, what, limit)
    items = []
    for _ in range(count):
        item, pos = read(data, pos)
        items.append(item)
    return items, pos


def read_name(data: bytes, pos: int) -> tuple[str, int]:
    """Read a name: its length in bytes, then UTF-8."""
    length, start = read_length(data, pos)
    content, end = read_bytes(data, start, length)
    try:
        return content.decode(), end
    except UnicodeDecodeError as error:
        message = f"malformed UTF-8 encoding: {error.reason}"
        raise ParseError(message, offset=start + error.start) from None


def _unsigned(value: int, bits: int) -> bytes:
    if value >> bits:
        raise ValueError(f"{value} is no unsigned integer of {bits} bits")
    out = bytearray()
    while value > _MASK:
        out.append(value & _MASK | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def _signed(value: int, bits: int) -> bytes:
    if value >> (bits - 1) not in (0, -1):
        raise ValueError(f"{value} is no signed integer of {bits} bits")
    out = bytearray()
    while not -_SIGN <= value < _SIGN:
        out.append(value & _MASK | _MORE)
        value >>= 7
    out.append(value & _MASK)
    return bytes(out)


def u32(value: int) -> bytes:
    """Write an unsigned integer of 32 bits."""
    return _ONE_BYTE[value] if 0 <= value < _MORE else _unsigned(value, 32)


def u64(value: int) -> bytes:
    """Write an unsigned integer of 64 bits."""
    return _ONE_BYTE[value] if 0 <= value < _MORE else _unsigned(value, 64)


def s32(value: int) -> bytes:
    """Write a signed integer of 32 bits."""
    return _signed(value, 32)


def s33(value: int) -> bytes:
    """Write a signed integer of 33 bits."""
    return _signed(value, 33)


def s64(value: int) -> bytes:
    """Write a signed integer of 64 bits."""
    return _signed(value, 64)


def write_name(name: str) -> bytes:
    """Write a name: its length in bytes, then UTF-8."""
    content = name.encode()
    return u32(len(content)) + content


def vector(items: Sequence[bytes]) -> bytes:
    """Write a list of items that are written already: their number, then each."""
    return u32(len(items)) + b"".join(items)
