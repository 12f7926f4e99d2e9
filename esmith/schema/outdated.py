"""The records of a database that a migration or a default changes: after an import of thousands there are few."""

from __future__ import annotations

from esmith.schema.migrate import needs_migration
from esmith.store.memory import texts_of_types
from esmith.store.model import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.schema.model import RecordSchema
    from esmith.store.protocol import Transaction

#: How many kinds of records are remembered as up to date.
_REMEMBERED = 1000


class Outdated:
    """The records of a database that the schema files of their types change, read once when first asked for.

    :param transaction: where they are read from; only records of other types are made meanwhile, and no type changed.
    :param files: the schema files of the database.
    """

    def __init__(self, transaction: Transaction, database: str, files: list[RecordSchema]) -> None:
        self._transaction = transaction
        self._database = database
        self._types = {
            file.key[1:]: _Type(file)
            for file in files
            if file.key.startswith("@") and (file.migrating or file.defaulting)
        }
        self._records: dict[str, list[Record]] | None = None

    def of(self, type: str) -> list[Record]:
        """Return those of a type."""
        if self._records is None:
            self._records = {name: [] for name in self._types}
            for key, text in texts_of_types(self._transaction, self._database, self._types):
                fields = text.split("\0")
                if self._types[fields[0]].changes(key, fields):
                    self._records[fields[0]].append(Record.of_fields(key, fields))
        return self._records.get(type, [])


class _Type:
    """Says whether the schema file of a type changes a record; of records that are alike in it, it looks at one.

    :param file: the schema file.
    """

    def __init__(self, file: RecordSchema) -> None:
        self._file = file
        self._looked_at = {prop.name for prop in (*file.migrating, *file.defaulting)}
        #: For the names of the properties of a record, in their order: where those stand whose values count.
        self._places: dict[tuple[str, ...], list[int]] = {}
        #: The names, and the values that count, of records that are not changed.
        self._unchanged = set[tuple[tuple[str, ...], tuple[str, ...]]]()

    def changes(self, key: str, fields: list[str]) -> bool:
        """Return whether a record is changed.

        :param fields: its type, and name and value of each property in turn.
        """
        names = tuple(fields[1::2])
        places = self._places.get(names)
        if places is None:
            places = [2 * at + 2 for at, name in enumerate(names) if name in self._looked_at]
            if len(self._places) < _REMEMBERED:
                self._places[names] = places
        alike = names, tuple([fields[at] for at in places])
        if alike in self._unchanged:
            return False
        record = Record.of_fields(key, fields)
        if needs_migration(self._file, record.props) or _lacks_default(self._file, record):
            return True
        if len(self._unchanged) < _REMEMBERED:
            self._unchanged.add(alike)
        return False


def _lacks_default(file: RecordSchema, record: Record) -> bool:
    """Return whether a default or a forced value is to be written."""
    return any(
        prop.name not in record.props or prop.force not in (None, record.props[prop.name]) for prop in file.defaulting
    )
