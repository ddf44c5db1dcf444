"""Encoding is the inverse of decoding, and keeps every section's place."""

from __future__ import annotations

import pytest
from binary_strategies import modules, without_offsets
from hypothesis import HealthCheck, given, settings

from bembix.binary.decode import decode
from bembix.binary.encode import encode
from bembix.spec.module import Code, Custom, Data, Elem, Expr, Global, ModuleDef, SegmentMode
from bembix.spec.types import FUNCREF, I32, GlobalType, TagType

PREAMBLE = b"\0asm\1\0\0\0"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(modules())
def test_round_trip(module: ModuleDef) -> None:
    data = encode(module)
    again = decode(data)
    wanted = without_offsets(module)
    assert without_offsets(again) == wanted
    assert encode(again) == data


def test_nothing_is_eight_bytes() -> None:
    assert encode(ModuleDef()) == PREAMBLE


def test_the_tag_section_stands_before_globals() -> None:
    module = ModuleDef(tags=[TagType(0)], globals=[Global(GlobalType(I32), Expr(b"\x41\0\x0b"))])
    assert encode(module) == PREAMBLE + bytes.fromhex("0d 03 01 00 00  06 06 01 7f 00 41 00 0b")


def test_custom_sections_stay_where_they_were() -> None:
    customs = [Custom("a", b"1"), Custom("b", b"2", 1), Custom("c", b"3", 1), Custom("d", b"4", 11)]
    data = encode(ModuleDef(customs=customs))
    assert data == PREAMBLE + b"\0\3\1a1" + b"\1\1\0" + b"\0\3\1b2" + b"\0\3\1c3" + b"\x0b\1\0" + b"\0\3\1d4"
    assert [(custom.name, custom.after) for custom in decode(data).customs] == [("a", 0), ("b", 1), ("c", 1), ("d", 11)]


def test_bodies_are_copied_as_they_are() -> None:
    module = ModuleDef(functions=[0], code=[Code(b"xx\0\x0byy", 2, 4, 100)])
    assert encode(module).endswith(b"\x0a\4\1\2\0\x0b")


def test_function_indices_of_another_type_become_expressions() -> None:
    module = ModuleDef(elems=[Elem(SegmentMode.PASSIVE, FUNCREF, (3,))])
    [elem] = decode(encode(module)).elems
    assert elem.type == FUNCREF
    assert [item.code for item in elem.items if isinstance(item, Expr)] == [b"\xd2\3\x0b"]


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="no unsigned integer of 32 bits"):
        encode(ModuleDef(start=2**32))


def test_an_active_segment_needs_its_offset() -> None:
    with pytest.raises(ValueError, match="has no offset"):
        encode(ModuleDef(datas=[Data(SegmentMode.ACTIVE, b"")]))
