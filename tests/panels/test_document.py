"""docs/manager.md, "How to write a panel": its contrib is installed and used, and its tables name every key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.panels import keys
from esmith.panels.change import change_settings
from esmith.panels.form import show_form
from esmith.panels.listing import list_records
from esmith.panels.load import load_panels
from esmith.schema.load import Schema
from esmith.store.overlay import Overlay
from tests.documents import blocks, rows, section
from tests.panels.kit import Desk, cells

_HEADING = "How to write a panel"


@pytest.fixture
def contrib(desk: Desk, tmp_path: Path) -> Iterator[Layout]:
    """Return a root with the shipped schema and events, and the files of the document."""
    schema, page, records = (block.text for block in blocks("toml") if block.document.name == "manager.md")
    configuration = tmp_path / "etc/e-smith"
    (configuration / "db").mkdir(parents=True)
    for place in Path(desk.layout.schema).iterdir():
        if place.name != "configuration":
            (configuration / "db" / place.name).symlink_to(place)
    (configuration / "db/configuration").mkdir()
    for place in Path(desk.layout.schema, "configuration").iterdir():
        (configuration / "db/configuration" / place.name).symlink_to(place)
    (configuration / "db/configuration/greylist.toml").write_text(schema)
    (configuration / "events/greylist-update").mkdir(parents=True)
    for name in ("create", "modify", "delete"):
        (configuration / f"events/domain-{name}").mkdir()
    (configuration / "panels-custom/security").mkdir(parents=True)
    (configuration / "panels-custom/security/greylist.toml").write_text(page)
    (configuration / "panels-custom/security/partners.toml").write_text(records)
    yield Layout(str(tmp_path))


def test_the_contrib_of_the_document_works(contrib: Layout, desk: Desk) -> None:
    """Its pages are there, show what holds while nothing is set, and a saved choice sets what the document says."""
    schema = Schema(contrib)
    found = load_panels(contrib, schema)
    assert ([str(fault) for fault in found.faults], list(found.panels)) == (
        [],
        ["security/greylist", "security/partners"],
    )
    page = found.panels["security/greylist"]
    overlay = Overlay(desk.snapshot)
    fields = {one["name"]: one for part in show_form(page, schema, overlay)["sections"] for one in part["fields"]}
    assert [fields[name]["unset"] for name in ("status", "Delay", "who")] == ["Disabled", "300", "Only this server"]
    assert fields["Delay"]["shown_if"] == {"field": "status", "values": ["enabled"]}
    assert (fields["Networks"]["label"], fields["Networks"]["widget"]) == ("Networks without a delay", "lines")
    change_settings(page, schema, overlay, None, {"who": "public", "Delay": "60"})
    assert cells(overlay.changes) == {
        "configuration greylist": "service",
        "configuration greylist status": "enabled",
        "configuration greylist access": "public",
        "configuration greylist Delay": "60",
    }
    rows_of = list_records(found.panels["security/partners"], schema, desk.snapshot)["rows"]
    assert [(row["key"], row["delete"]) for row in rows_of] == [("example.com", False), ("test.com", True)]


def _documented() -> dict[str, set[str]]:
    """Return the keys in the first table of the document, by the table of the file."""
    found: dict[str, set[str]] = {}
    name = ""
    for table, key, *_ in (row for row in rows(section("manager.md", _HEADING)) if len(row) == 3):
        name = table.strip("`") or name
        found.setdefault(name, set()).update(re.findall(r"`([a-z-]+)`", key))
    return found


def test_every_key_of_a_table_is_documented() -> None:
    """The table of the document has each key of a panel file, and no other."""
    known = {
        "the file": keys.PANEL,
        "sections": keys.SECTION,
        "records": keys.RECORDS,
        "records.create": keys.CREATE,
        "records.modify": keys.MODIFY,
        "records.delete": keys.DELETE,
        "records.delete.before": keys.BEFORE,
        "records.actions": keys.ACTION,
    }
    assert _documented() == {name: set(types) for name, types in known.items()}


def test_every_kind_of_field_and_key_of_a_choice_is_documented() -> None:
    """The other two tables have each kind of field, and each key of a choice."""
    pairs = [row for row in rows(section("manager.md", _HEADING)) if len(row) == 2]
    named = [key for first, _ in pairs for key in re.findall(r"`([a-z-]+)`", first)]
    assert sorted(named) == sorted([*keys.KINDS, *keys.CHOICE])
