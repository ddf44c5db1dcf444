"""How objects look: to `repr`, and in a notebook."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from bembix import FuncType, Global, GlobalType, Memory, MemoryType, Module, Store, Table, TableType, Tag
from bembix.spec.types import FUNCREF, I32, I64, Limits, NumType

EVIL = "<script>alert(1)</script>&amp;\"'"
MODULE = f"""(module $shown
  (import "{EVIL.replace('"', "")}" "f" (func (param i32)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "<b>bold</b>")) (memory (export "memory") 1 3) (data (i32.const 32) "<i>text</i>"))"""


class Checked(HTMLParser):
    """Collects the tags and the text of what must be well-formed HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open[-1:] in (["td"], ["th"]):
            self.cells[-1] += data


def test_module() -> None:
    seen = Checked(Module(MODULE)._repr_html_())
    assert seen.tags <= {"p", "b", "table", "caption", "tr", "th", "td"}
    assert seen.text.startswith(f"Module shown ({len(Module(MODULE).to_bytes())} bytes)")
    first = seen.cells.index("module")
    assert seen.cells[first : first + 8] == [
        "module", "name", "kind", "type", EVIL.replace('"', ""), "f", "func", "(i32) -> ()",
    ]  # fmt: skip
    assert "<b>bold</b>" in seen.cells
    assert seen.cells[seen.cells.index("code") + 1].isdigit()


def test_module_of_many_exports() -> None:
    functions = "".join(f'(export "f{number}" (func 0))' for number in range(300))
    seen = Checked(Module(f"(module (func) {functions})")._repr_html_())
    assert "… 200 more" in seen.cells
    assert "f99" in seen.cells
    assert "f100" not in seen.cells


def test_nothing_to_show() -> None:
    assert Checked(Module("(module)")._repr_html_()).text == "Module (8 bytes)"


def test_instance() -> None:
    seen = Checked(Module(MODULE).instantiate({EVIL.replace('"', ""): {"f": print}})._repr_html_())
    assert seen.text.startswith("Instance shown (3 exports)")
    assert seen.cells[:6] == ["name", "kind", "type", "add", "func", "(i32 i32) -> (i32)"]


def test_exports() -> None:
    exports = Module('(module (func (export "_repr_html_")) (func (export "f")))').instantiate().exports
    assert Checked(exports._repr_html_()).cells[-3:] == ["f", "func", "() -> ()"]
    assert Checked(Module("(module)").instantiate().exports._repr_html_()).text == "Exports (none)"


def test_memory() -> None:
    memory = Memory(1, 3)
    assert Checked(memory._repr_html_()).text == "Memory (1 page, at most 3)nothing but zeros"
    memory.write(0, b"begin")
    memory.write(40, b"<script>")
    memory.write(65535, b"\xff")
    assert Checked(memory._repr_html_()).text.splitlines() == [
        "Memory (1 page, at most 3)00000000  62 65 67 69 6e 00 00 00  00 00 00 00 00 00 00 00  |begin...........|",
        "…",
        "00000020  00 00 00 00 00 00 00 00  3c 73 63 72 69 70 74 3e  |........<script>|",
        "…",
        "0000fff0  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 ff  |................|",
    ]
    memory.fill(0, 65536, 1)
    lines = Checked(memory._repr_html_()).text.splitlines()
    assert (len(lines), lines[-1]) == (33, "…")
    assert Checked(Memory(0)._repr_html_()).text == "Memory (0 pages)"


def test_dump() -> None:
    memory = Memory(1)
    memory.write(16, bytes(range(0x30, 0x50)))
    assert memory.dump(18, 20) == (
        "00000012  32 33 34 35 36 37 38 39  3a 3b 3c 3d 3e 3f 40 41  |23456789:;<=>?@A|\n"
        "00000022  42 43 44 45                                       |BCDE|"
    )
    assert memory.dump(0, 0) == ""
    with pytest.raises(IndexError, match="out of bounds"):
        memory.dump(65500)


def test_reprs() -> None:
    module = Module(MODULE)
    exports = module.instantiate({EVIL.replace('"', ""): {"f": print}}).exports
    size = len(module.to_bytes())
    assert repr(module) == f"<bembix.Module shown: 1 import, 3 exports, {size} bytes>"
    assert repr(exports.add) == "<bembix.Func shown!add (i32 i32) -> (i32)>"
    assert repr(exports.memory) == "<bembix.Memory of 1 page, at most 3>"
    assert repr(Memory(2, 2, shared=True)) == "<bembix.Memory of 2 pages, at most 2, shared>"
    assert repr(Global("i64", 7, mutable=True)) == "<bembix.Global mutable i64 7>"
    assert repr(Table(2)) == "<bembix.Table of 2 funcref>"
    assert repr(Tag(("i32", "f64"))) == "<bembix.Tag (i32 f64)>"
    assert "0 bytes of memories" in repr(Store())


def test_reprs_of_types() -> None:
    assert repr(module_types()) == (
        "[<FuncType (i32 i64) -> (f64)>, <MemoryType i64 1 2 shared>, <TableType 1 funcref>, <GlobalType (mut i32)>]"
    )
    assert (repr(I32), repr(FUNCREF)) == ("NumType.I32", "<RefType funcref>")
    assert repr(Module('(module (func (export "f")))').exports) == (
        "[ExportInfo(name='f', kind='func', type=<FuncType () -> ()>)]"
    )


def module_types() -> list[object]:
    return [
        FuncType((I32, I64), (NumType.F64,)),
        MemoryType(Limits(1, 2), I64, shared=True),
        TableType(Limits(1), FUNCREF),
        GlobalType(I32, mutable=True),
    ]
