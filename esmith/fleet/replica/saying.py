"""What a command prints about a change on a member of a fleet: for whom it counts, in one line a layer."""

from __future__ import annotations

from esmith.fleet.names import FLEET, GROUP
from esmith.fleet.replica import member, overrides
from esmith.names import counted
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.fleet.replica.member import Membership
    from esmith.fleet.replica.sorting import Sorting
    from esmith.store.protocol import Transaction

#: How many settings, hosts and hidden values are named.
_MOST = 5


def say(transaction: Transaction, sorting: Sorting) -> None:
    """Add to the notes of a transaction what was changed for whom; nothing for the engine.

    :param sorting: what was changed, as it is stored now.
    """
    if transaction.layer is None:
        return
    membership = member.Membership(transaction)
    changed = sorted({change[0] for change in sorting.changes}, key=lambda name: (name != FLEET, name))
    notes = [_for_whom(membership, layer) for layer in changed]
    shared = {change[1:] for change in sorting.changes}
    here = [_words(*cell[:3]) for cell in sorting.host if cell not in shared]
    if here:
        how = "only of this host, until it is pushed" if transaction.layer == overrides.LOCAL else "only of this host"
        notes.append(f"{how}: {_listed(here)}")
    elif not sorting.changes and sorting.before:
        notes.append(f"{_called(str(transaction.layer))} has it so already")
    transaction.notes = [*notes, *_hidden(transaction, membership, sorting)[:_MOST]]


def _for_whom(membership: Membership, layer: str) -> str:
    hosts = membership.hosts_of(layer)
    if layer == FLEET:
        return f"changed for the fleet: {counted(len(hosts), 'host')}"
    if not hosts:
        groups = sorted({group for names in membership.members().values() for group in names})
        return f"changed for {_called(layer)}, in which no host is; hosts are in: {_listed(groups) or 'no group'}"
    return f"changed for {_called(layer)}: {counted(len(hosts), 'host')} ({_listed(hosts)})"


def _hidden(transaction: Transaction, membership: Membership, sorting: Sorting) -> list[str]:
    """Return what was set and does not show on this host, with the reason, a line each."""
    found: list[str] = []
    for layer, database, key, prop, value in sorting.changes:
        group = layer.removeprefix(GROUP)
        if layer != FLEET and group not in membership.groups:
            line = f"this host is not in {_called(layer)}, and stays as it is"
            if line not in found:
                found.append(line)
            continue
        if value is None or transaction.prop(database, key, prop) == value:
            continue
        what = _words(database, key, prop)
        if overrides.of_cell(transaction, database, key, prop) is not None:
            found.append(f"this host has another value of {what} of its own, which goes before")
            continue
        nearer = membership.layers(database, key).layer_of(membership.groups, prop)
        if nearer not in (None, layer):
            found.append(f"{_called(str(nearer))} has another value of {what} and wins on this host")
    return found


def _called(layer: str) -> str:
    return "the fleet" if layer == FLEET else f"group {layer.removeprefix(GROUP)}"


def _words(database: str, key: str, prop: str) -> str:
    return " ".join(printable(part) for part in (database, key, prop) if part)


def _listed(names: list[str]) -> str:
    """Return names for a sentence, the first few where there are many."""
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")
