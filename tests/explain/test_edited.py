"""A record as a text to edit, and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.errors import UsageError
from esmith.explain.edited import masked_in, parse, text_of
from esmith.store.model import Record
from tests.examples import examples


class _Nothing:
    """Knows no record, and shows each value as it is."""

    def help_of(self, _database: str, _key: str) -> str:
        """Return a help of several words."""
        return "help of a record"

    def properties(self, _database: str, _key: str) -> list[str]:
        """Return no more properties than are stored."""
        return []

    def of(self, _database: str, _key: str, _prop: str) -> dict[str, object]:
        """Return that nothing is known."""
        return {"known": False, "help": "", "allowed": "", "default": None, "unset": None}

    def shown(self, _cell: object, value: str | None) -> str | None:
        """Return the value."""
        return value


class _Knows(_Nothing):
    def __init__(self, record: Record) -> None:
        self._record = record

    def properties(self, _database: str, _key: str) -> list[str]:
        """Return the properties of the record."""
        return list(self._record.props)


def _text(record: Record) -> str:
    return text_of("configuration", record, _Knows(record), _Nothing())  # type: ignore[arg-type]


_NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8) | st.sampled_from(
    ["type", "value", "a=b", "#x", " x", "*@a.org", '"', "a b", "key "]
)
_VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ["", " ", " x", "x ", '"', '"x"', "#", "a = b", "\\n", "****"]
)


@given(type=_VALUES, props=st.dictionaries(_NAMES, _VALUES, max_size=5))
@settings(max_examples=examples(150), deadline=None)
def test_the_text_is_the_record(type: str, props: dict[str, str]) -> None:
    """Whatever a record holds, its text says the same, so that nothing changes when nobody edits it."""
    record = Record("x", type, props)
    masked = masked_in("configuration", record, _Nothing())  # type: ignore[arg-type]
    assert parse(_text(record), record, masked) == (type, props)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type = a\nx\n", "line 2 is not NAME = VALUE"),
        ("x = 1\n", "the line type = ... is missing"),
        ("type = a\ntype = b\n", "type is there twice"),
        ("type = a\nx = 1\nx = 2\n", "'x' is there twice"),
        ('type = a\nx = "1\n', "the quotes are wrong"),
        ('type = a\nx = "1" 2\n', "the quotes are wrong"),
        ("type = a\n = 2\n", "line 2 is not NAME = VALUE"),
    ],
)
def test_what_cannot_be_read(text: str, message: str) -> None:
    """A line that is none is refused with its number."""
    with pytest.raises(UsageError, match=message):
        parse(text, Record("x", "a", {"x": "0"}), ())


def test_a_masked_secret_stays() -> None:
    """Where the mask of a secret stays, so does its value; another text is the new value."""
    record = Record("x", "a", {"Password": "hunter2"})
    assert parse("type = a\nPassword = ****\n", record, {"Password"})[1] == {"Password": "hunter2"}
    assert parse("type = a\nPassword = new\n", record, {"Password"})[1] == {"Password": "new"}


@pytest.mark.parametrize("line", ["Passwd2 = ****", "Port = ****", 'Passwd2 = "****"', "type = ****"])
def test_a_mask_of_nothing(line: str) -> None:
    """A mask is refused where it stands for no secret: with a new name, or for a value that was shown."""
    record = Record("x", "a", {"Passwd": "hunter2", "Port": "25"})
    text = "\n".join([*([] if line.startswith("type") else ["type = a"]), line])
    with pytest.raises(UsageError, match=r"\*\*\*\* stands for a secret"):
        parse(text, record, {"Passwd"})


def test_forms_that_people_type() -> None:
    """Blanks around the sign may be left out, an empty value needs none, and comments do not count."""
    record = Record("x", "a", {"x": "0"})
    assert parse("# c\n\ntype = a\nx=1\ny =\nz= a b \n", record, ()) == ("a", {"x": "1", "y": "", "z": "a b"})
