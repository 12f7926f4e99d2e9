"""``esmith fleet resync``: the journal in etcd is taken for the truth, and replayed from its first row."""

from __future__ import annotations

from esmith.errors import StoreError, UsageError
from esmith.fleet.admin.membership import become_member, effect_of, require_member, would_change
from esmith.fleet.admin.reading import FIRST, Journal
from esmith.fleet.replica import member
from esmith.fleet.replica.applying import rebuild

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.admin.membership import Effect
    from esmith.fleet.admin.own import Own
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


def preview(store: Store, own: Own, journal: Journal, author: Author) -> Effect:
    """Return what would change in the databases; nothing is changed."""
    return would_change(store, author, lambda transaction: _replay(transaction, own, journal))


def resync(store: Store, own: Own, journal: Journal, author: Author) -> Effect:
    """Make the shared settings of this server again from the journal, and return what that changed.

    :raises StoreError: when the store cannot be written.
    """
    with store.transaction(author) as transaction:
        _replay(transaction, own, journal)
        return effect_of(transaction)


def _replay(transaction: Transaction, own: Own, journal: Journal) -> None:
    if not own.head.number:
        # A backup was restored: the store knows of no fleet yet.
        become_member(transaction, journal, own.host, own.endpoints)
        return
    require_member(transaction)
    rebuild(transaction, journal.applied)
    transaction.set_state(member.TABLE, FIRST, journal.first.encode())
    transaction.set_state(member.TABLE, _STOPPED, None)
