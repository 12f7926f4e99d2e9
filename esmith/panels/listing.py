"""A page of the records of a panel: filtered, sorted, with the cells of its columns."""

from __future__ import annotations

from esmith.panels.boxes import MembersField
from esmith.panels.field import Scene
from esmith.panels.form import may_change, may_delete
from esmith.panels.mapping import MappingField
from esmith.panels.property import PropertyField, label_of
from esmith.panels.setting import KEY, NoSuchRecordError, Setting
from esmith.schema.secrecy import MASK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from esmith.panels.field import Field
    from esmith.panels.model import Panel
    from esmith.panels.records import Records
    from esmith.schema.load import Schema
    from esmith.store.model import Record
    from esmith.store.protocol import Snapshot

    _Cell = Callable[[Record], str]

#: How many rows a page may have.
MOST_ROWS = 1000


def list_records(
    panel: Panel, schema: Schema, snapshot: Snapshot, query: str = "", page: int = 1, size: int = 50, sort: str = ""
) -> dict[str, Any]:
    """Return a page of the records, as the verb ``records`` answers.

    :param query: words that each have to be in the key or in a column.
    :param page: which page, from 1; one after the last is the last.
    :param size: how many rows a page has, 1 to :data:`MOST_ROWS`.
    :param sort: the column to sort by, "-" before it for the other direction; "" and what is no column for the key.
    :raises NoSuchRecordError: when the panel is a form of settings.
    """
    records = panel.records
    if records is None:
        raise NoSuchRecordError("the page is no list of records", place=panel.id)
    columns = [_Column(panel, records, schema, snapshot, name) for name in records.columns]
    every = _records(records, snapshot)
    words = query.casefold().split()
    found = [record for record in every if _matches(record, columns, words)] if words else every
    _sort(found, columns, sort)
    size = min(max(size, 1), MOST_ROWS)
    pages = max(1, -(-len(found) // size))
    page = min(max(page, 1), pages)
    create, delete = records.create, records.delete
    return {
        "id": panel.id,
        "heading": panel.heading,
        "help": panel.help,
        "revision": snapshot.revision(),
        "key_label": records.key_label,
        "columns": [{"name": column.name, "label": column.label} for column in columns],
        "rows": [_row(panel, snapshot, columns, record) for record in found[(page - 1) * size : page * size]],
        "total": len(every),
        "found": len(found),
        "page": page,
        "pages": pages,
        "create": {"label": create.label} if create is not None else None,
        "actions": [
            {"name": one.name, "label": one.label, "ask": one.ask, "password": one.password} for one in records.actions
        ],
        "delete": {"ask": delete.ask} if delete is not None else None,
    }


class _Column:
    """A column of a list."""

    def __init__(self, panel: Panel, records: Records, schema: Schema, snapshot: Snapshot, name: str) -> None:
        self.name = name
        self._records, self._schema, self._snapshot = records, schema, snapshot
        field = panel.field(name)
        if field is None:
            field = _of_property(panel, records, name)
        self.label = field.label
        if isinstance(field, PropertyField):
            known = schema.file(records.database, f"@{records.type}")
            prop = known.property(field.setting.prop) if known is not None else None
            self.label = field.label or label_of(prop, field.setting)
        self.cell = self._reader(field)

    def _reader(self, field: Field) -> _Cell:
        """Return the function that reads the cell of a record; records are thousands."""
        if isinstance(field, PropertyField) and field.setting.key == KEY:
            prop, labels = field.setting.prop, field.labels
            if self._schema.is_secret(self._records.database, "", self._records.type, prop):
                return lambda record: MASK if record.props.get(prop) else ""
            return lambda record: labels.get(value := record.props.get(prop, ""), value)
        if isinstance(field, MembersField):
            return self._members(field)
        return lambda record: self._shown(field, record)

    def _members(self, field: MembersField) -> _Cell:
        """Return the function that says which lists a record is in; the lists are read once."""
        lists = list(self._snapshot.records(field.database, field.type))
        inside: dict[str, list[str]] = {}
        for one in lists:
            for member in one.props.get(field.prop, "").split(field.separator):
                inside.setdefault(member.strip(), []).append(one.key)
        return lambda record: ", ".join(inside.get(record.key, ()))

    def _shown(self, field: Field, record: Record) -> str:
        shown = field.show(Scene(self._records, self._schema, self._snapshot, record.key))
        if shown["widget"] == "secret":
            return MASK if shown["is_set"] else ""
        if shown["custom"] is not None:
            return str(shown["custom"])
        value = shown["value"]
        if isinstance(field, MappingField):
            return next((str(one["label"]) for one in shown["choices"] if one["value"] == value), "")
        return ", ".join(value) if isinstance(value, list) else str(value or "")


def _of_property(panel: Panel, records: Records, name: str) -> PropertyField:
    """Return the field that a property is, or would be if the form had it."""
    setting = Setting(records.database, KEY, name)
    for field in panel.fields():
        if isinstance(field, PropertyField) and field.setting == setting:
            return field
    return PropertyField(name, "", "", required=False, shown_if=None, setting=setting, labels={})


def _records(records: Records, snapshot: Snapshot) -> list[Record]:
    found = list(snapshot.records(records.database, records.type))
    for key, type in records.also.items():
        one = snapshot.record(records.database, key)
        if one is not None and one.type == type and one.type != records.type:
            found.append(one)
    return found


def _matches(record: Record, columns: list[_Column], words: list[str]) -> bool:
    text = "\n".join([record.key, *(column.cell(record) for column in columns)]).casefold()
    return all(word in text for word in words)


def _sort(found: list[Record], columns: list[_Column], sort: str) -> None:
    found.sort(key=lambda record: record.key.casefold())
    name = sort.removeprefix("-")
    column = next((one for one in columns if one.name == name), None)
    if column is not None:
        # Those with nothing in the column come last, in either direction.
        found.sort(key=lambda record: column.cell(record).casefold(), reverse=sort.startswith("-"))
        found.sort(key=lambda record: column.cell(record) == "")
    elif sort.startswith("-"):
        found.reverse()


def _row(panel: Panel, snapshot: Snapshot, columns: list[_Column], record: Record) -> dict[str, Any]:
    actions = panel.records.actions if panel.records is not None else ()
    return {
        "key": record.key,
        "cells": [column.cell(record) for column in columns],
        "modify": may_change(panel, record),
        "delete": may_delete(panel, snapshot, record),
        "actions": [action.name for action in actions if record.key not in action.not_for],
    }
