"""Decoding: what is malformed, what is too much, and that nothing else than a ParseError comes of any bytes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bembix.binary import deftypes
from bembix.binary.decode import decode
from bembix.binary.encode import encode
from bembix.binary.leb import u32
from bembix.errors import ParseError
from bembix.spec.limits import MAX_FUNCTION_SIZE
from bembix.spec.module import Code, ModuleDef, Names, SegmentMode
from bembix.spec.types import FUNCREF, AbsHeap, FuncType, RecType, SubType, ref

PREAMBLE = b"\0asm\1\0\0\0"
TYPE = "01 04 01 60 00 00"
FUNCTION = "03 02 01 00"
CODE = "0a 04 01 02 00 0b"


def module(*sections: str) -> bytes:
    return PREAMBLE + bytes.fromhex("".join(sections))


def section(number: int, content: bytes) -> bytes:
    return bytes((number,)) + u32(len(content)) + content


def test_the_smallest_module() -> None:
    assert decode(PREAMBLE) == ModuleDef()


@pytest.mark.parametrize(
    ("content", "message", "offset"),
    [
        (b"", "unexpected end", 0),
        (b"\0as", "unexpected end", 3),
        (b"asm\0", "magic header not detected", 0),
        (b"(module)", "magic header not detected", 0),
        (b"\0asm\1\0\0", "unexpected end", 7),
        (b"\0asm\2\0\0\0", "unknown binary version", 4),
        (b"\0asm\x0d\0\1\0", "unknown binary version: .*this is a component", 4),
    ],
)
def test_malformed_preamble(content: bytes, message: str, offset: int) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        decode(content)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("content", "message", "offset"),
    [
        ("0e 01 00", "malformed section id: 14, expected 0 - 13", 8),
        ("80 01 00", "malformed section id: 128", 8),
        ("01", "unexpected end", 9),
        ("01 05 00", "length out of bounds", 9),
        ("01 02 00", "unexpected end", 11),
        ("01 02 00 00", "section size mismatch: the type section has 2 bytes, its content 1", 11),
        ("01 01 00 01 01 00", "unexpected content after last section", 11),
        ("02 01 00 01 01 00", "unexpected content after last section: the type section cannot follow", 11),
        ("06 01 00 0d 01 00", "unexpected content after last section", 11),  # tag belongs before global
        ("0c 01 00 09 01 00", "unexpected content after last section", 11),  # data count belongs after elements
        ("01 02 01 5d", "malformed definition type", 11),
        ("01 04 01 5e 78 02", "malformed mutability", 13),
        ("01 05 01 60 01 40 00", "malformed value type", 13),
        ("01 05 01 e0 7f 00 00", "integer representation too long", 11),
        ("02 04 01 00 00 05", "malformed import kind", 13),
        ("02 06 01 00 00 04 01 00", "zero byte expected", 14),
        ("04 03 01 70 08", "malformed limits flags", 12),
        ("04 03 01 7f 00", "malformed reference type", 11),
        ("04 04 01 40 01 70", "zero byte expected", 12),
        ("05 03 01 10 00", "malformed limits flags", 11),
        ("05 02 01 08", "malformed limits flags", 11),
        ("05 04 01 08 00 41", "invalid custom page size", 13),
        ("05 01 01", "unexpected end of section or function", 11),
        ("06 06 01 7f 02 41 00 0b", "malformed mutability", 12),
        ("06 05 01 7f 00 41 00", "unexpected end of section or function", 15),
        ("06 05 01 7f 00 41 00 0a 04 01 02 00 0b", r"unexpected end .*beyond the end of the global section at 0xf", 21),
        ("06 05 01 7f 00 05 0b", "END opcode expected", 13),
        ("06 05 01 7f 00 ff 0b", "illegal opcode ff", 13),
        ("07 04 01 00 05 00", "malformed export kind", 12),
        ("09 02 01 08", "malformed elements segment kind", 11),
        ("09 04 01 01 01 00", "malformed element kind", 12),
        ("09 04 01 05 7f 00", "malformed reference type", 12),
        ("0b 02 01 03", "malformed data segment kind", 11),
        ("0b 03 01 01 05", "length out of bounds", 12),
        ("0b 03 01 01 01", "unexpected end", 13),
        (FUNCTION, "function and code section have inconsistent lengths: 1 types, 0 bodies", 12),
        (CODE, "function and code section have inconsistent lengths", 14),
        ("0c 01 01", "data count and data section have inconsistent lengths: 1 announced, 0 segments", 11),
        (FUNCTION + "0a 04 01 03 00 0b", "unexpected end", 18),
        ("00 00", "unexpected end", 10),
        ("00 02 02 61", "unexpected end", 12),
        ("00 02 05 61", "length out of bounds", 10),
        ("00 03 02 61 ff", "malformed UTF-8 encoding", 12),
    ],
)
def test_malformed_sections(content: str, message: str, offset: int) -> None:
    with pytest.raises(ParseError, match=message) as caught:
        decode(module(content))
    assert caught.value.offset == offset


def test_a_body_that_goes_over_the_end_is_named_before_what_follows() -> None:
    body = "0a 06 01 04 00 41 80 80" + "80 80 80 00 0b"
    with pytest.raises(ParseError, match="integer representation too long"):
        decode(module(TYPE, FUNCTION, body))


def test_the_file_is_named() -> None:
    with pytest.raises(ParseError, match=r"^some\.wasm: at byte 0x8: malformed section id"):
        decode(module("7f 00"), filename="some.wasm")


def test_bodies_share_the_bytes_of_the_module() -> None:
    data = module(TYPE, FUNCTION, CODE)
    [code] = decode(data).code
    assert (code.data is data, code.start, code.end, code.delta) == (True, len(data) - 2, len(data), 0)
    assert (code.entry, code.offset) == (b"\0\x0b", len(data) - 2)


def test_offsets_are_those_in_the_module() -> None:
    found = decode(module(TYPE, "06 06 01 7f 00 41 2a 0b"))
    assert found.section_offsets == {1: 10, 6: 16}
    [variable] = found.globals
    assert (variable.offset, variable.init.offset, variable.init.code) == (17, 19, b"\x41\x2a\x0b")


@pytest.mark.parametrize(
    ("content", "mode", "table", "type_", "items"),
    [
        ("00 41 00 0b 01 07", SegmentMode.ACTIVE, 0, ref(False, AbsHeap.FUNC), (7,)),
        ("01 00 01 07", SegmentMode.PASSIVE, 0, ref(False, AbsHeap.FUNC), (7,)),
        ("02 03 41 00 0b 00 01 07", SegmentMode.ACTIVE, 3, ref(False, AbsHeap.FUNC), (7,)),
        ("03 00 01 07", SegmentMode.DECLARATIVE, 0, ref(False, AbsHeap.FUNC), (7,)),
        ("04 41 00 0b 01 d2 07 0b", SegmentMode.ACTIVE, 0, FUNCREF, (b"\xd2\7\x0b",)),
        ("05 70 01 d2 07 0b", SegmentMode.PASSIVE, 0, FUNCREF, (b"\xd2\7\x0b",)),
        ("06 03 41 00 0b 64 01 01 d2 07 0b", SegmentMode.ACTIVE, 3, ref(False, 1), (b"\xd2\7\x0b",)),
        ("07 70 01 d2 07 0b", SegmentMode.DECLARATIVE, 0, FUNCREF, (b"\xd2\7\x0b",)),
    ],
)
def test_forms_of_element_segments(
    content: str, mode: SegmentMode, table: int, type_: object, items: tuple[object, ...]
) -> None:
    data = PREAMBLE + section(9, b"\1" + bytes.fromhex(content))
    [elem] = decode(data).elems
    assert (elem.mode, elem.table, elem.type) == (mode, table, type_)
    assert tuple(item if isinstance(item, int) else item.code for item in elem.items) == items
    assert (elem.at is not None) == (mode is SegmentMode.ACTIVE)
    assert encode(decode(data)) == data


def test_blocks_in_constant_expressions_are_for_validation() -> None:
    code = bytes.fromhex("02 40 05 0b 1f 40 00 0b 06 40 19 18 00 0b")  # block else end try_table end try catch_all
    [found] = decode(PREAMBLE + section(6, b"\1\x7f\0" + code)).globals
    assert found.init.code == code


def test_definition_types() -> None:
    group = "4e 02 50 00 5f 02 78 01 7f 00 4f 01 00 5e 64 00 01"
    found = decode(PREAMBLE + section(1, b"\2" + bytes.fromhex(group) + b"\x60\1\x7f\0")).types
    assert [(len(g.types), g.explicit) for g in found] == [(2, True), (1, False)]
    struct, array = found[0].types
    assert (struct.final, struct.supers, array.final, array.supers) == (False, (), True, (0,))


#: Sections that are lists, and what makes one item of each begin.
_LISTS = (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13)


@pytest.mark.parametrize("number", _LISTS)
def test_a_count_is_not_believed(number: int) -> None:
    with pytest.raises(ParseError, match="length out of bounds"):
        decode(PREAMBLE + section(number, b"\xff\xff\xff\xff\x0f" + bytes(20)))


@pytest.mark.parametrize(
    ("number", "content", "what"),
    [
        (1, b"\1\x60" + u32(1001) + b"\x7f" * 1001 + b"\0", "too many parameters: 1001, the limit is 1000"),
        (1, b"\1\x60\0" + u32(1001) + b"\x7f" * 1001, "too many results"),
        (1, b"\1\x5f" + u32(10_001) + b"\x7f\0" * 10_001, "too many fields"),
        (3, u32(1_000_001) + bytes(1_000_001), "too many functions"),
        (5, u32(101) + bytes(202), "too many memories"),
    ],
)
def test_limits(number: int, content: bytes, what: str) -> None:
    with pytest.raises(ParseError, match=what):
        decode(PREAMBLE + section(number, content))


def test_types_are_counted_over_all_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deftypes, "MAX_TYPES", 3)
    with pytest.raises(ParseError, match="too many types: more than 3"):
        decode(PREAMBLE + section(1, b"\2" + b"\x4e\2\x60\0\0\x60\0\0" * 2))


def test_the_size_of_bodies_is_limited() -> None:
    with pytest.raises(ParseError, match="function body too large"):
        decode(PREAMBLE + section(10, b"\1" + u32(MAX_FUNCTION_SIZE + 1) + bytes(MAX_FUNCTION_SIZE + 1)))


def test_many_functions_are_fast() -> None:
    count = 20_000
    definition = ModuleDef(types=[RecType((SubType(FuncType()),))], names=Names())
    body = b"\0" + b"\1" * 300 + b"\x0b"
    definition.functions = [index % 300 for index in range(count)]
    definition.code = [Code(body, 0, len(body))] * count
    definition.names.functions = {index: f"function {index}" for index in range(count)}
    data = encode(definition)
    start = time.perf_counter()
    decode(data)
    assert time.perf_counter() - start < 1  # a tenth of it on the machine that this was written on


#: A module that has every section.
RICH = module(
    "01 09 02 60 01 7f 00 5f 01 78 01",
    "02 0c 02 01 61 01 62 00 00 00 00 03 7f 00",
    FUNCTION,
    "04 0c 02 70 00 01 40 00 70 00 01 d0 70 0b",
    "05 05 01 07 01 80 02",
    "0d 03 01 00 00",
    "06 06 01 7f 00 41 2a 0b",
    "07 05 01 01 66 00 01",
    "08 01 01",
    "09 07 01 00 41 00 0b 01 01",
    "0c 01 01",
    CODE,
    "0b 08 01 00 41 00 0b 02 61 62",
    "00 0b 04 6e 61 6d 65 01 04 01 01 01 66",
    "00 04 03 61 62 63",
)


def test_a_rich_module_has_everything() -> None:
    found = decode(RICH)
    assert found.names.functions == {1: "f"}
    assert [custom.name for custom in found.customs] == ["abc"]
    assert set(found.section_offsets) == set(range(1, 14))


def _harmless(data: bytes) -> None:
    """Decode and encode what may be malformed."""
    try:
        found = decode(data)
    except ParseError as error:
        assert error.offset is not None
        assert 0 <= error.offset <= len(data)
    else:
        written = encode(found)
        assert encode(decode(written)) == written


def test_every_prefix_of_a_module_is_harmless() -> None:
    for end in range(len(RICH)):
        _harmless(RICH[:end])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(RICH)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(8, len(data) - 1))
        data[at] = draw(st.sampled_from([0, 1, 0x0B, 0x40, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    return bytes(data)


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_mutated_modules_are_harmless(data: bytes) -> None:
    _harmless(data)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(range(14)), st.binary(max_size=12)), max_size=3))
def test_arbitrary_sections_are_harmless(sections: list[tuple[int, bytes]]) -> None:
    _harmless(PREAMBLE + b"".join(section(number, content) for number, content in sections))
