"""Text of others made safe: what is not printable is shown by its code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmith.cli.json_output import json_text
from esmith.printable import printable, printable_message

CASES = {
    "plain": ("Zoë, 日本, 😀", "Zoë, 日本, 😀"),
    "escape": ("\x1b[2J", "\\x1b[2J"),
    "newline": ("a\nb", "a\\nb"),
    "carriage return": ("a\rb", "a\\rb"),
    "tab": ("a\tb", "a\\tb"),
    "NUL": ("a\0b", "a\\x00b"),
    "delete": ("\x7f", "\\x7f"),
    "C1": ("\x9b31m", "\\x9b31m"),
    "override of direction": ("\u202etxt.exe", "\\u202etxt.exe"),
    "isolate": ("\u2066", "\\u2066"),
    "invisible": ("a\u200bb", "a\\u200bb"),
    "line separator": ("a\u2028b", "a\\u2028b"),
    "no-break space": ("a\u00a0b", "a\\xa0b"),
    "tag": ("\U000e0041", "\\U000e0041"),
    "lone surrogate": ("\ud800", "\\ud800"),
    "byte that is not UTF-8": (b"\x9b".decode("utf-8", "surrogateescape"), "\\x9b"),
    "backslash": ("C:\\new", "C:\\new"),
}


@pytest.mark.parametrize(("text", "shown"), CASES.values(), ids=CASES.keys())
def test_each_kind(text: str, shown: str) -> None:
    """Each kind of character that is not printable is shown by its code, and all others as they are."""
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_any_text(text: str) -> None:
    """Of any text the result is one printable line that UTF-8 can hold; doing it twice changes nothing more."""
    shown = printable(text)
    assert shown.isprintable()
    assert shown.encode().decode() == shown
    assert printable(shown) == shown
    assert shown == text or not text.isprintable()


@given(st.text(st.sampled_from("a \n\t\r\x1b\u202e\u2028")))
def test_any_message(text: str) -> None:
    """A message keeps its lines and tabs, but each line after the first is empty or begins with a blank."""
    first, *others = printable_message(text).split("\n")
    assert len(others) == text.count("\n")
    assert all(line.replace("\t", "").isprintable() for line in [first, *others])
    assert all(line == "" or line.startswith(" ") for line in others)


@given(st.text(st.characters()))
def test_any_text_as_json(text: str) -> None:
    """JSON gives back any text exactly, is printable in itself, and can be encoded as UTF-8."""
    shown = json_text({"x": text})
    assert shown.isprintable()
    # A pair of surrogates is one character for JSON.
    assert json.loads(shown.encode())["x"] == json.loads(json.dumps(text))
