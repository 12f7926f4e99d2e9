"""What stands in for modules of Python that take long to import gives what these give."""

from __future__ import annotations

import contextlib
import enum
import glob
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith import contexts, enums
from esmith.functions import cache, cached_property, lru_cache
from esmith.matches import paths_matching
from esmith.names import fits
from esmith.quick_json import WITH_BLANKS, encode
from esmith.services.model import is_service_name

_TEXTS = st.text(st.characters(codec=None), max_size=8)
_PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS
_DATA = st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4))


@given(_DATA)
def test_data_is_written_as_json_writes_it(data: Any) -> None:
    """The text is that of json, with its usual separators or without blanks."""
    assert encode(data, separators=WITH_BLANKS) == json.dumps(data)
    text = encode(data)
    assert text == json.dumps(data, separators=(",", ":"))
    assert json.loads(text) == data


def test_what_json_does_not_know() -> None:
    """An object that JSON does not know is an error, or what its caller makes of it; failures leave nothing behind."""
    with pytest.raises(ValueError, match="object"):
        encode([object()])
    assert encode([object()], lambda _: 5) == "[5]"
    circle: list[Any] = []
    circle.append(circle)
    for _ in range(2):
        with pytest.raises(ValueError, match="Circular"):
            encode(circle)


@given(st.text("ab*\n.", max_size=8), st.text("ab**.\n", max_size=6) | st.text("ab*?[]!-", max_size=6))
def test_a_name_fits_as_fnmatch_has_it(name: str, pattern: str) -> None:
    """A name fits a shell pattern exactly when fnmatch says so, whatever marks are in it."""
    assert fits(name, pattern) == fnmatchcase(name, pattern)


def test_named_values_are_those_of_enum() -> None:
    """The members of a class of named values have the names, values, order and identity that enum gives them."""

    class Ours(enums._Enum):
        """Two colours."""

        RED = "red"
        BLUE = "light blue"

    class Theirs(enum.Enum):
        """Two colours."""

        RED = "red"
        BLUE = "light blue"

    ours: Any = Ours
    assert [(one.name, one.value) for one in ours] == [(one.name, one.value) for one in Theirs]
    assert [isinstance(one, ours) for one in ours] == [True, True]
    assert ours.RED is ours.RED != ours.BLUE
    assert {ours.RED: 1}[ours.RED] == 1
    assert repr(ours.BLUE).removeprefix("<Ours.") == repr(Theirs.BLUE).removeprefix("<Theirs.")


@given(st.text("Aab9_.:@\\- /*", max_size=4))
def test_names_of_services(text: str) -> None:
    """The name of a service is letters, digits and a few signs, and begins with a letter, a digit or an underscore."""
    assert is_service_name(text) == bool(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:@\\-]*", text))


@pytest.mark.parametrize(
    "pattern",
    [
        "/",
        "/a",
        "/none",
        "/*",
        "/*/x*",
        "/a/.*",
        "/*/**",
        "/link/x?",
        "/[ab]/*",
        "/f*/x",
        "/loop/*",
        "/*/x1/",
        "/a/x[1",
    ],
)
def test_paths_match_as_glob_has_it(tmp_path: Path, pattern: str) -> None:
    """The paths that match a pattern are those that glob finds, hidden ones and links among them."""
    for path in ("a/x1", "a/x2", "a/.x", "b[c]/x1", "b/y"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "dead").symlink_to("none")
    (tmp_path / "loop").symlink_to("loop")
    found = glob.glob(glob.escape(str(tmp_path)) + os.path.normpath(pattern), include_hidden=True)
    assert sorted(paths_matching(str(tmp_path), os.path.normpath(pattern))) == sorted(found)


def _catches(log: list[str]) -> Iterator[int]:
    try:
        yield 1
    except KeyError as error:
        log.append(repr(error))


def _ends_last(log: list[str]) -> Iterator[int]:
    try:
        yield 1
    finally:
        log.append("ended")


def _changes(_log: list[str]) -> Iterator[int]:
    try:
        yield 1
    except KeyError as error:
        raise OSError("another") from error


def _yields_twice(_log: list[str]) -> Iterator[int]:
    with suppress(KeyError):
        yield 1
    yield 2


def _yields_nothing(_log: list[str]) -> Iterator[int]:
    yield from ()


def _outcome(make: Callable[..., Any], raised: BaseException | None) -> list[str]:
    """Return what a block with a context manager does, in texts."""
    log: list[str] = []
    try:
        with make(log) as found:
            log.append(str(found))
            if raised is not None:
                raise raised
    except (LookupError, StopIteration, RuntimeError, OSError, KeyboardInterrupt) as error:
        log.append(type(error).__name__)
        # Of faults of a program the text is nobody's business.
        log.append("" if type(error) is RuntimeError else f"{error!r} {error.__cause__!r}")
        assert (error is raised) == (repr(error) == repr(raised))
    return log


@pytest.mark.parametrize("steps", [_catches, _ends_last, _changes, _yields_twice, _yields_nothing])
@pytest.mark.parametrize("raised", [None, KeyError("k"), StopIteration(3), RuntimeError("r"), KeyboardInterrupt()])
def test_context_managers_are_those_of_contextlib(
    steps: Callable[[list[str]], Iterator[int]], raised: BaseException | None
) -> None:
    """A generator around a block does with each end of it what contextlib does."""
    expected = _outcome(contextlib.contextmanager(steps), raised)
    assert _outcome(contexts.contextmanager(steps), raised) == expected
    assert contexts.contextmanager(steps).__name__ == steps.__name__


def test_suppressed_errors() -> None:
    """Only errors of the kinds named are suppressed, with what is derived from them; nullcontext does nothing."""
    with contexts.suppress(LookupError, ValueError):
        raise KeyError
    with pytest.raises(TypeError), contexts.suppress(LookupError):
        raise TypeError
    with contexts.nullcontext(4) as found:
        assert found == 4


def test_what_is_begun_on_demand() -> None:
    """It is begun once, when it is asked for, and ended with the block; what nobody asks for is not begun."""
    log: list[str] = []
    with contexts.OnDemand(lambda: contextlib.contextmanager(_ends_last)(log)) as one:
        assert log == []
        assert (one.get(), one.get()) == (1, 1)
    assert log == ["ended"]
    with contexts.OnDemand(lambda: contextlib.contextmanager(_ends_last)(log)):
        pass
    assert log == ["ended"]


def test_results_are_remembered() -> None:
    """What was found out is found out once: all of it, the last so many, or once for each object."""
    asked: list[int] = []

    def note(number: int) -> int:
        """Note it."""
        asked.append(number)
        return number

    class Page:
        """Something."""

        @cached_property
        def number(self) -> int:
            """Return a number."""
            return note(7)

    every, last = cache(note), lru_cache(1)(note)
    assert [every(1), every(2), every(1), every.__doc__] == [1, 2, 1, "Note it."]
    assert [last(3), last(4), last(3)] == [3, 4, 3]
    page = Page()
    assert [page.number, page.number, Page().number] == [7, 7, 7]
    assert asked == [1, 2, 3, 4, 3, 7, 7]
