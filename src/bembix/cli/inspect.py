"""List what is in a module: sections with their sizes, imports, exports, and the features that it uses."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Final

from bembix.binary.outline import sections
from bembix.spec.module import ExternKind, ImportType, ModuleDef, functype
from bembix.spec.types import SubType, TagType

_EXAMPLES: Final = 4  #: how many uses of a feature are named


def add_arguments(parser: ArgumentParser) -> None:
    """Say which arguments there are."""
    parser.add_argument("file", metavar="FILE", help="a module in binary or text form; - reads standard input")


def execute(options: Namespace) -> int:
    """Print the lists."""
    from bembix.cli.files import read_definition

    module, binary = read_definition(options.file)
    for block in (_sections(binary), _imports(module), _exports(module), _features(module)):
        lines = list(block)
        if len(lines) > 1:
            print("\n".join(lines), end="\n\n")
    counts = _counted(len(module.functions), "function"), _counted(len(module.datas), "data segment")
    print(f"{options.file}: {len(binary)} bytes in binary form, {', '.join(counts)}")
    return 0


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _sections(binary: bytes) -> Iterator[str]:
    yield f"{'section':<30}{'offset':>10}{'bytes':>12}"
    for name, offset, size in sections(binary):
        yield f"  {name:<28}{offset:>#10x}{size:>12}"


def _imports(module: ModuleDef) -> Iterator[str]:
    subtypes = module.subtypes()
    yield "imports"
    for imported in module.imports:
        yield f"  {imported.kind!s:<8}{imported.module}.{imported.name}  {_words(subtypes, imported.type)}"


def _exports(module: ModuleDef) -> Iterator[str]:
    subtypes = module.subtypes()
    spaces = {kind: index_space(module, kind) for kind in ExternKind}
    yield "exports"
    for export in module.exports:
        space = spaces[export.kind]
        words = _words(subtypes, space[export.index]) if export.index < len(space) else "of nothing: not valid"
        yield f"  {export.kind!s:<8}{export.name}  {words}"


def index_space(module: ModuleDef, kind: ExternKind) -> list[ImportType]:
    """Return the types of all of one kind, imports first; a function's is its type index."""
    defined: dict[ExternKind, list[ImportType]] = {
        ExternKind.FUNC: [*module.functions],
        ExternKind.TABLE: [table.type for table in module.tables],
        ExternKind.MEMORY: [*module.memories],
        ExternKind.GLOBAL: [variable.type for variable in module.globals],
        ExternKind.TAG: [*module.tags],
    }
    return [imported.type for imported in module.imported(kind)] + defined[kind]


def _words(subtypes: list[SubType], type_: ImportType) -> str:
    if isinstance(type_, TagType):
        type_ = type_.type_index
    if isinstance(type_, int):
        return str(functype(subtypes, type_) or f"(type {type_})")
    return str(type_).partition(" ")[2]


def _features(module: ModuleDef) -> Iterator[str]:
    from bembix.cli.features import features_used

    usage, total = features_used(module)
    yield f"features used, beyond WebAssembly 1.0 ({_counted(total, 'instruction')})"
    for feature in sorted(usage, key=lambda feature: feature.proposal):
        uses = usage[feature].most_common()
        words = ", ".join(f"{name} ({count})" for name, count in uses[:_EXAMPLES])
        more = f", {len(uses) - _EXAMPLES} more" if len(uses) > _EXAMPLES else ""
        yield f"  {feature.proposal}: {words}{more}"
