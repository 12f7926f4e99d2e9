"""Forms of panels on unsaved changes: nothing that a test changes is stored, so that all share one root."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from esmith.layout import Layout
from esmith.panels.boxes import BoxesField
from esmith.panels.change import FormError, change_settings, create_record
from esmith.panels.entries import EntriesField
from esmith.panels.field import Field, Scene
from esmith.panels.form import show_form
from esmith.panels.load import load_panel
from esmith.panels.model import Panel
from esmith.panels.property import PropertyField
from esmith.panels.setting import Cell
from esmith.schema.load import Schema
from esmith.schema.model import Property
from esmith.schema.types import refusal
from esmith.store.model import Change
from esmith.store.overlay import Overlay
from esmith.store.protocol import Snapshot
from tests.sources import ROOT

#: The ids of the shipped panels.
SHIPPED = sorted(str(path.relative_to(ROOT / "panels").with_suffix("")) for path in ROOT.glob("panels/*/*.toml"))

#: Values that one property or the other accepts.
_TRIED = ["7", "mail.example.com", "192.168.1.7", "255.255.255.0", "some words", "tom", "/srv/some/where", "15M"]
#: What a page refuses besides, as its record cannot have it: a router that is not in the network of the server.
_OTHERWISE = {("Router", "255.255.255.0")}

Values = dict[str, Any]


def table_of(id: str) -> dict[str, Any]:
    """Return what a shipped panel file says."""
    return tomllib.loads((ROOT / "panels" / f"{id}.toml").read_text())


def tables_of_fields(id: str) -> dict[str, dict[str, Any]]:
    """Return the tables of the fields of a shipped panel, by their names."""
    found = {}
    for section in table_of(id)["sections"]:
        for field in section["fields"]:
            name = field.get("name") or field.get("property") or str(field.get("setting", "")).rpartition(" ")[2]
            if "note" not in field:
                found[name] = field
    return found


#: Each field of each shipped panel.
FIELDS = [(id, name) for id in SHIPPED for name in tables_of_fields(id)]


class Desk:
    """A root whose forms are tried.

    :param layout: the root.
    :param snapshot: its databases.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot) -> None:
        self.layout = layout
        self.snapshot = snapshot
        self.schema = Schema(layout)
        self._shipped: dict[str, Panel] = {}

    def panel(self, id: str) -> Panel:
        """Return a shipped panel."""
        if id not in self._shipped:
            self._shipped[id] = load_panel(self.layout, self.schema, id)
        return self._shipped[id]

    def custom(self, text: str, id: str = "miscellaneous/tried") -> Panel:
        """Write a panel of the administrator, and return it."""
        path = Path(self.layout.panels_custom, f"{id}.toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return load_panel(self.layout, self.schema, id)

    def overlay(self, *settings: tuple[str, str, str, str]) -> Overlay:
        """Return unsaved changes: database, key, property and value of each; a record is made for the property "" ."""
        return Overlay(self.snapshot, [Change(database, key, prop, None, new) for database, key, prop, new in settings])

    def key_of(self, panel: Panel) -> str | None:
        """Return a record of a panel's list, None where it has no list."""
        if panel.records is None:
            return None
        return next(record.key for record in self.snapshot.records(panel.records.database, panel.records.type))

    def fields(self, panel: Panel, on: Snapshot, key: str | None = None) -> dict[str, dict[str, Any]]:
        """Return what the form shows, by the names of the fields."""
        shown = show_form(panel, self.schema, on, key)
        return {field["name"]: field for section in shown["sections"] for field in section["fields"]}

    def change(self, panel: Panel, on: Overlay, key: str | None, values: Values) -> list[str]:
        """Change settings by the form; returns the hints."""
        return change_settings(panel, self.schema, on, key, values)

    def create(self, panel: Panel, on: Overlay, key: str, values: Values) -> list[str]:
        """Make a record by the form; returns the hints."""
        return create_record(panel, self.schema, on, key, values)

    def refused(self, panel: Panel, on: Overlay, key: str | None, values: Values) -> dict[str, str]:
        """Change settings by the form, which has to be refused; returns the message of each field."""
        before = cells(on.changes)
        try:
            self.change(panel, on, key, values)
        except FormError as error:
            assert cells(on.changes) == before
            return {name: fault.message for name, fault in error.fields.items()}
        raise AssertionError(f"{values} was not refused")

    def scene(self, panel: Panel, on: Snapshot, key: str | None = None) -> Scene:
        """Return what a form of a panel is shown from."""
        return Scene(panel.records, self.schema, on, key)


def known_of(desk: Desk, panel: Panel, field: PropertyField, key: str | None) -> Property:
    """Return what the schema knows of the setting of a field."""
    known = desk.scene(panel, desk.snapshot, key).known(field.setting)
    assert known is not None
    return known


def samples(desk: Desk, panel: Panel, field: Field, key: str | None, shown: dict[str, Any]) -> list[Any]:
    """Return values that a field accepts.

    :param shown: what the form shows of it.
    """
    if isinstance(field, BoxesField):
        every = [choice["value"] for choice in shown["choices"]]
        return [every, [], every[:1], every[1:]]
    if isinstance(field, EntriesField):
        return [[], ["one.example.com"], ["one.example.com", "two.example.com"]]
    if shown["widget"] == "choice":
        return [choice["value"] for choice in shown["choices"]]
    assert isinstance(field, PropertyField)
    known = known_of(desk, panel, field, key)
    fit = [value for value in _TRIED if refusal(known, value) is None and (field.name, value) not in _OTHERWISE]
    return [fit[:1], fit] if shown["widget"] == "lines" else fit


def needed_by(table: dict[str, Any], value: Any, key: str | None) -> list[Cell]:
    """Return the settings that a choice needs, which are given before it."""
    chosen: dict[str, Any] = next((one for one in table.get("choices", []) if one["value"] == value), {})
    by_value = table.get("needs", {}).get(value, []) if isinstance(value, str) else []
    words = [text.replace("{key}", key or "").split(" ") for text in [*chosen.get("needs", []), *by_value]]
    return [(database, key, "".join(prop)) for database, key, *prop in words]


def cells(changes: list[Change]) -> dict[str, str | None]:
    """Return changes as texts: what was changed, and what it is now."""
    return {" ".join(filter(None, change.cell)): change.new for change in changes}


def custom_files(layout: Layout) -> Iterator[Path]:
    """Yield what is in the directory of the administrator's panels."""
    yield from Path(layout.panels_custom).glob("*/*")
