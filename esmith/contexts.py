"""Context managers, as :mod:`contextlib` has them, whose import takes a tenth of what an event takes.

The functions here are those of :mod:`contextlib` as far as the engine uses them, and type checkers take them for these.
What differs: what they make is no decorator.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
    from types import TracebackType
    from typing import Any, Self


__all__ = ["OnDemand", "contextmanager", "nullcontext", "suppress"]


class OnDemand:
    """What is begun when it is first asked for, and ends with the block; :mod:`contextlib` has no such thing.

    :param begin: returns the context manager of it.
    """

    def __init__(self, begin: Callable[[], AbstractContextManager[Any]]) -> None:
        self._begin = begin
        self._begun: AbstractContextManager[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def get(self) -> Any:
        """Return it."""
        if self._begun is None:
            begun = self._begin()
            self._found = begun.__enter__()
            self._begun = begun
        return self._found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._begun is not None:
            self._begun.__exit__(kind, error, trace)


class _Suppress:
    """Ends the block without a sound where one of some errors is raised in it."""

    __slots__ = ("_kinds",)

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, self._kinds)


class _NullContext:
    """Does nothing around a block."""

    __slots__ = ("_found",)

    def __init__(self, found: Any = None) -> None:
        self._found = found

    def __enter__(self) -> Any:
        return self._found

    def __exit__(self, *_: object) -> None:
        pass


class _Generated:
    """The steps of a generator around a block: up to its ``yield`` before it, and the rest after it."""

    __slots__ = ("_steps",)

    def __init__(self, steps: Any) -> None:
        self._steps = steps

    def __enter__(self) -> Any:
        for found in self._steps:
            return found
        raise RuntimeError("the generator of a context yields nothing")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if kind is None:
            for _ in self._steps:
                raise self._trouble()
            return False
        thrown = kind() if error is None else error
        try:
            self._steps.throw(thrown)
        except StopIteration:
            # The generator has caught it, and come to its end.
            return True
        except RuntimeError as raised:
            # Python makes that of a StopIteration that leaves a generator.
            if isinstance(thrown, StopIteration) and raised.__cause__ is thrown:
                return False
            raise
        raise self._trouble()

    def _trouble(self) -> RuntimeError:
        self._steps.close()
        return RuntimeError("the generator of a context yields more than once")


def _contextmanager(function: Callable[..., Iterator[Any]]) -> Callable[..., _Generated]:
    """Make a function that returns a generator one that returns a context manager."""

    def make(*values: Any, **named: Any) -> _Generated:
        return _Generated(function(*values, **named))

    make.__doc__, make.__name__, make.__qualname__ = function.__doc__, function.__name__, function.__qualname__
    make.__module__ = function.__module__
    make.__wrapped__ = function  # type: ignore[attr-defined]
    return make


if not TYPE_CHECKING:
    contextmanager, nullcontext, suppress = _contextmanager, _NullContext, _Suppress
