"""Which files a property drives: the table in drives.toml, and what really changes when a property does."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from esmith.events.definition import event_names, load_event
from esmith.fragments.render import Renderer
from esmith.fragments.rendering import Rendering
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.store.protocol import Transaction

TABLE = Path(__file__).with_name("drives.toml")

#: What an output is: kind, content, mode, owner, group.
Output = tuple[str, bytes, int, str, str]


@dataclass(frozen=True)
class Setting:
    """One property, or a record that is a mere value.

    :param prop: "" for a record that is a value.
    """

    database: str
    key: str
    prop: str

    def __str__(self) -> str:
        return f"{self.database} {self.key} {self.prop}".rstrip()


@dataclass(frozen=True)
class Row:
    """The row of a property in the table.

    :param value: a value to try.
    :param files: the files that change then.
    """

    setting: Setting
    value: str
    files: frozenset[str]


class Table:
    """The table."""

    def __init__(self) -> None:
        data = tomllib.loads(TABLE.read_text())
        self._folders: dict[str, str] = data.pop("folders")
        self.base: list[list[str]] = data.pop("base")["settings"]
        self.by_actions: list[str] = data.pop("expanded by actions")["templates"]
        #: property -> the file that reads it at run time
        self.run_time: dict[str, str] = data.pop("read at run time")
        #: property -> why it drives nothing
        self.nothing: dict[str, str] = data.pop("drives nothing")
        self.rows: dict[str, list[Row]] = {name: list(self._rows(name, rows)) for name, rows in data.items()}

    def _rows(self, name: str, rows: dict[str, list[str]]) -> Iterable[Row]:
        database, key = name.split()
        for column, (text, *files) in rows.items():
            prop, _, value = text.rpartition("=") if column == "*" else (column, "", text)
            setting = Setting(database, key, "" if prop == "value" else prop)
            yield Row(setting, value, frozenset(map(self._path, files)))

    def _path(self, file: str) -> str:
        folder, _, rest = file.partition("/")
        return file if not folder else f"{self._folders[folder]}/{rest}"

    def short(self, path: str) -> str:
        """Return a path as the table writes it."""
        for name, folder in sorted(self._folders.items(), key=lambda item: -len(item[1])):
            if path.startswith(f"{folder}/"):
                return f"{name}/{path.removeprefix(folder + '/')}"
        return path


class Bench:
    """Every template of every event, expanded over a transaction that is never committed.

    :param layout: a root.
    :param transaction: its databases.
    :param besides: templates that no event names.
    """

    def __init__(self, layout: Layout, transaction: Transaction, besides: list[str]) -> None:
        self._transaction = transaction
        tree = TemplateTree(layout)
        events = (load_event(layout, name, tree) for name in event_names(layout))
        self._templates = dict.fromkeys([*(path for event in events for path in event.templates), *besides])
        self._outputs: dict[str, dict[str, Output]] = {}
        #: template -> what it read: properties, and (database, key, "*") for all that a record has.
        self._read: dict[str, set[tuple[str, str, str]]] = {}
        #: template -> the databases whose records it listed.
        self._listed: dict[str, set[str]] = {}
        self._keys: set[tuple[str, str]] = set()
        self._layout = layout

    def settle(self) -> None:
        """Expand everything; :meth:`changed_by` reports what changes from here on."""
        databases = self._transaction.databases()
        self._keys = {(database, key) for database in databases for key in self._transaction.keys(database)}
        renderer = Renderer(self._layout, self._transaction)
        for path in self._templates:
            renderings = list(renderer.render(path))
            self._outputs[path] = _outputs(renderings)
            reads = [rendering.reads for rendering in renderings]
            self._read[path] = {cell for one in reads for cell in one.props}
            self._read[path] |= {(*record, "*") for one in reads for record in one.names}
            self._listed[path] = {database for one in reads for database, _ in one.listings}

    def put(self, setting: Setting, value: str) -> None:
        """Set a property or a value."""
        if not setting.prop:
            self._transaction.set_type(setting.database, setting.key, value)
        else:
            self._transaction.set_prop(setting.database, setting.key, setting.prop, value)

    def changed_by_all(self, settings: list[Setting], value: str) -> set[str]:
        """Return the outputs that differ when each of several properties has a value; everything is expanded.

        Afterwards they have their old values again.
        """
        before = {setting: self._value(setting) for setting in settings}
        for setting in settings:
            self.put(setting, value)
        try:
            return self._changed(self._templates)
        finally:
            for setting, old in before.items():
                self._restore(setting, old)

    def changed_by(self, setting: Setting, value: str, *, everything: bool = False) -> set[str]:
        """Return the outputs that differ with another value; afterwards it has the old one again.

        :param everything: expand also the templates that did not read the property.
        """
        before = self._value(setting)
        self.put(setting, value)
        try:
            return self._changed(path for path in self._templates if everything or self._reads(path, setting))
        finally:
            self._restore(setting, before)

    def _changed(self, paths: Iterable[str]) -> set[str]:
        # What a renderer has read of the databases it does not read again.
        with Renderer(self._layout, self._transaction) as renderer:
            return {
                output
                for path in paths
                for output in _differing(self._outputs[path], _outputs(list(renderer.render(path))))
            }

    def _restore(self, setting: Setting, value: str | None) -> None:
        if value is None:
            self._transaction.delete_prop(setting.database, setting.key, setting.prop)
        else:
            self.put(setting, value)

    def _value(self, setting: Setting) -> str | None:
        if not setting.prop:
            return self._transaction.type_of(setting.database, setting.key) or ""
        return self._transaction.prop(setting.database, setting.key, setting.prop)

    def _reads(self, path: str, setting: Setting) -> bool:
        """Return whether a template read a property, or all of its record, or lists the records it changes."""
        database, key, prop = setting.database, setting.key, setting.prop
        if not prop or (database, key) not in self._keys:
            return database in self._listed[path] or any(cell[:2] == (database, key) for cell in self._read[path])
        return not self._read[path].isdisjoint({(database, key, prop), (database, key, "*")})


def _outputs(renderings: list[Rendering]) -> dict[str, Output]:
    return {
        rendering.path: (rendering.kind.value, rendering.content, rendering.mode, rendering.owner, rendering.group)
        for rendering in renderings
    }


def _differing(before: dict[str, Output], after: dict[str, Output]) -> set[str]:
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
