"""Our data classes are like those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import pytest

from bembix import records

MAKERS = [pytest.param(dataclasses, id="dataclasses"), pytest.param(records, id="records")]


def make(maker: Any, **options: bool) -> Any:
    """Return classes made with the same words."""

    @maker.dataclass(**options)
    class Base:
        """Something."""

        name: str
        size: int = 3
        kinds: ClassVar[tuple[str, ...]] = ("a", "b")

        @property
        def double(self) -> int:
            return 2 * self.size

    @maker.dataclass(**options)
    class More(Base):
        items: list[int] = maker.field(default_factory=list)
        hidden: int = maker.field(default=7, repr=False, compare=False)
        _: KW_ONLY
        strict: bool = False

    return Base, More


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("slots", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_what_a_class_does(maker: Any, slots: bool, frozen: bool) -> None:
    base, more = make(maker, slots=slots, frozen=frozen)
    first, second = base("x"), base("x", 3)
    assert first == second != base("y")
    assert (first == 3, base.kinds, first.double) == (False, ("a", "b"), 6)
    assert repr(first).endswith("Base(name='x', size=3)")
    assert (more("x") == first, more("x").items is more("x").items) == (False, False)
    made = more("x", items=[1], hidden=8, strict=True)
    assert repr(made).endswith("More(name='x', size=3, items=[1], strict=True)")
    assert made == more("x", 3, [1], 9, strict=True)
    assert more.__match_args__ == ("name", "size", "items", "hidden")
    assert hasattr(made, "__dict__") is not slots
    with pytest.raises(TypeError):
        more("x", 3, [1], 9, True)
    with pytest.raises(TypeError):
        base()
    assert copy.deepcopy(made) == copy.copy(made) == made
    assert [f.name for f in dataclasses.fields(made)] == ["name", "size", "items", "hidden", "strict"]
    assert dataclasses.replace(made, size=4) == maker.replace(made, size=4) == more("x", 4, [1], strict=True)
    assert dataclasses.asdict(first) == {"name": "x", "size": 3}
    assert dataclasses.is_dataclass(more)
    assert list(inspect.signature(more).parameters) == ["name", "size", "items", "hidden", "strict"]
    assert inspect.signature(more).parameters["items"].annotation == "list[int]"
    match made:
        case more(name, size):
            assert (name, size) == ("x", 3)


@pytest.mark.parametrize("maker", MAKERS)
def test_frozen(maker: Any) -> None:
    base, _ = make(maker, slots=True, frozen=True)
    record = base("x")
    assert hash(record) == hash(base("x", 3))
    for change in (lambda: setattr(record, "name", "y"), lambda: delattr(record, "name")):
        with pytest.raises(AttributeError, match="name"):
            change()
    thawed, _ = make(maker)
    with pytest.raises(TypeError, match="unhashable"):
        hash(thawed("x"))


@pytest.mark.parametrize("maker", MAKERS)
def test_own_methods_stay(maker: Any) -> None:
    @maker.dataclass(frozen=True, slots=True)
    class Own:
        value: int
        doubled: int = maker.field(init=False, compare=False, repr=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "doubled", 2 * self.value)

        def __hash__(self) -> int:
            return 5

        def __repr__(self) -> str:
            return "own"

    assert (hash(Own(1)), repr(Own(1)), Own(2).doubled, Own(1) == Own(1)) == (5, "own", 4, True)

    @maker.dataclass(frozen=True, slots=True, eq=False, init=False)
    class Bare:
        value: int

        def __init__(self) -> None:
            object.__setattr__(self, "value", 1)

    bare = Bare()
    assert (bare == bare, bare == Bare(), hash(bare) == object.__hash__(bare)) == (True, False, True)


@records.dataclass(frozen=True, slots=True)
class Point:
    """Of the module, so that it can be pickled."""

    x: int
    y: float = 0.5


def test_pickle() -> None:
    assert pickle.loads(pickle.dumps(Point(1))) == Point(1)
    assert {Point(1), Point(1, 0.5)} == {Point(1)}


def test_a_subclass_may_have_attributes() -> None:
    class Named(Point):
        """Without slots."""

    named: Any = Named(1)
    named.name = "here"
    assert named.name == "here"
    with pytest.raises(AttributeError, match="cannot assign to field 'x'"):
        named.x = 2
    del named.name
    assert not hasattr(named, "name")


def test_nothing_else_is_taken() -> None:
    with pytest.raises(TypeError):
        records.dataclass(order=True)  # type: ignore[call-arg]
