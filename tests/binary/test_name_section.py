"""The name section: read where it is well formed, kept as it is where not."""

from __future__ import annotations

import pytest
from binary_strategies import NAMES
from hypothesis import given, settings

from bembix.binary.decode import decode
from bembix.binary.encode import encode
from bembix.binary.leb import u32
from bembix.binary.names import read_names, write_names
from bembix.spec.module import ModuleDef, Names

PREAMBLE = b"\0asm\1\0\0\0"


def custom(content: bytes) -> bytes:
    content = b"\4name" + content
    return b"\0" + u32(len(content)) + content


@settings(max_examples=100, deadline=None)
@given(NAMES)
def test_round_trip(names: Names) -> None:
    assert read_names(write_names(names)) == names


def test_no_names_are_no_section() -> None:
    assert write_names(Names()) == b""
    assert encode(ModuleDef()) == PREAMBLE


def test_the_empty_name_of_a_module_is_a_name() -> None:
    assert write_names(Names(module="")) == b"\0\1\0"


def test_subsections_ascend_and_so_do_indices() -> None:
    names = Names(functions={2: "b", 1: "a"}, types={0: "t"}, locals={1: {0: "x"}})
    assert write_names(names).hex(" ") == "01 07 02 01 01 61 02 01 62 02 06 01 01 01 00 01 78 04 04 01 00 01 74"


def test_subsections_of_a_later_standard_are_passed_over() -> None:
    assert read_names(b"\x63\2??\0\2\1m") == Names(module="m")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\1", id="no size"),
        pytest.param(b"\0\5\1m", id="size beyond the section"),
        pytest.param(b"\0\3\1mm", id="bytes left over"),
        pytest.param(b"\0\2\1\xff", id="not UTF-8"),
        pytest.param(b"\1\4\1\0\1\xff", id="a function's not UTF-8"),
        pytest.param(b"\1\4\xff\xff\xff\x7f", id="an immense count"),
        pytest.param(b"\1\3\1\0\7", id="a name beyond the section"),
    ],
)
def test_malformed_name_sections_are_kept_as_they_are(content: bytes) -> None:
    data = PREAMBLE + custom(content)
    module = decode(data)
    assert module.names == Names()
    assert [(kept.name, kept.content) for kept in module.customs] == [("name", content)]
    assert encode(module) == data


def test_a_second_name_section_is_kept_as_it_is() -> None:
    module = decode(PREAMBLE + custom(b"\0\2\1a") + custom(b"\0\2\1b"))
    assert module.names.module == "a"
    assert [kept.content for kept in module.customs] == [b"\0\2\1b"]


def test_long_names() -> None:
    names = Names(functions={2**32 - 1: "n" * 70_000, 0: ""})
    assert read_names(write_names(names)) == names
