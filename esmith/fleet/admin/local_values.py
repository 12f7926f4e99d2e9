"""``esmith fleet push`` and ``drop``: what was set for this server alone becomes the fleet's, or gives way to it."""

from __future__ import annotations

from esmith.errors import UsageError
from esmith.fleet.admin.membership import require_member
from esmith.fleet.replica import overrides, settling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.fleet.replica.overrides import Cell
    from esmith.store.model import Author
    from esmith.store.protocol import Snapshot, Store


def push(store: Store, words: Sequence[str], author: Author) -> tuple[list[Cell], list[str]]:
    """Give the fleet what was set for this server alone, and return the cells and lines for people.

    :param words: database, key, and perhaps the property; none for all that was set while etcd was away.
    :raises UsageError: when nothing of it was set for this server alone.
    :raises BehindError: when another server was quicker; it can be done again.
    :raises StoreError: when the fleet does not take it; nothing was changed.
    """
    with store.transaction(author, "") as transaction:
        require_member(transaction)
        cells = marked(transaction, words)
        settling.push(transaction, cells)
    return cells, list(transaction.notes)


def drop(store: Store, words: Sequence[str], author: Author) -> list[Cell]:
    """Have the fleet's values show again, in the place of those of this server alone, and return the cells.

    :param words: as for :func:`push`.
    :raises UsageError: when nothing of it was set for this server alone.
    """
    with store.transaction(author) as transaction:
        require_member(transaction)
        cells = marked(transaction, words)
        settling.drop(transaction, cells)
    return cells


def marked(snapshot: Snapshot, words: Sequence[str]) -> list[Cell]:
    """Return the cells with a value of this server alone that are meant.

    :param words: as for :func:`push`.
    :raises UsageError: when there is none.
    """
    if len(words) not in (0, 2, 3):
        raise UsageError(
            "a setting is DATABASE KEY PROP, a record DATABASE KEY", hint="as here: configuration qpsmtpd DNSBL"
        )
    found = [
        cell
        for cell, mark in overrides.all_marks(snapshot)
        if (cell[: len(words)] == tuple(words) if words else mark.kind == overrides.LOCAL)
    ]
    if not found:
        what = " ".join(words)
        raise UsageError(
            f"{what} is not set for this server alone" if words else "nothing was set while etcd was away",
            hint="what is set for this server alone: config show --layers RECORD",
        )
    return found
