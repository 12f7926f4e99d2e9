"""The databases of a snapshot, kept in memory: for work that looks at every record, and at others for each."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.store.model import Record
    from esmith.store.protocol import Snapshot


class Remembered:
    """What a snapshot holds. Each database is read whole when it is first asked for, and nothing is read twice.

    :param snapshot: where it is read from; nothing may be changed there meanwhile.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._databases: dict[str, dict[str, Record]] = {}

    def keys(self, database: str) -> list[str]:
        """Return the keys of a database in byte order; none when there is no such database."""
        return list(self._of(database))

    def type_of(self, database: str, key: str) -> str | None:
        """Return the type of a record, None when there is no such record."""
        record = self._of(database).get(key)
        return None if record is None else record.type

    def prop(self, database: str, key: str, prop: str) -> str | None:
        """Return the value of a property, None when there is no such property."""
        record = self._of(database).get(key)
        if record is None:
            return None
        return record.props.get(prop) if prop else record.type

    def record(self, database: str, key: str) -> Record | None:
        """Return a record, None when there is no such record. It is not to be changed."""
        return self._of(database).get(key)

    def records(self, database: str, type: str | None = None) -> Iterator[Record]:
        """Yield the records of a database, or those of a type, in byte order of their keys."""
        return (record for record in self._of(database).values() if type in (None, record.type))

    def _of(self, database: str) -> dict[str, Record]:
        if database not in self._databases:
            self._databases[database] = {record.key: record for record in self._snapshot.records(database)}
        return self._databases[database]
