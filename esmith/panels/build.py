"""From a panel file to a panel: every mistake is an error with the file and the place in it."""

from __future__ import annotations

from esmith.panels import keys
from esmith.panels.build_field import build_field, choices_of
from esmith.panels.known import Settings, require
from esmith.panels.model import Panel, Section
from esmith.panels.records import Action, Before, Creation, Deletion, Records
from esmith.panels.setting import Setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from esmith.panels.field import Field
    from esmith.schema.load import Schema
    from esmith.tables import TomlFile, Type

    _Table = dict[str, Any]


def build_panel(file: TomlFile, schema: Schema, id: str, events: Collection[str]) -> Panel:
    """Return the panel that a file describes.

    :param schema: what is known of the settings that it names.
    :param id: group and name, as ``configuration/email``.
    :param events: the names of the events that there are.
    :raises PanelError: for the first mistake in it.
    """
    return _Builder(file, schema, id, events).panel()


class _Builder:
    def __init__(self, file: TomlFile, schema: Schema, id: str, events: Collection[str]) -> None:
        self._file = file
        self._id = id
        self._events = events
        file.check(file.data, keys.PANEL)
        self._data = file.data
        records = self._data.get("records")
        if records is not None:
            self._check(records, keys.RECORDS, "records")
        named = None if records is None else (records["database"], records["type"])
        self._settings = Settings(file, schema, named)

    def panel(self) -> Panel:
        """Return the panel."""
        data = self._data
        require(self._file, data, "panel", "")
        sections = [self._section(table, number) for number, table in enumerate(data["sections"], 1)]
        self._each_once([section.name for section in sections], "section")
        fields = [field for section in sections for field in section.fields if field.name]
        self._each_once([field.name for field in fields], "field")
        for section in sections:
            for one in section.fields:
                self._check_condition(one, {field.name: field for field in fields})
        self._settings.place = ""
        if "records" in data and "event" in data:
            raise self._settings.error("event is for pages without a table [records]", "name the events there")
        for text in data.get("reaches-panel", []):
            if len(text.split(" ")) not in (1, 2) or not all(text.split(" ")):
                raise self._settings.error(
                    f"reaches-panel: {text!r} is not a record", 'write "DATABASE KEY", or "DATABASE" for all of them'
                )
        return Panel(
            id=self._id,
            heading=data["heading"],
            help=data.get("help", ""),
            order=data.get("order", 500),
            event=self._event(data["event"]) if "event" in data else "",
            words=tuple(data.get("words", [])),
            reaches_panel=tuple(data.get("reaches-panel", [])),
            sections=tuple(sections),
            records=self._records(data["records"], fields) if "records" in data else None,
            path=self._file.path,
        )

    def _section(self, table: _Table, number: int) -> Section:
        name = f"sections, number {number}"
        self._check(table, keys.SECTION, "section", name)
        fields = tuple(
            build_field(self._file, self._settings, one, f"{name}, fields, number {count}")
            for count, one in enumerate(table.get("fields", []), 1)
        )
        return Section(table["name"], table["heading"], table.get("help", ""), fields)

    def _check_condition(self, field: Field, fields: dict[str, Field]) -> None:
        """Check that a field is shown only with another one that there is, and with values that this one may have."""
        if field.shown_if is None:
            return
        name, values = field.shown_if
        self._settings.place = f"field {field.name!r}: " if field.name else "a note: "
        if name not in fields:
            raise self._settings.error("shown-if names no field of the page", f"the fields are {', '.join(fields)}")
        known = choices_of(self._settings, fields[name])
        wrong = [value for value in values if known is not None and value not in known]
        if wrong:
            raise self._settings.error(f"shown-if: {wrong[0]!r} is no choice of {name}")

    def _records(self, table: _Table, fields: list[Field]) -> Records:
        database, type = table["database"], table["type"]
        settings = self._settings
        settings.place = "[records] "
        settings.type(database, type)
        part = {name: table.get(name) for name in ("create", "modify", "delete")}
        for name, types in (("create", keys.CREATE), ("modify", keys.MODIFY), ("delete", keys.DELETE)):
            if part[name] is not None:
                self._check(part[name], types, name, f"records.{name}")
        modify_of = table.get("modify-of", {})
        return Records(
            database=database,
            type=type,
            also=table.get("also", {}),
            key_label=table.get("key-label", "Name"),
            key_help=table.get("key-help", ""),
            columns=tuple(self._column(name, fields) for name in table.get("columns", [])),
            create=Creation(self._event(part["create"]["event"]), part["create"]["label"]) if part["create"] else None,
            modify=self._event(part["modify"]["event"]) if part["modify"] else "",
            modify_of={key: self._event(event) for key, event in modify_of.items()},
            delete=self._deletion(part["delete"]) if part["delete"] else None,
            fixed_if={name: self._fixed(name, values) for name, values in table.get("fixed-if", {}).items()},
            protected=tuple(self._protected(text) for text in table.get("protected", [])),
            actions=self._actions(table.get("actions", [])),
        )

    def _column(self, name: str, fields: list[Field]) -> str:
        field = next((one for one in fields if one.name == name), None)
        secret = [one for one in field.settings() if self._settings.is_secret(one)] if field is not None else []
        if field is None:
            setting = self._settings.of_record(name)
            secret = [setting] if self._settings.is_secret(setting) else []
        if secret:
            raise self._settings.error(f"column {name!r}: a secret is not shown in a list", "leave it out")
        return name

    def _deletion(self, table: _Table) -> Deletion:
        before = None
        if "before" in table:
            part = table["before"]
            self._check(part, keys.BEFORE, "before", "records.delete.before")
            self._settings.place = "[records.delete.before] "
            database, type = self._data["records"]["database"], part["type"]
            self._settings.known_of_type(Setting(database, f"@{type}", part["property"]))
            before = Before(
                type, part["property"], self._event(part.get("event", f"{type}-delete")), part.get("kept", "")
            )
        return Deletion(self._event(table["event"]), table.get("type", ""), table.get("ask", ""), before)

    def _fixed(self, name: str, values: list[str]) -> tuple[str, ...]:
        setting = self._settings.of_record(name)
        return tuple(self._settings.value(setting, value) for value in values)

    def _protected(self, text: str) -> str:
        """Return which records may not be deleted, after a look at whether it says so."""
        if "=" in text:
            name, _, value = text.partition("=")
            self._settings.value(self._settings.of_record(name), value)
        elif " " in text:
            self._settings.setting(text)
        return text

    def _actions(self, tables: list[_Table]) -> tuple[Action, ...]:
        found = []
        for number, table in enumerate(tables, 1):
            self._check(table, keys.ACTION, "action", f"records.actions, number {number}")
            self._settings.place = f"[records.actions, number {number}] "
            found.append(
                Action(
                    name=table["name"],
                    label=table["label"],
                    event=self._event(table["event"]),
                    ask=table.get("ask", ""),
                    password=table.get("password", False),
                    not_for=tuple(table.get("not-for", [])),
                )
            )
        self._each_once([action.name for action in found], "action")
        return tuple(found)

    def _event(self, name: str) -> str:
        if name not in self._events or name == "actions":
            from esmith.names import nearest

            close = nearest(name, self._events)
            hint = f"did you mean {close!r}?" if close else "make its directory in /etc/e-smith/events"
            raise self._settings.error(f"there is no event {name!r}", hint)
        return name

    def _check(self, table: Any, types: dict[str, Type], kind: str, name: str = "") -> None:
        self._file.check(table, types, name or kind)
        require(self._file, table, kind, name or kind)

    def _each_once(self, names: list[str], what: str) -> None:
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise self._file.error(f"two {what}s are called {twice[0]!r}", hint="give one of them another name")
