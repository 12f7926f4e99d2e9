"""``esmith fleet resync --cut``: rows that do not fit are taken out of the journal, so that the agents go on.

Whoever has the rights of a member in etcd can write there what no member may; every agent stops before it. Only etcd's
root can take it out again, so this is done where the fleet was made.
"""

from __future__ import annotations

from esmith.errors import BusyError, UsageError
from esmith.fields import dataclass
from esmith.fleet.admin import accounts
from esmith.fleet.etcd.operations import delete, modified_is, prefix_end, put, version_is
from esmith.fleet.journal.errors import NewerRowError, RowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.admin.own import Own
    from esmith.fleet.admin.reading import Journal


@dataclass
class Misfit:
    """What is in the journal behind the last row that fits.

    :param journal: as far as it fits.
    :param why: why the next row does not.
    :param newest: the number of the last row that is there.
    :param seen: etcd's revision of the head of the journal; 0 when there is none.
    """

    journal: Journal
    why: str
    newest: int
    seen: int

    @property
    def first(self) -> int:
        """The number of the first row to take out."""
        return self.journal.chain.head.number + 1


def find_misfit(own: Own) -> Misfit:
    """Return what has to be taken out.

    :raises UsageError: when all fits.
    :raises NewerRowError: when a newer version of this program wrote a row, which is no misfit.
    :raises StoreError: when etcd does not answer, or the password of its root is not here.
    """
    own.require_root()
    prefix = f"/esm/{own.fleet}/"
    with own.connect() as etcd:
        journal, why = own.journal(etcd), ""
        head = etcd.get(f"{prefix}head")
        try:
            journal.read_on()
        except NewerRowError:
            raise
        except RowError as error:
            why = error.message
        last = etcd.range(f"{prefix}j/", prefix_end(f"{prefix}j/"), limit=1, reverse=True, keys_only=True)
    newest = journal.remote.number_of(last.rows[0].key) if last.rows else 0
    if not why and head is not None and head.value == str(journal.chain.head).encode():
        raise UsageError(f"all {journal.chain.head.number} rows of the fleet's journal fit", hint="leave --cut out")
    why = why or "the head of the fleet's journal is not its last row"
    return Misfit(journal, why, newest, head.mod_revision if head is not None else 0)


def cut(own: Own, misfit: Misfit) -> None:
    """Take out the rows from the first one on that does not fit, and have the journal end before it.

    :raises BusyError: when somebody writes to the journal at the same time; nothing was changed.
    :raises StoreError: when etcd does not answer.
    """
    prefix, head = f"/esm/{own.fleet}/", misfit.journal.chain.head
    place = f"{prefix}head"
    is_as_seen = modified_is(place, misfit.seen) if misfit.seen else version_is(place, 0)
    rows = delete(misfit.journal.remote.row_key(misfit.first), prefix_end(f"{prefix}j/"))
    with accounts.connect_as_root(own.files, own.endpoints) as root:
        done = root.txn([is_as_seen], [rows, put(place, str(head))])
    if not done.succeeded:
        raise BusyError("somebody writes to the journal at this moment", hint="look again: esmith fleet history")
