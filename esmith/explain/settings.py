"""What a setting means, what it holds, where that came from, and what follows from it."""

from __future__ import annotations

from contextlib import suppress

from esmith.errors import ServiceError
from esmith.explain.described import Descriptions
from esmith.explain.events import all_events, applied_by
from esmith.explain.readers import Reader, Readers, find_readers
from esmith.explain.subject import CONFIGURATION
from esmith.explain.values import Values, last_changes
from esmith.fragments.tree import TemplateTree
from esmith.layout import LAYERS
from esmith.shipped import ShippedFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.explain.values import Cell
    from esmith.fragments.tree import Fragment
    from esmith.layout import Layout
    from esmith.services.definition import Services
    from esmith.store.journal import Entry
    from esmith.store.protocol import Snapshot

#: How many outputs of one template are named.
_SHOWN_OUTPUTS = 3


class SettingExplainer:
    """Explains the settings of one root.

    :param layout: the root.
    :param snapshot: the databases.
    :param descriptions: what the schema files say.
    :param services: the services.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot, descriptions: Descriptions, services: Services) -> None:
        self._services = services
        self._layout = layout
        self._snapshot = snapshot
        self._descriptions = descriptions
        self._values = Values(layout, snapshot, descriptions.schema)
        self._shipped = ShippedFiles(layout)

    def describe(self, database: str, key: str, prop: str | None, *, with_readers: bool = True) -> dict[str, Any]:
        """Return the explanation of a setting or of a record, as what ``json.dumps`` takes.

        :param prop: None for the record; it gets one entry for each of its settings.
        :param with_readers: whether the files are looked for that are made of it.
        :raises SchemaError: when a schema file is broken.
        """
        names = [prop] if prop is not None else self._descriptions.properties(database, key) or [""]
        record = self._snapshot.record(database, key)
        data: dict[str, Any] = {
            "database": database,
            "key": key,
            "property": prop,
            "stored": record is not None,
            "type": record.type if record is not None and (record.props or "" not in names) else None,
            "help": self._descriptions.help_of(database, key),
            "runs": self._runs(database, key) if prop in (None, "status") else [],
            "settings": [
                {**self._values.data((database, key, name)), **self._descriptions.of(database, key, name)}
                for name in names
            ],
        }
        return data | (self._read_data(database, key, prop) if with_readers else {})

    def _runs(self, database: str, key: str) -> list[str]:
        """Return the services that the status of a record starts and stops."""
        if database != CONFIGURATION:
            return []
        found = []
        for name in self._services.names():
            with suppress(ServiceError):
                if self._services.of(name).record == key:
                    found.append(name)
        return found

    def changes(self, database: str, key: str, data: dict[str, Any]) -> dict[str, Entry]:
        """Return the revision that each stored value of a description is from, by the name of the property."""
        cells = [(database, key, one["property"]) for one in data["settings"] if one["value"] is not None]
        return {cell[2]: entry for cell, entry in last_changes(self._snapshot, cells).items()}

    def _read_data(self, database: str, key: str, prop: str | None) -> dict[str, Any]:
        """Return what is made of a setting: files, services, events."""
        type = self._snapshot.type_of(database, key)

        def wanted(cell: Cell) -> bool:
            if prop is not None:
                return cell == (database, key, prop)
            # A list of all records, or of those of its type, has this one in it.
            is_own = cell[:2] == (database, key) and self._values.matters(cell)
            return is_own or cell in ((database, "", ""), (database, "", type))

        events, faults = all_events(self._layout, TemplateTree(self._layout))
        templates = list(dict.fromkeys(template for event in events for template in event.templates))
        readers = find_readers(self._layout, self._snapshot, templates, wanted, (database, key))
        services = {name for reader in readers.found for name in reader.metadata.services or {}}
        named = [reader.template for reader in readers.found]
        command, others = applied_by(events, named, database, key, type)
        return {
            "read_by": [self._reader_data(reader) for reader in readers.found],
            "services": sorted(services),
            "applied_by": command,
            "events": others,
            "not_known": {**_faults(readers), **{name: f"{error}" for name, error in faults.items()}},
        }

    def _reader_data(self, reader: Reader) -> dict[str, Any]:
        services = reader.metadata.services
        return {
            "template": reader.template,
            "files": reader.outputs[:_SHOWN_OUTPUTS],
            "count": len(reader.outputs),
            "fragments": [
                {"path": self._layout.inside(fragment.path), "layer": self.layer_of(fragment)}
                for fragment in reader.fragments
            ],
            "properties": sorted({prop for _, record, prop in reader.cells if record and prop}),
            "services": None if services is None else dict(services),
        }

    def layer_of(self, fragment: Fragment) -> str:
        """Return whose a fragment is: ``shipped``, ``custom`` or ``contrib``."""
        if fragment.layer == self._layout.layer(LAYERS[0]):
            return "custom"
        return "contrib" if self._shipped.is_a_contribs(fragment.path) else "shipped"


def _faults(readers: Readers) -> dict[str, str]:
    return {template: f"{error.place}: {error.message}".lstrip(": ") for template, error in readers.faults.items()}
