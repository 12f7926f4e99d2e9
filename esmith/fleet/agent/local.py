"""The store of this host, as the agent uses it: opened once, by one thread at a time."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager

from esmith.fleet.agent.checked import TABLE, head_of, newer_store
from esmith.fleet.agent.points import reach
from esmith.fleet.replica.applying import apply_host, apply_rows
from esmith.store import changing_file, open_store
from esmith.store.model import Author

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esmith.fleet.agent.checked import Checked
    from esmith.fleet.agent.outbox import Outbox
    from esmith.fleet.journal.chain import Head
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot, Store, Transaction

#: What this host has still to do of a signal, by its row: it waits, or was begun. At most once: what was begun is not
#: begun again.
SIGNAL, WAITS, BEGUN = "signal/", b"waits", b"begun"


class Local:
    """It. py-lmdb opens a file only once in a process, and the store allows no snapshot beside a transaction.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        #: The root.
        self.layout = layout
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._looks: tuple[int, int] | None = None

    @contextmanager
    def snapshot(self, seconds: float = -1) -> Iterator[Snapshot]:
        """Return a snapshot, when no other thread uses the store any more.

        :param seconds: how long to wait for another thread; -1 for as long as it takes.
        :raises TimeoutError: when another one uses it for so long.
        :raises StoreError: when the store cannot be read.
        """
        if not self._lock.acquire(timeout=seconds):
            raise TimeoutError
        try:
            with self._opened().snapshot() as snapshot:
                yield snapshot
        finally:
            self._lock.release()

    @contextmanager
    def transaction(self, author: Author | None = None) -> Iterator[Transaction]:
        """Return a transaction, when no other thread uses the store and no other process writes.

        :param author: of what is changed; None where only states are written, which are in no journal.
        :raises WriterBusyError: when another process writes for too long.
        :raises StoreError: when the store cannot be written.
        """
        with self._lock, self._opened().transaction(author or Author.current(["esmith", "fleet", "agent"])) as one:
            yield one

    def head(self) -> Head:
        """Return the fleet revision that the store has.

        :raises StoreError: when the store cannot be read.
        """
        with self.snapshot() as snapshot:
            return head_of(snapshot)

    def set_state(self, name: str, value: bytes | None) -> None:
        """Write a row of the table ``=fleet``, unless it is so.

        :raises StoreError: when the store cannot be written.
        """
        with self.snapshot() as snapshot:
            if snapshot.state(TABLE, name) == value:
                return
        with self.transaction() as transaction:
            transaction.set_state(TABLE, name, value)

    def apply(self, rows: Sequence[Checked], outbox: Outbox, host: str) -> Head:
        """Apply rows that the store does not have, in one transaction, and return the revision that it has then.

        Together with a row that was sent from here go the changes of this host's own layer that belong to it.

        :param rows: in order, without a gap; at least one.
        :param host: name of this host.
        :raises StoreError: when the store cannot be written, or does not have the row before these.
        """
        last = rows[-1].row
        if last.host == host:
            with self.snapshot() as snapshot:
                now = head_of(snapshot)
            if now.number >= last.revision:
                # The command has stored it itself.
                return now
        reach("before apply")
        with self.transaction(_author_of(rows)) as transaction:
            now = head_of(transaction)
            todo = [one for one in rows if one.row.revision > now.number]
            if todo:
                if todo[0].row.revision != now.number + 1 or todo[0].row.previous != now.hash:
                    raise newer_store(now, todo[0].row.revision)
                apply_rows(transaction, [one.applied for one in todo])
                for one in todo:
                    _finish(transaction, one, outbox, host)
                reach("before commit")
            now = head_of(transaction)
        reach("after apply")
        return now

    def close(self) -> None:
        """Release the store."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def _opened(self) -> Store:
        """Return the store; opened again where its file was replaced, as a restore does."""
        try:
            status = os.stat(changing_file(self.layout))
            looks = (status.st_dev, status.st_ino)
        except OSError:
            looks = None
        if self._store is None or looks != self._looks:
            if self._store is not None:
                self._store.close()
                self._store = None
            self._store = open_store(self.layout, write=True)
            self._looks = looks
        return self._store


def _finish(transaction: Transaction, one: Checked, outbox: Outbox, host: str) -> None:
    """Do what else belongs to a row on this host."""
    row = one.row
    sent = outbox.find(row.token) if row.host == host else None
    if sent is not None and sent.hash == one.hash:
        apply_host(transaction, sent.host)
    if row.kind == "signal" and (not row.hosts or host in row.hosts):
        transaction.set_state(TABLE, f"{SIGNAL}{row.revision:012d}", WAITS + f" {row.until} {row.event}".encode())


def _author_of(rows: Sequence[Checked]) -> Author:
    """Return who changed something, for the journal of this host; the last word is the fleet revision."""
    first, last = rows[0].row, rows[-1].row
    if first is not last:
        words = ["esmith", "fleet", "agent", f"caught up from {first.revision}", f"(fleet {last.revision})"]
        return Author("fleet", "", words)
    user, sudo_user, command = last.author
    return Author(f"{user}@{last.host}", sudo_user, [*command, f"(fleet {last.revision})"])
