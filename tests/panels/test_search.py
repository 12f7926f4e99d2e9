"""Finding pages, sections and fields, and records of lists."""

from __future__ import annotations

from esmith.panels.load import load_panels
from esmith.panels.model import Panels
from esmith.panels.search import Place, find_records, make_index, search
from esmith.panels.setting import Cell
from tests.panels.kit import Desk


def _words_of(cell: Cell) -> list[str]:
    """Return what a setting is known by elsewhere."""
    return (
        ["/etc/mail/spamassassin/local.cf", "wikiword"] if cell == ("configuration", "spamassassin", "TagLevel") else []
    )


def _panels(desk: Desk) -> Panels:
    return load_panels(desk.layout, desk.schema)


def _index(desk: Desk) -> list[Place]:
    return make_index(_panels(desk), desk.schema, desk.snapshot, _words_of)


def _found(desk: Desk, query: str) -> list[tuple[str, str, str]]:
    return [(place.panel, place.section, place.field) for place in search(_index(desk), query)]


def test_what_a_field_is_found_by(desk: Desk) -> None:
    """A field is found by its label, name, property, help, the file that is made from it, and a word of the wiki."""
    wanted = ("configuration/email", "filtering", "TagLevel")
    shown = desk.fields(desk.panel("configuration/email"), desk.snapshot)["TagLevel"]
    for query in (shown["label"], shown["help"], "taglevel", "spamassassin TagLevel", "local.cf", "WikiWord"):
        assert wanted in _found(desk, query), query


def test_the_label_counts_most(desk: Desk) -> None:
    """Where words are in a label, that place comes before those that only have them in their help."""
    places = search(_index(desk), "pop3")
    assert (places[0].panel, places[0].field) == ("configuration/email", "pop3-access")
    assert places[0].data()["settings"][0].startswith("configuration pop3 ")


def test_a_page_is_found_by_its_words(desk: Desk) -> None:
    """A page is found by its heading, and by more words that its file names."""
    assert ("configuration/domains", "", "") in _found(desk, "vhost")
    assert ("security/localnetworks", "", "") in _found(desk, "local networks")


def test_all_words_have_to_be_there(desk: Desk) -> None:
    """What has not all words is not found, and no word finds nothing."""
    assert _found(desk, "pop3 nothingiscalledso") == []
    assert _found(desk, "  ") == []


def test_records_are_found_by_their_keys(desk: Desk) -> None:
    """Records of lists are found by a part of their key, those that begin so first."""
    overlay = desk.overlay(("accounts", "ajohn", "", "user"))
    found = [(one["panel"], one["key"]) for one in find_records(_panels(desk), overlay, "John")]
    assert found == [("collaboration/users", "john"), ("collaboration/users", "ajohn")]
    assert [one["key"] for one in find_records(_panels(desk), desk.snapshot, "admin")][0] == "admin"
    assert find_records(_panels(desk), desk.snapshot, " ") == []
