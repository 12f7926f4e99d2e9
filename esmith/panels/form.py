"""What a form shows: the fields of a panel with what is stored, as the verbs ``panel`` and ``record`` answer."""

from __future__ import annotations

from esmith.errors import UsageError
from esmith.panels.field import Scene
from esmith.panels.mapping import MappingField
from esmith.panels.property import PropertyField, names_for
from esmith.panels.setting import KEY, NoSuchRecordError, Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.panels.field import Field
    from esmith.panels.model import Panel
    from esmith.panels.records import Records
    from esmith.schema.load import Schema
    from esmith.store.model import Record
    from esmith.store.protocol import Records as StoredRecords
    from esmith.store.protocol import Snapshot

#: How many names are suggested.
MOST_NAMES = 20


def show_form(panel: Panel, schema: Schema, snapshot: Snapshot, key: str | None = None) -> dict[str, Any]:
    """Return a form with what is stored.

    :param key: the record, where the panel is a list of records; None for a new one.
    :return: id, heading, help, group, kind, event, revision, sections; of a record also key, ``may_change``,
        ``may_delete`` and its actions.
    :raises NoSuchRecordError: when the list has no such record.
    """
    record = None if key is None else find_record(panel, snapshot, key)
    scene = Scene(panel.records, schema, snapshot, key)
    shown: dict[str, Any] = {
        "id": panel.id,
        "heading": panel.heading,
        "help": panel.help,
        "group": panel.group,
        "kind": panel.kind,
        "event": panel.event,
        "revision": snapshot.revision(),
        "sections": [
            {
                "name": section.name,
                "heading": section.heading,
                "help": section.help,
                "fields": [_show(panel, scene, one) for one in section.fields if not one.is_absent(scene)],
            }
            for section in panel.sections
        ],
        "records": None,
    }
    if panel.records is not None:
        shown |= _of_record(panel, panel.records, snapshot, record)
    return shown


def _of_record(panel: Panel, records: Records, snapshot: Snapshot, record: Record | None) -> dict[str, Any]:
    """Return what is known of one record of a list, or of a new one, besides its settings."""
    shown: dict[str, Any] = {
        "event": records.create.event if records.create is not None else "",
        "key": None,
        "key_field": {"label": records.key_label, "help": records.key_help},
        "may_change": may_change(panel, record),
        "may_delete": False,
        "delete": None,
        "list_heading": panel.heading,
        "actions": [],
    }
    if record is None:
        return shown
    key = record.key
    shown |= {
        "event": records.event_of(key),
        "key": key,
        "may_delete": may_delete(panel, snapshot, record),
        "actions": [
            {"name": one.name, "label": one.label, "ask": one.ask.replace(KEY, key), "password": one.password}
            for one in records.actions
            if key not in one.not_for
        ],
    }
    if shown["may_delete"] and records.delete is not None:
        shown["delete"] = {"ask": records.delete.ask.replace(KEY, key)}
    return shown


def suggest(panel: Panel, schema: Schema, snapshot: Snapshot, key: str | None, field: str, query: str) -> list[str]:
    """Return names that a field may hold, at most :data:`MOST_NAMES`: those that begin so first.

    :param key: the record that the form is of, None for a form of settings and for a new record.
    :param query: a part of the name; "" for any.
    :raises UsageError: when the panel has no such field.
    """
    found = panel.field(field)
    if found is None:
        raise UsageError("the page has no such field", place=f"{panel.id} {field}")
    if not isinstance(found, PropertyField):
        return []
    scene = Scene(panel.records, schema, snapshot, key)
    word = query.strip().casefold()
    names = dict.fromkeys(name for name in names_for(scene.known(found.setting), scene) if word in name.casefold())
    return sorted(names, key=lambda name: not name.casefold().startswith(word))[:MOST_NAMES]


def find_record(panel: Panel, snapshot: StoredRecords, key: str) -> Record:
    """Return a record of a panel.

    :raises NoSuchRecordError: when the panel is a form of settings, or has no such record.
    """
    records = panel.records
    record = snapshot.record(records.database, key) if records is not None else None
    if records is None or record is None or record.type not in (records.type, records.type_of(key)):
        raise NoSuchRecordError("the page has no such record", place=f"{panel.id} {key}")
    return record


def may_change(panel: Panel, record: Record | None) -> bool:
    """Return whether a record, or a new one, may be changed on the page."""
    records = panel.records
    if records is None:
        return False
    if record is None:
        return records.create is not None
    if not records.event_of(record.key):
        return False
    return not any(record.props.get(name) in values for name, values in records.fixed_if.items())


def may_delete(panel: Panel, snapshot: StoredRecords, record: Record) -> bool:
    """Return whether a record may be deleted on the page: not one of another type, and no protected one."""
    records = panel.records
    if records is None or records.delete is None or record.key in records.also:
        return False
    return not any(_protects(text, snapshot, record) for text in records.protected)


def _protects(text: str, snapshot: StoredRecords, record: Record) -> bool:
    """Return whether a record is one that a line of ``protected`` is about."""
    if "=" in text:
        name, _, value = text.partition("=")
        return record.props.get(name) == value
    if " " in text:
        database, key, *prop = text.split(" ")
        return snapshot.prop(database, key, prop[0] if prop else "") == record.key
    return text == record.key


def _show(panel: Panel, scene: Scene, field: Field) -> dict[str, Any]:
    shown = field.show(scene)
    condition = field.shown_if or _from_schema(panel, scene, field)
    if condition is not None:
        shown["shown_if"] = {"field": condition[0], "values": list(condition[1])}
    return shown


def _from_schema(panel: Panel, scene: Scene, field: Field) -> tuple[str, tuple[str, ...]] | None:
    """Return the field that the schema says a setting is of use with, and the values of it.

    None where the schema says nothing, or the form has no such field.
    """
    if not isinstance(field, PropertyField):
        return None
    known = scene.known(field.setting)
    if known is None or not known.shown_if:
        return None
    text, _, values = known.shown_if.partition("=")
    words = text.split(" ")
    own = field.setting
    wanted = Setting(own.database, own.key, text) if len(words) == 1 else Setting(*words)
    allowed = values.split("|")
    for other in panel.fields():
        if isinstance(other, PropertyField) and other.setting == wanted:
            return other.name, tuple(allowed)
    for other in panel.fields():
        if isinstance(other, MappingField) and any(wanted in choice.set for choice in other.choices):
            return other.name, tuple(one.value for one in other.choices if one.set.get(wanted) in allowed)
    return None
