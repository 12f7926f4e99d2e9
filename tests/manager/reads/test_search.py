"""Searching: the place of a setting on a page comes first, and files, records and words of the manual lead there."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.manager.helper.looks.found import EXACT, Found
from tests.commands import Root
from tests.manager.reads.kit import ask
from tests.store.stores import opened, put

MARKUP = "<b>zebrafish</b>"


def _first(root: Root, query: str) -> dict[str, Any]:
    found: dict[str, Any] = ask(root, "search", query=query)["results"][0]
    return found


def test_what_is_found(office: Root) -> None:
    """Property, label, file, page, record and a word of the manual each lead to where the setting is changed."""
    first = _first(office, "TagLevel")
    assert (first["kind"], first["panel"], first["field"]) == ("field", "configuration/email", "TagLevel")
    assert _first(office, "spam sensitivity")["field"] == "Sensitivity"
    assert _first(office, "e-mail")["panel"] == "configuration/email"
    first = _first(office, "tom")
    assert (first["kind"], first["panel"], first["key"]) == ("record", "collaboration/users", "tom")
    # Which no page has.
    first = _first(office, "pyzortimeout")
    assert (first["kind"], first["database"], first["key"]) == ("setting", "configuration", "spamassassin")
    # The manual says: wait longer for Pyzor.
    assert "PyzorTimeout" in [one["title"] for one in ask(office, "search", query="wait longer")["results"]]

    file, *others = ask(office, "search", query="local.cf")["results"]
    assert (file["kind"], file["title"]) == ("file", "/etc/mail/spamassassin/local.cf")
    assert {"Sensitivity", ""} <= {one["field"] for one in others}
    assert "PyzorTimeout" in [one["title"] for one in others]


def test_limits(office: Root) -> None:
    """Nothing finds nothing, a letter finds as many as are shown, and what is in hostile names is a text."""
    with opened(office.path) as store:
        put(store, "own", f"{MARKUP} key", "own", {f"{MARKUP}prop": "value-of-it"})
    assert ask(office, "search", query="   ")["results"] == []
    assert len(ask(office, "search", query="a")["results"]) == 50
    titles = [one["title"] for one in ask(office, "search", query="zebrafish")["results"]]
    assert titles == [f"{MARKUP} key", f"{MARKUP}prop"] or titles == [f"{MARKUP}prop", f"{MARKUP} key"]
    # Values are not looked at.
    assert ask(office, "search", query="value-of-it")["results"] == []
    assert ask(office, "search", query="zz " * 60)["results"] == []


@pytest.mark.parametrize(
    ("query", "worse"),
    [("taglevel", "tag"), ("tag", "level"), ("level", "score"), ("score", "marked")],
)
def test_how_well_it_fits(query: str, worse: str) -> None:
    """A whole name fits best, then the beginning of one, then a part, then other words, then the help."""
    one = Found("setting", "TagLevel", "", ["TagLevel"], "score", "Marked as spam.")
    rank, other = one.rank([query]), one.rank([worse])
    assert rank is not None and other is not None
    assert rank < other
    assert one.rank(["taglevel"]) == EXACT
    assert one.rank([query, "nowhere"]) is None
