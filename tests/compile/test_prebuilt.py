"""Stubs for one shape and stubs for every shape do the same; all of it works where nothing can compile."""

from __future__ import annotations

import itertools
import math
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import bembix
from bembix.compile.prebuilt import boundary, vm
from bembix.compile.prebuilt.shapes import shape
from bembix.spec.types import EXTERNREF, F32, F64, FUNCREF, I32, I64, V128, AbsHeap, FuncType, RefType, ValType
from bembix.wasi.preview1 import MODULES

ANYREF = RefType(True, AbsHeap.ANY)
NUMBERS = (I32, I64, F32, F64)
TYPES = (*NUMBERS, V128, EXTERNREF, FUNCREF, ANYREF)
DATA = Path(boundary.__file__).parent


def text(*types: ValType) -> str:
    return " ".join(map(str, types))


def random_type(rng: random.Random) -> FuncType:
    """Return a type with few or many parameters and results, sometimes more than registers hold."""
    most = rng.choice((2, 4, 9, 20))
    return FuncType(
        tuple(rng.choices(TYPES, k=rng.randint(0, most))), tuple(rng.choices(TYPES, k=rng.randint(0, min(most, 5))))
    )


def random_value(rng: random.Random, valtype: ValType, functions: Sequence[object]) -> object:
    """Return a value that comes back as it is."""
    bits = rng.choice((1, 8, 31, 63))
    match valtype:
        case _ if valtype == I32:
            return rng.choice((0, -1, -(2**31), 2**31 - 1, rng.getrandbits(min(bits, 31))))
        case _ if valtype == I64:
            return rng.choice((0, -1, -(2**63), 2**63 - 1, rng.getrandbits(bits)))
        case _ if valtype == F32:
            return rng.choice((0.0, -1.0, math.inf, struct.unpack("<f", struct.pack("<f", rng.uniform(-9e9, 9e9)))[0]))
        case _ if valtype == F64:
            return rng.choice((-0.0, -1.0, 5e-324, rng.uniform(-1e300, 1e300)))
        case _ if valtype == V128:
            return rng.randbytes(16)
        case _ if valtype == FUNCREF:
            return rng.choice((None, *functions))
        case _ if valtype == ANYREF:
            return None
        case _:
            return rng.choice((None, ["a host object"], "text"))


@pytest.fixture
def generic(monkeypatch: pytest.MonkeyPatch) -> Callable[[FuncType], None]:
    """Give a type the stubs that serve every shape, until the test ends."""
    boundary.func_type()
    monkeypatch.setattr(boundary, "_stubs", dict(boundary._stubs))

    def use(functype: FuncType) -> None:
        boundary._stubs.update(boundary.make_generic(vm.load().image, [shape(functype)]))

    return use


def through(functype: FuncType, host: Callable[..., object]) -> Callable[..., Any]:
    """Return a host function as an export: a call of it goes through an entry stub and a thunk, and nothing else."""
    source = f"""(module (import "env" "f" (func (param {text(*functype.params)}) (result {text(*functype.results)})))
        (export "f" (func 0)))"""
    return bembix.Module(source).instantiate({"env": {"f": host}}).exports["f"]


SHAPES = [FuncType(p, r) for n in range(3) for p in itertools.product(NUMBERS, repeat=n) for r in ((), (I32,), (F64,))]


@pytest.mark.parametrize("functype", SHAPES, ids=shape)
def test_generic_stubs_are_like_those_of_one_shape(functype: FuncType, generic: Callable[[FuncType], None]) -> None:
    assert f"entry_{shape(functype)}" in vm.load().image
    rng = random.Random(shape(functype))
    seen: list[object] = []
    answer: list[object] = [None]

    def host(*given: object) -> object:
        seen.append(given)
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]

    own = through(functype, host)
    generic(functype)
    shared = through(functype, host)
    arguments: list[object] = []
    for _ in range(20):
        arguments = [random_value(rng, valtype, ()) for valtype in functype.params]
        answer[0] = random_value(rng, functype.results[0], ()) if functype.results else None
        assert own(*arguments) == shared(*arguments) == answer[0]
        assert seen[-1] == seen[-2] == tuple(arguments)
    wrong = [[*arguments, 1], *([*arguments[:k], [], *arguments[k + 1 :]] for k in range(len(arguments)))]
    for given in wrong:
        assert outcome(own, given) == outcome(shared, given)
    answer[0] = LookupError("not here")
    assert outcome(own, arguments) == outcome(shared, arguments) == ("LookupError", "not here")
    if functype.results:
        answer[0] = "nonsense"
        assert outcome(own, arguments) == outcome(shared, arguments)


def outcome(function: Callable[..., Any], arguments: Sequence[object]) -> tuple[str, str]:
    """Return the kind and the words of the error that a call ends in."""
    with pytest.raises(Exception) as caught:
        function(*arguments)
    return type(caught.value).__name__, str(caught.value)


def around(functype: FuncType, host: Callable[..., object], engine: str) -> list[Callable[..., Any]]:
    """Return a host function as an export, and functions of Wasm that call it, one of which looks for exceptions."""
    params, results = text(*functype.params), text(*functype.results)
    given = " ".join(f"local.get {k}" for k in range(len(functype.params)))
    source = f"""(module
        (type $t (func (param {params}) (result {results})))
        (import "env" "f" (func $f (type $t)))
        (tag $never)
        (export "f" (func $f))
        (table funcref (elem $f))
        (func (export "g") (type $t) {given} call $f)
        (func (export "h") (type $t)
          (block $caught
            (try_table (result {results}) (catch $never $caught) {given} i32.const 0 call_indirect (type $t))
            return)
          unreachable))"""
    exports = bembix.Module(source, engine=engine).instantiate({"env": {"f": host}}).exports
    return [exports[name] for name in "fgh"]


@pytest.mark.parametrize("engine", ["llvm", "stencil"])
@pytest.mark.parametrize("seed", range(60))
def test_values_of_every_shape_arrive(seed: int, engine: str) -> None:
    rng = random.Random(seed)
    functype = random_type(rng)
    results: list[object] = []
    seen: list[tuple[object, ...]] = []

    def host(*given: object) -> object:
        seen.append(given)
        return None if not results else results[0] if len(results) == 1 else tuple(results)

    functions = around(functype, host, engine)
    for function in (*functions, *functions):
        arguments = [random_value(rng, valtype, functions) for valtype in functype.params]
        results[:] = [random_value(rng, valtype, functions) for valtype in functype.results]
        given = function(*arguments)
        assert seen.pop() == tuple(arguments)
        assert given == (None if not results else results[0] if len(results) == 1 else tuple(results))


@pytest.mark.parametrize("engine", ["llvm", "stencil"])
@pytest.mark.parametrize("seed", range(20))
def test_exceptions_pass_functions_of_every_shape(seed: int, engine: str) -> None:
    rng = random.Random(seed)
    functype = random_type(rng)

    def host(*given: object) -> object:
        raise error

    for function in around(functype, host, engine):
        arguments = [random_value(rng, valtype, ()) for valtype in functype.params]
        for error in (LookupError("of Python"), bembix.WasmException(bembix.Tag(), ())):
            with pytest.raises(type(error)) as caught:
                function(*arguments)
            assert caught.value is error or caught.value.tag == error.tag


def test_functions_of_wasi_have_stubs_of_their_own() -> None:
    image = vm.load().image
    types = [export.type for module in MODULES.values() for export in module.values()]
    assert [str(functype) for functype in types if f"host_{shape(functype)}" not in image] == []


ALONE = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
sys.modules["llvmlite"] = None
import test_prebuilt
for seed in range(1000, 1060):
    test_prebuilt.test_values_of_every_shape_arrive(seed, "stencil")
    test_prebuilt.test_exceptions_pass_functions_of_every_shape(seed, "stencil")
"""


def test_boundary_without_a_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def damaged() -> Iterator[tuple[str, bytes]]:
    """Yield files that are not right."""
    whole = next(DATA.glob("*-16.bin")).read_bytes()
    yield "empty", b""
    yield "other", b"something else\n\n"
    yield "cut", whole[: len(whole) // 2]
    yield "no end", whole[:100]


@pytest.mark.parametrize("content", [pytest.param(data, id=name) for name, data in damaged()])
def test_damaged_file(content: bytes) -> None:
    from bembix.native.image import read_manifest

    with pytest.raises(bembix.InternalError, match="file of machine code"):
        read_manifest(content)


def test_no_file_for_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    from bembix.compile.prebuilt import image

    monkeypatch.setattr(image, "file_name", lambda *_: "beos-vax-16.bin")
    with pytest.raises(bembix.ResourceError, match=r"no machine code for this Python on this machine.*beos"):
        image._read()


def test_what_a_python_lacks_is_named() -> None:
    from bembix.compile.prebuilt import image

    with pytest.raises(bembix.InternalError, match="this Python has no Py_Nonsense"):
        image._resolve(["Py_IncRef", "Py_Nonsense"])


EVERYTHING = r'''
import sys
sys.modules["llvmlite"] = None
import bembix

module = bembix.Module("""(module
  (type $box (struct (field i32) (field externref)))
  (type $pair (func (result i32 i64)))
  (import "env" "host" (func $host (param i32) (result i32)))
  (import "env" "tag" (tag $tag (param i32)))
  (memory (export "memory") 1 3)
  (table (export "table") 1 4 funcref)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "spin") (loop $l (br $l)))
  (func $deep (export "deep") (result i32) (i32.add (call $deep) (i32.const 1)))
  (func (export "churn") (param $n i32) (result i32) (local $last (ref null $box))
    (loop $l
      (local.set $last (struct.new $box (local.get $n) (ref.null extern)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (struct.get $box 0 (local.get $last)))
  (func (export "throw") (param i32) (throw $tag (local.get 0)))
  (func (export "catch") (param i32) (result i32)
    (block $caught (result i32)
      (try_table (result i32) (catch $tag $caught) (call $host (local.get 0))) (return))
    (i32.add (i32.const 1000)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "pair") (type $pair) (i32.const -1) (i64.const -2)))""", engine="stencil")

tag = bembix.Tag(("i32",))

def host(value):
    if value == 1:
        raise bembix.WasmException(tag, (7,))
    if value == 2:
        raise LookupError("two")
    return value

exports = module.instantiate({"env": {"host": host, "tag": tag}}).exports

def outcome(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]

print(outcome(exports.load, 8), outcome(exports.load, -1), outcome(exports.deep), sep="; ")
try:
    with bembix.deadline(0.05):
        exports.spin()
except bembix.Timeout as error:
    print(type(error).__name__)
print(exports.churn(2_000_000), outcome(exports.throw, 3))
print([outcome(exports["catch"], value) for value in (0, 1, 2)], exports.grow(1), exports.grow(9), exports.pair())
print([name for name in sys.modules if name.startswith("llvmlite.")])
'''


def test_all_of_it_without_a_compiler() -> None:
    done = subprocess.run([sys.executable, "-c", EVERYTHING], capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "0; Trap: out of bounds memory access; StackExhausted: call stack exhausted",
        "Timeout",
        "1 WasmException: uncaught exception with tag <bembix.Tag (i32)> and payload (3,)",
        "[0, 1007, 'LookupError: two'] 1 -1 (-1, -2)",
        "[]",
    ]
