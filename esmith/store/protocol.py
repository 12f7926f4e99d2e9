"""What the rest of the engine may expect of a store: snapshots to read, transactions to write.

A multi-machine backend implements these three protocols; ``lmdb_store`` is the embedded one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from esmith.store.journal import Entry
from esmith.store.model import Author, Change, Erased, Record, Revision


class Records(Protocol):
    """The records of databases, to look at."""

    def keys(self, database: str, /) -> list[str]:
        """Return the keys of a database in byte order; none when there is no such database."""

    def type_of(self, database: str, key: str, /) -> str | None:
        """Return the type of a record, None when there is no such record."""

    def prop(self, database: str, key: str, prop: str, /) -> str | None:
        """Return the value of a property, None when there is no such property."""

    def record(self, database: str, key: str, /) -> Record | None:
        """Return a record, None when there is no such record."""

    def records(self, database: str, type: str | None = None, /) -> Iterator[Record]:
        """Yield the records of a database in byte order of their keys.

        :param type: only those of this type.
        """


class Snapshot(Records, Protocol):
    """All databases at one moment. Used as a context manager; later writes are not seen."""

    def __enter__(self) -> Snapshot: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def blocks(self, database: str, /) -> Iterator[list[tuple[bytes, bytes]]]:
        """Yield the records of a database in byte order of their keys as bytes, many at once, for listings.

        :return: for each record its key, and a row: ``=``, the type, name and value of each property, all with a NUL
            between, and a newline. No name and no value holds a NUL.
        """

    def databases(self) -> list[str]:
        """Return the names of the databases, sorted."""

    def has_database(self, database: str, /) -> bool:
        """Return whether there is such a database."""

    def revision(self, database: str | None = None, /) -> int:
        """Return the number of the last revision, or of the last one that changed the database; 0 for none."""

    def revisions(self, newest: int | None = None, /) -> Iterator[Revision]:
        """Yield the revisions of the journal, the newest first.

        :param newest: begin at this revision.
        """

    def journal(self, newest: int | None = None, /) -> Iterator[Entry]:
        """Yield the same as they are written, of which only what is asked for is read: an import has a million changes.

        :param newest: begin at this revision.
        """

    def state(self, table: str, name: str, /) -> bytes | None:
        """Return a row of one of the engine's own tables, None when there is no such row."""

    def states(self, table: str, /) -> Iterator[tuple[str, bytes]]:
        """Yield the rows of one of the engine's own tables in byte order of their names."""


class Transaction(Snapshot, Protocol):
    """Changes that land together when the context manager ends without an error, and not at all otherwise.

    When it ended the changes are on the disk. Names and values outside the limits raise RefusedError.
    """

    #: The root whose databases are changed; "" where it is not known.
    root: str
    #: Where changes go on a member of a fleet; see :meth:`Store.transaction`.
    layer: str | None
    #: The cells that were set or deleted for a layer that was chosen, also those that were so before: database, key and
    #: property ("" for the type) of each, with the value it is to have there; None for none. The type None is the whole
    #: record. Nothing is noted where no layer is chosen.
    assigned: dict[tuple[str, str, str], str | None]
    #: What a command should print about a transaction that ended: for whom it changed what. A line each.
    notes: list[str]
    #: The schema as it was read in this transaction, by its snapshot: who needs it at the end has not to read it again.
    #: None where nobody read it.
    schema: object

    def __enter__(self) -> Transaction: ...

    def create_database(self, database: str, /) -> None:
        """Make an empty database where there is none."""

    def set_type(self, database: str, key: str, type: str, /) -> None:
        """Set the type of a record, making the record (and the database) where there is none."""

    def set_record(self, database: str, record: Record, /) -> None:
        """Make a record be so and not otherwise, with its type and its properties; the database where there is none."""

    def set_records(self, database: str, texts: Iterable[tuple[str, str]], /) -> None:
        """Make records be so, as :meth:`set_record` does: an import has a hundred thousand, which are written at once.

        :param texts: of each record the key, and its type, name and value of each property, all with a NUL between. It
            takes least when the keys, and the names of each record, are in byte order.
        """

    def set_prop(self, database: str, key: str, prop: str, value: str, /) -> None:
        """Set a property of an existing record."""

    def delete_prop(self, database: str, key: str, prop: str, /) -> None:
        """Delete a property, if there is one."""

    def delete_record(self, database: str, key: str, /) -> None:
        """Delete a record with all its properties, if there is one."""

    def set_state(self, table: str, name: str, value: bytes | None, /) -> None:
        """Write a row of one of the engine's own tables; None deletes it. These rows are not journalled."""

    def rewrite(self, revisions: Iterable[Revision], /) -> None:
        """Write revisions of the journal again, from which values were taken out, and note there that it was done."""

    def replace_journal(self, revisions: Iterable[Revision], number: int, /) -> None:
        """Have other revisions in the place of the journal, and this transaction be the last one of all databases.

        What is changed in this transaction is not listed in it: it belongs to the revisions.

        :param revisions: in any order.
        :param number: that of this transaction: higher by two than all before it, here and among the revisions.
            Whatever was remembered of the databases by the number of a revision is then of another one, and as a
            number is missing before it nobody takes the new journal for what happened since.
        """

    def savepoint(self) -> AbstractContextManager[None]:
        """Return a context: when it ends with an error, what was changed in it is as before, and the rest stays."""

    def count_changes(self) -> dict[str, int]:
        """Return how many cells this transaction changes so far, by database; an import changes a million."""

    @property
    def changes(self) -> list[Change]:
        """What this transaction changes so far; a cell that was set back is not in it."""


class EndingTransaction(Transaction, Protocol):
    """A transaction of the store of a root that is about to be stored (docs/architecture.md#a-setting-of-a-fleet)."""

    #: Who makes the changes, as the journal will have it.
    author: Author


class Store(Protocol):
    """The databases of one root."""

    def snapshot(self) -> Snapshot:
        """Return a snapshot to read from."""

    def transaction(self, author: Author, layer: str | None = None, /) -> Transaction:
        """Return a transaction; one writer at a time, others wait.

        :param layer: where its changes go on a member of a fleet (docs/architecture.md#a-setting-of-a-fleet): None for
            the engine, which changes only this host; "" for a command of an administrator, each of whose changes goes
            to the layer that the value now comes from; ``fleet``, ``group:NAME``, ``host`` or ``local`` for that layer.
            Elsewhere it changes nothing.
        """

    def reserve(self, size: int, transactions: int, /) -> None:
        """Take disk space for transactions on the engine's own tables, so that these do not fail for want of it.

        What is reserved is not kept from other commands: what they store meanwhile may use it up.

        :param size: how many bytes the rows have that are written, all together.
        :param transactions: how many transactions write them.
        :raises StoreError: when there is not enough; nothing was changed.
        """

    def erase(self, texts: Collection[str], /) -> Erased:
        """Overwrite what the store still keeps of rows that were changed or deleted; nothing else may be open.

        :param texts: what must not be found there afterwards; no row holds them but as a value of today.
        :raises StoreError: when it cannot be written.
        """

    def close(self) -> None:
        """Release the store."""
