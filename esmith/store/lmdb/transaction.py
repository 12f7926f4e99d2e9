"""Writing the rows of the LMDB environment: changes that land together or not at all."""

from __future__ import annotations

import lmdb

from esmith.errors import StoreError
from esmith.store import limits
from esmith.store.lmdb import store_trouble
from esmith.store.lmdb.commit import Commit
from esmith.store.lmdb.writer import Alone
from esmith.store.lmdb.written import LmdbTables, Savepoint, Written
from esmith.store.model import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    from esmith.store.lmdb.data_file import DataFile
    from esmith.store.lmdb.parts import Cells
    from esmith.store.lmdb.plain import Shapes, Texts
    from esmith.store.lmdb.rows import OpenNow
    from esmith.store.lmdb.writer import WriterLock
    from esmith.store.model import Author, Change

    #: The transaction, tables, whether anything was changed, and which whole records have to be written again, before
    #: one within it.
    Before = tuple[lmdb.Transaction[bytes], dict[str, lmdb._Database], bool, dict[str, set[str]]]


class LmdbTransaction(LmdbTables):
    """Changes that land together or not at all; implements :class:`esmith.store.protocol.Transaction`."""

    # What only a member of a fleet has a use for. These are never changed, but replaced.
    layer: str | None = None
    root = ""
    assigned: dict[tuple[str, str, str], str | None] = {}
    notes: list[str] = []
    schema: object = None

    def __init__(
        self,
        env: lmdb.Environment,
        data: DataFile,
        author: Author,
        reopen: Callable[[], None],
        lock: WriterLock,
        open_now: OpenNow,
    ) -> None:
        super().__init__(env, data.path, open_now, author)
        self._data = data
        self._alone = Alone(open_now, data.path, lock)
        self._reopen = reopen
        #: The changes in it, until the next one: whoever asks for them asks before the end, which asks again.
        self._changes: list[Change] | None = None
        #: The record whose type was asked for last, and its type: checks ask for it once more each.
        self._asked: tuple[str, str] | None = None
        self._type: str | None = None

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
        changed = {} if error is not None else self._written.changed()
        if error is not None or not (self._dirty or self._written.records or self.assigned):
            self._txn.abort()
            self._explain(error)
            return
        # Its table is looked for among the names of all: to open one that is not there takes longer.
        if (changed or self.assigned) and self._txn.get(b"=fleet") is not None:
            from esmith.store.lmdb.member import end_on_member

            end_on_member(self, self._written, self.commit, self._txn.abort)
        else:
            self.commit(changed)

    def commit(self, changed: dict[str, dict[str, Cells]]) -> None:
        """Store what was changed; nothing else may be done with the transaction afterwards.

        :param changed: what :meth:`esmith.store.lmdb.written.Written.changed` returns.
        """
        try:
            self._update_whole()
            if changed or self._after_other:
                self._write_journal(changed)
            if changed or self._dirty:
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
            self._changes = self._all_written().changes(self.record)
        return list(self._changes)

    def count_changes(self) -> dict[str, int]:
        """Return how many cells this transaction changes so far, by database."""
        return self._all_written().count_changes()

    def type_of(self, database: str, key: str) -> str | None:
        """Return the type of a record, None when there is no such record."""
        if self._asked != (database, key):
            self._type = self.prop(database, key, "")
            self._asked = database, key
        return self._type

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
        if database not in self._written.records:
            limits.check_database(database)
        limits.check_record(database, key, record.type, record.props)
        table = self._handles.get(database) or self._open(database)
        if self._txn.get(f"{key}\0".encode(), db=table) is None:
            self._add(database, table, record)
            return
        now = self.record(database, key)
        assert now is not None
        self._replace(database, key, "", now.type, record.type)
        for prop, value in record.props.items():
            self._replace(database, key, prop, now.props.get(prop), value)
        for prop, value in now.props.items():
            if prop not in record.props:
                self._replace(database, key, prop, value, None)

    def set_records(self, database: str, texts: Iterable[tuple[str, str]]) -> None:
        """Make records be so and not otherwise, as many at once as are plain and new."""
        from esmith.store.lmdb import plain

        limits.check_database(database)
        shapes = plain.Shapes()
        for block in plain.blocks(texts):
            for key, text in self._add_plain(database, block, shapes):
                self.set_record(database, Record.of_fields(key, text.split("\0")))

    def _add_plain(self, database: str, block: Texts, shapes: Shapes) -> Texts:
        """Write those of some records that are not there, if all are plain; return those that are still to be set."""
        from esmith.store.lmdb import plain

        if not plain.are_plain(block):
            return block
        table = self._open(database)
        with self._txn.cursor(table) as cursor:
            new, others = plain.split_known(cursor, block)
            found = shapes.rows_of(new)
            if found is None:
                return block
            if not new:
                return others
            self._add_whole(database, found.whole)
            found.put(cursor)
        self._changes = self._asked = None
        self._written.note_records(database, new, found.counts)
        return others

    def _add(self, database: str, table: lmdb._Database, record: Record) -> None:
        """Write the cells of a record that is not there."""
        self._changes = self._asked = None
        self._written.note_record(database, record)
        self._note_stale(database, record.key)
        first = f"{record.key}\0".encode()
        rows = [(first + prop.encode(), value.encode()) for prop, value in record.props.items()]
        with self._txn.cursor(table) as cursor:
            cursor.putmulti([(first, record.type.encode()), *rows])

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

    def savepoint(self) -> AbstractContextManager[None]:
        """Take back what is changed inside when it ends with an error, by a transaction within the transaction."""
        return Savepoint(self)

    def begin_inner(self) -> Before:
        """Begin a transaction within this one, and return what is to be as now when it is taken back."""
        stale = {database: set(keys) for database, keys in self._stale.items()}
        before = self._txn, dict(self._handles), self._dirty, stale
        self._txn = self._env.begin(write=True, parent=self._txn)
        self._outer.append(self._written)
        self._written = Written()
        return before

    def end_inner(self, before: Before, *, keep: bool) -> None:
        """End the transaction within this one.

        :param before: what :meth:`begin_inner` returned.
        :param keep: whether its changes stay.
        """
        outer, handles, dirty, stale = before
        inner, self._written = self._written, self._outer.pop()
        kept = False
        try:
            if keep:
                self._txn.commit()
                kept = True
        finally:
            if not kept:
                self._txn.abort()
                self._handles, self._dirty, self._stale = handles, dirty, stale
                self._changes = self._asked = None
            self._txn = outer
        if kept:
            self._written.add(inner, self.record)

    def _put(self, database: str, key: str, prop: str, value: str | None) -> None:
        self._replace(database, key, prop, self.prop(database, key, prop), value)

    def _replace(self, database: str, key: str, prop: str, old: str | None, value: str | None) -> None:
        """Write a cell, or delete it.

        :param old: what it holds now.
        """
        if old == value:
            return
        self._written.note(database, key, prop, old, value)
        self._note_stale(database, key)
        self._changes = None
        if not prop:
            self._asked = None
        row = f"{key}\0{prop}".encode()
        table = self._handles.get(database) or self._open(database)
        if value is None:
            self._txn.delete(row, db=table)
        else:
            self._txn.put(row, value.encode(), db=table)
