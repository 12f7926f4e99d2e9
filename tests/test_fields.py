"""Classes that are declared by their fields, beside those of the standard library that are declared in the same way."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith import fields


def _declared(module: Any) -> list[Any]:
    """Return classes that are declared with the functions of a module."""

    @module.dataclass
    class Plain:
        name: str
        size: int = 3
        words: list[str] = module.field(default_factory=list)
        hidden: str = module.field(default="x", repr=False)
        later: str = module.field(default="", init=False)
        shared: ClassVar[int] = 7

        def __post_init__(self) -> None:
            self.later = f"{self.name} of {self.size}"

    @module.dataclass(frozen=True)
    class Frozen:
        name: str
        size: int | None = None

    @module.dataclass(frozen=True)
    class Further(Frozen):
        more: tuple[int, ...] = ()

        def __repr__(self) -> str:
            return "further"

    return [Plain, Frozen, Further]


_OURS, _THEIRS = _declared(fields), _declared(dataclasses)
_VALUES = st.none() | st.integers(0, 2) | st.sampled_from(["a", "b"])
_NAMED = st.dictionaries(st.sampled_from(["name", "size", "words", "hidden", "later", "more", "nosuch"]), _VALUES)


def _made(kind: Any, values: list[Any], named: dict[str, Any]) -> Any:
    try:
        return kind(*values, **named)
    except TypeError:
        return None


@given(
    number=st.integers(0, 2), values=st.lists(_VALUES, max_size=4), named=_NAMED, others=st.lists(_VALUES, max_size=4)
)
def test_they_are_made_shown_and_compared_alike(
    number: int, values: list[Any], named: dict[str, Any], others: list[Any]
) -> None:
    """A class of ours takes, refuses, shows and compares the same as one of the standard library."""
    ours, theirs = (_made(kind[number], values, named) for kind in (_OURS, _THEIRS))
    assert (ours is None) == (theirs is None)
    if ours is None:
        return
    assert repr(ours).replace("_declared.<locals>.", "") == repr(theirs).replace("_declared.<locals>.", "")
    our_other, their_other = (_made(kind[number], others, {}) for kind in (_OURS, _THEIRS))
    assert (ours == our_other) == (theirs == their_other)
    if number:
        assert (hash(ours) == hash(our_other)) == (hash(theirs) == hash(their_other))


@given(number=st.integers(0, 2), changes=_NAMED)
def test_replacing_is_alike(number: int, changes: dict[str, Any]) -> None:
    """An object with other values of some fields is the same, or refused, in both."""
    shown = []
    for module, kinds in ((fields, _OURS), (dataclasses, _THEIRS)):
        try:
            shown.append(vars(module.replace(kinds[number]("n"), **changes)))
        except (TypeError, ValueError) as error:
            shown.append({"refused": type(error)})
    assert shown[0] == shown[1]


def test_defaults_are_not_shared() -> None:
    """Each object has a list of its own."""
    first, second = _OURS[0]("a"), _OURS[0]("b")
    first.words.append("x")
    assert second.words == []


def test_what_is_frozen_stays() -> None:
    """An object of a frozen class can be neither changed nor reduced; others cannot be hashed."""
    frozen = _OURS[1]("a")
    with pytest.raises(AttributeError):
        frozen.name = "b"
    with pytest.raises(AttributeError):
        del frozen.name
    with pytest.raises(TypeError):
        hash(_OURS[0]("a"))


def test_fields_are_known() -> None:
    """The fields of a class and of its objects are listed in order, those of the class it is made from first."""
    for number, kind in enumerate(_OURS):
        names = [one.name for one in dataclasses.fields(_THEIRS[number])]
        assert [one.name for one in fields.fields(kind)] == names
        assert [one.name for one in fields.fields(kind("a"))] == names
        assert fields.is_dataclass(kind)
    assert not fields.is_dataclass(str)
