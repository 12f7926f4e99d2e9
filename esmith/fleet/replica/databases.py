"""How many databases the layers may have, so that every store has room for all of them in one transaction.

Whoever may write rows may name any number of databases in them, and LMDB has room for some hundred new ones at once
(:data:`esmith.store.lmdb.store.ROOM_TO_WRITE`). A host that joins makes them all in one transaction. So a row that
would bring more is left out as a whole. That depends on the rows before it alone, so all hosts leave out the same rows.
Who wrote one is kept: a command of an administrator is refused before it is sent.

The state ``databases`` of a member has a line for each database that a layer says something of, with its number of
records, and one for ``=``: how many databases began, in all. The store keeps the table of one that is empty.
"""

from __future__ import annotations

from esmith.errors import RefusedError, StoreError
from esmith.fleet.replica import layers, rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmith.fleet.replica.layers import LayerChange
    from esmith.store.protocol import Snapshot, Transaction

#: At once: each has two tables, and half of what a store has room for is free. And in the life of a fleet.
MOST, MOST_BEGUN = 240, 10_000
#: The table of a member, its row with the numbers, and what the names of those begin with that say who was left out.
TABLE, STATE, LEFT_OUT = "fleet", "databases", "leftout/"


class Databases:
    """The databases of the layers at one revision.

    :param counts: how many records each has.
    :param begun: how many began.
    """

    __slots__ = ("begun", "counts", "is_changed")

    def __init__(self, counts: dict[str, int] | None = None, begun: int = 0) -> None:
        self.counts = counts if counts is not None else {}
        self.begun = begun
        #: Whether they are to be written.
        self.is_changed = False

    @classmethod
    def of(cls, snapshot: Snapshot) -> Databases:
        """Return those of a member.

        :raises StoreError: when a row is damaged.
        """
        text = snapshot.state(TABLE, STATE)
        try:
            if text is None:
                return cls._counted(snapshot)
            lines = [line.rpartition(" ") for line in str(text, "utf-8").split("\n")]
            counts = {name: int(count) for name, _, count in lines}
            return cls(counts, counts.pop("="))
        except (ValueError, KeyError) as error:
            raise layers.damaged() from error

    @classmethod
    def _counted(cls, snapshot: Snapshot) -> Databases:
        found: dict[str, int] = {}
        for name, value in snapshot.states(layers.TABLE):
            database = rows.read(name, value, 2)[0][0]
            found[database] = found.get(database, 0) + 1
        return cls(found, len(found))

    def have_room(self, changes: Iterable[LayerChange]) -> bool:
        """Return whether there may be the databases of a changeset, too."""
        new = {database for _, database, _, _, value in changes if value is not None} - self.counts.keys()
        return not new or (len(self.counts) + len(new) <= MOST and self.begun + len(new) <= MOST_BEGUN)

    def note(self, database: str, change: int) -> None:
        """Note that a record of a database is there, 1, or is not there any more, -1."""
        count = self.counts.get(database, 0) + change
        if count <= 0:
            self.counts.pop(database, None)
        else:
            self.begun += database not in self.counts
            self.counts[database] = count
        self.is_changed = True

    def write(self, transaction: Transaction) -> None:
        """Write them where they have changed."""
        if self.is_changed:
            lines = [f"= {self.begun}", *(f"{name} {count}" for name, count in sorted(self.counts.items()))]
            transaction.set_state(TABLE, STATE, "\n".join(lines).encode())


def require_room(snapshot: Snapshot, changes: Iterable[LayerChange]) -> None:
    """Refuse a changeset that all hosts would leave out.

    :raises RefusedError: then.
    :raises StoreError: when a row is damaged.
    """
    found = Databases.of(snapshot)
    if not found.have_room(changes):
        raise RefusedError(
            f"the fleet has {len(found.counts)} databases, and may have {MOST}",
            hint="keep a new one on this server alone, with --host; or delete the records of one that nobody needs",
        )


def left_out(snapshot: Snapshot) -> dict[str, int]:
    """Return the last row of each host that was left out, by the name of the host."""
    found = {name.removeprefix(LEFT_OUT): value for name, value in snapshot.states(TABLE) if name.startswith(LEFT_OUT)}
    return {host: int(value) for host, value in found.items() if value.isdigit()}


def check_names(names: Iterable[str]) -> None:
    """Refuse to begin a fleet with more databases than it may have.

    :raises StoreError: then.
    """
    count = len(set(names))
    if count > MOST:
        raise StoreError(f"this server has {count} databases to share, and a fleet may have {MOST}")
