"""What the service reads and writes: a snapshot, an open transaction, or a store opened when it is needed.

Each also reads flat files, the small databases that scripts have of their own; a name says which it is
(:func:`esmith.store.is_flat`).
"""

from __future__ import annotations

from contextlib import contextmanager

from esmith.errors import RefusedError
from esmith.store import is_flat, open_flat, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import NoReturn, Protocol

    from esmith.layout import Layout
    from esmith.store.model import Author
    from esmith.store.protocol import Snapshot, Store, Transaction

    class Source(Protocol):
        """Gives the service snapshots to read from and transactions to write with."""

        @property
        def only_reads(self) -> bool:
            """Whether nothing can be written, so that a new database is only an empty one that is nowhere stored."""

        def reading(self, database: str, /) -> AbstractContextManager[Snapshot]:
            """Return a snapshot for one operation on a database."""

        def writing(self, database: str, /) -> AbstractContextManager[Transaction]:
            """Return a transaction for one operation on a database."""


class SnapshotSource:
    """One snapshot for all operations; nothing can be written: for the fragments of a template.

    A flat file is read once, too, at the first operation on it.

    :param snapshot: an entered snapshot; it stays the caller's.
    """

    only_reads = True

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._files: dict[str, Snapshot] = {}

    @contextmanager
    def reading(self, database: str) -> Iterator[Snapshot]:
        """Return the snapshot.

        :raises StoreError: when a flat file may not be read.
        """
        if not is_flat(database):
            yield self._snapshot
            return
        if database not in self._files:
            # It keeps nothing open, so it need not be left.
            self._files[database] = open_flat(database).snapshot().__enter__()
        yield self._files[database]

    def writing(self, _database: str) -> NoReturn:
        """Refuse.

        :raises RefusedError: always.
        """
        raise RefusedError(
            "a template may not change a setting", hint="do it in an action of the event, or in a migrate fragment"
        )


class TransactionSource:
    """One transaction for all operations, committed by the caller: for migrate fragments.

    :param transaction: an entered transaction.
    """

    only_reads = False

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    @contextmanager
    def reading(self, database: str) -> Iterator[Snapshot]:
        """Return the transaction, which sees what it wrote.

        :raises StoreError: when a flat file may not be read.
        """
        if is_flat(database):
            with open_flat(database).snapshot() as snapshot:
                yield snapshot
        else:
            yield self._transaction

    @contextmanager
    def writing(self, database: str) -> Iterator[Transaction]:
        """Return the transaction.

        :raises RefusedError: for a flat file, which would stay changed when the transaction is given up.
        """
        if is_flat(database):
            raise RefusedError(
                "a migration may change only the databases, not a flat file",
                place=database,
                hint="do it in an action of an event",
            )
        yield self._transaction


class StoreSource:
    """The databases of a root, each operation on its own: for actions and other scripts.

    Every read sees what others wrote meanwhile; every write is one transaction, journalled and durable when it
    returns. The store is opened for reading at the first operation, and for writing at the first that writes. A flat
    file is replaced as a whole by each write, while it is locked, and has no journal.

    :param layout: the root.
    :param author: who writes, for the journal.
    :param layer: the layer of a fleet to write to, as :meth:`esmith.store.protocol.Store.transaction` has it.
    """

    only_reads = False

    def __init__(self, layout: Layout, author: Author, layer: str | None = None) -> None:
        self._layout = layout
        self._author = author
        self._layer = layer
        self._store: Store | None = None
        self._writable = False

    def reading(self, database: str) -> Snapshot:
        """Return a snapshot of this moment.

        :raises StoreError: when there is no store, or it may not be read.
        """
        return self._store_of(database, write=False).snapshot()

    def writing(self, database: str) -> Transaction:
        """Return a transaction.

        :raises StoreError: when there is no store, or it may not be written.
        """
        return self._store_of(database, write=True).transaction(self._author, self._layer)

    def store(self, *, write: bool) -> Store:
        """Return the open store.

        :param write: also for transactions.
        """
        if self._store is None or (write and not self._writable):
            # One process may open an LMDB environment only once.
            self.close()
            self._store = open_store(self._layout, write=write)
            self._writable = write
        return self._store

    def _store_of(self, database: str, *, write: bool) -> Store:
        return open_flat(database) if is_flat(database) else self.store(write=write)

    def close(self) -> None:
        """Release the store."""
        if self._store is not None:
            self._store.close()
            self._store = None
