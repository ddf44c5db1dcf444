"""The instruction table holds together: what every reader of it relies on.

Each test collects the names of the rows that are wrong, so that a failure lists all of them.
"""

from __future__ import annotations

import re
from collections import Counter

from bembix.cli.explain import explain, find
from bembix.spec.features import Feature
from bembix.spec.instructions import BY_CODE, BY_NAME, TABLE, Imm

PREFIXES = {None, 0xFB, 0xFC, 0xFD, 0xFE}  # core 3.0, 5.4; 0xFE is the threads proposal's


def test_codes_and_names_are_unique() -> None:
    assert [code for code, count in Counter(row.code for row in TABLE).items() if count > 1] == []
    assert [name for name, count in Counter(row.name for row in TABLE).items() if count > 1] == []
    assert len(BY_CODE) == len(BY_NAME) == len(TABLE)


def test_codes_ascend() -> None:
    codes = [row.code for row in TABLE]
    assert codes == sorted(codes)


def test_finished_features_are_complete() -> None:
    count = Counter(row.feature for row in TABLE)
    assert count[Feature.MVP] == 172
    assert count[Feature.SIGN_EXTENSION] == 5
    assert count[Feature.SATURATING] == 8
    assert count[Feature.SIMD] == 236
    assert count[Feature.RELAXED_SIMD] == 20
    assert count[Feature.THREADS] == 67
    assert count[Feature.WIDE_ARITHMETIC] == 4


def test_codes_have_known_prefixes() -> None:
    assert [row.name for row in TABLE if row.prefix not in PREFIXES] == []


def test_names_are_keywords_of_the_text_format() -> None:
    assert [row.name for row in TABLE if not re.fullmatch(r"[a-z][a-z0-9_.]*", row.keyword)] == []


def test_regular_rows_have_an_operation() -> None:
    assert [row.name for row in TABLE if row.regular and row.operation is None] == []


def test_memory_arguments_go_with_a_width_and_an_address() -> None:
    with_memarg = [row.name for row in TABLE if Imm.MEMARG in row.immediates]
    assert [row.name for row in TABLE if row.width] == with_memarg
    assert [row.name for row in TABLE if None in row.params] == with_memarg


def test_widths_are_those_of_the_names() -> None:
    bits = {row.name: re.search(r"(?:load|store|rmw|wait)(\d+)(x\d+)?", row.name) for row in TABLE if row.width}
    wrong = []
    for name, found in bits.items():
        if found is not None:
            lanes = int((found[2] or "x1")[1:])
            if BY_NAME[name].width != int(found[1]) * lanes // 8:
                wrong.append(name)
    assert wrong == []


def test_every_row_can_be_explained_by_name_and_by_code() -> None:
    for row in TABLE:
        words = explain(row)
        assert words.startswith(row.name)
        code = f"{row.code:#x}" if row.prefix is None else f"{row.prefix:#x} {row.code & 0xFFFF:#x}"
        assert find(code) == [row]
        assert row in find(row.keyword)
