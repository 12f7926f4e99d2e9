"""The rows of the LMDB environment, and reading them; :mod:`esmith.store.lmdb.transaction` writes them.

Rows of a database: ``key\\0`` holds the type, ``key\\0prop`` a property's value, both UTF-8. NUL sorts before every
character a name may hold, so a record's rows stand together, the type first, records in byte order of their keys.

Names of LMDB databases that begin with ``=``, which no user's database may, are the engine's own: ``=journal``
(revision number -> revision), ``=journal/parts`` (what large revisions changed, :mod:`esmith.store.lmdb.parts`),
``=revisions`` (database -> number of the last revision that changed it), ``=whole`` and ``=whole/DATABASE``
(:mod:`esmith.store.lmdb.whole`), and its state tables.
"""

from __future__ import annotations

import lmdb

from esmith.errors import StoreError
from esmith.store import limits
from esmith.store.lmdb import store_trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from esmith.store.journal import Entry
    from esmith.store.model import Record, Revision

JOURNAL = "=journal"


class OpenNow:
    """What has one store open in this process: either snapshots, or one transaction and nothing else.

    LMDB numbers the databases for the process, not for the snapshot (mdb_dbi_open in lmdb.h: no two transactions of a
    process may call it at once): one that is open beside another would read other databases than it asks for. So
    snapshots that are open together are one for LMDB, and show the moment at which the first of them began.
    """

    __slots__ = ("_is_written", "_snapshots", "handles", "txn")

    def __init__(self) -> None:
        self._snapshots = 0
        self._is_written = False
        #: What snapshots read by; None while none is open.
        self.txn: lmdb.Transaction[bytes] | None = None
        #: The databases that are open in it.
        self.handles: dict[str, lmdb._Database] = {}

    @property
    def is_nothing(self) -> bool:
        """Whether neither is open."""
        return not (self._is_written or self._snapshots)

    def begin(self, file: str, *, write: bool) -> None:
        """Note that a snapshot or a transaction begins.

        :param file: the data file, for messages.
        :raises StoreError: when the other kind is open.
        """
        if self._is_written or write and self._snapshots:
            what = "a transaction is open" if self._is_written else "a snapshot is open"
            raise StoreError(
                f"{what} in this process, and {'no transaction' if write else 'no snapshot'} can begin beside it",
                place=file,
                hint="this is a fault of the program: it has to end the first one before",
            )
        self._is_written = write
        self._snapshots += not write

    def end(self, *, write: bool) -> None:
        """Note that a snapshot or a transaction has ended; with the last snapshot ends what all of them read by."""
        if write:
            self._is_written = False
            return
        self._snapshots -= 1
        if self._snapshots == 0 and self.txn is not None:
            self.txn.abort()
            self.txn, self.handles = None, {}


class LmdbSnapshot:
    """All databases at one moment; implements :class:`esmith.store.protocol.Snapshot`."""

    _write = False
    _txn: lmdb.Transaction[bytes]

    def __init__(self, env: lmdb.Environment, file: str, open_now: OpenNow) -> None:
        self._env = env
        self._file = file
        self._open_now = open_now
        self._handles: dict[str, lmdb._Database] = {}

    def __enter__(self) -> Self:
        """Begin.

        :raises StoreError: when the store cannot be read, or a transaction of this process is open.
        """
        now = self._open_now
        now.begin(self._file, write=False)
        if now.txn is None:
            try:
                self._begin()
            except StoreError:
                now.end(write=False)
                raise
            now.txn = self._txn
        self._txn, self._handles = now.txn, now.handles
        return self

    def _begin(self) -> None:
        try:
            self._txn = self._env.begin(write=self._write)
        except lmdb.Error as error:
            raise store_trouble(self._file, error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open_now.end(write=False)
        self._explain(error)

    def _explain(self, error: BaseException | None) -> None:
        """Raise a fault of LMDB that ended a snapshot or a transaction as one of the store."""
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
        whole = self._whole(database)
        if whole is not None:
            with self._txn.cursor(whole) as cursor:
                keys = b"\n".join(cursor.iternext(values=False))
            return _text(keys).split("\n") if keys else found
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
        handle = self._handles.get(database) or self._handle(database)
        row = limits.row_key(key, prop)
        if handle is None or row is None:
            return None
        value = self._txn.get(row, db=handle)
        return None if value is None else _text(value)

    def record(self, database: str, key: str) -> Record | None:
        """Return a record, None when there is no such record."""
        from esmith.store.model import Record

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

    def blocks(self, database: str) -> Iterator[list[tuple[bytes, bytes]]]:
        """Yield the records of a database as bytes, many at once."""
        from itertools import chain

        from esmith.store.lmdb import blocks, whole

        handle = self._handle(database)
        if handle is None:
            return
        table = self._whole(database)
        with self._txn.cursor(handle) as rows, self._txn.cursor(table or handle) as cursor:
            try:
                for block in blocks.blocks_of_rows(rows) if table is None else blocks.blocks(cursor):
                    if any(row.count(b"\0") % 2 for _, row in block):
                        raise ValueError("a record lacks a value")
                    text = b"".join(chain.from_iterable(block))
                    _text(text)
                    yield block if whole.LONG not in text else blocks.fill_in(block, rows)
            except ValueError as error:
                raise lmdb.CorruptedError(str(error)) from error

    def records(self, database: str, type: str | None = None) -> Iterator[Record]:
        """Yield the records of a database in byte order of their keys."""
        from esmith.store.model import Record

        for block in self.blocks(database):
            for name, row in block:
                fields = _text(row)[1:-1].split("\0")
                if type in (None, fields[0]):
                    yield Record.of_fields(_text(name), fields)

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
        return (entry.revision() for entry in self.journal(newest))

    def journal(self, newest: int | None = None) -> Iterator[Entry]:
        """Yield the same as they are written."""
        handle = self._handle(JOURNAL)
        if handle is None or not (newest is None or 0 < newest < 2**64):
            return
        with self._txn.cursor(handle) as cursor:
            more = cursor.last() if newest is None else cursor.set_key(newest.to_bytes(8))
            while more:
                yield self._entry(cursor.key(), cursor.value())
                more = cursor.prev()

    def _entry(self, number: bytes, row: bytes) -> Entry:
        from esmith.store import journal

        try:
            if row[:1] != b"=":
                return journal.Entry(int.from_bytes(number), row)
            from esmith.store.lmdb import parts

            return parts.PartedEntry(int.from_bytes(number), row, lambda part: self._part(number, part))
        except ValueError as error:
            raise lmdb.CorruptedError("a row of the journal") from error

    def _part(self, number: bytes, part: int) -> bytes | None:
        """Return a part of a revision, None when there is none."""
        from esmith.store.lmdb import parts

        handle = self._handle(parts.TABLE)
        return None if handle is None else self._txn.get(parts.row_key(int.from_bytes(number), part), db=handle)

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

    def _whole(self, database: str) -> lmdb._Database | None:
        """Return the table of the whole records of a database, None when it is not of its revision."""
        if self._write:
            return None  # it follows at the end
        stamp = self.state("whole", database)
        if stamp is None or stamp != self.state("revisions", database):
            return None
        return self._handle(f"=whole/{database}")

    def _handle(self, name: str, create: bool = False) -> lmdb._Database | None:
        handle = self._handles.get(name)
        if handle is None and name:
            try:
                handle = self._env.open_db(name.encode(), txn=self._txn, create=create)
            except (lmdb.NotFoundError, lmdb.BadValsizeError, UnicodeEncodeError):
                return None
            self._handles[name] = handle
        return handle


def _text(row: bytes) -> str:
    try:
        return str(row, "utf-8")
    except UnicodeDecodeError as error:
        raise _no_text() from error


def _no_text() -> lmdb.Error:
    return lmdb.CorruptedError("a text is not UTF-8")
