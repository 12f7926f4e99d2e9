"""The databases of a snapshot, kept in memory: for work that looks at every record, and at others for each."""

from __future__ import annotations

from esmith.store.model import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmith.store.protocol import Snapshot


class Remembered:
    """What a snapshot holds. Each database is read whole when it is first asked for, and nothing is read twice.

    A record is kept as a text, and taken apart when it is asked for: that takes a third of the memory.

    :param snapshot: where it is read from; nothing may be changed there meanwhile.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._databases: dict[str, dict[str, str]] = {}

    def keys(self, database: str) -> list[str]:
        """Return the keys of a database in byte order; none when there is no such database."""
        return list(self.texts(database))

    def type_of(self, database: str, key: str) -> str | None:
        """Return the type of a record, None when there is no such record."""
        text = self.texts(database).get(key)
        return None if text is None else text.partition("\0")[0]

    def prop(self, database: str, key: str, prop: str) -> str | None:
        """Return the value of a property, None when there is no such property."""
        record = self.record(database, key)
        if record is None:
            return None
        return record.props.get(prop) if prop else record.type

    def record(self, database: str, key: str) -> Record | None:
        """Return a record, None when there is no such record."""
        text = self.texts(database).get(key)
        return None if text is None else Record.of_fields(key, text.split("\0"))

    def records(self, database: str, type: str | None = None) -> Iterator[Record]:
        """Yield the records of a database, or those of a type, in byte order of their keys."""
        for key, text in self.texts(database).items():
            if type is None or text.partition("\0")[0] == type:
                yield Record.of_fields(key, text.split("\0"))

    def texts(self, database: str) -> dict[str, str]:
        """Return all records of a database by their keys: the type, name and value of each property, NUL between."""
        found = self._databases.get(database)
        if found is None:
            found = self._databases[database] = dict(_texts(self._snapshot, database))
        return found


def texts_of_types(snapshot: Snapshot, database: str, types: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield key and text of the records of a database that have one of some types, in byte order of their keys."""
    # A type ends where the first property begins, or the row.
    beginnings = tuple(f"={type}{end}".encode() for type in types for end in "\0\n")
    for block in snapshot.blocks(database):
        for key, row in block:
            if row.startswith(beginnings):
                yield str(key, "utf-8", "surrogateescape"), str(row[1:-1], "utf-8", "surrogateescape")


def _texts(snapshot: Snapshot, database: str) -> Iterator[tuple[str, str]]:
    """Yield the keys of a database, and the text of each record, as :meth:`Remembered.texts` has them."""
    for block in snapshot.blocks(database):
        for key, row in block:
            yield str(key, "utf-8", "surrogateescape"), str(row[1:-1], "utf-8", "surrogateescape")
