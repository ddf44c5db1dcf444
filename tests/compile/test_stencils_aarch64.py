"""The stencil engine for aarch64, as far as it can be seen on any machine: what it writes, not what that does.

`tests/conformance/test_aarch64.py` runs it.
"""

from __future__ import annotations

import importlib.util
import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bembix.compile.layout import ContextLayout
from bembix.compile.stencil.aarch64 import (  # noqa: F401  (they enter their writers)
    atomics,
    calls,
    casts,
    control,
    exceptions,
    memory,
    objects,
    pasted,
)
from bembix.compile.stencil.aarch64 import encode as a64
from bembix.compile.stencil.aarch64.sink import MAKERS, Aarch64Sink
from bembix.runtime.engine import feature_set
from bembix.spec.instructions import BY_CODE
from bembix.text.parse import parse
from bembix.validate.dispatch import make_walker
from bembix.validate.module import check_module

ROOT = Path(__file__).parents[2]


def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    path = ROOT / "tools" / "stencils_aarch64.py"
    spec = importlib.util.spec_from_file_location("stencils_aarch64", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "stencils_aarch64", module)
    spec.loader.exec_module(module)
    return module


def test_the_file_of_stencils_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tool(monkeypatch)
    assert f"# sha256 {found.fingerprint()}\n" in found.FILE.read_text("utf-8"), "run tools/stencils_aarch64.py"


def test_every_instruction_is_written() -> None:
    assert [row.name for code, row in BY_CODE.items() if code not in MAKERS] == []


@pytest.mark.parametrize("metered", [False, True], ids=["plain", "metered"])
@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.wat")), ids=lambda path: path.stem)
def test_functions_are_written(path: Path, metered: bool) -> None:
    definition = parse(path.read_text("utf-8"))
    context = check_module(definition, feature_set(None))
    sink = Aarch64Sink(context, ContextLayout.of(definition), count=True, metered=metered)
    walker = make_walker(context, sink)
    sink.bind(walker)
    for index, code in enumerate(definition.code):
        walker.walk(context.imported_functions + index, code)
        assert sink.code.startswith(a64.words(*a64.ENTER))
        assert a64.words(*a64.LEAVE, a64.RET) in sink.code


@pytest.mark.slow
def test_constants_of_a_long_function_are_within_reach() -> None:
    """`adr` reaches 1 MiB; whatever it refers to has the constant of the instruction."""
    body = "(local.set 0 (i8x16.bitmask (local.get 1)))" * 30_000
    definition = parse(f"(module (func (param i32 v128) {body}))")
    context = check_module(definition, feature_set(None))
    sink = Aarch64Sink(context, ContextLayout.of(definition), count=False)
    walker = make_walker(context, sink)
    sink.bind(walker)
    walker.walk(0, definition.code[0])
    stencil = pasted.stencil("i8x16.bitmask")
    ((at, content),) = stencil.constants
    behind = stencil.code[at + 4 :]
    found, place = 0, sink.code.find(behind) - 4
    while place >= 0:
        (word,) = struct.unpack_from("<I", sink.code, place)
        assert word & 0x9F00001F == a64.adr(word & 31, 0)
        low, high = word >> 29 & 3, word >> 5 & 0x7FFFF
        distance = (high - (high >> 18 << 19)) * 4 + low
        assert sink.code[place + distance :].startswith(content)
        found, place = found + 1, sink.code.find(behind, place + 8) - 4
    assert found == 30_000
    assert len(sink.code) > 1 << 20


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (0, "d2800003"),  # mov x3, 0
        (0x12345678, "d28acf03 f2a24683"),  # mov x3, 0x5678; movk x3, 0x1234, lsl 16
        (2**64 - 16, "928001e3"),  # mov x3, -16
        (2**64 - 1, "92800003"),  # mov x3, -1
    ],
)
def test_constants(number: int, code: str) -> None:
    words = [bytes.fromhex(word)[::-1] for word in code.split()]
    assert a64.constant(3, number) == b"".join(words)


@pytest.mark.parametrize(
    ("op", "offset", "code"),
    [
        (a64.LDR_X, 32, "f94013e1"),  # ldr x1, [sp, 32]
        (a64.STR_Q, 64, "3d8013e1"),  # str q1, [sp, 64]
        (a64.LDR_W, 3, "d2800071 b8716be1"),  # mov x17, 3; ldr w1, [sp, x17]
        (a64.STR_X, 1 << 17, "d2a00051 f8316be1"),  # mov x17, 0x20000; str x1, [sp, x17]
    ],
)
def test_accesses_of_the_frame(op: int, offset: int, code: str) -> None:
    words = [bytes.fromhex(word)[::-1] for word in code.split()]
    assert a64.access(op, 1, a64.SP, offset) == b"".join(words)
