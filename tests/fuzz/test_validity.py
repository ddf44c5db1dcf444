"""Bembix and wasmtime call the same modules valid, but for the differences of docs/validity.md.

Most modules are invalid: valid ones with something changed (`damage.py`).

    pytest tests/fuzz/test_validity.py            # 400 modules
    pytest tests/fuzz/test_validity.py -m long    # 20,000 more, in processes of 200, a few minutes
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from differences import DIFFERENCES
from supervise import Tally, supervise

from bembix.binary.leb import u32
from bembix.binary.sections import MAGIC, VERSION, Section

pytest.importorskip("wasmtime", reason="the oracle is an extra")
from validity import judge, module, outcome

ROOT = Path(__file__).parents[2]
_WORKER = Path(__file__).with_name("validity.py")
_LIMIT = 20.0  #: seconds a case, the reading of a script included


def _run(first: int, count: int, folder: Path) -> Tally:
    tally = supervise(_WORKER, first, count, _LIMIT)
    print(tally)
    for number, result, words in tally.bad:
        path = folder / f"validity-{number}.wasm"
        path.write_bytes(module(number))
        print(f"case {number}, {result}, saved as {path}: {words}")
    assert not tally.bad, f"{len(tally.bad)} of {tally}: cases {[number for number, _, _ in tally.bad]}"
    return tally


@pytest.mark.slow
def test_400_damaged_modules(tmp_path: Path) -> None:
    tally = _run(0, 400, tmp_path)
    assert tally.outcomes["both reject"] > 200
    assert tally.outcomes["both accept"] > 40, "where all are rejected, nothing says that all are wrong in one way only"


@pytest.mark.long
def test_20000_damaged_modules(tmp_path: Path) -> None:
    _run(400, 20_000, tmp_path)


# -- types that code which cannot be reached leaves open: what the 20,000 found, and what lies around it ---------------


OPEN = {
    "unreachable ref.as_non_null drop": True,
    "unreachable ref.as_non_null i32.eqz drop": False,
    "unreachable ref.as_non_null ref.is_null i32.eqz drop": True,
    "unreachable ref.as_non_null ref.as_non_null call_ref $f": True,
    "unreachable ref.as_non_null throw_ref": True,
    "unreachable ref.as_non_null i31.get_s drop": True,
    "unreachable ref.as_non_null ref.test (ref $f) drop": True,
    "unreachable ref.as_non_null ref.cast (ref $s) drop": True,
    "unreachable ref.as_non_null i32.const 0 select drop": False,
    "unreachable br_on_null 0 i32.eqz drop": False,
    "unreachable br_on_null 0 struct.get $s 0 drop": True,
    "(local (ref any)) unreachable any.convert_extern local.set 0": True,
    "(local (ref any)) unreachable ref.as_non_null any.convert_extern local.set 0": True,
    "(local (ref any)) unreachable ref.null extern any.convert_extern local.set 0": False,
}


@pytest.mark.parametrize("body", OPEN)
def test_references_open_to_what(body: str) -> None:
    from bembix.binary.encode import encode
    from bembix.text.parse import parse

    case = judge(encode(parse(f"(module (type $f (func)) (type $s (struct (field i32))) (func {body}))")))
    assert ((case.ours is None), (case.theirs is None)) == (OPEN[body], OPEN[body]), outcome(case)


# -- limits: random damage does not reach them -------------------------------------------------------------------------


def _section(section: Section, content: bytes) -> bytes:
    return bytes((section,)) + u32(len(content)) + content


def _list(item: bytes) -> Callable[[int], bytes]:
    return lambda count: u32(count) + item * count


def _sections(*sections: tuple[Section, bytes]) -> bytes:
    return MAGIC + VERSION + b"".join(_section(*section) for section in sections)


def _in_section(section: Section, item: bytes) -> Callable[[int], bytes]:
    return lambda count: _sections((section, _list(item)(count)))


def _type(before: bytes, item: bytes, after: bytes = b"") -> Callable[[int], bytes]:
    return lambda count: _sections((Section.TYPE, b"\1" + before + _list(item)(count) + after))


def _body(make: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Make a module with one function from the function's locals and code."""

    def build(count: int) -> bytes:
        body = make(count) + b"\x0b"
        code = (Section.CODE, b"\1" + u32(len(body)) + body)
        return _sections((Section.TYPE, b"\1\x60\0\0"), (Section.FUNCTION, b"\1\0"), code)

    return build


def _chain(count: int) -> bytes:
    """Return a chain of that many types, each below the one before."""
    below = (b"\x50\1" + u32(number) + b"\x5f\0" for number in range(count))
    return _sections((Section.TYPE, u32(count + 1) + b"\x50\0\x5f\0" + b"".join(below)))


#: What there may be so many of: how to make it, the most that Bembix takes, the most that wasmtime takes (None: more
#: than is tried here), and the name of the difference, if there is one.
LIMITS: dict[str, tuple[Callable[[int], bytes], int | None, int | None, str | None]] = {
    "parameters": (_type(b"\x60", b"\x7f", b"\0"), 1000, 1000, None),
    "results": (_type(b"\x60\0", b"\x7f"), 1000, 1000, None),
    "fields": (_type(b"\x5f", b"\x7f\0"), 10_000, 10_000, None),
    "depth": (_chain, 63, 63, None),
    "memories": (_in_section(Section.MEMORY, b"\0\0"), 100, 100, None),
    "tables": (_in_section(Section.TABLE, b"\x70\0\0"), 100_000, 100, "tables"),
    "locals": (_body(lambda count: b"\1" + u32(count) + b"\x7f"), 50_000, 50_000, None),
    "runs of locals": (_body(lambda count: u32(count) + b"\0\x7f" * count), None, None, None),
    "labels": (_body(lambda n: b"\0\x41\0\x0e" + u32(n) + b"\0" * (n + 1)), 65_520, None, "labels"),
    "nesting": (_body(lambda n: b"\0" + b"\2\x40" * n + b"\x0b" * n), 49_999, None, "nesting"),
    "catch clauses": (_body(lambda n: b"\0\x1f\x40" + u32(n) + b"\2\0" * n + b"\x0b"), 50_000, 10_000, "catch clauses"),
    "bytes of names": (lambda n: _sections((Section.CUSTOM, _list(b"a")(n))), None, 100_000, "names"),
}
_MORE = 50_100  #: tried where there is no limit


@pytest.mark.slow
@pytest.mark.parametrize("what", LIMITS)
def test_limits(what: str) -> None:
    make, ours, theirs, difference = LIMITS[what]
    found = set()
    for count in sorted({n for limit in (ours, theirs) for n in (([limit, limit + 1]) if limit else [_MORE])}):
        case = judge(make(count))
        assert (case.ours is None) == (ours is None or count <= ours), (count, outcome(case))
        assert (case.theirs is None) == (theirs is None or count <= theirs), (count, outcome(case))
        found.add(outcome(case)[0])
    explained = {f"explained: {difference}"} if difference else set()
    assert found - {"both accept", "both reject"} == explained


def test_every_difference_is_in_the_documents() -> None:
    page = (ROOT / "docs/validity.md").read_text()
    assert [d.name for d in DIFFERENCES if f"| {d.name} | {d.reason} |" not in page] == []
