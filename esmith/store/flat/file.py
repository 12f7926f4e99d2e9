"""A flat file of the original as a store of one database, for scripts that have small databases of their own.

The database's name is the path of the file. There is no journal: :meth:`FlatSnapshot.revisions` yields nothing. Every
change is one new file, put in place of the old one while the file is locked. Mode and owner stay.
"""

from __future__ import annotations

import contextlib
import os
import stat
from itertools import chain

from esmith.errors import EsmithError, StoreError
from esmith.store import limits
from esmith.store.flat import format as flat_format
from esmith.store.flat.format import Entry
from esmith.store.flat.lock import lock_file
from esmith.store.model import Change, Record
from esmith.store.replace import file_trouble, replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from esmith.store.journal import Entry as JournalEntry
    from esmith.store.model import Author, Erased, Revision


class FlatSnapshot:
    """The file at one moment; implements :class:`esmith.store.protocol.Snapshot`.

    :param file: its path, which is also the name of its database.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._exists = False
        self._entries: dict[str, Entry] = {}

    def __enter__(self) -> Self:
        try:
            with open(self._file, "rb", opener=_nonblocking) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise StoreError("is not a file", place=self._file, hint="correct the path")
                self._take(file.read())
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            raise file_trouble(self._file, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def databases(self) -> list[str]:
        """Return the path of the file, if there is one."""
        return [self._file] if self._exists else []

    def has_database(self, database: str) -> bool:
        """Return whether there is such a file."""
        return self._exists and database == self._file

    def keys(self, _database: str) -> list[str]:
        """Return the keys in byte order."""
        return list(self._entries)

    def type_of(self, _database: str, key: str) -> str | None:
        """Return the type of a record, None when there is no such record."""
        entry = self._entries.get(key)
        return entry.record.type if entry else None

    def prop(self, _database: str, key: str, prop: str) -> str | None:
        """Return the value of a property, None when there is no such property; the type for ``""``."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        return entry.record.props.get(prop) if prop else entry.record.type

    def record(self, _database: str, key: str) -> Record | None:
        """Return a record, None when there is no such record."""
        entry = self._entries.get(key)
        return Record(key, entry.record.type, dict(entry.record.props)) if entry else None

    def records(self, _database: str, type: str | None = None) -> Iterator[Record]:
        """Yield the records in byte order of their keys."""
        for entry in list(self._entries.values()):
            record = entry.record
            if type in (None, record.type):
                yield Record(record.key, record.type, dict(record.props))

    def blocks(self, _database: str) -> Iterator[list[tuple[bytes, bytes]]]:
        """Yield the records as bytes, all at once."""
        rows = [(entry.record.key, entry.record.type, entry.record.props) for entry in self._entries.values()]
        if rows:
            yield [
                (
                    flat_format.as_bytes(key),
                    flat_format.as_bytes("=" + "\0".join([type, *chain.from_iterable(props.items())]) + "\n"),
                )
                for key, type, props in rows
            ]

    def revision(self, _database: str | None = None) -> int:
        """Return 0: a flat file has no journal."""
        return 0

    def revisions(self, _newest: int | None = None) -> Iterator[Revision]:
        """Yield nothing: a flat file has no journal."""
        yield from ()

    def journal(self, _newest: int | None = None) -> Iterator[JournalEntry]:
        """Yield nothing: a flat file has no journal."""
        yield from ()

    def state(self, _table: str, _name: str) -> bytes | None:
        """Return None: a flat file holds records only."""
        return None

    def states(self, _table: str) -> Iterator[tuple[str, bytes]]:
        """Yield nothing: a flat file holds records only."""
        yield from ()

    def _take(self, data: bytes) -> None:
        if b"\0" in data:
            raise StoreError("is not a flat database file: it holds a NUL", place=self._file, hint="correct the path")
        self._exists = True
        self._put_in_order(flat_format.parse(data))

    def _put_in_order(self, entries: Iterator[Entry]) -> None:
        last = {entry.record.key: entry for entry in entries}
        self._entries = dict(sorted(last.items(), key=lambda item: flat_format.as_bytes(item[0])))


class FlatTransaction(FlatSnapshot):
    """Changes that are one new file or none; implements :class:`esmith.store.protocol.Transaction`."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self._old: dict[str, Record | None] = {}
        self._new_database = False
        self.layer: str | None = None
        self.root = ""
        self.assigned: dict[tuple[str, str, str], str | None] = {}
        self.schema: object = None
        self.notes: list[str] = []

    def __enter__(self) -> Self:
        self._lock, self._was_made = lock_file(self._file)
        taken = False
        try:
            with open(self._lock, "rb", closefd=False) as file:
                data = file.read()
            self._take(data)
            if not flat_format.may_be_flat(data):
                # A text that somebody named by mistake would be lost.
                raise StoreError(
                    "is not a flat database file: no line has a '='", place=self._file, hint="correct the path"
                )
            taken = True
        except OSError as error:
            raise file_trouble(self._file, error) from error
        finally:
            if not taken:
                self._release()
        self._exists = not self._was_made
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and (self._new_database or self.changes):
                self._replace()
        finally:
            self._release()

    def _replace(self) -> None:
        try:
            # A link is kept: what is replaced is the file it leads to.
            replace_file(os.path.realpath(self._file), self._text(), os.fstat(self._lock))
            self._was_made = False
        except StoreError as error:
            # The new file is in place then, and must not go with the lock.
            self._was_made = self._was_made and not error.is_doubtful
            raise

    @property
    def changes(self) -> list[Change]:
        """What this transaction changes so far."""
        found = []
        for key, old in self._old.items():
            before = {"": old.type} | old.props if old else {}
            entry = self._entries.get(key)
            after = {"": entry.record.type} | entry.record.props if entry else {}
            found += [
                Change(self._file, key, prop, before.get(prop), after.get(prop))
                for prop in before | after
                if before.get(prop) != after.get(prop)
            ]
        return found

    def count_changes(self) -> dict[str, int]:
        """Return how many cells this transaction changes so far, of the one database."""
        return {self._file: len(self.changes)} if self.changes else {}

    def create_database(self, _database: str) -> None:
        """Make an empty file where there is none."""
        self._new_database |= not self._exists

    def set_type(self, database: str, key: str, type: str) -> None:
        """Set the type of a record, making the record (and the file) where there is none."""
        flat_format.check_key(self._file, key)
        flat_format.check_type(f"{self._file} {key}", type)
        record = self.record(database, key)
        self._store(Record(key, type, record.props if record else {}))

    def set_record(self, _database: str, record: Record) -> None:
        """Make a record be so and not otherwise, with its type and its properties."""
        flat_format.check_key(self._file, record.key)
        flat_format.check_type(f"{self._file} {record.key}", record.type)
        for prop, value in record.props.items():
            flat_format.check_property(f"{self._file} {record.key}", prop)
            flat_format.check_value(f"{self._file} {record.key} {prop}", value)
        self._store(Record(record.key, record.type, flat_format.sorted_props(record.props)))

    def set_records(self, database: str, texts: Iterable[tuple[str, str]]) -> None:
        """Make records be so and not otherwise."""
        for key, text in texts:
            self.set_record(database, Record.of_fields(key, text.split("\0")))

    def set_prop(self, database: str, key: str, prop: str, value: str) -> None:
        """Set a property of an existing record.

        :raises UsageError: when there is no such record.
        """
        record = self.record(database, key)
        if record is None:
            raise limits.no_such_record(self._file, key)
        flat_format.check_property(f"{self._file} {key}", prop)
        flat_format.check_value(f"{self._file} {key} {prop}", value)
        self._store(Record(key, record.type, flat_format.sorted_props(record.props | {prop: value})))

    def delete_prop(self, database: str, key: str, prop: str) -> None:
        """Delete a property, if there is one."""
        record = self.record(database, key)
        if record is not None and prop and record.props.pop(prop, None) is not None:
            self._store(record)

    def delete_record(self, database: str, key: str) -> None:
        """Delete a record with all its properties, if there is one."""
        if key in self._entries:
            self._old.setdefault(key, self.record(database, key))
            del self._entries[key]

    def set_state(self, _table: str, _name: str, _value: bytes | None) -> None:
        """Refuse: a flat file holds records only.

        :raises EsmithError: always.
        """
        raise EsmithError("a flat file holds records only", place=self._file)

    def rewrite(self, _revisions: Iterable[Revision]) -> None:
        """Refuse: a flat file has no journal.

        :raises EsmithError: always.
        """
        raise EsmithError("a flat file has no journal", place=self._file)

    def replace_journal(self, _revisions: Iterable[Revision], _number: int) -> None:
        """Refuse: a flat file has no journal.

        :raises EsmithError: always.
        """
        raise EsmithError("a flat file has no journal", place=self._file)

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Take back what is changed inside when it ends with an error."""
        before = dict(self._entries), dict(self._old), self._new_database
        kept = False
        try:
            yield
            kept = True
        finally:
            if not kept:
                self._entries, self._old, self._new_database = before

    def _store(self, record: Record) -> None:
        old = self.record(self._file, record.key)
        self._old.setdefault(record.key, old)
        if old == record:
            return
        new = Entry(0, record, flat_format.format_record(record), [])
        if old is None:
            self._put_in_order(iter([*self._entries.values(), new]))
        else:
            self._entries[record.key] = new

    def _text(self) -> bytes:
        lines = (f"{entry.text}\n" for entry in self._entries.values())
        return flat_format.as_bytes(flat_format.header() + "".join(lines))

    def _release(self) -> None:
        # The file that was made only to be locked goes while it still is locked.
        if self._was_made:
            with contextlib.suppress(OSError):
                os.unlink(os.path.realpath(self._file))
        os.close(self._lock)


class FlatFile:
    """A flat file; implements :class:`esmith.store.protocol.Store`.

    :param path: its absolute path, which is also the name of its database. There need not be such a file yet.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def snapshot(self) -> FlatSnapshot:
        """Return a snapshot to read from."""
        return FlatSnapshot(self._path)

    def transaction(self, _author: Author, _layer: str | None = None) -> FlatTransaction:
        """Return a transaction; one writer at a time, others wait."""
        return FlatTransaction(self._path)

    def reserve(self, size: int, transactions: int) -> None:
        """Do nothing: a flat file holds no rows of the engine's own."""

    def erase(self, _texts: Collection[str]) -> Erased:
        """Refuse: what a flat file was before it was replaced is not in it.

        :raises EsmithError: always.
        """
        raise EsmithError("a flat file has no journal", place=self._path)

    def close(self) -> None:
        """Do nothing: nothing is kept open."""


def _nonblocking(path: str, flags: int) -> int:
    # To open a FIFO would wait.
    return os.open(path, flags | os.O_NONBLOCK)
