"""Damaged marks of a host's own values, which no journal knows: put in order before it is replayed, and named.

Where only its kind is damaged the value of this host stays: nothing is lost, and it can be dropped. Where its name is,
nobody knows of which setting it was, and the fleet's value counts.
"""

from __future__ import annotations

from esmith.errors import EsmithError
from esmith.fleet.replica import overrides, rows
from esmith.names import counted
from esmith.printable import printable
from esmith.store.limits import check_database, check_key, check_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.replica.overrides import Cell
    from esmith.store.protocol import Transaction


def heal_marks(transaction: Transaction) -> list[str]:
    """Put damaged marks in order, and return what is not known of them and what was taken instead, a line each."""
    lines, lost = [], 0
    for name, value in list(transaction.states(overrides.TABLE)):
        cell, kind = _parts_of(name, value)
        if cell is None:
            transaction.set_state(overrides.TABLE, name, None)
            lost += 1
        elif not overrides.is_kind(kind):
            transaction.set_state(overrides.TABLE, name, None)
            overrides.mark(transaction, *cell, overrides.LOCAL if kind.startswith(b"local") else overrides.HOST)
            words = printable(" ".join(filter(None, cell)))
            lines.append(f"{words}: why this server has a value of its own is damaged; it keeps that value")
    if lost:
        lines.append(
            f"{counted(lost, 'mark')} of values that this server had for itself cannot be read, and which settings "
            "they were of is not known; the fleet's values count there"
        )
    return lines


def _parts_of(name: str, value: bytes) -> tuple[Cell | None, bytes]:
    """Return the cell that a mark is of, None where that cannot be one, and what the mark says."""
    try:
        (database, key, prop), kind = rows.read(name, value, 3)
        check_database(database)
        check_key(database, key)
        if prop:
            check_property(database, key, prop)
        is_whole = rows.name_of(database, key, prop) == name
    except (ValueError, EsmithError):
        return None, b""
    return ((database, key, prop) if is_whole else None), kind
