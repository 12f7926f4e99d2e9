"""Making a root a member, and no member any more: what is written into its store, all in one transaction."""

from __future__ import annotations

from esmith.errors import UsageError
from esmith.fields import dataclass, field
from esmith.fleet.admin.reading import FIRST
from esmith.fleet.place import DATABASE, RECORD
from esmith.fleet.replica import layers, member, overrides
from esmith.fleet.replica.applying import rebuild

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from esmith.fleet.admin.reading import Journal
    from esmith.store.model import Author, Change
    from esmith.store.protocol import Snapshot, Store, Transaction

#: The type of the record with the settings of the agent.
TYPE = "service"


@dataclass
class Effect:
    """What a transaction changes in the databases of a member.

    :param changes: cells that get another value, without those of the record that says where the fleet is.
    :param sources: of each the layer that it is from then; "" for none.
    :param notes: what is not known of damaged rows, and what was taken instead.
    """

    changes: list[Change]
    sources: list[str]
    notes: list[str] = field(default_factory=list)


class _TakenBackError(Exception):
    """Ends a transaction that was only to be looked at."""


def effect_of(transaction: Transaction) -> Effect:
    """Return what a transaction of a member changes so far."""
    own, known = member.Membership(transaction), {}
    groups = own.groups
    changes = [change for change in transaction.changes if change.cell[:2] != (DATABASE, RECORD)]
    sources = []
    for database, key, prop in (change.cell for change in changes):
        if (database, key) not in known:
            known[database, key] = own.layers(database, key)
        sources.append(known[database, key].layer_of(groups, prop) or "")
    return Effect(changes, sources)


def would_change(store: Store, author: Author, change: Callable[[Transaction], object]) -> Effect:
    """Return what something would change in the databases: it is done, looked at, and taken back.

    :param change: does it, in a transaction.
    """
    found = Effect([], [])
    try:
        with store.transaction(author) as transaction:
            change(transaction)
            found = effect_of(transaction)
            raise _TakenBackError
    except _TakenBackError:
        return found


def require_no_member(snapshot: Snapshot) -> None:
    """Refuse what only a server without a fleet may do.

    :raises UsageError: when this one is in a fleet.
    """
    own = member.Membership(snapshot)
    if own.is_member:
        raise UsageError(
            f"this server is in the fleet {own.name} already, as {own.host}",
            hint="to leave it: esmith fleet leave",
        )


def require_member(snapshot: Snapshot) -> member.Membership:
    """Return what a member knows.

    :raises UsageError: when this server is in no fleet.
    """
    own = member.Membership(snapshot)
    if not own.is_member:
        hint = "how to make one, or to join one: esmith fleet --help"
        if snapshot.prop(DATABASE, RECORD, "status") == "enabled":
            hint = "if it was restored from a backup: esmith fleet resync --dry-run"
        raise UsageError("this server is in no fleet", hint=hint)
    return own


def become_member(transaction: Transaction, journal: Journal, host: str, endpoints: Sequence[str]) -> int:
    """Write all that makes this root a member which has the whole journal, and return how many cells that changed.

    :param host: its name in the fleet; it has joined in the journal.
    :param endpoints: of etcd.
    """
    transaction.set_state(member.TABLE, "name", journal.remote.fleet.encode())
    transaction.set_state(member.TABLE, "host", host.encode())
    transaction.set_state(member.TABLE, FIRST, journal.first.encode())
    written = rebuild(transaction, journal.applied)
    if transaction.type_of(DATABASE, RECORD) is None:
        transaction.set_type(DATABASE, RECORD, TYPE)
    settings = {"Name": journal.remote.fleet, "Host": host, "Endpoints": ",".join(endpoints), "status": "enabled"}
    for prop, value in settings.items():
        transaction.set_prop(DATABASE, RECORD, prop, value)
    return written


def end_membership(transaction: Transaction) -> None:
    """Take all away that makes this root a member; its settings stay as they are."""
    for table in (layers.TABLE, overrides.TABLE, member.TABLE):
        _clear(transaction, table, (name for name, _ in transaction.states(table)))
    if transaction.type_of(DATABASE, RECORD) is not None:
        transaction.set_prop(DATABASE, RECORD, "status", "disabled")


def _clear(transaction: Transaction, table: str, names: Iterable[str]) -> None:
    for name in list(names):
        transaction.set_state(table, name, None)
