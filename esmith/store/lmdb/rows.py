"""Reading and writing the rows of the LMDB environment.

Rows of a database: ``key\\0`` holds the type, ``key\\0prop`` a property's value, both UTF-8. NUL sorts before every
character a name may hold, so a record's rows stand together, the type first, records in byte order of their keys.

Names of LMDB databases that begin with ``=``, which no user's database may, are the engine's own: ``=journal``
(revision number -> revision), ``=revisions`` (database -> number of the last revision that changed it), and its
state tables.
"""

from __future__ import annotations

import time
from contextlib import contextmanager

import lmdb

from esmith.errors import StoreError, UsageError
from esmith.store import journal, limits
from esmith.store.lmdb.data_file import Commit
from esmith.store.lmdb.trouble import store_trouble
from esmith.store.model import Author, Change, Record, Revision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from esmith.store.lmdb.data_file import DataFile

JOURNAL = "=journal"
_REVISIONS = "=revisions"


class LmdbSnapshot:
    """All databases at one moment; implements :class:`esmith.store.protocol.Snapshot`."""

    _write = False

    def __init__(self, env: lmdb.Environment, file: str) -> None:
        self._env = env
        self._file = file
        self._handles: dict[str, lmdb._Database] = {}

    def __enter__(self) -> Self:
        try:
            self._txn = self._env.begin(write=self._write)
        except lmdb.Error as error:
            raise store_trouble(self._file, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._txn.abort()
        if isinstance(error, lmdb.Error):
            raise store_trouble(self._file, error) from error

    def databases(self) -> list[str]:
        """Return the names of the databases, sorted."""
        with self._txn.cursor() as cursor:
            names = [_text(name) for name in cursor.iternext(keys=True, values=False)]
        return [name for name in names if not name.startswith("=")]

    def has_database(self, database: str) -> bool:
        """Return whether there is such a database."""
        return self._handle(database) is not None

    def keys(self, database: str) -> list[str]:
        """Return the keys of a database in byte order."""
        found: list[str] = []
        handle = self._handle(database)
        if handle is None:
            return found
        with self._txn.cursor(handle) as cursor:
            more = cursor.first()
            while more:
                key = bytes(cursor.key()).partition(b"\0")[0]
                found.append(_text(key))
                # No name holds \x01, so this leaps over the record's properties.
                more = cursor.set_range(key + b"\x01")
        return found

    def type_of(self, database: str, key: str) -> str | None:
        """Return the type of a record, None when there is no such record."""
        return self.prop(database, key, "")

    def prop(self, database: str, key: str, prop: str) -> str | None:
        """Return the value of a property, None when there is no such property."""
        handle = self._handle(database)
        row = limits.row_key(key, prop)
        if handle is None or row is None:
            return None
        value = self._txn.get(row, db=handle)
        return None if value is None else _text(value)

    def record(self, database: str, key: str) -> Record | None:
        """Return a record, None when there is no such record."""
        handle = self._handle(database)
        first = limits.row_key(key, "")
        if handle is None or first is None:
            return None
        with self._txn.cursor(handle) as cursor:
            if not cursor.set_key(first):
                return None
            record = Record(key, _text(cursor.value()), {})
            while cursor.next() and bytes(cursor.key()).startswith(first):
                record.props[_text(bytes(cursor.key())[len(first) :])] = _text(cursor.value())
        return record

    def records(self, database: str, type: str | None = None) -> Iterator[Record]:
        """Yield the records of a database in byte order of their keys."""
        handle = self._handle(database)
        if handle is None:
            return
        record: Record | None = None
        with self._txn.cursor(handle) as cursor:
            for row, value in cursor.iternext():
                key, _, prop = _text(row).partition("\0")
                if prop and record is not None:
                    record.props[prop] = _text(value)
                    continue
                if record is not None and type in (None, record.type):
                    yield record
                record = Record(key, _text(value), {})
        if record is not None and type in (None, record.type):
            yield record

    def revision(self, database: str | None = None) -> int:
        """Return the number of the last revision, or of the last one that changed the database."""
        if database is not None:
            number = self.state("revisions", database)
            return int.from_bytes(number) if number else 0
        handle = self._handle(JOURNAL)
        if handle is None:
            return 0
        with self._txn.cursor(handle) as cursor:
            return int.from_bytes(cursor.key()) if cursor.last() else 0

    def revisions(self, newest: int | None = None) -> Iterator[Revision]:
        """Yield the revisions of the journal, the newest first."""
        handle = self._handle(JOURNAL)
        if handle is None or not (newest is None or 0 < newest < 2**64):
            return
        with self._txn.cursor(handle) as cursor:
            more = cursor.last() if newest is None else cursor.set_key(newest.to_bytes(8))
            while more:
                yield _revision(cursor.key(), cursor.value())
                more = cursor.prev()

    def state(self, table: str, name: str) -> bytes | None:
        """Return a row of one of the engine's own tables."""
        handle = self._handle(f"={table}")
        key = limits.state_key(name)
        value = None if handle is None or not key else self._txn.get(key, db=handle)
        return None if value is None else bytes(value)

    def states(self, table: str) -> Iterator[tuple[str, bytes]]:
        """Yield the rows of one of the engine's own tables."""
        handle = self._handle(f"={table}")
        if handle is None:
            return
        with self._txn.cursor(handle) as cursor:
            for name, value in cursor.iternext():
                # Whoever reads them notices a damaged name; the rest of the table must not be lost with it.
                yield bytes(name).decode("utf-8", "surrogateescape"), bytes(value)

    def _handle(self, name: str, create: bool = False) -> lmdb._Database | None:
        handle = self._handles.get(name)
        if handle is None and name:
            try:
                handle = self._env.open_db(name.encode(), txn=self._txn, create=create)
            except (lmdb.NotFoundError, lmdb.BadValsizeError, UnicodeEncodeError):
                return None
            self._handles[name] = handle
        return handle


class LmdbTransaction(LmdbSnapshot):
    """Changes that land together or not at all; implements :class:`esmith.store.protocol.Transaction`."""

    _write = True

    def __init__(self, env: lmdb.Environment, data: DataFile, author: Author, reopen: Callable[[], None]) -> None:
        super().__init__(env, data.path)
        self._data = data
        self._reopen = reopen
        self._author = author
        self._old: dict[tuple[str, str, str], str | None] = {}
        self._dirty = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None or not (self._dirty or self._old):
            super().__exit__(kind, error, trace)
            return
        try:
            changes = self.changes
            if changes:
                self._write_journal(changes)
            if changes or self._dirty:
                with Commit(self._data):
                    self._txn.commit()
            else:
                self._txn.abort()
        except (lmdb.Error, OSError) as trouble:
            self._txn.abort()
            raise self._commit_trouble(trouble) from trouble

    def _commit_trouble(self, trouble: Exception) -> StoreError:
        """Return the error for a commit that failed.

        LMDB makes a commit valid by the write of its last page, the head. When that fails and the old head cannot be
        restored either, nobody knows what is stored, and LMDB refuses all work until the file is opened again
        (MDB_PANIC). It is, so that the caller can restore what he changed.
        """
        error = store_trouble(self._file, trouble)
        try:
            self._env.begin().abort()
        except lmdb.PanicError:
            error.is_doubtful = True
            error.add("it is not known whether the change was stored: see 'esmith history'")
            self._reopen()
        return error

    @property
    def changes(self) -> list[Change]:
        """What this transaction changes so far."""
        changes = (Change(*cell, old, self.prop(*cell)) for cell, old in self._old.items())
        return [change for change in changes if change.old != change.new]

    def create_database(self, database: str) -> None:
        """Make an empty database where there is none."""
        limits.check_database(database)
        if self._handle(database) is None:
            self._open(database)
            self._dirty = True

    def set_type(self, database: str, key: str, type: str) -> None:
        """Set the type of a record, making the record where there is none."""
        limits.check_database(database)
        limits.check_key(database, key)
        limits.check_type(database, key, type)
        self._put(database, key, "", type)

    def set_prop(self, database: str, key: str, prop: str, value: str) -> None:
        """Set a property of an existing record.

        :raises UsageError: when there is no such record.
        """
        if self.type_of(database, key) is None:
            raise UsageError("there is no such record", place=f"{database} {key}", hint="make it first: set KEY TYPE")
        limits.check_property(database, key, prop)
        limits.check_value(f"{database} {key} {prop}", value)
        self._put(database, key, prop, value)

    def delete_prop(self, database: str, key: str, prop: str) -> None:
        """Delete a property, if there is one."""
        if prop:
            self._put(database, key, prop, None)

    def delete_record(self, database: str, key: str) -> None:
        """Delete a record with all its properties, if there is one."""
        record = self.record(database, key)
        if record is not None:
            for prop in [*record.props, ""]:
                self._put(database, key, prop, None)

    def set_state(self, table: str, name: str, value: bytes | None) -> None:
        """Write or delete a row of one of the engine's own tables."""
        handle = self._open(f"={table}")
        key = name.encode("utf-8", "surrogateescape")
        if value is None:
            self._txn.delete(key, db=handle)
        else:
            self._txn.put(key, value, db=handle)
        self._dirty = True

    def rewrite(self, revisions: Iterable[Revision]) -> None:
        """Write revisions of the journal again, and note in it that it was done."""
        table = self._open(JOURNAL)
        for revision in revisions:
            self._txn.put(revision.number.to_bytes(8), journal.encode(revision), db=table)
        self._append(Revision(self.revision() + 1, int(time.time()), self._author, []))
        self._dirty = True

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Take back what is changed inside when it ends with an error, by a transaction within the transaction."""
        outer, handles, old, dirty = self._txn, dict(self._handles), dict(self._old), self._dirty
        self._txn = self._env.begin(write=True, parent=outer)
        kept = False
        try:
            yield
            self._txn.commit()
            kept = True
        finally:
            if not kept:
                self._txn.abort()
                self._handles, self._old, self._dirty = handles, old, dirty
            self._txn = outer

    def _put(self, database: str, key: str, prop: str, value: str | None) -> None:
        old = self.prop(database, key, prop)
        if old == value:
            return
        self._old.setdefault((database, key, prop), old)
        row = f"{key}\0{prop}".encode()
        if value is None:
            self._txn.delete(row, db=self._open(database))
        else:
            self._txn.put(row, value.encode(), db=self._open(database))

    def _write_journal(self, changes: list[Change]) -> None:
        number = self.revision() + 1
        self._append(Revision(number, int(time.time()), self._author, changes))
        for database in {change.database for change in changes}:
            self._txn.put(database.encode(), number.to_bytes(8), db=self._open(_REVISIONS))

    def _append(self, revision: Revision) -> None:
        self._txn.put(revision.number.to_bytes(8), journal.encode(revision), db=self._open(JOURNAL), append=True)

    def _open(self, name: str) -> lmdb._Database:
        handle = self._handle(name, create=True)
        assert handle is not None
        return handle


def _text(row: bytes) -> str:
    try:
        return bytes(row).decode()
    except UnicodeDecodeError as error:
        raise lmdb.CorruptedError("a text is not UTF-8") from error


def _revision(number: bytes, row: bytes) -> Revision:
    try:
        return journal.decode(int.from_bytes(number), bytes(row))
    except ValueError as error:
        raise lmdb.CorruptedError("a row of the journal") from error
