"""What a script has built up so far: definitions, instances, and what they are registered as."""

from __future__ import annotations

from bembix.binary.encode import encode
from bembix.errors import CompileError, ParseError, ValidationError
from bembix.runtime.instance import Instance
from bembix.runtime.module import Module
from bembix.runtime.store import Store
from bembix.script.result import Mismatch
from bembix.script.spectest import EXTRAS, SPECTEST
from bembix.spec.features import Feature
from bembix.spec.module import ModuleDef
from bembix.text.commands import InstanceCommand, ModuleCommand, Register


class Scope:
    """The names of a script.

    store: where all instances live.  engine, optimize, features: as for `Module`.
    """

    def __init__(
        self, store: Store, *, engine: str | None, optimize: bool, features: frozenset[Feature] | None = None
    ) -> None:
        self.store = store
        self.engine = engine
        self.optimize = optimize
        self.features = features
        self.current: Instance | None = None
        self.instances: dict[str, Instance] = {}
        self._definition: Module | None = None
        self._definitions: dict[str, Module] = {}
        self._registered: dict[str, object] = {}

    def fresh(self) -> Scope:
        """Return a scope without names."""
        return Scope(self.store, engine=self.engine, optimize=self.optimize, features=self.features)

    def _read(self, command: ModuleCommand) -> ModuleDef:
        """Read a module; where 64 bit addresses are off, text cannot even write the sizes that they allow."""
        try:
            return command.load()
        except ValidationError as error:
            if self.features is None or Feature.MEMORY64 in self.features:
                raise
            raise ParseError(str(error.args[0])) from error

    def load(self, command: ModuleCommand) -> Module:
        """Read and validate a module."""
        definition = self._read(command)
        binary = command.content if command.form == "binary" else encode(definition)
        module = Module(binary, engine=self.engine, optimize=self.optimize, features=self.features)
        module.validate()
        return module

    def instantiate(self, module: Module) -> Instance:
        """Give a module what was registered."""
        if "spectest" not in self._registered and any(i.module == "spectest" for i in module.definition.imports):
            self._registered["spectest"] = self._spectest()
        return module.instantiate(self._registered, store=self.store)

    def _spectest(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for text in (SPECTEST, *EXTRAS):
            try:
                found |= Module(text, engine=self.engine).instantiate(store=self.store).exports
            except CompileError:  # a feature that the engine does not have
                continue
        return found

    def module(self, command: ModuleCommand) -> None:
        """Define a module and, unless it is only a definition, make its instance the current one."""
        if command.is_definition:
            self._definition = None
            self._definition = self.load(command)
            if command.name is not None:
                self._definitions[command.name] = self._definition
            return
        self._forget(command.name)
        self._keep(command.name, self.instantiate(self.load(command)))

    def instance(self, command: InstanceCommand) -> None:
        """Make an instance of a definition."""
        self._forget(command.name)
        found = self._definition if command.module is None else self._definitions.get(command.module)
        if found is None:
            raise Mismatch(f"a definition {command.module or ''}".strip(), "none")
        self._keep(command.name, self.instantiate(found))

    def _forget(self, name: str | None) -> None:
        """Drop what the next instance replaces, so that nothing is tested against the one before where that fails."""
        self.current = None
        if name is not None:
            self.instances.pop(name, None)

    def _keep(self, name: str | None, instance: Instance) -> None:
        self.current = instance
        if name is not None:
            self.instances[name] = instance

    def find(self, name: str | None) -> Instance:
        """Return the instance that a command names."""
        found = self.current if name is None else self.instances.get(name)
        if found is None:
            raise Mismatch(f"an instance {name or ''}".strip(), "none: it failed before")
        return found

    def register(self, command: Register) -> None:
        """Let later modules import from an instance."""
        self._registered.pop(command.name, None)
        self._registered[command.name] = self.find(command.module)
