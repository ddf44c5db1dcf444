"""Snapshots: taken, gone back to, forked, kept, and refused where they can't be."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import struct
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest

import bembix
from bembix import Instance, Module, Snapshot, SnapshotError

TEXT = """
(module $counter
  (memory (export "m") 1 8) (table (export "t") 3 20 funcref)
  (global $g (export "g") (mut i32) (i32.const 5)) (global (export "v") (mut v128) (v128.const i64x2 1 2))
  (global (export "f") (mut f32) (f32.const nan:0x200001))
  (elem (i32.const 1) $inc) (elem $e func $inc $inc) (data (i32.const 100) "hello") (data $p "passive")
  (func $inc (export "inc") (result i32)
    (global.set $g (i32.add (global.get $g) (i32.const 1))) (i32.store (i32.const 0) (global.get $g)) (global.get $g))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "set") (table.set 0 (i32.const 2) (ref.func $inc)))
  (func (export "tgrow") (result i32) (table.grow (ref.func $inc) (i32.const 4)))
  (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
  (func (export "drop") (data.drop $p) (elem.drop $e))
  (func (export "init") (memory.init $p (i32.const 200) (i32.const 0) (i32.const 7)))
  (func (export "tinit") (table.init 0 $e (i32.const 0) (i32.const 0) (i32.const 2)))
  (func $start (i32.store8 (i32.const 300) (i32.add (i32.load8_u (i32.const 300)) (i32.const 1)))) (start $start))
"""


@pytest.fixture(scope="module")
def module() -> Module:
    return Module(TEXT)


@pytest.fixture
def instance(module: Module) -> Instance:
    made = module.instantiate()
    made.exports.inc()
    made.exports.set()
    made.exports.m.write(40_000, b"far")
    return made


def state(instance: Instance) -> object:
    exports = instance.exports
    memory = exports.m.read(0, exports.m.size)
    elements = [element and element.__name__ for element in exports.t]
    return memory, exports.g.value, exports.v.value, struct.pack("<f", exports.f.value), elements


Way = Callable[[Snapshot], Instance]


def _pickled(snapshot: Snapshot) -> Instance:
    return pickle.loads(pickle.dumps(snapshot)).fork()


def _restored(snapshot: Snapshot) -> Instance:
    made = snapshot.module.instantiate()
    made.restore(snapshot)
    return made


WAYS: dict[str, Way] = {
    "fork": lambda snapshot: snapshot.fork(),
    "instantiate": lambda snapshot: snapshot.module.instantiate(snapshot=snapshot),
    "restore": _restored,
    "pickle": _pickled,
    "bytes": lambda snapshot: Snapshot.from_bytes(snapshot.to_bytes(), snapshot.module).fork(),
    "fork of a fork": lambda snapshot: snapshot.fork().snapshot().fork(),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_instance_goes_on_where_the_snapshot_was_taken(instance: Instance, way: Way) -> None:
    instance.exports.tgrow()
    before = state(instance)
    snapshot = instance.snapshot()
    instance.exports.inc()
    instance.exports.m.write(0, b"changed")
    fork = way(snapshot)
    assert state(fork) == before
    assert fork.exports.m[300] == 1  # the start function did not run again
    assert fork.exports.call(2) == 7
    assert fork.exports.call(3) == 8
    assert state(way(snapshot)) == before


def test_forks_have_memories_of_their_own(instance: Instance) -> None:
    snapshot = instance.snapshot()
    first, second = snapshot.fork(), snapshot.fork()
    first.exports.m.write(40_000, b"1st")
    assert second.exports.m.read(40_000, 3) == instance.exports.m.read(40_000, 3) == b"far"
    assert first.exports.grow() == 1
    assert first.exports.m.read(65536, 10) == bytes(10)


def test_restore_goes_back_in_place(instance: Instance) -> None:
    before, memory, view = state(instance), instance.exports.m, instance.exports.m[0:8]
    snapshot = instance.snapshot()
    instance.exports.inc()
    instance.exports.tgrow()
    instance.exports.t[0] = instance.exports.t[1]
    memory.write(50_000, b"new")
    instance.restore(snapshot)
    assert state(instance) == before
    assert bytes(view[:4]) == struct.pack("<i", 6)
    assert instance.exports.t.grow(2) == 3
    assert [*instance.exports.t][3:] == [None, None]


def test_segments_that_were_dropped(instance: Instance) -> None:
    whole = instance.snapshot()
    instance.exports.drop()
    dropped = instance.snapshot()
    for made in (dropped.fork(), instance):
        with pytest.raises(bembix.Trap):
            made.exports.init()
        with pytest.raises(bembix.Trap):
            made.exports.tinit()
    instance.restore(whole)
    for made in (whole.fork(), instance):
        made.exports.init()
        made.exports.tinit()
        assert made.exports.m.read(200, 7) == b"passive"
        assert made.exports.call(0) == 7
    instance.restore(dropped)
    with pytest.raises(bembix.Trap):
        instance.exports.init()


def test_a_memory_that_has_grown_does_not_go_back(instance: Instance) -> None:
    snapshot = instance.snapshot()
    before = instance.exports.g.value
    instance.exports.inc()
    instance.exports.grow()
    with pytest.raises(SnapshotError, match="from 1 to 2 pages"):
        instance.restore(snapshot)
    assert instance.exports.g.value == before + 1  # nothing was done
    grown = instance.snapshot()
    made = snapshot.fork()
    made.restore(grown)  # it can grow
    assert made.exports.m.pages == 2


def test_imported_functions_are_those_of_the_fork() -> None:
    module = Module("""
      (module (import "env" "f" (func $f (result i32))) (table 1 funcref) (elem (i32.const 0) $f)
        (func (export "run") (result i32) (call_indirect (result i32) (i32.const 0))))""")
    instance = module.instantiate({"env": {"f": lambda: 1}})
    snapshot = instance.snapshot()
    assert snapshot.fork({"env": {"f": lambda: 2}}).exports.run() == 2
    assert instance.exports.run() == 1
    with pytest.raises(bembix.LinkError):
        snapshot.fork()


def test_what_is_imported_is_not_captured() -> None:
    module = Module("""
      (module (import "" "m" (memory 1)) (import "" "g" (global (mut i32))) (import "" "t" (table 1 funcref))
        (global (export "own") (mut i32) (i32.const 1)))""")

    def imports() -> Any:
        return {"": {"m": bembix.Memory(1), "g": bembix.Global("i32", 7, mutable=True), "t": bembix.Table(1)}}

    snapshot = module.instantiate(imports()).snapshot()
    assert (snapshot.memories, snapshot.tables, len(snapshot.globals)) == ((), (), 1)
    given = imports()
    given[""]["m"].write(0, b"kept")
    snapshot.fork(given)
    assert given[""]["m"].read(0, 4) == b"kept"


def test_a_module_of_another_instance_is_refused(instance: Instance) -> None:
    snapshot = instance.snapshot()
    other = Module('(module (memory 1) (func (export "f")))').instantiate()
    for action in (lambda: other.restore(snapshot), lambda: other.module.instantiate(snapshot=snapshot)):
        with pytest.raises(SnapshotError, match="another module"):
            action()
    assert state(Module(TEXT).instantiate(snapshot=snapshot)) == state(instance)  # an equal one will do


def test_what_has_no_form_is_refused() -> None:
    shared = Module('(module (memory (export "m") 1 1 shared))').instantiate()
    with pytest.raises(SnapshotError, match="memory 0 is shared"):
        shared.snapshot()
    host = Module('(module (global (export "g") (mut externref) (ref.null extern)))').instantiate()
    host.snapshot().fork()
    host.exports.g.value = "an object"
    with pytest.raises(SnapshotError, match=r"global 0 \(externref\) refers to an object"):
        host.snapshot()
    text = '(module (table (export "t") 2 funcref) (func (export "f")))'
    table, other = Module(text).instantiate(), Module(text).instantiate()
    store = bembix.Store()
    table, other = (Module(text).instantiate(store=store) for _ in range(2))
    table.exports.t[1] = other.exports.f
    with pytest.raises(SnapshotError, match="table 0 element 1 refers to a function of another instance"):
        table.snapshot()


def test_i31_and_null_references_are_kept() -> None:
    module = Module("""
      (module (global (export "a") (mut anyref) (ref.null any)) (global (export "b") (mut i31ref) (ref.null i31))
        (table (export "t") 3 anyref))""")
    instance = module.instantiate()
    instance.exports.b.value = -5
    instance.exports.t[1] = bembix.I31(7)
    fork = pickle.loads(pickle.dumps(instance.snapshot())).fork()
    assert (fork.exports.a.value, fork.exports.b.value, [*fork.exports.t]) == (None, -5, [None, 7, None])
    instance.exports.a.value = [1]
    with pytest.raises(SnapshotError, match="global 0"):
        instance.snapshot()


def test_a_function_of_another_type_is_refused() -> None:
    module = Module("""
      (module (type $above (sub (func))) (type $below (sub $above (func)))
        (import "" "f" (func $f (type $above))) (table (export "t") 1 (ref null $below)) (elem declare func $f)
        (func (export "put") (table.set (i32.const 0) (ref.cast (ref $below) (ref.func $f)))))""")
    kinds = [
        Module(f"""
          (module (type $above (sub (func))) (type $below (sub $above (func)))
            (func (export "f") (type {kind})))""")
        for kind in ("$below", "$above")
    ]
    instance = module.instantiate({"": kinds[0].instantiate()})
    instance.exports.put()
    snapshot = instance.snapshot()
    snapshot.fork({"": kinds[0].instantiate()})
    with pytest.raises(SnapshotError, match="of another type"):
        snapshot.fork({"": kinds[1].instantiate()})


def test_instances_of_other_page_and_address_sizes() -> None:
    for memory in ("1 9 (pagesize 1)", "70001 (pagesize 1)", "i64 1 9"):
        module = Module(f'(module (memory (export "m") {memory}))')
        instance = module.instantiate()
        end = instance.exports.m.size
        instance.exports.m.write(end - 1, b"x")
        instance.exports.m.grow(3)
        fork = pickle.loads(pickle.dumps(instance.snapshot())).fork()
        assert fork.exports.m.size == instance.exports.m.size
        assert fork.exports.m.read(end - 1, 1) == b"x"


def test_limits_hold_for_forks(instance: Instance) -> None:
    instance.exports.grow()
    snapshot = instance.snapshot()
    with pytest.raises(bembix.MemoryExceeded):
        snapshot.fork(store=bembix.Store(limits=bembix.Limits(memory=65536)))
    with pytest.raises(bembix.TableExceeded):
        snapshot.fork(store=bembix.Store(limits=bembix.Limits(table=2)))


def test_copies(instance: Instance) -> None:
    snapshot = instance.snapshot()
    assert copy.copy(snapshot) is copy.deepcopy(snapshot) is snapshot
    assert copy.copy(instance.module) is copy.deepcopy(instance.module) is instance.module
    for action in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="snapshot"):
            action(instance)
    exact = Module("(module)", traps="exact")
    assert pickle.loads(pickle.dumps(exact))._traps == "exact"


def test_says_what_it_is(instance: Instance) -> None:
    snapshot = instance.snapshot()
    assert repr(snapshot) == (
        f"<bembix.Snapshot of counter: 65536 bytes of memory ({snapshot.size_kept} kept), 3 globals, 3 table elements>"
    )


def test_zero_pages_are_not_kept() -> None:
    instance = Module('(module (memory (export "m") 1000))').instantiate()
    assert instance.snapshot().size_kept == 0
    instance.exports.m.write(30_000_000, b"x")
    snapshot = instance.snapshot()
    assert snapshot.size_kept <= 65536
    assert len(snapshot.to_bytes()) < 2000
    assert snapshot.fork().exports.m.find(b"x") == 30_000_000


def test_threads_take_turns() -> None:
    module = Module("""
      (module (import "" "tick" (func $tick)) (memory (export "m") 2) (table (export "t") 1000 funcref)
        (elem declare func $f) (func $f (export "f") (result i32) (i32.const 7))
        (func (export "work") (param i32)
          (loop
            (memory.fill (i32.const 0) (local.get 0) (i32.const 131072))
            (table.fill (i32.const 0) (ref.func $f) (i32.const 1000))
            (call $tick)
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))""")
    instance = module.instantiate({"": {"tick": lambda: None}})
    threads = [threading.Thread(target=instance.exports.work, args=(300 + n,)) for n in range(2)]
    empty = instance.snapshot()
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        snapshot = instance.snapshot()
        fork = snapshot.fork({"": {"tick": lambda: None}})
        memory = fork.exports.m.read(0, 131072)
        assert memory == bytes([memory[0]]) * 131072  # never in the middle of a fill
        assert len({element is None for element in fork.exports.t}) == 1
        instance.restore(empty if memory[0] % 2 else snapshot)
    for thread in threads:
        thread.join()


def test_several_threads_fork_at_once(instance: Instance) -> None:
    snapshot = instance.snapshot()
    found: list[object] = []

    def work() -> None:
        for _ in range(25):
            fork = snapshot.fork()
            fork.exports.inc()
            found.append((fork.exports.inc(), fork.exports.m.read(40_000, 3)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(8, b"far")] * 100


def test_a_host_function_takes_a_snapshot_and_goes_back() -> None:
    module = Module("""
      (module (import "" "host" (func $host)) (memory (export "m") 1)
        (func (export "run") (result i32)
          (i32.store (i32.const 0) (i32.const 1)) (call $host) (i32.load (i32.const 0))))""")
    taken: list[Snapshot] = []

    def host() -> None:
        taken.append(instance.snapshot())
        instance.exports.m.write(0, b"\2")
        instance.restore(taken[0])

    instance = module.instantiate({"": {"host": host}})
    assert instance.exports.run() == 1
    assert taken[0].fork({"": {"host": lambda: None}}).exports.m[0] == 1


# -- bytes that are wrong ----------------------------------------------------------------------------------------------


def _packed(data: bytes) -> bytes:
    return b"bembix snapshot 1\n" + hashlib.sha256(data).digest() + data


def _changed(snapshot: Snapshot, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a snapshot with another header and a right checksum."""
    body = snapshot.to_bytes()[50:]
    length = struct.unpack_from("<I", body)[0]
    header = json.loads(body[4 : 4 + length])
    change(header)
    text = json.dumps(header).encode()
    return _packed(struct.pack("<I", len(text)) + text + body[4 + length :])


def _set(path: list[Any], value: object) -> Callable[[dict[str, Any]], None]:
    def change(header: Any) -> None:
        for key in path[:-1]:
            header = header[key]
        header[path[-1]] = value

    return change


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "module": _set(["module"], "0"),
    "no memories": _set(["memories"], []),
    "pages": _set(["memories", 0, "pages"], 9),
    "too few pages": _set(["memories", 0, "pages"], 0),
    "negative pages": _set(["memories", 0, "pages"], -1),
    "huge pages": _set(["memories", 0, "pages"], 1 << 70),
    "pages that are none": _set(["memories", 0, "pages"], "1"),
    "no parts": _set(["memories", 0, "parts"], None),
    "part beyond": _set(["memories", 0, "parts"], [[65536, 16384]]),
    "part before": _set(["memories", 0, "parts"], [[-16384, 16384]]),
    "unaligned part": _set(["memories", 0, "parts"], [[1, 16384]]),
    "odd length": _set(["memories", 0, "parts"], [[0, 100]]),
    "long part": _set(["memories", 0, "parts"], [[0, 1 << 40]]),
    "overlapping parts": _set(["memories", 0, "parts"], [[0, 32768], [16384, 16384]]),
    "more than there is": _set(["memories", 0, "parts"], [[0, 65536]]),
    "global": _set(["globals", 0], 1 << 32),
    "negative global": _set(["globals", 0], -1),
    "no global": _set(["globals", 0], None),
    "bool": _set(["globals", 0], True),
    "few globals": _set(["globals"], [1]),
    "function": _set(["tables", 0, 0], 1000),
    "negative function": _set(["tables", 0, 0], -2),
    "elements": _set(["tables", 0], [-1]),
    "too many elements": _set(["tables", 0], [-1] * 21),
    "no table": _set(["tables", 0], 3),
    "dropped": _set(["dropped_datas"], [0]),
    "dropped beyond": _set(["dropped_elems"], [7]),
    "no dropped": lambda header: header.pop("dropped_datas"),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_found(instance: Instance, change: Callable[[dict[str, Any]], object]) -> None:
    instance.exports.m.write(0, bytes(range(256)) * 64)
    with pytest.raises(SnapshotError):
        Snapshot.from_bytes(_changed(instance.snapshot(), change), instance.module)


def test_damage_is_found(instance: Instance) -> None:
    data = instance.snapshot().to_bytes()
    with pytest.raises(SnapshotError, match="not a snapshot"):
        Snapshot.from_bytes(b"", instance.module)
    with pytest.raises(SnapshotError, match="another version"):
        Snapshot.from_bytes(data.replace(b"snapshot 1", b"snapshot 2"), instance.module)
    for place in range(20, len(data), 97):
        with pytest.raises(SnapshotError, match="damaged"):
            Snapshot.from_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], instance.module)
    for body in (b"", b"\xff\xff\xff\xff", struct.pack("<I", 5) + b"[[[[[", struct.pack("<I", 2) + b"[]"):
        with pytest.raises(SnapshotError):
            Snapshot.from_bytes(_packed(body), instance.module)
    body = data[50:]
    for wrong in (body[:-3], body + b"x", body[:-40] + bytes(40)):
        with pytest.raises(SnapshotError):
            Snapshot.from_bytes(_packed(wrong), instance.module)


def test_a_large_one_must_be_wanted(instance: Instance) -> None:
    data = instance.snapshot().to_bytes()
    with pytest.raises(SnapshotError, match="65536 bytes of memory, more than the limit of 65535"):
        Snapshot.from_bytes(data, instance.module, limit=65535)
    for limit in (65536, None):
        Snapshot.from_bytes(data, instance.module, limit=limit)
    wide = Module("(module (memory i64 1))")
    huge = _changed(wide.instantiate().snapshot(), _set(["memories", 0], {"pages": 1 << 30, "parts": [[0, 1 << 46]]}))
    with pytest.raises(SnapshotError, match="limit"):
        Snapshot.from_bytes(huge, wide)
    with pytest.raises(SnapshotError, match="in the middle"):
        Snapshot.from_bytes(huge, wide, limit=None)


def test_a_bomb_does_not_go_off(instance: Instance) -> None:
    body = instance.snapshot().to_bytes()[50:]
    length = struct.unpack_from("<I", body)[0]
    bomb = zlib.compress(bytes(200_000_000), 9)
    with pytest.raises(SnapshotError, match="more than its memories"):
        Snapshot.from_bytes(_packed(body[: 4 + length] + bomb), instance.module)


def test_what_is_no_snapshot_is_a_type_error(instance: Instance) -> None:
    with pytest.raises(TypeError, match=r"a snapshot is a bembix\.Snapshot, not int"):
        instance.restore(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a snapshot is read from bytes, not str"):
        Snapshot.from_bytes("x", instance.module)  # type: ignore[arg-type]
