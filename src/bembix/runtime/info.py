"""What a module wants and gives, for people and programs to look at; and what is known of its functions.

Source: WebAssembly JavaScript API, WebAssembly.Module.imports and exports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from bembix.records import dataclass
from bembix.runtime.func import FuncInfo
from bembix.spec.module import ExternKind
from bembix.spec.types import FuncType, GlobalType, MemoryType, TableType
from bembix.validate.context import ModuleContext

if TYPE_CHECKING:
    from bembix.runtime.importers import Wanted

#: The type of an import or export; a tag's is a function type, whose parameters are the payload.
ExternType: TypeAlias = "FuncType | TableType | MemoryType | GlobalType"


@dataclass(frozen=True, slots=True)
class ImportInfo:
    """Something that a module wants.  kind: "func", "table", "memory", "global" or "tag"."""

    module: str
    name: str
    kind: str
    type: ExternType


@dataclass(frozen=True, slots=True)
class ExportInfo:
    """Something that a module gives.  kind: as for imports."""

    name: str
    kind: str
    type: ExternType


def extern_type(context: ModuleContext, kind: ExternKind, index: int) -> ExternType:
    """Return the type of something in an index space; type indices in it are canonical ids."""
    match kind:
        case ExternKind.FUNC:
            return context.function_type(index)
        case ExternKind.TABLE:
            return context.tables[index]
        case ExternKind.MEMORY:
            return context.memories[index]
        case ExternKind.GLOBAL:
            return context.globals[index]
        case ExternKind.TAG:
            return context.tag_type(index)


def imports_of(context: ModuleContext) -> list[ImportInfo]:
    """Return what a module imports, in order."""
    found = []
    position = dict.fromkeys(ExternKind, 0)
    for entry in context.definition.imports:
        found_type = extern_type(context, entry.kind, position[entry.kind])
        found.append(ImportInfo(entry.module, entry.name, str(entry.kind), found_type))
        position[entry.kind] += 1
    return found


def wanted_types(context: ModuleContext) -> list[Wanted]:
    """Return the types that the linker compares, of each import: a function's and a tag's by canonical id."""
    spaces: dict[ExternKind, list[Wanted]] = {
        ExternKind.FUNC: [context.ids[index] for index in context.functions[: context.imported_functions]],
        ExternKind.TABLE: [*context.tables],
        ExternKind.MEMORY: [*context.memories],
        ExternKind.GLOBAL: [*context.globals],
        ExternKind.TAG: [context.ids[index] for index in context.tags],
    }
    position = {kind: iter(space) for kind, space in spaces.items()}
    return [next(position[entry.kind]) for entry in context.definition.imports]


def function_info(context: ModuleContext, index: int, exported: str | None, module: str) -> FuncInfo:
    """Return what a Func knows of a function.  exported: the name under which the module gives it, if it does."""
    names = context.definition.names
    functype = context.function_type(index)
    locals_ = names.locals.get(index, {})
    return FuncInfo(
        exported or names.functions.get(index) or f"function[{index}]",
        functype,
        context.ids[context.functions[index]],
        module,
        index,
        tuple([locals_.get(number, "") for number in range(len(functype.params))]),
    )
