"""Builders of the rows whose stack type depends on context."""

from __future__ import annotations

from collections.abc import Callable

from bodies import BUILDERS, MAX_DEPTH, Body, Builder, Open
from shape import BITS, NUMBERS, SIGNALLING, matches

from bembix.binary.immediates import Catch, MemArg
from bembix.spec.instructions import BY_NAME
from bembix.spec.types import EXNREF, F32, F64, I32, I64, V128, FuncType, NumType, RefType, ValType, ref


def builds(*names: str) -> Callable[[Builder], Builder]:
    """Enter a builder under the rows that it writes."""

    def enter(builder: Builder) -> Builder:
        BUILDERS.update(dict.fromkeys(names, builder))
        return builder

    return enter


def _too_deep(body: Body) -> bool:
    return len(body.labels) > MAX_DEPTH or body.budget < 4


def _inner(body: Body) -> None:
    body.sequence(body.choose.number(0, 6))


# -- blocks ----------------------------------------------------------------------------------------------------------


@builds("block", "end")
def block(body: Body) -> bool:
    if _too_deep(body):
        return False
    body.open("block", body.operands(), body.results())
    _inner(body)
    body.close()
    return True


@builds("loop")
def loop(body: Body) -> bool:
    if _too_deep(body):
        return False
    params, results = body.operands(), body.results()
    counter = body.new_local(I32)
    body.const(I32, body.choose.number(0, 2))
    body.set(counter)
    label = body.open("loop", params, results)
    label.counter, label.limit = counter, body.choose.number(1, 12)
    label.fueled = body.choose.chance(30)
    if label.fueled:
        body.burn()
    _inner(body)
    if body.choose.chance(80):
        branch_back(body, 0)
    body.close()
    return True


def branch_back(body: Body, depth: int) -> None:
    """Branch to a loop as long as its counter allows."""
    label = body.labels[-1 - depth]
    body.need(label.targets)
    body.get(label.counter)
    body.const(I32, 1)
    body.plain("i32.add")
    body.emit("local.tee", label.counter)
    body.const(I32, label.limit)
    body.plain(body.choose.pick(["i32.lt_u", "i32.lt_s"]))
    body.emit("br_if", depth)
    body.pop(1)
    _retype(body, label.targets)


def _retype(body: Body, types: tuple[ValType, ...]) -> None:
    """After a `br_if` the operands have the types of the label."""
    body.pop(len(types))
    body.stack += types


@builds("if")
def if_(body: Body) -> bool:
    if _too_deep(body):
        return False
    body.need([I32])
    body.pop(1)
    params = body.operands()
    body.open("if", params, params)
    _inner(body)
    body.close()
    return True


@builds("else")
def if_else(body: Body) -> bool:
    if _too_deep(body):
        return False
    body.need([I32])
    body.pop(1)
    params, results = body.operands(), body.results()
    label = body.open("if", params, results)
    _inner(body)
    body.finish()
    body.emit("else")
    del body.stack[label.height :]
    body.stack += params
    label.polymorphic = False
    _inner(body)
    body.close()
    return True


def guarded(body: Body, write: Callable[[], object]) -> bool:
    """Write what leaves the block, mostly under a condition, and something behind it."""
    alone = len(body.labels) > 1 and body.choose.chance(25)
    if not alone:
        body.need([I32])
        body.pop(1)
        body.open("if", (), ())
    write()
    body.stop()
    if body.choose.chance(20):
        body.sequence(1)
    if not alone:
        body.close()
    return True


# -- branches --------------------------------------------------------------------------------------------------------


def _is_free(label: Open) -> bool:
    """Tell whether any branch may go to a label without running forever."""
    return label.opcode != "loop" or label.fueled


def _depths(body: Body, targets: tuple[ValType, ...] | None = None) -> list[int]:
    """Return the depths of labels that may be branched to."""
    return [
        depth
        for depth, label in enumerate(reversed(body.labels))
        if _is_free(label)
        and (targets is None or (len(targets) == len(label.targets) and all(map(matches, targets, label.targets))))
    ]


@builds("br")
def br(body: Body) -> bool:
    def write() -> None:
        depth = body.choose.pick(_depths(body))
        body.need(body.labels[-1 - depth].targets)
        body.emit("br", depth)

    return guarded(body, write)


@builds("br_if")
def br_if(body: Body) -> bool:
    depth = body.choose.number(0, len(body.labels) - 1)
    label = body.labels[-1 - depth]
    if not _is_free(label):
        branch_back(body, depth)
        return True
    body.need(label.targets)
    body.value(I32)
    body.emit("br_if", depth)
    body.pop(1)
    _retype(body, label.targets)
    return True


@builds("br_table")
def br_table(body: Body) -> bool:
    def write() -> None:
        depths = _depths(body)
        default = body.choose.pick(depths)
        targets = body.labels[-1 - default].targets
        same = [depth for depth in depths if body.labels[-1 - depth].targets == targets]
        body.need(targets)
        body.value(I32)
        if body.choose.chance(70):
            body.const(I32, 3)
            body.plain("i32.and")
        body.emit("br_table", (*body.choose.some(same, 0, 5), default))

    return guarded(body, write)


@builds("return")
def return_(body: Body) -> bool:
    def write() -> None:
        body.need(body.type.results)
        body.emit("return")

    return guarded(body, write)


@builds("unreachable")
def unreachable(body: Body) -> bool:
    if not body.choose.chance(20 + body.shape.wild):
        return False
    return guarded(body, lambda: body.emit("unreachable"))


@builds("nop")
def nop(body: Body) -> bool:
    body.emit("nop")
    return True


# -- calls -----------------------------------------------------------------------------------------------------------


def _give(body: Body, functype: FuncType) -> None:
    body.calls = True
    body.pop(len(functype.params))
    body.stack += functype.results


@builds("call")
def call(body: Body) -> bool:
    if not body.shape.functions:
        return False
    index = body.choose.number(0, len(body.shape.functions) - 1)
    functype = body.shape.function_type(index)
    body.need(functype.params, 1)
    body.emit("call", index)
    _give(body, functype)
    return True


def _tail_types(body: Body) -> list[int]:
    """Return indices of function types that give what this function gives."""
    wanted = body.type.results
    return [
        index
        for index, known in enumerate(body.shape.types)
        if len(known.results) == len(wanted) and all(map(matches, known.results, wanted))
    ]


@builds("return_call")
def return_call(body: Body) -> bool:
    types = _tail_types(body)
    found = [index for index, type_index in enumerate(body.shape.functions) if type_index in types]
    if not found:
        return False

    def write() -> None:
        index = body.choose.pick(found)
        body.need(body.shape.function_type(index).params, 1)
        body.emit("return_call", index)
        body.calls = True

    return guarded(body, write)


def _slots(body: Body, types: list[int]) -> list[tuple[int, int, int]]:
    """Return table, position and type index of functions in tables."""
    return [
        (table, position, body.shape.functions[function])
        for table, positions in body.shape.slots.items()
        for position, function in positions.items()
        if body.shape.functions[function] in types
    ]


def _callee(body: Body, types: list[int]) -> tuple[int, int]:
    """Push the arguments and the position of a function in a table; return type index and table."""
    table, position, type_index = body.choose.pick(_slots(body, types))
    if body.wild():
        type_index = body.choose.pick(types)
    body.need(body.shape.types[type_index].params, 1)
    if body.wild():
        body.value(I32, 1)
    elif body.choose.chance(50):
        body.value(I32, 1)
        body.const(I32, 0)
        body.plain("i32.and")
        body.const(I32, position)
        body.plain("i32.or")
    else:
        body.const(I32, position)
    return type_index, table


@builds("call_indirect")
def call_indirect(body: Body) -> bool:
    types = list(range(len(body.shape.types)))
    if not _slots(body, types):
        return False
    type_index, table = _callee(body, types)
    body.emit("call_indirect", type_index, table)
    body.pop(1)
    _give(body, body.shape.types[type_index])
    return True


@builds("return_call_indirect")
def return_call_indirect(body: Body) -> bool:
    types = _tail_types(body)
    if not _slots(body, types):
        return False

    def write() -> None:
        type_index, table = _callee(body, types)
        body.emit("return_call_indirect", type_index, table)
        body.calls = True

    return guarded(body, write)


def _function_ref(body: Body, types: list[int]) -> int:
    """Push arguments and a reference to a function; return its type index."""
    type_index = body.choose.pick(types)
    body.need(body.shape.types[type_index].params, 1)
    functions = body.shape.functions_of(type_index)
    if functions and not body.wild():
        body.emit("ref.func", body.choose.pick(functions))
        body.stack.append(ref(False, type_index))
    else:
        body.value(ref(True, type_index))
    return type_index


@builds("call_ref")
def call_ref(body: Body) -> bool:
    types = [index for index in range(len(body.shape.types)) if body.shape.functions_of(index)]
    if not types:
        return False
    type_index = _function_ref(body, types)
    body.emit("call_ref", type_index)
    body.pop(1)
    _give(body, body.shape.types[type_index])
    return True


@builds("return_call_ref")
def return_call_ref(body: Body) -> bool:
    types = [index for index in _tail_types(body) if body.shape.functions_of(index)]
    if not types:
        return False

    def write() -> None:
        body.emit("return_call_ref", _function_ref(body, types))
        body.calls = True

    return guarded(body, write)


# -- variables -------------------------------------------------------------------------------------------------------


@builds("drop")
def drop(body: Body) -> bool:
    if len(body.stack) == body.label.height:
        if not body.label.polymorphic:
            body.value(body.choose.pick(body.shape.value_types()))
        body.emit("drop")
        body.pop(1)
    else:
        body.discard()
    return True


@builds("select")
def select(body: Body) -> bool:
    kind = body.choose.pick((*NUMBERS, V128) if body.shape.vectors else NUMBERS)
    body.need([kind, kind, I32])
    body.emit("select")
    body.pop(3)
    body.stack.append(kind)
    return True


@builds("select t")
def select_typed(body: Body) -> bool:
    kind = body.choose.pick(body.shape.value_types())
    body.need([kind, kind, I32])
    body.emit("select t", (kind,))
    body.pop(3)
    body.stack.append(kind)
    return True


@builds("local.get")
def local_get(body: Body) -> bool:
    there = [index for index in range(len(body.locals)) if index not in body.hidden]
    if not there:
        return False
    body.get(body.choose.pick(there))
    return True


@builds("local.set", "local.tee")
def local_set(body: Body) -> bool:
    free = [index for index in range(len(body.locals)) if index not in body.reserved]
    if not free:
        return False
    index = body.choose.pick(free)
    body.need([body.locals[index]])
    if body.choose.chance(50):
        body.emit("local.set", index)
        body.pop(1)
    else:
        body.emit("local.tee", index)
        body.pop(1)
        body.stack.append(body.locals[index])
    return True


@builds("global.get")
def global_get(body: Body) -> bool:
    index = body.choose.number(0, len(body.shape.globals) - 1)
    if index == body.shape.fuel:
        return False
    body.emit("global.get", index)
    body.stack.append(body.shape.globals[index].value)
    return True


@builds("global.set")
def global_set(body: Body) -> bool:
    free = [index for index, known in enumerate(body.shape.globals) if known.mutable and index != body.shape.fuel]
    if not free:
        return False
    index = body.choose.pick(free)
    body.need([body.shape.globals[index].value])
    body.emit("global.set", index)
    body.pop(1)
    return True


# -- references and tables -------------------------------------------------------------------------------------------


@builds("ref.null", "ref.func")
def reference(body: Body) -> bool:
    body.value(body.choose.pick([kind for kind in body.shape.value_types() if isinstance(kind, RefType)]))
    return True


@builds("ref.is_null")
def ref_is_null(body: Body) -> bool:
    reference(body)
    body.emit("ref.is_null")
    body.pop(1)
    body.stack.append(I32)
    return True


@builds("ref.as_non_null")
def ref_as_non_null(body: Body) -> bool:
    if body.shape.functions and not body.wild():
        index = body.choose.number(0, len(body.shape.functions) - 1)
        body.emit("ref.func", index)
        body.stack.append(ref(False, body.shape.functions[index]))
    else:
        reference(body)
    body.emit("ref.as_non_null")
    last = body.stack.pop()
    assert isinstance(last, RefType)
    body.stack.append(ref(False, last.heap))
    return True


@builds("br_on_null", "br_on_non_null")
def br_on_null(body: Body) -> bool:
    if _too_deep(body):
        return False
    found = [kind for kind in body.shape.value_types() if isinstance(kind, RefType)]
    kind = body.choose.pick(found)
    assert isinstance(kind, RefType)
    sure = ref(False, kind.heap)
    if body.choose.chance(50):
        depth = body.choose.pick(_depths(body))
        targets = body.labels[-1 - depth].targets
        body.need(targets)
        body.value(kind)
        body.emit("br_on_null", depth)
        body.pop(1)
        _retype(body, targets)
        body.stack.append(sure)
        return True
    more = tuple(body.choose.some(NUMBERS, 0, 1))
    body.open("block", (), (*more, sure if body.choose.chance(50) else kind))
    body.sequence(1)
    body.need(more)
    body.value(kind)
    body.emit("br_on_non_null", 0)
    body.pop(1)
    _retype(body, more)
    body.close()
    return True


def _table(body: Body) -> int:
    return body.choose.number(0, len(body.shape.tables) - 1)


def _position(body: Body, table: int) -> None:
    """Push a position in a table."""
    if body.wild():
        body.value(I32, 1)
    else:
        body.const(I32, body.choose.number(0, max(0, body.shape.tables[table].limits.minimum - 1)))


def _count(body: Body) -> None:
    if body.wild():
        body.value(I32, 1)
    else:
        body.const(I32, body.choose.number(0, 3))


@builds("table.get")
def table_get(body: Body) -> bool:
    if not body.shape.tables:
        return False
    table = _table(body)
    _position(body, table)
    body.emit("table.get", table)
    body.pop(1)
    body.stack.append(body.shape.tables[table].element)
    return True


@builds("table.set")
def table_set(body: Body) -> bool:
    if not body.shape.tables or not body.choose.chance(40):
        return False
    table = _table(body)
    _position(body, table)
    body.value(body.shape.tables[table].element)
    body.emit("table.set", table)
    body.pop(2)
    return True


@builds("table.size")
def table_size(body: Body) -> bool:
    if not body.shape.tables:
        return False
    body.emit("table.size", _table(body))
    body.stack.append(I32)
    return True


@builds("table.grow")
def table_grow(body: Body) -> bool:
    if not body.shape.tables:
        return False
    table = _table(body)
    body.value(body.shape.tables[table].element)
    _count(body)
    body.emit("table.grow", table)
    body.pop(2)
    body.stack.append(I32)
    return True


@builds("table.fill")
def table_fill(body: Body) -> bool:
    if not body.shape.tables or not body.choose.chance(40):
        return False
    table = _table(body)
    _position(body, table)
    body.value(body.shape.tables[table].element)
    _count(body) if body.wild() else body.const(I32, 1)
    body.emit("table.fill", table)
    body.pop(3)
    return True


@builds("table.copy")
def table_copy(body: Body) -> bool:
    tables = body.shape.tables
    pairs = [
        (to, source)
        for to, wanted in enumerate(tables)
        for source, given in enumerate(tables)
        if matches(given.element, wanted.element)
    ]
    if not pairs:
        return False
    to, source = body.choose.pick(pairs)
    _position(body, to)
    _position(body, source)
    _count(body) if body.wild() else body.const(I32, 1)
    body.emit("table.copy", to, source)
    body.pop(3)
    return True


@builds("table.init")
def table_init(body: Body) -> bool:
    pairs = [
        (segment, table)
        for segment, given in enumerate(body.shape.elems)
        for table, wanted in enumerate(body.shape.tables)
        if matches(given, wanted.element)
    ]
    if not pairs:
        return False
    segment, table = body.choose.pick(pairs)
    _position(body, table)
    body.const(I32, body.choose.number(0, 1))
    _count(body) if body.wild() else body.const(I32, body.choose.number(0, 1))
    body.emit("table.init", segment, table)
    body.pop(3)
    return True


@builds("elem.drop")
def elem_drop(body: Body) -> bool:
    if not body.shape.elems:
        return False
    body.emit("elem.drop", body.choose.number(0, len(body.shape.elems) - 1))
    return True


# -- memories --------------------------------------------------------------------------------------------------------


def _place(body: Body) -> None:
    """Push an address in a memory."""
    if body.wild():
        body.value(I32, 1)
    else:
        body.const(I32, body.choose.number(0, 0x4000))


def _length(body: Body) -> None:
    if body.wild():
        body.value(I32, 1)
    else:
        body.const(I32, body.choose.pick([0, 1, 3, 8, 16, 100, 1000]))


@builds("memory.size")
def memory_size(body: Body) -> bool:
    if not body.shape.memories:
        return False
    body.emit("memory.size", body.memory())
    body.stack.append(I32)
    return True


@builds("memory.grow")
def memory_grow(body: Body) -> bool:
    if not body.shape.memories:
        return False
    memory = body.memory()
    if body.wild():
        body.value(I32, 1)
        body.const(I32, body.choose.pick([0xFFFF, 3, -1]))
        body.plain("i32.and")
    else:
        body.const(I32, body.choose.pick([0, 1, 1, 2, 65536, -1]))
    body.emit("memory.grow", memory)
    body.pop(1)
    body.stack.append(I32)
    if body.choose.chance(50):  # the new page can be written
        body.const(I32, body.choose.pick([0xFFFC, 0x10000, 0x1FFFC, 0x20000]) if body.wild() else 0xFFF0)
        body.value(I64, 1)
        body.emit("i64.store", MemArg(0, memory, 0))
        body.pop(2)
    return True


@builds("memory.fill")
def memory_fill(body: Body) -> bool:
    if not body.shape.memories:
        return False
    _place(body)
    body.value(I32, 1)
    _length(body)
    body.emit("memory.fill", body.memory())
    body.pop(3)
    return True


@builds("memory.copy")
def memory_copy(body: Body) -> bool:
    if not body.shape.memories:
        return False
    _place(body)
    _place(body)
    _length(body)
    body.emit("memory.copy", body.memory(), body.memory())
    body.pop(3)
    return True


@builds("memory.init")
def memory_init(body: Body) -> bool:
    if not body.shape.memories or not body.shape.datas:
        return False
    segment = body.choose.number(0, len(body.shape.datas) - 1)
    _place(body)
    body.const(I32, body.choose.number(0, max(0, body.shape.datas[segment] - 4)))
    _length(body) if body.wild() else body.const(I32, body.choose.number(0, 1))
    body.emit("memory.init", segment, body.memory())
    body.pop(3)
    return True


@builds("data.drop")
def data_drop(body: Body) -> bool:
    if not body.shape.datas:
        return False
    body.emit("data.drop", body.choose.number(0, len(body.shape.datas) - 1))
    return True


_BINARY: dict[NumType, list[str]] = {
    kind: [
        name
        for name, row in BY_NAME.items()
        if row.params == (kind, kind) and row.results == (kind,) and (row.operation or "")[:4] not in ("div_", "rem_")
    ]
    for kind in NUMBERS
}


#: Elements of arrays: the suffix of their loads, and their width in bytes.
_ELEMENTS: dict[NumType, list[tuple[str, int]]] = {
    I32: [("", 4), ("8_u", 1), ("16_s", 2)],
    I64: [("", 8), ("32_u", 4)],
    F32: [("", 4)],
    F64: [("", 8)],
}


@builds("%array")
def array(body: Body) -> bool:
    """A loop over arrays, of the kind that LLVM makes vectors of."""
    if not body.shape.memories or _too_deep(body):
        return False
    choose = body.choose
    kind = choose.pick(NUMBERS)
    suffix, width = choose.pick(_ELEMENTS[kind])
    counter, total = body.new_local(I32), body.new_local(kind)
    memories = [body.memory() for _ in range(3)]
    offsets = [choose.pick([0, 16, 64, 1024, 1024 + width, 2048]) for _ in range(3)]
    operation = choose.pick(_BINARY[kind])
    reduce = choose.chance(40)
    body.const(I32, 0)
    body.set(counter)
    label = body.open("loop", (), ())
    label.counter, label.limit = counter, choose.number(1, 70)

    def place() -> None:
        body.get(counter)
        body.const(I32, width.bit_length() - 1)
        body.plain("i32.shl")

    def load(number: int) -> None:
        place()
        body.emit(f"{kind}.load{suffix}", MemArg(0, memories[number], offsets[number]))
        body.pop(1)
        body.stack.append(kind)

    if not reduce:
        place()
    load(1)
    if reduce:
        body.get(total)
    elif choose.chance(60):
        load(2)
    else:
        body._leaf(kind)
    if operation.endswith("copysign"):
        body.canonical(kind)
    body.plain(operation)
    if reduce:
        body.set(total)
    else:
        body.canonical(kind)
        body.emit(f"{kind}.store{suffix.partition('_')[0]}", MemArg(0, memories[0], offsets[0]))
        body.pop(2)
    branch_back(body, 0)
    body.close()
    if reduce:
        body.get(total)
    return True


_NEUTRAL = ["add", "sub", "mul", "div", "min", "max"]


@builds("%neutral")
def neutral(body: Body) -> bool:
    """An operation that changes nothing but a signalling NaN, or only its sign."""
    choose = body.choose
    kind = choose.pick([F32, F64])
    if choose.chance(50):
        body.const(kind, choose.pick(SIGNALLING[kind]))
        if choose.chance(50):
            local = body.new_local(kind)
            body.set(local)
            body.get(local)
    else:
        body.value(kind)
    if kind is F32 and choose.chance(30):
        body.plain("f64.promote_f32")
        for _ in range(choose.number(0, 2)):
            body.plain(choose.pick(["f64.neg", "f64.abs"]))
        body.plain("f32.demote_f64")
        return True
    one = {F32: 0x3F800000, F64: 0x3FF << 52}[kind]
    sign = 1 << BITS[kind] - 1
    body.const(kind, choose.pick([0, sign, one, one | sign]))
    if choose.chance(20):
        body.get(body.new_local(kind)) if choose.chance(50) else body.value(kind)
    body.plain(f"{kind}.{choose.pick(_NEUTRAL)}")
    return True


# -- exceptions ------------------------------------------------------------------------------------------------------


@builds("throw")
def throw(body: Body) -> bool:
    if not body.shape.tags:
        return False

    def write() -> None:
        tag = body.choose.number(0, len(body.shape.tags) - 1)
        body.need(body.shape.tag_type(tag).params, 1)
        body.emit("throw", tag)

    return guarded(body, write)


@builds("throw_ref")
def throw_ref(body: Body) -> bool:
    if not body.shape.exceptions:
        return False

    def write() -> None:
        body.need([EXNREF])
        body.emit("throw_ref")

    return guarded(body, write)


def _clause(body: Body) -> tuple[str, int | None, tuple[ValType, ...]]:
    """Choose a catch clause; return its kind, its tag and what it gives."""
    kinds = ["catch_all", "catch_all_ref"] + (["catch", "catch_ref"] * 2 if body.shape.tags else [])
    kind = body.choose.pick(kinds)
    tag: int | None = None
    given: tuple[ValType, ...] = ()
    if not kind.startswith("catch_all"):
        tag = body.choose.number(0, len(body.shape.tags) - 1)
        given = body.shape.tag_type(tag).params
    return kind, tag, (*given, EXNREF) if kind.endswith("_ref") else given


@builds("try_table")
def try_table(body: Body) -> bool:
    if not body.shape.exceptions or _too_deep(body):
        return False
    results = body.results()
    clauses = [_clause(body) for _ in range(body.choose.number(1, 3))]
    body.open("block", (), results)
    catches = []
    inner = 0
    for kind, tag, given in clauses:
        outer = _depths(body, given)
        if outer and body.choose.chance(30):  # somewhere that is there already; the blocks in between come later
            catches.append((kind, tag, len(body.labels) - 1 - body.choose.pick(outer)))
            continue
        body.open("block", (), given)
        inner += 1
        catches.append((kind, tag, len(body.labels) - 1))
    depth = len(body.labels)
    body.open(
        "try_table", body.operands(0), results, tuple(Catch(kind, tag, depth - 1 - at) for kind, tag, at in catches)
    )
    _inner(body)
    if body.choose.chance(60):
        throw(body)
    body.close()
    for number in range(inner):
        body.need(results)
        body.emit("br", inner - number)
        body.stop()
        body.close()
        if body.choose.chance(30):
            body.sequence(1)
    body.close()
    return True
