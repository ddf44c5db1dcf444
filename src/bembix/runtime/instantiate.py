"""Make an instance of a module.  Source: core 3.0, 4.5.4; the steps are in its order."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from bembix.compile.layout import ContextLayout
from bembix.native.memory import write_bytes
from bembix.runtime import cells, segments, services
from bembix.runtime.caller import instance_of
from bembix.runtime.constants import evaluate
from bembix.runtime.func import func_at
from bembix.runtime.globalinst import GlobalInst
from bembix.runtime.heapinst import describe
from bembix.runtime.instance import Instance
from bembix.runtime.linking import Linked, link
from bembix.runtime.meminst import MemInst
from bembix.runtime.module import Module
from bembix.runtime.moduleinst import ModuleInst
from bembix.runtime.restore import begin, check_module
from bembix.runtime.snapshot import Snapshot
from bembix.runtime.store import Store
from bembix.runtime.storeinst import StoreInst
from bembix.runtime.tableinst import TableInst
from bembix.runtime.tag import TagInst
from bembix.spec.module import ExternKind
from bembix.spec.types import FuncType

if TYPE_CHECKING:
    from bembix.runtime.namespace import Namespace

#: Up to so many types of exported functions have their call stubs made at once, with those of the imports.
_PREPARED_TYPES = 16


def instantiate(
    module: Module,
    imports: object,
    store: StoreInst | None,
    snapshot: Snapshot | None = None,
    *,
    ready: Callable[[Instance], object] = lambda instance: None,
) -> Instance:
    """Make an instance.

    snapshot: what it begins with in place of its segments and its start function.
    ready: called with the instance before its start function runs, which may call host functions that need it.
    Errors: LinkError before anything was written; Trap at a segment that is out of bounds, or in the start function,
    with what came before it kept; ResourceError, LimitExceeded; CompileError; SnapshotError.
    """
    if snapshot is not None:
        check_module(snapshot, module)
    layout = module.compiled.layout  # first of all: where the engine is missing, this says so
    services.install()
    modules = _namespace(module, imports, store)
    if modules is not None:
        instance = modules.instantiate(module, snapshot=snapshot)
        ready(instance)
        return instance
    linked = link(module, imports, store)
    _prepare(module, linked.host_types)
    if needs_heap(module):
        _prepare_heap(module, linked.store)
    linked.store.bind()
    with linked.store.held():
        inst, instance = _define(module, layout, linked, snapshot)
    ready(instance)
    if module.definition.start is not None and snapshot is None:
        func_at(inst.externs.functions[module.definition.start])()
    return instance


def _namespace(module: Module, imports: object, store: StoreInst | None) -> Namespace | None:
    """Return a namespace of the imports where modules stand among them, which it instantiates; else None."""
    if not isinstance(imports, Mapping):
        return None
    names = {entry.module for entry in module.definition.imports}
    if not any(name in imports and isinstance(imports[name], Module) for name in names):
        return None
    from bembix.runtime.namespace import Namespace

    return Namespace(imports, store=None if store is None else Store.of(store))


def _define(
    module: Module, layout: ContextLayout, linked: Linked, snapshot: Snapshot | None
) -> tuple[ModuleInst, Instance]:
    """Set up all that the module defines, except for running its start function."""
    linked.store.count_instance()
    inst = ModuleInst(module, layout, linked.store, linked.take())
    linked.store.modules.add(module)
    _define_memories(inst, linked.store)
    _define_globals(inst)
    _define_tables(inst, linked.store)
    _define_tags(inst, linked.store)
    elements = segments.add_elements(inst, active=snapshot is None)
    segments.add_data(inst)
    inst.add_roots()
    instance = instance_of(inst)
    if snapshot is not None:
        begin(inst, snapshot)
    else:
        segments.initialise_tables(inst, elements)
        segments.initialise_memories(inst)
    return inst, instance


def needs_heap(module: Module) -> bool:
    """Tell whether a module's code may make objects, or compare types by more than their ids."""
    plain = all(t.final and not t.supers and isinstance(t.composite, FuncType) for t in module.definition.subtypes())
    return not plain or bool(module.context.tags)


def _prepare_heap(module: Module, store: StoreInst) -> None:
    """Make the heap, and have it know the module's types."""
    heap = store.heap
    for index, number in enumerate(module.context.ids):
        describe(number)
        names = module.definition.names.fields.get(index)
        if names:
            heap.field_names.setdefault(number, dict(names))


def _prepare(module: Module, host_types: list[FuncType]) -> None:
    """Have the stubs and thunks made that will surely be used, in one go."""
    from bembix.compile.prebuilt import boundary, vm

    vm.ensure_handlers()
    context = module.context
    exported = {context.function_type(e.index) for e in module.definition.exports if e.kind is ExternKind.FUNC}
    boundary.prepare((*host_types, *(exported if len(exported) <= _PREPARED_TYPES else ())))


def _define_memories(inst: ModuleInst, store: StoreInst) -> None:
    memories = inst.externs.memories
    for memtype in inst.module.definition.memories:
        memory = MemInst(memtype, store.budget)
        store.own(memory)
        memories.append(memory)
    _write_slots(inst.address + inst.layout.memories, [(m.base, m.address) for m in memories])


def _define_tables(inst: ModuleInst, store: StoreInst) -> None:
    tables = inst.externs.tables
    types = inst.module.context.tables[len(tables) :]
    for table, tabletype in zip(inst.module.definition.tables, types, strict=True):
        init = evaluate(table.init, inst.externs) if table.init is not None else 0
        tables.append(TableInst(tabletype, store.table_budget, init))
        tables[-1].adopt(store)
    _write_slots(inst.address + inst.layout.tables, [(t.base, t.address) for t in tables])


def _write_slots(address: int, slots: list[tuple[int, int]]) -> None:
    """Write memory or table slots: base, block."""
    _write(address, [word for slot in slots for word in slot])


def _write(address: int, words: list[int]) -> None:
    if words:
        write_bytes(address, array("Q", words).tobytes())


def _define_globals(inst: ModuleInst) -> None:
    found = inst.externs.globals
    _write(inst.address + inst.layout.imported_globals, [g.address for g in found])
    types = inst.module.context.globals[len(found) :]
    address = inst.address + inst.layout.globals
    for definition, globaltype in zip(inst.module.definition.globals, types, strict=True):
        cells.write_bits(address, evaluate(definition.init, inst.externs))
        found.append(GlobalInst(globaltype, address, inst.block))
        address += cells.CELL_SIZE


def _define_tags(inst: ModuleInst, store: StoreInst) -> None:
    context = inst.module.context
    tags = inst.externs.tags
    for type_index in context.tags[len(tags) :]:
        tag = TagInst(context.functype(type_index), context.ids[type_index])
        store.own(tag)
        tags.append(tag)
    _write(inst.address + inst.layout.tags, [tag.address for tag in tags])
