"""Data classes as in the standard library, made in a fifth of the time: starting is where most of a short program goes.

`dataclasses` compiles six functions a class (0.45 ms), and importing it imports `inspect`, `ast` and `dis` (10 ms).
Here one function a class is compiled, `__init__`; the others are the same for all classes.  What the decorator does not
take is an error.  `dataclasses.fields`, `replace`, `asdict` and `is_dataclass` work on these classes, too.

Source: PEP 557; PEP 681.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from operator import attrgetter
from typing import Any, Final, TypeVar, dataclass_transform, overload

T = TypeVar("T")

#: The value of a field that has none.
MISSING: Final[Any] = object()


class Field:
    """What is known of a field."""

    __slots__ = ("compare", "default", "default_factory", "init", "kw_only", "name", "repr", "type")

    compare: bool
    default: Any
    default_factory: Any
    init: bool
    name: str
    repr: bool
    type: str

    def __init__(self, default: Any, default_factory: Any, init: bool, repr: bool, compare: bool) -> None:
        self.default, self.default_factory = default, default_factory
        self.init, self.repr, self.compare = init, repr, compare
        self.kw_only: bool = False
        self.name = self.type = ""


@overload
def field(*, default: T, init: bool = True, repr: bool = True, compare: bool = True) -> T: ...
@overload
def field(*, default_factory: Callable[[], T], init: bool = True, repr: bool = True, compare: bool = True) -> T: ...
@overload
def field(*, init: bool = True, repr: bool = True, compare: bool = True) -> Any: ...
def field(
    *,
    default: Any = MISSING,
    default_factory: Any = MISSING,
    init: bool = True,
    repr: bool = True,
    compare: bool = True,
) -> Any:
    """Say more of a field than its type.  default_factory: makes the default of each object."""
    return Field(default, default_factory, init, repr, compare)


@dataclass_transform(field_specifiers=(field,))
def dataclass(
    *, frozen: bool = False, slots: bool = False, eq: bool = True, init: bool = True
) -> Callable[[type[T]], type[T]]:
    """Give a class `__init__`, `__eq__`, `__hash__` and `__repr__` by its annotations; see `dataclasses.dataclass`."""

    def decorate(cls: type[T]) -> type[T]:
        own = _own_fields(cls)
        inherited = {n: f for base in cls.__mro__[:0:-1] for n, f in base.__dict__.get("_record_fields", {}).items()}
        fields = {**inherited, **own}
        made = _with_slots(cls, own.keys(), own.keys() - inherited.keys()) if slots else cls
        _complete(made, fields, frozen=frozen, eq=eq, init=init)
        return made

    return decorate


def _own_fields(cls: type) -> dict[str, Field]:
    """Return the fields that the class itself annotates, and take what describes them out of it."""
    fields: dict[str, Field] = {}
    by_name = False
    for name, annotation in cls.__annotations__.items():
        if annotation.startswith(("ClassVar", "typing.ClassVar")):
            continue
        if annotation == "KW_ONLY":
            by_name = True
            continue
        given = cls.__dict__.get(name, MISSING)
        found = fields[name] = given if isinstance(given, Field) else Field(given, MISSING, True, True, True)
        found.name, found.type, found.kw_only = name, annotation, by_name
        if found.default is not MISSING:
            setattr(cls, name, found.default)
        elif given is not MISSING:
            delattr(cls, name)
    return fields


def _with_slots(cls: type[T], fields: Set[str], slots: Set[str]) -> type[T]:
    """Return the same class with slots; Python has no way to give a class slots afterwards."""
    namespace = {name: value for name, value in cls.__dict__.items() if name not in fields}
    namespace.pop("__dict__", None)
    namespace.pop("__weakref__", None)
    metaclass: Any = type(cls)
    made: type[T] = metaclass(cls.__name__, cls.__bases__, {**namespace, "__slots__": tuple(sorted(slots))})
    made.__qualname__ = cls.__qualname__
    return made


def _complete(cls: type, fields: dict[str, Field], *, frozen: bool, eq: bool, init: bool) -> None:
    """Add the methods, unless the class has its own."""
    compared = _values([name for name, f in fields.items() if f.compare])
    methods: dict[str, Any] = {"__repr__": _repr([name for name, f in fields.items() if f.repr])}
    if init:
        methods["__init__"] = _init(cls, fields, frozen)
    if eq:
        methods["__eq__"] = _eq(compared)
    if frozen:
        methods |= {"__setattr__": _refuse(cls, fields, "assign to"), "__delattr__": _refuse(cls, fields, "delete")}
        if "__slots__" in cls.__dict__:
            methods |= {"__getstate__": _get_state(fields), "__setstate__": _set_state(fields)}
    for name, method in methods.items():
        if name not in cls.__dict__:
            method.__qualname__ = f"{cls.__qualname__}.{name}"
            setattr(cls, name, method)
    if eq and cls.__dict__.get("__hash__") is None:
        cls.__hash__ = _hash(compared) if frozen else None  # type: ignore[assignment]
    positional = tuple(name for name, f in fields.items() if f.init and not f.kw_only)
    for name, value in (
        ("__match_args__", positional),
        ("_record_fields", fields),
        ("__dataclass_fields__", _Fields(fields)),
    ):
        if name not in cls.__dict__:
            setattr(cls, name, value)


def _values(names: list[str]) -> Callable[[Any], Any]:
    """Return what gives the values of some fields as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda record: ()
    get = attrgetter(names[0])
    return lambda record: (get(record),)


def _repr(names: list[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:
        return f"{type(self).__qualname__}({', '.join([f'{name}={getattr(self, name)!r}' for name in names])})"

    return __repr__


def _eq(values: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def __eq__(self: Any, other: Any) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(values: Callable[[Any], Any]) -> Callable[[Any], int]:
    def __hash__(self: Any) -> int:
        return hash(values(self))

    return __hash__


def _refuse(cls: type, fields: dict[str, Field], what: str) -> Callable[..., None]:
    """Return `__setattr__` or `__delattr__` of a frozen class."""
    inherited: Any = super
    method = "__setattr__" if what == "assign to" else "__delattr__"

    def refuse(self: Any, name: str, *value: Any) -> None:
        if type(self) is cls or name in fields:
            raise AttributeError(f"cannot {what} field {name!r} of {cls.__qualname__}: it is frozen")
        getattr(inherited(cls, self), method)(name, *value)

    return refuse


def _get_state(fields: dict[str, Field]) -> Callable[[Any], list[Any]]:
    def __getstate__(self: Any) -> list[Any]:
        return [getattr(self, name) for name in fields]

    return __getstate__


def _set_state(fields: dict[str, Field]) -> Callable[[Any, list[Any]], None]:
    def __setstate__(self: Any, state: list[Any]) -> None:
        for name, value in zip(fields, state, strict=True):
            object.__setattr__(self, name, value)

    return __setstate__


def _init(cls: type, fields: dict[str, Field], frozen: bool) -> Any:
    """Compile `__init__`."""
    names: dict[str, Any] = {"MISSING": MISSING, "set_": object.__setattr__}
    positional: list[str] = []
    by_name: list[str] = []
    body: list[str] = []
    for name, f in fields.items():
        value = name
        if f.default_factory is not MISSING:
            names[f"make_{name}"] = f.default_factory
            value = f"make_{name}() if {name} is MISSING else {name}" if f.init else f"make_{name}()"
        if f.init:
            parameter = name
            if f.default_factory is not MISSING:
                parameter = f"{name}=MISSING"
            elif f.default is not MISSING:
                names[f"default_{name}"] = f.default
                parameter = f"{name}=default_{name}"
            (by_name if f.kw_only else positional).append(parameter)
        elif f.default_factory is MISSING:
            continue  # it has its default, or is set by __post_init__
        body.append(_assignment(cls, name, value, frozen, names))
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join(["self", *positional, *(["*", *by_name] if by_name else [])])
    exec(f"def __init__({parameters}):\n  " + ("\n  ".join(body) or "pass"), names)
    made = names["__init__"]
    made.__annotations__ = {name: f.type for name, f in fields.items() if f.init} | {"return": "None"}
    made.__module__ = cls.__module__
    return made


def _assignment(cls: type, name: str, value: str, frozen: bool, names: dict[str, Any]) -> str:
    """Return the statement that sets a field.  FAST: a slot's own setter takes half as long as `object.__setattr__`."""
    if not frozen:
        return f"self.{name} = {value}"
    slot = cls.__dict__.get(name)
    if slot is not None and hasattr(slot, "__set__"):
        names[f"put_{name}"] = slot.__set__
        return f"put_{name}(self, {value})"
    return f"set_(self, {name!r}, {value})"


class _Fields:
    """`__dataclass_fields__`, for whom uses the functions of `dataclasses`, which is imported then."""

    def __init__(self, fields: dict[str, Field]) -> None:
        self._fields = fields

    def __get__(self, _: object, cls: type) -> Any:
        import dataclasses

        described: list[tuple[str, Any, Any]] = []
        for name, f in self._fields.items():
            options: dict[str, Any] = {"init": f.init, "repr": f.repr, "compare": f.compare, "kw_only": f.kw_only}
            options |= {k: v for k in ("default", "default_factory") if (v := getattr(f, k)) is not MISSING}
            described.append((name, f.type, dataclasses.field(**options)))
        twin: Any = dataclasses.make_dataclass(cls.__name__, described)
        return twin.__dataclass_fields__


def replace(record: T, /, **changes: Any) -> T:
    """Return a record with other values in some fields."""
    fields: dict[str, Field] = record._record_fields  # type: ignore[attr-defined]
    known = {name: getattr(record, name) for name, f in fields.items() if f.init}
    return type(record)(**(known | changes))
