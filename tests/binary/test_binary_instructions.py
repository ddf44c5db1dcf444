"""Every row of the instruction table goes through bytes and back."""

from __future__ import annotations

from itertools import groupby

import pytest
from binary_strategies import IMMEDIATES, VALTYPES
from hypothesis import given, settings
from hypothesis import strategies as st

from bembix.binary.immediates import READERS, WRITERS, Catch, MemArg, read_locals, write_locals
from bembix.binary.instructions import instructions, missing_end, opcode, write_instruction
from bembix.errors import ParseError
from bembix.spec.instructions import BY_CODE, BY_NAME, TABLE, Imm, Instr
from bembix.spec.limits import MAX_LOCALS
from bembix.spec.types import EXTERNREF, FUNCREF, I32, AbsHeap, ref


def _signature(row: Instr) -> str:
    return " ".join(kind.name for kind in row.immediates) or "none"


BY_SIGNATURE = {name: list(rows) for name, rows in groupby(sorted(TABLE, key=_signature), key=_signature)}


def test_every_kind_of_immediate_has_a_reader_and_a_writer() -> None:
    assert set(READERS) == set(WRITERS) == set(Imm)


@pytest.mark.parametrize("signature", BY_SIGNATURE)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_round_trip(signature: str, data: st.DataObject) -> None:
    rows = BY_SIGNATURE[signature]
    immediates = tuple(data.draw(IMMEDIATES[kind]) for kind in rows[0].immediates)
    written = [write_instruction(row, immediates) for row in rows]
    found = list(instructions(b"??" + b"".join(written) + b"?", 2, 2 + sum(map(len, written))))
    assert [(row.name, values) for _, row, values in found] == [(row.name, immediates) for row in rows]
    starts = [2 + sum(map(len, written[:index])) for index in range(len(written))]
    assert [offset for offset, _, _ in found] == starts


@pytest.mark.parametrize(
    ("name", "immediates", "content"),
    [
        ("i32.add", (), "6a"),
        ("block", (None,), "02 40"),
        ("block", (EXTERNREF,), "02 6f"),
        ("block", (ref(False, 1),), "02 64 01"),
        ("block", (64,), "02 c0 00"),
        ("br_table", ((1, 2, 0),), "0e 02 01 02 00"),
        ("call_indirect", (3, 0), "11 03 00"),
        ("select t", ((I32,),), "1c 01 7f"),
        ("try_table", (None, (Catch("catch", 4, 0), Catch("catch_all_ref", None, 1))), "1f 40 02 00 04 00 03 01"),
        ("i32.load", (MemArg(2, 0, 8),), "28 02 08"),
        ("i32.load", (MemArg(2, 1, 128),), "28 42 01 80 01"),
        ("i32.const", (-1,), "41 7f"),
        ("i64.const", (64,), "42 c0 00"),
        ("f32.const", (0x3F800000,), "43 00 00 80 3f"),
        ("ref.null", (AbsHeap.FUNC,), "d0 70"),
        ("ref.test null", (5,), "fb 15 05"),
        ("br_on_cast", ((1, ref(True, AbsHeap.ANY), ref(False, AbsHeap.I31)),), "fb 18 01 01 6e 6c"),
        ("memory.init", (1, 0), "fc 08 01 00"),
        ("i8x16.shuffle", (bytes(range(16)),), "fd 0d 000102030405060708090a0b0c0d0e0f"),
        ("v128.load8_lane", (MemArg(0, 0, 0), 15), "fd 54 00 00 0f"),
        ("i32x4.relaxed_dot_i8x16_i7x16_add_s", (), "fd 93 02"),
        ("atomic.fence", (0,), "fe 03 00"),
    ],
)
def test_the_bytes_are_those_of_the_specification(name: str, immediates: tuple[object, ...], content: str) -> None:
    wanted = bytes.fromhex(content)
    assert write_instruction(BY_NAME[name], immediates) == wanted  # type: ignore[arg-type]
    assert list(instructions(wanted, 0, len(wanted))) == [(0, BY_NAME[name], immediates)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ff 00", "illegal opcode ff"),
        ("f3", "illegal opcode f3"),
        ("fc ff 01", "illegal opcode fc ff"),
        ("fb 8c 80 04", "illegal opcode fb 1000c"),  # not br_on_cast: the second part has more than 16 bits
        ("fc", "unexpected end"),
        ("fc 80 80 80 80 80 00", "integer representation too long"),
        ("28 80 01 00", "malformed memop flags"),
        ("28 02", "unexpected end"),
        ("02 41", "malformed value type"),
        ("02 80 7f", "malformed block type"),
        ("d0 40", "malformed heap type"),
        ("d0 80 7f", "malformed heap type"),
        ("1c 01 00", "malformed value type"),
        ("1f 40 01 04 00", "malformed catch clause"),
        ("fb 18 04 00 6e 6e", "malformed br_on_cast flags"),
        ("fe 03 01", "zero byte expected"),
        ("43 00 00 00", "unexpected end"),
        ("fd 0c 00", "unexpected end"),
        ("0e ff ff ff ff 0f 00", "length out of bounds"),
        ("1f 40 ff ff ff ff 0f", "length out of bounds"),
        ("1c ff ff ff ff 0f", "length out of bounds"),
    ],
)
def test_malformed(content: str, message: str) -> None:
    data = bytes.fromhex(content)
    with pytest.raises(ParseError, match="^at byte .*" + message) as caught:
        list(instructions(data, 0, len(data)))
    assert 0 <= (caught.value.offset or 0) <= len(data)


def test_no_instruction_goes_over_the_end() -> None:
    with pytest.raises(ParseError, match="unexpected end of section or function") as caught:
        list(instructions(b"\x41\x80\x00\x0b", 0, 2))
    assert caught.value.offset == 2


@given(st.binary(max_size=30))
def test_whatever_the_bytes_only_parse_errors(data: bytes) -> None:
    try:
        read = list(instructions(data, 0, len(data)))
    except ParseError as error:
        assert 0 <= (error.offset or 0) <= len(data)
    else:
        again = b"".join(write_instruction(row, immediates) for _, row, immediates in read)
        assert [item[1:] for item in instructions(again, 0, len(again))] == [item[1:] for item in read]


def test_opcodes_are_the_table_s() -> None:
    assert opcode(BY_CODE[0x6A]) == b"\x6a"
    assert opcode(BY_CODE[0xFD0113]) == b"\xfd\x93\x02"


def test_a_writer_needs_all_immediates() -> None:
    with pytest.raises(ValueError, match="zip"):
        write_instruction(BY_NAME["call"])


@given(st.lists(st.tuples(st.integers(0, 1000), VALTYPES), max_size=5))
def test_locals(runs: list[tuple[int, object]]) -> None:
    written = write_locals(runs)  # type: ignore[arg-type]
    assert read_locals(b"?" + written + b"\x0b", 1) == (runs, 1 + len(written))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("02 ff ff ff ff 0f 7f 02 7e", f"too many locals: 4294967295, the limit is {MAX_LOCALS}"),
        ("02 80 80 80 80 10 7f 02 7e", "integer too large"),
        ("ff ff ff ff 0f", "length out of bounds"),
        ("01 01 40", "malformed value type"),
        ("01", "unexpected end"),
    ],
)
def test_malformed_locals(content: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        read_locals(bytes.fromhex(content), 0)


def test_value_types_share_one_object() -> None:
    runs, _ = read_locals(bytes.fromhex("02 01 70 01 63 70"), 0)
    assert [valtype is FUNCREF for _, valtype in runs] == [True, True]


@pytest.mark.parametrize(
    ("following", "message"),
    [
        ("", "unexpected end of section or function"),
        ("0b", "section size mismatch"),
        ("05", "END opcode expected"),
    ],
)
def test_a_missing_end_is_named_by_what_follows(following: str, message: str) -> None:
    assert missing_end(b"\x01" + bytes.fromhex(following), 1).message.startswith(message)
