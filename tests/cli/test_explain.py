from __future__ import annotations

import pytest


def test_a_row_in_words(bembix) -> None:
    done = bembix("explain", "i32.load8_s")
    assert done.code == 0
    assert done.out.splitlines() == [
        "i32.load8_s",
        "  code        0x2c",
        "  immediates  a memory, an alignment and an offset",
        "  takes       an address",
        "  gives       i32",
        "  memory      touches 1 byte",
        "  operation   load8_s",
        "  feature     WebAssembly 1.0",
    ]


@pytest.mark.parametrize("arguments", [("memory.copy",), ("0xfc", "0x0a"), ("fc 0a",), ("FC", "0A")])
def test_by_name_and_by_code(bembix, arguments: tuple[str, ...]) -> None:
    done = bembix("explain", *arguments)
    assert done.out.startswith("memory.copy\n")
    assert "(bulk-memory-operations)" in done.out


def test_a_keyword_of_two_rows_gives_both(bembix) -> None:
    assert bembix("explain", "select").out.count("code  ") == 2


@pytest.mark.parametrize(
    ("wanted", "near"),
    [("i32.divs", "i32.div_s"), ("load8_u", "i32.load8_u"), ("memory.cpy", "memory.copy")],
)
def test_unknown_names_near_ones(bembix, wanted: str, near: str) -> None:
    done = bembix("explain", wanted)
    assert (done.code, done.out) == (1, "")
    assert near in done.err


@pytest.mark.parametrize("wanted", ["0xff", "zz", "0xfc 0xff", "1 2 3"])
def test_nothing_like_it(bembix, wanted: str) -> None:
    done = bembix("explain", wanted)
    assert done.code == 1
    assert done.err.startswith(f"bembix: there is no instruction `{wanted}`")
