"""Checking that the settings of a member are those of its layers: what must hold after each transaction."""

from __future__ import annotations

from esmith.errors import StoreError
from esmith.fleet.replica import applying, layers, member, overrides, rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.replica.scope import Scopes
    from esmith.store.protocol import Snapshot

#: How many faults are listed.
MOST = 50


def faults(snapshot: Snapshot, scopes: Scopes | None = None) -> list[str]:
    """Return what is not as the layers say, in plain English; nothing when all is, and on a server without a fleet.

    :param scopes: with it, cells of this host by nature are left out; without it the layers count for these as well.
    """
    membership = member.Membership(snapshot)
    if not membership.is_member:
        return []
    found: list[str] = []
    try:
        marks = {cell for cell, _ in overrides.all_marks(snapshot)}
        groups = membership.groups
        for name, value in snapshot.states(layers.TABLE):
            if len(found) >= MOST:
                return [*found, "and perhaps more"]
            (database, key), row = rows.read(name, value, 2)
            found += _of_record(
                snapshot, (database, key), layers.RecordLayers.of_row(row).resolve(groups), marks, scopes
            )
        if applying.digest_of(snapshot) != membership.digest:
            found.append("the digest that is kept is not that of the layers")
    except (StoreError, ValueError) as error:
        found.append(f"a row cannot be read: {error}")
    return found


def is_damaged(snapshot: Snapshot) -> bool:
    """Return whether the layers of a member are not those whose digest it keeps, or cannot be read."""
    try:
        return applying.digest_of(snapshot) != member.Membership(snapshot).digest
    except StoreError:
        return True


def _of_record(
    snapshot: Snapshot,
    name: tuple[str, str],
    given: dict[str, str],
    marks: set[tuple[str, str, str]],
    scopes: Scopes | None,
) -> list[str]:
    record = snapshot.record(*name)
    has = {} if record is None else {"": record.type, **record.props}
    found = []
    for prop, value in given.items():
        if (*name, prop) in marks or has.get(prop) == value:
            continue
        if record is None and ("" not in given or (*name, "") in marks):
            continue  # without a type nothing of it shows
        if scopes is not None and scopes.is_host(*name, prop, types=(given.get(""),)):
            continue
        words = " ".join(part for part in (*name, prop) if part)
        found.append(f"{words} is not what the layers say")
    return found
