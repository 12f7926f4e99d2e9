"""``esmith fleet join``: becoming a member with an invitation.

What would change is found out by doing it, in a transaction that is taken back. Then the row is written to the journal
and the local store becomes a member's, both while the writer lock is held. Interrupted before the row nothing has
happened; after it the same invitation completes it, since the key of this server is on the disk before the row is sent.
"""

from __future__ import annotations

import time

from esmith.errors import StoreError, UsageError
from esmith.fields import dataclass
from esmith.fleet.admin import accounts, place
from esmith.fleet.admin.membership import become_member, require_no_member
from esmith.fleet.admin.place import FleetFiles
from esmith.fleet.admin.reading import Journal, row_after
from esmith.fleet.agent.remote import Remote
from esmith.fleet.journal.chain import Head
from esmith.fleet.journal.keys import SigningKey
from esmith.printable import shown_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.fleet.etcd import Etcd
    from esmith.fleet.journal.chain import Chain
    from esmith.fleet.journal.row import Row
    from esmith.fleet.journal.token import Invitation
    from esmith.layout import Layout
    from esmith.store.model import Author, Change
    from esmith.store.protocol import Store


@dataclass
class Preview:
    """What joining changes here.

    :param changes: cells of the databases that get another value.
    :param count: how many servers the fleet has.
    :param revision: the last row of its journal.
    """

    changes: list[Change]
    count: int
    revision: int


class _TakenBackError(Exception):
    """Ends a transaction that was only to be looked at."""


class Joining:
    """A server that joins.

    :param layout: its root.
    :param store: its databases, which can be written.
    :param invitation: what it was given.
    :param author: who has it join; the words must not hold the invitation.
    """

    def __init__(self, layout: Layout, store: Store, invitation: Invitation, author: Author) -> None:
        self._store, self._invitation, self._author = store, invitation, author
        self._files = FleetFiles(layout)

    def preview(self) -> Preview:
        """Return what would change here; nothing is changed, and nothing written.

        :raises UsageError: when the invitation cannot be used, or this server is in a fleet.
        :raises RowError: when the journal is not the one of the invitation, or a row of it does not fit.
        :raises StoreError: when etcd does not answer.
        """
        with self._store.snapshot() as snapshot:
            require_no_member(snapshot)
        own = self._own_key()
        with self._connect() as etcd:
            journal = self._read(etcd, own)
            chain = journal.chain
            if self._invitation.name not in chain.members:
                self._require_open(chain)
        found = Preview([], len(chain.members), chain.head.number)
        try:
            with self._store.transaction(self._author) as transaction:
                self._become(transaction, journal, own)
                found.changes = [one for one in transaction.changes if one.cell[:2] != ("configuration", "fleet")]
                raise _TakenBackError
        except _TakenBackError:
            return found

    def join(self, step: Callable[[str], None] = lambda _: None) -> Preview:
        """Join, and return what changed here.

        :param step: is called before each step with what it does.
        :raises UsageError: when the invitation cannot be used, or this server is in a fleet.
        :raises RowError: when the journal is not the one of the invitation, or a row of it does not fit.
        :raises StoreError: when etcd or the store cannot be written; it can be done again with the same invitation.
        """
        step("keys")
        own = self._own_key() or self._write_keys()
        with self._connect() as etcd, self._store.transaction(self._author) as transaction:
            require_no_member(transaction)
            step("journal")
            journal = self._read(etcd, own)
            if self._invitation.name not in journal.chain.members:
                self._require_open(journal.chain)
                one_time = SigningKey.of_text(self._invitation.one_time_key)
                journal.append(lambda chain: self._row(chain, own), one_time)
            step("databases")
            self._become(transaction, journal, own)
            changes = [one for one in transaction.changes if one.cell[:2] != ("configuration", "fleet")]
            found = Preview(changes, len(journal.chain.members), journal.chain.head.number)
            step("commit")
        return found
