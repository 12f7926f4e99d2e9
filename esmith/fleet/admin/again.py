"""``esmith fleet resync``: the journal in etcd is taken for the truth, and replayed from its first row."""

from __future__ import annotations

import os
from itertools import pairwise

from esmith.errors import StoreError, UsageError
from esmith.fields import replace
from esmith.fleet.admin.membership import become_member, effect_of, require_member, would_change
from esmith.fleet.admin.reading import FIRST, Journal
from esmith.fleet.agent.outbox import Outbox
from esmith.fleet.agent.places import outbox_of
from esmith.fleet.replica import member
from esmith.fleet.replica.applying import apply_host, apply_rows, rebuild
from esmith.fleet.replica.healing import heal_marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.fleet.admin.membership import Effect
    from esmith.fleet.admin.own import Own
    from esmith.fleet.agent.outbox import Sent
    from esmith.layout import Layout
    from esmith.store.model import Author
    from esmith.store.protocol import Store, Transaction

_STOPPED = "stopped"


def read_again(own: Own) -> Journal:
    """Return the whole journal, read and checked from the row 1 that this server knows.

    :raises RowError: at the first row that does not fit.
    :raises UsageError: when this server is not a member by the journal.
    :raises StoreError: when etcd does not answer, or has no journal of this fleet.
    """
    etcd = own.connect()
    journal = Journal.from_start(own.remote(etcd), {1: own.first} if own.first else None)
    if journal.chain.head.number == 0:
        raise StoreError(
            f"etcd has no fleet {own.fleet}",
            hint="restore etcd from a backup; or leave, and make the fleet again: esmith fleet leave --here",
        )
    known = journal.chain.members.get(own.host)
    if known is None or known.key != own.signing_key().public:
        raise UsageError(
            f"by the journal in etcd this server, {own.host}, is not in the fleet, or has another key",
            hint="leave it, and join again with a new invitation: esmith fleet leave --here",
        )
    return journal


def sent_of(layout: Layout) -> list[Sent]:
    """Return what commands of this server have sent, and may not have stored yet."""
    path = outbox_of(layout)
    return Outbox(path).all() if os.path.isdir(path) else []


def preview(store: Store, own: Own, journal: Journal, author: Author, sent: Sequence[Sent]) -> Effect:
    """Return what would change in the databases; nothing is changed.

    :param sent: as :func:`sent_of` returns it.
    """
    notes: list[str] = []
    found = would_change(store, author, lambda transaction: notes.extend(_replay(transaction, own, journal, sent)))
    return replace(found, notes=notes)


def resync(store: Store, own: Own, journal: Journal, author: Author, sent: Sequence[Sent]) -> Effect:
    """Make the shared settings of this server again from the journal, and return what that changed.

    :param sent: as :func:`sent_of` returns it.
    :raises StoreError: when the store cannot be written.
    """
    with store.transaction(author) as transaction:
        notes = _replay(transaction, own, journal, sent)
        return replace(effect_of(transaction), notes=notes)


def _replay(transaction: Transaction, own: Own, journal: Journal, sent: Sequence[Sent]) -> list[str]:
    """Replay the journal, and return what is not known of damaged rows, and what was taken instead."""
    notes = heal_marks(transaction)
    before = own.head.number
    parts = {one.hash: one.host for one in sent if one.revision > before}
    rows = journal.applied
    # What a change did on this server comes with its row, and before the rows after it.
    ends = [*(number for number, row in enumerate(rows, 1) if row.hash in parts), len(rows)]
    begin = rows[: ends[0]]
    if before:
        require_member(transaction)
        transaction.set_state(member.TABLE, FIRST, journal.first.encode())
        transaction.set_state(member.TABLE, _STOPPED, None)
        rebuild(transaction, begin)
    else:
        # A backup was restored: the store knows of no fleet yet. Or what it knows is damaged.
        become_member(transaction, replace(journal, applied=begin), own.host, own.endpoints)
    for end, following in pairwise(ends):
        apply_host(transaction, parts[rows[end - 1].hash])
        apply_rows(transaction, rows[end:following])
    return notes
