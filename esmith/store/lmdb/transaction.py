"""Writing the rows of the LMDB environment: changes that land together or not at all."""

from __future__ import annotations

import time
from itertools import chain

import lmdb

from esmith.errors import StoreError
from esmith.store import journal, limits
from esmith.store.lmdb import store_trouble, whole
from esmith.store.lmdb.commit import Commit
from esmith.store.lmdb.rows import JOURNAL, LmdbSnapshot
from esmith.store.lmdb.savepoint import Savepoint
from esmith.store.model import Author, Change, Record, Revision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    from esmith.store.lmdb.data_file import DataFile
    from esmith.store.lmdb.rows import OpenNow
    from esmith.store.lmdb.writer import WriterLock

    #: The transaction, tables, cells and whether anything was changed, before one within it.
    _Before = tuple[
        lmdb.Transaction[bytes],
        dict[str, lmdb._Database],
        dict[tuple[str, str, str], tuple[str | None, str | None]],
        bool,
    ]

_REVISIONS = "=revisions"


class Alone:
    """Keeps snapshots and other transactions of this process from beginning, and other writers from writing.

    A context manager; contextlib would take as long to import as a transaction takes.

    :param open_now: what is open in this process.
    :param file: the data file, for messages.
    :param lock: the lock of those who write.
    """

    __slots__ = ("_file", "_lock", "_open_now")

    def __init__(self, open_now: OpenNow, file: str, lock: WriterLock) -> None:
        self._open_now = open_now
        self._file = file
        self._lock = lock

    def __enter__(self) -> None:
        """Wait for other writers.

        :raises WriterBusyError: when another process writes for too long.
        :raises StoreError: when the data file cannot be locked, or this process has a snapshot or a transaction open.
        """
        self._open_now.begin(self._file, write=True)
        is_alone = False
        try:
            self._lock.__enter__()
            is_alone = True
        finally:
            if not is_alone:
                self._open_now.end(write=True)

    def __exit__(self, *_: object) -> None:
        try:
            self._lock.__exit__()
        finally:
            self._open_now.end(write=True)


class LmdbTransaction(LmdbSnapshot):
    """Changes that land together or not at all; implements :class:`esmith.store.protocol.Transaction`."""

    _write = True

    def __init__(
        self,
        env: lmdb.Environment,
        data: DataFile,
        author: Author,
        reopen: Callable[[], None],
        lock: WriterLock,
        open_now: OpenNow,
    ) -> None:
        super().__init__(env, data.path, open_now)
        self._data = data
        self._alone = Alone(open_now, data.path, lock)
        self._reopen = reopen
        self._author = author
        #: What each cell that was written held before the transaction, and what it holds now.
        self._cells: dict[tuple[str, str, str], tuple[str | None, str | None]] = {}
        #: The changes in them, until the next one: whoever asks for them asks before the end, which asks again.
        self._changes: list[Change] | None = None
        self._dirty = False

    def __enter__(self) -> Self:
        """Wait for other writers, and begin.

        :raises WriterBusyError: when another process writes for too long.
        :raises StoreError: when the store cannot be written, or this process has a snapshot or a transaction open.
        """
        self._alone.__enter__()
        has_begun = False
        try:
            self._begin()
            has_begun = True
        finally:
            if not has_begun:
                self._alone.__exit__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_open = False
        try:
            self._end(error)
        finally:
            self._alone.__exit__()

    def _end(self, error: BaseException | None) -> None:
        if error is not None or not (self._dirty or self._cells):
            self._abort(error)
            return
        try:
            has_changes = any(old != new for old, new in self._cells.values())
            if has_changes:
                self._write_journal()
            if has_changes or self._dirty:
                with Commit(self._data):
                    self._txn.commit()
            else:
                self._txn.abort()
        except StoreError:
            self._txn.abort()
            raise
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
        if self._changes is None:
            self._changes = [Change(*cell, old, new) for cell, (old, new) in self._cells.items() if old != new]
        return list(self._changes)

    def count_changes(self) -> dict[str, int]:
        """Return how many cells this transaction changes so far, by database."""
        counts: dict[str, int] = {}
        for (database, _, _), (old, new) in self._cells.items():
            if old != new:
                counts[database] = counts.get(database, 0) + 1
        return counts

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

    def set_record(self, database: str, record: Record) -> None:
        """Make a record be so and not otherwise, with its type and its properties."""
        key = record.key
        limits.check_database(database)
        limits.check_key(database, key)
        limits.check_type(database, key, record.type)
        limits.check_properties(database, key, record.props)
        now = self.record(database, key)
        if now is None:
            self._add(database, record)
            return
        self._replace(database, key, "", now.type, record.type)
        for prop, value in record.props.items():
            self._replace(database, key, prop, now.props.get(prop), value)
        for prop, value in now.props.items():
            if prop not in record.props:
                self._replace(database, key, prop, value, None)

    def _add(self, database: str, record: Record) -> None:
        """Write the cells of a record that is not there."""
        put, table, cells = self._txn.put, self._handles.get(database) or self._open(database), self._cells
        self._changes = None
        key = record.key
        first_of_all = f"{key}\0".encode()
        for prop, value in chain((("", record.type),), record.props.items()):
            cell = (database, key, prop)
            first = cells.get(cell)
            cells[cell] = (None if first is None else first[0], value)
            put(first_of_all + prop.encode(), value.encode(), db=table)

    def set_prop(self, database: str, key: str, prop: str, value: str) -> None:
        """Set a property of an existing record.

        :raises UsageError: when there is no such record.
        """
        if self.type_of(database, key) is None:
            raise limits.no_such_record(database, key)
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
        """Write or delete a row of one of the engine's own tables; one that is so already is not written again."""
        handle = self._open(f"={table}")
        key = name.encode("utf-8", "surrogateescape")
        if key and self._txn.get(key, db=handle) == value:
            return
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
        self._append(self.revision() + 1, journal.encode_fields(int(time.time()), self._author, []))
        self._dirty = True

    def savepoint(self) -> AbstractContextManager[None]:
        """Take back what is changed inside when it ends with an error, by a transaction within the transaction."""
        return Savepoint(self)

    def begin_inner(self) -> _Before:
        """Begin a transaction within this one, and return what is to be as now when it is taken back."""
        before = self._txn, dict(self._handles), dict(self._cells), self._dirty
        self._txn = self._env.begin(write=True, parent=self._txn)
        return before

    def end_inner(self, before: _Before, *, keep: bool) -> None:
        """End the transaction within this one.

        :param before: what :meth:`begin_inner` returned.
        :param keep: whether its changes stay.
        """
        outer, handles, cells, dirty = before
        kept = False
        try:
            if keep:
                self._txn.commit()
                kept = True
        finally:
            if not kept:
                self._txn.abort()
                self._handles, self._cells, self._dirty = handles, cells, dirty
                self._changes = None
            self._txn = outer

    def _put(self, database: str, key: str, prop: str, value: str | None) -> None:
        self._replace(database, key, prop, self.prop(database, key, prop), value)

    def _replace(self, database: str, key: str, prop: str, old: str | None, value: str | None) -> None:
        """Write a cell, or delete it.

        :param old: what it holds now.
        """
        if old == value:
            return
        cell = (database, key, prop)
        first = self._cells.get(cell)
        self._cells[cell] = (old if first is None else first[0], value)
        self._changes = None
        row = f"{key}\0{prop}".encode()
        table = self._handles.get(database) or self._open(database)
        if value is None:
            self._txn.delete(row, db=table)
        else:
            self._txn.put(row, value.encode(), db=table)

    def _write_journal(self) -> None:
        number = self.revision() + 1
        fields: list[str] = []
        keys: dict[str, set[str]] = {}
        for cell, (old, new) in self._cells.items():
            if old != new:
                fields += cell
                fields += (journal.cell(old), journal.cell(new))
                keys.setdefault(cell[0], set()).add(cell[1])
        self._append(number, journal.encode_fields(int(time.time()), self._author, fields))
        for database, changed in keys.items():
            self._write_whole(database, changed, number.to_bytes(8))
            self._txn.put(database.encode(), number.to_bytes(8), db=self._open(_REVISIONS))

    def _write_whole(self, database: str, keys: set[str], stamp: bytes) -> None:
        """Write the whole records of a database that were changed; all of them where they are not of its revision."""
        before = self.state("revisions", database)
        stamps, table = self._open(whole.STAMPS), self._open(whole.TABLE + database)
        if before is not None and self._txn.get(database.encode(), db=stamps) == before:
            whole.update(self._txn, table, self._open(database), sorted(key.encode() for key in keys))
        else:
            whole.make(self._txn, table, self._open(database))
        self._txn.put(database.encode(), stamp, db=stamps)

    def _append(self, number: int, row: bytes) -> None:
        self._txn.put(number.to_bytes(8), row, db=self._open(JOURNAL), append=True)

    def _open(self, name: str) -> lmdb._Database:
        handle = self._handle(name, create=True)
        assert handle is not None
        return handle
