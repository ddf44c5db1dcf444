"""Modules: read, checked, ready to be instantiated.  Source: core 3.0, 7.1 (embedding); JavaScript API, 5.1."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from weakref import WeakSet

from bembix.compile.layout import FuncRecord
from bembix.compile.plan import validate_eagerly
from bembix.compile.tier import CompiledModule, compile_module
from bembix.errors import CompileError, Frame, ParseError
from bembix.runtime.engine import engine_name, feature_set
from bembix.runtime.source import give_place, read_module
from bembix.runtime.wording import counted
from bembix.spec.features import Feature
from bembix.spec.module import Export, ExternKind, ModuleDef, SegmentMode
from bembix.validate.module import check_module

if TYPE_CHECKING:
    from bembix.runtime.access import Buffer
    from bembix.runtime.func import FuncInfo
    from bembix.runtime.importers import Wanted
    from bembix.runtime.info import ExportInfo, ImportInfo
    from bembix.runtime.initial import Initial
    from bembix.runtime.instance import Instance
    from bembix.runtime.moduleinst import ModuleInst
    from bembix.runtime.segments import PassiveContents
    from bembix.runtime.snapshot import Snapshot
    from bembix.runtime.store import Store
    from bembix.validate.context import ModuleContext


class Module:
    """A WebAssembly module.

    source: the binary form as bytes, or as anything else with a buffer (an mmap); or the text form as str or bytes.
    name: for backtraces; None takes what the module says.
    engine: the code generator: "stencil", which starts at once; "llvm", whose code is faster, and which needs llvmlite;
        "auto", which begins with the one and goes on with the other where that is worth it and can be had. None takes
        the environment variable BEMBIX_ENGINE, then "auto".
    optimize: optimise every function at its first call, not only what is worth it.
    traps: "exact" to have every load trap that is out of bounds; "default" lets optimised code leave out, or move to
    the branch that uses it, a load whose value is not needed.
    features: the proposals to allow, such as {"simd"}; None allows those that are standard or that toolchains emit.

    Errors: ParseError where it is malformed, ValidationError where it is invalid (the bodies of a large module are
    checked when they are first called; `validate` checks all now), ValueError for an unknown engine or feature.

    Source: core 3.0, chapter 2.
    """

    def __init__(
        self,
        source: bytes | bytearray | memoryview | Buffer | str,
        *,
        name: str | None = None,
        engine: str | None = None,
        optimize: bool = False,
        traps: Literal["default", "exact"] = "default",
        features: Iterable[Feature | str] | None = None,
    ) -> None:
        self._engine = engine_name(engine)
        self._optimize = optimize
        if traps not in ("default", "exact"):
            raise ValueError(f'traps is "default" or "exact", not {traps!r}')
        self._traps = traps
        self._definition, self._binary = read_module(source, name)
        self._name = name
        #: The instances there are; for the runtime.
        self.instances: WeakSet[ModuleInst] = WeakSet()
        self._records = range(0), array("Q")
        try:
            #: What the rules know of the module; for the runtime.
            self.context: ModuleContext = check_module(self._definition, feature_set(features))
            if validate_eagerly(self._definition):
                self.validate()
        except ParseError as error:
            give_place(error, source, self._definition)
            raise

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        engine: str | None = None,
        optimize: bool = False,
        traps: Literal["default", "exact"] = "default",
        features: Iterable[Feature | str] | None = None,
    ) -> Module:
        """Read a module from a file, in binary (.wasm) or text form (.wat); what it is shows in its first bytes.

        name: for backtraces; None takes what the module says, or the name of the file where it says nothing.
        engine, optimize, traps, features: as for `Module`.
        Errors: OSError; those of `Module`.
        """
        with open(path, "rb") as file:
            content = file.read()
        try:
            made = cls(content, name=name, engine=engine, optimize=optimize, traps=traps, features=features)
        except ParseError as error:
            error.filename = error.filename or os.fsdecode(path)
            raise
        if not made.name:
            made._name = os.path.splitext(os.path.basename(path))[0]
        return made

    def __repr__(self) -> str:
        definition = self._definition
        counts = f"{counted(len(definition.imports), 'import')}, {counted(len(definition.exports), 'export')}"
        return f"<bembix.Module {self.name or f'at {id(self):#x}'}: {counts}, {len(self._binary)} bytes>"

    def _repr_html_(self) -> str:
        from bembix.runtime.html import module_html

        return module_html(self)

    def __reduce__(self) -> tuple[Callable[..., Module], tuple[object, ...]]:
        features = sorted(feature.proposal for feature in self.features)
        return _rebuild, (self.to_bytes(), self._name, self._engine, self._optimize, features, self._traps)

    def __copy__(self) -> Module:
        return self

    def __deepcopy__(self, memo: object) -> Module:
        return self

    @property
    def name(self) -> str:
        """Its name for people, or "" where there is none."""
        return self._name or self._definition.names.module or ""

    @property
    def features(self) -> frozenset[Feature]:
        """The features that are allowed in it."""
        return self.context.features

    @property
    def definition(self) -> ModuleDef:
        """All that is in the module."""
        return self._definition

    @cached_property
    def imports(self) -> list[ImportInfo]:
        """What it imports, in order."""
        from bembix.runtime.info import imports_of

        return imports_of(self.context)

    @cached_property
    def exports(self) -> list[ExportInfo]:
        """What it exports, in order."""
        from bembix.runtime.info import ExportInfo, extern_type

        return [
            ExportInfo(export.name, str(export.kind), extern_type(self.context, export.kind, export.index))
            for export in self._definition.exports
        ]

    def validate(self) -> None:
        """Check all function bodies now.  Errors: ParseError, ValidationError, with the byte offset."""
        try:
            self.compiled.validate_all()
        except CompileError:  # the engine is missing; that can be said when the module is to run
            from bembix.validate.dispatch import make_walker

            walker = make_walker(self.context, None)
            for index, code in enumerate(self._definition.code):
                walker.walk(self.context.imported_functions + index, code)

    def instantiate(
        self, imports: object = None, *, store: Store | None = None, snapshot: Snapshot | None = None
    ) -> Instance:
        """Give the module its imports, set up its memories, tables and globals, and run its start function.

        imports: {"module": {"name": thing}}.  A thing is a callable (of the type that is imported), a `Func`, `Memory`,
        `Table`, `Global` or `Tag`, or a plain value for a constant global.  For an inner mapping, an `Instance` may
        stand, a `Module`, which is instantiated too, or any object, such as a Python module, that has the things as
        attributes; and such an object or a `Namespace` for the outer one.
        store: where to live; None takes the store of the imports, or a new one.
        snapshot: of an instance of this module, to begin with its state: then no start function runs (`Snapshot.fork`).

        Errors: LinkError, before anything is done, which lists all imports that are missing or do not match; Trap where
        a segment does not fit or the start function traps; ResourceError where the host has no room; LimitExceeded
        where the store has none; CompileError where the engine is not to be had; SnapshotError where the snapshot does
        not fit.

        Source: core 3.0, 4.5.4.
        """
        self.compiled  # noqa: B018  # where the engine is missing, this says so before anything else needs it
        from bembix.runtime.instantiate import instantiate

        given = {} if imports is None else imports
        return instantiate(self, given, None if store is None else store.inst, snapshot)

    async def instantiate_async(self, imports: object = None, *, store: Store | None = None) -> Instance:
        """Do what `instantiate` does, in another thread, while this event loop goes on: see `Func.async_`."""
        from bembix.runtime.asynchronous import Call

        return await Call(lambda: self.instantiate(imports, store=store)).result()

    def to_bytes(self) -> bytes:
        """Return the binary form."""
        return self._binary

    def to_wat(self) -> str:
        """Return the text form."""
        from bembix.text.print import print_module

        return print_module(self._definition)

    # What follows is for the other modules of the runtime.

    @cached_property
    def compiled(self) -> CompiledModule:
        """The code.  Errors: CompileError where the engine is not to be had."""
        return self._compile(metered=False)

    @cached_property
    def metered(self) -> CompiledModule:
        """The code for stores with fuel, likewise."""
        return self._compile(metered=True)

    def _compile(self, *, metered: bool) -> CompiledModule:
        compiled = compile_module(
            self._definition,
            self.context,
            engine=self._engine,
            optimize=self._optimize,
            exact_traps=self._traps == "exact",
            metered=metered,
        )
        instances = self.instances

        def publish(index: int, code: int, throwing: bool) -> None:
            for inst in list(instances):
                if inst.compiled is compiled:
                    inst.publish(index, code, throwing)

        compiled.on_recompile(publish)
        return compiled

    @cached_property
    def initial_images(self) -> list[Initial] | None:
        """What the memories begin with, where it is worth keeping; None where segments are copied."""
        from bembix.runtime.initial import initial_images

        return initial_images(self.context)

    @cached_property
    def passive_datas(self) -> list[int]:
        """The indices of the passive data segments."""
        return [i for i, data in enumerate(self._definition.datas) if data.mode is SegmentMode.PASSIVE]

    def records(self, stubs: range) -> array[int]:
        """Return the words of the function records (`layout.FuncRecord`) of a new instance, but for its context.

        stubs: addresses of those that compile a function, two for each; the same for all instances, mostly.
        """
        known, found = self._records
        if known != stubs:
            ids, defined = self.context.ids, self._definition.functions
            count, step = len(defined), FuncRecord.SIZE // 8
            found = array("Q", bytes(FuncRecord.SIZE * count))
            found[FuncRecord.CODE // 8 :: step] = array("Q", stubs[:count])
            found[FuncRecord.TYPE // 8 :: step] = array("Q", [ids[index] for index in defined])
            found[FuncRecord.THROWING_CODE // 8 :: step] = array("Q", stubs[count:])
            self._records = stubs, found  # FAST: bench/snapshots.py
        return found

    @cached_property
    def passive_contents(self) -> PassiveContents | None:
        """What the passive data segments hold."""
        from bembix.runtime.segments import passive_contents

        return passive_contents(self._definition.datas)

    @cached_property
    def import_types(self) -> list[Wanted]:
        """The types of the imports, as the linker compares them."""
        from bembix.runtime.info import wanted_types

        return wanted_types(self.context)

    @cached_property
    def exports_by_name(self) -> dict[str, Export]:
        """The export section."""
        return {export.name: export for export in self._definition.exports}

    @cached_property
    def _export_names(self) -> dict[int, str]:
        """Function indices and the first name that each is exported under."""
        exports = self._definition.exports
        return {export.index: export.name for export in reversed(exports) if export.kind is ExternKind.FUNC}

    def function_info(self, index: int) -> FuncInfo:
        """Return what a Func is to know of the function with an index."""
        from bembix.runtime.info import function_info

        return function_info(self.context, index, self._export_names.get(index), self.name)

    def frame(self, address: int, offset: int | None) -> Frame | None:
        """Return what is at a code address, or None where it is not this module's.

        offset: the byte offset in the module, where the code itself told it.
        """
        compiled = self.compiled
        if "metered" in self.__dict__ and self.metered.contains(address):
            compiled = self.metered
        if offset is not None and compiled.contains(address):
            found = compiled.frame_at(offset)
        else:
            found = compiled.frame(address)
        if found is None:
            return None
        name = found.function or self._export_names.get(found.index)
        start = self._definition.code[found.index - self.context.imported_functions].offset
        return Frame(self.name, name, found.index, found.offset, start, exported=not found.function)


def _rebuild(
    source: bytes,
    name: str | None,
    engine: str,
    optimize: bool,
    features: list[str],
    traps: Literal["default", "exact"],
) -> Module:
    return Module(source, name=name, engine=engine, optimize=optimize, features=features, traps=traps)
