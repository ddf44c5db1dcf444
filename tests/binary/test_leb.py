"""Integers, both ways; the malformed ones with the specification's messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bembix.binary import leb
from bembix.errors import ParseError

CODECS = {
    "u32": (leb.u32, leb.read_u32, 0, 2**32 - 1),
    "u64": (leb.u64, leb.read_u64, 0, 2**64 - 1),
    "s32": (leb.s32, leb.read_s32, -(2**31), 2**31 - 1),
    "s33": (leb.s33, leb.read_s33, -(2**32), 2**32 - 1),
    "s64": (leb.s64, leb.read_s64, -(2**63), 2**63 - 1),
}


@pytest.mark.parametrize("name", CODECS)
@given(data=st.data())
def test_round_trip(name: str, data: st.DataObject) -> None:
    write, read, least, most = CODECS[name]
    value = data.draw(st.integers(least, most) | st.sampled_from([least, most, *range(60, 70), *range(120, 130)]))
    written = write(value)
    assert read(b"?" + written + b"\xff", 1) == (value, 1 + len(written))


@pytest.mark.parametrize("name", CODECS)
def test_one_byte_more_than_needed_is_fine(name: str) -> None:
    _, read, _, _ = CODECS[name]
    assert read(b"\x83\x00", 0) == (3, 2)


@pytest.mark.parametrize("name", CODECS)
def test_writers_refuse_what_does_not_fit(name: str) -> None:
    write, _, least, most = CODECS[name]
    for value in (least - 1, most + 1):
        with pytest.raises(ValueError, match="integer of"):
            write(value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("u32", "", "unexpected end"),
        ("u32", "80", "unexpected end"),
        ("u32", "8080", "unexpected end"),
        ("s64", "", "unexpected end"),
        ("u32", "808080808000", "integer representation too long"),
        ("s32", "808080808000", "integer representation too long"),
        ("s33", "808080808000", "integer representation too long"),
        ("u64", "8080808080808080808000", "integer representation too long"),
        ("s64", "ffffffffffffffffffff7f", "integer representation too long"),
        ("u32", "8080808010", "integer too large"),
        ("u32", "ffffffff7f", "integer too large"),
        ("s32", "8080808008", "integer too large"),
        ("s32", "ffffffff77", "integer too large"),
        ("s33", "8080808010", "integer too large"),
        ("u64", "80808080808080808002", "integer too large"),
        ("s64", "80808080808080808001", "integer too large"),
        ("s64", "ffffffffffffffffff7e", "integer too large"),
    ],
)
def test_malformed(name: str, content: str, message: str) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        CODECS[name][1](bytes.fromhex(content), 0)
    assert caught.value.offset is not None


@given(st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 127), max_size=20))
def test_many_at_once(values: list[int]) -> None:
    written = b"".join(map(leb.u32, values))
    assert leb.read_u32s(b"?" + written, 1, len(values)) == (values, 1 + len(written))


def test_many_at_once_need_them_all() -> None:
    with pytest.raises(ParseError, match="unexpected end"):
        leb.read_u32s(b"\1\2", 0, 3)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_names(name: str) -> None:
    written = leb.write_name(name)
    assert leb.read_name(written + b"x", 0) == (name, len(written))


@pytest.mark.parametrize("content", ["80", "c080", "eda080", "f4908080", "f8808080", "e28c"])
def test_names_are_utf_8(content: str) -> None:
    wrong = bytes.fromhex(content)
    with pytest.raises(ParseError, match=r"^at byte 0x2: malformed UTF-8 encoding"):
        leb.read_name(bytes((len(wrong) + 1,)) + b"a" + wrong, 0)
