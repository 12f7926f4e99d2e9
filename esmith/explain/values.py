"""What a setting holds, what it reads as, and which revision it is from."""

from __future__ import annotations

from esmith.errors import SchemaError
from esmith.schema.defaults import Defaults
from esmith.schema.secrecy import MASK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from esmith.layout import Layout
    from esmith.schema.load import Schema
    from esmith.store.journal import Entry
    from esmith.store.protocol import Snapshot

    #: Database, key and property; property "" for the type, or the value of a record without properties.
    Cell = tuple[str, str, str]


class Values:
    """The settings of one snapshot, as they may be shown.

    :param layout: the root.
    :param snapshot: the databases.
    :param schema: what says which values are secret.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot, schema: Schema) -> None:
        self._snapshot = snapshot
        self._schema = schema
        self._defaults = Defaults(layout)

    def data(self, cell: Cell) -> dict[str, Any]:
        """Return a setting as what ``json.dumps`` takes.

        ``value`` is what is stored, None for nothing. ``reads_as`` is what templates read when nothing is, from the
        schema file ``default_in``.
        """
        database, key, prop = cell
        stored = self._snapshot.prop(*cell)
        data: dict[str, Any] = {"database": database, "key": key, "property": prop, "value": self.shown(cell, stored)}
        default = self._default(cell, stored) if not stored else None
        if default is not None:
            data |= {"reads_as": self.shown(cell, default[0]), "default_in": default[1]}
        return data

    def shown(self, cell: Cell, value: str | None) -> str | None:
        """Return a value as it may be shown: a secret one is masked."""
        return MASK if value and self._schema.may_be_secret(*cell, value) and not self._is_type(cell, value) else value

    def _is_type(self, cell: Cell, value: str) -> bool:
        """Return whether a value is the type of a record that has properties, which is no secret."""
        database, key, prop = cell
        record = None if prop else self._snapshot.record(database, key)
        return record is not None and bool(record.props) and record.type == value

    def matters(self, cell: Cell) -> bool:
        """Return whether a cell is a setting of its own: the type of a record that has properties is none."""
        database, key, prop = cell
        if prop:
            # The type under its other name.
            return prop != "type" or self._snapshot.prop(*cell) is not None
        record = self._snapshot.record(database, key)
        return record is None or not record.props

    def _default(self, cell: Cell, stored: str | None) -> tuple[str, str] | None:
        database, key, prop = cell
        try:
            found = self._defaults.record(database, key, self._snapshot.type_of(database, key)).find(prop, stored)
        except SchemaError:
            return None  # whoever needs the file says so
        return None if found is None else (found.value, found.path)


def last_changes(snapshot: Snapshot, cells: Iterable[Cell]) -> dict[Cell, Entry]:
    """Return for each cell the last revision that changed it. Those that no revision names are left out.

    :param cells: only those that are stored are worth looking for: the journal is read to its beginning for a missing
        one.
    """
    wanted = set(cells)
    found: dict[Cell, Entry] = {}
    if not wanted:
        return found
    keys = {cell[1] for cell in wanted}
    for entry in snapshot.journal():
        for fields in entry.pieces():
            if keys.isdisjoint(fields[1::5]):
                continue
            changed = wanted.intersection(zip(fields[::5], fields[1::5], fields[2::5], strict=True))
            for cell in changed:
                found[cell] = entry
            wanted -= changed
        if not wanted:
            break
    return found
