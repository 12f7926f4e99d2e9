"""A replica is made again: the whole journal is read and checked from row 1, and takes the place of what is here."""

from __future__ import annotations

from esmith.fields import dataclass
from esmith.fleet.agent.checked import checker_of_all, head_of
from esmith.fleet.agent.errors import StoppedError
from esmith.fleet.agent.outbox import Outbox
from esmith.fleet.agent.places import outbox_of
from esmith.fleet.replica.applying import apply_host, rebuild

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.agent.checked import Checked
    from esmith.fleet.agent.outbox import HostChange
    from esmith.fleet.agent.remote import Remote
    from esmith.fleet.journal.chain import Head
    from esmith.layout import Layout
    from esmith.store.model import Author
    from esmith.store.protocol import Store

#: So many rows are read at once; each has less than a megabyte.
_PAGE = 16


@dataclass(frozen=True)
class Journal:
    """The journal, read and checked.

    :param rows: all of them.
    :param head: the last one.
    """

    rows: list[Checked]
    head: Head


@dataclass(frozen=True)
class Replayed:
    """What came of a replay.

    :param before: the fleet revision of the store until then.
    :param head: the one it has now.
    :param cells: how many cells of the databases were written.
    """

    before: Head
    head: Head
    cells: int


def read_journal(remote: Remote, first: str) -> Journal:
    """Read the whole journal and check each row.

    :param first: the hash of row 1, as the invitation of this host had it; "" where it is not known.
    :raises RowError: at the first row that does not fit.
    :raises StoppedError: when a row is missing.
    :raises StoreError: when etcd does not answer.
    """
    head = remote.head()
    checker = checker_of_all(remote.fleet, first)
    rows: list[Checked] = []
    while True:
        page = remote.rows(checker.head.number + 1, _PAGE)
        for number, raw in page:
            if number != checker.head.number + 1:
                raise _missing(checker.head.number + 1)
            rows.append(checker.take(raw, remote.blobs))
        if len(page) < _PAGE:
            break
    if checker.head.number < head.number or not rows:
        raise _missing(checker.head.number + 1)
    return Journal(rows, checker.head)


def replay(layout: Layout, store: Store, remote: Remote, *, first: str, author: Author) -> Replayed:
    """Make the replica of this host again from the whole journal, in one transaction; its own values stay.

    :param layout: the root.
    :param store: its databases.
    :param remote: the journal in etcd.
    :param first: as for :func:`read_journal`.
    :param author: of the revision of this host.
    :raises EsmithError: when the journal cannot be read or does not fit, or the store cannot be written; nothing was
        changed.
    """
    return replace_replica(layout, store, remote.host, read_journal(remote, first), author)


def replace_replica(layout: Layout, store: Store, host: str, journal: Journal, author: Author) -> Replayed:
    """Put a journal that was read in the place of what a store has, in one transaction.

    What commands of this host have sent and not stored yet is stored with it.

    :param host: name of this host.
    :param journal: as :func:`read_journal` returns it.
    :raises StoreError: when the store cannot be written; nothing was changed.
    """
    outbox = Outbox(outbox_of(layout))
    with store.transaction(author) as transaction:
        before = head_of(transaction)
        cells = rebuild(transaction, [one.applied for one in journal.rows])
        for part in _own_parts(journal, outbox, host, before):
            apply_host(transaction, part)
    return Replayed(before, journal.head, cells)


def _own_parts(journal: Journal, outbox: Outbox, host: str, before: Head) -> list[list[HostChange]]:
    """Return what changes of this host's own layer belong to rows that it sent, and did not have."""
    own = [one for one in journal.rows if one.row.host == host and one.row.revision > before.number]
    found = [(outbox.find(one.row.token), one.hash) for one in own]
    return [sent.host for sent, digest in found if sent is not None and sent.hash == digest]


def _missing(number: int) -> StoppedError:
    return StoppedError(
        f"row {number} of the fleet's journal is missing in etcd",
        hint="restore etcd from a backup of its own that has it: docs/fleet.md",
    )
