"""Classes that are declared by their fields, as :mod:`dataclasses` has them, but made in a tenth of its time.

That module compiles code for every class, and what it imports takes longer than an event takes to find that nothing
changed (docs/architecture.md#start-up-time). The functions here are those of :mod:`dataclasses` as far as the engine
uses them, and type checkers take them for these. What differs: annotations have to be texts (``from __future__ import
annotations``), and the functions of :mod:`dataclasses` know nothing of such a class.
"""

from __future__ import annotations

from esmith.functions import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
    from typing import Any

__all__ = ["MISSING", "dataclass", "field", "fields", "is_dataclass", "replace"]

_FIELDS = "__fields_in_order__"
#: Stands for a default that is not there.
_MISSING: Any = type("MISSING", (), {})()


class _Field:
    """One field of a class."""

    __slots__ = ("default", "default_factory", "init", "name", "repr", "type")

    def __init__(self, *, default: Any, default_factory: Any, init: bool, repr: bool) -> None:
        self.name = self.type = ""
        self.default, self.default_factory, self.init, self.repr = default, default_factory, init, repr


def _field(*, default: Any = _MISSING, default_factory: Any = _MISSING, init: bool = True, repr: bool = True) -> _Field:
    """Return what a field has besides its type."""
    return _Field(default=default, default_factory=default_factory, init=init, repr=repr)


def _dataclass(cls: Any = None, /, *, frozen: bool = False) -> Any:
    """Give a class what its fields are for: how it is made, shown and compared."""
    return _complete(cls, frozen=frozen) if cls is not None else lambda one: _complete(one, frozen=frozen)


def _fields(kind: Any) -> tuple[_Field, ...]:
    """Return the fields of a class, or of the class of an object, in order."""
    found: tuple[_Field, ...] = getattr(kind, _FIELDS)
    return found


def _is_dataclass(kind: Any) -> bool:
    """Return whether this is a class with fields, or an object of one."""
    return hasattr(kind, _FIELDS)


def _replace(data: Any, /, **changes: Any) -> Any:
    """Return an object like another, with other values of some fields.

    :raises ValueError: for a field that is not given when the object is made.
    """
    for one in _fields(data):
        if one.init:
            changes.setdefault(one.name, getattr(data, one.name))
        elif one.name in changes:
            raise ValueError(f"{one.name} is not given when the object is made")
    return type(data)(**changes)


def _complete(cls: Any, *, frozen: bool) -> Any:
    made = tuple(_fields_of(cls).values())
    setattr(cls, _FIELDS, made)
    equals, hash_of = _comparison(made)
    methods: dict[str, Any] = {"__init__": _maker(cls, made), "__repr__": _show, "__eq__": equals}
    # What the body of the class says counts; a body with __eq__ alone has __hash__ set to None, too.
    methods["__hash__"] = hash_of if frozen else None
    if frozen:
        methods |= {"__setattr__": _refuse, "__delattr__": _refuse}
    for name, method in methods.items():
        if cls.__dict__.get(name) is None:
            setattr(cls, name, method)
    return cls


def _fields_of(cls: Any) -> dict[str, _Field]:
    """Return the fields of a class, those of the classes it is made from first; what its body keeps of each is set."""
    found: dict[str, _Field] = {}
    for base in reversed(cls.__mro__[1:]):
        found |= {one.name: one for one in base.__dict__.get(_FIELDS, ())}
    for name, hint in cls.__annotations__.items():
        if hint.startswith("ClassVar"):
            continue
        one = cls.__dict__.get(name, _MISSING)
        if not isinstance(one, _Field):
            one = _field(default=one)
        elif one.default is not _MISSING:
            setattr(cls, name, one.default)
        else:
            delattr(cls, name)
        one.name, one.type = name, hint
        found[name] = one
    return found


def _maker(cls: Any, made: tuple[_Field, ...]) -> Callable[..., None]:
    """Return the ``__init__`` of a class."""
    kind, has_more = cls.__name__, hasattr(cls, "__post_init__")
    names = tuple(one.name for one in made if one.init)
    known = frozenset(names)
    constants = {one.name: one.default for one in made if one.default is not _MISSING}
    factories = tuple((one.name, one.default_factory) for one in made if one.default_factory is not _MISSING)
    needed = known - constants.keys() - {name for name, _ in factories}

    is_whole = len(names) == len(made)

    def make(self: Any, *values: Any, **named: Any) -> None:
        if is_whole and not named and len(values) == len(names):
            # Most often all of them are given in order: then there is nothing to find out.
            self.__dict__.update(zip(names, values, strict=True))
            if has_more:
                self.__post_init__()
            return
        given = named
        if values:
            given = dict(zip(names, values, strict=False))
            if len(values) > len(names) or not given.keys().isdisjoint(named):
                raise TypeError(f"{kind}() takes each of these once: {', '.join(names)}")
            given |= named
        if not known.issuperset(given):
            raise TypeError(f"{kind}() takes each of these once: {', '.join(names)}")
        if not needed <= given.keys():
            raise TypeError(f"{kind}() needs {', '.join(sorted(needed - given.keys()))}")
        # A frozen class refuses to be changed in any other way.
        own = self.__dict__
        own.update(constants)
        own.update(given)
        for name, make in factories:
            if name not in given:
                own[name] = make()
        if has_more:
            self.__post_init__()

    return make


def _show(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in _fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _comparison(made: tuple[_Field, ...]) -> tuple[Callable[[Any, object], Any], Callable[[Any], int]]:
    """Return the ``__eq__`` of a class, and its ``__hash__`` if it is to have one."""
    values: Callable[[Any], Any] = operator.attrgetter(*(one.name for one in made)) if made else lambda _data: ()

    def equals(self: Any, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equals, lambda self: hash(values(self))


def _refuse(self: Any, name: str, *_value: Any) -> None:
    raise AttributeError(f"{name} of {type(self).__qualname__} cannot be changed")


if not TYPE_CHECKING:
    MISSING, dataclass, field, fields = _MISSING, _dataclass, _field, _fields
    is_dataclass, replace = _is_dataclass, _replace
