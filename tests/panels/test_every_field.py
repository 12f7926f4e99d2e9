"""Each field of each shipped panel: what it shows, writes and refuses. A new field is tested by being there."""

from __future__ import annotations

from typing import Any

import pytest

from esmith.panels.boxes import BoxesField, EachField
from esmith.panels.entries import EntriesField
from esmith.panels.field import Field
from esmith.panels.mapping import MappingField
from esmith.panels.model import Panel
from esmith.panels.property import PropertyField
from esmith.panels.setting import Cell
from esmith.schema.types import refusal
from esmith.store.overlay import Overlay
from tests.panels.kit import FIELDS, Desk, cells, known_of, needed_by, samples, tables_of_fields

#: Values that one property or the other refuses.
_WRONG = ["two words", "-7", "no such value", "a\nb"]


def _placed(desk: Desk, id: str, name: str) -> tuple[Panel, Field, str | None]:
    panel = desk.panel(id)
    field = panel.field(name)
    assert field is not None
    return panel, field, desk.key_of(panel)


def _wrong(desk: Desk, panel: Panel, field: Field, key: str | None, shown: dict[str, Any]) -> Any:
    """Return a value that a field refuses."""
    if isinstance(field, BoxesField):
        return ["no such record"]
    if isinstance(field, EntriesField):
        return ["one.example.com", "two|three"]
    if isinstance(field, PropertyField) and shown["widget"] != "choice":
        known = known_of(desk, panel, field, key)
        wrong = next(value for value in reversed(_WRONG) if value == "a\nb" or refusal(known, value) is not None)
        return [wrong] if shown["widget"] == "lines" else wrong
    return "no such choice"


def _named(table: dict[str, Any], key: str | None) -> list[str]:
    """Return the settings that the table of a field names."""
    texts = [
        text for choice in table.get("choices", []) for text in [*choice.get("set", {}), *choice.get("delete", [])]
    ]
    texts += [table["setting"]] if "setting" in table else []
    return [text.replace("{key}", key or "") for text in texts]


@pytest.mark.parametrize(("id", "name"), FIELDS)
def test_a_field_shows_what_is_stored(desk: Desk, id: str, name: str) -> None:
    """A field shows what is stored: the value, the choice whose settings are so, or what is stored besides."""
    panel, field, key = _placed(desk, id, name)
    shown = desk.fields(panel, desk.snapshot, key)[name]
    if isinstance(field, PropertyField):
        stored = desk.snapshot.prop(*field.setting.cell(key))
        if shown["widget"] == "secret":
            assert (shown["value"], shown["is_set"]) == (None, bool(stored))
        elif shown["widget"] == "lines":
            separator = known_of(desk, panel, field, key).separator
            assert shown["value"] == (None if stored is None else [one for one in stored.split(separator) if one])
        else:
            assert shown["value"] == stored or (shown["value"] is None and shown["custom"] == (stored or "(empty)"))
    elif isinstance(field, MappingField):
        table = {one["value"]: one for one in tables_of_fields(id)[name]["choices"]}
        held = {
            text: desk.snapshot.prop(*(*text.split(" "), "")[:3]) for text in _named(tables_of_fields(id)[name], key)
        }
        if shown["value"] is None:
            assert (shown["custom"] is None) == (set(held.values()) == {None})
        else:
            chosen = table[shown["value"]]
            wanted = {**chosen.get("set", {}), **dict.fromkeys(chosen.get("delete", []))}
            wanted = {text: wanted[text] for text in chosen.get("match", wanted)}
            assert {text.replace("{key}", key or ""): value for text, value in wanted.items()}.items() <= held.items()
    elif isinstance(field, EachField):
        records = desk.snapshot.records(field.database, field.type)
        assert shown["value"] == [one.key for one in records if one.props.get(field.prop) == field.on]
    elif isinstance(field, BoxesField):
        records = desk.snapshot.records(field.database, field.type)
        assert shown["value"] == [one.key for one in records if key in one.props.get(field.prop, "").split(",")]
    else:
        assert isinstance(field, EntriesField)
        record = desk.snapshot.record(field.database, field.key)
        props = record.props if record is not None else {}
        assert shown["value"] == [one for one, value in props.items() if value == field.value]


@pytest.mark.parametrize(("id", "name"), FIELDS)
def test_what_is_not_touched_stays(desk: Desk, id: str, name: str) -> None:
    """A form that is saved as it is changes nothing, also when what a field shows is sent back."""
    panel, _, key = _placed(desk, id, name)
    shown = desk.fields(panel, desk.snapshot, key)[name]
    overlay = desk.overlay()
    desk.change(panel, overlay, key, {})
    # A choice that few settings decide on writes the others, too; but nobody sends what he has not touched.
    decides = any("match" in choice for choice in tables_of_fields(id)[name].get("choices", []))
    sent = shown["custom"] is None and not shown["is_set"] and not decides
    if sent and (shown["value"] is not None or shown["unset"] is not None):
        desk.change(panel, overlay, key, {name: shown["value"]})
    assert overlay.changes == []


@pytest.mark.parametrize(("id", "name"), FIELDS)
def test_each_value_is_written_and_then_shown(desk: Desk, id: str, name: str) -> None:
    """A value that is offered, or allowed, is what the field shows then, and only what its table names is written."""
    panel, field, key = _placed(desk, id, name)
    before = desk.fields(panel, desk.snapshot, key)[name]
    table = tables_of_fields(id)[name]
    tried = samples(desk, panel, field, key, before)
    assert tried != []
    for value in tried:
        needed = needed_by(table, value, key)
        overlay = desk.overlay(*((*cell, "x.example") for cell in needed))
        desk.change(panel, overlay, key, {name: value})
        _compare_written(desk, field, key, table, value, overlay, needed)
        shown = desk.fields(panel, overlay, key)[name]
        if before["widget"] == "secret":
            assert (shown["value"], shown["is_set"]) == (None, True)
        else:
            assert (shown["value"], shown["custom"]) == (value, None)


def _compare_written(
    desk: Desk, field: Field, key: str | None, table: dict[str, Any], value: Any, overlay: Overlay, needed: list[Cell]
) -> None:
    """Compare what was written with what the table of a field names."""
    written = cells([change for change in overlay.changes if change.cell not in needed])
    if isinstance(field, MappingField):
        chosen = next(one for one in table["choices"] if one["value"] == value)
        wanted = {**chosen.get("set", {}), **dict.fromkeys(chosen.get("delete", []))}
        wanted = {text.replace("{key}", key or ""): new for text, new in wanted.items()}
        made: dict[str, str] = chosen.get("create", {})
        assert written.items() <= (made | wanted).items()
        for text, new in wanted.items():
            assert overlay.prop(*(*text.split(" "), "")[:3]) == new
    elif isinstance(field, PropertyField):
        cell = field.setting.cell(key)
        assert {change.cell for change in overlay.changes} - {*needed} <= {cell, (cell[0], cell[1], "")}
    elif isinstance(field, EntriesField):
        assert {change.cell[:2] for change in overlay.changes} <= {(field.database, field.key)}
    elif isinstance(field, BoxesField):
        more = {" ".join(filter(None, setting.cell(key))) for setting in field.settings()}
        records = {
            f"{field.database} {one.key} {field.prop}" for one in desk.snapshot.records(field.database, field.type)
        }
        assert written.keys() <= more | records


@pytest.mark.parametrize(("id", "name"), FIELDS)
def test_what_is_refused_is_explained_at_the_field(desk: Desk, id: str, name: str) -> None:
    """A value that is not allowed is refused at its field, and nothing is changed, also of other fields."""
    panel, field, key = _placed(desk, id, name)
    shown = desk.fields(panel, desk.snapshot, key)
    other = next((one for one in shown if one not in ("", name) and shown[one]["widget"] == "text"), None)
    wrong = _wrong(desk, panel, field, key, shown[name])
    values = {name: wrong} | ({other: shown[other]["value"] or "x"} if other is not None else {})
    messages = desk.refused(panel, desk.overlay(), key, values)
    assert messages[name] != ""
    assert messages.keys() <= values.keys()


@pytest.mark.parametrize(("id", "name"), FIELDS)
def test_not_set_is_a_choice_of_its_own(desk: Desk, id: str, name: str) -> None:
    """Where a field may be not set, it shows that afterwards, nothing of it is stored, and the way back is there."""
    panel, field, key = _placed(desk, id, name)
    before = desk.fields(panel, desk.snapshot, key)[name]
    overlay = desk.overlay()
    if isinstance(field, EntriesField):
        return
    if before["unset"] is None:
        assert name in desk.refused(panel, overlay, key, {name: None})
        return
    desk.change(panel, overlay, key, {name: None})
    shown = desk.fields(panel, overlay, key)[name]
    assert (shown["value"], shown["custom"], shown["is_set"]) == (None, None, False)
    assert [overlay.prop(*setting.cell(key)) for setting in field.settings() if setting.prop] == [
        None for setting in field.settings() if setting.prop
    ]
    offered = [choice["value"] for choice in shown["choices"]]
    if before["value"] is not None and (shown["widget"] != "choice" or before["value"] in offered):
        desk.change(panel, overlay, key, {name: before["value"]})
        assert overlay.changes == []
