"""Rows of the journal that were checked, ready to be applied."""

from __future__ import annotations

from esmith.errors import StoreError
from esmith.fields import dataclass
from esmith.fleet.journal.chain import START, Chain, Head
from esmith.fleet.journal.members import INVITE, MEMBER, Members
from esmith.fleet.journal.row import fill
from esmith.fleet.replica.applying import Applied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmith.fleet.journal.row import Row
    from esmith.store.protocol import Snapshot

    #: Returns the parts of the changes of a row: those under its token, so many.
    ReadBlobs = Callable[[str, int], list[bytes]]

TABLE = "fleet"


@dataclass(frozen=True)
class Checked:
    """A row that fits.

    :param row: it, with all its changes.
    :param hash: of its bytes.
    :param states: what it changes in the store's table ``=fleet``; None for a row that goes.
    """

    row: Row
    hash: str
    states: dict[str, bytes | None]

    @property
    def applied(self) -> Applied:
        """It as the replica takes it."""
        return Applied(self.row.revision, self.hash, self.row.changes, self.states, self.row.host)


class Checker:
    """Checks rows one after the other.

    :param chain: where to go on.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    @property
    def head(self) -> Head:
        """The last row that was checked."""
        return self._chain.head

    @property
    def members(self) -> Members:
        """The members as that row left them."""
        return self._chain.members

    def take(self, raw: bytes, read_blobs: ReadBlobs) -> Checked:
        """Check the next row; one that does not fit changes nothing.

        :raises RowError: when it does not fit.
        :raises StoreError: when its parts cannot be read; the checker is of no use any more then.
        """
        row = self._chain.take(raw)
        if row.blobs:
            row = fill(row, read_blobs(row.token, len(row.blobs)))
        return Checked(row, self._chain.head.hash, self._chain.changed)


def head_of(snapshot: Snapshot) -> Head:
    """Return the fleet revision that a store has.

    :raises StoreError: when its row is damaged.
    """
    value = snapshot.state(TABLE, "revision")
    return START if value is None else Head.parse(value.decode("ascii", "replace"))


def checker_of(snapshot: Snapshot, fleet: str) -> Checker:
    """Return what checks the rows after those that a store has.

    :raises StoreError: when what the store keeps of the fleet is damaged.
    """
    states = {name: value for name, value in snapshot.states(TABLE) if name.startswith((MEMBER, INVITE))}
    return Checker(Chain(fleet, head=head_of(snapshot), members=Members.from_states(fleet, states)))


def checker_of_all(fleet: str, first: str) -> Checker:
    """Return what checks a journal from row 1 on.

    :param first: the hash that row 1 has to have; "" where it is not known.
    """
    return Checker(Chain(fleet, known={1: first} if first else None))


def newer_store(now: Head, row: int) -> StoreError:
    """Return the error of a store that is not where the rows begin that were to be applied."""
    return StoreError(
        f"the store has fleet revision {now.number}, and row {row} was to be applied",
        hint="it was replaced or replayed meanwhile; the agent looks again by itself",
    )
