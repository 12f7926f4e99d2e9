"""What the service reads and writes: a snapshot, an open transaction, or a store opened when it is needed."""

from __future__ import annotations

from contextlib import contextmanager

from esmith.errors import RefusedError
from esmith.store import open_store

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

        def reading(self) -> AbstractContextManager[Snapshot]:
            """Return a snapshot for one operation."""

        def writing(self) -> AbstractContextManager[Transaction]:
            """Return a transaction for one operation."""


class SnapshotSource:
    """One snapshot for all operations; nothing can be written: for the fragments of a template.

    :param snapshot: an entered snapshot; it stays the caller's.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Return the snapshot."""
        yield self._snapshot

    def writing(self) -> NoReturn:
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

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Return the transaction, which sees what it wrote."""
        yield self._transaction

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Return the transaction."""
        yield self._transaction


class StoreSource:
    """The databases of a root, each operation on its own: for actions and other scripts.

    Every read sees what others wrote meanwhile; every write is one transaction, journalled and durable when it
    returns. The store is opened for reading at the first operation, and for writing at the first that writes.

    :param layout: the root.
    :param author: who writes, for the journal.
    """

    def __init__(self, layout: Layout, author: Author) -> None:
        self._layout = layout
        self._author = author
        self._store: Store | None = None
        self._writable = False

    def reading(self) -> Snapshot:
        """Return a snapshot of this moment.

        :raises StoreError: when there is no store, or it may not be read.
        """
        return self.store(write=False).snapshot()

    def writing(self) -> Transaction:
        """Return a transaction.

        :raises StoreError: when there is no store, or it may not be written.
        """
        return self.store(write=True).transaction(self._author)

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

    def close(self) -> None:
        """Release the store."""
        if self._store is not None:
            self._store.close()
            self._store = None
