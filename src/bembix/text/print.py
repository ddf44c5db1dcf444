"""Print a module in the text format; parsing what is printed gives the same module.  Source: core 3.0, 6.6."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bembix.binary.immediates import read_locals
from bembix.binary.sections import Section
from bembix.spec.module import (
    Code,
    Custom,
    Data,
    Elem,
    Export,
    Expr,
    ExternKind,
    Import,
    ModuleDef,
    SegmentMode,
    Table,
    functype,
)
from bembix.spec.types import AbsHeap, FuncType, MemoryType, TableType, TagType, ValType, ref
from bembix.text.customs import PLACES
from bembix.text.identifiers import Identifiers, ModuleIdentifiers
from bembix.text.print_body import Body, indent
from bembix.text.print_types import definition, globaltype, memorytype, signature, tabletype, valtype, variables, words
from bembix.text.strings import identifier, quoted, quoted_bytes

_LINE: Final = 64  #: bytes of data in a line
_SECTIONS: Final = {section: word for word, section in PLACES.items()}
_ONE_LINE: Final = 2
_FUNCTIONS: Final = ref(False, AbsHeap.FUNC)  #: the type of a segment that lists function indices


def print_module(module: ModuleDef) -> str:
    """Return a module as text.

    Instructions are flat; names become identifiers where they can.
    Errors: ParseError for a body that can't be read, ValidationError for one whose blocks are not balanced.
    """
    return "\n".join(_Module(module).lines()) + "\n"


class _Module:
    """Prints one module."""

    def __init__(self, module: ModuleDef) -> None:
        self.module = module
        self.ids = ModuleIdentifiers(module)
        self.subtypes = module.subtypes()
        #: How many things of each kind are imported: the index of the first one defined here.
        self.first = {kind: len(module.imported(kind)) for kind in ExternKind}

    def lines(self) -> Iterator[str]:
        """Yield the lines of the module."""
        yield words("(module", self._module_name())
        for part in (self._types(), self._imports(), self._definitions(), self._code(), self._rest()):
            yield from part
        yield ")"

    def _module_name(self) -> str:
        name = self.module.names.module
        if name is None:
            return ""
        return identifier(name) if name else '(@name "")'

    def _types(self) -> Iterator[str]:
        index = 0
        for group in self.module.types:
            lines = [definition(self.ids, sub, index + i) for i, sub in enumerate(group.types)]
            index += len(lines)
            if group.explicit or len(lines) != 1:
                yield "  (rec" if lines else "  (rec)"
                yield from (f"    {line}" for line in lines)
                yield from ["  )"] if lines else []
            else:
                yield f"  {lines[0]}"

    def _imports(self) -> Iterator[str]:
        counts = dict.fromkeys(ExternKind, 0)
        for import_ in self.module.imports:
            index = counts[import_.kind]
            counts[import_.kind] += 1
            bound = self.ids.externals[import_.kind].numbered(index)
            inner = words(str(import_.kind), bound, self._import_type(import_, index))
            yield f"  (import {quoted(import_.module)} {quoted(import_.name)} ({inner}))"

    def _import_type(self, import_: Import, index: int) -> str:
        type_ = import_.type
        if isinstance(type_, int):
            return self._typeuse(type_, index)
        if isinstance(type_, TagType):
            return self._tag_type(type_)
        if isinstance(type_, MemoryType):
            return memorytype(type_)
        if isinstance(type_, TableType):
            return tabletype(self.ids, type_)
        return globaltype(self.ids, type_)

    def _typeuse(self, type_index: int, function: int) -> str:
        """Return the type of a function by its index, and in words."""
        use = f"(type {self.ids.types.use(type_index)})"
        known = functype(self.subtypes, type_index)
        return use if known is None else words(use, signature(self.ids, known, self._locals(function)))

    def _tag_type(self, type_: TagType) -> str:
        use = f"(type {self.ids.types.use(type_.type_index)})"
        known = functype(self.subtypes, type_.type_index)
        return use if known is None else words(use, signature(self.ids, known, Identifiers({})))

    def _locals(self, function: int) -> Identifiers:
        return Identifiers(self.module.names.locals.get(function, {}))

    def _definitions(self) -> Iterator[str]:
        ids, first, module = self.ids, self.first, self.module
        for i, table in enumerate(module.tables, first[ExternKind.TABLE]):
            yield f"  ({words('table', ids.tables.numbered(i), self._table(table))})"
        for i, memory in enumerate(module.memories, first[ExternKind.MEMORY]):
            yield f"  (memory {ids.memories.numbered(i)} {memorytype(memory)})"
        for i, tag in enumerate(module.tags, first[ExternKind.TAG]):
            yield f"  (tag {ids.tags.numbered(i)} {self._tag_type(tag)})"
        for i, global_ in enumerate(module.globals, first[ExternKind.GLOBAL]):
            init = self._flat(global_.init)
            yield f"  ({words('global', ids.globals.numbered(i), globaltype(ids, global_.type), init)})"

    def _table(self, table: Table) -> str:
        return words(tabletype(self.ids, table.type), "" if table.init is None else self._flat(table.init))

    def _code(self) -> Iterator[str]:
        first = self.first[ExternKind.FUNC]
        for index, (type_index, code) in enumerate(zip(self.module.functions, self.module.code, strict=True), first):
            yield from self._function(index, type_index, code)

    def _function(self, index: int, type_index: int, code: Code) -> Iterator[str]:
        runs, start = read_locals(code.data, code.start)
        scope = self._locals(index)
        head = f"  (func {self.ids.functions.numbered(index)} {self._typeuse(type_index, index)}"
        known = functype(self.subtypes, type_index) or FuncType()
        types: list[ValType] = [type_ for count, type_ in runs for _ in range(count)]
        local = variables(self.ids, "local", types, scope, len(known.params))
        body = Body(self.ids, scope, self.module.names.labels.get(index, {}))
        lines = [indent(0) + local] if local else []
        lines += [indent(depth) + line for depth, line in body.lines(code.data, start, code.end)]
        yield head if lines else head + ")"
        yield from lines
        yield from ["  )"] if lines else []

    def _rest(self) -> Iterator[str]:
        module = self.module
        for export in module.exports:
            yield f"  {self._export(export)}"
        if module.start is not None:
            yield f"  (start {self.ids.functions.use(module.start)})"
        for i, elem in enumerate(module.elems):
            yield f"  ({words('elem', self.ids.elems.numbered(i), self._elem(elem))})"
        for i, data in enumerate(module.datas):
            yield from self._data(i, data)
        for custom in module.customs:
            yield f"  {_custom(custom)}"

    def _export(self, export: Export) -> str:
        used = self.ids.externals[export.kind].use(export.index)
        return f"(export {quoted(export.name)} ({export.kind} {used}))"

    def _elem(self, elem: Elem) -> str:
        mode = "declare" if elem.mode is SegmentMode.DECLARATIVE else ""
        table = f"(table {self.ids.tables.use(elem.table)})" if elem.table else ""
        at = "" if elem.at is None else self._enclosed("offset", elem.at)
        return words(mode, table, at, *self._items(elem))

    def _items(self, elem: Elem) -> Iterator[str]:
        indices = [item for item in elem.items if isinstance(item, int)]
        if len(indices) == len(elem.items) and elem.type == _FUNCTIONS:
            yield "func"
            yield from map(self.ids.functions.use, indices)
            return
        yield valtype(self.ids, elem.type)
        for item in elem.items:
            if isinstance(item, int):
                yield f"(ref.func {self.ids.functions.use(item)})"
            else:
                yield self._enclosed("item", item)

    def _data(self, index: int, data: Data) -> Iterator[str]:
        memory = f"(memory {self.ids.memories.use(data.memory)})" if data.memory else ""
        at = "" if data.at is None else self._enclosed("offset", data.at)
        head = f"  ({words('data', self.ids.datas.numbered(index), memory, at)}"
        chunks = [quoted_bytes(data.content[i : i + _LINE]) for i in range(0, len(data.content), _LINE)]
        if len(chunks) < _ONE_LINE:
            yield words(head, *chunks) + ")"
            return
        yield head
        yield from (f"    {chunk}" for chunk in chunks)
        yield "  )"

    def _instructions(self, expr: Expr) -> list[str]:
        body = Body(self.ids, Identifiers({}), {})
        return [line for _, line in body.lines(expr.code, 0, len(expr.code))]

    def _flat(self, expr: Expr) -> str:
        """Return a constant expression where a sequence may stand."""
        lines = self._instructions(expr)
        return f"({lines[0]})" if len(lines) == 1 else " ".join(lines)

    def _enclosed(self, keyword: str, expr: Expr) -> str:
        """Return a constant expression where one folded instruction or a named sequence stands."""
        lines = self._instructions(expr)
        return f"({lines[0]})" if len(lines) == 1 else f"({words(keyword, *lines)})"


def _custom(custom: Custom) -> str:
    place = f"(after {_SECTIONS[Section(custom.after)]})" if custom.after else "(before first)"
    return f"({words('@custom', quoted(custom.name), place, quoted_bytes(custom.content))})"
