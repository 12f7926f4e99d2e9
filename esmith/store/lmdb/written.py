"""What a transaction has written so far, and so what stands beside the rows; and transactions within the transaction.

Beside the rows of the databases stand the whole records (:mod:`esmith.store.lmdb.whole`) and the journal.
"""

from __future__ import annotations

import time

from esmith.store import journal
from esmith.store.lmdb import whole
from esmith.store.lmdb.rows import JOURNAL, LmdbSnapshot
from esmith.store.model import Change, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Any, Protocol

    import lmdb

    from esmith.store.lmdb.parts import Cells, Parts
    from esmith.store.lmdb.rows import OpenNow
    from esmith.store.model import Author, Revision

    #: Returns a record as it is now.
    Read = Callable[[str, str], Record | None]

    class Outer(Protocol):
        """The transaction in which there is another one."""

        def begin_inner(self) -> Any:
            """Begin the other one, and return what is to be as now when it is taken back."""

        def end_inner(self, before: Any, *, keep: bool) -> None:
            """End it."""


_REVISIONS = "=revisions"
#: With more fields of changes than these the row of the journal is made by another way, which takes less memory.
_FEW_FIELDS = 2000
#: With fewer changed records the whole records of a database are never made again.
_FEW_RECORDS = 1000


class Written:
    """What was written.

    :param records: it, by database and key.
    """

    __slots__ = ("records",)

    def __init__(self, records: dict[str, dict[str, Cells]] | None = None) -> None:
        self.records: dict[str, dict[str, Cells]] = {} if records is None else records

    def note(self, database: str, key: str, prop: str, old: str | None, new: str | None) -> None:
        """Note that a cell is written.

        :param old: what it held until now.
        """
        records = self.records.get(database)
        if records is None:
            records = self.records[database] = {}
        cells = records.get(key)
        if cells is None:
            records[key] = {prop: (old, new)}
        elif isinstance(cells, int):
            records[key] = cells + (new is not None) - (old is not None)
        else:
            first = cells.get(prop)
            cells[prop] = (old if first is None else first[0], new)

    def note_record(self, database: str, record: Record) -> None:
        """Note that a record is written which is not there."""
        records = self.records.setdefault(database, {})
        cells = records.get(record.key, 0)
        if isinstance(cells, int):
            records[record.key] = 1 + len(record.props)
        else:
            _add(cells, _as_new(record))

    def note_records(self, database: str, texts: list[tuple[str, str]], counts: list[int]) -> None:
        """Note that records are written which are not there.

        :param texts: of each the key, and its type, name and value of each property with a NUL between.
        :param counts: how many cells each has.
        """
        records = self.records.setdefault(database, {})
        keys = [key for key, _ in texts]
        if records.keys().isdisjoint(keys):
            records.update(zip(keys, counts, strict=True))
            return
        for key, text in texts:
            self.note_record(database, Record.of_fields(key, text.split("\0")))

    def changed(self) -> dict[str, dict[str, Cells]]:
        """Return the records in which something differs from what was before."""
        found = {
            database: {key: cells for key, cells in records.items() if _count(cells)}
            for database, records in self.records.items()
        }
        return {database: records for database, records in found.items() if records}

    def changes(self, read: Read) -> list[Change]:
        """Return what differs from what was before."""
        return [
            Change(database, key, prop, old, new)
            for database, records in self.records.items()
            for key, cells in records.items()
            for prop, (old, new) in (cells if isinstance(cells, dict) else _as_new(read(database, key))).items()
            if old != new
        ]

    def count_changes(self) -> dict[str, int]:
        """Return how many cells differ, by database."""
        counts = {database: sum(map(_count, records.values())) for database, records in self.records.items()}
        return {database: count for database, count in counts.items() if count}

    def copy(self) -> Written:
        """Return what was written so far."""
        return Written(
            {
                database: {key: cells if isinstance(cells, int) else dict(cells) for key, cells in records.items()}
                for database, records in self.records.items()
            }
        )

    def add(self, later: Written, read: Read) -> None:
        """Add what was written later, up to now; it is not to be used any more."""
        for database, records in later.records.items():
            into = self.records.setdefault(database, {})
            for key, cells in records.items():
                before = into.get(key, 0)
                if isinstance(before, dict):
                    _add(before, cells if isinstance(cells, dict) else _as_new(read(database, key)))
                elif isinstance(cells, int):
                    into[key] = before + cells
                elif key in into:
                    into[key] = before + sum((new is not None) - (old is not None) for old, new in cells.values())
                else:
                    into[key] = cells


class LmdbTables(LmdbSnapshot):
    """The tables of a transaction that writes.

    :param author: who makes the changes.
    """

    _write = True

    def __init__(self, env: lmdb.Environment, file: str, open_now: OpenNow, author: Author) -> None:
        super().__init__(env, file, open_now)
        self.author = author
        #: Whether something was written that is not in what follows.
        self._dirty = False
        self._written = Written()
        #: What was written before each of the transactions within this one that are open.
        self._outer: list[Written] = []
        #: The databases whose whole records are kept as the rows are, each with the keys of those that are not.
        self._stale: dict[str, set[str]] = {}
        #: The number of the revision that follows another journal; 0 where the journal goes on.
        self._after_other = 0

    def replace_journal(self, revisions: Iterable[Revision], number: int) -> None:
        """Have other revisions in the place of the journal, and this transaction be the last one of all databases."""
        from esmith.store.lmdb import parts

        table = self._open(JOURNAL)
        for name in (JOURNAL, parts.TABLE):
            self._txn.drop(self._open(name), delete=False)
        for revision in revisions:
            self._txn.put(revision.number.to_bytes(8), self._parts().row_of_revision(revision), db=table)
        self._after_other = number
        self._dirty = True

    def rewrite(self, revisions: Iterable[Revision]) -> None:
        """Write revisions of the journal again, and note in it that it was done."""
        table = self._open(JOURNAL)
        for revision in revisions:
            self._txn.put(revision.number.to_bytes(8), self._parts().row_of_revision(revision), db=table)
        self._append(self.revision() + 1, journal.encode_fields(int(time.time()), self.author, []))
        self._dirty = True

    def _all_written(self) -> Written:
        """Return what was written, also before the transactions within this one."""
        found = self._written
        for before in reversed(self._outer):
            both = before.copy()
            both.add(found, self.record)
            found = both
        return found

    def _whole(self, database: str) -> lmdb._Database | None:
        """Return the table of the whole records of a database where they are kept; otherwise they follow at the end."""
        stale = self._stale.get(database)
        if stale is None:
            return None
        table = self._open(whole.TABLE + database)
        if stale:
            whole.update(self._txn, table, self._open(database), sorted(key.encode() for key in stale))
            stale.clear()
        return table

    def _note_stale(self, database: str, key: str) -> None:
        """Note that a record is written, so its whole record is not as its rows are."""
        stale = self._stale.get(database)
        if stale is not None:
            stale.add(key)

    def _add_whole(self, database: str, rows: whole.Rows) -> None:
        """Write whole records whose rows are about to be written, and keep those of the database from now on."""
        if database not in self._stale:
            self._renew_whole(database, self._all_written().records.get(database, ()))
            self._stale[database] = set()
        from esmith.store.lmdb.blocks import put_all

        with self._txn.cursor(self._open(whole.TABLE + database)) as cursor:
            put_all(cursor, rows)

    def _update_whole(self) -> None:
        """Write the whole records that are kept, and are not as the rows are."""
        for database in self._stale:
            self._whole(database)

    def _write_whole(self, database: str, keys: Collection[str], stamp: bytes) -> None:
        """Write the whole records of a database that were changed, and that they are of a revision."""
        if database not in self._stale:
            self._renew_whole(database, keys)
        self._txn.put(database.encode(), stamp, db=self._open(whole.STAMPS))

    def _renew_whole(self, database: str, keys: Collection[str]) -> None:
        """Write whole records that were changed; all of them where they are not of the revision of their database."""
        before = self.state("revisions", database)
        stamps, table = self._open(whole.STAMPS), self._open(whole.TABLE + database)
        are_known = before is not None and self._txn.get(database.encode(), db=stamps) == before
        if are_known and (len(keys) < _FEW_RECORDS or 2 * len(keys) < self._txn.stat(table)["entries"]):
            whole.update(self._txn, table, self._open(database), sorted(key.encode() for key in keys))
        else:
            from esmith.store.lmdb.blocks import make

            make(self._txn, table, self._open(database))

    def _write_journal(self, changed: dict[str, dict[str, Cells]]) -> None:
        number = self._after_other or self.revision() + 1
        stamp = number.to_bytes(8)
        every: dict[str, dict[str, Cells]] = {name: {} for name in self.databases()} if self._after_other else {}
        for database, records in (every | changed).items():
            self._write_whole(database, records, stamp)
            self._txn.put(database.encode(), stamp, db=self._open(_REVISIONS))
        if self._after_other:
            self._append(number, journal.encode_fields(int(time.time()), self.author, []))
        else:
            self._append(number, self._row_of(number, changed))

    def _row_of(self, number: int, changed: dict[str, dict[str, Cells]]) -> bytes:
        """Return the row of a revision; parts of it are written where it would be too long."""
        fields: list[str] = []
        for database, records in changed.items():
            for key, cells in records.items():
                if isinstance(cells, int) or len(fields) > _FEW_FIELDS:
                    return self._parts().row_of_records(number, self.author, changed, self._whole_rows)
                for prop, (old, new) in cells.items():
                    if old != new:
                        fields += (database, key, prop, journal.cell(old), journal.cell(new))
        row = journal.encode_fields(int(time.time()), self.author, fields)
        if len(row) <= journal.LONGEST_ROW:
            return row
        return self._parts().row_of_records(number, self.author, changed, self._whole_rows)

    def _whole_rows(self, database: str, keys: list[bytes]) -> Iterator[whole.Rows]:
        """Yield keys and rows of whole records, many at once, of a database whose whole records were written."""
        from esmith.store.lmdb.blocks import read

        return read(self._txn, self._open(whole.TABLE + database), self._open(database), keys)

    def _parts(self) -> Parts:
        from esmith.store.lmdb import parts

        return parts.Parts(self._txn, self._open(parts.TABLE))

    def _append(self, number: int, row: bytes) -> None:
        self._txn.put(number.to_bytes(8), row, db=self._open(JOURNAL), append=True)

    def _open(self, name: str) -> lmdb._Database:
        handle = self._handle(name, create=True)
        assert handle is not None
        return handle


class Savepoint:
    """A transaction within a transaction; see :meth:`esmith.store.protocol.Transaction.savepoint`.

    :param transaction: the outer one.
    """

    __slots__ = ("_before", "_transaction")

    def __init__(self, transaction: Outer) -> None:
        self._transaction = transaction

    def __enter__(self) -> None:
        self._before = self._transaction.begin_inner()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._transaction.end_inner(self._before, keep=kind is None)


def _as_new(record: Record | None) -> dict[str, tuple[str | None, str | None]]:
    """Return the cells of a record that was not there before."""
    cells = {} if record is None else {"": record.type, **record.props}
    return {prop: (None, value) for prop, value in cells.items()}


def _add(cells: dict[str, tuple[str | None, str | None]], later: dict[str, tuple[str | None, str | None]]) -> None:
    for prop, (old, new) in later.items():
        first = cells.get(prop)
        cells[prop] = (old if first is None else first[0], new)


def _count(cells: Cells) -> int:
    """Return how many cells differ from what was before."""
    if isinstance(cells, int):
        return cells
    count = 0
    for old, new in cells.values():
        if old != new:
            count += 1
    return count
