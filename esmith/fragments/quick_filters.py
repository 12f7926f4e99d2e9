"""The filters and tests of Jinja2 that fragments use most, where they are run without it
(:mod:`esmith.fragments.quick`).

What a filter is given besides the usual raises an error here, and then Jinja2 runs the fragment.
"""

from __future__ import annotations

from esmith.fragments.quick_values import Context, Lazy, Nothing, refuse
from esmith.fragments.records import Missing
from esmith.functions import operator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Protocol

    Filter = Callable[..., Any]

    class Engine(Protocol):
        """What runs the fragments."""

        filters: dict[str, Filter]
        tests: dict[str, Callable[..., Any]]

        def getitem(self, obj: Any, argument: Any, /) -> Any:
            """Return ``obj[argument]``."""


def filters_with(engine: Engine, own: dict[str, Filter]) -> dict[str, Filter]:
    """Return the filters by name.

    :param engine: what runs the fragments.
    :param own: those that are not Jinja2's.
    """
    found: dict[str, Filter] = dict(_PLAIN)
    for name, make in _OF_AN_ENGINE.items():
        found[name] = make(engine)
    return {name: _without_context(engine, function) for name, function in found.items()} | own


def _without_context(engine: Engine, function: Filter) -> Filter:
    """Return a filter that may be given the context or a part of it first, as those of Jinja2 are."""

    def called(*given: Any, **named: Any) -> Any:
        if given and (isinstance(given[0], Context) or given[0] is Context.eval_ctx or given[0] is engine):
            given = given[1:]
        return function(*given, **named)

    return called


def _one_by_one(function: Callable[..., Iterator[Any]]) -> Filter:
    return lambda *given, **named: Lazy(function(*given, **named))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _default(value: Any, default: Any = "", boolean: bool = False) -> Any:
    return default if isinstance(value, Missing | Nothing) or (boolean and not value) else value


def _first(value: Iterable[Any]) -> Any:
    for item in value:
        return item
    return refuse()


def _last(value: Sequence[Any]) -> Any:
    return value[-1] if isinstance(value, list | str | tuple) and value else refuse()


def _replace(value: Any, old: str, new: str) -> str:
    return str(value).replace(str(old), str(new))


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _getter(engine: Engine, attribute: Any) -> Callable[[Any], Any]:
    """Return what gives an attribute of an item, or the item where none is named."""
    if attribute is None:
        return lambda item: item
    parts: list[Any] = [attribute]
    if isinstance(attribute, str):
        parts = [int(part) if part.isdigit() else part for part in attribute.split(".")]
    if "," in str(attribute):
        refuse()

    def get(item: Any) -> Any:
        for part in parts:
            item = engine.getitem(item, part)
        return item

    return get


def _extreme(choose: Callable[..., Any]) -> Callable[[Engine], Filter]:
    def made(engine: Engine) -> Filter:
        def find(value: Iterable[Any], case_sensitive: bool = False, attribute: Any = None) -> Any:
            get, items = _getter(engine, attribute), list(value)
            if not items:
                refuse()
            return choose(items, key=get if case_sensitive else lambda item: _folded(get(item)))

        return find

    return made


def _join(engine: Engine) -> Filter:
    def join(value: Iterable[Any], d: str = "", attribute: Any = None) -> str:
        return str(d).join(map(str, map(_getter(engine, attribute), value)))

    return join


def _map(engine: Engine) -> Filter:
    def apply(value: Iterable[Any], *given: Any, **named: Any) -> Iterator[Any]:
        if named.keys() == {"attribute"} and not given:
            change = _getter(engine, named["attribute"])
        else:
            name, *rest = given
            function = engine.filters[name]
            change = lambda item: function(item, *rest, **named)  # noqa: E731
        if value:
            for item in value:
                yield change(item)

    return _one_by_one(apply)


def _chosen(*, by_attribute: bool, holds: bool) -> Callable[[Engine], Filter]:
    def made(engine: Engine) -> Filter:
        def choose(value: Iterable[Any], *given: Any, **named: Any) -> Iterator[Any]:
            get = _getter(engine, given[0] if by_attribute else None)
            name, *rest = given[1 if by_attribute else 0 :] or (None,)
            test = bool if name is None else engine.tests[name]
            if value:
                for item in value:
                    if bool(test(get(item), *rest, **named)) is holds:
                        yield item

        return _one_by_one(choose)

    return made


def _sort(engine: Engine) -> Filter:
    def sort(
        value: Iterable[Any], reverse: bool = False, case_sensitive: bool = False, attribute: Any = None
    ) -> list[Any]:
        get = _getter(engine, attribute)
        return sorted(value, key=get if case_sensitive else lambda item: _folded(get(item)), reverse=reverse)

    return sort


def _unique(engine: Engine) -> Filter:
    def unique(value: Iterable[Any], case_sensitive: bool = False, attribute: Any = None) -> Iterator[Any]:
        get, seen = _getter(engine, attribute), set()
        for item in value:
            key = get(item) if case_sensitive else _folded(get(item))
            if key not in seen:
                seen.add(key)
                yield item

    return _one_by_one(unique)


_PLAIN: dict[str, Filter] = {
    "default": _default,
    "d": _default,
    "replace": _replace,
    "lower": lambda value: _text(value).lower(),
    "upper": lambda value: _text(value).upper(),
    "format": lambda value, *given: _text(value) % given,
    "trim": lambda value, chars=None: _text(value).strip(chars),
    "length": len,
    "count": len,
    "first": _first,
    "last": _last,
    "list": list,
    "string": _text,
}
_OF_AN_ENGINE: dict[str, Callable[[Engine], Filter]] = {
    "join": _join,
    "map": _map,
    "max": _extreme(max),
    "min": _extreme(min),
    "reject": _chosen(by_attribute=False, holds=False),
    "rejectattr": _chosen(by_attribute=True, holds=False),
    "select": _chosen(by_attribute=False, holds=True),
    "selectattr": _chosen(by_attribute=True, holds=True),
    "sort": _sort,
    "unique": _unique,
}
#: The tests by name.
TESTS: dict[str, Callable[..., Any]] = {
    "defined": lambda value: not isinstance(value, Missing | Nothing),
    "undefined": lambda value: isinstance(value, Missing | Nothing),
    "none": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "in": lambda value, among: value in among,
    "equalto": operator.eq,
    "eq": operator.eq,
    "==": operator.eq,
    "ne": operator.ne,
    "!=": operator.ne,
    "lt": operator.lt,
    "<": operator.lt,
    "lessthan": operator.lt,
    "le": operator.le,
    "<=": operator.le,
    "gt": operator.gt,
    ">": operator.gt,
    "greaterthan": operator.gt,
    "ge": operator.ge,
    ">=": operator.ge,
}
