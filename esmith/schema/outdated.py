"""The records of a database that a migration or a default changes: after an import of thousands there are few."""

from __future__ import annotations

from esmith.schema.migrate import needs_migration
from esmith.store.memory import records_of_types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.schema.model import RecordSchema
    from esmith.store.model import Record
    from esmith.store.protocol import Transaction


class Outdated:
    """The records of a database that the schema files of their types change, read once when first asked for.

    :param transaction: where they are read from; only records of other types are made meanwhile, and no type changed.
    :param files: the schema files of the database.
    """

    def __init__(self, transaction: Transaction, database: str, files: list[RecordSchema]) -> None:
        self._transaction = transaction
        self._database = database
        self._files = {
            file.key[1:]: file for file in files if file.key.startswith("@") and (file.migrating or file.defaulting)
        }
        self._records: dict[str, list[Record]] | None = None

    def of(self, type: str) -> list[Record]:
        """Return those of a type."""
        if self._records is None:
            self._records = {}
            for record in records_of_types(self._transaction, self._database, self._files):
                file = self._files[record.type]
                if needs_migration(file, record.props) or _lacks_default(file, record):
                    self._records.setdefault(record.type, []).append(record)
        return self._records.get(type, [])


def _lacks_default(file: RecordSchema, record: Record) -> bool:
    """Return whether a default or a forced value is to be written."""
    return any(
        prop.name not in record.props or prop.force not in (None, record.props[prop.name]) for prop in file.defaulting
    )
