"""What stands in for modules of Python that take long to import gives what these give."""

from __future__ import annotations

import enum
import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith import enums
from esmith.names import fits
from esmith.quick_json import WITH_BLANKS, decode, encode

_TEXTS = st.text(st.characters(codec=None), max_size=8)
_PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS
_DATA = st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4))


@given(_DATA)
def test_data_is_written_as_json_writes_it(data: Any) -> None:
    """The text is that of json, with its usual separators or without blanks, and is read as the same data."""
    assert encode(data, separators=WITH_BLANKS) == json.dumps(data)
    text = encode(data)
    assert text == json.dumps(data, separators=(",", ":"))
    assert decode(text) == decode(f" {text}\n") == data


@given(st.text('[]{}",:01-.eE\\ntrufalsNI \t\n\x00é', max_size=12))
def test_texts_are_read_as_json_reads_them(text: str) -> None:
    """What json refuses is refused, and anything else is read as json reads it."""
    try:
        expected = repr(json.loads(text))
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            decode(text)
    else:
        assert repr(decode(text)) == expected


def test_what_json_does_not_know() -> None:
    """An object that JSON does not know is an error, or what its caller makes of it; failures leave nothing behind."""
    with pytest.raises(TypeError, match="object"):
        encode([object()])
    assert encode([object()], lambda _: 5) == "[5]"
    circle: list[Any] = []
    circle.append(circle)
    for _ in range(2):
        with pytest.raises(ValueError, match="Circular"):
            encode(circle)
    with pytest.raises(RecursionError):
        decode("[" * 100_000)


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
