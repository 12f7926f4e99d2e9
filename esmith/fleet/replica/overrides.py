"""The marks of cells that have a value of this host, which goes before the layers: the host's own layer.

The table ``=overrides`` holds a row for each such cell, its name as :func:`esmith.fleet.replica.rows.name_of` has it:
``host``, or ``local SECONDS`` for one that was set while the fleet could not be asked, and is to be pushed or dropped.
The value is the one in the database; a cell that is marked and not there is deleted on this host only.
"""

from __future__ import annotations

import time

from esmith.errors import StoreError
from esmith.fields import dataclass
from esmith.fleet.replica import rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.store.protocol import Snapshot, Transaction

    Cell = tuple[str, str, str]

TABLE = "overrides"
HOST, LOCAL = "host", "local"


@dataclass
class Mark:
    """That a cell has a value of this host.

    :param kind: ``host`` or ``local``.
    :param since: when a ``local`` one was made, in seconds since 1970; 0 for the others.
    """

    kind: str
    since: int


def all_marks(snapshot: Snapshot) -> Iterator[tuple[Cell, Mark]]:
    """Yield every cell that has a value of this host, with its mark.

    :raises StoreError: when a row is damaged.
    """
    for name, value in snapshot.states(TABLE):
        try:
            (database, key, prop), content = rows.read(name, value, 3)
            yield (database, key, prop), _mark(content)
        except ValueError as error:
            raise _damaged() from error


def of_cell(snapshot: Snapshot, database: str, key: str, prop: str) -> Mark | None:
    """Return the mark of a cell, None for none.

    :raises StoreError: when the row is damaged.
    """
    name = rows.name_of(database, key, prop)
    value = snapshot.state(TABLE, name)
    try:
        return None if value is None else _mark(rows.read(name, value, 3)[1])
    except ValueError as error:
        raise _damaged() from error


def of_record(snapshot: Snapshot, database: str, key: str) -> dict[str, Mark]:
    """Return the marks of a record by property; "" is the type."""
    return {cell[2]: mark for cell, mark in all_marks(snapshot) if cell[:2] == (database, key)}


def mark(transaction: Transaction, database: str, key: str, prop: str, kind: str = HOST) -> None:
    """Mark a cell; a ``local`` mark that is there keeps its time.

    :param kind: ``host`` or ``local``.
    """
    before = of_cell(transaction, database, key, prop)
    if before is not None and before.kind == kind:
        return
    value = kind.encode() if kind == HOST else b"%b %d" % (kind.encode(), int(time.time()))
    parts = database, key, prop
    transaction.set_state(TABLE, rows.name_of(*parts), rows.value_of(parts, value))


def unmark(transaction: Transaction, database: str, key: str, prop: str) -> None:
    """Take the mark of a cell away; the value stays as it is."""
    transaction.set_state(TABLE, rows.name_of(database, key, prop), None)


def unmark_record(transaction: Transaction, database: str, key: str) -> None:
    """Take the marks of a record away."""
    for prop in of_record(transaction, database, key):
        unmark(transaction, database, key, prop)


def is_kind(value: bytes) -> bool:
    """Return whether this is what a mark says."""
    try:
        _mark(value)
    except ValueError:
        return False
    return True


def _mark(value: bytes) -> Mark:
    kind, _, since = str(value, "ascii").partition(" ")
    if kind not in (HOST, LOCAL):
        raise ValueError("no such mark")
    return Mark(kind, int(since) if since else 0)


def _damaged() -> StoreError:
    return StoreError("a mark of a setting of this host is damaged", hint="replay the journal: esmith fleet resync")
