"""The shipped panel files: each can be read with the shipped schema and events."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.panels.load import load_panel, load_panels
from esmith.schema.load import Schema
from esmith.schema.types import refusal
from tests.sources import ROOT

_FILES = sorted(str(path.relative_to(ROOT / "panels").with_suffix("")) for path in ROOT.glob("panels/*/*.toml"))


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Return a root whose configuration is the one of the repository."""
    root = tmp_path_factory.mktemp("shipped")
    (root / "etc/e-smith").mkdir(parents=True)
    for name in ("db", "events", "panels"):
        _copy(ROOT / name, root / "etc/e-smith" / name)
    return Layout(str(root))


def _copy(source: Path, target: Path) -> None:
    """Copy the files that are read, and the names of the others."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        elif path.suffix == ".toml":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())


@pytest.mark.parametrize("id", _FILES)
def test_a_shipped_panel_is_in_order(layout: Layout, id: str) -> None:
    """Each shipped panel names only settings, values and events that there are."""
    panel = load_panel(layout, Schema(layout), id)
    assert (panel.id, panel.heading != "") == (id, True)


def test_every_shipped_panel_is_found(layout: Layout) -> None:
    """All shipped panels are in the navigation, and nothing is wrong with the directories."""
    found = load_panels(layout, Schema(layout))
    assert [fault.place for fault in found.faults] == []
    assert sorted(found.panels) == _FILES


def test_each_condition_of_the_schema_can_hold(layout: Layout) -> None:
    """Each ``shown-if`` in db/ names a property that the schema knows, and values that it may have."""
    schema = Schema(layout)
    conditions = [
        (file, prop.name, prop.shown_if)
        for database in schema.databases()
        for file in schema.files(database)
        for prop in file.properties.values()
        if prop.shown_if
    ]
    assert conditions != []
    for file, name, condition in conditions:
        text, _, values = condition.partition("=")
        *record, prop = text.split(" ")
        other = schema.record(record[0], record[1], None) if record else file
        known = other.property(prop) if other is not None else None
        assert known is not None, f"{file.database} {file.key} {name}: {condition}"
        assert [refusal(known, value) for value in values.split("|")] == [None] * len(values.split("|")), condition
