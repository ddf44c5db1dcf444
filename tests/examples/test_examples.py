"""Every example prints what it is meant to, and none is left out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bembix import Module
from bembix.cli.stubs import stub

EXAMPLES = Path(__file__).parents[2] / "examples"

PRINTED = {
    "hello": ["0 b'Hello, World!\\n'"],
    "add": ["5", "-2147483648"],
    "locals": ["2.0", "nan", "98"],
    "call": ["25", "[12, 2, 35]", "trap: undefined element"],
    "host": ["[0, 1, 2, 3, 4]", "no 0 here"],
    "store": [r"b'\x04\x03\x02\x01'", "-1", "trap: out of bounds memory access"],
    "data": ["wasps build nests", "WASPS BUILD NESTS", "ANY TEXT"],
    "fibonacci_recursive": ["[0, 1, 1, 2, 3, 5, 8, 13, 21, 34]", "832040", "trap: call stack exhausted"],
    "pixels": [
        "['ff0000ff', 'ff00ff00', 'ffff0000']",
        "['ff4c4c4c', 'ff959595', 'ff1c1c1c']",
        "4c4c4cff 010203ff",
        "out of bounds memory access: 6 bytes at address 65534 of a memory of 65536 bytes",
    ],
    "look": [
        "<bembix.Module data: 0 imports, 4 exports, 232 bytes>",
        "memory: <MemoryType 1>",
        "address: <GlobalType i32>",
        "length: <GlobalType i32>",
        "capitals: <FuncType (i32 i32) -> ()>",
        "<bembix.Func data!capitals (i32 i32) -> ()>",
        "<bembix.Memory of 1 page>",
        "00000040  77 61 73 70 73 20 62 75  69 6c 64 20 6e 65 73 74  |wasps build nest|",
        "00000050  73 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |s...............|",
    ],
    "parts": ["unknown import 'storage' 'memory' of 'queue': wanted memory 1", "1", "2", "[1, 2, 3]"],
    "import_gcd": ["2", "A WebAssembly module.  It exports:", "", "    gcd: func (i32 i32) -> (i32)"],
    "fibonacci_iterative": ["[0, 1, 1, 2, 3, 5, 8, 13, 21, 34]", "2880067194370816120"],
}


@pytest.mark.parametrize("name", PRINTED)
def test_prints(name: str) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], capture_output=True, text=True, timeout=60)
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (PRINTED[name], "", 0)


def test_none_is_missing() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(PRINTED)


@pytest.mark.parametrize("wat", sorted(EXAMPLES.glob("*.wat")), ids=lambda path: path.stem)
def test_every_module_is_used(wat: Path) -> None:
    own = wat.with_suffix(".py")
    programs = [own] if own.exists() else EXAMPLES.glob("*.py")
    assert any(re.search(rf"with_suffix|\b{wat.name}\b", program.read_text()) for program in programs)


@pytest.mark.parametrize("written", sorted(EXAMPLES.glob("*.pyi")), ids=lambda path: path.stem)
def test_stubs_are_fresh(written: Path) -> None:
    wat = written.with_suffix(".wat")
    assert written.read_text() == stub(Module.from_file(wat), wat.name)
