"""A module instance as the runtime has it: its context, and the native sides of all that its index spaces name.

Source: core 3.0, 4.2.5; the bytes of a context are those of `compile/layout.py`.
"""

from __future__ import annotations

import weakref
from array import array
from typing import TYPE_CHECKING

from bembix.compile.layout import Context, ContextLayout, FuncRecord
from bembix.errors import InternalError
from bembix.native.code import lazy_stubs
from bembix.native.memory import Block, write_bytes, write_u64
from bembix.records import dataclass, field
from bembix.runtime import registry
from bembix.runtime.globalinst import GlobalInst
from bembix.runtime.heapinst import is_traced
from bembix.runtime.meminst import MemInst
from bembix.runtime.storeinst import StoreInst
from bembix.runtime.tableinst import TableInst
from bembix.runtime.tag import TagInst

if TYPE_CHECKING:
    from bembix.compile.tier import CompiledModule
    from bembix.runtime.func import FuncInfo
    from bembix.runtime.module import Module


@dataclass(slots=True)
class Externs:
    """Index spaces at run time, imports first.  functions: addresses of records.

    owner: the store, which owns this.  types: the canonical id of each type index.
    """

    owner: weakref.ref[StoreInst]
    types: list[int]
    functions: list[int] = field(default_factory=list)
    tables: list[TableInst] = field(default_factory=list)
    memories: list[MemInst] = field(default_factory=list)
    globals: list[GlobalInst] = field(default_factory=list)
    tags: list[TagInst] = field(default_factory=list)

    @property
    def store(self) -> StoreInst:
        """Where objects are made."""
        store = self.owner()
        if store is None:
            raise InternalError("an instance has outlived its store")
        return store.root


class ModuleInst:
    """A module instance in a store.

    address: of its context.  externs: the imports at first; `instantiate` adds what the module defines.
    """

    __slots__ = ("__weakref__", "_segments", "address", "block", "compiled", "externs", "layout", "module")

    def __init__(self, module: Module, layout: ContextLayout, store: StoreInst, imports: Externs) -> None:
        self.module: Module = module
        self.compiled: CompiledModule = module.metered if store.metered else module.compiled
        self.layout: ContextLayout = layout
        self.externs: Externs = imports
        self.block: Block = Block(self.layout.size)
        self._segments: list[Block] = []
        self.address: int = self.block.address
        self._write_head(store)
        self._write_functions()
        registry.contexts[self.address] = self
        for record in imports.functions[: layout.imported_function_count]:
            host = registry.hosts.get(record)
            if host is not None and host.importer is None:
                host.importer = weakref.ref(self)
        module.instances.add(self)
        store.own(self)

    def adopt(self, store: StoreInst) -> None:
        """Never happens: a store with an instance is bound."""

    def _write_head(self, store: StoreInst) -> None:
        from bembix.compile.prebuilt import vm

        for offset, value in (
            (Context.STORE, store.address),
            (Context.LAZY, vm.lazy_entry()),
            (Context.RUNTIME, vm.runtime_table()),
            (Context.INSTANCE, self.address),
        ):
            write_u64(self.address + offset, value)
        self._write_array(self.layout.types, array("Q", self.module.context.ids))

    def _write_functions(self) -> None:
        """Fill the records: a function's first code is the stub that has it compiled."""
        self._write_array(self.layout.imported_functions, array("Q", self.externs.functions))
        count = len(self.module.definition.functions)
        stubs = lazy_stubs(2 * count)
        write_u64(self.address + Context.STUBS, stubs.start)
        records = self.module.records(stubs)[:]
        records[FuncRecord.CONTEXT // 8 :: FuncRecord.SIZE // 8] = array("Q", [self.address]) * count
        self._write_array(self.layout.functions, records)
        first = self.address + self.layout.functions
        self.externs.functions += range(first, first + FuncRecord.SIZE * count, FuncRecord.SIZE)

    def _write_array(self, offset: int, content: array[int]) -> None:
        if content:
            write_bytes(self.address + offset, content.tobytes())

    def publish(self, index: int, code: int, throwing: bool) -> None:
        """Let calls to a defined function go to its code from now on."""
        offset = FuncRecord.THROWING_CODE if throwing else FuncRecord.CODE
        write_u64(self.address + self.layout.functions + FuncRecord.SIZE * index + offset, code)

    def note_flags(self, record: int) -> None:
        """Write what is known of how a function runs into its record, before Python calls it."""
        if self.module.compiled.brief(self._defined(record)):
            write_u64(record + FuncRecord.FLAGS, FuncRecord.BRIEF)

    def _defined(self, record: int) -> int:
        return (record - self.address - self.layout.functions) // FuncRecord.SIZE

    def add_roots(self) -> None:
        """Have references in globals and element segments kept alive."""
        context, store = self.module.context, self.externs.store
        defined = context.globals[self.layout.imported_global_count :]
        if any(is_traced(g.value) for g in defined):
            store.heap.add_words(self.address + self.layout.globals, 2 * len(defined))
        for index, reftype in enumerate(context.elems):
            if is_traced(reftype):
                store.heap.add_pair(self.address + self.layout.elem(index))

    def add_segment(self, offset: int, content: bytes, length: int) -> None:
        """Fill a passive segment; all others keep length 0.

        offset: in the context.  length: bytes of data, or elements.
        """
        block = Block(len(content))
        write_bytes(block.address, content)
        self._segments.append(block)
        self._write_array(offset, array("Q", (block.address, length)))

    def info_of_record(self, record: int) -> FuncInfo:
        """Return what is to be known of a function defined here, by the address of its record."""
        return self.module.function_info(self._defined(record) + self.layout.imported_function_count)
