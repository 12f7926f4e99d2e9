"""Unsaved changes on top of a snapshot: what the databases would hold with them.

An :class:`Overlay` reads as a snapshot of the next revision would: each database that changes has that revision, which
nothing can have been remembered of, and the journal begins with it. So whatever compares revisions or asks the journal
what changed (:mod:`esmith.plan.memory`, :mod:`esmith.plan.since`) sees the changes. It is written by the methods of a
transaction, so what makes changes, with all its checks, can be tried on it. Nothing is stored.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from heapq import merge
from itertools import chain

from esmith.errors import StoreError
from esmith.store import limits
from esmith.store.journal import Entry, encode
from esmith.store.model import Author, Change, Record, Revision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import NoReturn, Self

    from esmith.store.protocol import Snapshot, Transaction

    #: By database and key; None for a record that is deleted.
    _Records = dict[str, dict[str, Record | None]]
    _States = dict[str, dict[str, bytes | None]]

#: The author of a revision that is not saved.
UNSAVED = Author("", "", ["(unsaved)"])
#: How many records are yielded at once.
_AT_ONCE = 1000


class Overlay:
    """A snapshot with unsaved changes; implements :class:`esmith.store.protocol.Transaction`.

    Its own context does nothing: the snapshot below is its owner's, and has to be open as long as this is used.

    :param snapshot: what is below.
    :param changes: what is changed at once, see :func:`apply_changes`.
    :raises UsageError: as :func:`apply_changes` does.
    :raises RefusedError: likewise.
    """

    def __init__(self, snapshot: Snapshot, changes: Iterable[Change] = ()) -> None:
        self._base = snapshot
        self._number = snapshot.revision() + 1
        self._records: _Records = {}
        self._states: _States = {}
        self.layer: str | None = None
        self.root = ""
        self.assigned: dict[tuple[str, str, str], str | None] = {}
        self.schema: object = None
        self.notes: list[str] = []
        #: The databases in which something differs; None when that has to be found out.
        self._changed: frozenset[str] | None = frozenset()
        apply_changes(self, changes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def databases(self) -> list[str]:
        """Return the names of the databases, sorted."""
        return sorted({*self._base.databases(), *self._records})

    def has_database(self, database: str) -> bool:
        """Return whether there is such a database."""
        return database in self._records or self._base.has_database(database)

    def keys(self, database: str) -> list[str]:
        """Return the keys of a database in byte order; none when there is no such database."""
        keys, own = self._base.keys(database), self._records.get(database)
        if not own:
            return keys
        kept = [key for key in keys if key not in own]
        return sorted([*kept, *(key for key, record in own.items() if record is not None)], key=str.encode)

    def type_of(self, database: str, key: str) -> str | None:
        """Return the type of a record, None when there is no such record."""
        own = self._records.get(database)
        if own is None or key not in own:
            return self._base.type_of(database, key)
        record = own[key]
        return None if record is None else record.type

    def prop(self, database: str, key: str, prop: str) -> str | None:
        """Return the value of a property, None when there is no such property; "" is the type."""
        own = self._records.get(database)
        if own is None or key not in own:
            return self._base.prop(database, key, prop)
        record = own[key]
        if record is None:
            return None
        return record.props.get(prop) if prop else record.type

    def record(self, database: str, key: str) -> Record | None:
        """Return a record, None when there is no such record."""
        own = self._records.get(database)
        if own is None or key not in own:
            return self._base.record(database, key)
        record = own[key]
        return None if record is None else Record(key, record.type, dict(record.props))

    def records(self, database: str, type: str | None = None) -> Iterator[Record]:
        """Yield the records of a database in byte order of their keys."""
        own = self._records.get(database)
        if not own:
            yield from self._base.records(database, type)
            return
        kept = (record for record in self._base.records(database) if record.key not in own)
        mine = sorted((record for record in own.values() if record is not None), key=_order)
        for record in merge(kept, mine, key=_order):
            if type in (None, record.type):
                yield Record(record.key, record.type, dict(record.props))

    def blocks(self, database: str) -> Iterator[list[tuple[bytes, bytes]]]:
        """Yield the records of a database as bytes, many at once."""
        own = self._records.get(database)
        if not own:
            yield from self._base.blocks(database)
            return
        names = {key.encode() for key in own}
        kept = (row for row in chain.from_iterable(self._base.blocks(database)) if row[0] not in names)
        mine = sorted((one.key.encode(), b"=%b\n" % one.text.encode()) for one in own.values() if one is not None)
        block = []
        for row in merge(kept, mine):
            block.append(row)
            if len(block) == _AT_ONCE:
                yield block
                block = []
        if block:
            yield block

    def revision(self, database: str | None = None) -> int:
        """Return the number of the last revision, which is the unsaved one where that changes something."""
        changed = self._changed_databases()
        if changed if database is None else database in changed:
            return self._number
        return self._base.revision(database)

    def revisions(self, newest: int | None = None) -> Iterator[Revision]:
        """Yield the revisions of the journal, the unsaved one first."""
        return (entry.revision() for entry in self.journal(newest))

    def journal(self, newest: int | None = None) -> Iterator[Entry]:
        """Yield the same as they are written."""
        if newest not in (None, self._number) or not self._changed_databases():
            yield from self._base.journal(newest)
            return
        yield Entry(self._number, encode(Revision(self._number, int(time.time()), UNSAVED, self.changes)))
        yield from self._base.journal()

    def state(self, table: str, name: str) -> bytes | None:
        """Return a row of one of the engine's own tables."""
        own = self._states.get(table, {})
        return own[name] if name in own else self._base.state(table, name)

    def states(self, table: str) -> Iterator[tuple[str, bytes]]:
        """Yield the rows of one of the engine's own tables."""
        own = self._states.get(table)
        if not own:
            yield from self._base.states(table)
            return
        kept = (row for row in self._base.states(table) if row[0] not in own)
        mine = [(name, value) for name, value in own.items() if value is not None]
        yield from sorted([*kept, *mine], key=lambda row: row[0].encode("utf-8", "surrogateescape"))

    def create_database(self, database: str) -> None:
        """Make an empty database where there is none."""
        limits.check_database(database)
        self._records.setdefault(database, {})

    def set_type(self, database: str, key: str, type: str) -> None:
        """Set the type of a record, making the record (and the database) where there is none."""
        limits.check_database(database)
        limits.check_key(database, key)
        limits.check_type(database, key, type)
        now = self.record(database, key)
        self._put(database, key, Record(key, type, now.props if now is not None else {}))

    def set_record(self, database: str, record: Record) -> None:
        """Make a record be so and not otherwise, with its type and its properties."""
        limits.check_database(database)
        limits.check_record(database, record.key, record.type, record.props)
        self._put(database, record.key, record)

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
            raise limits.no_such_record(database, key)
        limits.check_property(database, key, prop)
        limits.check_value(f"{database} {key} {prop}", value)
        self._put(database, key, Record(key, record.type, {**record.props, prop: value}))

    def delete_prop(self, database: str, key: str, prop: str) -> None:
        """Delete a property, if there is one."""
        record = self.record(database, key) if prop else None
        if record is not None and record.props.pop(prop, None) is not None:
            self._put(database, key, record)

    def delete_record(self, database: str, key: str) -> None:
        """Delete a record with all its properties, if there is one."""
        if self.type_of(database, key) is not None:
            self._put(database, key, None)

    def set_state(self, table: str, name: str, value: bytes | None) -> None:
        """Write a row of one of the engine's own tables; None deletes it."""
        self._states.setdefault(table, {})[name] = value

    def rewrite(self, _revisions: Iterable[Revision]) -> NoReturn:
        """Refuse.

        :raises StoreError: always; there is no other journal to be written.
        """
        raise only_tried()

    def replace_journal(self, _revisions: Iterable[Revision], _number: int) -> NoReturn:
        """Refuse.

        :raises StoreError: always; there is no other journal to be replaced.
        """
        raise only_tried()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Take back what is changed inside when it ends with an error."""
        records = {database: dict(own) for database, own in self._records.items()}
        states = {table: dict(own) for table, own in self._states.items()}
        kept = False
        try:
            yield
            kept = True
        finally:
            if not kept:
                self._records, self._states, self._changed = records, states, None

    @property
    def changes(self) -> list[Change]:
        """What differs from the snapshot below; a cell that was set back is not in it."""
        return [change for database in self._records for change in self._changes_of(database)]

    def count_changes(self) -> dict[str, int]:
        """Return how many cells differ, by database."""
        counts = {database: sum(1 for _ in self._changes_of(database)) for database in self._records}
        return {database: count for database, count in counts.items() if count}

    def _changes_of(self, database: str) -> Iterator[Change]:
        for key, record in self._records[database].items():
            before, after = _cells(self._base.record(database, key)), _cells(record)
            for prop in {**before, **after}:
                if before.get(prop) != after.get(prop):
                    yield Change(database, key, prop, before.get(prop), after.get(prop))

    def _changed_databases(self) -> frozenset[str]:
        if self._changed is None:
            self._changed = frozenset(name for name in self._records if any(True for _ in self._changes_of(name)))
        return self._changed

    def _put(self, database: str, key: str, record: Record | None) -> None:
        """Note a record as it is to be, its properties in byte order of their names."""
        if record is not None:
            props = {name: record.props[name] for name in sorted(record.props, key=str.encode)}
            record = Record(key, record.type, props)
        self._records.setdefault(database, {})[key] = record
        self._changed = None


def apply_changes(transaction: Transaction, changes: Iterable[Change]) -> None:
    """Make changes, of which only what is new counts; their order does not.

    A record is made by its type (property ""), and deleted, with all its properties, by the type None.

    :raises UsageError: when a property is set of a record that there is not.
    :raises RefusedError: when a name or a value cannot be stored.
    """
    wanted = list(changes)
    for one in wanted:
        if not one.prop and one.new is not None:
            transaction.set_type(one.database, one.key, one.new)
    deleted = {(one.database, one.key) for one in wanted if not one.prop and one.new is None}
    for one in wanted:
        if one.prop and one.new is None:
            transaction.delete_prop(one.database, one.key, one.prop)
        elif one.prop and one.new is not None and (one.database, one.key) not in deleted:
            transaction.set_prop(one.database, one.key, one.prop, one.new)
    for database, key in deleted:
        transaction.delete_record(database, key)


def only_tried() -> StoreError:
    """Return the error of what would store something."""
    return StoreError(
        "these changes are only tried, and nothing can be stored with them",
        hint="this is a fault of the program: it has to save them first",
    )


def _order(record: Record) -> bytes:
    return record.key.encode()


def _cells(record: Record | None) -> dict[str, str]:
    return {} if record is None else {"": record.type, **record.props}
